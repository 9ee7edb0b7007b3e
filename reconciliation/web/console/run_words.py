"""What came of a job's run, in the reader's language: the run's row tells it in few fixed words."""

from __future__ import annotations

import re
from typing import Final

from payments.core.words import knows, say

_TOLD: Final = re.compile(
    r"(?P<count>\d+)( of (?P<all>\d+))? (?P<what>[a-z]+)"
    r"( of (?P<days>\d+) days)?(, head (?P<head>[0-9a-f]+))?"
)
_HEAD: Final = 12
"""So many characters of a hash are enough to compare by eye."""


def told_of(detail: str) -> str:
    """What a run told, in words; as it stands where there are none for it."""
    found = _TOLD.fullmatch(detail)
    if found is None:
        key = f"run.told.{detail.replace(' ', '_')}"
        return say(key) if knows(key) else detail
    told = found.groupdict(default="")
    key = f"run.told.{told['what']}"
    if not knows(key):
        return detail
    return say(key, **told | {"all": told["all"] or told["count"], "head": told["head"][:_HEAD]})
