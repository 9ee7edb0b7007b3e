"""How each result of a check looks to whoever holds the paper, and what it says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from payments.core.words import later
from payments.documents import Finding


@dataclass(frozen=True, slots=True)
class Face:
    """How a result looks and what it says."""

    tone: str
    icon: str
    headline: str
    sentences: tuple[str, ...] = ()


_ASK: Final = later("Please ask the agency whose name it bears before you rely on it.")

BY_CODE: Final[Mapping[Finding, Face]] = {
    Finding.VALID: Face(
        "done",
        "circle-check",
        later("We issued this paper, and it is valid"),
        (
            later(
                "Compare what stands below with the paper in your hand. If anything differs, the "
                "paper was altered."
            ),
        ),
    ),
    Finding.CANCELLED: Face(
        "stop",
        "ban",
        later("This paper was cancelled"),
        (later("It is no longer valid, and no other has taken its place."),),
    ),
    Finding.REPLACED: Face(
        "stop",
        "refresh-cw",
        later("This paper was replaced"),
        (later("It is no longer valid. Another paper has taken its place."),),
    ),
    Finding.UNKNOWN: Face(
        "stop",
        "circle-x",
        later("We know no paper with this code"),
        (
            later("Please compare the code with the paper, letter by letter, and try again."),
            later("If the code is right, we did not issue the paper."),
        ),
    ),
}
"""What the register says of a code."""

BY_FILE: Final[Mapping[Finding, Face]] = {
    **BY_CODE,
    Finding.VALID: Face(
        "done",
        "shield-check",
        later("This file is genuine and valid"),
        (later("It is byte for byte as we signed it, and it has not been cancelled."),),
    ),
    Finding.ALTERED: Face(
        "stop",
        "triangle-alert",
        later("This file was altered"),
        (later("It is not as it was signed. What stands in it proves nothing."), _ASK),
    ),
    Finding.UNSIGNED: Face(
        "stop",
        "circle-x",
        later("This file is not signed"),
        (
            later(
                "A receipt is the signed file you downloaded. Printed and scanned, or saved anew "
                "by another program, it has lost its signature."
            ),
            later("You may still check it by the code that is printed on it."),
        ),
    ),
    Finding.UNKNOWN_SIGNER: Face(
        "stop",
        "circle-x",
        later("This file was signed by somebody else"),
        (later("The signature is not ours."), _ASK),
    ),
    Finding.NOT_IN_FORCE: Face(
        "stop",
        "triangle-alert",
        later("This file was signed when the certificate was not in force"),
        (_ASK,),
    ),
    Finding.UNREADABLE: Face(
        "stop",
        "circle-x",
        later("This is not a file we can check"),
        (
            later(
                "Please choose the PDF or XML file itself, of 5 MB at most. A photo or a "
                "screenshot can't be checked; but the code that is printed on the paper can."
            ),
        ),
    ),
    Finding.UNKNOWN: Face(
        "stop",
        "circle-x",
        later("This file bears our signature, and we have no record of it"),
        (_ASK,),
    ),
}
"""What is found of a file."""
