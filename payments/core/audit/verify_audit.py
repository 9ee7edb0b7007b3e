"""Checks an exported audit trail; needs Python 3.9 or later and nothing else.

    python3 verify_audit.py audit-*.jsonl head-*.json
    python3 verify_audit.py --certificate known.pem --en audit-*.jsonl head-*.json

Give the exports (.jsonl) in their order and every signed head (.json) that you kept, or the folder
that holds them. What is checked: each line is written in the only way there is and has its own
hash; each follows the one before it; each head stands in the chain where it says; each head's
signature, where the program `openssl` is found. What could not be checked is said. `--selection` is
for lines found by a search, which do not follow each other: then each line is checked by itself.

Exit code: 0 nothing is wrong; 1 something is; 2 the files could not be read.

This file stands alone: it is written apart from the service whose trail it checks, and every entry
can be recomputed by hand: SHA-256 of the line without its "hash", as JSON with its keys sorted, no
spaces, in UTF-8.
"""

from __future__ import annotations

import argparse
import base64
import binascii
import hashlib
import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from io import TextIOWrapper
from pathlib import Path
from typing import Any

GENESIS = "0" * 64
KEYS = ["action", "actor", "at", "details", "hash", "previous_hash", "subject"]
HEAD_KEYS = ["certificate", "head", "signature"]
FORMAT = "cashless-audit-1"

_HASH = re.compile("[0-9a-f]{64}")
_PEM = re.compile("-----BEGIN CERTIFICATE-----(.+?)-----END CERTIFICATE-----", re.DOTALL)

WORDS = {
    "ok": ("ĐÚNG", "OK"),
    "wrong": ("SAI", "WRONG"),
    "open": ("CHƯA KIỂM TRA", "NOT CHECKED"),
    "unreadable_file": ("{file}: không đọc được.", "{file}: can't be read."),
    "line_unreadable": (
        "{file}, dòng {line}: không phải một mục nhật ký nguyên vẹn.",
        "{file}, line {line}: not an entry of the trail as it was written.",
    ),
    "line_altered": (
        "{file}, dòng {line}: nội dung không khớp với mã băm của chính nó, đã bị sửa.",
        "{file}, line {line}: it does not have its own hash, so it was altered.",
    ),
    "line_moved": (
        "{file}, dòng {line}: không nối tiếp mục đứng trước; có mục bị xóa, chèn hoặc đổi chỗ.",
        (
            "{file}, line {line}: it does not follow the entry before it; one was removed, put in "
            "or moved."
        ),
    ),
    "chain": (
        "{count} mục nối tiếp nhau, mục cuối có mã băm {hash}.",
        "{count} entries, each following the one before; the last has the hash {hash}.",
    ),
    "selection": (
        "{count} mục, từng mục khớp với mã băm của chính nó.",
        "{count} entries, each with its own hash.",
    ),
    "selection_open": (
        (
            "Các mục là kết quả tìm kiếm: không xét chúng có nối tiếp nhau, có thiếu mục nào hay "
            "không."
        ),
        "These lines were searched for: whether any is missing between them was not looked at.",
    ),
    "begins_late": (
        (
            "Bản xuất bắt đầu sau mục thứ {entries} theo đầu chuỗi {file}; các mục trước đó không "
            "có ở đây."
        ),
        (
            "The export begins after entry {entries}, where the head {file} stands; the entries "
            "before it are not here."
        ),
    ),
    "head_cut": (
        (
            "{file}: đầu chuỗi đã ký biết {entries} mục, bản xuất chỉ tới mục thứ {reached}: phần "
            "đuôi bị cắt, hoặc thiếu tệp."
        ),
        (
            "{file}: the signed head knows {entries} entries, the export ends at entry {reached}: "
            "its tail was cut off, or a file is missing."
        ),
    ),
    "head_other": (
        "{file}: mục thứ {entries} không có mã băm mà đầu chuỗi ghi: chuỗi đã bị viết lại.",
        (
            "{file}: entry {entries} does not have the hash that the head says: the chain was "
            "rewritten."
        ),
    ),
    "head_before": (
        "{file}: đầu chuỗi đứng trước mục đầu tiên của bản xuất.",
        "{file}: the head stands before the first entry of the export.",
    ),
    "head_stands": (
        "{file}: mục thứ {entries} đúng như đầu chuỗi ghi lúc {made_at}.",
        "{file}: entry {entries} is as the head made at {made_at} says.",
    ),
    "head_unreadable": (
        "{file}: không phải đầu chuỗi nguyên vẹn.",
        "{file}: not a head as it was written.",
    ),
    "signed": (
        "{file}: chữ ký đúng, của chứng thư có dấu vân tay SHA-256 {fingerprint}.",
        (
            "{file}: the signature is right, by the certificate with the SHA-256 fingerprint "
            "{fingerprint}."
        ),
    ),
    "not_signed": ("{file}: chữ ký không đúng.", "{file}: the signature is wrong."),
    "stranger": (
        "{file}: chứng thư không nằm trong các chứng thư bạn tin cậy.",
        "{file}: its certificate is none of those you trust.",
    ),
    "no_openssl": (
        "{file}: chữ ký (máy này không có chương trình openssl).",
        "{file}: the signature (there is no program openssl on this machine).",
    ),
    "whose_certificate": (
        (
            "{file}: chứng thư là của ai. Hãy so dấu vân tay {fingerprint} với chứng thư bạn biết,"
            " hoặc dùng --certificate."
        ),
        (
            "{file}: whose certificate it is. Compare the fingerprint {fingerprint} with the "
            "certificate you know, or use --certificate."
        ),
    ),
    "no_head": (
        "Phần đuôi có bị cắt hay không: không có đầu chuỗi đã ký nào để so.",
        "Whether the tail was cut off: there is no signed head to compare with.",
    ),
    "after_head": (
        "{count} mục sau đầu chuỗi cuối cùng: chưa có chữ ký nào bảo đảm.",
        "{count} entries after the last head: no signature covers them yet.",
    ),
}


Report = Callable[..., None]
"""Says one finding: `mark` and `key` of WORDS, and what fills them in."""


class Wrong(Exception):
    """Something that does not hold; `key` says what in WORDS."""

    def __init__(self, key: str, **fields: object) -> None:
        super().__init__(key)
        self.key, self.fields = key, fields


def canonical(value: object) -> bytes:
    """JSON in the only way a trail is written: keys sorted, no spaces, UTF-8."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.encode("utf-8")


def entry_of(raw: bytes, where: dict[str, Any]) -> dict[str, Any]:
    """The entry that a line is, once the line is written as it must be and has its own hash."""
    entry: Any = None
    try:
        entry = json.loads(raw.decode("utf-8"))
        written = canonical(entry) + b"\n" == raw
        whole = written and isinstance(entry, dict) and sorted(entry) == KEYS
    except (ValueError, TypeError, AttributeError, RecursionError):
        whole = False
    if not whole:
        raise Wrong("line_unreadable", **where)
    content = {key: entry[key] for key in KEYS if key != "hash"}
    if hashlib.sha256(canonical(content)).hexdigest() != entry["hash"]:
        raise Wrong("line_altered", **where)
    return dict(entry)


def lines_of(paths: Iterable[Path]) -> Iterator[tuple[bytes, dict[str, Any]]]:
    """Each line of the exports with where it stands."""
    for path in paths:
        with path.open("rb") as file:
            for number, raw in enumerate(file, 1):
                yield raw, {"file": path.name, "line": number}


def head_of(path: Path) -> dict[str, Any]:
    """What a head's file says. Raises `Wrong`."""
    whole: dict[str, Any] = {}
    head: dict[str, Any] = {}
    try:
        whole = json.loads(path.read_bytes().decode("utf-8"))
        head = whole["head"]
        fits = (
            sorted(whole) == HEAD_KEYS
            and canonical(whole) + b"\n" == path.read_bytes()
            and sorted(head) == ["entries", "format", "hash", "made_at"]
            and head["format"] == FORMAT
            and type(head["entries"]) is int
            and head["entries"] > 0
            and _HASH.fullmatch(head["hash"]) is not None
        )
        base64.b64decode(whole["signature"], validate=True)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        fits = False
    if not fits:
        raise Wrong("head_unreadable", file=path.name)
    return dict(whole, file=path.name, **head)


def read_chain(
    paths: Iterable[Path], heads: list[dict[str, Any]]
) -> tuple[int, int, str, dict[int, str]]:
    """Where the chain begins and ends, and what stands where a head says.

    Gives (entries before the first, entries up to the last, its hash, {place: hash}).
    """
    places = {head["entries"] for head in heads}
    starts = {head["hash"]: head["entries"] for head in heads}
    begun, count, last = 0, 0, GENESIS
    seen: dict[int, str] = {}
    for raw, where in lines_of(paths):
        entry = entry_of(raw, where)
        if count == begun == 0 and entry["previous_hash"] in starts:
            last = entry["previous_hash"]
            begun = count = starts[last]
            seen[count] = last
        if entry["previous_hash"] != last:
            raise Wrong("line_moved", **where)
        count, last = count + 1, entry["hash"]
        if count in places:
            seen[count] = last
    return begun, count, last, seen


def check_head(
    head: dict[str, Any], begun: int, count: int, seen: dict[int, str]
) -> dict[str, Any]:
    """Whether a head stands in the chain. Raises `Wrong`."""
    told = {"file": head["file"], "entries": head["entries"], "made_at": head["made_at"]}
    if head["entries"] > count:
        raise Wrong("head_cut", reached=count, **told)
    if head["entries"] < begun:
        raise Wrong("head_before", **told)
    if seen[head["entries"]] != head["hash"]:
        raise Wrong("head_other", **told)
    return told


def der_of(pem: str) -> list[bytes]:
    """The certificates in a PEM text, as bytes."""
    return [base64.b64decode("".join(body.split())) for body in _PEM.findall(pem)]


def fingerprint_of(head: dict[str, Any]) -> str:
    """SHA-256 of the certificate that a head carries. Raises `Wrong`."""
    try:
        (der,) = der_of(head["certificate"])
    except (ValueError, TypeError, binascii.Error):
        raise Wrong("head_unreadable", file=head["file"]) from None
    return hashlib.sha256(der).hexdigest()


def is_signed(head: dict[str, Any], openssl: str) -> bool:
    """Whether the signature over a head is its certificate's, by openssl."""
    with tempfile.TemporaryDirectory() as folder:
        names = ("certificate.pem", "key.pem", "signature", "message")
        certificate, key, signature, message = (Path(folder) / name for name in names)
        certificate.write_text(head["certificate"], encoding="ascii")
        signature.write_bytes(base64.b64decode(head["signature"]))
        message.write_bytes(canonical(head["head"]))
        made = subprocess.run(  # noqa: S603  openssl, found by us; the rest are our own files
            [openssl, "x509", "-in", str(certificate), "-pubkey", "-noout"],
            capture_output=True,
            check=False,
        )
        if made.returncode != 0:
            return False
        key.write_bytes(made.stdout)
        told = ["-sha256", "-verify", str(key), "-signature", str(signature), str(message)]
        dgst = [openssl, "dgst", *told]
        checked = subprocess.run(dgst, capture_output=True, check=False)  # noqa: S603  the same
        return checked.returncode == 0


def check_signature(head: dict[str, Any], trusted: set[str], report: Report) -> None:
    """Reports on one head's signature. Raises `Wrong`."""
    told = {"file": head["file"], "fingerprint": fingerprint_of(head)}
    if trusted and told["fingerprint"] not in trusted:
        raise Wrong("stranger", **told)
    openssl = shutil.which("openssl")
    if openssl is None:
        report("open", "no_openssl", **told)
    elif is_signed(head, openssl):
        report("ok", "signed", **told)
    else:
        raise Wrong("not_signed", **told)
    if not trusted:
        report("open", "whose_certificate", **told)


def check(
    exports: Iterable[Path], head_files: Iterable[Path], trusted: set[str], report: Report
) -> None:
    """Checks a chain with its heads. Raises `Wrong` at the first thing that does not hold."""
    heads = [head_of(path) for path in head_files]
    for head in heads:
        check_signature(head, trusted, report)
    begun, count, last, seen = read_chain(exports, heads)
    if begun:
        first = next(head["file"] for head in heads if head["entries"] == begun)
        report("open", "begins_late", entries=begun, file=first)
    for head in heads:
        report("ok", "head_stands", **check_head(head, begun, count, seen))
    report("ok", "chain", count=count - begun, hash=last)
    if not heads:
        report("open", "no_head")
    elif count > max(head["entries"] for head in heads):
        report("open", "after_head", count=count - max(head["entries"] for head in heads))


def check_selection(exports: Iterable[Path], report: Report) -> None:
    """Checks each line by itself. Raises `Wrong`."""
    count = sum(1 for raw, where in lines_of(exports) if entry_of(raw, where))
    report("ok", "selection", count=count)
    report("open", "selection_open")


def within(path: Path) -> list[Path]:
    """A file itself; the exported files and heads of a folder."""
    if not path.is_dir():
        return [path]
    return sorted(one for one in path.iterdir() if one.suffix in (".jsonl", ".json"))


def main() -> int:
    """The command; gives its exit code."""
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    asked.add_argument("files", nargs="+", type=Path, metavar="FILE", help=".jsonl, .json, folder")
    asked.add_argument("--certificate", type=Path, help="certificates that you trust, in PEM")
    asked.add_argument("--selection", action="store_true", help="lines found by a search")
    asked.add_argument("--en", action="store_true", help="speak English")
    told = asked.parse_args()
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8", errors="replace")

    def report(mark: str, key: str, **fields: object) -> None:
        place = 1 if told.en else 0
        sys.stdout.write(f"{WORDS[mark][place]}: {WORDS[key][place].format(**fields)}\n")

    files = [one for path in told.files for one in within(path)]
    exports = [path for path in files if path.suffix != ".json"]
    heads = [path for path in files if path.suffix == ".json"]
    try:
        trusted = set()
        if told.certificate is not None:
            known = told.certificate.read_text(encoding="ascii")
            trusted = {hashlib.sha256(der).hexdigest() for der in der_of(known)}
            if not trusted:
                report("wrong", "unreadable_file", file=told.certificate.name)
                return 2
        if told.selection:
            check_selection(exports, report)
        else:
            check(exports, heads, trusted, report)
    except Wrong as wrong:
        report("wrong", wrong.key, **wrong.fields)
        return 1
    except (OSError, ValueError) as error:
        report("wrong", "unreadable_file", file=getattr(error, "filename", None) or "?")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
