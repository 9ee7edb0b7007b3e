"""Builders: a small province with an account, a portal and sources, through public verbs only."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import count
from types import MappingProxyType
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from payments import agencies, connections, fees, inbox, ledger, payment_requests, portals
from payments.agencies import CollectionAccount, Opening
from payments.connections import Intake
from payments.core.calendar import VIETNAM
from payments.core.money import Dong
from payments.core.vault import Vault
from payments.credits import Credit
from payments.fees import Channel, FeeKind
from payments.payment_requests import Order, PaymentRequest
from payments.portals import Portal
from payments.sources import SOURCES
from payments.staff import Person, Role

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=VIETNAM).astimezone(UTC)
"""A working day's noon, in Viet Nam."""

SINCE = date(2020, 1, 1)
BY = "staff:1"
SCHEMES = MappingProxyType(
    {"sandbox": "hmac", "sepay": "hmac", "payos": "hmac", "sepay_key": "key"}
)
_events = count(1)
_VIRTUAL_ACCOUNTS = MappingProxyType(
    {
        "sandbox": "virtual_account",
        "sepay": "subAccount",
        "payos": "virtualAccountNumber",
    }
)


def a_vault() -> Vault:
    """A vault with a key that guards nothing."""
    return Vault([b"k" * 32])


@dataclass
class Province:
    """A province with one collection account, one portal, and a connection of every source."""

    session: Session
    account: CollectionAccount
    portal: Portal
    intakes: Mapping[str, Intake]
    vault: Vault = field(default_factory=a_vault)

    def balance(self, path: str) -> int:
        """Debits less credits of `path` with the account's number behind it, in đồng."""
        return int(ledger.balance(self.session, f"{path}:{self.account.id}"))

    def fees(self, kind: str, sub_item: str = "2721") -> int:
        """What is owed to the agency for fees of a kind, in đồng."""
        path = f"liabilities:fees:{self.account.id}:H09:{kind}:{sub_item}"
        return -int(ledger.balance(self.session, path))

    def credits(self) -> Sequence[Credit]:
        """Every credit of the account that stands for itself, in order of arrival."""
        self.session.expire_all()
        return self.session.scalars(
            select(Credit).where(Credit.merged_into_id.is_(None)).order_by(Credit.id)
        ).all()

    def findings(self) -> list[str | None]:
        """What each credit was found to be."""
        return [credit.finding for credit in self.credits()]


def a_province(session: Session, *, number: str = "0011001234567", name: str = "") -> Province:
    """The province H09, its account, its portal, two fees of any amount."""
    suffix = name or number
    agencies.put(
        session,
        agencies.Described(
            "H09", "Tỉnh mẫu", "Sample province", agencies.Kind.PROVINCE, None, True
        ),
        since=SINCE,
        on=SINCE,
    )
    agency = agencies.by_code(session, "H09", on=NOON.date())
    account = agencies.open_account(
        session,
        agency.id,
        Opening(bin="970436", number=number, name="SO MAU"),
        valid_from=SINCE,
        by=BY,
        now=NOON,
    )
    agencies.work_on(  # the law has made it a holiday since
        session, NOON.date(), collection_account_id=account.id, reason="test"
    )
    for code, kind in (("PHI", FeeKind.PHI), ("LEPHI", FeeKind.LE_PHI)):
        a_fee(session, code=code, kind=kind)
    portal = portals.add(session, f"portal {suffix}", by=BY, now=NOON)
    vault = a_vault()
    intakes = {
        name: _an_intake(session, account, vault, name=name, suffix=suffix) for name in SCHEMES
    }
    return Province(session, account, portal, intakes, vault)


def the_province(session: Session) -> Province:
    """The province that was made before, with its first account, portal and sources."""
    account = session.scalars(select(CollectionAccount).order_by(CollectionAccount.id)).first()
    portal = session.scalars(select(Portal).order_by(Portal.id)).first()
    assert account is not None
    assert portal is not None
    vault = a_vault()
    intakes = {
        name: connections.intake(session, known.public_id, vault, now=NOON)
        for name in SCHEMES
        for known in session.scalars(
            select(connections.Connection).where(
                connections.Connection.name.like(f"{name} {account.number}")
            )
        )
    }
    return Province(session, account, portal, intakes, vault)


def a_fee(
    session: Session, *, code: str, kind: FeeKind = FeeKind.PHI, sub_item: str = "2721"
) -> None:
    """A fee of a variable amount."""
    described = fees.Described(
        code=code,
        name=f"Phí mẫu {code}",
        name_en=f"Sample fee {code}",
        kind=kind,
        unit="lần",
        sub_item=sub_item,
        collected_by="Sở mẫu",
        legal_basis="mẫu",
        variable=True,
        verified=True,
        confidence="",
        source="test",
    )
    any_amount = fees.Price(
        channel=fees.ANY_CHANNEL,
        from_quantity=1,
        unit_amount=None,
        at_most=None,
        valid_from=SINCE,
        valid_to=None,
        verified=True,
        basis="mẫu",
    )
    fees.put(session, described, prices=[any_amount], on=SINCE)


def a_payment_request(
    province: Province,
    *,
    amount: int = 50_000,
    le_phi: int = 0,
    agency: str = "H09",
    dossier: str = "000.00.12.H09-261124-0001",
    now: datetime = NOON,
) -> PaymentRequest:
    """An open request of `amount`, of which `le_phi` is lệ phí and the rest phí."""
    items = [fees.Item("PHI", amount=Dong(amount - le_phi))] if amount > le_phi else []
    if le_phi:
        items.append(fees.Item("LEPHI", amount=Dong(le_phi)))
    return payment_requests.issue(
        province.session,
        Order(agency=agency, dossier=dossier, channel=Channel.ONLINE, items=items),
        portal_id=province.portal.id,
        base_url="https://pay.example",
        prefix="TTHC",
        now=now,
    )


def a_message(
    province: Province,
    memo: str,
    *,
    amount: int,
    source: str = "sandbox",
    event: str | None = None,
    at: datetime = NOON,
    reference: str | None = None,
    payer: str | None = None,
    virtual_account: str | None = None,
) -> None:
    """A callback of `source` kept in the inbox: money came with `memo`."""
    intake = province.intakes[source]
    number = event or str(next(_events))
    body = _BODIES[intake.source](province, memo, amount, number, at, reference, payer)
    if virtual_account is not None:
        told = body.get("data", body)
        told[_VIRTUAL_ACCOUNTS[intake.source]] = virtual_account
    raw = json.dumps(body).encode()
    advice = SOURCES[intake.source].read(raw, scheme=intake.scheme)
    assert advice is not None
    inbox.keep_all(province.session, [inbox.Letter(intake, advice, raw)], now=at)


def settle(province: Province, *, now: datetime = NOON) -> int:
    """Settles what waits for the province's account; how many callbacks."""
    return inbox.settle_account(
        province.session, province.account.id, vault=province.vault, prefix="TTHC", now=now
    )


def paid(
    province: Province, request: PaymentRequest, amount: int | None = None, **told: Any
) -> None:
    """The request's payer transfers `amount` (its whole amount unless said), and it is settled."""
    a_message(province, request.reference, amount=amount or int(request.amount), **told)
    settle(province)
    province.session.refresh(request)


def _an_intake(
    session: Session, account: CollectionAccount, vault: Vault, *, name: str, suffix: str
) -> Intake:
    connection = connections.add(
        session,
        connections.Registration(
            source=name.removesuffix("_key"),
            scheme=SCHEMES[name],
            name=f"{name} {suffix}",
            secret="a secret long enough to be one",
            collection_account_ids=[account.id],
        ),
        vault=vault,
        by=BY,
        now=NOON - timedelta(days=30),
    )
    return connections.intake(session, connection.public_id, vault, now=NOON)


def _wall(at: datetime) -> str:
    return at.astimezone(VIETNAM).strftime("%Y-%m-%d %H:%M:%S")


def _sandbox_body(
    province: Province,
    memo: str,
    amount: int,
    event: str,
    at: datetime,
    reference: str | None,
    payer: str | None,
) -> dict[str, Any]:
    return {
        "event_id": event,
        "type": "credit",
        "account": province.account.number,
        "bin": province.account.bin,
        "amount": amount,
        "currency": "VND",
        "booked_at": at.isoformat(),
        "memo": memo,
        "bank_reference": reference,
        "payer_account": payer,
        "payer_name": "NGUYEN VAN MAU" if payer else None,
        "reverses": None,
    }


def _sepay_body(
    province: Province,
    memo: str,
    amount: int,
    event: str,
    at: datetime,
    reference: str | None,
    payer: str | None,
) -> dict[str, Any]:
    return {
        "id": int(event),
        "gateway": "Vietcombank",
        "transactionDate": _wall(at),
        "accountNumber": province.account.number,
        "subAccount": None,
        "code": None,
        "content": memo,
        "transferType": "in",
        "description": f"BankAPINotify {memo}",
        "transferAmount": amount,
        "accumulated": 0,
        "referenceCode": "3079",
    }


def _payos_body(
    province: Province,
    memo: str,
    amount: int,
    event: str,
    at: datetime,
    reference: str | None,
    payer: str | None,
) -> dict[str, Any]:
    fields = {
        "orderCode": int(event),
        "amount": amount,
        "description": memo,
        "accountNumber": province.account.number,
        "reference": reference or f"FT{event}",
        "transactionDateTime": _wall(at),
        "currency": "VND",
        "paymentLinkId": event,
        "counterAccountNumber": payer,
        "counterAccountName": "NGUYEN VAN MAU" if payer else None,
    }
    return {"code": "00", "desc": "success", "success": True, "data": fields, "signature": ""}


_BODIES = MappingProxyType({"sandbox": _sandbox_body, "sepay": _sepay_body, "payos": _payos_body})


def checker(session: Session, role: Role = Role.APPROVER) -> str:
    """Who decides what another proposed: the person of a role, a number where nobody works yet."""
    named = session.scalars(select(Person.id).where(Person.username == role.value)).first()
    return "staff:2" if named is None else f"staff:{named}"
