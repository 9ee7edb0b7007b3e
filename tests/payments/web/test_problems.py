"""Every refusal is a problem with a stable code, and never tells what went wrong inside."""

from __future__ import annotations

import json
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

ORDER: dict[str, Any] = {"dossier": "H09-1", "lines": [{"fee": "LLTP", "quantity": 1}]}


def problem_of(answer: TestResponse) -> dict[str, Any]:
    """The problem an answer tells, after checking that it is one."""
    assert answer.content_type == "application/problem+json"
    told: dict[str, Any] = json.loads(answer.data)
    assert list(told) == ["type", "title", "status", "code", "detail", "errors", "request_id"]
    assert told["status"] == answer.status_code
    assert told["type"] == f"https://pay.example.vn/docs/errors#{told['code']}"
    assert told["request_id"] == answer.headers["X-Request-Id"]
    assert told["title"] != f"problem.{told['status']}"
    assert told["detail"] != f"error.{told['code']}"
    return told


@pytest.mark.parametrize(
    ("name", "status", "code"),
    [
        ("invalid", 422, "invalid"),
        ("amount", 422, "not_an_amount"),
        ("missing", 404, "not_found"),
        ("conflict", 409, "conflict"),
        ("refused", 403, "refused"),
        ("unavailable", 503, "unavailable"),
        ("unauthenticated", 401, "unauthenticated"),
        ("too-many", 429, "too_many_requests"),
        ("throttled", 429, "too_many_requests"),
    ],
)
def test_a_category_of_error_has_its_status(
    client: FlaskClient, name: str, status: int, code: str
) -> None:
    """Each category of error is told with its own status and the error's own code."""
    answer = client.get(f"/api/v1/raise/{name}")
    assert (answer.status_code, problem_of(answer)["code"]) == (status, code)


def test_an_error_with_a_place_points_to_it(client: FlaskClient) -> None:
    """An error that concerns one field carries its JSON pointer."""
    told = problem_of(client.get("/api/v1/raise/amount"))
    assert [(e["pointer"], e["code"]) for e in told["errors"]] == [
        ("/lines/0/amount", "not_an_amount")
    ]


@pytest.mark.parametrize(
    ("name", "seconds"), [("too-many", "30"), ("throttled", "7"), ("in-flight", "2")]
)
def test_come_again_later_says_when(client: FlaskClient, name: str, seconds: str) -> None:
    """A caller that should come again is told in how many seconds."""
    assert client.get(f"/api/v1/raise/{name}").headers["Retry-After"] == seconds


def test_unavailable_says_when_too(client: FlaskClient) -> None:
    """A bank or portal that meets an outage knows when to send again."""
    assert int(client.get("/api/v1/raise/unavailable").headers["Retry-After"]) > 0


def test_who_are_you_names_the_way_to_say_it(client: FlaskClient) -> None:
    """401 names the scheme, as RFC 9110 wants."""
    assert client.get("/api/v1/raise/unauthenticated").headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("place", ["api/v1", "pages"])
def test_a_fault_tells_nothing_but_the_request_id(client: FlaskClient, place: str) -> None:
    """What failed inside stays inside: no message, no type, no trace, only the id to quote."""
    answer = client.get(f"/{place}/raise/fault", headers={"Accept": "text/html"})
    assert answer.status_code == 500
    assert answer.headers["X-Request-Id"] in answer.text
    for inside in ("TRAN", "RuntimeError", "Traceback", ".py"):
        assert inside not in answer.text
    if place == "api/v1":
        assert problem_of(answer)["detail"] is None


@pytest.mark.parametrize(("language", "words"), [("vi", "Không tìm thấy"), ("en", "Not found")])
def test_a_problem_speaks_the_callers_language(
    client: FlaskClient, language: str, words: str
) -> None:
    """`Accept-Language` chooses the words."""
    answer = client.get("/api/v1/raise/missing", headers={"Accept-Language": language})
    assert problem_of(answer)["title"] == words
    assert answer.headers["Content-Language"] == language


@pytest.mark.parametrize("language", ["vi", "en"])
@pytest.mark.parametrize("name", ["missing", "conflict", "unavailable", "fault", "too-many"])
def test_a_person_sees_a_page(client: FlaskClient, name: str, language: str) -> None:
    """A browser gets a page in the reader's language that says what to do next."""
    answer = client.get(
        f"/pages/raise/{name}", headers={"Accept": "text/html", "Accept-Language": language}
    )
    assert answer.mimetype == "text/html"
    assert f'<html lang="{language}"' in answer.text
    assert "<h1>" in answer.text
    for key in ("advice.", "problem.", "error."):
        assert key not in answer.text


def test_a_program_at_a_page_gets_a_problem(client: FlaskClient) -> None:
    """A script of ours that polls a page's address is answered in JSON."""
    answer = client.get("/pages/raise/missing", headers={"Accept": "application/json"})
    assert problem_of(answer)["code"] == "not_found"


def test_the_api_answers_json_to_a_browser_too(client: FlaskClient) -> None:
    """Under /api/ a problem is JSON whatever the caller accepts."""
    problem_of(client.get("/api/v1/raise/missing", headers={"Accept": "text/html"}))
    problem_of(client.get("/api/v1/nowhere", headers={"Accept": "text/html"}))


def test_a_wrong_method_names_the_right_ones(client: FlaskClient) -> None:
    """405 keeps its `Allow` header."""
    answer = client.delete("/api/v1/orders")
    assert problem_of(answer)["code"] == "method_not_allowed"
    assert {"GET", "POST"} <= {m.strip() for m in answer.headers["Allow"].split(",")}


def test_other_media_are_refused(client: FlaskClient) -> None:
    """A body that is not called JSON is 415."""
    for kind in ("text/plain", "application/x-www-form-urlencoded", "text/json", ""):
        answer = client.post("/api/v1/orders", data=json.dumps(ORDER), content_type=kind)
        assert (answer.status_code, problem_of(answer)["code"]) == (415, "unsupported_media_type")


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b'{"dossier": NaN}',
        b'{"dossier": Infinity}',
        b"[" * 60_000,
        b'{"dossier": "\xff"}',
        b'{"dossier": "\\ud800"}',
        b"{} {}",
        b"\xef\xbb\xbf{}",
        b"'x'",
    ],
)
def test_what_is_not_json_is_malformed(client: FlaskClient, body: bytes) -> None:
    """Broken JSON of any kind is 400, never a fault."""
    answer = client.post("/api/v1/orders", data=body, content_type="application/json")
    assert (answer.status_code, problem_of(answer)["code"]) == (400, "malformed")


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        (b'{"dossier": "a\\u0000b", "lines": [{"fee": "LLTP"}]}', "/dossier"),
        (b'{"dossier": "A", "lines": [{"fee": "A"}, {"fee": "B\\u0000"}]}', "/lines/1/fee"),
        (b'{"dossier": "A", "lines": [], "a/b": {"c\\u0000": 1}}', "/a~1b"),
    ],
)
def test_a_nul_in_a_text_is_pointed_at(client: FlaskClient, body: bytes, pointer: str) -> None:
    """PostgreSQL keeps no NUL; the caller learns in which field it is."""
    answer = client.post("/api/v1/orders", data=body, content_type="application/json")
    assert answer.status_code == 422
    errors = problem_of(answer)["errors"]
    assert [(one["pointer"], one["code"]) for one in errors] == [(pointer, "nul_in_text")]


@pytest.mark.parametrize(
    ("language", "words"),
    [("vi", "JSON nêu khóa “dossier” hai lần"), ("en", "says the key “dossier” twice")],
)
@pytest.mark.parametrize(
    "body",
    [
        b'{"dossier": "A", "dossier": "B", "lines": [{"fee": "LLTP", "quantity": 1}]}',
        b'{"lines": [{"dossier": 1, "fee": "LLTP", "dossier": 1}]}',
        b'{"dossier": "A", "\\u0064ossier": "B"}',
    ],
)
def test_a_key_said_twice_is_refused(
    client: FlaskClient, body: bytes, language: str, words: str
) -> None:
    """Which of two values is meant can't be known, so none is taken."""
    answer = client.post(
        "/api/v1/orders",
        data=body,
        content_type="application/json",
        headers={"Accept-Language": language},
    )
    assert (answer.status_code, problem_of(answer)["code"]) == (400, "repeated_key")
    assert words in problem_of(answer)["detail"]


@pytest.mark.parametrize(
    ("language", "words"), [("vi", "không có nội dung"), ("en", "The request has no body")]
)
def test_an_empty_body_is_called_empty(client: FlaskClient, language: str, words: str) -> None:
    """Rather than told as every field that is missing."""
    answer = client.post(
        "/api/v1/orders", content_type="application/json", headers={"Accept-Language": language}
    )
    assert (answer.status_code, problem_of(answer)["code"]) == (400, "empty_body")
    assert words in problem_of(answer)["detail"]


def test_a_body_over_the_limit_is_refused(client: FlaskClient) -> None:
    """64 KiB are read, one byte more is 413."""
    fits = client.post("/api/v1/echo", data=b"x" * 65_536)
    assert fits.json == {"length": 65_536}
    for path in ("/api/v1/echo", "/api/v1/orders"):
        answer = client.post(path, data=b" " * 65_537, content_type="application/json")
        assert (answer.status_code, problem_of(answer)["code"]) == (413, "too_large")


@pytest.mark.parametrize(
    "path", ["/api/v1/raise/a%00b", "/api/v1/orders?limit=%00", "/api/v1/orders?%00=1"]
)
def test_a_nul_in_an_address_is_malformed(client: FlaskClient, path: str) -> None:
    """PostgreSQL knows no NUL in a text; it never gets that far."""
    assert problem_of(client.get(path))["code"] == "malformed"


def told(client: FlaskClient, **changes: object) -> set[tuple[str, str]]:
    """Pointers and codes of what is wrong with an order that differs by `changes`."""
    answer = client.post("/api/v1/orders", json={**ORDER, **changes})
    assert answer.status_code == 422
    return {(error["pointer"], error["code"]) for error in problem_of(answer)["errors"]}


def test_each_wrong_field_is_pointed_at(client: FlaskClient) -> None:
    """A caller learns of every wrong field at once, by JSON pointer and code."""
    assert told(client, dossier=5) == {("/dossier", "wrong_type")}
    assert told(client, dossier=None) == {("/dossier", "null_field")}
    assert told(client, dossier="x" * 41) == {("/dossier", "too_long")}
    assert told(client, channel="post") == {("/channel", "unknown_choice")}
    assert told(client, on="21/09/2026") == {("/on", "wrong_format")}
    assert told(client, lines=[]) == {("/lines", "wrong_length")}
    assert told(client, lines="x") == {("/lines", "wrong_type")}
    assert told(client, lines=[5]) == {("/lines/0", "wrong_type")}
    assert told(client, **{"a/b~c": 1}) == {("/a~1b~0c", "unknown_field")}
    assert told(client, lines=[{"fee": "A", "quantity": 1.0}, {"quantity": 0, "price": 1}]) == {
        ("/lines/0/fee", "wrong_length"),
        ("/lines/0/quantity", "wrong_type"),
        ("/lines/1/fee", "missing_field"),
        ("/lines/1/quantity", "out_of_range"),
        ("/lines/1/price", "unknown_field"),
    }


@pytest.mark.parametrize("body", [[], "x", 5, None, True])
def test_a_body_of_another_shape_is_pointed_at_as_a_whole(
    client: FlaskClient, body: object
) -> None:
    """Where the whole body is wrong, the pointer is the whole body."""
    answer = client.post("/api/v1/orders", data=json.dumps(body), content_type="application/json")
    assert answer.status_code == 422
    assert [(e["pointer"], e["code"]) for e in problem_of(answer)["errors"]] == [("", "wrong_type")]


def test_a_wrong_query_is_named_by_its_parameter(client: FlaskClient) -> None:
    """A parameter of the address is named as such, with its bounds in words."""
    answer = client.get("/api/v1/orders?limit=201&x=1", headers={"Accept-Language": "en"})
    found = problem_of(answer)["errors"]
    assert ("query:limit", "too_big") in {(e["pointer"], e["code"]) for e in found}
    assert all(e["detail"] and "{" not in e["detail"] for e in found)


def test_bounds_are_told_in_words(client: FlaskClient) -> None:
    """The words name the bound that was broken."""
    answer = client.post(
        "/api/v1/orders", json={**ORDER, "dossier": "x" * 41}, headers={"Accept-Language": "vi"}
    )
    assert problem_of(answer)["errors"][0]["detail"] == "Độ dài nhiều nhất là 40."
