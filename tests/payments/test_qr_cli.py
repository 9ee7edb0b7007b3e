"""The commands `cashless qr` and `cashless reference`."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import click
import pytest
import zxingcpp
from click.testing import CliRunner, Result
from PIL import Image

from payments import references, vietqr
from payments.cli import COMMANDS
from payments.core.errors import CashlessError
from payments.core.money import Dong

CODE = "TTHC1234567894"
ASKED = {
    "--bin": "970436",
    "--account": "0011001234567",
    "--amount": "150000",
    "--memo": CODE,
}


def run(*words: str, given: bytes | str | None = None) -> Result:
    root = click.Group("cashless", commands=COMMANDS)
    return CliRunner().invoke(root, words, input=given)


def encoding(**changed: str | None) -> list[str]:
    options = ASKED | {f"--{name}": value for name, value in changed.items()}
    return [
        "qr",
        "encode",
        *(w for pair in options.items() if pair[1] is not None for w in pair),
    ]


def refused(result: Result) -> str:
    """The code of the refusal, after which nothing was printed."""
    assert isinstance(result.exception, CashlessError), result.exception
    assert result.exit_code != 0
    assert result.stdout == ""
    return result.exception.code


def test_a_code_is_written_and_read_back() -> None:
    """`qr encode` prints one line, and `qr decode` tells what it asks for."""
    payload = run(*encoding()).stdout
    assert payload.count("\n") == 1
    asked = {
        "bin": "970436",
        "account": "0011001234567",
        "amount": Dong(150_000),
        "memo": CODE,
    }
    assert payload.strip() == vietqr.encode(**asked)  # type: ignore[arg-type]

    told = json.loads(run("qr", "decode", payload.strip()).stdout)
    assert {name: told[name] for name in asked} == asked
    assert (told["bank"], told["service"], told["dynamic"]) == (
        "Vietcombank",
        "QRIBFTTA",
        True,
    )
    assert (told["name"], told["bill"], told["others"]) == (None, None, {})


def test_a_code_without_amount_or_memo_is_static() -> None:
    """What is not said is null."""
    payload = run(*encoding(amount=None, memo=None)).stdout.strip()
    told = json.loads(run("qr", "decode", payload).stdout)
    assert (told["amount"], told["memo"], told["dynamic"]) == (None, None, False)


def test_a_bank_no_list_knows_has_no_name() -> None:
    """The code is still a good one: lists are never complete."""
    payload = run(*encoding(bin="123456")).stdout.strip()
    assert json.loads(run("qr", "decode", payload).stdout)["bank"] is None


def test_a_code_is_drawn_into_files(tmp_path: Path) -> None:
    """Both pictures show the printed text."""
    svg, png = tmp_path / "code.svg", tmp_path / "code.png"
    payload = run(*encoding(svg=str(svg), png=str(png))).stdout.strip()
    [seen] = zxingcpp.read_barcodes(Image.open(png))
    assert seen.text == payload
    assert svg.read_text("utf-8") == vietqr.draw_svg(payload)
    assert ET.parse(svg).getroot().attrib["role"] == "img"


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"bin": "97043"}, "wrong_bin"),
        ({"account": "12 34"}, "wrong_account_number"),
        ({"memo": "lệ phí"}, "wrong_memo"),
        ({"memo": ""}, "wrong_memo"),
        ({"amount": "500000000"}, "amount_over_qr_limit"),
        ({"amount": "0"}, "not_an_amount"),
        ({"amount": "-5"}, "not_an_amount"),
        ({"amount": "1.000"}, "not_an_amount"),
        ({"amount": "abc"}, "not_an_amount"),
        ({"amount": ""}, "not_an_amount"),
    ],
)
def test_what_cannot_be_a_code_is_refused(
    changed: dict[str, str | None], code: str, tmp_path: Path
) -> None:
    """The refusal names the rule; nothing is printed and no file is made."""
    drawn = tmp_path / "code.png"
    assert refused(run(*encoding(**changed, png=str(drawn)))) == code
    assert not drawn.exists()


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    """The error says which file, not how the program is built."""
    nowhere = str(tmp_path / "missing" / "code.svg")
    result = run(*encoding(svg=nowhere))
    assert refused(result) == "unwritable_file"
    assert isinstance(result.exception, CashlessError)
    assert result.exception.fields["file"] == nowhere


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "qr_broken_structure"),
        ("hello", "qr_broken_structure"),
        (vietqr.encode(bin="970436", account="1")[:-1] + "x", "qr_wrong_checksum"),
    ],
)
def test_what_is_no_code_is_refused(text: str, code: str) -> None:
    """The refusal says what is wrong with it and where."""
    assert refused(run("qr", "decode", text)) == code


@pytest.mark.parametrize("words", [["encode"], ["decode"], ["encode", "--bin", "970436"]])
def test_a_missing_option_is_a_usage_error(words: list[str]) -> None:
    """Exit code 2, as for every command."""
    assert run("qr", *words).exit_code == 2


def test_references_are_made_one_a_line() -> None:
    """All are whole codes and all differ."""
    assert references.find(run("reference", "make").stdout)[0].kind == "FULL"
    made = run("reference", "make", "--count", "2000").stdout.split()
    assert len(set(made)) == 2000
    assert all(
        references.find(code) == [references.Reference(code, references.Kind.FULL)] for code in made
    )


@pytest.mark.parametrize("count", ["0", "-1", "x", "1000001"])
def test_a_count_is_between_one_and_a_million(count: str) -> None:
    """Anything else is a usage error."""
    assert run("reference", "make", "--count", count).exit_code == 2


def test_another_prefix_is_an_option() -> None:
    """The prefix is configurable; a wrong one is refused."""
    code = run("reference", "make", "--prefix", "BDHC").stdout.strip()
    assert code.startswith("BDHC")
    found = run("reference", "find", "--prefix", "BDHC", given=code + "\n").stdout
    assert json.loads(found)["references"] == [{"code": code, "kind": "FULL"}]
    assert refused(run("reference", "make", "--prefix", "bd")) == "wrong_reference_prefix"
    assert (
        refused(run("reference", "find", "--prefix", "bd", given="x")) == "wrong_reference_prefix"
    )


def test_each_memo_is_answered_by_one_line() -> None:
    """Empty lines, Windows line ends and a last line without its end included."""
    memos = [
        f"nop {CODE}",
        "",
        "Nộp lệ phí TTHC12345",
        "TTHC1234567895 va tthc 1234567894",
    ]
    result = run("reference", "find", given="\r\n".join(memos).encode())
    told = [json.loads(line) for line in result.stdout.splitlines()]
    assert [one["memo"] for one in told] == memos
    assert [one["references"] for one in told] == [
        [{"code": CODE, "kind": "FULL"}],
        [],
        [{"code": "TTHC12345", "kind": "CUT"}],
        [{"code": "TTHC1234567895", "kind": "DAMAGED"}, {"code": CODE, "kind": "FULL"}],
    ]


def test_no_memos_no_lines() -> None:
    """An empty input is answered by an empty output."""
    result = run("reference", "find", given=b"")
    assert (result.exit_code, result.stdout) == (0, "")


@pytest.mark.parametrize("mark", ["\u2028", "\x0b", "\x0c", "\x1c", "\x85", "\r"])
def test_only_a_line_feed_ends_a_memo(mark: str) -> None:
    """Other marks that some programs take for line ends stay inside the memo."""
    result = run("reference", "find", given=f"a{mark}b\nc\n")
    told = [json.loads(line)["memo"] for line in result.stdout.split("\n") if line]
    assert told == [f"a{mark}b", "c"]


def test_many_memos_are_found_across_blocks() -> None:
    """More than one block of input loses and doubles nothing."""
    made = [references.make() for _ in range(20_000)]
    given = "".join(f"nộp lệ phí {code} số {n}\n" for n, code in enumerate(made))
    lines = run("reference", "find", given=given).stdout.splitlines()
    assert [json.loads(line)["references"][0]["code"] for line in lines] == made


def test_a_line_that_is_no_text_is_named() -> None:
    """The number of the bad line is told; bytes are never guessed at."""
    given = b"first\n" * 20_000 + b"second \xff\n"
    result = run("reference", "find", given=given)
    assert isinstance(result.exception, CashlessError)
    assert (result.exception.code, result.exit_code != 0) == ("unreadable_memo", True)
    assert result.exception.fields == {"line": 20_001}


def test_a_line_without_end_is_refused() -> None:
    """A file that is not lines of text does not fill the memory."""
    result = run("reference", "find", given=b"ok\n" + b"x" * 2_000_000)
    assert isinstance(result.exception, CashlessError)
    assert result.exception.fields == {"line": 2}


def test_a_memo_is_answered_as_soon_as_it_comes() -> None:
    """A pipe that is still open has its answers: nothing waits for a full buffer."""
    program = "from payments.cli.reference import reference; reference(['find'])"
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(
        [sys.executable, "-c", program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environment,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert isinstance(process.stdout, io.BufferedReader)
        for _ in range(2):
            process.stdin.write(f"{CODE}\n".encode())
            process.stdin.flush()
            assert json.loads(process.stdout.readline())["memo"] == CODE
        process.stdin.close()
        assert process.stdout.read() == b""
    assert process.returncode == 0
