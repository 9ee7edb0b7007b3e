"""The page that describes the API tells all of the description, and its examples can be copied."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import jsonschema_rs
import pytest

from payments.app import create_app
from payments.core.words import LANGUAGES
from payments.web.api import OPENAPI
from payments.web.api_page import operations
from tests.services import a_config

COMMAND = re.compile(r"<pre><code>(.+?)</code></pre>", re.DOTALL)
ANCHOR = re.compile(r'href="#([^"]+)"')
SERVED = "https://pay.example.vn"


@pytest.fixture(params=LANGUAGES)
def told(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[dict[str, Any], str]:
    """The description and the page, in one language."""
    url = f"sqlite:///{tmp_path / 'none.db'}"
    client = create_app(a_config(database_url=url, base_url=SERVED)).test_client()
    asked = {"headers": {"Accept-Language": request.param}}
    return client.get(OPENAPI, **asked).json, client.get("/docs", **asked).text


def test_the_page_tells_all_of_the_description(told: tuple[dict[str, Any], str]) -> None:
    """Every call with its words, every field of every type, every message, every word of a code."""
    spec, page = told
    shown = unescape(page)
    for path, method, operation in operations(spec):
        assert f"<h3><code>{method.upper()} {path}</code></h3>" in shown
        assert f"<p>{operation['summary']}</p>" in shown
        own = shown.partition(f' id="{operation["operationId"]}"')[2].partition("</section>")[0]
        for one in operation["parameters"]:
            if one["name"] != "If-None-Match":
                assert f"<code>{one['name']}</code>" in own, (path, one["name"])
                assert one.get("description", "") in own, (path, one["name"])
        for status in operation["responses"].keys() - {"400", "401", "403", "429", "503"}:
            assert f"<li><code>{status}</code>" in own, (path, status)
    for name, shape in spec["components"]["schemas"].items():
        part = shown.partition(f'id="{name}"')[2].partition("</section>")[0]
        for field, one in shape["properties"].items():
            assert f"<code>{field}</code>" in part, (name, field)
            assert one.get("description", "") in part, (name, field)
            assert all(f"<code>{value}</code>" in part for value in one.get("enum", ())), field
    for kind, message in spec["webhooks"].items():
        assert f"<code>{kind}</code> {message['post']['summary']}" in shown
    assert spec["info"]["description"] in shown


def test_what_the_page_leads_to_is_on_it(told: tuple[dict[str, Any], str]) -> None:
    """Each anchor is there, and there once."""
    _, page = told
    wanted = set(ANCHOR.findall(page))
    assert len(wanted) > 60
    assert {one: page.count(f' id="{one}"') for one in wanted} == dict.fromkeys(wanted, 1)


def test_each_call_is_shown_as_it_is_sent(told: tuple[dict[str, Any], str]) -> None:
    """A command for each call: its address, its method, its headers, a body that fits."""
    spec, page = told
    commands = [shlex.split(unescape(one)) for one in COMMAND.findall(page)]
    calls = list(operations(spec))
    assert len(commands) == len(calls)
    for words, (path, method, operation) in zip(commands, calls, strict=True):
        assert words[:4] == ["curl", "-sS", "-X", method.upper()], path
        address = urlsplit(words[4])
        assert f"{address.scheme}://{address.netloc}" == SERVED
        filled = re.sub(r"\{(\w+)\}", lambda name: f"${name[1].upper()}", path)
        assert address.path == filled
        needed = [one["name"] for one in operation["parameters"] if one.get("required")]
        heads = [one.partition(":")[0] for one in words if ": " in one]
        assert {"Authorization", *(one for one in needed if one[0].isupper())} <= set(heads), path
        if "requestBody" in operation:
            content = operation["requestBody"]["content"]["application/json"]
            _fits(spec, content["schema"], json.loads(words[words.index("-d") + 1]))


def _fits(spec: Mapping[str, Any], schema: Mapping[str, Any], value: object) -> None:
    whole = {**schema, "components": spec["components"]}
    jsonschema_rs.validator_for(whole, validate_formats=True).validate(value)
