"""Reading, finding and cancelling requests; their QR codes and their events."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

import pytest
import zxingcpp
from PIL import Image
from sqlalchemy import event, select, update
from sqlalchemy.orm import Session

from payments import agencies, outbox, payment_requests
from payments.core.calendar import local_day
from payments.core.service import Service
from payments.outbox import News
from payments.payment_requests import PaymentRequest, PublicStatus, Search, public_status
from tests.builders import NOON, a_payment_request, a_province
from tests.callers import Portal, refused


def now() -> datetime:
    return datetime.now(UTC)


def references(answer: Any) -> list[str]:
    """The references of a page, in order."""
    assert answer.status_code == 200, answer.text
    return [one["reference"] for one in answer.json["items"]]


def change(service: Service, reference: str, **facts: Any) -> None:
    """Lets facts have come about that no verb of this release brings about."""
    service.database.write(
        lambda session: session.execute(
            update(PaymentRequest).where(PaymentRequest.reference == reference).values(**facts)
        )
    )


def test_an_unchanged_answer_is_not_sent_again(portal: Portal) -> None:
    """Its tag is the caller's: 304, without a body; after a change it is sent whole."""
    reference = portal.issue()["reference"]
    for path in (f"/payment-requests/{reference}", "/payment-requests", "/fees", "/agencies"):
        first = portal.get(path)
        tag = first.headers["ETag"]
        again = portal.get(path, headers={"If-None-Match": tag})
        assert (again.status_code, again.data) == (304, b""), path
        assert again.headers["ETag"] == tag
        assert first.headers["Cache-Control"] == "private, no-cache"
    path = f"/payment-requests/{reference}"
    tag = portal.get(path).headers["ETag"]
    portal.post(f"{path}/cancel", json={"reason": "withdrawn"})
    assert portal.get(path, headers={"If-None-Match": tag}).status_code == 200


@pytest.mark.parametrize("reference", ["TTHC0000000000", "x", "tthc", "T%0A", "%C3%A1", "a" * 300])
def test_a_reference_nobody_gave_out_is_not_found(portal: Portal, reference: str) -> None:
    """Whatever it looks like."""
    for path in ("", "/events", "/qr.svg", "/qr.png", "/qr.txt", "/slip.pdf"):
        answer = portal.get(f"/payment-requests/{reference}{path}")
        assert refused(answer)[:2] == (404, "unknown_request")
    cancelled = portal.post(f"/payment-requests/{reference}/cancel", json={"reason": "other"})
    assert refused(cancelled)[0] == 404


def test_the_newest_come_first_page_by_page(portal: Portal, other: Portal) -> None:
    """Each once, and no row of another portal's; a request that comes meanwhile moves nothing."""
    issued = [portal.issue(dossier=f"D{n}")["reference"] for n in range(5)]
    other.issue()
    first = portal.get("/payment-requests?limit=2")
    portal.issue(dossier="meanwhile")
    second = portal.get(f"/payment-requests?limit=2&cursor={first.json['next']}")
    third = portal.get(f"/payment-requests?limit=2&cursor={second.json['next']}")
    shown = references(first) + references(second) + references(third)
    assert shown == list(reversed(issued))
    assert third.json["next"] is None


def test_an_empty_list_is_a_list(portal: Portal, other: Portal) -> None:
    """With nothing behind it."""
    other.issue()
    for path in ("/payment-requests", "/events", "/payment-requests?dossier=none"):
        assert portal.get(path).json == {"items": [], "next": None}


def test_requests_are_found_by_what_the_portal_knows_of_them(portal: Portal) -> None:
    """By dossier, agency, status, and the days of issue in Viet Nam, both included."""
    one = portal.issue(dossier="A")["reference"]
    two = portal.issue(dossier="B")["reference"]
    portal.post(f"/payment-requests/{two}/cancel", json={"reason": "mistaken"})
    today = local_day(now())
    before, after = today - timedelta(days=1), today + timedelta(days=1)
    found = {
        "dossier=A": [one],
        "status=cancelled": [two],
        "status=open": [one],
        "agency=H09": [two, one],
        "agency=H10": [],
        f"from={today}&to={today}": [two, one],
        f"from={after}": [],
        f"to={before}": [],
        f"from={before}&to={after}&status=open&dossier=A&agency=H09": [one],
        "from=2000-01-01&to=2099-12-31": [two, one],
    }
    assert {query: references(portal.get(f"/payment-requests?{query}")) for query in found} == found


@pytest.mark.parametrize(
    ("query", "pointer", "code"),
    [
        ("limit=0", "query:limit", "limit_out_of_range"),
        ("limit=201", "query:limit", "limit_out_of_range"),
        ("limit=1_0", "query:limit", "limit_out_of_range"),
        ("limit=%D9%A5", "query:limit", "limit_out_of_range"),
        ("cursor=abc", "query:cursor", "unreadable_cursor"),
        ("status=lost", "query:status", "unknown_choice"),
        ("dossier=a%20b", "query:dossier", "wrong_format"),
        ("dossier=%FF", "query:dossier", "wrong_format"),
        ("from=0001-01-01", "query:from", "wrong_format"),
        ("from=9999-12-31", "query:from", "wrong_format"),
        ("from=2026-02-30", "query:from", "wrong_format"),
        ("to=20261124", "query:to", "wrong_format"),
        ("to=2026-W48-2", "query:to", "wrong_format"),
        ("stauts=open", "query:stauts", "unknown_field"),
    ],
)
def test_a_search_that_cannot_be_meant_is_refused(
    portal: Portal, query: str, pointer: str, code: str
) -> None:
    """Rather than answered with everything."""
    status, _, errors = refused(portal.get(f"/payment-requests?{query}"))
    assert (status, errors) == (422, [(pointer, code)])


@pytest.mark.parametrize("query", ["status=open&status=paid", "dossier=a%00b", "a%00=1"])
def test_an_address_that_says_two_things_or_none_is_malformed(portal: Portal, query: str) -> None:
    """Given twice, or with a NUL."""
    assert refused(portal.get(f"/payment-requests?{query}"))[:2] == (400, "malformed")


def test_a_search_by_public_status_finds_what_shows_it(session: Session) -> None:
    """Each combination of facts that the tables allow is found by its public status alone."""
    province = a_province(session)
    seen = set()
    for status, received, advised, refunded in product(
        ("open", "paid", "expired", "cancelled"), (0, 40, 100, 150), (0, 60), (0, 30, 100)
    ):
        if (status == "paid") != (received >= 100):
            continue  # the table refuses it
        request = a_payment_request(province, amount=100)
        request.status, request.received = status, received
        request.advised, request.refunded = advised, refunded
        request.paid_at = NOON if status == "paid" else None
        request.cancelled_at = NOON if status == "cancelled" else None
        session.flush()
        found = []
        for one in PublicStatus:
            ids = payment_requests.search(province.portal.id, Search(status=one))
            if request.id in session.scalars(ids).all():
                found.append(one)
        assert found == [public_status(request)], (status, received, advised, refunded)
        seen.add(found[0])
    assert seen == set(PublicStatus)


def test_each_search_uses_an_index(session: Session) -> None:
    """No search reads the whole table."""
    if session.get_bind().dialect.name != "sqlite":
        pytest.skip("SQLite tells its plan before it has statistics")
    for wanted in (
        Search(),
        Search(dossier="D"),
        Search(status=PublicStatus.CANCELLED),
        Search(status=PublicStatus.CONFIRMING),
        Search(since=NOON, until=NOON),
        Search(agency="H09"),
    ):
        query = payment_requests.search(1, wanted).order_by(PaymentRequest.id.desc()).limit(51)
        compiled = query.compile(session.get_bind(), compile_kwargs={"literal_binds": True})
        plan = session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {compiled}").all()
        steps = [row[3] for row in plan if "payment_request" in row[3]]
        assert all(step.startswith("SEARCH") for step in steps), (wanted, steps)
        assert any("portal_id=?" in step for step in steps), (wanted, steps)


def test_a_page_of_fifty_costs_as_many_statements_as_one_of_two(
    portal: Portal, service: Service
) -> None:
    """No statement for each row."""
    counted = {}
    for many in (2, 10):
        for n in range(many):
            portal.issue(dossier=f"{many}.{n}")
        sent: list[str] = []

        def note(_c, _cursor, statement, *_, sent=sent):
            sent.append(statement)

        event.listen(service.database.engine, "before_cursor_execute", note)
        portal.get(f"/payment-requests?limit={many}")
        event.remove(service.database.engine, "before_cursor_execute", note)
        counted[many] = len(sent)
    assert counted[2] == counted[10]


@pytest.mark.parametrize("reason", ["withdrawn", "refused", "mistaken", "replaced", "other"])
def test_an_open_request_is_cancelled_for_a_reason(portal: Portal, reason: str) -> None:
    """Its code is no longer shown and the portal is told, in the same unit."""
    reference = portal.issue()["reference"]
    answer = portal.post(f"/payment-requests/{reference}/cancel", json={"reason": reason})
    assert (answer.status_code, answer.json["status"]) == (200, "cancelled")
    assert answer.json["pay_to"]["qr"] is None
    (told,) = portal.get(f"/payment-requests/{reference}/events").json["items"]
    assert told["type"] == "payment_request.cancelled"
    assert told["data"] == answer.json


def test_what_is_not_open_is_not_cancelled(portal: Portal) -> None:
    """Neither a paid request nor one cancelled before."""
    paid = portal.issue(lines=[{"fee": "CERT", "reduction": "poor"}])["reference"]
    twice = portal.issue()["reference"]
    portal.post(f"/payment-requests/{twice}/cancel", json={"reason": "other"})
    for reference in (paid, twice):
        again = portal.post(f"/payment-requests/{reference}/cancel", json={"reason": "other"})
        assert refused(again)[:2] == (409, "move_not_allowed")


@pytest.mark.parametrize("body", [{}, {"reason": "because"}, {"reason": None}, {"why": "other"}])
def test_a_request_is_not_cancelled_without_a_known_reason(
    portal: Portal, body: dict[str, Any]
) -> None:
    """And stays open."""
    reference = portal.issue()["reference"]
    answer = portal.post(f"/payment-requests/{reference}/cancel", json=body)
    assert refused(answer)[0] == 422
    assert portal.get(f"/payment-requests/{reference}").json["status"] == "open"


def test_all_three_forms_of_the_code_say_the_same(portal: Portal) -> None:
    """An independent reader finds in the picture what the text says."""
    issued = portal.issue()
    path = f"/payment-requests/{issued['reference']}"
    text = portal.get(f"{path}/qr.txt")
    assert (text.mimetype, text.text) == ("text/plain", issued["pay_to"]["qr"])
    png = portal.get(f"{path}/qr.png", buffered=True)
    assert png.mimetype == "image/png"
    (found,) = zxingcpp.read_barcodes(_picture(png.data))
    assert found.text == text.text
    svg = portal.get(f"{path}/qr.svg")
    assert svg.mimetype == "image/svg+xml"
    assert "<script" not in svg.text
    assert "style=" not in svg.text
    for form in ("svg", "png", "txt"):
        tag = portal.get(f"{path}/qr.{form}").headers["ETag"]
        again = portal.get(f"{path}/qr.{form}", headers={"If-None-Match": tag})
        assert again.status_code == 304


def test_a_counter_prints_the_slip_that_the_payer_sees(portal: Portal) -> None:
    """One PDF, the same each time, so that a portal that has it already is sent nothing."""
    issued = portal.issue()
    path = f"/payment-requests/{issued['reference']}/slip.pdf"
    first = portal.get(path)
    assert (first.status_code, first.mimetype) == (200, "application/pdf")
    assert portal.get(path).data == first.data
    again = portal.get(path, headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")


def test_a_closed_request_shows_no_code(portal: Portal, service: Service) -> None:
    """Not when paid, cancelled, being confirmed, nor from the second its time is over."""
    paid = portal.issue(lines=[{"fee": "CERT", "reduction": "poor"}])["reference"]
    cancelled, confirming, late = (portal.issue()["reference"] for _ in range(3))
    portal.post(f"/payment-requests/{cancelled}/cancel", json={"reason": "other"})
    change(service, confirming, advised=200_000)
    ago = now() - timedelta(days=2)
    change(service, late, issued_at=ago, expires_at=ago + timedelta(days=1))
    for reference in (paid, cancelled, confirming, late):
        for form in ("qr.svg", "qr.png", "qr.txt", "slip.pdf"):
            answer = portal.get(f"/payment-requests/{reference}/{form}")
            assert refused(answer)[:2] == (409, "not_to_be_paid")


def test_a_partly_paid_request_shows_the_code_for_the_rest(
    portal: Portal, service: Service
) -> None:
    """What has arrived is not asked for again."""
    reference = portal.issue()["reference"]
    change(service, reference, received=50_000)
    text = portal.get(f"/payment-requests/{reference}/qr.txt").text
    assert "5406150000" in text


def test_the_history_of_a_request_is_paged_newest_first(portal: Portal, service: Service) -> None:
    """Each event once, whole, with its sequence."""
    reference = portal.issue()["reference"]
    told = _tell(service, portal, reference, many=5)
    path = f"/payment-requests/{reference}/events"
    first = portal.get(f"{path}?limit=3").json
    second = portal.get(f"{path}?limit=3&cursor={first['next']}").json
    ids = [one["id"] for one in first["items"] + second["items"]]
    assert ids == list(reversed(told))
    assert second["next"] is None


def test_the_feed_goes_on_from_a_position(portal: Portal, other: Portal, service: Service) -> None:
    """Oldest first, only placed events, only the portal's own; nothing twice, nothing missed."""
    told = _tell(service, portal, portal.issue()["reference"], many=5)
    foreign = _tell(service, other, other.issue()["reference"], many=1)
    assert portal.get("/events").json["items"] == [], "not placed yet"
    service.database.write(lambda s: outbox.place_events(s, holder="h", now=now()))
    first = portal.get("/events?limit=3").json
    second = portal.get(f"/events?limit=3&after={first['next']}").json
    assert [one["id"] for one in first["items"] + second["items"]] == told
    assert second["next"] is None
    positions = [one["position"] for one in first["items"] + second["items"]]
    assert positions == sorted(set(positions))
    assert portal.get(f"/events?after={positions[-1]}").json["items"] == []
    assert [one["id"] for one in other.get("/events").json["items"]] == foreign
    assert portal.get("/events?after=999999999999999999").json["items"] == []


@pytest.mark.parametrize("after", ["-1", "x", "1e3", "9" * 19, "1.5", ""])
def test_a_position_is_a_whole_number(portal: Portal, after: str) -> None:
    """Anything else is refused."""
    assert refused(portal.get(f"/events?after={after}"))[0] == 422


def _tell(service: Service, portal: Portal, reference: str, *, many: int) -> list[str]:
    def unit(session: Session) -> list[str]:
        request = payment_requests.by_reference(session, reference, portal_id=portal.id)
        agencies.lock(session, request.collection_account_id)
        news = [
            News("payment_request.partially_paid", portal.id, request.id, 2 + n, {"sequence": n})
            for n in range(many)
        ]
        outbox.enqueue_all(session, news, now=now())
        events = select(outbox.Event.public_id).where(outbox.Event.payment_request_id == request.id)
        return list(session.scalars(events.order_by(outbox.Event.id)))

    return service.database.write(unit)


def _picture(png: bytes) -> Image.Image:
    return Image.open(io.BytesIO(png)).convert("L")
