"""Headers, languages, pages of lists and JSON are the same on every answer."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from datetime import UTC, date, datetime

import pytest
import structlog
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Column, Integer, MetaData, Table, create_engine, insert, select

from payments.core import logs, words
from payments.core.money import Dong
from payments.web import i18n, kit, paging
from payments.web.json_provider import OrjsonProvider


def test_every_answer_carries_the_strict_headers(client: FlaskClient) -> None:
    """Also a failure, an unknown address and a static file."""
    for path in ("/api/v1/money", "/api/v1/raise/fault", "/nowhere", "/static/app.css"):
        headers = client.get(path, buffered=True).headers
        policy = headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy, path
        assert "unsafe" not in policy, path
        assert "frame-ancestors 'none'" in policy, path
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
        assert headers["Cross-Origin-Resource-Policy"] == "same-site"
        assert headers["Strict-Transport-Security"].startswith("max-age=31536000")
        assert "camera=()" in headers["Permissions-Policy"]


def test_plain_http_promises_no_https() -> None:
    """Served without https (on this machine), browsers are not told to insist on it."""
    client = kit.new_app(base_url="http://127.0.0.1:8000").test_client()
    assert "Strict-Transport-Security" not in client.get("/nowhere").headers


def test_nothing_is_kept_but_static_files_by_their_hash(client: FlaskClient, app: Flask) -> None:
    """No answer is stored, but for a static file whose address names its content."""
    assert client.get("/api/v1/money").headers["Cache-Control"] == "no-store"
    assert client.get("/pages/private").headers["X-Robots-Tag"] == "noindex, nofollow"
    with app.test_request_context():
        address = kit.asset("app.css")
    assert "immutable" in client.get(address, buffered=True).headers["Cache-Control"]
    assert "immutable" not in client.get("/static/app.css", buffered=True).headers["Cache-Control"]
    assert client.get("/static/nothing.css?v=1").headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("told", ["0192f3a1-aaaa-7bbb-8ccc-123456789abc", "portal.req_42"])
def test_a_well_formed_request_id_is_kept(client: FlaskClient, told: str) -> None:
    """A caller can follow its request by its own id."""
    assert client.get("/nowhere", headers={"X-Request-Id": told}).headers["X-Request-Id"] == told


@pytest.mark.parametrize(
    "told", ["short", "x" * 65, "has space here", "<script>alert(1)", "a;b;c;d;e"]
)
def test_another_request_id_is_replaced(client: FlaskClient, told: str) -> None:
    """An id that could break a log or a page is not taken over."""
    given = client.get("/nowhere", headers={"X-Request-Id": told}).headers["X-Request-Id"]
    assert given != told
    assert len(given) == 36


@pytest.fixture
def book() -> Iterator[io.BytesIO]:
    """The log, in memory."""
    root, kept = logging.getLogger(), io.BytesIO()
    handlers, level = root.handlers[:], root.level
    logs.configure(stream=kept)
    yield kept
    structlog.contextvars.clear_contextvars()
    logs.configure()
    root.handlers[:] = handlers
    root.setLevel(level)


def test_a_request_is_logged_by_its_rule_not_its_text(
    client: FlaskClient, book: io.BytesIO
) -> None:
    """Neither a page's token nor a query reaches the log, and a fault stands there with its id."""
    answer = client.get("/pages/raise/fault?name=TRAN")
    lines = [json.loads(line) for line in book.getvalue().splitlines()]
    assert [line["event"] for line in lines] == ["http.failed", "http.answered"]
    assert {line["request_id"] for line in lines} == {answer.headers["X-Request-Id"]}
    assert lines[0]["error"] == "builtins.RuntimeError"
    assert lines[1]["path_rule"] == "/pages/raise/<name>"
    assert lines[1]["status"] == 500
    assert b"TRAN" not in book.getvalue()


def language_of(client: FlaskClient, path: str = "/nowhere", **headers: str) -> str | None:
    told = {name.replace("_", "-"): value for name, value in headers.items()}
    return client.get(path, headers={"Accept": "text/html", **told}).headers["Content-Language"]


def test_the_language_is_asked_for_then_remembered_then_guessed(client: FlaskClient) -> None:
    """`?lang=` wins and is kept in a cookie, then the browser's wish, then Vietnamese."""
    assert language_of(client) == "vi"
    assert language_of(client, Accept_Language="fr, en;q=0.8, vi;q=0.2") == "en"
    assert language_of(client, Accept_Language="fr") == "vi"
    assert language_of(client, "/nowhere?lang=xx") == "vi"
    assert client.get_cookie("lang") is None
    assert language_of(client, "/nowhere?lang=en") == "en"
    kept = client.get_cookie("lang")
    assert kept is not None
    assert (kept.value, kept.http_only, kept.same_site) == ("en", True, "Lax")
    assert language_of(client, Accept_Language="vi") == "en"
    assert language_of(client, "/nowhere?lang=vi") == "vi"
    assert language_of(client, Accept_Language="en") == "vi"


@pytest.mark.parametrize(
    ("asked", "spoken"),
    [
        ("vi-VN,en;q=0.5", "vi"),
        ("vi-VN,en-US;q=0.9,en;q=0.8", "vi"),
        ("en-GB,vi;q=0.3", "en"),
        ("fr-FR,en-US;q=0.5,vi;q=0.4", "en"),
        ("VI", "vi"),
        ("*", "vi"),
        ("", "vi"),
    ],
)
def test_a_browsers_regional_language_counts(client: FlaskClient, asked: str, spoken: str) -> None:
    """`vi-VN` is Vietnamese, whatever else is asked for less."""
    assert language_of(client, Accept_Language=asked) == spoken


def test_a_program_is_given_no_cookie(client: FlaskClient) -> None:
    """The API answers in the language asked for and remembers nothing."""
    answer = client.get("/api/v1/money?lang=en")
    assert answer.headers["Content-Language"] == "en"
    assert "Set-Cookie" not in answer.headers
    assert set(answer.vary) >= {"Accept-Language", "Cookie"}


def test_the_switch_keeps_the_place(client: FlaskClient) -> None:
    """The other language is the same page with the same query."""
    page = client.get("/pages/raise/missing?x=1&lang=en", headers={"Accept": "text/html"}).text
    assert 'href="/pages/raise/missing?x=1&amp;lang=vi"' in page


def test_amounts_days_and_instants_are_written_as_read_in_viet_nam() -> None:
    """Dots in Vietnamese, commas in English, and the clock of Asia/Ho_Chi_Minh."""
    instant = datetime(2026, 11, 24, 10, 30, tzinfo=UTC)
    with words.speaking("vi"):
        assert i18n.dong(150_000) == "150.000\xa0₫"
        assert i18n.moment(instant) == "17:30, 24/11/2026"
        assert i18n.moment("2026-11-24T17:30:00Z") == "00:30, 25/11/2026"
        assert i18n.day(date(2026, 9, 2)) == "02/09/2026"
    with words.speaking("en"):
        assert i18n.dong(Dong(499_999_999)) == "499,999,999\xa0₫"
        assert i18n.moment(instant) == "24 Nov 2026, 17:30"
        assert i18n.day("2026-09-02") == "2 Sep 2026"


def test_a_sentence_writes_amounts_and_days_itself() -> None:
    """A field that is an amount or a day is written as the language does, others as they are."""
    words.catalogue.cache_clear()
    fields = {"a": Dong(1_500_000), "d": date(2026, 9, 2), "n": 1500}
    assert words.say("{a} {d} {n} {gone}", in_language="vi", **fields) == (
        "1.500.000 02/09/2026 1500 {gone}"
    )
    assert words.say("{a} {d} {n}", in_language="en", **fields) == "1,500,000 2 Sep 2026 1500"


def test_json_writes_instants_in_utc_with_z(app: Flask) -> None:
    """An instant of any zone is written in UTC; a naive one or a strange thing is refused."""
    provider = OrjsonProvider(app)
    local = datetime.fromisoformat("2026-11-24T17:30:00+07:00")
    assert provider.dumps({"at": local, "on": date(2026, 9, 2), "sum": Dong(5)}) == (
        '{"at":"2026-11-24T10:30:00Z","on":"2026-09-02","sum":5}'
    )
    for strange in (datetime(2026, 1, 1), object(), 2**70):  # noqa: DTZ001  # naive on purpose
        with pytest.raises(TypeError):
            provider.dumps(strange)


ROWS = Table("row", MetaData(), Column("id", Integer, primary_key=True))


def test_pages_of_a_list_hold_every_row_once_newest_first() -> None:
    """Following `next` to its end shows every row once, also when new rows arrive meanwhile."""
    engine = create_engine("sqlite://")
    with engine.connect() as connection:
        ROWS.create(connection)
        connection.execute(insert(ROWS), [{"id": n} for n in range(1, 8)])
        seen: list[object] = []
        arguments = {"limit": "3"}
        while True:
            page = paging.asked(arguments)
            found = connection.scalars(page.of(select(ROWS.c.id), ROWS.c.id)).all()
            answer = page.answer(found, key=int, show=int)
            seen += answer["items"]  # type: ignore[arg-type]  # a list, by the line above
            if answer["next"] is None:
                break
            arguments["cursor"] = str(answer["next"])
            connection.execute(insert(ROWS), [{"id": 100 + len(seen)}])
    engine.dispose()
    assert seen == [7, 6, 5, 4, 3, 2, 1]


def test_a_page_has_fifty_rows_unless_said() -> None:
    """No limit is fifty; the most is two hundred."""
    assert paging.asked({}) == paging.Page(limit=50, before=None)
    assert paging.asked({"limit": "200"}).limit == 200


@pytest.mark.parametrize("limit", ["0", "201", "-1", "1.5", "abc", "", "٣", "9999999999", " 5"])
def test_another_limit_is_refused(limit: str) -> None:
    """A limit is a whole number from 1 to 200."""
    with pytest.raises(paging.LimitOutOfRange):
        paging.asked({"limit": limit})


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "x",
        "7",
        "djF8",
        "djF8LTE",
        "djF8MDc",
        "djJ8Nw",
        "djF8Nw==",
        "djF8Nw ",
        "ăâ",
        "A" * 500,
        paging.cursor_after(2**63),
        paging.cursor_after(7)[:-1] + "x",
    ],
)
def test_a_cursor_of_another_make_is_refused(cursor: str) -> None:
    """Only a cursor that this service wrote is read."""
    with pytest.raises(paging.UnreadableCursor):
        paging.asked({"cursor": cursor})


def test_a_cursor_is_read_back() -> None:
    """What was given out is understood."""
    for row in (0, 7, 2**63 - 1):
        assert paging.asked({"cursor": paging.cursor_after(row)}).before == row


def test_the_forwarded_address_is_believed_only_from_our_proxies() -> None:
    """`X-Forwarded-Proto` counts only where a proxy is set."""
    headers = {"X-Forwarded-Proto": "https", "Accept": "text/html"}
    for proxies, secure in ((0, False), (1, True)):
        client = kit.new_app(
            base_url="https://pay.example.vn", trusted_proxies=proxies
        ).test_client()
        client.get("/nowhere?lang=en", headers=headers)
        cookie = client.get_cookie("lang")
        assert cookie is not None
        assert cookie.secure is secure
