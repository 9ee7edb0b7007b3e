"""What a page says in another language than its reader's: words of the catalogue, and bare codes.

What people wrote (names, memos, reasons) is in whatever language they wrote it; so only what the
catalogue says in the other language counts, whole texts with whatever was filled into them.
"""

from __future__ import annotations

import re
from functools import lru_cache

from babel.messages.pofile import read_po
from playwright.sync_api import Page

from payments.core.words import TRANSLATIONS

_FIELD = re.compile(r"\\\{\w+\\\}")
_CODE = re.compile(r"[a-z]+(?:[_.][a-z]+)+")
_FILE = re.compile(r".*\.(?:csv|json|xml|xlsx|pdf)")

_TEXTS = """() => {
    const found = [document.title], walk = document.createTreeWalker(document.body, 4);
    while (walk.nextNode()) {
        const place = walk.currentNode.parentElement;
        if (!place.closest('code, pre, script, .code, [lang]:not(html)'))
            found.push(walk.currentNode.textContent);
    }
    for (const one of document.querySelectorAll('[aria-label], [placeholder], [alt], [title]'))
        for (const name of ['aria-label', 'placeholder', 'alt', 'title'])
            if (one.hasAttribute(name)) found.push(one.getAttribute(name));
    return found.map(text => text.trim().replace(/\\s+/g, ' ')).filter(text => text);
}"""


@lru_cache
def _said(language: str) -> dict[str, str]:
    """Every text of the catalogue in one language, by its key."""
    kept: dict[str, dict[str, str]] = {}
    for one in ("vi", "en"):
        with (TRANSLATIONS / one / "LC_MESSAGES" / "messages.po").open("rb") as po:
            kept[one] = {str(message.id): str(message.string) for message in read_po(po)}
    return {key: kept[language].get(key) or key for key in kept["vi"] if key}


@lru_cache
def _foreign(language: str) -> tuple[frozenset[str], re.Pattern[str]]:
    """What only the other language says: whole texts, and those with something filled in."""
    own, other = _said(language), _said({"vi": "en", "en": "vi"}[language])
    shared = set(own.values())
    only = {" ".join(text.split()) for text in other.values() if text not in shared}
    filled = [
        _FIELD.sub(".+", re.escape(text))
        for text in only
        if "{" in text and len(re.sub(r"\{\w+\}|\W", "", text)) > 4
    ]
    return frozenset(text for text in only if "{" not in text), re.compile("|".join(filled))


def leftovers(page: Page, language: str) -> list[str]:
    """The texts of a page that its reader was not meant to see."""
    texts: list[str] = page.evaluate(_TEXTS)
    whole, filled = _foreign(language)
    return [
        text
        for text in texts
        if text in whole
        or filled.fullmatch(text)
        or (_CODE.fullmatch(text) and not _FILE.fullmatch(text))
    ]
