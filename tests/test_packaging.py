"""What is installed is what was declared: the lock files hold every requirement, hashed."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
DECLARED = {
    "install": PROJECT["dependency-groups"]["install"],
    "run": PROJECT["project"]["dependencies"],
    "sandbox": PROJECT["project"]["optional-dependencies"]["sandbox"],
    "dev": PROJECT["dependency-groups"]["dev"],
}


def text_of(name: str) -> str:
    return (ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8")


def locked(name: str) -> dict[str, str]:
    """The versions in a lock file, by package."""
    return dict(re.findall(r"^([a-z0-9.-]+)==(\S+)", text_of(name), re.MULTILINE))


@pytest.mark.parametrize("name", DECLARED)
def test_a_lock_holds_what_is_declared(name: str) -> None:
    """`make lock` was run after the last change of a requirement."""
    versions = locked(name)
    for requirement in map(Requirement, DECLARED[name]):
        package = re.sub(r"[._-]+", "-", requirement.name).lower()
        assert requirement.specifier.contains(versions[package]), requirement


@pytest.mark.parametrize("name", DECLARED)
def test_every_package_is_pinned_by_hash_and_names_no_registry(name: str) -> None:
    """What is installed has these bytes, wherever it came from."""
    entries = re.split(r"\n(?=\S)", text_of(name).strip())
    assert len(entries) == len(locked(name)) > 0
    assert all("--hash=sha256:" in entry for entry in entries)
    assert "://" not in text_of(name)


def test_each_lock_contains_the_smaller_one() -> None:
    """What is tested is what runs: the same versions in all three."""
    assert locked("run").items() <= locked("sandbox").items() <= locked("dev").items()
