"""XML damaged by element, text, tag and attribute."""

from __future__ import annotations

import re
from random import Random
from typing import Final

from tests.fuzzing.extremes import EXTREMES
from tests.fuzzing.texts import RARELY, cut, extreme_number, in_other_encoding, lose

TOKENS: Final = re.compile(rb"<[^>]*>|[^<]+|<")
ATTRIBUTE: Final = re.compile(rb'="([^"]*)"')
DEEP: Final = (3, 60, 2_000, 20_000)


def xml(content: bytes, chance: Random) -> bytes:
    """Elements exchanged, lost, doubled, nested; texts, tags and attributes replaced."""
    tokens = TOKENS.findall(content)
    for _ in range(chance.randint(1, 3)):
        if tokens:
            chance.choice(_OF_TOKENS)(tokens, chance)
    whole = b"".join(tokens)
    return in_other_encoding(whole, chance) if chance.randrange(RARELY) == 0 else whole


def _span(tokens: list[bytes], chance: Random) -> slice:
    """An element with all that is in it, or a text."""
    at = chance.randrange(len(tokens))
    depth = 0
    for end in range(at, len(tokens)):
        token = tokens[end]
        if token.startswith(b"</"):
            depth -= 1
        elif token.startswith(b"<") and not token.endswith(b"/>") and token[1:2] not in b"?!":
            depth += 1
        if depth <= 0:
            return slice(at, end + 1)
    return slice(at, at + 1)


def _lose_element(tokens: list[bytes], chance: Random) -> None:
    del tokens[_span(tokens, chance)]


def _copy_element(tokens: list[bytes], chance: Random) -> None:
    copied = tokens[_span(tokens, chance)]
    at = chance.randrange(len(tokens))
    tokens[at:at] = copied * chance.choice([1, 1, 1, 3])


def _double_element(tokens: list[bytes], chance: Random) -> None:
    span = _span(tokens, chance)
    tokens[span] = tokens[span] * 2


def _swap_elements(tokens: list[bytes], chance: Random) -> None:
    spans = sorted((_span(tokens, chance), _span(tokens, chance)), key=lambda span: span.start)
    one, other = spans
    if one.stop <= other.start:
        first, second = tokens[one], tokens[other]
        tokens[other] = first
        tokens[one] = second


def _other_text(tokens: list[bytes], chance: Random) -> None:
    texts = [place for place, token in enumerate(tokens) if not token.startswith(b"<")]
    if texts:
        tokens[chance.choice(texts)] = chance.choice(EXTREMES).replace(b"<", b"&lt;")


def _other_tag(tokens: list[bytes], chance: Random) -> None:
    tokens[chance.randrange(len(tokens))] = chance.choice(tokens)


def _other_attribute(tokens: list[bytes], chance: Random) -> None:
    places = [place for place, token in enumerate(tokens) if ATTRIBUTE.search(token)]
    if not places:
        return
    at = chance.choice(places)
    value = chance.choice(EXTREMES).replace(b'"', b"&quot;").replace(b"<", b"&lt;")
    found = chance.choice(list(ATTRIBUTE.finditer(tokens[at])))
    tokens[at] = tokens[at][: found.start(1)] + value + tokens[at][found.end(1) :]


def _put_in(tokens: list[bytes], chance: Random) -> None:
    """Puts in what no bank writes: a section, an entity, a DOCTYPE, elements nested without end."""
    deep = chance.choice(DEEP if chance.randrange(RARELY) == 0 else DEEP[:2])
    nested = (b"<a>" * deep + b"</a>" * deep, b"<a>" * deep)
    tokens.insert(chance.randrange(len(tokens)), chance.choice((*_STRANGE, *nested)))


_STRANGE: Final = (
    b"<!-- x -->",
    b"<![CDATA[50000]]>",
    b"<?pi x?>",
    b"&amp;&#0;",
    b"&#65534;&#xD800;",
    b"&e;",
    b"]]>",
    b'<!DOCTYPE x [<!ENTITY e "50000">]>',
    b'<Amt Ccy="VND">1</Amt>',
    b"<RvslInd>true</RvslInd>",
    b'<x xmlns="urn:other"/>',
)
_OF_TOKENS: Final = (
    _lose_element, _copy_element, _double_element, _swap_elements, _other_tag, _put_in, cut,
    lose, extreme_number, *[_other_text] * 3, *[_other_attribute] * 2,
)  # fmt: skip
