"""What every process begins with, and what it does not begin without."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine

from payments.core import service, words
from payments.core.signers import CertificateNotInForce
from payments.core.words import say
from tests.builders import NOON
from tests.services import a_config
from tests.signed_papers import a_signer, pem_of

DAY = timedelta(days=1)


@pytest.mark.parametrize("span", [{"end": NOON - DAY}, {"start": NOON + DAY}])
def test_nothing_begins_with_a_certificate_that_is_not_in_force(span: dict[str, object]) -> None:
    """It is told by its name and its days, and neither key nor certificate shows."""
    config = a_config(signing=pem_of(a_signer(**span)))
    with time_machine.travel(NOON, tick=False), pytest.raises(CertificateNotInForce) as refused:
        service.begin(config)
    told = refused.value
    with words.speaking("en"):
        said = say(f"error.{told.code}", **told.fields)
    assert "Kho bạc Nhà nước" in said
    assert "{" not in said
    assert "PRIVATE" not in repr(told)


def test_a_certificate_in_force_begins() -> None:
    with time_machine.travel(NOON, tick=False):
        begun = service.begin(a_config(signing=pem_of(a_signer())))
    begun.database.dispose()
