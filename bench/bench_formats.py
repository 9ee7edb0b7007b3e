"""How fast statement files are read on one core, and how much memory that takes.

Goals: CAMT 15,000 entries, MT940 40,000 lines, CSV 80,000 rows, XLSX 40,000 rows a second; memory
that does not grow with a CAMT, MT940 or CSV file. The floors do the least that reading can be: bare
iterparse, a regular expression that splits the bytes at tags, csv.reader, and python-calamine,
which holds the whole grid. A line of MT940 is an entry with its memo, four lines of the file;
beside it goes the library mt-940. Seconds are those of the processor.

    python -m bench.bench_formats                   speed, and memory at one and at ten times
    python -m bench.bench_formats --million         a million lines of each that streams, 1 GB
"""

from __future__ import annotations

import csv
import json
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from io import TextIOWrapper
from pathlib import Path
from typing import Final
from xml.etree.ElementTree import iterparse

import mt940
import xlsxwriter
from python_calamine import CalamineWorkbook

from reconciliation.formats import read
from tests.statement_files import HEADER

ENTRIES: Final = 20_000
ROWS: Final = 50_000
MILLION: Final = 1_000_000
ROUNDS: Final = 5
SAMPLES: Final = Path(__file__).parent.parent / "tests" / "samples" / "statements"

HEAD: Final = """<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08">
  <BkToCstmrStmt>
    <GrpHdr><MsgId>M1</MsgId><CreDtTm>2026-11-24T20:00:00+07:00</CreDtTm></GrpHdr>
    <Stmt>
      <Id>S1</Id>
      <Acct><Id><Othr><Id>0281000999999</Id></Othr></Id><Ccy>VND</Ccy></Acct>
"""
BALANCE: Final = """      <Bal><Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp>
        <Amt Ccy="VND">{amount}</Amt><CdtDbtInd>CRDT</CdtDbtInd><Dt><Dt>2026-11-24</Dt></Dt></Bal>
"""
ENTRY: Final = """      <Ntry>
        <NtryRef>{n}</NtryRef>
        <Amt Ccy="VND">50000</Amt>
        <CdtDbtInd>CRDT</CdtDbtInd>
        <Sts><Cd>BOOK</Cd></Sts>
        <BookgDt><Dt>2026-11-24</Dt></BookgDt>
        <ValDt><Dt>2026-11-24</Dt></ValDt>
        <AcctSvcrRef>5242-{n:07d}</AcctSvcrRef>
        <BkTxCd><Domn><Cd>PMNT</Cd><Fmly><Cd>RRCT</Cd><SubFmlyCd>DMCT</SubFmlyCd></Fmly></Domn></BkTxCd>
        <NtryDtls>
          <TxDtls>
            <Refs><EndToEndId>NOTPROVIDED</EndToEndId></Refs>
            <Amt Ccy="VND">50000</Amt>
            <CdtDbtInd>CRDT</CdtDbtInd>
            <RltdPties>
              <Dbtr><Pty><Nm>NGUYEN VAN AN</Nm></Pty></Dbtr>
              <DbtrAcct><Id><Othr><Id>10{n:09d}</Id></Othr></Id></DbtrAcct>
            </RltdPties>
            <RmtInf><Ustrd>{memo}</Ustrd></RmtInf>
          </TxDtls>
        </NtryDtls>
      </Ntry>
"""
FOOT: Final = "    </Stmt>\n  </BkToCstmrStmt>\n</Document>\n"

READER: Final = """
import json, sys, time
from reconciliation.formats import read
started, lines = time.process_time(), 0
with open(sys.argv[1], "rb") as stream:
    for part in read(stream):
        lines += 1
assert part.balanced and part.count == lines - 2, part
with open("/proc/self/status") as status:
    held = next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))
print(json.dumps([lines - 2, time.process_time() - started, held / 1024]))
"""


def main() -> None:
    """Print `name  value  unit  goal  ratio-to-floor`, one figure a line."""
    with tempfile.TemporaryDirectory() as folder:
        if "--million" in sys.argv:
            weigh("CAMT", write_camt(Path(folder) / "million.xml", MILLION))
            weigh("MT940", write_mt940(Path(folder) / "million.sta", MILLION))
            weigh("CSV", write_csv(Path(folder) / "million.csv", MILLION))
        else:
            race(Path(folder))


def race(folder: Path) -> None:
    """Each format beside its floor, then its memory at one and at ten times the lines."""
    camt, large_camt = (write_camt(folder / f"{n}.xml", n * ENTRIES) for n in (1, 10))
    swift, large_swift = (write_mt940(folder / f"{n}.sta", n * ENTRIES) for n in (1, 10))
    text, large_text = (write_csv(folder / f"{n}.csv", n * ROWS) for n in (1, 10))
    sheet, large_sheet = (write_xlsx(folder / f"{n}.xlsx", n * ROWS) for n in (1, 3))
    for name, path, lines, goal, floor in (
        ("CAMT entries", camt, ENTRIES, 15_000, bare_iterparse),
        ("MT940 lines", swift, ENTRIES, 40_000, bare_split),
        ("CSV rows", text, ROWS, 80_000, bare_csv),
        ("XLSX rows", sheet, ROWS, 40_000, bare_calamine),
    ):
        rate = a_second(lines, partial(ours, path))
        tell(f"formats.read, {name}", rate, goal, rate / a_second(lines, partial(floor, path)))
    library = a_second(ENTRIES, partial(the_library, swift), rounds=1)
    print(f"mt-940, MT940 lines{library:>21,.0f}  lines/s", flush=True)
    for name, path in (
        ("CAMT", camt),
        ("CAMT", large_camt),
        ("MT940", swift),
        ("MT940", large_swift),
        ("CSV", text),
        ("CSV", large_text),
        ("XLSX", sheet),
        ("XLSX", large_sheet),
    ):
        weigh(name, path)


def a_second(lines: int, work: Callable[[], None], *, rounds: int = ROUNDS) -> float:
    """Lines a second of the processor, the median of some rounds."""
    seconds = []
    for _ in range(rounds):
        started = time.process_time()
        work()
        seconds.append(time.process_time() - started)
    return lines / statistics.median(seconds)


def weigh(name: str, path: Path) -> None:
    """Reads a file in a process of its own and tells its peak memory and its speed."""
    command = [sys.executable, "-c", READER, str(path)]
    done = subprocess.run(command, check=True, capture_output=True)
    lines, seconds, held = json.loads(done.stdout)
    size = path.stat().st_size >> 20
    print(
        f"{name}, {lines:,} lines, {size} MB: peak {held:.0f} MB, {seconds:.1f} s, "
        f"{lines / seconds:,.0f} lines/s",
        flush=True,
    )


def ours(path: Path) -> None:
    with path.open("rb") as stream:
        for part in read(stream):
            last = part
    assert last.balanced


def bare_iterparse(path: Path) -> None:
    for _, element in iterparse(path):
        if element.tag.endswith("}Ntry"):
            element.clear()


def bare_split(path: Path) -> None:
    assert re.split(rb"\r\n(?=:[0-9]{2}[A-Z]?:)", path.read_bytes())


def the_library(path: Path) -> None:
    found = mt940.models.Transactions()
    found.parse(path.read_text(encoding="utf-8"))


def bare_csv(path: Path) -> None:
    with path.open("rb") as stream:
        for _ in csv.reader(TextIOWrapper(stream, "utf-8-sig", newline="")):
            pass


def bare_calamine(path: Path) -> None:
    for _ in CalamineWorkbook.from_path(path).get_sheet_by_index(0).iter_rows():
        pass


def memo(n: int) -> str:
    return f"MBVCB.{n}.174242.TTHC{n:010d} nop le phi.CT tu 10{n:09d} NGUYEN VAN AN"


def write_camt(path: Path, entries: int) -> Path:
    with path.open("w", encoding="utf-8") as file:
        file.write(HEAD + BALANCE.format(code="OPBD", amount=0))
        file.write(BALANCE.format(code="CLBD", amount=entries * 50_000))
        file.writelines(ENTRY.format(n=n, memo=memo(n)) for n in range(entries))
        file.write(FOOT)
    return path


MT940_HEAD: Final = """{1:F01BFTVVNVXAXXX0000000000}{2:O9401800261124BFTVVNVXAXXX0000}{4:
:20:STMT1
:25:BFTVVNVX/0281000999999
:28C:328/1
:60F:C261123VND0,
"""
MT940_ENTRY: Final = """:61:2611241124CD50000,NTRFNONREF//5242-{n:07d}
CHUYEN TIEN
:86:{first}
{second}
"""


def write_mt940(path: Path, entries: int) -> Path:
    """Entries of four lines: the movement, the bank's words, and a memo wrapped at 65."""
    with path.open("w", encoding="utf-8", newline="\r\n") as file:
        file.write(MT940_HEAD)
        for n in range(entries):
            told = memo(n)
            file.write(MT940_ENTRY.format(n=n, first=told[:65], second=told[65:]))
        file.write(f":62F:C261124VND{entries * 50_000},\n-}}\n")
    return path


def table(rows: int) -> Iterator[list[str]]:
    total = f"{rows * 50_000:,}"
    yield from (["Số tài khoản: 0281000999999"], ["Số dư đầu kỳ: 0"], [f"Số dư cuối kỳ: {total}"])
    yield list(HEADER)
    for n in range(rows):
        yield ["24/11/2026", f"5242 - {n:06d}", "+", "50,000", memo(n)]
    yield ["Tổng", "", "+", total, ""]


def write_csv(path: Path, rows: int) -> Path:
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        csv.writer(file).writerows(table(rows))
    return path


def write_xlsx(path: Path, rows: int) -> Path:
    with xlsxwriter.Workbook(path) as workbook:
        sheet = workbook.add_worksheet()
        for place, row in enumerate(table(rows)):
            for column, cell in enumerate(row):
                sheet.write_string(place, column, cell)
    return path


def tell(name: str, rate: float, goal: int, ratio: float) -> None:
    met = "met" if rate >= goal else "MISSED"
    print(
        f"{name:28}{rate:>12,.0f}  lines/s  goal >= {goal:,} {met}  {ratio:.2f} of floor",
        flush=True,
    )


if __name__ == "__main__":
    main()
