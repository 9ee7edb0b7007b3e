"""VietinBank's daily comparison of virtual accounts, made from a few figures."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from reconciliation.formats.vietinbank_va import FIELDS

KEY = "an invented key"
PAYMENT = {
    "recordType": "002",
    "transId": "VA20261124000001",
    "providerId": "TINHX",
    "bankCode": "970415",
    "custAcctNo": "101000000001",
    "recvVirtualAcctId": "TTHC0123456797",
    "recvVirtualAcctName": "KHO BAC TINH X",
    "custName": "NGUYEN VAN AN",
    "amount": "50000",
    "currencyCode": "VND",
    "merchantAcctNo": "0281000999999",
    "billId": "HS17",
    "transTime": "20261124093000",
    "status": "00",
    "bankTransId": "FT26328000001",
}


def payment(**fields: str) -> str:
    """One record, its checksum left to `va_file`."""
    told = PAYMENT | fields
    return "|".join(told.get(name, "") for name in FIELDS)


def va_file(
    payments: Sequence[str],
    *,
    count: int | None = None,
    key: str = KEY,
    header: str | None = "|".join(FIELDS),
) -> bytes:
    """Header, records and footer, each checksum made with `key`."""
    number = len(payments) if count is None else count
    lines = [
        *([] if header is None else [header]),
        *(sealed(one, key) for one in payments),
        sealed(f"009|TINHX|admin|{number}|20261125010000|", key),
    ]
    return ("\ufeff" + "\r\n".join(lines) + "\r\n").encode()


def sealed(record: str, key: str) -> str:
    """The record with the MD5 of its fields and the key as its last."""
    told = record.split("|")[:-1]
    return "|".join([*told, hashlib.md5("".join((*told, key)).encode()).hexdigest()])
