"""A layout tried on a sample before it is kept: is it whole, does it read, does it clash."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import BinaryIO

from payments.core.errors import Conflict, Invalid
from reconciliation.formats import choices as answers
from reconciliation.formats import drafts
from reconciliation.formats.choices import Choices, Fault
from reconciliation.formats.descriptions import load
from reconciliation.formats.drafts import Preview
from reconciliation.formats.layouts import Layout, WrongLayout


class LayoutUnfinished(Invalid):
    """A layout with open or ambiguous questions; nothing is read by it."""

    code = "layout_unfinished"


class SampleUnreadable(Invalid):
    """The sample cannot be read by its layout, or holds no line to try it on."""

    code = "layout_sample_unreadable"


class SampleUnbalanced(Invalid):
    """The sample's figures do not add up by the layout: most likely a column is taken wrongly."""

    code = "layout_sample_unbalanced"


class LayoutClashes(Conflict):
    """A header row could be that of this layout and of another one: nobody could tell which."""

    code = "layout_clashes"


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of trying: `preview` is None while there are faults or the layout is wrong."""

    faults: Sequence[Fault]
    wrong: WrongLayout | None
    clashes: Sequence[str]
    described: str = field(repr=False)
    preview: Preview | None

    def refuse_unfit(self) -> None:
        """Returns where the layout may be kept.

        Raises `LayoutUnfinished`, `WrongLayout`, `SampleUnreadable`, `SampleUnbalanced` or
        `LayoutClashes`.
        """
        if self.wrong is not None:
            raise self.wrong
        if self.preview is None:
            raise LayoutUnfinished(open=len(self.faults))
        if self.preview.refusals or self.preview.end is None or not self.preview.lines:
            raise SampleUnreadable(refused=len(self.preview.refusals))
        if self.preview.end.balanced is False:
            raise SampleUnbalanced
        if self.clashes:
            raise LayoutClashes(layouts=", ".join(self.clashes))


def tried(stream: BinaryIO, choices: Choices, *, name: str, others: Mapping[str, Layout]) -> Trial:
    """What the choices make of a sample; `others` are the layouts it must be told from.

    A layout of the same name among them is the one it replaces.
    """
    found = answers.faults(choices)
    described = answers.described(choices, name)
    if found:
        return Trial(found, None, (), described, preview=None)
    try:
        clashes = clashing(described, others)
    except WrongLayout as wrong:
        return Trial((), wrong, (), described, preview=None)
    return Trial((), None, clashes, described, preview=drafts.preview(stream, described))


def clashing(described: str, others: Mapping[str, Layout]) -> list[str]:
    """The names of layouts that share a header with the one described. Raises `WrongLayout`."""
    [(name, layout)] = load(described).items()
    return [
        known for known, other in others.items() if known != name and layout.clashes_with(other)
    ]
