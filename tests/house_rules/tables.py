"""The rule of tables: each has one writer, the concept that declares it.

Reading downward is free. Building a row, INSERT, UPDATE and DELETE (in SQLAlchemy's words, in
plain SQL, or by setting a field of a row that was read) belong to the owner alone.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from tests.house_rules.sources import Breach, Module, Rule

WRITES: Final = {"insert", "update", "delete", "upsert"}
ANCESTOR: Final = "payments.core.database.Row"
_SQL: Final = re.compile(r"\b(?:INSERT\s+INTO|UPDATE|DELETE\s+FROM)\s+\"?([a-z_]+)\"?", re.ASCII)


@dataclass(frozen=True)
class Owned:
    """A mapped class, its table and the concept that may write it."""

    owner: str
    row: str
    table: str


def a_table_has_one_writer(modules: Sequence[Module]) -> Iterator[Breach]:
    """Rows are built, inserted, updated and deleted by the module that declares the table."""
    owned = _declared(modules)
    for module in modules:
        if module.name.split(".")[0] in ("payments", "reconciliation"):
            yield from _foreign_writes(module, owned)


def _declared(modules: Sequence[Module]) -> tuple[Owned, ...]:
    return tuple(
        Owned(module.concept, node.name, _table_name(node))
        for module in modules
        for node in module.nodes
        if isinstance(node, ast.ClassDef) and ANCESTOR in map(module.origin, node.bases)
    )


def _table_name(row: ast.ClassDef) -> str:
    for node in row.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__tablename__":
            return str(ast.literal_eval(node.value))
    return ""


def _foreign_writes(module: Module, owned: Sequence[Owned]) -> Iterator[Breach]:
    tables = _known_as(module, owned)
    typed = _variables(module, tables)
    by_name = {one.table: one for one in owned}
    for node in module.nodes:
        written, how = _written(module, node, tables, typed)
        if written is None and isinstance(node, ast.Constant) and isinstance(node.value, str):
            told = [by_name[name] for name in _SQL.findall(node.value) if name in by_name]
            written, how = (told[0], "plain SQL") if told else (None, "")
        if written and written.owner != module.concept:
            yield Breach(
                module.path,
                getattr(node, "lineno", 1),
                f"{how} writes {written.table}, which {written.owner} owns",
                f"call a verb of {written.owner}, or give it one that takes a Select",
            )


def _written(
    module: Module, node: ast.AST, tables: dict[str, Owned], typed: dict[str, Owned]
) -> tuple[Owned | None, str]:
    """The table that a statement writes, and in which words."""
    if isinstance(node, ast.Call):
        built = tables.get(_spelt(node.func))
        if built and module.origin(node.func).endswith(f".{built.row}"):
            return built, f"{built.row}(…)"
        verb = _spelt(node.func).rsplit(".", 1)[-1].lower()
        if isinstance(node.func, ast.Call):
            verb = _spelt(node.func.func).lower()
        if any(word in verb for word in WRITES):
            of_table = _spelt(node.func.value) if isinstance(node.func, ast.Attribute) else ""
            first = _table_in(module, node.args[0]) if node.args else ""
            return tables.get(first) or tables.get(of_table.removesuffix(".__table__")), f"{verb}()"
    if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
        row = typed.get(_spelt(node.value))
        return row, f"{_spelt(node)} = …"
    return None, ""


def _known_as(module: Module, owned: Sequence[Owned]) -> dict[str, Owned]:
    """The spellings by which this module can mean a table: `Credit`, `credits.Credit`, `CREDIT`."""
    tables = {}
    for node in module.nodes:
        meant = module.origin(node)
        for one in owned:
            if meant.startswith(f"{one.owner}.") and meant.rsplit(".", 1)[-1] == one.row:
                tables[_spelt(node)] = one
    return tables | _constants(module, tables)


def _constants(module: Module, tables: dict[str, Owned]) -> dict[str, Owned]:
    """Names given to tables: `CREDIT = table_of(Credit)`, or several at once."""
    found = {}
    for node in module.nodes:
        target, value = _assigned(node)
        targets = target.elts if isinstance(target, ast.Tuple) else [target]
        values = value.elts if isinstance(value, ast.Tuple) else [value]
        for name, meant in zip(targets, values, strict=False):
            if isinstance(name, ast.Name) and meant is not None:
                table = tables.get(_table_in(module, meant))
                if table:
                    found[name.id] = table
    return found


def _assigned(node: ast.AST) -> tuple[ast.AST | None, ast.AST | None]:
    if isinstance(node, ast.Assign):
        return node.targets[0], node.value
    if isinstance(node, ast.AnnAssign):
        return node.target, node.value
    return None, None


def _variables(module: Module, tables: dict[str, Owned]) -> dict[str, Owned]:
    """Arguments and variables declared to hold a row: `def f(session, credit: Credit)`."""
    found = {}
    for node in module.nodes:
        if isinstance(node, ast.arg) and node.annotation is not None:
            name, kind = node.arg, node.annotation
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            name, kind = node.target.id, node.annotation
        else:
            continue
        row = tables.get(_spelt(kind))
        if row:
            found[name] = row
    return found


def _table_in(module: Module, node: ast.AST) -> str:
    """The row meant by `Credit`, `table_of(Credit)` or `Credit.__table__`."""
    if isinstance(node, ast.Call) and module.origin(node.func).endswith("table_of") and node.args:
        return _spelt(node.args[0])
    return _spelt(node).removesuffix(".__table__")


def _spelt(node: ast.AST) -> str:
    return ast.unparse(node) if isinstance(node, ast.Name | ast.Attribute) else ""


TABLE_RULES: Final[tuple[Rule, ...]] = (a_table_has_one_writer,)
