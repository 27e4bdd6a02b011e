"""Finds the mask of each image by the names of their files."""

import logging
import os
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from emseg.errors import MismatchError, listed
from emseg.reading.finding.mask_names import Key, added_text, bare, barest, plain, without_channel
from emseg.reading.finding.planes import Plane

_log = logging.getLogger(__name__)

Kinds = tuple[str, str]
"""What the files on the one side and on the other are called in messages, in the singular."""


@dataclass(frozen=True, slots=True)
class ImagePair:
    """A plane and its mask."""

    image: Plane
    mask: Plane


@dataclass(frozen=True, slots=True)
class Matched:
    """What belongs together, and what is left over.

    Parameters
    ----------
    pairs : tuple of ImagePair
        Plane by plane, in the order of the images.
    images_alone, masks_alone : tuple of str
        Names of the files without a partner.
    """

    pairs: tuple[ImagePair, ...]
    images_alone: tuple[str, ...]
    masks_alone: tuple[str, ...]


def match_pairs(
    images: Sequence[Plane], masks: Sequence[Plane], kinds: Kinds = ("image", "mask")
) -> Matched:
    """Match images and masks by file name, then plane by plane.

    Names are compared without their suffix and without regard to case: first as they are,
    then without what people add to tell images from masks (``_mask``, ``-label``, ``_img``,
    ``gt_``...), then without what programs add to label images (``_cp_masks``, ``_pred``), then
    without the ``_0000`` of nnU-Net's images. Last, an image that begins or ends the name of one
    mask alone, or whose name one mask begins or ends, belongs to it, which is told. One file on
    each side matches whatever the names, and a stack the files of its planes in their order.

    Parameters
    ----------
    images, masks : sequence of Plane
        Masks that are listed among the images too, as a glob over a mixed folder does, are
        no images.
    kinds : tuple of str
        What both are called in messages.

    Raises
    ------
    MismatchError
        When a name fits two files, a stack and its mask, or the files of its planes, have
        different numbers of planes, or nothing matches.
    """
    mask_files = _by_file(masks)
    image_files = {
        path: planes for path, planes in _by_file(images).items() if path not in mask_files
    }
    if images and masks and not image_files:
        raise MismatchError(
            f"the {kinds[0]}s and the {kinds[1]}s are the same files, {_named(mask_files)}; "
            f"name the {kinds[0]}s first and their {kinds[1]}s second"
        )
    if len(image_files) == len(mask_files) == 1:
        partners = {next(iter(image_files)): next(iter(mask_files))}
    elif in_order := planes_in_order(images, masks, kinds):
        return Matched(in_order, (), ())
    else:
        partners = _partners(list(image_files), list(mask_files), kinds)
        partners |= _by_beginning(partners, list(image_files), list(mask_files), kinds)
        partners = {image: partners[image] for image in image_files if image in partners}
    if not partners:
        raise MismatchError(
            f"no {kinds[0]} has a {kinds[1]} of its name: the {kinds[0]}s are "
            f"{_named(image_files)}, the {kinds[1]}s {_named(mask_files)}; give both the same name "
            "(endings that say what a file is, such as _mask or _pred, make no difference)"
        )
    return Matched(
        tuple(
            pair
            for image, mask in partners.items()
            for pair in _plane_by_plane(image_files[image], mask_files[mask])
        ),
        tuple(path.name for path in image_files if path not in partners),
        tuple(path.name for path in mask_files if path not in set(partners.values())),
    )


def _by_file(planes: Sequence[Plane]) -> dict[Path, list[Plane]]:
    files: dict[Path, list[Plane]] = defaultdict(list)
    for plane in planes:
        files[Path(os.path.realpath(plane.stack.path))].append(plane)
    return dict(files)


def _partners(images: list[Path], masks: list[Path], kinds: Kinds) -> dict[Path, Path]:
    """Mask of each image that has one of its name."""
    channels = (without_channel(images, kinds[0]), without_channel(masks, kinds[1]))
    partners: dict[Path, Path] = {}
    for keys in ((plain, plain), (bare, bare), (barest, barest), channels):
        images_left = [path for path in images if path not in partners]
        masks_left = [path for path in masks if path not in set(partners.values())]
        partners |= _match(images_left, masks_left, keys, kinds)
    return partners


def _by_beginning(
    partners: Mapping[Path, Path], images: list[Path], masks: list[Path], kinds: Kinds
) -> dict[Path, Path]:
    """Pair what is left where one name begins, or ends, exactly one of the other side."""
    taken = set(partners.values())
    found: dict[Path, Path] = {}
    longer = _within([path for path in masks if path not in taken], images)
    for image in [path for path in longer if path not in partners]:
        several = longer[image]
        if len(several) > 1:
            rest = added_text(barest(image), plain(several[0]))
            raise MismatchError(
                f"{len(several)} {kinds[1]}s begin or end with the name of {image.name}: "
                f"{_named(several)}; name one kind of them, as in "
                f"'{several[0].parent}/*{rest}{several[0].suffix}'"
            )
        found[image] = several[0]
    left = [path for path in images if path not in partners and path not in found]
    for mask, several in _within(left, masks).items():
        if len(several) == 1 and mask not in taken | set(found.values()):
            found[several[0]] = mask
    if found:
        image, mask = next(iter(found.items()))
        count = len(found) - 1
        more = f", and {count} more pair{'s' if count > 1 else ''} likewise" if count else ""
        _log.warning(
            "%s is taken for the %s of %s, whose name it shares in part%s; rename them where this "
            "is wrong",
            mask.name,
            kinds[1],
            image.name,
            more,
        )
    return found


def _within(longer: Sequence[Path], shorter: Sequence[Path]) -> dict[Path, list[Path]]:
    """Files whose names begin or end with that of a file: the longest such name has them."""
    names: dict[str, list[Path]] = defaultdict(list)
    for path in shorter:
        names[barest(path)].append(path)
    holders: dict[Path, list[Path]] = defaultdict(list)
    for path in longer:
        fitting = {
            part
            for whole in (plain(path), bare(path), barest(path))
            for cut in range(1, len(whole))
            for part in (whole[:cut], whole[cut:])
            if part in names and added_text(part, whole)
        }
        longest = max(map(len, fitting), default=0)
        best = [each for part in fitting if len(part) == longest for each in names[part]]
        if len(best) == 1:
            holders[best[0]].append(path)
    return holders


def planes_in_order(
    images: Sequence[Plane], masks: Sequence[Plane], kinds: Kinds = ("image", "mask")
) -> tuple[ImagePair, ...] | None:
    """Pair the planes of one stack with files of one plane each, in their order.

    Parameters
    ----------
    images, masks, kinds
        As for `match_pairs`; the stack may be on either side.

    Returns
    -------
    tuple of ImagePair, or None
        None where it is not so, or where a file has the name of the stack.

    Raises
    ------
    MismatchError
        When there are more planes than files, or fewer.
    """
    sides = _by_file(images), _by_file(masks)
    stack, singles = sorted(sides, key=len)
    is_so = len(stack) == 1 < min(len(images), len(masks)) and len(singles) > 1
    if not is_so or any(len(planes) > 1 for planes in singles.values()):
        return None
    if _partners(list(sides[0]), list(sides[1]), kinds):
        return None
    (path,), files = stack, list(singles)
    count, kind = len(stack[path]), kinds[0] if singles is sides[0] else kinds[1]
    if count != len(files):
        raise MismatchError(
            f"{path} has {count} planes, and there are {len(files)} {kind}s of one plane each "
            f"({files[0].name} to {files[-1].name}); name a {kind} for each plane, or the planes "
            "that have one with --slices A:B"
        )
    _log.warning(
        "the %d planes of %s are paired with the %ss %s to %s in their order",
        count,
        path.name,
        kind,
        files[0].name,
        files[-1].name,
    )
    return tuple(ImagePair(image, mask) for image, mask in zip(images, masks, strict=True))


def _match(
    images: list[Path], masks: list[Path], keys: tuple[Key, Key], kinds: Kinds
) -> dict[Path, Path]:
    image_of, mask_of = _group(images, keys[0]), _group(masks, keys[1])
    found: dict[Path, Path] = {}
    for name in [each for each in image_of if each in mask_of]:
        groups = image_of[name], mask_of[name]
        pairs = _by_folder(*groups)
        for group, kind in zip(groups, kinds, strict=True):
            if len(group) > 1 and not pairs:
                raise MismatchError(
                    f"two {kind}s are called {name!r}: {group[0]} and {group[1]}; rename one "
                    "or leave it out"
                )
        found |= pairs
    return found


def _by_folder(images: list[Path], masks: list[Path]) -> dict[Path, Path]:
    """Pair files of one name by the folders that tell them apart; nothing where that is no pair.

    ::

        images/monday/a.png     masks/monday/a.png
        images/tuesday/a.png    masks/tuesday/a.png
    """
    own, others = _telling_folders(images), _telling_folders(masks)
    pairs = [
        (image, mask)
        for image in images
        for mask in masks
        if own[image] <= _folders(mask) and others[mask] <= _folders(image)
    ]
    found = dict(pairs)
    return found if len(found) == len(pairs) == len({mask for _, mask in pairs}) else {}


def _telling_folders(paths: list[Path]) -> dict[Path, set[str]]:
    """Find the folders of each file that not all of them lie in."""
    common = set.intersection(*map(_folders, paths))
    return {path: _folders(path) - common for path in paths}


def _folders(path: Path) -> set[str]:
    return {part.lower() for part in path.parent.parts}


def _group(paths: list[Path], key: Key) -> dict[str, list[Path]]:
    groups: dict[str, list[Path]] = defaultdict(list)
    for path in paths:
        groups[key(path)].append(path)
    return groups


def _plane_by_plane(images: list[Plane], masks: list[Plane]) -> list[ImagePair]:
    if len(images) != len(masks):
        raise MismatchError(
            f"{images[0].stack.path} has {len(images)} planes and its mask "
            f"{masks[0].stack.path} has {len(masks)}; take the same planes of both with --slices"
        )
    return [ImagePair(image, mask) for image, mask in zip(images, masks, strict=True)]


def _named(files: Iterable[Path]) -> str:
    return listed((path.name for path in files), most=3)
