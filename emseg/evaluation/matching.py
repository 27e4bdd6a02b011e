"""Which mask belongs to which image: files by name, planes of a stack by number."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from emseg.errors import MismatchError, listed
from emseg.reading import AS_STORED, Plane, list_planes, match_pairs
from emseg.reading.finding.pairs import planes_in_order
from emseg.reading.finding.stems import output_stems

_log = logging.getLogger(__name__)

Masks = Sequence[str | Path] | Mapping[str, str | Path]
"""Mask files, folders and globs; or one of these for each class but the background."""

Numbers = Callable[[Sequence[Plane]], Sequence[int] | None]
"""The numbers that the planes of one file had in the stack they come from, where it is known."""


@dataclass(frozen=True, slots=True)
class Match:
    """An image, or its prediction, and what it is compared with.

    Parameters
    ----------
    image : Plane
        The image or its prediction.
    masks : tuple of Plane
        One mask, or one for each class but the background.
    title : str
        What the image is called in reports, unlike any other: the stem of its file, with its
        folder where another file has the same, and the plane of a stack.
    """

    image: Plane
    masks: tuple[Plane, ...]
    title: str


def match_masks(
    images: Sequence[Plane],
    masks: Sequence[Sequence[Plane]],
    *,
    kind: str = "prediction",
    other: str = "mask",
    numbers: Numbers = lambda _: None,
) -> tuple[Match, ...]:
    """Find the masks of each image.

    Planes of stacks are matched by their number in the stack where it is known (a prediction of
    emseg says it), else by position when both stacks have as many.

    Parameters
    ----------
    images : sequence of Plane
        Images or predictions.
    masks : sequence of sequence of Plane
        One set of masks, or one a class; every image needs a mask of each set.
    kind : str
        What the images are called in notices.
    other : str
        What is called so that stands opposite.
    numbers : callable
        Takes the planes of one file of ``images``; says their numbers, or None.

    Raises
    ------
    MismatchError
        When nothing matches, or stacks differ in their number of planes.
    """
    found = [_pairs(images, each, (kind, other), numbers) for each in masks]
    titles = _titles(images)
    matches = tuple(
        Match(image, tuple(pairs[_key(image)] for pairs in found), titles[_key(image)])
        for image in images
        if all(_key(image) in pairs for pairs in found)
    )
    if not matches:
        raise MismatchError(
            f"none of the {len(images)} {kind}s has a {other}"
            f"{' of every class' if len(masks) > 1 else ''}; "
            f"check that each folder of {other}s holds files with the names of the {kind}s"
        )
    return matches


def list_mask_planes(masks: Masks, slices: slice | None = None) -> list[list[Plane]]:
    """List the planes of a set of masks, or of one set a class."""
    sets = [[folder] for folder in masks.values()] if isinstance(masks, Mapping) else [masks]
    return [list_planes(each, slices=slices, options=AS_STORED) for each in sets]


def _titles(planes: Sequence[Plane]) -> dict[tuple[Path, int], str]:
    """Call each plane by its name; names that collide keep their folder."""
    stems = output_stems(list(dict.fromkeys(each.stack.path for each in planes)))
    return {
        _key(each): stems[each.stack.path] + ("" if len(each.stack) == 1 else f"[{each.index}]")
        for each in planes
    }


def _key(plane: Plane) -> tuple[Path, int]:
    return plane.stack.path, plane.index


def _pairs(
    images: Sequence[Plane], masks: Sequence[Plane], kinds: tuple[str, str], numbers: Numbers
) -> dict[tuple[Path, int], Plane]:
    """Match files by name, then the planes of each pair of files."""
    in_order = planes_in_order(images, masks, kinds)
    if in_order is not None:
        return {_key(pair.image): pair.mask for pair in in_order}
    planes_of, masks_of = _by_file(images), _by_file(masks)
    matched = match_pairs(
        [each[0] for each in planes_of.values()], [each[0] for each in masks_of.values()], kinds
    )
    _notice_alone(matched.images_alone, *kinds)
    _notice_alone(matched.masks_alone, *reversed(kinds))
    pairs: dict[tuple[Path, int], Plane] = {}
    for pair in matched.pairs:
        here, there = planes_of[pair.image.stack.path], masks_of[pair.mask.stack.path]
        pairs |= {_key(image): mask for image, mask in _plane_pairs(here, there, numbers)}
    return pairs


def _by_file(planes: Sequence[Plane]) -> dict[Path, list[Plane]]:
    files: dict[Path, list[Plane]] = {}
    for plane in planes:
        files.setdefault(plane.stack.path, []).append(plane)
    return files


def _plane_pairs(
    images: Sequence[Plane], masks: Sequence[Plane], numbers: Numbers
) -> list[tuple[Plane, Plane]]:
    if len(images) == len(masks) == 1:
        return [(images[0], masks[0])]
    known = numbers(images)
    if known is None and len(images) == len(masks):
        return list(zip(images, masks, strict=True))
    by_number = {mask.index: mask for mask in masks}
    own = known or [image.index for image in images]
    shared = [(each, by_number[n]) for each, n in zip(images, own, strict=True) if n in by_number]
    whole = len(masks) == len(masks[0].stack)  # not a part that --slices picked
    if not shared or (known is None and (len(shared) < len(masks) or whole)):
        raise MismatchError(
            f"{images[0].stack.path} has {len(images)} planes and {masks[0].stack.path} "
            f"{len(masks)}; pick those that belong together with --slices A:B"
        )
    return shared


def _notice_alone(names: Sequence[str], kind: str, missing: str) -> None:
    if names:
        count = f"{len(names)} {kind}" + ("s" if len(names) > 1 else "")
        named = listed(names, most=3)
        article = "an" if missing[0] in "aeiou" else "a"
        _log.warning("left out: %s without %s %s of that name (%s)", count, article, missing, named)
