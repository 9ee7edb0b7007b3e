"""Coverage of a province: figures taken in by versions, totals, ranks, what is missing."""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from fractions import Fraction
from typing import Any

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from payments import agencies, seed
from payments.agencies import Described, Kind
from payments.core.audit import AuditEntry
from payments.core.config import Mode
from reconciliation.targets import coverage_import, coverage_sheet, goals, practice
from reconciliation.targets.coverage import Coverage, UnitCoverage, coverage
from reconciliation.targets.coverage_import import Told, look
from reconciliation.targets.coverage_refusals import (
    DocumentDateImpossible,
    DocumentNotNamed,
    FiguresUnconfirmed,
    FileOfAnotherQuarter,
    NothingToCorrect,
    QuarterKnown,
    QuarterNotOver,
)
from reconciliation.targets.coverage_sheet import Figure, Sheet
from reconciliation.targets.coverage_tables import CoverageFigure, CoverageVersion, Measure
from reconciliation.targets.quarters import Quarter
from reconciliation.targets.trend import Outlook, Why
from tests.coverage_files import (
    NOW,
    Q3,
    ROWS,
    a_small_province,
    a_version,
    csv_of,
    of_quarter,
    taken,
)

HIEP_THANH, PHU_LOI, DAU_TIENG, MINH_HOA = (row[0] for row in ROWS)
SHEET = Sheet((Figure(2, HIEP_THANH, 20_000, 17_000),), totals=0)


@pytest.fixture
def province(session: Session) -> Session:
    """A session in which the small province stands."""
    a_small_province(session)
    return session


def now_in(session: Session, **told: Any) -> Coverage:
    return coverage(session, as_of=NOW + timedelta(days=1), **told)


def unit(found: Coverage, code: str) -> UnitCoverage:
    one = found.unit(code)
    assert one is not None, code
    return one


def rows_with(code: str, population: int, accounts: int) -> list[tuple[Any, ...]]:
    return [
        (one, name, population, accounts) if one == code else (one, name, *figures)
        for one, name, *figures in ROWS
    ]


def test_totals_of_districts_and_province_are_the_sums_of_communes(province: Session) -> None:
    """And so is the gap in people, from the sum and not from the parts."""
    a_version(province)
    found = now_in(province)
    told = {
        one.code: (one.latest and (one.latest.population, one.latest.accounts))
        for one in found.units
    }
    assert told["H09"] == (39_001, 29_000)
    assert told["H09.718"] == (30_000, 24_000)
    assert told["H09.720"] == (9_001, 5_000)
    assert unit(found, "H09").gap == 31_201 - 29_000
    assert unit(found, "H09.718").gap == 0
    assert unit(found, MINH_HOA).gap == 3_201 - 2_000
    assert "H09.d01" not in told


def test_before_the_first_figures_there_are_none(province: Session) -> None:
    """Nothing is made up."""
    assert now_in(province).quarter is None


def test_the_resolution_is_the_target_until_somebody_sets_another(province: Session) -> None:
    """80 % by 2025, which holds on; a district's own holds for its communes."""
    a_version(province)
    goal = unit(now_in(province), "H09").goal
    assert goal is not None
    assert (goal.share, goal.year, goal.agency) == (Fraction(4, 5), 2025, None)
    goals.set_target(
        province,
        "H09.720",
        Measure.COVERAGE,
        year=2026,
        value=6_050,
        basis="Kế hoạch 12/KH-UBND",
        valid_from=NOW.date(),
        by="staff:1",
        now=NOW,
    )
    found = now_in(province)
    own = {one.code: one.goal.value for one in found.units if one.goal}
    assert (own["H09"], own["H09.720"], own[MINH_HOA], own[PHU_LOI]) == (8_000, 6_050, 6_050, 8_000)
    assert unit(found, MINH_HOA).gap == 421  # 60.5 % of 4,001 are 2,420.605 people


def test_a_correction_is_a_further_version_and_the_first_stays(province: Session) -> None:
    """What was known before can still be told."""
    a_version(province)
    later = NOW + timedelta(hours=1)
    corrected = taken(
        province, Q3, rows_with(PHU_LOI, 10_000, 8_000), correction="số cũ nhầm", now=later
    )
    assert (corrected.version.version, corrected.version.correction) == (2, "số cũ nhầm")
    counts = [
        unit(coverage(province, as_of=moment), PHU_LOI).latest.accounts  # type: ignore[union-attr]  # there is one
        for moment in (NOW, later)
    ]
    assert counts == [7_000, 8_000]
    assert province.scalar(select(func.count()).select_from(CoverageFigure)) == 8


@pytest.mark.parametrize("table", ["coverage_version", "coverage_figure", "target"])
@pytest.mark.parametrize("change", ["UPDATE {} SET id = id", "DELETE FROM {}"])
def test_the_database_refuses_to_change_what_was_taken_in(
    province: Session, table: str, change: str
) -> None:
    """Not even by hand."""
    a_version(province)
    practice_target(province)
    with pytest.raises(DBAPIError, match="append-only"), province.begin_nested():
        province.execute(text(change.format(table)))


def practice_target(session: Session) -> None:
    goals.set_target(
        session,
        "H09",
        Measure.CASHLESS_SHARE,
        year=2026,
        value=8_500,
        basis="thử",
        valid_from=NOW.date(),
        by="staff:1",
        now=NOW,
    )


def test_the_same_file_twice_changes_nothing(province: Session) -> None:
    """It says so."""
    first = a_version(province)
    again = taken(province)
    assert again.again
    assert again.version.id == first.id
    assert province.scalar(select(func.count()).select_from(CoverageVersion)) == 1


def test_an_earlier_file_may_be_brought_back_as_a_correction(province: Session) -> None:
    """It is not the newest any more, so it is no repetition."""
    a_version(province)
    taken(province, Q3, rows_with(PHU_LOI, 10_000, 8_000), correction="nhầm")
    back = taken(province, Q3, correction="bản đầu mới đúng")
    assert (back.again, back.version.version) == (False, 3)


def test_a_quarter_that_is_known_takes_others_only_as_a_correction(province: Session) -> None:
    """With a reason."""
    a_version(province)
    with pytest.raises(QuarterKnown):
        taken(province, Q3, rows_with(PHU_LOI, 10_000, 8_000))


def test_there_is_nothing_to_correct_where_there_is_nothing(province: Session) -> None:
    """A slip of the quarter, most likely."""
    with pytest.raises(NothingToCorrect):
        taken(province, correction="nhầm")


def test_a_file_of_one_quarter_is_none_of_another(province: Session) -> None:
    """The same figures twice are a slip."""
    a_version(province)
    received = coverage_import.Received(of_quarter(Q3), "again.csv")
    with pytest.raises(FileOfAnotherQuarter):
        coverage_import.known(province, received, Quarter(2026, 2))


@pytest.mark.parametrize(
    ("told", "refusal"),
    [
        (Told(Quarter(2026, 4), "Báo cáo", NOW.date()), QuarterNotOver),
        (Told(Quarter(2030, 1), "Báo cáo", NOW.date()), QuarterNotOver),
        (Told(Q3, "  ", NOW.date()), DocumentNotNamed),
        (Told(Q3, "x" * 301, NOW.date()), DocumentNotNamed),
        (Told(Q3, "Báo cáo", NOW.date() + timedelta(days=1)), DocumentDateImpossible),
        (Told(Q3, "Báo cáo", Q3.first_day - timedelta(days=1)), DocumentDateImpossible),
    ],
)
def test_what_is_said_of_a_file_must_be_possible(
    province: Session, told: Told, refusal: type[Exception]
) -> None:
    """No quarter that is not over, no document without name or of another time."""
    with pytest.raises(refusal):
        look(province, SHEET, told, now=NOW)


def test_a_population_that_jumps_is_taken_in_only_when_confirmed(province: Session) -> None:
    """So is a commune that is left out although it had figures."""
    taken(province, Quarter(2026, 2))
    rows = rows_with(PHU_LOI, 15_001, 7_000)[:3]
    content = csv_of(rows)
    units = coverage_import.gazetteer(province, Q3)
    sheet = coverage_sheet.read(content, units, quarter=Q3)
    told = Told(Q3, "Báo cáo", Q3.last_day)
    looked = look(province, sheet, told, now=NOW)
    assert [(one.what.value, one.agency, one.before, one.now) for one in looked.warnings] == [
        ("population_jump", PHU_LOI, 10_000, 15_001),
        ("commune_left_out", MINH_HOA, 4_001, None),
    ]
    received = coverage_import.Received(content, "jump.csv")
    with pytest.raises(FiguresUnconfirmed):
        coverage_import.take_in(
            province, received, sheet, told, confirmed=looked.warnings[:1], by="staff:1", now=NOW
        )
    taken_in = coverage_import.take_in(
        province, received, sheet, told, confirmed=looked.warnings, by="staff:1", now=NOW
    )
    assert [one["agency"] for one in taken_in.version.warnings] == [PHU_LOI, MINH_HOA]


def test_communes_without_figures_are_named_and_nothing_is_foreseen(province: Session) -> None:
    """What is there is counted, and says of how many communes."""
    for back in (3, 2, 1):
        taken(province, Q3.after(-back), rows_with(PHU_LOI, 10_000, 7_000 - back))
    taken(province, Q3, ROWS[:3])
    found = now_in(province)
    province_, commune = unit(found, "H09"), unit(found, MINH_HOA)
    assert province_.missing == unit(found, "H09.720").missing == commune.missing == (MINH_HOA,)
    assert province_.latest is not None
    assert (province_.latest.known, province_.latest.units) == (3, 4)
    assert province_.forecast is not None
    assert province_.forecast.why is Why.INCOMPLETE
    assert commune.forecast is not None
    assert commune.forecast.why is Why.NO_FIGURE
    assert (commune.gap, commune.rank, unit(found, "H09.718").missing) == (None, None, ())
    assert unit(found, "H09.718").rank is not None
    assert unit(found, "H09.720").rank is None


def test_ranks_and_movement_between_quarters(province: Session) -> None:
    """By coverage the highest first, by work the most people first, each with the place before."""
    taken(province, Q3.after(-1))
    taken(province, Q3, rows_with(MINH_HOA, 4_001, 3_900))
    found = now_in(province)
    ranked = {one.code: (one.rank.place, one.rank.movement) for one in found.units if one.rank}
    assert ranked == {
        "H09.718": (1, 0),
        "H09.720": (2, 0),
        MINH_HOA: (1, 3),
        HIEP_THANH: (2, -1),
        PHU_LOI: (3, -1),
        DAU_TIENG: (4, -1),
    }
    work = {one.code: (one.work.place, one.work.before) for one in found.units if one.work}
    assert work[MINH_HOA] == (3, 1)


def test_a_commune_that_was_merged_counts_under_its_successor(province: Session) -> None:
    """Earlier quarters are the sum of those that became one."""
    for back in (2, 1):
        taken(province, Q3.after(-back))
    since = Q3.first_day + timedelta(days=9)
    merged = Described(
        "H09.25799", "UBND xã Dầu Tiếng", None, Kind.COMMUNE, "H09.720", verified=True
    )
    agencies.put(province, merged, since=since, on=since)
    follower = agencies.by_code(province, merged.code, on=since).id
    for ended in (DAU_TIENG, MINH_HOA):
        agencies.succeed(
            province, agencies.by_code(province, ended, on=Q3.first_day).id, follower, on=since
        )
    taken(province, Q3, [*ROWS[:2], (merged.code, "Xã Dầu Tiếng", 9_050, 5_100)])
    found = unit(now_in(province), merged.code)
    assert [(one.population, one.accounts, one.known, one.units) for one in found.points] == [
        (9_001, 5_000, 2, 2),
        (9_001, 5_000, 2, 2),
        (9_050, 5_100, 1, 1),
    ]
    assert unit(now_in(province), "H09").line is not None
    before = now_in(province, until=Q3.after(-1))
    assert before.unit(MINH_HOA) is not None
    assert before.unit(merged.code) is None


def test_a_year_of_figures_equals_another_way_to_count_them(session: Session) -> None:
    """The 91 communes of practice, eight quarters, added up and drawn again from the raw rows."""
    seed.load_units(session, seed.read_units(), by="test", now=NOW)
    assert practice.practise(session, mode=Mode.SANDBOX, by="test", now=NOW) == 8
    assert practice.practise(session, mode=Mode.SANDBOX, by="test", now=NOW) == 0
    found = now_in(session)
    assert (found.quarter, len(found.units), len(found.sources)) == (Q3, 101, 8)
    told = counted_anew(session)
    for one in found.units:
        sums = told[one.code]
        assert [(p.population, p.accounts) for p in one.points] == [sums[q] for q in sorted(sums)]
        assert one.line is not None
        assert one.line.slope == slope_anew([Fraction(a, p) for p, a in sums.values()])
        people, accounts = sums[str(Q3)]
        assert one.gap == max(0, -(-people * 4 // 5) - accounts)
    setters = {one.code for one in found.units if one.pace_setter}
    assert setters == {"H09.718", "H09.724", "H09.725"}
    assert {one.forecast.outlook for one in found.units if one.forecast} >= {
        Outlook.MET,
        Outlook.EXPECTED,
        Outlook.NEVER,
    }
    assert all("SỐ LIỆU THỬ" in one.document for one in found.sources)


def counted_anew(session: Session) -> dict[str, dict[str, tuple[int, int]]]:
    """Sums of each unit by quarter, from the exported rows, by no code of ours."""
    rows = session.execute(
        text(
            "SELECT v.quarter, c.code, d.code, f.population, f.accounts FROM coverage_figure f"
            " JOIN coverage_version v ON v.id = f.coverage_version_id"
            " JOIN agency c ON c.id = f.agency_id JOIN agency d ON d.id = c.parent_id"
            " ORDER BY v.quarter"
        )
    )
    sums: dict[str, dict[str, tuple[int, int]]] = defaultdict(dict)
    for quarter, commune, district, population, accounts in rows:
        for code in (commune, district, "H09"):
            people, holders = sums[code].get(quarter, (0, 0))
            sums[code][quarter] = (people + population, holders + accounts)
    return sums


def slope_anew(ys: list[Fraction]) -> Fraction:
    """The slope by the weights of eight equally spaced points: (−7, −5 … 7) / 84."""
    return sum((w * y for w, y in zip(range(-7, 8, 2), ys, strict=True)), Fraction()) / 84


def test_what_was_taken_in_and_refused_is_in_the_audit_trail(province: Session) -> None:
    """By whom, from which file, and why not."""
    a_version(province)
    received = coverage_import.Received(b"x", "x.csv")
    coverage_import.refused(
        province, received, QuarterNotOver(quarter="2026Q4"), by="staff:1", now=NOW
    )
    entries = province.scalars(
        select(AuditEntry).where(AuditEntry.action.like("coverage.%")).order_by(AuditEntry.id)
    ).all()
    assert [(one.action, one.actor) for one in entries] == [
        ("coverage.imported", "command:test"),
        ("coverage.refused", "staff:1"),
    ]
    assert entries[0].details["population"] == 39_001
    assert entries[1].details["code"] == "quarter_not_over"
