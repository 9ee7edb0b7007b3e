"""Rules of the edges: who may ask the time, open a session, commit, and who may import whom.

The edges are the web, the commands, the jobs and what starts them. Below an edge a function is
given its session and its instant, so that it can be retried, joined with others, and tested.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from typing import Final

from tests.house_rules.sources import Breach, Module, Rule

EDGES: Final = (
    "payments.web",
    "payments.cli",
    "payments.jobs",
    "payments.app",
    "reconciliation.web",
    "reconciliation.cli",
    "reconciliation.jobs",
    "reconciliation.app",
    "cashless",
    "sandbox",
    "wsgi",
    "payments.core.scheduler",
    "payments.core.service",  # what every process begins with
)
CLOCK: Final = "payments.core.clock"
STORE: Final = "payments.core.database"
CLOCKS: Final = {
    "datetime.date.today",
    "datetime.datetime.now",
    "datetime.datetime.today",
    "datetime.datetime.utcnow",
    "sqlalchemy.func.current_date",
    "sqlalchemy.func.current_timestamp",
    "sqlalchemy.func.now",
    "time.time",
    "time.time_ns",
}
SESSIONS: Final = {"sqlalchemy.orm.Session", "sqlalchemy.orm.sessionmaker"}
ENDS: Final = {"commit", "rollback"}


def time_comes_in_as_an_argument(modules: Sequence[Module]) -> Iterator[Breach]:
    """Only an edge asks what time it is, and only of `payments.core.clock`."""
    for module in modules:
        for node in module.nodes:
            asked = _clock_asked(module, node)
            if asked and not _may_ask(module, asked):
                yield Breach(
                    module.path,
                    getattr(node, "lineno", 1),
                    f"{asked} is asked",
                    "take `now` as an argument; an edge asks payments.core.clock.now()",
                )


def the_edge_owns_the_transaction(modules: Sequence[Module]) -> Iterator[Breach]:
    """Nothing below an edge opens a session, commits or rolls back."""
    for module in modules:
        if _is_below(module, allowed=STORE):
            for node in module.nodes:
                told = _transaction_owned(module, node)
                if told:
                    yield Breach(
                        module.path,
                        getattr(node, "lineno", 1),
                        told,
                        "take `session` first and leave the rest to the unit of work: "
                        "database.write(lambda session: …) at the edge",
                    )


def payments_does_not_know_reconciliation(modules: Sequence[Module]) -> Iterator[Breach]:
    """The first half of the conveyor works without the second."""
    for module in modules:
        if module.name.split(".")[0] == "payments":
            yield from _importing(
                module,
                "reconciliation",
                "what payments needs moves down into payments; what joins both is for cashless",
            )


def nothing_imports_wsgi(modules: Sequence[Module]) -> Iterator[Breach]:
    """The composition root is for the web server alone."""
    for module in modules:
        yield from _importing(module, "wsgi", "import create_app from payments.app")


def _clock_asked(module: Module, node: ast.AST) -> str:
    """The clock that is read here: a call, or the import of ours."""
    if isinstance(node, ast.Call):
        called = module.origin(node.func)
        return called if called in CLOCKS else ""
    if isinstance(node, ast.Import | ast.ImportFrom) and CLOCK in _imported(node):
        return CLOCK
    return ""


def _may_ask(module: Module, asked: str) -> bool:
    if asked == CLOCK:
        return not _is_below(module, allowed=CLOCK)
    return module.name == CLOCK or module.name.startswith("sandbox")


def _transaction_owned(module: Module, node: ast.AST) -> str:
    if not isinstance(node, ast.Call):
        return ""
    called = module.origin(node.func)
    if called in SESSIONS:
        return "a session is opened"
    before, _, verb = called.rpartition(".")
    if verb in ENDS and before.split(".")[-1] in ("session", "connection"):
        return f"{before}.{verb}() ends a transaction"
    return ""


def _is_below(module: Module, *, allowed: str) -> bool:
    edges = (*EDGES, allowed)
    return not any(module.name == edge or module.name.startswith(f"{edge}.") for edge in edges)


def _importing(module: Module, unwanted: str, remedy: str) -> Iterator[Breach]:
    for node in module.nodes:
        if isinstance(node, ast.Import | ast.ImportFrom):
            for name in _imported(node):
                if name.split(".")[0] == unwanted:
                    yield Breach(module.path, node.lineno, f"imports {name}", remedy)
                    break


def _imported(node: ast.Import | ast.ImportFrom) -> list[str]:
    names = [alias.name for alias in node.names]
    if isinstance(node, ast.Import):
        return names
    return [node.module or "", *(f"{node.module}.{name}" for name in names)]


EDGE_RULES: Final[tuple[Rule, ...]] = (
    time_comes_in_as_an_argument,
    the_edge_owns_the_transaction,
    payments_does_not_know_reconciliation,
    nothing_imports_wsgi,
)
