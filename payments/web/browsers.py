"""What a browser calls itself, in words: `Chrome · Windows`. Nothing is decided by it."""

from __future__ import annotations

from typing import Final

_BROWSERS: Final = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("coc_coc_browser", "Cốc Cốc"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("CriOS/", "Chrome"),
    ("Safari/", "Safari"),
)
_SYSTEMS: Final = (
    ("Windows", "Windows"),
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Mac OS X", "Mac"),
    ("Linux", "Linux"),
)


def browser_in_words(told: str) -> str:
    """The browser and the system that a `User-Agent` names; empty where it names none we know."""
    found = (
        next((name for mark, name in known if mark in told), None)
        for known in (_BROWSERS, _SYSTEMS)
    )
    return " · ".join(name for name in found if name)
