"""The files that are damaged: small ones of every reader, version, bank and way of writing."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Final

from tests.bank_sheets import BANKS, NEW_LAYOUT, NEW_SHEET, WRITERS, in_cp1258, sheet, written
from tests.mt940_files import mt940
from tests.statement_files import DAY, Movement, about_the_day, as_csv, camt, entry, payment
from tests.va_files import payment as va_payment
from tests.va_files import va_file

FOLDER: Final = Path(__file__).parents[1] / "samples" / "statements"

MOVEMENTS: Final = (
    Movement(50_000, "MBVCB.1.TTHC0123456797.CT tu 102", payer="NGUYEN VAN AN"),
    Movement(-3_300, "PHI SMS", "5242-74129", day=DAY + timedelta(days=1)),
    Movement(200_000, "hoàn trả", "5242-74130", "TRẦN THỊ BÌNH", "1020000001"),
)
REVERSED: Final = Movement(-50_000, "HOAN TRA", "5242-74140", reversal=True)
"""A credit taken back: sheets have no mark for it."""

SUFFIXES: Final = {"camt": "xml", "mt940": "sta", "vietinbank_va": "txt"}
PARTED: Final = b"\n#### sheet ####\n"
"""Between the description of a layout and the sheet it is tried on."""


@cache
def seeds() -> Mapping[str, tuple[bytes, ...]]:
    """Files by the reader that they are for."""
    return {
        reader: (*made, *(path.read_bytes() for path in samples(reader)))
        for reader, made in {
            "camt": _camt(),
            "mt940": _mt940(),
            "csv": [*_sheets("csv"), *_cp1258()],
            "vietinbank_va": _va(),
            "xlsx": [*_sheets("xlsx"), *_sheets("xlsx of texts")],
            "xls": _sheets("xls"),
            "layouts": _layouts(),
        }.items()
    }


def samples(reader: str) -> list[Path]:
    """The files of that reader among the samples, which are parts of the tests."""
    suffix = SUFFIXES.get(reader, reader)
    return sorted(FOLDER.glob(f"*.{suffix}"))


def _camt() -> list[bytes]:
    versions = [
        camt([*MOVEMENTS, REVERSED], opening=1_000_000, version=version)
        for version in (None, *range(2, 15))
    ]
    batch = entry(
        Movement(70_000),
        details="".join(
            payment(Movement(amount), amount=f'<Amt Ccy="VND">{amount}</Amt>')
            for amount in (50_000, 20_000)
        ),
    )
    summary = (
        "<TxsSummry><TtlNtries><NbOfNtries>2</NbOfNtries><Sum>120000</Sum>"
        "<TtlNetNtry><Amt>120000</Amt><CdtDbtInd>CRDT</CdtDbtInd></TtlNetNtry></TtlNtries>"
        "<TtlCdtNtries><NbOfNtries>2</NbOfNtries><Sum>120000</Sum></TtlCdtNtries></TxsSummry>"
    )
    pending = entry(Movement(9_000), status="PDNG")
    return [
        *versions,
        camt(MOVEMENTS[:1], prefix="b"),
        camt(MOVEMENTS[:1], closing=120_000, head=summary, extra=batch),
        camt(MOVEMENTS[:1], extra=pending),
        about_the_day("camt.052", MOVEMENTS),
        about_the_day("camt.054", MOVEMENTS[:1], version=2),
    ]


def _mt940() -> list[bytes]:
    some = [*MOVEMENTS, REVERSED]
    return [
        mt940(some, opening=1_000_000),
        mt940(some, opening=-50, enveloped=True, newline="\r\n"),
        mt940(MOVEMENTS, currency="USD"),
        mt940(MOVEMENTS[:1], closing=1),
        mt940(MOVEMENTS[:1], balances="FM") + mt940(MOVEMENTS[1:], page="7/2", balances="MF"),
        mt940([":61:2611241124C50000,NTRFNONREF//1", ":86:166?00CHUYEN?20TTHC01?31102?32AN"]),
        mt940([":61:261124EC50000,NTRFNONREF", ":86:/ORDP//NAME/AN/REMI/USTD//TTHC0123456797/"]),
    ]


def _sheets(way: str) -> list[bytes]:
    return [WRITERS[way](sheet(bank, MOVEMENTS, opening=1_000_000)) for bank in BANKS]


def _cp1258() -> list[bytes]:
    table = written(sheet("bidv", MOVEMENTS, opening=1_000_000))
    return [in_cp1258(as_csv(table, encoding="utf-8").decode())]


def _va() -> list[bytes]:
    several = [
        va_payment(),
        va_payment(amount="70000", status="01", recordType="003"),
        va_payment(status="02", transTime="2026-11-24 09:30:00"),
        va_payment(status="03", merchantAcctNo="0281000999998", bankTransId=""),
    ]
    return [
        va_file(several),
        va_file(several[:1], header=None),
        va_file([]),
        va_file(several, count=9),
    ]


def _layouts() -> list[bytes]:
    """A description and a sheet; without a description one is proposed."""
    by_example = [
        as_csv(written(sheet(bank, MOVEMENTS, opening=1_000_000))) for bank in ("mb", "acb", "vib")
    ]
    workbook = WRITERS["xlsx"](sheet("msb", MOVEMENTS))
    return [
        NEW_LAYOUT.encode() + PARTED + NEW_SHEET.encode(),
        PARTED + NEW_SHEET.encode(),
        *(PARTED + one for one in [*by_example, workbook]),
    ]
