"""A receipt as XML: its business data under a schema of our own, to which a signature is added.

Decree 123/2020/ND-CP, Art. 33: an electronic receipt is XML of two parts, business data and a
digital signature. The tax authority's own layout was not to be had; ours is published beside it
(`payments/data/receipt.xsd`, docs/receipts.md), with Vietnamese names as the law calls things.
The same content gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from xml.etree.ElementTree import Element, SubElement, register_namespace, tostring

NAMESPACE: Final = "urn:vn:cashless:bien-lai:1"
SCHEMA: Final = Path(__file__).parents[1] / "data" / "receipt.xsd"

register_namespace("", NAMESPACE)


def receipt_xml(content: Mapping[str, Any], *, verify: str) -> bytes:
    """The business data of a receipt, unsigned; `verify` is the address where anyone checks it."""
    root = Element(_name("BienLai"))
    data = SubElement(root, _name("DuLieu"))
    for name, value in (
        ("TenBienLai", content["name"]),
        ("MauSo", content["form"]),
        ("KyHieu", content["symbol"]),
        ("So", content["number"]),
        ("NgayLap", content["day"]),
        ("LoaiThu", content["kind"]),
    ):
        _text(data, name, value)
    _issuer(data, content["issuer"])
    agency = SubElement(data, _name("DonViThu"))
    _text(agency, "Ma", content["agency"]["code"])
    _text(agency, "Ten", content["agency"]["name"])
    payer = SubElement(data, _name("NguoiNop"))
    _text(payer, "MaHoSo", content["dossier"])
    _text(payer, "MaThanhToan", content["reference"])
    _text(payer, "ThoiDiemNop", content["paid_at"])
    _lines(data, content)
    _text(data, "TongTien", content["amount"])
    _text(data, "BangChu", content["in_words"])
    _text(data, "DonViTienTe", "VND")
    if content["replaces"] is not None:
        before = SubElement(data, _name("ThayThe"))
        _numbered(before, content["replaces"])
    _text(data, "MaTraCuu", content["code"])
    _text(data, "DiaChiTraCuu", verify)
    written: bytes = tostring(root, encoding="utf-8", xml_declaration=True)
    return written


def _issuer(data: Element, issuer: Mapping[str, Any]) -> None:
    node = SubElement(data, _name("CoQuanLap"))
    _text(node, "Ten", issuer["name"])
    if issuer["tax_code"] is not None:
        _text(node, "MaSoThue", issuer["tax_code"])


def _lines(data: Element, content: Mapping[str, Any]) -> None:
    lines = SubElement(data, _name("CacKhoan"))
    for position, line in enumerate(content["lines"], start=1):
        node = SubElement(lines, _name("Khoan"), {"Stt": str(position)})
        for name, value in (
            ("Ma", line["fee"]),
            ("Ten", line["name"]),
            ("TieuMuc", line["sub_item"]),
            ("SoLuong", line["quantity"]),
            ("MucThu", line["unit_amount"]),
            ("DaHoan", line["refunded"]),
            ("SoTien", line["amount"]),
        ):
            _text(node, name, value)


def _numbered(node: Element, named: Mapping[str, str]) -> None:
    for name, value in (
        ("MauSo", named["form"]),
        ("KyHieu", named["symbol"]),
        ("So", named["number"]),
    ):
        _text(node, name, value)


def _text(parent: Element, name: str, value: object) -> None:
    SubElement(parent, _name(name)).text = str(value)


def _name(local: str) -> str:
    return f"{{{NAMESPACE}}}{local}"
