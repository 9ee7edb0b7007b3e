"""A province laid out in bulk for the benches: rows written straight, not through the verbs.

Only benches do this: they measure what happens to many requests, not how they were issued.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import secrets
import tempfile
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from payments import references
from payments.core.database import Database
from payments.core.migrations import migrate
from payments.fees import Fee
from payments.inbox import Callback
from payments.payment_requests import PaymentRequest, PaymentRequestLine
from tests.builders import NOON, Province, a_province
from tests.postgres import postgres_server

EARLIER = NOON - timedelta(hours=3)
BATCH = 10_000


@contextlib.contextmanager
def a_database(engine: str) -> Iterator[Database]:
    """A migrated database of an engine, durable: fsync on, as in production."""
    with contextlib.ExitStack() as closing:
        if engine == "sqlite":
            folder = closing.enter_context(tempfile.TemporaryDirectory())
            database = Database(f"sqlite:///{Path(folder) / 'bench.sqlite'}")
        else:
            server = closing.enter_context(postgres_server(durable=True))
            server.create("bench")
            database = Database(server.url("bench"))
        closing.callback(database.dispose)
        migrate(database)
        yield database


def a_bench_province(database: Database) -> Province:
    """The province of the tests, committed; its session is only for building."""
    return database.write(a_province)


def bulk_requests(
    database: Database,
    province: Province,
    *,
    many: int,
    issued_at: datetime = EARLIER,
    amounts: Sequence[int] = (50_000,),
) -> list[tuple[int, str]]:
    """(id, reference) of that many open requests with one fee line each, the amounts in turn."""
    taken = set(
        database.read(lambda session: session.scalars(select(PaymentRequest.reference)).all())
    )
    drawn: set[str] = set()
    while len(drawn) < many:
        reference = references.make()
        if reference not in taken:
            drawn.add(reference)
    found = sorted(drawn)
    for start in range(0, many, BATCH):
        chunk = found[start : start + BATCH]
        database.write(
            lambda session, chunk=chunk: _requests(
                session, province, chunk, issued_at=issued_at, amounts=amounts
            )
        )
    return database.read(
        lambda session: [
            (number, reference)
            for number, reference in session.execute(
                select(PaymentRequest.id, PaymentRequest.reference)
                .where(PaymentRequest.collection_account_id == province.account.id)
                .order_by(PaymentRequest.id)
            )
        ]
    )


def bulk_callbacks(
    database: Database, province: Province, memos: list[str], *, at: datetime = NOON
) -> None:
    """A practice bank's callback in the inbox for each memo, 50.000 đồng each."""
    for start in range(0, len(memos), BATCH):
        rows = [
            _callback(province, memo, number=start + number, at=at)
            for number, memo in enumerate(memos[start : start + BATCH])
        ]
        database.write(lambda session, rows=rows: session.execute(insert(Callback), rows))


def callback_body(province: Province, memo: str, *, number: int, at: datetime) -> bytes:
    """What the practice bank says of the `number`-th transfer of 50.000 đồng."""
    return json.dumps(
        {
            "event_id": f"e{number}",
            "type": "credit",
            "account": province.account.number,
            "bin": province.account.bin,
            "amount": 50_000,
            "currency": "VND",
            "booked_at": at.isoformat(),
            "memo": bank_memo(memo, number=number),
            "bank_reference": f"FT{number}",
            "payer_account": f"09{number}",
            "payer_name": "NGUYEN VAN MAU",
            "reverses": None,
        }
    ).encode()


def bank_memo(memo: str, *, number: int) -> str:
    """A payer's memo with what a bank puts around it."""
    return f"MBVCB.2427229823.{number:06}.{memo}.CT tu 0999999 NGUYEN VAN MAU"


def _requests(
    session: Session,
    province: Province,
    chunk: list[str],
    *,
    issued_at: datetime,
    amounts: Sequence[int],
) -> None:
    fee = session.execute(select(Fee).where(Fee.code == "PHI")).scalar_one()
    agency = province.account.agency_id
    session.execute(
        insert(PaymentRequest),
        [
            {
                "reference": reference,
                "token": secrets.token_urlsafe(16),
                "page": "https://pay.example/p/bench",
                "portal_id": province.portal.id,
                "agency_id": agency,
                "collection_account_id": province.account.id,
                "dossier": f"000.00.12.H09-261124-{number:06}",
                "channel": "online",
                "description": "Phí mẫu",
                "amount": amounts[number % len(amounts)],
                "received": 0,
                "advised": 0,
                "confirmed": 0,
                "refunded": 0,
                "remitted": 0,
                "status": "open",
                "late": False,
                "issued_at": issued_at,
                "expires_at": issued_at + timedelta(days=1),
                "sequence": 1,
            }
            for number, reference in enumerate(chunk)
        ],
    )
    ids = {
        reference: number
        for number, reference in session.execute(
            select(PaymentRequest.id, PaymentRequest.reference)
            .order_by(PaymentRequest.id.desc())
            .limit(len(chunk))
        )
    }
    session.execute(
        insert(PaymentRequestLine),
        [
            {
                "payment_request_id": ids[reference],
                "position": 1,
                "fee_id": fee.id,
                "fee": fee.code,
                "name": fee.name,
                "kind": fee.kind,
                "sub_item": fee.sub_item,
                "quantity": 1,
                "unit_amount": amounts[number % len(amounts)],
                "amount": amounts[number % len(amounts)],
            }
            for number, reference in enumerate(chunk)
        ],
    )


def _callback(province: Province, memo: str, *, number: int, at: datetime) -> dict[str, Any]:
    body = callback_body(province, memo, number=number, at=at)
    return {
        "connection_id": province.intakes["sandbox"].connection_id,
        "collection_account_id": province.account.id,
        "event_id": f"e{number}",
        "body": body,
        "body_sha256": hashlib.sha256(body).hexdigest(),
        "received_at": datetime.now(UTC),
        "state": "waiting",
        "tries": 0,
    }
