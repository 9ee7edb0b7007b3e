"""Damage to a file, the kinds that transfers, editors and attackers do."""

from __future__ import annotations

from random import Random

ZIP = b"PK\x03\x04"


def mutated(content: bytes, chance: Random) -> bytes:
    """The content with one to four bytes or pieces changed, lost, doubled or exchanged."""
    damaged = bytearray(content)
    for _ in range(chance.randint(1, 4)):
        if not damaged:
            break
        at = chance.randrange(len(damaged))
        piece = slice(at, at + chance.choice([1, 1, 2, 8, 64, 512]))
        kind = chance.randrange(6)
        if kind == 0:
            damaged[at] ^= 1 << chance.randrange(8)
        elif kind == 1:
            damaged[at] = chance.choice(b'\0<>&";,=/\r\n\xff\xc3 +-.0159')
        elif kind == 2:
            del damaged[piece]
        elif kind == 3:
            damaged[piece] = damaged[piece] * 2
        elif kind == 4:
            other = chance.randrange(len(damaged))
            damaged[at], damaged[other] = damaged[other], damaged[at]
        else:
            other = chance.randrange(len(damaged))
            damaged[at:at] = damaged[other : other + chance.choice([1, 4, 32, 256])]
    return bytes(damaged)
