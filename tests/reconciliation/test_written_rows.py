"""How often PostgreSQL writes a request, and whether into its indexes too; SQLite does not tell."""

from __future__ import annotations

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from payments import payment_requests
from tests.bank import BankLine, a_statement, run
from tests.builders import NOON, Province, a_payment_request, a_province, paid


@pytest.fixture
def province(session: Session) -> Province:
    """A province with one paid request, which a statement shows."""
    if session.get_bind().dialect.name != "postgresql":
        pytest.skip("SQLite does not tell how often it wrote a row")
    province = a_province(session)
    request = a_payment_request(province)
    paid(province, request)
    a_statement(province, BankLine(50_000, f"nop phi {request.reference}"))
    return province


def written(session: Session, *, how: str = "updated") -> int:
    """How many times this transaction changed requests; `hot_updated`: no index was touched."""
    asked = f"SELECT pg_stat_get_xact_tuples_{how}('payment_request'::regclass)"
    return int(session.scalar(text(asked)) or 0)


def test_a_statement_confirms_a_request_without_its_indexes(province: Province) -> None:
    """There are a dozen of them: to write each anew doubled what the update costs."""
    session = province.session
    before, light = written(session), written(session, how="hot_updated")

    run(province)

    assert written(session) - before == 1
    assert written(session, how="hot_updated") - light == 1


def test_what_is_announced_is_written_once(province: Province) -> None:
    """When it was reconciled and the number of the news: one change of the row."""
    session = province.session
    run(province)
    before = written(session)

    assert payment_requests.announce_reconciled(session, province.account.id, now=NOON) == 1

    assert written(session) - before == 1
    assert payment_requests.announce_reconciled(session, province.account.id, now=NOON) == 0
