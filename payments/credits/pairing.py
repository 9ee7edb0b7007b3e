"""When two messages, or a message and a statement line, speak of the same movement.

One rule table (money.md, Evidence and credits), as SQL on sets, for messages and lines alike;
account, amount and direction are always equal:

    reference         same bank reference on the same bank day
    virtual_account   the same virtual account of ours, and not two different bank references
    code              the same FULL code, and not two different bank references
    payer             same payer account on the same bank day, and codes that don't contradict

Where several equal movements answer to the same key, the k-th told goes with the k-th credit, by
day and order of arrival; so n equal transfers told by m sources stay n credits.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from sqlalchemy import (
    Column,
    ColumnElement,
    Insert,
    Table,
    Text,
    and_,
    cast,
    exists,
    func,
    insert,
    literal,
    select,
)
from sqlalchemy.orm import Session
from sqlalchemy.sql.base import ReadOnlyColumnCollection

from payments.core.columns import Amount, Code, Count, Day, Key
from payments.core.database import Rows, rows_of, table_of
from payments.core.temporary import analyze, scratch, temporary
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
    Column("virtual_account", Code()),
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


_asked: Final = Table(
    "pairing_asked",
    scratch,
    Column("key", Code(), primary_key=True),
    Column("rank", Count(), primary_key=True),
    Column("told_id", Key()),
    prefixes=["TEMPORARY"],
)

_offered: Final = Table(
    "pairing_offered",
    scratch,
    Column("key", Code(), primary_key=True),
    Column("rank", Count(), primary_key=True),
    Column("credit_id", Key()),
    prefixes=["TEMPORARY"],
)


@dataclass(frozen=True)
class _Step:
    """One class of the rule table: what is equal, and what either side must have or lack."""

    rule: str
    equal: tuple[str, ...]
    told: tuple[str, ...]
    credit_lacks: tuple[str, ...] = ()


_STEPS: Final = (
    _Step("reference", ("bank_reference", "day"), told=("bank_reference",)),
    _Step(
        "virtual_account",
        ("code", "virtual_account", "bank_reference"),
        told=("virtual_account", "bank_reference"),
    ),
    _Step(
        "virtual_account",
        ("code", "virtual_account"),
        told=("virtual_account", "bank_reference"),
        credit_lacks=("bank_reference",),
    ),
    _Step(
        "virtual_account",
        ("code", "virtual_account"),
        told=("virtual_account", "-bank_reference"),
    ),
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
    withdrawn = and_(Credit.match_id.is_(None), Credit.reversed > 0)
    _pair(session, messages, eligible=and_(~known, ~withdrawn))


def pair_lines(session: Session, lines: Rows) -> None:
    """Fills `pairing` with the credits that statement lines confirm: those not yet matched.

    A credit that was withdrawn as never come is none of them: what comes after all is a new one.
    """
    _pair(session, lines, eligible=and_(Credit.match_id.is_(None), Credit.reversed == 0))


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
    fields = ("code", "virtual_account", "payer_key", "bank_reference")
    has = [told.c[field].is_not(None) for field in fields]
    rows = session.execute(select(*has).distinct())
    return [{field: bool(there) for field, there in zip(fields, row, strict=True)} for row in rows]


def _answers(step: _Step, one: dict[str, bool]) -> bool:
    return all(one[field.removeprefix("-")] != field.startswith("-") for field in step.told)


def _pair_by(session: Session, step: _Step, *, eligible: ColumnElement[bool]) -> None:
    """The k-th told with the k-th credit of each key."""
    temporary(session, _asked, _offered)
    asked = rows_of(session.execute(_asking(step)))
    if not asked:
        return
    offering = _offering(step).where(eligible)
    session.execute(insert(_offered).from_select(["credit_id", "key", "rank"], offering))
    analyze(session, _asked, _offered)
    session.execute(_pairing_by(step.rule))


@cache
def _asking(step: _Step) -> Insert:
    free = ~exists().where(pairing.c.told_id == told.c.id)
    having = [_has(told.c[field.removeprefix("-")], field) for field in step.told]
    key, rank = _ranked(told.c, step)
    ours = select(told.c.id, key, rank).where(free, *having)
    return insert(_asked).from_select(["told_id", "key", "rank"], ours)


@cache
def _offering(step: _Step) -> Rows:
    columns = ("collection_account_id", "amount", *step.equal)
    untaken = ~exists().where(pairing.c.credit_id == CREDIT.c.id)
    lacking = [CREDIT.c[field].is_(None) for field in step.credit_lacks]
    key, rank = _ranked(CREDIT.c, step)
    return (
        select(CREDIT.c.id, key, rank)
        .select_from(_asked)
        .join(told, told.c.id == _asked.c.told_id)
        .join(CREDIT, and_(*[CREDIT.c[name] == told.c[name] for name in columns]))
        .where(_asked.c.rank == 1, untaken, CREDIT.c.merged_into_id.is_(None), *lacking)
    )


@cache
def _pairing_by(rule: str) -> Insert:
    same = and_(_asked.c.key == _offered.c.key, _asked.c.rank == _offered.c.rank)
    pairs = select(_asked.c.told_id, _offered.c.credit_id, literal(rule, Code()))
    return insert(pairing).from_select(
        ["told_id", "credit_id", "rule"], pairs.select_from(_asked).join(_offered, same)
    )


def _has(column: ColumnElement[Any], field: str) -> ColumnElement[bool]:
    return column.is_(None) if field.startswith("-") else column.is_not(None)


def _ranked(
    columns: ReadOnlyColumnCollection[str, Any], step: _Step
) -> tuple[ColumnElement[str], ColumnElement[int]]:
    """What rows must have in common as one text, and their number within it, by day and arrival."""
    key: ColumnElement[str] = cast(columns["amount"], Text)
    for name in step.equal:
        key = key + literal("|", Code()) + cast(columns[name], Text)
    rank = func.row_number().over(partition_by=key, order_by=(columns.day, columns.id))
    return key, rank
