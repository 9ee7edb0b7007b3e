"""The house rules hold, and each of them would notice: it is shown a planted violation.

What ruff, mypy and import-linter can hold is held there; this is the rest. A breach is told with
its file, its line and the remedy.
"""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from tests.house_rules import RULES, contracts, edges, money, shape, tables
from tests.house_rules.sources import ROOT, Breach, Module, Rule, project

DECLARING = Module(
    "payments/credits/tables.py",
    '''"""Credits."""
from payments.core.database import Row, table_of

class Credit(Row):
    """A credit."""
    __tablename__ = "credit"

CREDIT = table_of(Credit)
''',
)

MEANT = """from payments.credits import Credit
from payments.core.database import table_of
"""
PLANTED: list[tuple[Rule, str, str, int]] = [
    (shape.every_module_says_what_it_is, "payments/slips.py", "X = 1\n", 1),
    (shape.modules_are_short, "payments/slips.py", "\n" * 401, 401),
    (shape.functions_are_short, "payments/slips.py", "def draw():\n" + "    x = 1\n" * 50, 1),
    (shape.functions_are_short, "payments/slips.py", "async def draw():\n" + "    1\n" * 50, 1),
    (shape.imports_stand_at_the_top, "payments/slips.py", "def draw():\n    import json\n", 2),
    (
        shape.imports_stand_at_the_top,
        "payments/slips.py",
        "def a():\n  if a:\n    from b import c\n",
        3,
    ),
    (shape.names_are_nouns_of_the_trade, "payments/core/utils.py", "", 1),
    (shape.names_are_nouns_of_the_trade, "payments/web_helpers.py", "", 1),
    (shape.names_are_nouns_of_the_trade, "payments/core/base/__init__.py", "", 1),
    (shape.names_are_nouns_of_the_trade, "payments/slips.py", "\nclass SlipManager: ...\n", 2),
    (shape.names_are_nouns_of_the_trade, "payments/slips.py", "def payer_info(): ...\n", 1),
    (shape.names_are_nouns_of_the_trade, "payments/slips.py", "def process(): ...\n", 1),
    (shape.exceptions_carry_a_reason, "payments/slips.py", "x = f()  # noqa\n", 1),
    (shape.exceptions_carry_a_reason, "payments/slips.py", "x = f()  # noqa: S311\n", 1),
    (shape.exceptions_carry_a_reason, "payments/slips.py", "x = f()  # type: ignore\n", 1),
    (shape.exceptions_carry_a_reason, "payments/slips.py", "x = f()  # type: ignore[misc]\n", 1),
    (shape.exceptions_carry_a_reason, "payments/slips.py", "\n# ruff: noqa\n", 2),
    (
        edges.time_comes_in_as_an_argument,
        "payments/fees.py",
        "from payments.core import clock\n",
        1,
    ),
    (
        edges.time_comes_in_as_an_argument,
        "payments/fees.py",
        "from payments.core.clock import now\n",
        1,
    ),
    (
        edges.time_comes_in_as_an_argument,
        "payments/fees.py",
        "from datetime import UTC, datetime\ndatetime.now(UTC)\n",
        2,
    ),
    (
        edges.time_comes_in_as_an_argument,
        "payments/web/pages.py",
        "import datetime as dt\ndt.date.today()\n",
        2,
    ),
    (edges.time_comes_in_as_an_argument, "payments/fees.py", "import time\ntime.time()\n", 2),
    (
        edges.time_comes_in_as_an_argument,
        "payments/fees.py",
        "from sqlalchemy import func\nx.where(y < func.now())\n",
        2,
    ),
    (edges.the_edge_owns_the_transaction, "payments/fees.py", "session.commit()\n", 1),
    (edges.the_edge_owns_the_transaction, "payments/fees.py", "self.session.rollback()\n", 1),
    (
        edges.the_edge_owns_the_transaction,
        "reconciliation/matching/sets.py",
        "from sqlalchemy.orm import Session\nwith Session(engine) as session: ...\n",
        2,
    ),
    (
        edges.payments_does_not_know_reconciliation,
        "payments/credits.py",
        "from reconciliation import matching\n",
        1,
    ),
    (
        edges.payments_does_not_know_reconciliation,
        "payments/web/pages.py",
        "import os, reconciliation.proof\n",
        1,
    ),
    (edges.nothing_imports_wsgi, "cashless/serve.py", "from wsgi import create_app\n", 1),
    (money.money_is_whole, "payments/fees.py", "rate = 0.5\n", 1),
    (money.money_is_whole, "payments/core/money.py", "def f(x: float): ...\n", 1),
    (money.money_is_whole, "reconciliation/proof.py", "\nhalf = amount / 2\n", 2),
    (money.money_is_whole, "payments/fees.py", "from sqlalchemy import Numeric\n", 1),
    (
        tables.a_table_has_one_writer,
        "payments/inbox.py",
        "from payments.credits import Credit\nCredit()\n",
        2,
    ),
    (
        tables.a_table_has_one_writer,
        "payments/inbox.py",
        "from payments import credits\nsession.add(credits.Credit(amount=1))\n",
        2,
    ),
    (
        tables.a_table_has_one_writer,
        "payments/inbox.py",
        "from payments.credits.tables import Credit as C\nsqlalchemy.update(C)\n",
        2,
    ),
    (
        tables.a_table_has_one_writer,
        "reconciliation/matching/sets.py",
        MEANT + "CREDIT: Final = table_of(Credit)\nsqlite.insert(CREDIT)\n",
        4,
    ),
    (
        tables.a_table_has_one_writer,
        "reconciliation/matching/sets.py",
        MEANT + "a, b = 1, table_of(Credit)\nb.delete()\n",
        4,
    ),
    (
        tables.a_table_has_one_writer,
        "payments/inbox.py",
        "from payments.credits import Credit\nCredit.__table__.insert()\n",
        2,
    ),
    (
        tables.a_table_has_one_writer,
        "payments/inbox.py",
        "from payments.credits import Credit\n_upsert(session)(Credit)\n",
        2,
    ),
    (
        tables.a_table_has_one_writer,
        "payments/inbox.py",
        "from payments.credits import Credit\ndef f(session, it: Credit):\n    it.amount = 1\n",
        3,
    ),
    (
        tables.a_table_has_one_writer,
        "payments/inbox.py",
        'text("UPDATE credit SET amount = 0")\n',
        1,
    ),
]

ALLOWED: list[tuple[Rule, str, str]] = [
    (shape.modules_are_short, "migrations/versions/0001_foundation.py", "\n" * 2000),
    (shape.exceptions_carry_a_reason, "payments/slips.py", "f()  # noqa: S311  only jitter\n"),
    (shape.exceptions_carry_a_reason, "payments/slips.py", 'x = "# noqa"\n'),
    (shape.names_are_nouns_of_the_trade, "payments/slips.py", "log.info('drawn')\n"),
    (edges.time_comes_in_as_an_argument, "payments/web/a.py", "from payments.core import clock\n"),
    (edges.the_edge_owns_the_transaction, "payments/web/a.py", "session.rollback()\n"),
    (edges.the_edge_owns_the_transaction, "payments/core/database.py", "session.commit()\n"),
    (money.money_is_whole, "payments/fees.py", 'folder / "tariff.json"\nhalf = amount // 2\n'),
    (money.money_is_whole, "payments/web/a.py", "wait = 0.5\n"),
    (
        tables.a_table_has_one_writer,
        "payments/credits/arrivals.py",
        "from payments.credits.tables import Credit\ninsert(Credit)\n",
    ),
    (
        tables.a_table_has_one_writer,
        "payments/inbox.py",
        "from payments.credits import Credit\nselect(Credit).where(Credit.amount > 0)\n",
    ),
    (
        tables.a_table_has_one_writer,
        "payments/inbox.py",
        "from payments.agencies import Described as Credit\nCredit()\n",
    ),
]


@pytest.fixture(scope="module")
def source() -> tuple[Module, ...]:
    return project()


def rule_name(value: object) -> str | None:
    return getattr(value, "__name__", None)


@pytest.mark.parametrize("rule", RULES, ids=rule_name)
def test_the_house_rule_holds(rule: Rule, source: Sequence[Module]) -> None:
    """No module of the project breaks the rule; a breach is told with its remedy."""
    breaches = sorted(rule(source))
    assert not breaches, "\n" + "\n".join(map(str, breaches))


@pytest.mark.parametrize(("rule", "path", "text", "line"), PLANTED, ids=rule_name)
def test_a_planted_violation_is_found(rule: Rule, path: str, text: str, line: int) -> None:
    """The rule finds it, says where it is, and says what to do."""
    (breach,) = rule([DECLARING, Module(path, text)])
    assert (breach.path, breach.line) == (path, line)
    assert str(breach).startswith(f"{path}:{line}: ")
    assert len(breach.remedy) > 20


@pytest.mark.parametrize(("rule", "path", "text"), ALLOWED, ids=rule_name)
def test_what_is_allowed_is_not_found(rule: Rule, path: str, text: str) -> None:
    """The rule is no nuisance to who keeps it."""
    assert list(rule([DECLARING, Module(path, text)])) == []


def test_every_rule_has_a_planted_violation() -> None:
    """A rule that was never seen to fail is not a rule."""
    assert {planted[0] for planted in PLANTED} == set(RULES)


CONTRACTS = """
[[tool.importlinter.contracts]]
id = "payments"
containers = ["payments"]
layers = [
  "web | (slips)",
]
[[tool.importlinter.contracts]]
id = "flask"
source_modules = [
  "payments.core",
  #: "payments.slips",
]
"""
SLIPS = Module("payments/slips.py", '"""Slips."""')
CORE = Module("payments/core/money.py", '"""Money."""')
PAGES = Module("payments/web/pages.py", '"""Pages."""')


def told(breaches: Sequence[Breach]) -> list[tuple[int, str]]:
    return [(breach.line, breach.told.split()[0]) for breach in breaches]


def test_the_import_contracts_await_nothing_that_is_here(source: Sequence[Module]) -> None:
    """When a module arrives, the contracts that awaited it hold it."""
    settings = (ROOT / contracts.SETTINGS).read_text()
    breaches = list(contracts.contracts_await_nothing_that_is_here(settings, source))
    assert not breaches, "\n" + "\n".join(map(str, breaches))
    planted = contracts.contracts_await_nothing_that_is_here(CONTRACTS, [SLIPS, CORE])
    assert told(list(planted)) == [(6, "payments.slips"), (12, "payments.slips")]
    assert list(contracts.contracts_await_nothing_that_is_here(CONTRACTS, [CORE])) == []


def test_the_import_contracts_are_completed_by_a_command() -> None:
    """What has arrived is held, what has not is still awaited."""
    done = CONTRACTS.replace("(slips)", "slips").replace('#: "payments.slips"', '"payments.slips"')
    assert contracts.completed(CONTRACTS, [SLIPS, CORE]) == done
    assert contracts.completed(CONTRACTS, [CORE]) == CONTRACTS


def test_the_import_contracts_forget_no_module(source: Sequence[Module]) -> None:
    """A new module below the edges is held away from Flask from its first day."""
    settings = (ROOT / contracts.SETTINGS).read_text()
    breaches = list(contracts.contracts_forget_no_module(settings, source))
    assert not breaches, "\n" + "\n".join(map(str, breaches))
    planted = contracts.contracts_forget_no_module(CONTRACTS, [SLIPS, CORE, PAGES])
    assert told(list(planted)) == [(1, "payments.slips")]


def test_the_plan_of_the_house_is_the_house(source: Sequence[Module]) -> None:
    """docs/architecture.md names every module of both halves, and none that is not built."""
    plan = (ROOT / "docs" / "architecture.md").read_text().split("```")[1]
    named = set()
    half = ""
    for line in plan.splitlines():
        if line[:1] not in (" ", ""):
            half = line.split()[0].rstrip("/")
        elif line.strip() and half in contracts.HALVES:
            named |= {f"{half}.{one.strip(' /')}" for one in line.strip().split("  ")[0].split("·")}
    built = {".".join(module.name.split(".")[:2]) for module in source}
    assert named == {
        name for name in built if name.split(".")[0] in contracts.HALVES and "." in name
    }
