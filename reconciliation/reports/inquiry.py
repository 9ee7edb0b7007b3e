"""The letter by which the bank is asked about money that does not agree (thư tra soát).

It is drawn from what is written about a break: the letter's number and words, and what the bank's
own figures say of the money. It goes to the bank on paper, so it is in Vietnamese whoever asks.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.orm import Session

from payments import banks
from payments.agencies import Agency, CollectionAccount
from payments.core import pdf, words
from payments.core.calendar import local_day
from payments.core.money import grouped
from payments.core.pdf import Paper, Signature
from payments.core.words import say
from reconciliation.breaks import Break, BreakNote
from reconciliation.breaks.about import credit_of, line_of, told_otherwise


def inquiry(session: Session, one: Break, letter: BreakNote) -> bytes:
    """The letter as a PDF, to be signed and sent; `letter` is a note of that kind."""
    account = session.get_one(CollectionAccount, one.collection_account_id)
    agency = session.get_one(Agency, account.agency_id).name_vi
    bank = banks.by_bin(account.bin)
    money = credit_of(session, one) or line_of(session, one)
    with words.speaking("vi"):
        number = letter.number or ""
        paper = Paper(
            say("inquiry.title"),
            foot=say("inquiry.foot", number=number),
            page_words=lambda page, pages: say("paper.page", page=page, pages=pages),
        )
        paper.centred(agency)
        paper.centred(say("inquiry.title"), size=14, font=pdf.BOLD)
        paper.centred(say("inquiry.number", number=number, day=local_day(letter.written_at)))
        paper.gap(8)
        paper.words(say("inquiry.to", bank=bank.name if bank else account.bin))
        paper.words(say("inquiry.account", number=account.number, name=account.name))
        paper.words(say("inquiry.about", kind=say(f"break.{one.kind}"), day=one.day))
        for line in _amounts(session, one):
            paper.words(line)
        if money is not None:
            paper.words(say("inquiry.memo", memo=money.memo or "–"))
            paper.words(say("inquiry.reference", reference=money.bank_reference or "–"))
        paper.gap(6)
        paper.words(letter.words)
        paper.gap(6)
        paper.words(say("inquiry.please"))
        paper.signatures([Signature(say("inquiry.signs"), say("inquiry.sign_here"), "")])
        return paper.finish()


def _amounts(session: Session, one: Break) -> Sequence[str]:
    """The amount; where message and statement differ, each by the side that tells it."""
    others = told_otherwise(session, one)
    if not others:
        return [say("inquiry.amount", amount=grouped(one.amount))]
    sides = ["inquiry.amount_of_message", "inquiry.amount_of_line"]
    if line_of(session, one) is not None:
        sides.reverse()
    mine, theirs = sides
    return [
        say(mine, amount=grouped(one.amount)),
        *(say(theirs, amount=grouped(other)) for other in others),
    ]
