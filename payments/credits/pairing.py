"""When two messages, or a message and a statement line, speak of the same movement.

One rule table (money.md, Evidence and credits), as SQL on sets, for messages and lines alike;
account, amount and direction are always equal:

    reference   same bank reference on the same bank day
    code        the same FULL code, and not two different bank references
    payer       same payer account on the same bank day, and codes that don't contradict

Where several equal movements answer to the same key, the k-th told goes with the k-th credit, by
day and order of arrival; so n equal transfers told by m sources stay n credits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import (
    Column,
    ColumnElement,
    Subquery,
    Table,
    and_,
    exists,
    func,
    insert,
    literal,
    select,
)
from sqlalchemy.orm import Session
from sqlalchemy.sql.base import ReadOnlyColumnCollection

from payments.core.columns import Amount, Code, Day, Key
from payments.core.database import Rows, analyze, scratch, table_of, temporary
from payments.credits.tables import Credit, Evidence

CREDIT: Final = table_of(Credit)

told = Table(
    "told",
    scratch,
    Column("id", Key(), primary_key=True),
    Column("collection_account_id", Key()),
    Column("amount", Amount()),
    Column("day", Day()),
    Column("code", Code()),
    Column("payer_key", Code()),
    Column("bank_reference", Code()),
    prefixes=["TEMPORARY"],
)
"""What is to be paired: messages of one source, or statement lines, by their own numbers."""

pairing = Table(
    "pairing",
    scratch,
    Column("told_id", Key(), primary_key=True),
    Column("credit_id", Key(), unique=True),
    Column("rule", Code()),
    prefixes=["TEMPORARY"],
)
"""What was found to be the same movement: at most one credit each, and by which rule."""


@dataclass(frozen=True)
class _Step:
    """One class of the rule table: what is equal, and what either side must have or lack."""

    rule: str
    equal: Sequence[str]
    told: Sequence[str]
    credit_lacks: Sequence[str] = ()


_STEPS: Final = (
    _Step("reference", ("bank_reference", "day"), told=("bank_reference",)),
    _Step("code", ("code", "bank_reference"), told=("code", "bank_reference")),
    _Step(
        "code",
        ("code",),
        told=("code", "bank_reference"),
        credit_lacks=("bank_reference",),
    ),
    _Step("code", ("code",), told=("code", "-bank_reference")),
    _Step(
        "payer",
        ("payer_key", "day"),
        told=("payer_key", "code", "bank_reference"),
        credit_lacks=("code", "bank_reference"),
    ),
    _Step(
        "payer",
        ("payer_key", "day"),
        told=("payer_key", "code", "-bank_reference"),
        credit_lacks=("code",),
    ),
    _Step(
        "payer",
        ("payer_key", "day"),
        told=("payer_key", "-code", "bank_reference"),
        credit_lacks=("bank_reference",),
    ),
    _Step("payer", ("payer_key", "day"), told=("payer_key", "-code", "-bank_reference")),
)


def pair_messages(session: Session, messages: Rows, *, source: str) -> None:
    """Fills `pairing` with the credits that messages of one source speak of.

    `messages` selects the columns of `told`. A credit that has this source's evidence already is
    another movement.
    """
    known = exists().where(Evidence.credit_id == Credit.id, Evidence.source == source)
    _pair(session, messages, eligible=~known)


def pair_lines(session: Session, lines: Rows) -> None:
    """Fills `pairing` with the credits that statement lines confirm: those not yet matched."""
    _pair(session, lines, eligible=Credit.match_id.is_(None))


def _pair(session: Session, messages: Rows, *, eligible: ColumnElement[bool]) -> None:
    temporary(session, told, pairing)
    session.execute(insert(told).from_select(list(told.c.keys()), messages))
    analyze(session, told)
    classes = _classes(session)
    for step in _STEPS:
        if any(_answers(step, one) for one in classes):
            _pair_by(session, step, eligible=eligible)


def _classes(session: Session) -> list[dict[str, bool]]:
    """Which fields what was told has, in the combinations that occur."""
    fields = ("code", "payer_key", "bank_reference")
    has = [told.c[field].is_not(None) for field in fields]
    rows = session.execute(select(*has).distinct())
    return [{field: bool(there) for field, there in zip(fields, row, strict=True)} for row in rows]


def _answers(step: _Step, one: dict[str, bool]) -> bool:
    return all(one[field.removeprefix("-")] != field.startswith("-") for field in step.told)


def _pair_by(session: Session, step: _Step, *, eligible: ColumnElement[bool]) -> None:
    """The k-th told with the k-th credit of each key."""
    key = ("collection_account_id", "amount", *step.equal)
    free = ~exists().where(pairing.c.told_id == told.c.id)
    having = [_has(told.c[field.removeprefix("-")], field) for field in step.told]
    asking = select(*told.c).where(free, *having).subquery()
    asked = _ranked(asking.c, key)
    keys = select(*[asking.c[name] for name in key]).distinct().subquery()
    untaken = ~exists().where(pairing.c.credit_id == CREDIT.c.id)
    lacking = [CREDIT.c[field].is_(None) for field in step.credit_lacks]
    offering = (
        select(
            CREDIT.c.id,
            CREDIT.c.day,
            *[CREDIT.c[name] for name in key if name != "day"],
        )
        .select_from(keys)
        .join(CREDIT, and_(*[CREDIT.c[name] == keys.c[name] for name in key]))
        .where(eligible, untaken, CREDIT.c.merged_into_id.is_(None), *lacking)
        .subquery()
    )
    offered = _ranked(offering.c, key)
    same = and_(*[asked.c[name] == offered.c[name] for name in (*key, "rank")])
    pairs = select(asked.c.id, offered.c.id, literal(step.rule, Code())).join(offered, same)
    session.execute(insert(pairing).from_select(["told_id", "credit_id", "rule"], pairs))


def _has(column: ColumnElement[Any], field: str) -> ColumnElement[bool]:
    return column.is_(None) if field.startswith("-") else column.is_not(None)


def _ranked(columns: ReadOnlyColumnCollection[str, Any], key: Sequence[str]) -> Subquery:
    """Rows numbered within their key, by day and order of arrival."""
    group = [columns[name] for name in key]
    rank = func.row_number().over(partition_by=group, order_by=(columns.day, columns.id))
    return select(columns.id, *group, rank.label("rank")).subquery()
