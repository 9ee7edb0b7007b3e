"""Saved layouts of sheets: drafted on a sample, saved by one person, confirmed by another.

A saved layout is known to every reader that has a database, as those of `layouts.toml` are. It is
never overwritten: a new version is saved beside it and replaces it once confirmed. Until a second
person has confirmed a layout, files in it can be looked at and not booked, since one wrong column
would book money upside down. Where the file of layouts names a layout, it hides the saved one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from payments.core import approvals, audit, files
from payments.core.approvals import ShownChanged
from payments.core.errors import Conflict, NotFound
from reconciliation import formats
from reconciliation.formats.choices import Choices
from reconciliation.formats.descriptions import every_layout, load, named
from reconciliation.formats.layouts import Layout
from reconciliation.formats.trials import LayoutClashes, Trial, clashing
from reconciliation.statements.reading import Layouts, Received
from reconciliation.statements.tables import LayoutDraft, LayoutState, StatementLayout

CONFIRM: Final = "layout.confirm"

_MEDIA_TYPE: Final = "application/octet-stream"


class LayoutNotConfirmed(Conflict):
    """No second person has confirmed the layout of this sheet, or it was withdrawn meanwhile."""

    code = "layout_not_confirmed"


class LayoutNameTaken(Conflict):
    """A layout or format that was not saved here has that name."""

    code = "layout_name_taken"


class LayoutWaits(Conflict):
    """A version of the layout waits to be confirmed; there is one at a time."""

    code = "layout_waits"


class LayoutEnded(Conflict):
    """The layout is not what it was on the page: it was decided on, replaced or withdrawn."""

    code = "layout_ended"


class UnknownLayout(NotFound):
    """There is no draft or saved layout of that number."""

    code = "unknown_layout"


def draft(
    session: Session,
    sample: Received,
    choices: Choices,
    *,
    name: str,
    further: str,
    by: str,
    now: datetime,
) -> LayoutDraft:
    """Keeps a sample and what its header most likely means, for a person to complete.

    `further` are the layouts of the file, in TOML. Raises `WrongLayout` for a name that is none,
    or `LayoutNameTaken`.
    """
    named(name)
    if name in formats.formats_with(further):
        raise LayoutNameTaken(layout=name)
    kept = files.store(session, sample.content, media_type=_MEDIA_TYPE)
    row = LayoutDraft(
        public_id=str(uuid7()),
        name=name,
        filename=sample.filename[:200],
        stored_file_id=kept,
        choices=choices.told(),
        drafted_at=now,
        drafted_by=by,
    )
    session.add(row)
    session.flush()
    _tell(session, "layout.drafted", row, by=by, now=now, sample=sample.sha256)
    return row


def amend(session: Session, row: LayoutDraft, choices: Choices) -> None:
    """Keeps the answers given so far."""
    row.choices = choices.told()
    session.flush()


def discard(session: Session, row: LayoutDraft, *, by: str, now: datetime) -> None:
    """Forgets a draft."""
    _tell(session, "layout.draft_discarded", row, by=by, now=now)
    session.delete(row)
    session.flush()


def save(
    session: Session,
    row: LayoutDraft,
    trial: Trial,
    *,
    choices: Choices,
    further: str,
    reason: str,
    by: str,
    now: datetime,
) -> StatementLayout:
    """Saves a draft as the next version of its name, and proposes it to a second person.

    `trial` is what came of the `choices`. Raises what `Trial.refuse_unfit` raises, `LayoutClashes`,
    `LayoutWaits`, `ShownChanged` where the draft has other answers by now, or `NoReasonGiven`.
    """
    trial.refuse_unfit()
    session.refresh(row, with_for_update=True)
    if Choices.heard(row.choices) != choices:
        raise ShownChanged
    _refuse_clashes(session, trial.described, further)
    if _of_name(session, row.name, LayoutState.WAITING) is not None:
        raise LayoutWaits(layout=row.name)
    before = session.scalar(
        select(func.max(StatementLayout.version)).where(StatementLayout.name == row.name)
    )
    saved = StatementLayout(
        public_id=str(uuid7()),
        name=row.name,
        version=(before or 0) + 1,
        described=trial.described,
        choices=row.choices,
        filename=row.filename,
        stored_file_id=row.stored_file_id,
        reason=approvals.given(reason),
        state=LayoutState.WAITING,
        saved_at=now,
        saved_by=by,
    )
    session.add(saved)
    session.delete(row)
    session.flush()
    approvals.propose(
        session, CONFIRM, _subject(saved), shown=_shown(saved), reason=reason, by=by, now=now
    )
    _tell(session, "layout.saved", saved, by=by, now=now, **_shown(saved))
    return saved


def confirm(
    session: Session, saved: StatementLayout, *, further: str, by: str, now: datetime
) -> None:
    """Lets a saved layout read files for booking; it replaces the version before.

    Raises `LayoutEnded`, `SamePerson`, `ShownChanged` or `LayoutClashes`.
    """
    waiting = _hold(session, saved, LayoutState.WAITING)
    _refuse_clashes(session, saved.described, further)
    approvals.approve(session, waiting, shown=_shown(saved), by=by, now=now)
    before = _of_name(session, saved.name, LayoutState.ACTIVE)
    if before is not None:
        _end(session, before, LayoutState.REPLACED, reason=saved.reason, by=by, now=now)
    saved.state, saved.confirmed_by, saved.confirmed_at = LayoutState.ACTIVE.value, by, now
    session.flush()
    _tell(session, "layout.confirmed", saved, by=by, now=now, **_shown(saved))


def decline(
    session: Session, saved: StatementLayout, *, reason: str, by: str, now: datetime
) -> None:
    """Says no to a saved layout. Raises `LayoutEnded`, `SamePerson` or `NoReasonGiven`."""
    waiting = _hold(session, saved, LayoutState.WAITING)
    approvals.decline(session, waiting, reason=reason, by=by, now=now)
    _end(session, saved, LayoutState.DECLINED, reason=reason, by=by, now=now)


def withdraw(
    session: Session, saved: StatementLayout, *, reason: str, by: str, now: datetime
) -> None:
    """Stops reading by a layout; one that waits is taken back by whoever saved it.

    What it read stays as it is. Raises `LayoutEnded`, `NotTheMaker` or `NoReasonGiven`.
    """
    approvals.given(reason)
    session.refresh(saved, with_for_update=True)
    if saved.state == LayoutState.WAITING:
        approvals.withdraw(session, _hold(session, saved, LayoutState.WAITING), by=by, now=now)
    elif saved.state != LayoutState.ACTIVE:
        raise LayoutEnded(layout=saved.name)
    _end(session, saved, LayoutState.WITHDRAWN, reason=reason, by=by, now=now)


def in_use(session: Session, further: str) -> Layouts:
    """The layouts of the file, in TOML, and the saved ones: active, or waiting where none is.

    Raises `WrongLayout` where the file cannot be read.
    """
    rows = _live(session, hidden=formats.formats_with(further).keys() - every_layout().keys())
    pieces = [further, *(row.described for row in rows)]
    return Layouts("\n".join(filter(None, pieces)), {row.name: row.id for row in rows})


def all_known(session: Session, further: str) -> Mapping[str, Layout]:
    """Every layout a reader has, ours, the file's and the saved ones, by name."""
    return {**every_layout(), **load(in_use(session, further).described)}


def refuse_unconfirmed(session: Session, ids: Iterable[int | None]) -> None:
    """Holds the saved layouts of those ids; raises `LayoutNotConfirmed` if one is not active."""
    rows = session.scalars(
        select(StatementLayout)
        .where(StatementLayout.id.in_({one for one in ids if one is not None}))
        .order_by(StatementLayout.id)
        .with_for_update(read=True)
        .execution_options(populate_existing=True)
    )
    for row in rows:
        if row.state != LayoutState.ACTIVE:
            raise LayoutNotConfirmed(layout=row.name)


def saved_ones(session: Session, *, most: int) -> Sequence[StatementLayout]:
    """The saved layouts, each name's newest version first."""
    rows = select(StatementLayout).order_by(StatementLayout.name, StatementLayout.version.desc())
    return session.scalars(rows.limit(most)).all()


def drafts(session: Session, *, most: int) -> Sequence[LayoutDraft]:
    """What is still worked on, the newest first."""
    return session.scalars(select(LayoutDraft).order_by(LayoutDraft.id.desc()).limit(most)).all()


def saved_one(session: Session, public_id: str) -> StatementLayout:
    """The saved layout of that public number. Raises `UnknownLayout`."""
    found = session.scalar(select(StatementLayout).where(StatementLayout.public_id == public_id))
    if found is None:
        raise UnknownLayout(layout=public_id[:40])
    return found


def draft_of(session: Session, public_id: str) -> LayoutDraft:
    """The draft of that public number. Raises `UnknownLayout`."""
    found = session.scalar(select(LayoutDraft).where(LayoutDraft.public_id == public_id))
    if found is None:
        raise UnknownLayout(layout=public_id[:40])
    return found


def sample_of(session: Session, row: LayoutDraft | StatementLayout) -> Received:
    """The file a layout was made on."""
    return Received(files.fetch(session, row.stored_file_id).content, row.filename)


def _live(session: Session, *, hidden: Collection[str]) -> list[StatementLayout]:
    live = (LayoutState.ACTIVE, LayoutState.WAITING)
    rows = session.scalars(
        select(StatementLayout)
        .where(StatementLayout.state.in_(live))
        .order_by(StatementLayout.name, StatementLayout.state)
    )
    by_name: dict[str, StatementLayout] = {}
    for row in rows:  # of one name the active comes first
        by_name.setdefault(row.name, row)
    return [row for name, row in by_name.items() if name not in hidden]


def _refuse_clashes(session: Session, described: str, further: str) -> None:
    clashes = clashing(described, all_known(session, further))
    if clashes:
        raise LayoutClashes(layouts=", ".join(clashes))


def _hold(session: Session, saved: StatementLayout, state: LayoutState) -> approvals.Approval:
    """Locks a layout that is in that state; the proposal that waits about it."""
    session.refresh(saved, with_for_update=True)
    waiting = approvals.live(session, CONFIRM, _subject(saved))
    if saved.state != state or waiting is None:
        raise LayoutEnded(layout=saved.name)
    return waiting


def _of_name(session: Session, name: str, state: LayoutState) -> StatementLayout | None:
    return session.scalar(
        select(StatementLayout)
        .where(StatementLayout.name == name, StatementLayout.state == state)
        .with_for_update()
    )


def _end(
    session: Session,
    saved: StatementLayout,
    state: LayoutState,
    *,
    reason: str,
    by: str,
    now: datetime,
) -> None:
    saved.state, saved.ended_by, saved.ended_at = state.value, by, now
    saved.ended_because = approvals.given(reason)
    session.flush()
    _tell(session, f"layout.{state.value}", saved, by=by, now=now, reason=saved.ended_because)


def _subject(saved: StatementLayout) -> str:
    return f"statement_layout:{saved.public_id}"


def _shown(saved: StatementLayout) -> Mapping[str, Any]:
    return {"name": saved.name, "version": saved.version, "described": saved.described}


def _tell(
    session: Session,
    action: str,
    row: LayoutDraft | StatementLayout,
    *,
    by: str,
    now: datetime,
    **details: Any,
) -> None:
    audit.append(
        session,
        actor=by,
        action=action,
        subject=f"{row.__tablename__}:{row.public_id}",
        details={"layout": row.name, **details},
        now=now,
    )
