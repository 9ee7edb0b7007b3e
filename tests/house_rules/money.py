"""The rule of money: whole đồng, so no fraction anywhere that money passes."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from typing import Final

from tests.house_rules.edges import EDGES
from tests.house_rules.sources import Breach, Module, Rule

WITH_FLOATS: Final = (*EDGES, "payments.core", "payments.outbox", "migrations")
"""Seconds of waiting are fractions, and no amount is counted there."""

MONEY_ITSELF: Final = ("payments.core.money", "payments.core.columns", "payments.core.words")
REMEDY: Final = "count in Dong, a whole number; divide with // and say who gets the rest"


def money_is_whole(modules: Sequence[Module]) -> Iterator[Breach]:
    """Where money passes there is no float, no `/` and no Float column."""
    for module in modules:
        if _passes_money(module):
            for node in module.nodes:
                told = _fraction(module, node)
                if told:
                    yield Breach(module.path, getattr(node, "lineno", 1), told, REMEDY)


def _passes_money(module: Module) -> bool:
    if module.name in MONEY_ITSELF:
        return True
    return not any(
        module.name == place or module.name.startswith(f"{place}.") for place in WITH_FLOATS
    )


def _fraction(module: Module, node: ast.AST) -> str:
    if isinstance(node, ast.Constant) and isinstance(node.value, float):
        return f"the float {node.value}"
    if isinstance(node, ast.Name) and node.id == "float":
        return "the type float"
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div) and not _is_path(node):
        return "a division that leaves a fraction"
    if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("sqlalchemy"):
        fractions = {"Double", "Float", "Numeric", "REAL"} & {one.name for one in node.names}
        return f"the column type {min(fractions)}" if fractions else ""
    return ""


def _is_path(node: ast.BinOp) -> bool:
    """`FOLDER / "file"` joins a path."""
    sides = (node.left, node.right)
    return any(
        isinstance(side, ast.JoinedStr)
        or (isinstance(side, ast.Constant) and isinstance(side.value, str))
        or (isinstance(side, ast.BinOp) and _is_path(side))
        for side in sides
    )


MONEY_RULES: Final[tuple[Rule, ...]] = (money_is_whole,)
