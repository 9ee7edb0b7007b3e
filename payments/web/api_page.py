"""The API's description as people read it: calls by subject, their fields, the shapes they share.

What every call takes and may answer is told once; each call shows what is its own, with a command
that a programmer can copy. Made from the OpenAPI document, in the document's language.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

Spec = Mapping[str, Any]

_METHODS: Final = ("get", "put", "post", "delete")
_PLACE: Final = re.compile(r"\{(\w+)\}")
_SAMPLES: Final = {
    "date": "2026-11-24",
    "date-time": "2026-11-24T01:30:00Z",
    "uuid": "019386e5-0000-7000-8000-000000000000",
}
_PLAIN: Final = {"integer": 1, "boolean": True, "object": {}, "null": None}


@dataclass(frozen=True)
class Field:
    """One field or parameter; `shape` is what it is made of, where that has a place of its own."""

    name: str
    kind: str
    shape: str | None
    place: str
    required: bool
    words: str
    allowed: Sequence[str]
    limits: Sequence[str]


@dataclass(frozen=True)
class Shape:
    """What has fields, told once under its name."""

    name: str
    fields: Sequence[Field]


@dataclass(frozen=True)
class Answer:
    """One answer: its status, its words, what it carries and in which headers."""

    status: str
    words: str
    media: str
    shape: str | None
    headers: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Call:
    """One call, or one message that a portal's own address receives."""

    name: str
    part: str
    method: str
    path: str
    words: str
    scopes: Sequence[str]
    parameters: Sequence[Field]
    body: str | None
    command: str
    answers: Sequence[Answer]


@dataclass(frozen=True)
class Part:
    """The calls about one subject."""

    name: str
    words: str
    calls: Sequence[Call]


@dataclass(frozen=True)
class Page:
    """The whole description."""

    title: str
    about: str
    key: str
    parts: Sequence[Part]
    always: Sequence[Answer]
    headers: Sequence[tuple[str, str]]
    messages: Sequence[Call]
    shapes: Sequence[Shape]


def page_of(spec: Spec) -> Page:
    """The description as a page tells it."""
    calls = [_call(spec, path, method, one) for path, method, one in operations(spec)]
    always = [one for one in calls[0].answers if all(one in call.answers for call in calls)]
    good = [answer.headers for call in calls for answer in call.answers if answer.headers]
    headers = [one for one in good[0] if all(one in told for told in good)]
    own = [_own(call, always, headers) for call in calls]
    return Page(
        title=spec["info"]["title"],
        about=spec["info"]["description"],
        key=spec["components"]["securitySchemes"]["key"]["description"],
        parts=[
            Part(tag["name"], tag["description"], [one for one in own if one.part == tag["name"]])
            for tag in spec["tags"]
        ],
        always=always,
        headers=headers,
        messages=[_call(spec, name, "post", one["post"]) for name, one in spec["webhooks"].items()],
        shapes=[
            Shape(name, fields_of(shape))
            for name, shape in sorted(spec["components"]["schemas"].items())
        ],
    )


def operations(spec: Spec) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Every call: its path, its method and its description, with what its path takes."""
    for path, told in spec["paths"].items():
        for method in _METHODS:
            if method in told:
                taken = [*told.get("parameters", ()), *told[method].get("parameters", ())]
                yield path, method, {**told[method], "parameters": taken}


def fields_of(shape: Mapping[str, Any]) -> Sequence[Field]:
    """The fields of a shape, in their order."""
    needed = shape.get("required", ())
    return [
        _field(name, told, required=name in needed)
        for name, told in shape.get("properties", {}).items()
    ]


def sample(spec: Spec, schema: Mapping[str, Any]) -> Any:
    """A value that fits a schema: its example, or one made of its parts."""
    shape = _shape_in(schema)
    if shape:
        return sample(spec, spec["components"]["schemas"][shape])
    for told in ("example", "const", "default"):
        if told in schema:
            return schema[told]
    if "enum" in schema:
        return schema["enum"][0]
    if "properties" in schema:
        return {name: sample(spec, one) for name, one in schema["properties"].items()}
    if "items" in schema:
        return [sample(spec, schema["items"])]
    kind = _kinds(schema)[0]
    return _PLAIN.get(kind, _SAMPLES.get(schema.get("format", ""), ""))


def _call(spec: Spec, path: str, method: str, told: Mapping[str, Any]) -> Call:
    content = told.get("requestBody", {}).get("content", {}).get("application/json")
    responses = {**spec["components"]["responses"]}
    return Call(
        name=told["operationId"],
        part=told.get("tags", [""])[0],
        method=method.upper(),
        path=path,
        words=told["summary"],
        scopes=[scope for one in told["security"] for scope in one["key"]],
        parameters=[
            _field(one["name"], one["schema"], place=one["in"], **_said(one))
            for one in told["parameters"]
            if one["name"] != "If-None-Match"
        ],
        body=_shape_in(_about(content["schema"])) if content else None,
        command=_command(spec, path, method, told, content) if path.startswith("/") else "",
        answers=[
            _answer(status, responses[_shape_in(one)] if "$ref" in one else one)
            for status, one in told["responses"].items()
        ],
    )


def _about(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a body is made of: of a message, what it tells about."""
    about: Mapping[str, Any] = schema.get("properties", {}).get("data", schema)
    return about


def _said(parameter: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "required": parameter.get("required", False),
        "words": parameter.get("description", ""),
    }


def _own(call: Call, always: Sequence[Answer], headers: Sequence[tuple[str, str]]) -> Call:
    """A call without what is told of all calls."""
    answers = [one for one in call.answers if one not in always]
    return replace(
        call,
        answers=[
            replace(one, headers=[told for told in one.headers if told not in headers])
            for one in answers
        ],
    )


def _answer(status: str, told: Mapping[str, Any]) -> Answer:
    content: Mapping[str, Any] = told.get("content", {})
    media = next(iter(content), "")
    return Answer(
        status=status,
        words="" if status.startswith("2") and status.isdigit() else told["description"],
        media=media,
        shape=_shape_in(content[media].get("schema", {})) if media else None,
        headers=[(name, one["description"]) for name, one in told.get("headers", {}).items()],
    )


def _field(
    name: str, told: Mapping[str, Any], *, required: bool, place: str = "", words: str = ""
) -> Field:
    below = told.get("items", told)
    return Field(
        name=name,
        kind=_kind(told),
        shape=_shape_in(below),
        place=place,
        required=required,
        words=words or told.get("description", ""),
        allowed=[str(one) for one in below.get("enum", ())],
        limits=[*_limits(told)],
    )


def _limits(told: Mapping[str, Any]) -> Iterator[str]:
    """What a value must keep to, in the notation of programmers."""
    below = told.get("items", told)
    for least, most in (("minimum", "maximum"), ("minItems", "maxItems")):
        if least in told:
            yield f"{told[least]:,} … {told[most]:,}" if most in told else f"≥ {told[least]:,}"
    if "pattern" in below:
        yield below["pattern"]
    if told.get("default") is not None:
        yield f"= {json.dumps(told['default'], ensure_ascii=False)}"


def _kind(told: Mapping[str, Any]) -> str:
    if "items" in told:
        return f"{_kind(told['items'])}[]"
    shape = _shape_in(told)
    kinds = [shape, *(["null"] if "anyOf" in told else [])] if shape else _kinds(told)
    form = f" ({told['format']})" if told.get("format") else ""
    return f"{kinds[0]}{form}{' | null' if 'null' in kinds[1:] else ''}"


def _kinds(told: Mapping[str, Any]) -> list[str]:
    kind = told.get("type", "string")
    return [kind] if isinstance(kind, str) else list(kind)


def _shape_in(schema: Mapping[str, Any]) -> str | None:
    """The name of what a schema refers to, itself or as one of several."""
    named = [one for one in (schema, *schema.get("anyOf", ())) if "$ref" in one]
    return named[0]["$ref"].rpartition("/")[2] if named else None


def _command(
    spec: Spec, path: str, method: str, told: Mapping[str, Any], content: Mapping[str, Any] | None
) -> str:
    """The call as `curl` sends it; what a caller knows stands as a variable of the shell."""
    address = _PLACE.sub(lambda name: f"${name[1].upper()}", path)
    lines = [f'curl -sS -X {method.upper()} "{spec["servers"][0]["url"]}{address}"']
    lines.append('-H "Authorization: Bearer $KEY"')
    lines += [
        f'-H "{one["name"]}: $(uuidgen)"'
        for one in told["parameters"]
        if one["in"] == "header" and one.get("required")
    ]
    if content:
        body = content.get("example", sample(spec, content["schema"]))
        lines += [
            '-H "Content-Type: application/json"',
            f"-d '{json.dumps(body, ensure_ascii=False)}'",
        ]
    return " \\\n  ".join(lines)
