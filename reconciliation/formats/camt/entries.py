"""The entries of a CAMT statement and the lines they come to.

An entry is what moved the balance. Where it books a batch and its payments add up to it in its own
currency, each payment is a line, so that each can be matched; otherwise the entry is one line.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Final
from xml.etree.ElementTree import Element

from payments.core.calendar import local_day
from reconciliation.formats import figures
from reconciliation.formats.camt.names import Names, figure, truth
from reconciliation.formats.parts import Line
from reconciliation.formats.refusals import (
    MalformedField,
    MissingFigure,
    MixedCurrencies,
    UnknownIndicator,
)

BOOKED: Final = "BOOK"
NOT_BOOKED: Final = frozenset({"PDNG", "INFO", "FUTR"})
"""ISO 20022 ExternalEntryStatus1Code: pending, for information, future. They move no balance."""

ORIGINAL_REFERENCES: Final = frozenset({"OriginalReference", "ORIG", "RVSL"})
"""Types of a proprietary reference (`Refs/Prtry/Tp`) that name the entry a reversal takes back.
CAMT has no element of its own for it."""

NO_REFERENCE: Final = frozenset({"NOTPROVIDED", "NONREF"})
"""What banks write where a reference must stand and there is none."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One `Ntry`, what it does to the balance read, the rest still as it came."""

    element: Element
    amount: Decimal
    credit: bool
    booked: bool
    line: int

    @property
    def change(self) -> Decimal:
        """The amount, below zero (−0 too) if it lowers the balance."""
        return self.amount if self.credit else self.amount.copy_negate()


def read_entry(element: Element, *, names: Names, currency: str, line: int) -> Entry:
    """The entry's amount, direction and status; it must be in the account's `currency`."""
    return Entry(
        element,
        amount=_amount(element, names=names, currency=currency, line=line),
        credit=names.raises_balance(element, line=line),
        booked=_is_booked(element, names=names, line=line),
        line=line,
    )


def _amount(element: Element, *, names: Names, currency: str, line: int) -> Decimal:
    stated = names.only(element, "Amt", line=line)
    if stated.get("Ccy") != currency:
        raise MixedCurrencies(line=line, text=stated.get("Ccy", ""), currency=currency)
    amount = figures.plain_amount(figure(stated, line=line), currency=currency, line=line)
    return figures.movement(amount, line=line)


def _is_booked(element: Element, *, names: Names, line: int) -> bool:
    """Whether `Sts` says so: a text up to version .07, `Sts/Cd` since."""
    stated = names.only(element, "Sts", line=line)
    status = figure(names.only(stated, "Cd", line=line) if len(stated) else stated, line=line)
    if "".join(stated.itertext()).strip() != status:
        raise MalformedField(line=line, tag="Sts")
    if status == BOOKED:
        return True
    if status not in NOT_BOOKED:
        raise UnknownIndicator(line=line, what="Sts", text=status)
    return False


@dataclass(frozen=True, slots=True)
class _Booking:
    """What all lines of an entry share."""

    day: date
    value_day: date | None
    booked_at: datetime | None
    reference: str | None
    reversal: bool
    told: str | None
    currency: str


def lines_of(entry: Entry, *, names: Names, currency: str, first: int) -> list[Line]:
    """The lines of a booked entry, numbered from `first`."""
    booking = _booking(entry, names=names, currency=currency)
    payments = [
        payment
        for group in names.children(entry.element, "NtryDtls")
        for payment in names.children(group, "TxDtls")
    ]
    if len(payments) == 1:
        return [_single(entry, payments[0], booking, names=names, number=first)]
    changes = _changes(payments, entry, names=names, currency=currency)
    if payments and changes is not None and sum(changes) == entry.change:
        return [
            _part(place, payment, change, booking, names=names, number=first + place)
            for place, (payment, change) in enumerate(zip(payments, changes, strict=True))
        ]
    return [_undivided(entry, payments, booking, names=names, number=first)]


def _booking(entry: Entry, *, names: Names, currency: str) -> _Booking:
    element, line = entry.element, entry.line
    day, booked_at = _day(names.only(element, "BookgDt", line=line), names=names, line=line)
    value = names.child(element, "ValDt")
    reversal = names.at_most_one(element, "RvslInd", line=line)
    return _Booking(
        day=day,
        value_day=None if value is None else _day(value, names=names, line=line)[0],
        booked_at=booked_at,
        reference=_reference(names.text(element, "AcctSvcrRef")),
        reversal=reversal is not None and truth(reversal, line=line),
        told=names.text(element, "AddtlNtryInf"),
        currency=currency,
    )


def _day(element: Element, *, names: Names, line: int) -> tuple[date, datetime | None]:
    """A date, and the instant where one is given: `Dt` or `DtTm`."""
    text = names.text(element, "Dt")
    if text is not None:
        return figures.iso_day(text, line=line), None
    text = names.text(element, "DtTm")
    if text is None:
        raise MissingFigure(line=line, what="Dt")
    instant = figures.iso_instant(text, line=line)
    return local_day(instant), instant


def _changes(
    payments: list[Element], entry: Entry, *, names: Names, currency: str
) -> list[Decimal] | None:
    """What each payment of a batch does to the balance; None if one is not told in `currency`."""
    changes = []
    for payment in payments:
        stated = names.child(payment, "Amt")
        if stated is None:  # version .02 tells it one step lower
            stated = names.child(names.child(names.child(payment, "AmtDtls"), "TxAmt"), "Amt")
        if stated is None or stated.get("Ccy") != currency:
            return None
        text = figure(stated, line=entry.line)
        amount = figures.plain_amount(text, currency=currency, line=entry.line)
        told = names.child(payment, "CdtDbtInd") is not None
        credit = names.raises_balance(payment, line=entry.line) if told else entry.credit
        figures.movement(amount, line=entry.line)
        changes.append(amount if credit else amount.copy_negate())
    return changes


def _single(
    entry: Entry, payment: Element, booking: _Booking, *, names: Names, number: int
) -> Line:
    """The line of an entry that books one payment, by far the most."""
    reference = booking.reference or _own_reference(payment, names=names)
    memo = _memo(payment, names=names) or booking.told or _end_to_end(payment, names=names)
    return _line(
        booking, entry.change, number, reference=reference, identity=reference,
        memo=memo, payment=payment, names=names,
    )  # fmt: skip


def _part(
    place: int, payment: Element, change: Decimal, booking: _Booking, *, names: Names, number: int
) -> Line:
    """The line of one payment of a batch; the entry's reference is the batch's, not its own."""
    reference = _own_reference(payment, names=names)
    batch = booking.reference and f"{booking.reference}/{place}"
    return _line(
        booking, change, number, reference=reference, identity=reference or batch,
        memo=_memo(payment, names=names) or _end_to_end(payment, names=names),
        payment=payment, names=names,
    )  # fmt: skip


def _undivided(
    entry: Entry, payments: list[Element], booking: _Booking, *, names: Names, number: int
) -> Line:
    """The line of an entry without details, or whose details do not come to it."""
    memos = [memo for payment in payments if (memo := _memo(payment, names=names))]
    return _line(
        booking, entry.change, number, reference=booking.reference, identity=booking.reference,
        memo=" + ".join(memos) or booking.told, payment=None, names=names,
    )  # fmt: skip


def _line(
    booking: _Booking,
    change: Decimal,
    number: int,
    *,
    reference: str | None,
    identity: str | None,
    memo: str | None,
    payment: Element | None,
    names: Names,
) -> Line:
    credit = not change.is_signed()
    account, name = _other_side(payment, names=names, receives=credit != booking.reversal)
    return Line(
        number=number,
        day=booking.day,
        value_day=booking.value_day,
        booked_at=booking.booked_at,
        amount=abs(change),
        credit=credit,
        bank_reference=reference,
        memo=figures.words(memo or ""),
        payer_account=account,
        payer_name=name,
        balance=None,
        reversal=booking.reversal,
        reverses=_reverses(payment, names=names) if booking.reversal else None,
        stable_id=identity and f"{identity}:{change}",
        currency=booking.currency,
        virtual_account=_paid_to(payment, names=names) if credit else None,
    )


def _paid_to(payment: Element | None, *, names: Names) -> str | None:
    """The creditor's account: the statement's own, or a virtual one that leads to it."""
    return names.account_number(names.child(names.child(payment, "RltdPties"), "CdtrAcct"))


def _other_side(
    payment: Element | None, *, names: Names, receives: bool
) -> tuple[str | None, str | None]:
    """Account and name of the payer where the account receives, else of the payee.

    In a reversal the parties stand as in the payment taken back.
    """
    parties = names.child(payment, "RltdPties")
    role = "Dbtr" if receives else "Cdtr"
    party = names.child(parties, role)
    name = names.text(party, "Nm") or names.text(party, "Pty", "Nm")
    account = names.account_number(names.child(parties, f"{role}Acct"))
    return account and "".join(account.split()), name and figures.words(name)


def _memo(payment: Element, *, names: Names) -> str | None:
    """What the payer wrote: free text, else a creditor's reference, else the bank's words."""
    remittance = names.child(payment, "RmtInf")
    if remittance is not None:
        free = [child.text or "" for child in names.children(remittance, "Ustrd")]
        if memo := " ".join(free).strip():
            return memo
        for structured in names.children(remittance, "Strd"):
            if reference := names.text(structured, "CdtrRefInf", "Ref"):
                return reference
    return names.text(payment, "AddtlTxInf")


def _end_to_end(payment: Element, *, names: Names) -> str | None:
    return _reference(names.text(payment, "Refs", "EndToEndId"))


def _own_reference(payment: Element, *, names: Names) -> str | None:
    return _reference(names.text(payment, "Refs", "AcctSvcrRef"))


def _reference(text: str | None) -> str | None:
    return None if text is None or text in NO_REFERENCE else figures.words(text)


def _reverses(payment: Element | None, *, names: Names) -> str | None:
    references = names.child(payment, "Refs")
    if references is not None:
        for proprietary in names.children(references, "Prtry"):
            if names.text(proprietary, "Tp") in ORIGINAL_REFERENCES:
                return _reference(names.text(proprietary, "Ref"))
    return None
