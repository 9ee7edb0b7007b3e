"""Coming from the identity provider: signing in as whom it says, and proving it once more there.

The provider takes the place of the password, never of the second factor: whoever has a phone owes
its code. A proof is as old as the provider says that it asked the person. Refusals are returned,
not raised, where a raised error would undo what is to be kept.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from datetime import datetime

from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from payments.core import audit
from payments.core.errors import Refused
from payments.core.oidc import Identity
from payments.staff import factors, identities, sessions, tries
from payments.staff.identities import NotLinked
from payments.staff.people import actor
from payments.staff.sessions import FRESH, LONGEST, Browser, NewSession, SignedIn
from payments.staff.tables import Person, Proof, ProviderAnswer, Role
from payments.staff.tries import TooManyTries


class AnswerUsed(Refused):
    """The provider's answer was believed before."""

    code = "provider_answer_used"


class AnotherPerson(Refused):
    """Whoever proved it at the provider is not whoever is signed in here."""

    code = "provider_another_person"


class ProofTooOld(Refused):
    """The provider did not ask the person just now."""

    code = "provider_proof_too_old"


class UsesAnotherProof(Refused):
    """Whoever has a phone proves it by its code, whoever signed in by password by that."""

    code = "uses_another_proof"


def arrive(
    session: Session,
    identity: Identity,
    browser: Browser,
    *,
    asked_at: datetime | None,
    now: datetime,
    required: Collection[Role] = (),
) -> NewSession | NotLinked | AnswerUsed:
    """A session for whoever is linked; whoever has a second factor still owes its code.

    `asked_at` is when the provider asked the person, by our clock; None if it does not say.
    """
    person = identities.person_of(session, identity.issuer, identity.subject)
    if person is None or not person.active:
        failed(session, browser.address, NotLinked.code, person=person, now=now)
        return NotLinked(subject=identity.subject, issuer=identity.issuer)
    if not _believe(session, person, identity, now=now):
        failed(session, browser.address, AnswerUsed.code, person=person, now=now)
        return AnswerUsed()
    waiting = factors.live(session, person.id) is not None
    proved_at = min(asked_at, now) if asked_at is not None else now - FRESH
    begun = sessions.begin(
        session,
        person,
        browser,
        ends_at=now + LONGEST,
        proved_at=None if waiting else proved_at,
        required=required,
        now=now,
        by_provider=True,
    )
    if not waiting:
        proof = Proof.PROVIDER.value
        sessions.tell(session, "staff.signed_in", person.id, now=now, proof=proof)
    return begun


def prove(
    session: Session,
    who: SignedIn,
    identity: Identity,
    *,
    asked_at: datetime | None,
    now: datetime,
    required: Collection[Role] = (),
) -> NewSession | AnotherPerson | AnswerUsed | ProofTooOld | UsesAnotherProof:
    """Proves at the provider that it is still them; the session goes on with a new token.

    Raises `NotSignedIn` where the session ended meanwhile.
    """
    row = sessions.held_by(session, who, now=now)
    person = identities.person_of(session, identity.issuer, identity.subject)
    refused: AnotherPerson | AnswerUsed | ProofTooOld | UsesAnotherProof | None = None
    if person is None or person.id != who.staff_id:
        refused = AnotherPerson()
    elif not row.by_provider or factors.live(session, person.id) is not None:
        refused = UsesAnotherProof()
    elif asked_at is None or now - asked_at >= FRESH:
        refused = ProofTooOld()
    elif not _believe(session, person, identity, now=now):
        refused = AnswerUsed()
    proof = Proof.PROVIDER.value
    if person is None or asked_at is None or refused is not None:
        reason = (refused or ProofTooOld()).code
        sessions.tell(
            session, "staff.proof_refused", who.staff_id, now=now, proof=proof, reason=reason
        )
        return refused or ProofTooOld()
    sessions.tell(session, "staff.proved", person.id, now=now, proof=proof)
    proved_at = min(asked_at, now)
    return sessions.renew(session, row, person, now=now, required=required, proved_at=proved_at)


def waits(session: Session, address: str, *, now: datetime) -> TooManyTries | None:
    """Why nobody comes from the provider to this address yet, None if somebody may."""
    return tries.refusal_here(session, address=address, now=now)


def failed(
    session: Session, address: str, reason: str, *, person: Person | None = None, now: datetime
) -> None:
    """Keeps a try that failed, so that guessing slows down, and writes it down."""
    known_as = "?" if person is None else person.username
    tries.keep(session, known_as, Proof.PROVIDER, address=address, right=False, now=now)
    audit.append(
        session,
        actor="-",
        action="staff.sign_in_refused",
        subject="staff:-" if person is None else actor(person.id),
        details={"address": address, "proof": Proof.PROVIDER.value, "reason": reason},
        now=now,
    )


def _believe(session: Session, person: Person, identity: Identity, *, now: datetime) -> bool:
    """Whether this answer is believed now: for the first time."""
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    row = {
        "staff_id": person.id,
        "nonce_hash": hashlib.sha256(identity.nonce.encode()).hexdigest(),
        "believed_at": now,
    }
    new = insert(ProviderAnswer).values(row).on_conflict_do_nothing().returning(ProviderAnswer.id)
    return session.scalar(new) is not None
