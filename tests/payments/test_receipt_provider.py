"""An outside provider of papers answers late, wrongly or not at all; nothing is half-issued."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from random import Random

import orjson
import pytest
from sqlalchemy.orm import Session

from payments import documents, receipts
from payments.core.database import Database
from payments.core.service import Service
from payments.documents import Finding, Signer
from payments.jobs.receipting import issue
from payments.receipts.providers import ProviderFailed
from tests.builders import NOON, Province, a_payment_request, a_province, paid
from tests.receipts import a_practice_signer, all_of, open_a_pair
from tests.services import a_service
from tests.signed_papers import a_signer

ROUNDS = 40


@pytest.fixture
def province(session: Session) -> Province:
    """A province whose receipts are numbered in a series of each kind."""
    province = a_province(session)
    open_a_pair(session)
    return province


@pytest.fixture
def cashless(database: Database, province: Province, tmp_path: Path) -> Service:
    """A service whose receipts an outside provider signs."""
    province.session.flush()
    return a_service(database, receipt_folder=tmp_path)


def pay(province: Province, *, requests: int = 1) -> None:
    """So many requests of both kinds are paid."""
    for number in range(requests):
        request = a_payment_request(province, amount=150_000, le_phi=50_000, dossier=f"D{number}")
        paid(province, request)


def asked(folder: Path) -> list[str]:
    """The receipts that the provider was asked for."""
    return sorted(path.stem for path in (folder / "asked").glob("*.json"))


def answer(folder: Path, receipt: str, signer: Signer, *, only: str = "pdf xml") -> None:
    """The provider signs the files of a receipt and puts them back."""
    for end, sign in (("pdf", documents.sign_pdf), ("xml", documents.sign_xml)):
        if end in only:
            drawn = (folder / "asked" / f"{receipt}.{end}").read_bytes()
            (folder / "answered" / f"{receipt}.{end}").write_bytes(sign(drawn, signer, at=NOON))


def issued(province: Province) -> list[str]:
    """The kinds of receipts that are issued."""
    return [one.kind for one in all_of(province.session) if one.state == "issued"]


def test_what_the_provider_signed_is_issued(
    province: Province, cashless: Service, tmp_path: Path
) -> None:
    """It is told what belongs together, and what comes back is kept as it came."""
    pay(province)
    issue(cashless, NOON)
    assert issued(province) == []
    phi, le_phi = all_of(province.session)
    assert asked(tmp_path) == sorted([phi.public_id, le_phi.public_id])
    told = orjson.loads((tmp_path / "asked" / f"{phi.public_id}.json").read_bytes())
    assert told["together"] == [phi.public_id, le_phi.public_id]
    assert told["content"] == phi.content
    signer = a_practice_signer(province.session)
    for one in (phi, le_phi):
        answer(tmp_path, one.public_id, signer)
    assert issue(cashless, NOON)
    assert issued(province) == ["phi", "le_phi"]
    kept = receipts.pdf(province.session, phi).content
    assert kept == (tmp_path / "answered" / f"{phi.public_id}.pdf").read_bytes()
    assert documents.check(province.session, kept).finding == Finding.VALID
    assert not issue(cashless, NOON)


def test_half_an_answer_issues_neither_kind(
    province: Province, cashless: Service, tmp_path: Path
) -> None:
    """One receipt of two, or one file of two: both kinds wait."""
    pay(province)
    issue(cashless, NOON)
    phi, le_phi = (one.public_id for one in all_of(province.session))
    signer = a_practice_signer(province.session)
    answer(tmp_path, phi, signer)
    issue(cashless, NOON)
    answer(tmp_path, le_phi, signer, only="pdf")
    issue(cashless, NOON)
    assert issued(province) == []
    answer(tmp_path, le_phi, signer, only="xml")
    issue(cashless, NOON)
    assert issued(province) == ["phi", "le_phi"]


def altered(content: bytes) -> bytes:
    """One byte in the middle is another."""
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


@pytest.mark.parametrize("wrong", ["altered", "unsigned", "another_signer", "another_receipt"])
@pytest.mark.parametrize("end", ["pdf", "xml"])
def test_a_wrong_answer_is_not_taken_and_holds_up_no_other(
    province: Province, cashless: Service, tmp_path: Path, wrong: str, end: str
) -> None:
    """Altered, not signed, signed by somebody else, or another receipt's paper."""
    pay(province, requests=2)
    issue(cashless, NOON)
    signer = a_practice_signer(province.session)
    first, other, *rest = (one.public_id for one in all_of(province.session))
    for number in (first, other, *rest):
        answer(tmp_path, number, signer)
    file = tmp_path / "answered" / f"{first}.{end}"
    drawn = (tmp_path / "asked" / file.name).read_bytes()
    sign = documents.sign_pdf if end == "pdf" else documents.sign_xml
    file.write_bytes(
        {
            "altered": altered(file.read_bytes()),
            "unsigned": drawn,
            "another_signer": sign(drawn, a_signer(), at=NOON),
            "another_receipt": (tmp_path / "answered" / f"{rest[0]}.{end}").read_bytes(),
        }[wrong]
    )
    issue(cashless, NOON)
    states = [one.state for one in all_of(province.session)]
    assert states == ["numbered", "numbered", "issued", "issued"]


def test_a_folder_that_is_gone_is_asked_less_and_less(
    province: Province, cashless: Service, tmp_path: Path
) -> None:
    """The round fails, which the loop answers with longer waits; numbers stay as they are."""
    pay(province)
    (tmp_path / "asked").write_text("a file where the folder should be")
    with pytest.raises(ProviderFailed):
        issue(cashless, NOON)
    assert [one.state for one in all_of(province.session)] == ["numbered", "numbered"]
    (tmp_path / "asked").unlink()
    tmp_path.rmdir()  # a share that is not mounted: nothing is put beside it
    with pytest.raises(ProviderFailed):
        issue(cashless, NOON)
    assert not tmp_path.exists()
    tmp_path.mkdir()
    issue(cashless, NOON)
    assert len(asked(tmp_path)) == 2


def test_a_provider_that_fails_at_random_half_issues_nothing(
    province: Province, cashless: Service, tmp_path: Path
) -> None:
    """It answers, half answers, damages or forgets by lot; no request ever has one kind alone."""
    chance = Random(7)
    signer = a_practice_signer(province.session)
    pay(province, requests=6)
    moods = _moods(tmp_path, signer)
    for _ in range(ROUNDS):
        issue(cashless, NOON)
        of_request: dict[int, set[str]] = defaultdict(set)
        for one in all_of(province.session):
            if one.state == "issued":
                of_request[one.payment_request_id].add(one.kind)
        assert all(kinds == {"phi", "le_phi"} for kinds in of_request.values())
        for receipt in asked(tmp_path):
            chance.choice(moods)(receipt)
    for receipt in asked(tmp_path):
        answer(tmp_path, receipt, signer)
    while issue(cashless, NOON):
        pass
    assert issued(province).count("phi") == issued(province).count("le_phi") == 6
    assert list(receipts.flaws(province.session)) == []


def _moods(folder: Path, signer: Signer) -> list[Callable[[str], None]]:
    def damage(receipt: str) -> None:
        answer(folder, receipt, signer)
        file = folder / "answered" / f"{receipt}.pdf"
        file.write_bytes(altered(file.read_bytes()))

    def forget(receipt: str) -> None:
        (folder / "answered" / f"{receipt}.xml").unlink(missing_ok=True)

    return [
        lambda receipt: answer(folder, receipt, signer),
        lambda receipt: answer(folder, receipt, signer, only="pdf"),
        damage,
        forget,
        forget,
        forget,
    ]
