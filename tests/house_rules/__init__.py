"""The rules of the house that no linter knows. Each takes the source and returns its breaches.

A rule sees every module at once, so it can be shown a planted violation as easily as the project.
`RULES` is the whole list; `tests/test_architecture.py` runs it and proves each rule.
"""

from __future__ import annotations

from typing import Final

from tests.house_rules.edges import EDGE_RULES
from tests.house_rules.money import MONEY_RULES
from tests.house_rules.shape import SHAPE_RULES
from tests.house_rules.sources import Rule
from tests.house_rules.tables import TABLE_RULES

RULES: Final[tuple[Rule, ...]] = (*SHAPE_RULES, *EDGE_RULES, *MONEY_RULES, *TABLE_RULES)
