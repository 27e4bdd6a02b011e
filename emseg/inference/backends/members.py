"""Which models may answer together, and the card that all of them follow then."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from emseg.bundle import ModelCard
from emseg.errors import MismatchError, listed
from emseg.tiling import padded_length

_ALIKE = (
    0.05  # share by which pixel sizes differ unnoticed, as in emseg.inference.preparing.pixel_size
)


@dataclass(frozen=True, slots=True)
class Membership:
    """Models that answer together.

    Parameters
    ----------
    card : ModelCard
        That of the first, with a stride, a halo and a tile that suit all of them.
    orders : tuple of tuple of int
        For each model, where it has the classes of the first; see
        `emseg.inference.backends.ensemble.Ensemble`.
    channels : tuple of slice
        For each model, which of the channels that all see are its own; see
        `emseg.inference.backends.narrowed.Narrowed`.
    """

    card: ModelCard
    orders: tuple[tuple[int, ...], ...]
    channels: tuple[slice, ...]


def require_alike(cards: Sequence[ModelCard], names: Sequence[str]) -> Membership:
    """Put the cards of models together that answer the same question of the same pixels.

    Each tile is cut and normalised once for all of them, so that they have to read alike. Those
    that see fewer neighbouring slices than others are given the middle ones.

    Parameters
    ----------
    cards : sequence of ModelCard
        One or more.
    names : sequence of str
        What each model is called, for the message.

    Raises
    ------
    MismatchError
        When two differ in the task, the classes, the channels, the reading, the intensity rule,
        or by more than 5 % in the pixel size.
    """
    first = cards[0]
    for card, name in zip(cards[1:], names[1:], strict=True):
        for what, one, other in _differences(first, card):
            raise MismatchError(
                f"{names[0]} and {name} cannot answer together: {what} {one} and {other}; predict "
                "with each by itself, or with models that were trained alike"
            )
    classes = [each.name for each in first.classes]
    orders = [[each.name for each in card.classes] for card in cards]
    common = _common(cards)
    return Membership(
        common,
        tuple(tuple(own.index(name) for name in classes) for own in orders),
        tuple(_middle(card, common) for card in cards),
    )


def _middle(card: ModelCard, common: ModelCard) -> slice:
    """Say which channels of all slices are those that a model sees."""
    start = (common.in_channels - card.in_channels) // 2
    return slice(start, start + card.in_channels)


def _differences(one: ModelCard, other: ModelCard) -> list[tuple[str, str, str]]:
    """List what of two cards does not fit together, in words, with both values."""
    compared: list[tuple[str, object, object]] = [
        ("they were trained for", one.task.value, other.task.value),
        ("their classes are", _classes(one), _classes(other)),
        ("they see channels:", one.slice_channels, other.slice_channels),
        ("they read micrographs with", _reading(one), _reading(other)),
        ("their intensity rules are", one.intensity.value, other.intensity.value),
    ]
    differ = [(what, str(a), str(b)) for what, a, b in compared if a != b]
    if not _are_near(one, other):
        a, b = (str(card.pixel_size or "unknown") for card in (one, other))
        differ.append(("their pixel sizes are", a, b))
    return differ


def _classes(card: ModelCard) -> str:
    return listed(sorted(each.name for each in card.classes), most=12)


def _reading(card: ModelCard) -> str:
    said = card.reading.model_dump(exclude_defaults=True, exclude={"neighbours"})
    return listed((f"{key} {value}" for key, value in said.items()), most=3) or "no option"


def _are_near(one: ModelCard, other: ModelCard) -> bool:
    if one.pixel_size_nm is None or other.pixel_size_nm is None:
        return one.pixel_size_nm == other.pixel_size_nm
    pairs = zip(one.pixel_size_nm, other.pixel_size_nm, strict=True)
    return all(abs(b / a - 1) <= _ALIKE for a, b in pairs)


def _common(cards: Sequence[ModelCard]) -> ModelCard:
    """Give the card of the first whose tiles suit all."""
    if len(cards) == 1:
        return cards[0]
    blended = [card for card in cards if card.global_context]
    stride = math.lcm(*(card.stride for card in cards))
    halo = max(card.halo for card in cards)
    tiles = [card.tile for card in blended or cards if card.tile is not None]
    if tiles and not blended:  # the smallest may keep nothing inside the largest halo
        tiles = [max(min(tiles), 2 * padded_length(halo, stride) + 8 * stride)]
    widest = max(cards, key=lambda card: card.slices)
    reach = [card.receptive_field for card in cards]
    known = [each for each in reach if each is not None]
    return cards[0].model_copy(
        update={
            "in_channels": widest.in_channels,
            "reading": widest.reading,
            "stride": stride,
            "halo": halo,
            "tile": max(tiles, default=None),
            "crop": max(card.crop for card in blended or cards),
            "global_context": bool(blended),
            "receptive_field": max(known) if len(known) == len(reach) else None,
            "bytes_per_pixel": sum(card.bytes_per_pixel for card in cards),
            "sha256": " ".join(card.sha256 for card in cards),
        }
    )
