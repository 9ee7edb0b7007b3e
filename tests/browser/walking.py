"""Following the links of pages in a browser, some pages of each kind."""

from __future__ import annotations

import re
from collections import Counter
from urllib.parse import urlsplit

from flask import Flask
from playwright.sync_api import Page
from werkzeug.exceptions import HTTPException

FILE = re.compile(r"\.[a-z]{3,5}$|/notes/|/reports/ledger/")
"""The addresses that answer with a file."""
PER_KIND = 1
"""So many pages of one kind are looked at."""


class Walk:
    """Follows the links of the pages, some pages of each kind; files are kept for later."""

    def __init__(self, app: Flask, address: str, *starts: str) -> None:
        self._routes = app.url_map.bind("127.0.0.1")
        self._address = address
        self._met: Counter[str] = Counter()
        self._known = set(starts)
        self.waiting = list(starts)
        self.files: list[str] = []

    def take_links(self, page: Page) -> None:
        """Keeps the page's links for later, as far as there were few of their kind."""
        links = page.eval_on_selector_all("a[href]", "all => all.map(one => one.href)")
        for link in links:
            parts = urlsplit(link)
            path = parts.path + ("?" + parts.query if parts.query else "")
            if not link.startswith(self._address) or path in self._known:
                continue
            self._known.add(path)
            kind = self.kind(parts.path)
            self._met[kind] += 1
            if self._met[kind] <= PER_KIND:
                (self.files if FILE.search(parts.path) else self.waiting).append(path)

    def kind(self, path: str) -> str:
        """The name under which an address is served, the address itself if it is not."""
        try:
            return str(self._routes.match(path.partition("?")[0])[0])
        except HTTPException:
            return path
