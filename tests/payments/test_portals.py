"""Portals: keys shown once, scoped and replaced; where a portal is told, and by which secret."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from payments import portals
from payments.core.audit import AuditEntry
from payments.core.database import Database
from payments.core.errors import CashlessError
from payments.core.http import AddressRefused
from payments.core.vault import Vault
from payments.portals import PortalKey, Scope, WebhookEndpoint
from payments.portals.keys import OVERLAP
from tests.racing import at_once

NOW = datetime(2026, 11, 24, 5, tzinfo=UTC)
SECOND = timedelta(seconds=1)
BY = "staff:5"
VAULT = Vault([b"k" * 32])
BOTH = [Scope.REQUESTS_WRITE, Scope.REQUESTS_READ]


def a_portal(session: Session, name: str = "Cổng mẫu") -> int:
    return portals.add(session, name, by=BY, now=NOW).id


def a_key(session: Session, portal_id: int, *scopes: str, at: datetime = NOW) -> portals.NewKey:
    return portals.new_key(session, portal_id, scopes=scopes or BOTH, by=BY, now=at)


def opens(session: Session, text: str, *, at: datetime = NOW) -> bool:
    try:
        portals.authenticate(session, text, now=at)
    except portals.BadKey:
        return False
    return True


def test_a_key_says_who_calls_and_what_it_may_do(session: Session) -> None:
    """The caller is the key's portal, with the key's scopes and no others."""
    portal = a_portal(session)
    key = a_key(session, portal, "requests:read")
    caller = portals.authenticate(session, key.text, now=NOW)
    assert (caller.portal_id, caller.key_id) == (portal, key.id)
    caller.require(Scope.REQUESTS_READ)
    with pytest.raises(portals.ScopeMissing) as refused:
        caller.require(Scope.REQUESTS_WRITE)
    assert refused.value.fields == {"scope": "requests:write"}


def test_a_key_is_stored_by_its_digest_alone(session: Session) -> None:
    """Who reads the table can't call; the first letters tell people which key it is."""
    key = a_key(session, a_portal(session))
    (row,) = session.scalars(select(PortalKey)).all()
    assert row.prefix == key.text[:8]
    assert key.text not in f"{row.hash} {row.prefix}"
    assert key.text not in repr(key)
    assert len(key.text) == 43
    told = [str(entry.details) for entry in session.scalars(select(AuditEntry))]
    assert not any(key.text in details for details in told)


@pytest.mark.parametrize("bearer", ["", " ", "x" * 43, "khóa", "a" * 10_000, "\x00"])
def test_any_other_text_opens_nothing(session: Session, bearer: str) -> None:
    """Whatever comes in the header."""
    key = a_key(session, a_portal(session))
    assert not opens(session, bearer)
    assert not opens(session, key.prefix)
    assert not opens(session, key.text + " ")
    assert not opens(session, key.text.swapcase())


def test_a_key_opens_nothing_before_it_begins(session: Session) -> None:
    """Validity begins at the very instant, and includes it."""
    key = a_key(session, a_portal(session))
    assert opens(session, key.text)
    assert not opens(session, key.text, at=NOW - SECOND)


def test_a_replaced_key_opens_until_the_overlap_is_over(session: Session) -> None:
    """Two keys are live meanwhile; the new one has the old one's scopes."""
    portal = a_portal(session)
    old = a_key(session, portal, "reports:read")
    new = portals.rotate_key(session, portal, by=BY, now=NOW)
    assert opens(session, old.text, at=NOW + OVERLAP - SECOND)
    assert not opens(session, old.text, at=NOW + OVERLAP)
    caller = portals.authenticate(session, new.text, now=NOW + OVERLAP)
    assert caller.scopes == {Scope.REPORTS_READ}


def test_a_portal_has_two_live_keys_at_most(session: Session) -> None:
    """A third is refused until one ends; then it may be made."""
    portal = a_portal(session)
    old = a_key(session, portal)
    portals.rotate_key(session, portal, by=BY, now=NOW)
    with pytest.raises(portals.TooManyKeys):
        portals.rotate_key(session, portal, by=BY, now=NOW)
    portals.revoke(session, portal, old.prefix, by=BY, now=NOW)
    portals.rotate_key(session, portal, by=BY, now=NOW)
    assert len(portals.live_keys(session, portal, now=NOW)) == 2


def test_a_revoked_key_opens_nothing_from_that_moment(session: Session) -> None:
    """There is no grace for a key that leaked."""
    portal = a_portal(session)
    key = a_key(session, portal)
    portals.revoke(session, portal, key.prefix, by=BY, now=NOW + SECOND)
    assert opens(session, key.text)
    assert not opens(session, key.text, at=NOW + SECOND)
    with pytest.raises(portals.UnknownPortalKey):
        portals.revoke(session, portal, key.prefix, by=BY, now=NOW + SECOND)


def test_the_keys_of_an_inactive_portal_open_nothing(session: Session) -> None:
    """Whatever keys it still has."""
    portal = a_portal(session)
    key = a_key(session, portal)
    portals.by_name(session, "Cổng mẫu").active = False
    session.flush()
    assert not opens(session, key.text)


@pytest.mark.parametrize("scopes", [["requests:everything"], ["requests:read", "admin"], []])
def test_a_key_has_known_scopes_and_at_least_one(session: Session, scopes: list[str]) -> None:
    """A slip in a scope makes no key."""
    portal = a_portal(session)
    with pytest.raises(portals.UnknownScope):
        portals.new_key(session, portal, scopes=scopes, by=BY, now=NOW)
    assert portals.live_keys(session, portal, now=NOW) == []


def test_the_last_use_of_a_key_is_written_once_a_minute(session: Session) -> None:
    """Often enough to see a key that nobody uses, seldom enough to cost nothing."""
    key = a_key(session, a_portal(session))

    def use(at: datetime) -> datetime | None:
        caller = portals.authenticate(session, key.text, now=at)
        due = portals.use_is_due(caller, now=at)
        portals.record_use(session, caller, now=at)
        session.expire_all()
        used = session.get_one(PortalKey, key.id).last_used_at
        assert due == (used == at)
        return used

    assert use(NOW) == NOW
    assert use(NOW + 59 * SECOND) == NOW
    assert use(NOW + 60 * SECOND) == NOW + 60 * SECOND


def test_two_portals_do_not_share_a_name(session: Session) -> None:
    """Staff choose a portal by its name."""
    a_portal(session)
    with pytest.raises(portals.PortalNameTaken):
        a_portal(session)
    with pytest.raises(portals.UnknownPortal):
        portals.by_name(session, "Cổng khác")


def test_nothing_is_rotated_that_is_not_there(session: Session) -> None:
    """A portal without a live key gets its first by `new_key`, with scopes that somebody chose."""
    with pytest.raises(portals.UnknownPortalKey):
        portals.rotate_key(session, a_portal(session), by=BY, now=NOW)
    with pytest.raises(portals.UnknownPortal):
        portals.rotate_key(session, 404, by=BY, now=NOW)


@pytest.mark.committed
def test_keys_made_at_once_are_still_two_at_most(database: Database) -> None:
    """Eight administrators press the button together."""
    portal = database.write(a_portal)
    outcomes: list[str] = []

    def press() -> None:
        try:
            database.write(lambda session: a_key(session, portal))
            outcomes.append("made")
        except CashlessError as error:
            outcomes.append(error.code)

    pressing = [threading.Thread(target=press) for _ in range(8)]
    for thread in pressing:
        thread.start()
    for thread in pressing:
        thread.join()
    assert sorted(outcomes) == ["made"] * 2 + ["too_many_keys"] * 6
    assert len(database.read(lambda session: portals.live_keys(session, portal, now=NOW))) == 2


def set_endpoint(session: Session, portal: int, url: str, *allowed: str) -> str | None:
    return portals.set_endpoint(
        session, portal, url=url, allowed_hosts=allowed, vault=VAULT, by=BY, now=NOW
    )


def told_at(session: Session, portal: int, *, at: datetime = NOW) -> portals.Endpoint | None:
    return portals.endpoint_of(session, portal, VAULT, now=at)


def test_a_portal_is_told_at_its_address_with_its_secret(session: Session) -> None:
    """The secret is shown when the address is first set, and not again."""
    portal = a_portal(session)
    assert told_at(session, portal) is None
    secret = set_endpoint(session, portal, "https://cong.example.vn/webhook")
    assert secret is not None
    assert secret.startswith("whsec_")
    assert set_endpoint(session, portal, "https://cong.example.vn/moi") is None
    endpoint = told_at(session, portal)
    assert endpoint is not None
    assert (endpoint.url, endpoint.secrets) == ("https://cong.example.vn/moi", (secret,))
    assert secret not in repr(endpoint)
    (row,) = session.scalars(select(WebhookEndpoint)).all()
    assert secret.encode() not in row.secret


def test_a_replaced_secret_signs_as_well_until_the_overlap_is_over(session: Session) -> None:
    """The newest first; the receiver accepts either while it changes over."""
    portal = a_portal(session)
    first = set_endpoint(session, portal, "https://cong.example.vn/webhook")
    second = portals.rotate_secret(session, portal, vault=VAULT, by=BY, now=NOW)
    during, after = (told_at(session, portal, at=at) for at in (NOW, NOW + OVERLAP))
    assert during is not None
    assert during.secrets == (second, first)
    assert after is not None
    assert after.secrets == (second,)


def test_a_stopped_endpoint_is_told_nothing_until_it_is_set_again(session: Session) -> None:
    """Setting it again keeps its secret."""
    portal = a_portal(session)
    secret = set_endpoint(session, portal, "https://cong.example.vn/webhook")
    portals.stop_endpoint(session, portal, by=BY, now=NOW)
    assert told_at(session, portal) is None
    set_endpoint(session, portal, "https://cong.example.vn/webhook")
    endpoint = told_at(session, portal)
    assert endpoint is not None
    assert endpoint.secrets == (secret,)


@pytest.mark.parametrize(
    "url",
    ["", "cong.example.vn", "http://cong.example.vn/", "ftp://cong.example.vn/", "https://a b/"],
)
def test_a_portal_is_told_by_https_alone(session: Session, url: str) -> None:
    """Unless the machine's settings allow the host."""
    portal = a_portal(session)
    with pytest.raises(AddressRefused):
        set_endpoint(session, portal, url)
    assert told_at(session, portal) is None


def test_an_allowed_host_may_speak_http(session: Session) -> None:
    """The practice portal on the same machine."""
    portal = a_portal(session)
    assert set_endpoint(session, portal, "http://127.0.0.1:9000/hook", "127.0.0.1")


def test_no_secret_is_replaced_where_there_is_no_endpoint(session: Session) -> None:
    """First the address, then its secrets."""
    portal = a_portal(session)
    with pytest.raises(portals.NoWebhookEndpoint):
        portals.rotate_secret(session, portal, vault=VAULT, by=BY, now=NOW)
    with pytest.raises(portals.NoWebhookEndpoint):
        portals.stop_endpoint(session, portal, by=BY, now=NOW)


def test_every_change_of_keys_and_endpoints_is_in_the_audit_trail(session: Session) -> None:
    """Who did it, to which portal, in order."""
    portal = a_portal(session)
    key = a_key(session, portal)
    portals.revoke(session, portal, key.prefix, by=BY, now=NOW)
    set_endpoint(session, portal, "https://cong.example.vn/webhook")
    portals.rotate_secret(session, portal, vault=VAULT, by=BY, now=NOW)
    entries = session.scalars(select(AuditEntry).order_by(AuditEntry.id)).all()
    assert [entry.action for entry in entries] == [
        "portal.added",
        "portal_key.made",
        "portal_key.revoked",
        "webhook_endpoint.set",
        "webhook_endpoint.secret_rotated",
    ]
    assert {(entry.actor, entry.subject) for entry in entries} == {(BY, f"portal:{portal}")}


@pytest.mark.committed
def test_who_sets_an_endpoint_twice_at_once_has_one(database: Database) -> None:
    """Also the first time, when eight calls find none: one is told the new secret."""
    portal = database.write(a_portal)
    secrets = []

    def first() -> None:
        set_ = partial(portals.set_endpoint, url="https://portal.example.vn/hook", vault=VAULT)
        secrets.append(database.write(lambda session: set_(session, portal, by=BY, now=NOW)))

    at_once([first] * 8)
    assert sum(secret is not None for secret in secrets) == 1
    rows = select(WebhookEndpoint.portal_id)
    assert database.read(lambda session: session.scalars(rows).all()) == [portal]


@pytest.mark.committed
def test_a_name_that_two_take_at_once_is_refused_to_one(database: Database) -> None:
    """In words, as to whoever comes later."""
    refused = []

    def take() -> None:
        try:
            database.write(a_portal)
        except CashlessError as error:
            refused.append(error.code)

    at_once([take] * 8)
    assert refused == ["portal_name_taken"] * 7
