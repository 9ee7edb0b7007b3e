"""What every test may ask for: a database of each engine, and a session that leaves no trace.

`pytest --engine sqlite|postgresql|both` (default both) says on which engines tests run that ask
for a database; with both, a test of a page runs on one of the two, chosen by its name: pages draw
what verbs give, and those are tested on both. Nothing is started before the first test needs it;
with pytest-xdist each worker has a server of its own.
"""

from __future__ import annotations

import contextlib
import os
import re
import zlib
from collections.abc import Iterator

import hypothesis
import pytest
from flask import Flask
from sqlalchemy.orm import Session

from payments.core.database import Database
from tests.console import SignIn, signing_in
from tests.stores import ENGINES, RolledBack, Stores, opened

hypothesis.settings.register_profile("here", deadline=None, print_blob=True)
hypothesis.settings.register_profile("ci", deadline=None, print_blob=True, derandomize=True)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "here")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--engine",
        choices=sorted(ENGINES),
        default="both",
        help="the database engines that tests with a database run on (default: both)",
    )


PAGES = re.compile(
    r"/browser/|/test_console(_breaks|_layouts|_payouts|_receipts|_refunds)?\.py|/reconciliation/test_own_and_foreign|/reports/test_pages|/targets/test_target_pages|/web/test_(citizen|counter|docs|tariff_page|sign_in|second_factor|people|trail)|/targets/test_coverage_pages"
)
"""Tests that look at pages, by their file."""


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Those in a browser first: they are long, and what is begun last should be short.

    The first share of the tests goes to one process, which is then the only one with a browser.
    """
    items.sort(key=lambda item: "browser" not in getattr(item, "fixturenames", ()))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "engine" in metafunc.fixturenames:
        engines = list(ENGINES[metafunc.config.getoption("engine")])
        if PAGES.search(metafunc.definition.path.as_posix()):
            engines = [engines[zlib.crc32(metafunc.definition.name.encode()) % len(engines)]]
        metafunc.parametrize("engine", engines)


@pytest.fixture(scope="session")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stores]:
    """The databases of this test process; ask for `database` or `session` instead."""
    with contextlib.ExitStack() as closing:
        yield Stores(tmp_path_factory.mktemp("stores"), closing)


@pytest.fixture
def database(request: pytest.FixtureRequest, stores: Stores, engine: str) -> Iterator[Database]:
    """A migrated database: undone after the test, or one of its own where it is `committed`."""
    if request.node.get_closest_marker("committed"):
        own = opened(request.getfixturevalue("database_url"))
        yield own
        own.dispose()
    else:
        with stores.rolled_back(engine) as shared:
            yield shared


@pytest.fixture
def database_url(request: pytest.FixtureRequest, stores: Stores, engine: str) -> Iterator[str]:
    """The address of the test's own database, for a process that it starts."""
    if not request.node.get_closest_marker("committed"):
        pytest.fail("another process sees only what is committed: mark this test `committed`")
    with stores.fresh_url(engine) as url:
        yield url


@pytest.fixture
def session(database: Database) -> Iterator[Session]:
    """A session whose work is undone after the test; what `database` does is seen by it."""
    if not isinstance(database, RolledBack):
        pytest.fail("a `committed` test works through database.write() and database.read()")
    with database.session() as session:
        yield session


@pytest.fixture
def sign_in(app: Flask) -> SignIn:
    """Signs people in to the `app` of a test, each at a browser of their own."""
    return signing_in(app)
