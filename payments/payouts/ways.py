"""Which way fees go on a day: the routes in force, found by agency, kind and sub-item."""

from __future__ import annotations

from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from payments import agencies
from payments.agencies import Agency, UnknownAgency
from payments.core.validity import valid_on
from payments.payouts.routes import RemittanceRoute, RouteState


class Ways:
    """Where fees go on a day: the nearest route upwards, at one agency the sub-item's own first.

    Of several in force for the same fees the latest to begin goes first: a temporary one in its
    days. An agency that has ended goes by its successor's.
    """

    def __init__(self, session: Session, *, on: date) -> None:
        rows = session.execute(
            select(RemittanceRoute, Agency.code)
            .join(Agency, Agency.id == RemittanceRoute.agency_id)
            .where(
                RemittanceRoute.state == RouteState.APPROVED.value, valid_on(RemittanceRoute, on)
            )
            .order_by(RemittanceRoute.valid_from, RemittanceRoute.id)
        )
        self._routes = {(code, one.kind, one.sub_item): one for one, code in rows}
        self._session, self._on = session, on
        self._lines: dict[int, list[str]] = {}

    def of(self, agency_id: int, kind: str, sub_item: str) -> RemittanceRoute | None:
        """The route of an agency's fees; None where nobody has decided one."""
        for code in self._line(agency_id):
            for item in (sub_item, None):
                found = self._routes.get((code, kind, item))
                if found is not None:
                    return found
        return None

    def _line(self, agency_id: int) -> list[str]:
        if agency_id not in self._lines:
            self._lines[agency_id] = _line_up(self._session, agency_id, on=self._on)
        return self._lines[agency_id]


def forwards(session: Session) -> bool:
    """Whether any route was ever decided: else fees are forwarded by somebody else's system."""
    decided = select(RemittanceRoute.id).where(RemittanceRoute.state == RouteState.APPROVED.value)
    return session.scalar(decided.limit(1)) is not None


def _line_up(session: Session, agency_id: int, *, on: date) -> list[str]:
    """The codes from an agency upwards on a day, or from whoever goes on with its work."""
    number: int | None = agency_id
    while number is not None:
        try:
            return [one.code for one in agencies.ancestry(session, number, on=on)]
        except UnknownAgency:
            number = session.get_one(Agency, number).successor_id
    return []
