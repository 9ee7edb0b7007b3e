"""A provider reached by files: it signs what lies in `asked/` and puts it into `answered/`.

For each receipt `asked/<id>.json` says what it is, with all receipts of its request, beside the
drawn `<id>.pdf` and `<id>.xml`. The answer are files of the same names, signed: with the service's
certificate, whose key a signing service such as VNPT's or Viettel's may hold, and nothing else
changed. What is anything else is not taken.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from xml.etree.ElementTree import canonicalize, fromstring, tostring

import orjson

from payments import documents
from payments.core.errors import Conflict
from payments.documents import Finding, Signer
from payments.receipts.issuing import Draft, Papers
from payments.receipts.pdf_paper import receipt_pdf
from payments.receipts.providers.protocol import ProviderFailed
from payments.receipts.xml_paper import receipt_xml

_SIGNATURE: Final = "{http://www.w3.org/2000/09/xmldsig#}Signature"


class WrongPapers(Conflict):
    """The provider's answer is not what it was given, signed with the service's certificate."""

    code = "wrong_receipt_papers"


@dataclass(frozen=True, slots=True)
class Folder:
    """Hands papers over in a folder; `signer` has the certificate they come back signed with."""

    path: Path
    signer: Signer

    def papers(self, drafts: Sequence[Draft]) -> Sequence[Papers] | None:
        """The signed papers, once those of all the drafts are there.

        Raises `ProviderFailed` or `WrongPapers`.
        """
        try:
            answers = [self._answer(draft) for draft in drafts]
            if any(answer is None for answer in answers):
                self._ask(drafts)
                return None
        except OSError as error:
            raise ProviderFailed(reason=error.strerror or str(error)) from error
        return [
            self._checked(draft, *answer)
            for draft, answer in zip(drafts, answers, strict=True)
            if answer is not None
        ]

    def _answer(self, draft: Draft) -> tuple[bytes, bytes] | None:
        """The PDF and the XML that were put back, when both are there."""
        files = [self.path / "answered" / f"{draft.public_id}.{end}" for end in ("pdf", "xml")]
        if not all(file.is_file() for file in files):
            return None
        pdf, xml = (file.read_bytes() for file in files)
        return pdf, xml

    def _ask(self, drafts: Sequence[Draft]) -> None:
        """Puts what is not there yet; the file that says what it is comes last."""
        folder = self.path / "asked"
        folder.mkdir(exist_ok=True)  # what holds it is there, or not to be reached
        (self.path / "answered").mkdir(exist_ok=True)
        together = [draft.public_id for draft in drafts]
        for draft in drafts:
            if (folder / f"{draft.public_id}.json").exists():
                continue
            pdf, xml = self._drawn(draft)
            told = {"receipt": draft.public_id, "together": together, "content": draft.content}
            for end, content in (("pdf", pdf), ("xml", xml), ("json", orjson.dumps(told))):
                _put(folder / f"{draft.public_id}.{end}", content)

    def _drawn(self, draft: Draft) -> tuple[bytes, bytes]:
        return (
            receipt_pdf(draft.content, verify=draft.verify, practice=self.signer.practice),
            receipt_xml(draft.content, verify=draft.verify),
        )

    def _checked(self, draft: Draft, pdf: bytes, xml: bytes) -> Papers:
        """The answer, if it is what was handed over and signed as it must be."""
        for content in (pdf, xml):
            found = documents.verify(content, [self.signer.certificate])
            if found.finding != Finding.VALID:
                raise WrongPapers(receipt=draft.public_id)
        drawn, written = self._drawn(draft)
        if not pdf.startswith(drawn) or _business(xml) != canonicalize(written.decode()):
            raise WrongPapers(receipt=draft.public_id)
        return Papers(draft, pdf, xml)


def _business(xml: bytes) -> str:
    """The canonical XML without its signature."""
    root = fromstring(xml)  # noqa: S314  signed by our certificate, as was found before
    for signature in root.findall(_SIGNATURE):
        root.remove(signature)
    return canonicalize(tostring(root, encoding="unicode"))


def _put(path: Path, content: bytes) -> None:
    """Writes a file whole, or not at all."""
    part = path.with_suffix(path.suffix + ".part")
    part.write_bytes(content)
    part.replace(path)
