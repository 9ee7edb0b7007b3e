"""Papers as PDF: A4, Vietnamese set right, the same bytes for the same content.

Nothing of the moment of drawing goes into a file, so a paper that is drawn again can be compared
with the first. Fonts are embedded (Be Vietnam Pro, `core/fonts/`); texts are composed first (NFC),
since letters are not shaped. Lengths are points, 1/72 inch.
"""

from payments.core.pdf.lettering import BOLD, PLAIN, folded
from payments.core.pdf.paper import SOFT, Paper, Signature

__all__ = ["BOLD", "PLAIN", "SOFT", "Paper", "Signature", "folded"]
