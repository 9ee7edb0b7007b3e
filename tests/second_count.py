"""A second count of paid fees, by another hand: DuckDB over the raw tables as CSV files.

It knows nothing of roll-ups or of our SQL. It goes another way, too: from requests that are paid,
what their lines say was given back, and the days of their credits, where the roll-up adds up what
was allocated day by day.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final

import duckdb
from sqlalchemy import select
from sqlalchemy.orm import Session

from payments.agencies import Agency
from payments.core.database import table_of
from payments.fees import Fee
from tests.province_year import (
    ALLOCATION,
    CASH,
    CASH_LINE,
    CREDIT,
    EVIDENCE,
    LINE,
    RECEIPT,
    REQUEST,
)

EXPORTED: Final = {
    table_of(Agency): "id code parent_id",
    table_of(Fee): "id code",
    REQUEST: "id reference agency_id channel status amount refunded issued_at paid_at",
    LINE: "id payment_request_id fee_id amount refunded",
    CREDIT: "id day memo virtual_account match_id booked_at settled_at payer_key",
    ALLOCATION: "payment_request_line_id credit_id amount",
    EVIDENCE: "id credit_id source",
    CASH: "id agency_id channel reason state taken_on taken_at",
    CASH_LINE: "cash_collection_id fee_id amount",
    RECEIPT: "id payment_request_id state issued_at replaces_id",
}
"""The raw tables and the columns that are exported of each."""

Figures = tuple[int, int, int, int, int, int]
"""Fees and đồng without cash, in cash, and waiting."""

_FEES: Final = """
CREATE TABLE pays AS
  SELECT DISTINCT payment_request_line_id AS line, credit_id FROM allocation
  GROUP BY ALL HAVING sum(amount) > 0;
CREATE TABLE last_credit AS
  SELECT line, max(id) AS credit_id, max(day) AS day, count(*) > count(match_id) AS waiting
  FROM pays JOIN credit ON credit.id = pays.credit_id GROUP BY line;
CREATE TABLE told AS SELECT credit_id, arg_min(source, id) AS source FROM evidence GROUP BY ALL;
CREATE TABLE paid AS
  SELECT r.agency_id, f.code AS fee, r.channel, last_credit.day, l.amount - l.refunded AS amount,
    CASE WHEN c.virtual_account IS NOT NULL
           OR regexp_replace(upper(c.memo), '[^0-9A-Z]', '', 'g') LIKE '%' || r.reference || '%'
      THEN 'qr' ELSE 'transfer' END AS means,
    coalesce(told.source, 'statement') AS detail,
    last_credit.waiting,
    r.id AS request, c.payer_key, c.booked_at AS moment
  FROM payment_request r
  JOIN payment_request_line l ON l.payment_request_id = r.id
  JOIN fee f ON f.id = l.fee_id
  JOIN last_credit ON last_credit.line = l.id
  JOIN credit c ON c.id = last_credit.credit_id
  LEFT JOIN told ON told.credit_id = c.id
  WHERE r.status = 'paid' AND l.amount > l.refunded
  UNION ALL
  SELECT k.agency_id, f.code, k.channel, k.taken_on, l.amount, 'cash', k.reason, false,
    NULL, NULL, k.taken_at
  FROM cash_collection k
  JOIN cash_collection_line l ON l.cash_collection_id = k.id
  JOIN fee f ON f.id = l.fee_id
  WHERE k.state = 'taken' AND l.amount > 0;
CREATE TABLE above AS
  WITH RECURSIVE up(agency_id, unit_id) AS (
    SELECT id, id FROM agency
    UNION ALL SELECT up.agency_id, a.parent_id FROM up JOIN agency a ON a.id = up.unit_id
    WHERE a.parent_id IS NOT NULL)
  SELECT up.agency_id, a.code AS unit FROM up JOIN agency a ON a.id = up.unit_id;
"""

_SUMS: Final = """
  count(*) FILTER (means <> 'cash' AND NOT waiting),
  coalesce(sum(amount) FILTER (means <> 'cash' AND NOT waiting), 0)::BIGINT,
  count(*) FILTER (means = 'cash'),
  coalesce(sum(amount) FILTER (means = 'cash'), 0)::BIGINT,
  count(*) FILTER (waiting),
  coalesce(sum(amount) FILTER (waiting), 0)::BIGINT
"""

LOCAL: Final = "({0} + INTERVAL 7 HOUR)"
"""What a clock in Viet Nam shows; instants are exported as UTC without a zone."""


class SecondCount:
    """The figures of an export, by questions of its own."""

    def __init__(self, folder: Path) -> None:
        self._duck = duckdb.connect()
        for table in EXPORTED:
            path = folder / f"{table.name}.csv"
            self._duck.execute(
                f"CREATE TABLE {table.name} AS FROM read_csv(?, header = true, sample_size = -1)",
                [str(path)],
            )
        self._duck.execute(_FEES)

    def cut(
        self, key: str, *, first: date, last: date, top: str | None = None
    ) -> Mapping[str, Figures]:
        """The fees of a period by a DuckDB expression over `paid`, under the unit `top`."""
        rows = self._duck.execute(
            f"SELECT {key} AS key, {_SUMS} FROM paid WHERE day BETWEEN $1 AND $2"
            f" AND ($3 IS NULL OR agency_id IN (SELECT agency_id FROM above WHERE unit = $3))"
            f" GROUP BY key",
            [first, last, top],
        ).fetchall()
        return {str(key): tuple(figures) for key, *figures in rows}

    def units(self, *, first: date, last: date) -> Mapping[str, Figures]:
        """The fees of each unit with all below it."""
        rows = self._duck.execute(
            f"SELECT unit, {_SUMS} FROM paid JOIN above USING (agency_id)"
            f" WHERE day BETWEEN $1 AND $2 GROUP BY unit",
            [first, last],
        ).fetchall()
        return {unit: tuple(figures) for unit, *figures in rows}

    def hours(self, *, first: date, last: date) -> Mapping[tuple[int | None, bool], int]:
        """Fees by the hour, None where the bank tells none, and by whether it was cash."""
        local = LOCAL.format("moment")
        rows = self._duck.execute(
            f"SELECT CASE WHEN {local}::TIME <> '00:00' THEN hour({local}) END AS h,"
            f" means = 'cash' AS cash, count(*) FROM paid WHERE day BETWEEN $1 AND $2 GROUP BY ALL",
            [first, last],
        ).fetchall()
        return {(hour, cash): number for hour, cash, number in rows}

    def payers(self, *, first: date, last: date) -> Mapping[str, tuple[int, int, int]]:
        """Of each unit: payers, those for the first time, those with two requests or more."""
        rows = self._duck.execute(
            "WITH began AS (SELECT payer_key, min(day) AS began FROM paid GROUP BY ALL),"
            " used AS (SELECT unit, payer_key, count(DISTINCT request) AS requests FROM paid"
            "  JOIN above USING (agency_id)"
            "  WHERE day BETWEEN $1 AND $2 AND payer_key IS NOT NULL GROUP BY ALL)"
            " SELECT unit, count(*), count(*) FILTER (began >= $1), count(*) FILTER (requests > 1)"
            " FROM used JOIN began USING (payer_key) GROUP BY unit",
            [first, last],
        ).fetchall()
        return {unit: (payers, first_time, repeat) for unit, payers, first_time, repeat in rows}

    def one(self, question: str) -> Any:
        """The answer to a question of one figure."""
        row = self._duck.execute(question).fetchone()
        assert row is not None
        return row[0]

    def bands(self, seconds: str, rows: str) -> Mapping[str, int]:
        """How many waits of so many seconds there are in each band."""
        found = self._duck.execute(
            f"SELECT CASE WHEN s <= 60 THEN 'minute' WHEN s <= 900 THEN 'quarter'"
            f" WHEN s <= 3600 THEN 'hour' WHEN s <= 86400 THEN 'day' WHEN s <= 259200"
            f" THEN 'three_days' WHEN s <= 604800 THEN 'week' ELSE 'longer' END AS band, count(*)"
            f" FROM (SELECT {seconds} AS s FROM {rows}) GROUP BY band"
        ).fetchall()
        return dict(found)


def export(session: Session, folder: Path) -> None:
    """Writes each raw table as a CSV file, as it stands."""
    for table, names in EXPORTED.items():
        columns = [table.c[name] for name in names.split()]
        rows = session.execute(select(*columns).execution_options(yield_per=20_000))
        with (folder / f"{table.name}.csv").open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(names.split())
            writer.writerows(_told(row) for row in rows)


def _told(row: Any) -> Iterator[Any]:
    for value in row:
        in_utc = isinstance(value, datetime)
        yield value.astimezone(UTC).replace(tzinfo=None).isoformat(" ") if in_utc else value
