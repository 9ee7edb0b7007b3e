"""Finding things in the elements of a CAMT message, whatever its namespace."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final
from xml.etree.ElementTree import Element

from reconciliation.formats.refusals import (
    MalformedField,
    MissingFigure,
    RepeatedFigure,
    UnknownIndicator,
)
from reconciliation.formats.strict_xml import SEPARATOR, local

_CREDIT: Final = {"CRDT": True, "DBIT": False}
_TRUTH: Final = {"true": True, "1": True, "false": False, "0": False}


class Names(dict[str, str]):
    """Local names to the full tags of one message: `names["Ntry"]`."""

    def __init__(self, message_tag: str) -> None:
        namespace, separator, _ = message_tag.rpartition(SEPARATOR)
        self._prefix = namespace + separator

    def __missing__(self, name: str) -> str:
        tag = self[name] = self._prefix + name
        return tag

    def child(self, element: Element | None, name: str) -> Element | None:
        """The child of that name, None if there is none or no element to look in."""
        if element is not None:
            tag = self[name]
            for child in element:
                if child.tag == tag:
                    return child
        return None

    def children(self, element: Element, name: str) -> Iterator[Element]:
        """Every child of that name, in the order of the file."""
        tag = self[name]
        return (child for child in element if child.tag == tag)

    def only(self, element: Element, name: str, *, line: int) -> Element:
        """The one child of that name; none or two are refused."""
        tag, found = self[name], None
        for child in element:
            if child.tag == tag:
                if found is not None:
                    raise RepeatedFigure(line=line, what=f"{local(element.tag)}/{name}")
                found = child
        if found is None:
            raise MissingFigure(line=line, what=f"{local(element.tag)}/{name}")
        return found

    def at_most_one(self, element: Element, name: str, *, line: int) -> Element | None:
        """The one child of that name or None; two are refused."""
        found = list(self.children(element, name))
        if len(found) > 1:
            raise RepeatedFigure(line=line, what=f"{local(element.tag)}/{name}")
        return found[0] if found else None

    def text(self, element: Element | None, *path: str) -> str | None:
        """The text at the end of `path`, None if a step is missing or the text is blank."""
        for name in path:
            element = self.child(element, name)
        return None if element is None else (element.text or "").strip() or None

    def raises_balance(self, element: Element, *, line: int) -> bool:
        """Whether `CdtDbtInd` of an entry, payment or balance says credit."""
        text = figure(self.only(element, "CdtDbtInd", line=line), line=line)
        if text not in _CREDIT:
            raise UnknownIndicator(line=line, what="CdtDbtInd", text=text)
        return _CREDIT[text]

    def account_number(self, account: Element | None) -> str | None:
        """The number in an account's identification, IBAN or any other."""
        identification = self.child(account, "Id")
        return self.text(identification, "IBAN") or self.text(identification, "Othr", "Id")


def figure(element: Element, *, line: int) -> str:
    """The text of an amount or code; with an element within, half of it would be read."""
    if len(element):
        raise MalformedField(line=line, tag=local(element.tag))
    return (element.text or "").strip()


def truth(element: Element, *, line: int) -> bool:
    """xs:boolean: `true`, `false`, `1` or `0`."""
    text = figure(element, line=line)
    if text not in _TRUTH:
        raise UnknownIndicator(line=line, what=local(element.tag), text=text)
    return _TRUTH[text]
