"""The practice bank's document speaks of everything it can do."""

from __future__ import annotations

import re
from pathlib import Path

from sandbox import memos
from sandbox.faults import Fault
from sandbox.payment_files import PaymentFault
from sandbox.protocols import PROTOCOLS
from sandbox.statements import FORMATS
from sandbox.statements.service import StatementFault

ROOT = Path(__file__).parents[2]
DOCUMENT = (ROOT / "docs" / "sandbox.md").read_text()


def test_every_fault_way_protocol_and_format_is_told():
    """No name that a caller may write is missing from the document."""
    names = [*Fault, *PaymentFault, *StatementFault, *memos.VIAS, *PROTOCOLS, *FORMATS]
    assert [
        name for name in names if f"`{name}`" not in DOCUMENT and f"={name}" not in DOCUMENT
    ] == []


def test_every_call_is_told(bank):
    """Each address of the control API and each page stands in the document."""
    addresses = {
        re.sub("<int:[a-z]+_id>", "<id>", rule.rule)
        for rule in bank.app.url_map.iter_rules()
        if rule.rule.startswith("/api/")
    }
    assert [one for one in sorted(addresses) if one not in DOCUMENT] == []


def test_every_setting_is_told():
    """Each variable the bank reads stands in the document."""
    source = (ROOT / "sandbox" / "config.py").read_text()
    for name in ("CLOCK_OFFSET_SECONDS", "SEED", "RETRY_FACTOR", "HOSTS"):
        assert name in source
        assert f"`SANDBOX_{name}`" in DOCUMENT
