"""Signed papers: receipts and closed-day records that anyone can check, with us or without.

A paper is a PDF, and for a receipt an XML beside it, signed once and kept as signed; its code, as
text and as a QR code on it, leads to `/verify/<code>`. Signing is pure and quick; keeping is one
verb for a set:

    signer = documents.signer_of(session, config, vault, now=now)  # once for a batch
    codes = documents.new_codes(len(receipts))                # before drawing: they are printed
    address = documents.address(config.base_url, code)        # what the QR code carries
    papers = [
        Paper(
            code,
            Kind.RECEIPT,
            f"receipt:{public_id}",                            # one of a subject counts
            facts={"agency": …, "number": …, "amount": 150_000, "issued_on": "2026-11-29"},
            pdf=documents.sign_pdf(drawn, signer, at=now),
            xml=documents.sign_xml(written, signer, at=now),
        )
        for …
    ]
    ids = documents.keep_all(session, papers, signer=signer, by="job:receipts", now=now)

Sign outside the unit of work (a signer read in one unit may be used in the next) and keep inside
it, beside what makes it true. To end papers: `cancel_all(session, ids, reason=…)`. To replace:
a subject has one paper that counts, so give the new receipt its own subject, keep it, and then
`replace_all(session, {old_id: new_id}, reason=…)`. Where old and new share a subject (a day that
is closed again), the old one is cancelled first, and `replace_all` then makes it `replaced`.
Nothing is deleted and nothing counts again; the database refuses both.

XML to be signed has no `Id` at its root and no DOCTYPE; its schema allows a `ds:Signature` as the
last child (`<xs:any namespace="http://www.w3.org/2000/09/xmldsig#" processContents="lax"/>`).
`facts` are public: words for each key are `verify.fact.<key>` in the catalogue (agency, number,
symbol, form, amount, issued_on, account, day, verdict are there).
"""

from payments.core.signers import CertificateNotInForce, Signer
from payments.documents.checking import (
    Certified,
    Checked,
    by_code,
    certificate_of,
    check,
    counting,
    finding_of,
    latest,
    signed_pdf,
    signed_xml,
    successor,
)
from payments.documents.codes import NoSuchCode, address, new_codes, read_code
from payments.documents.keeping import (
    DocumentEnded,
    Paper,
    PaperCounts,
    cancel_all,
    keep_all,
    replace_all,
)
from payments.documents.pdf_signature import sign_pdf
from payments.documents.signing import certificates_pem, signer_of, trusted
from payments.documents.tables import (
    APPEND_ONLY,
    FIXED,
    MOVES,
    Document,
    Kind,
    SigningCertificate,
    State,
)
from payments.documents.verdicts import MOST_BYTES, PRACTICE, Finding, Verified, verify
from payments.documents.xml_signature import sign_xml

__all__ = [
    "APPEND_ONLY",
    "FIXED",
    "MOST_BYTES",
    "MOVES",
    "PRACTICE",
    "CertificateNotInForce",
    "Certified",
    "Checked",
    "Document",
    "DocumentEnded",
    "Finding",
    "Kind",
    "NoSuchCode",
    "Paper",
    "PaperCounts",
    "Signer",
    "SigningCertificate",
    "State",
    "Verified",
    "address",
    "by_code",
    "cancel_all",
    "certificate_of",
    "certificates_pem",
    "check",
    "counting",
    "finding_of",
    "keep_all",
    "latest",
    "new_codes",
    "read_code",
    "replace_all",
    "sign_pdf",
    "sign_xml",
    "signed_pdf",
    "signed_xml",
    "signer_of",
    "successor",
    "trusted",
    "verify",
]
