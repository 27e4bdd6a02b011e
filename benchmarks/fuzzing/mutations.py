"""Ways of damaging a file as disks, networks and careless programs do."""

import random

_HEAD = 4096  # bytes in which most formats say what follows
_HUGE = (0xFFFFFFFF, 0x7FFFFFFF, 0x80000000, 0x00FFFFFF, 1 << 40, (1 << 63) - 1, (1 << 64) - 1)


def mutated(stored: bytes, seed: str) -> bytes:
    """Damage a file; the same seed damages it in the same way.

    Parameters
    ----------
    stored : bytes
        The whole file.
    seed : str
        Names the damage.
    """
    chance = random.Random(seed)
    damage = chance.choice((_flip_bits, _flip_bits, _truncate, _huge_length, _huge_length, _blank))
    return damage(bytearray(stored), chance)


def _place(length: int, chance: random.Random) -> int:
    """Choose a byte, mostly of the beginning or of the end, where the directories stand."""
    reach = min(length, _HEAD)
    at = chance.choice((0, 0, 0, length - reach, chance.randrange(max(1, length - reach + 1))))
    return at + chance.randrange(reach)


def _flip_bits(content: bytearray, chance: random.Random) -> bytes:
    for _ in range(chance.choice((1, 2, 4, 16, 64))):
        content[_place(len(content), chance)] ^= 1 << chance.randrange(8)
    return bytes(content)


def _truncate(content: bytearray, chance: random.Random) -> bytes:
    kept = chance.choice((chance.randrange(64), int(len(content) * chance.random())))
    return bytes(content[: min(kept, len(content) - 1)])


def _huge_length(content: bytearray, chance: random.Random) -> bytes:
    """Write a number that is too large where a length may stand, at a multiple of four."""
    for _ in range(chance.choice((1, 1, 2, 8))):
        number = chance.choice(_HUGE)
        size = 4 if number < 1 << 32 else 8
        at = _place(len(content), chance) // 4 * 4
        content[at : at + size] = number.to_bytes(size, chance.choice(("little", "big")))
    return bytes(content)


def _blank(content: bytearray, chance: random.Random) -> bytes:
    """Fill a block with zeros, as a disk does that lost it."""
    at, size = _place(len(content), chance), chance.choice((8, 64, 512))
    content[at : at + size] = bytes(len(content[at : at + size]))
    return bytes(content)
