"""The source as the rules see it: modules with their syntax tree, and breaches with a remedy."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
PACKAGES: Final = ("payments", "reconciliation", "sandbox", "cashless", "migrations")


@dataclass(frozen=True)
class Module:
    """One file of Python: its path from the project's root, and its text."""

    path: str
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        """The syntax tree."""
        return ast.parse(self.text, self.path)

    @cached_property
    def nodes(self) -> tuple[ast.AST, ...]:
        """Every node of the tree."""
        return tuple(ast.walk(self.tree))

    @property
    def name(self) -> str:
        """The dotted name: `payments.core.money`; a package has its folder's."""
        parts = Path(self.path).with_suffix("").parts
        return ".".join(part for part in parts if part != "__init__")

    @property
    def concept(self) -> str:
        """The module or folder that this file belongs to in the order of the conveyor."""
        parts = self.name.split(".")
        return ".".join(parts[: 3 if parts[:2] == ["payments", "core"] else 2])

    @cached_property
    def origins(self) -> dict[str, str]:
        """What each imported name stands for: `Credit` → `payments.credits.tables.Credit`."""
        found = {}
        for node in self.nodes:
            if isinstance(node, ast.ImportFrom) and node.module:
                for alias in node.names:
                    found[alias.asname or alias.name] = f"{node.module}.{alias.name}"
            elif isinstance(node, ast.Import):
                for alias in node.names:
                    found[alias.asname or alias.name.split(".")[0]] = alias.name
        return found

    def origin(self, node: ast.AST) -> str:
        """The dotted name an expression stands for, imports resolved; empty if it has none."""
        if isinstance(node, ast.Name):
            return self.origins.get(node.id, node.id)
        if isinstance(node, ast.Attribute):
            before = self.origin(node.value)
            return f"{before}.{node.attr}" if before else ""
        return ""


@dataclass(frozen=True, order=True)
class Breach:
    """A rule broken at a line, and what to do about it."""

    path: str
    line: int
    told: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.told}\n    remedy: {self.remedy}"


Rule = Callable[[Sequence[Module]], Iterator[Breach]]


def project() -> tuple[Module, ...]:
    """Every module of the project that is shipped."""
    files = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]
    files += [path for path in (ROOT / "wsgi.py",) if path.exists()]
    return tuple(Module(str(path.relative_to(ROOT)), path.read_text("utf-8")) for path in files)
