"""The head of a CAMT statement: account, balances, period and control figures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final
from xml.etree.ElementTree import Element

from payments.core.calendar import local_day
from reconciliation.formats import figures
from reconciliation.formats.camt.names import Names, figure
from reconciliation.formats.parts import Figure, Start, Tally
from reconciliation.formats.refusals import (
    MissingFigure,
    MixedCurrencies,
    RepeatedFigure,
    UnreadableAmount,
)

OPENING: Final = ("OPBD", "PRCD")
"""ISO 20022 ExternalBalanceType1Code: opening booked, else the previous closing booked."""
CLOSING: Final = "CLBD"

_TOTALS: Final = (
    ("TtlNtries", Figure.COUNT, Figure.SUM),
    ("TtlCdtNtries", Figure.CREDIT_COUNT, Figure.CREDIT_SUM),
    ("TtlDbtNtries", Figure.DEBIT_COUNT, Figure.DEBIT_SUM),
)
_MOST_COUNT_DIGITS: Final = 15


@dataclass(frozen=True, slots=True)
class Kind:
    """One of the three messages: what an account's part of it is called, and the message itself."""

    part: str
    format: str
    message: str | None
    """Its name where it tells of the day and is no statement."""


class Head:
    """What a statement says of itself before its first entry."""

    def __init__(
        self, statement: Element, kind: Kind, *, names: Names, line: int, entry: Element | None
    ) -> None:
        self.names, self.line = names, line
        account = names.only(statement, "Acct", line=line)
        balances = list(names.children(statement, "Bal"))
        self.currency = self._currency(account, balances, entry)
        booked = self._balances(balances)
        self.closing = booked.get(CLOSING)
        self.start = Start(
            format=kind.format,
            account=self._account(account),
            currency=self.currency,
            opening=next((booked[code] for code in OPENING if code in booked), None),
            from_day=self._period_day(statement, "Fr"),
            to_day=self._period_day(statement, "To"),
            number=figures.words(names.text(statement, "Id") or "") or None,
            sequence=self._sequence(statement),
            message=kind.message,
        )
        self.tally = Tally(self.start.opening)
        summary = names.child(statement, "TxsSummry")
        if summary is not None:
            self._take_totals(summary)

    def _account(self, account: Element) -> str:
        number = self.names.account_number(account)
        if number is None:
            raise MissingFigure(line=self.line, what="Acct/Id")
        return "".join(number.split())

    def _currency(
        self, account: Element, balances: Sequence[Element], entry: Element | None
    ) -> str:
        """The account's currency, else its first balance's, else its first entry's."""
        told = self.names.text(account, "Ccy")
        for bearer in [*balances, entry]:
            amount = self.names.child(bearer, "Amt")
            told = told or (None if amount is None else amount.get("Ccy"))
        if told is None:
            raise MissingFigure(line=self.line, what="Acct/Ccy")
        return figures.currency_code(told, line=self.line)

    def _balances(self, balances: Sequence[Element]) -> dict[str, Decimal]:
        """The booked balances by code, negative where the account was overdrawn."""
        booked: dict[str, Decimal] = {}
        for balance in balances:
            kind = self.names.child(self.names.child(balance, "Tp"), "CdOrPrtry")
            code = self.names.text(kind, "Cd")
            if code in (*OPENING, CLOSING):
                stated = self._signed(balance)
                if booked.setdefault(code, stated) != stated:
                    raise RepeatedFigure(line=self.line, what=f"Bal/{code}")
        return booked

    def _signed(self, element: Element) -> Decimal:
        stated = self.names.only(element, "Amt", line=self.line)
        if stated.get("Ccy", self.currency) != self.currency:
            told = stated.get("Ccy", "")
            raise MixedCurrencies(line=self.line, text=told, currency=self.currency)
        amount = self._amount(figure(stated, line=self.line))
        return amount if self.names.raises_balance(element, line=self.line) else -amount

    def _amount(self, text: str) -> Decimal:
        return figures.plain_amount(text, currency=self.currency, line=self.line)

    def _period_day(self, statement: Element, end: str) -> date | None:
        period = self.names.child(statement, "FrToDt")
        text = self.names.text(period, f"{end}DtTm")
        if text is not None:
            return local_day(figures.iso_instant(text, line=self.line))
        text = self.names.text(period, f"{end}Dt")
        return None if text is None else figures.iso_day(text, line=self.line)

    def _sequence(self, statement: Element) -> int | None:
        text = self.names.text(statement, "ElctrncSeqNb")
        return None if text is None else self._count(text)

    def _count(self, text: str) -> int:
        if not (text.isascii() and text.isdigit() and len(text) <= _MOST_COUNT_DIGITS):
            raise UnreadableAmount(line=self.line, text=text)
        return int(text)

    def _take_totals(self, summary: Element) -> None:
        for name, count_figure, sum_figure in _TOTALS:
            total = self.names.child(summary, name)
            if (count := self.names.text(total, "NbOfNtries")) is not None:
                self.tally.state(count_figure, Decimal(self._count(count)))
            if (stated := self.names.text(total, "Sum")) is not None:
                self.tally.state(sum_figure, self._amount(stated))
        self._take_net(self.names.child(summary, "TtlNtries"))

    def _take_net(self, total: Element | None) -> None:
        """The net change: `TtlNetNtry` with its sign, two elements side by side up to .03."""
        net = self.names.child(total, "TtlNetNtry")
        if net is not None:
            amount = self.names.text(net, "Amt")
        else:
            net, amount = total, self.names.text(total, "TtlNetNtryAmt")
        if net is None or amount is None:
            return
        change = self._amount(amount)
        credit = self.names.raises_balance(net, line=self.line)
        self.tally.state(Figure.NET, change if credit else -change)
