"""Files of others are exactly those that were taken, and each is listed with its licence."""

from __future__ import annotations

import gzip
import hashlib
import re
from pathlib import Path

ROOT = Path(__file__).parents[3]
LIST = ROOT / "payments/web/static/VENDORED.md"
ROW = re.compile(r"\| `(\S+)` \| (\S+) \| (\S+) \| (\S+) \| `([0-9a-f]{64})` \|")
FOLDERS = (
    "payments/web/static/vendor",
    "payments/web/templates/icons",
    "payments/core/fonts",
    "tests/browser/vendor",
    "tests/samples/schemas",
)


def rows() -> dict[str, str]:
    """The hash of every listed file."""
    return {found[1]: found[5] for found in ROW.finditer(LIST.read_text("utf-8"))}


def test_every_file_of_others_is_as_it_was_taken() -> None:
    """Nobody changed a vendored file, by hand or otherwise."""
    listed = rows()
    assert len(listed) > 20
    changed = [
        path
        for path, told in listed.items()
        if hashlib.sha256((ROOT / path).read_bytes()).hexdigest() != told
    ]
    assert changed == []


def test_every_file_in_a_vendored_folder_is_listed() -> None:
    """No file came along without its version and licence."""
    there = {
        str(path.relative_to(ROOT))
        for folder in FOLDERS
        for path in (ROOT / folder).rglob("*")
        if path.is_file()
    }
    assert there ^ set(rows()) == set()


def test_nothing_of_ours_points_elsewhere() -> None:
    """Pages, styles and scripts name no other host, so that a page loads from here alone."""
    ours = [
        path
        for kind in ("static/*.css", "static/*.js", "templates/**/*.html")
        for path in (ROOT / "payments/web").glob(kind)
    ]
    assert len(ours) > 5
    pointing = re.compile(r"""(?:src|href|url|import|fetch)\s*[=(]\s*["']?(?:https?:)?//""")
    assert [path.name for path in ours if pointing.search(path.read_text("utf-8"))] == []


def test_the_payers_script_is_small() -> None:
    """It is loaded on every phone, so it stays within 1.5 KB as it is sent."""
    assert len(gzip.compress((ROOT / "payments/web/static/pay.js").read_bytes())) <= 1536
