"""Payment files: approved payouts are sent to the bank in a file that is made once.

The file is kept as it was made, in both forms, and can be had again byte for byte. What stands in
it is `filed` until a statement shows it: nothing is put into a second file, since a bank that did
not answer may have sent it all the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Final

from sqlalchemy import Select, cast, func, select, update
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from payments import agencies
from payments.agencies import CollectionAccount
from payments.core import audit, files
from payments.core.calendar import local_day
from payments.core.columns import Amount
from payments.core.database import rows_of, table_of
from payments.core.errors import Conflict, NotFound
from payments.core.money import Dong
from payments.core.vault import Vault
from payments.payouts.beneficiaries import opened
from payments.payouts.files import BankAccount, Order, Payment, Totals, pain001, sheet, totals
from payments.payouts.tables import Kind, PaymentFile, Payout, State
from payments.payouts.telling import tell

MOST: Final = 2_000
"""Payouts of one file: what a bank's portal takes at once."""

TEXT: Final = {Kind.REFUND: "hoan phi, le phi nop thua", Kind.REMITTANCE: "nop phi, le phi"}
"""What the transfer says behind the payout's code. No request's code: money that comes back with
it would pay that request."""

XML: Final = "application/xml"
XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


class Form(StrEnum):
    """The forms in which a payment file is kept; also how its file's name ends."""

    PAIN001 = "xml"
    SHEET = "xlsx"


class NothingToFile(Conflict):
    """No approved payout of the account waits to be sent."""

    code = "nothing_to_file"


class UnknownPaymentFile(NotFound):
    """There is no payment file of that number."""

    code = "unknown_payment_file"


def file_all(
    session: Session, account: CollectionAccount, *, by: str, now: datetime, vault: Vault
) -> PaymentFile:
    """Makes one file of up to `MOST` approved payouts of an account, the oldest first.

    To be sent on the working day that the account's cut-off says. Raises `NothingToFile`.
    """
    agencies.lock(session, account.id)
    chosen = session.scalars(_waiting(account).limit(MOST)).all()
    if not chosen:
        raise NothingToFile(account=account.number[-4:])
    order = _order(session, account, chosen, now=now, vault=vault)
    file = _kept(session, account, order, by=by, now=now)
    table = table_of(Payout)
    moved = session.execute(
        update(table)
        .where(table.c.id.in_([one.id for one in chosen]), table.c.state == State.APPROVED)
        .values(
            state=State.FILED.value,
            payment_file_id=file.id,
            filed_at=now,
            filed_on=local_day(now),
        )
    )
    if rows_of(moved) != len(chosen):
        raise NothingToFile(account=account.number[-4:])
    session.expire_all()
    for one in chosen:
        tell(session, one, State.FILED, now=now)
    details = {"number": file.number, "payouts": file.payouts, "total": int(file.total)}
    audit.append(
        session,
        actor=by,
        action="payment_file.made",
        subject=f"payment_file:{file.public_id}",
        details=details | {"pain_sha256": file.pain_sha256, "sheet_sha256": file.sheet_sha256},
        now=now,
    )
    return file


def file_by_public_id(session: Session, public_id: str) -> PaymentFile:
    """The payment file of that public number. Raises `UnknownPaymentFile`."""
    found = session.scalar(select(PaymentFile).where(PaymentFile.public_id == public_id))
    if found is None:
        raise UnknownPaymentFile(file=public_id[:40])
    return found


def waiting(session: Session, account: CollectionAccount) -> Sequence[Payout]:
    """The approved payouts of an account that stand in no file, the oldest first."""
    return session.scalars(_waiting(account)).all()


def waits(session: Session) -> Mapping[int, Totals]:
    """What waits to be filed by the id of its account: how many payouts, and their sum."""
    rows = session.execute(
        select(
            Payout.collection_account_id,
            func.count(),
            cast(func.sum(Payout.amount), Amount()),
        )
        .where(Payout.state == State.APPROVED)
        .group_by(Payout.collection_account_id)
    )
    return {account: Totals(count, Dong(amount)) for account, count, amount in rows}


def download(
    session: Session, file: PaymentFile, form: Form, *, by: str, now: datetime
) -> files.Kept:
    """A payment file as it was made, byte for byte, in one of its forms; that is audited."""
    kept = files.fetch(session, file.pain_file_id if form is Form.PAIN001 else file.sheet_file_id)
    audit.append(
        session,
        actor=by,
        action="payment_file.downloaded",
        subject=f"payment_file:{file.public_id}",
        details={"number": file.number, "form": form.value, "sha256": kept.sha256},
        now=now,
    )
    return kept


def _waiting(account: CollectionAccount) -> Select[Payout]:
    rows = select(Payout).where(
        Payout.collection_account_id == account.id, Payout.state == State.APPROVED
    )
    return rows.order_by(Payout.id)


def _order(
    session: Session,
    account: CollectionAccount,
    chosen: Sequence[Payout],
    *,
    now: datetime,
    vault: Vault,
) -> Order:
    made = select(func.count()).where(PaymentFile.collection_account_id == account.id)
    return Order(
        file_id=f"CHTR-{account.id}-{local_day(now):%y%m%d}-{(session.scalar(made) or 0) + 1}",
        created_at=now,
        execute_on=agencies.calendar_of(session, account.id).business_day(now),
        debtor=BankAccount(account.bin, account.number, account.name),
        payments=[
            Payment(
                one.code, one.amount, opened(one.beneficiary, vault=vault), TEXT[Kind(one.kind)]
            )
            for one in chosen
        ],
    )


def _kept(
    session: Session, account: CollectionAccount, order: Order, *, by: str, now: datetime
) -> PaymentFile:
    pain = files.store(session, pain001.write(order), media_type=XML)
    table = files.store(session, sheet.write(order), media_type=XLSX)
    control = totals(order)
    file = PaymentFile(
        public_id=str(uuid7()),
        number=order.file_id,
        collection_account_id=account.id,
        payouts=control.count,
        total=control.amount,
        pain_file_id=pain,
        pain_sha256=files.fetch(session, pain).sha256,
        sheet_file_id=table,
        sheet_sha256=files.fetch(session, table).sha256,
        made_at=now,
        made_by=by,
    )
    session.add(file)
    session.flush()
    return file
