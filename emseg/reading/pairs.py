"""Finds the mask of each image by the names of their files."""

import os
import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from emseg.errors import MismatchError, listed
from emseg.reading.formats import stem
from emseg.reading.planes import Plane

_MASK = r"masks?|labels?|seg|segmentations?|gt|ground[-_ ]?truth|annotations?"
_IMAGE = r"images?|img|raw"
_SUFFIX = re.compile(rf"[-_. ]+({_MASK}|{_IMAGE})$")
_PREFIX = re.compile(rf"^({_MASK}|{_IMAGE})[-_. ]+")

Files = Mapping[Path, list[Plane]]


@dataclass(frozen=True, slots=True)
class Pair:
    """A plane and its mask."""

    image: Plane
    mask: Plane


@dataclass(frozen=True, slots=True)
class Matched:
    """What belongs together, and what is left over.

    Parameters
    ----------
    pairs : tuple of Pair
        Plane by plane, in the order of the images.
    images_alone, masks_alone : tuple of str
        Names of the files without a partner.
    """

    pairs: tuple[Pair, ...]
    images_alone: tuple[str, ...]
    masks_alone: tuple[str, ...]


def match_pairs(images: Sequence[Plane], masks: Sequence[Plane]) -> Matched:
    """Match images and masks by file name, then plane by plane.

    Names are compared without their suffix and without regard to case: first as they are,
    then without what people add to tell images from masks (``_mask``, ``-label``, ``_img``,
    ``gt_``...). One file on each side matches whatever the names.

    Parameters
    ----------
    images, masks : sequence of Plane
        Masks that are listed among the images too, as a glob over a mixed folder does, are
        no images.

    Raises
    ------
    MismatchError
        When a name fits two files, a stack and its mask have different numbers of planes,
        or nothing matches.
    """
    mask_files = _by_file(masks)
    image_files = {
        path: planes for path, planes in _by_file(images).items() if path not in mask_files
    }
    if images and masks and not image_files:
        raise MismatchError(
            f"the images and the masks are the same files, {_named(mask_files)}; "
            "name the images first and their masks second"
        )
    if len(image_files) == len(mask_files) == 1:
        partners = {next(iter(image_files)): next(iter(mask_files))}
    else:
        partners = _partners(list(image_files), list(mask_files))
    if not partners:
        raise MismatchError(
            f"no image has a mask of its name: the images are {_named(image_files)}, the masks "
            f"{_named(mask_files)}; give both the same name, or masks the ending _mask"
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


def _partners(images: list[Path], masks: list[Path]) -> dict[Path, Path]:
    """Mask of each image that has one, in the order of the images."""
    exact = _match(images, masks, lambda path: stem(path).lower())
    images_left = [path for path in images if path not in exact]
    masks_left = [path for path in masks if path not in set(exact.values())]
    partners = exact | _match(images_left, masks_left, _bare)
    return {image: partners[image] for image in images if image in partners}


def _match(images: list[Path], masks: list[Path], key: Callable[[Path], str]) -> dict[Path, Path]:
    image_of, mask_of = _group(images, key), _group(masks, key)
    for name in image_of.keys() & mask_of.keys():
        for group, kind in ((image_of[name], "images"), (mask_of[name], "masks")):
            if len(group) > 1:
                raise MismatchError(
                    f"two {kind} are called {name!r}: {group[0]} and {group[1]}; rename one "
                    "or leave it out"
                )
    return {image_of[name][0]: mask_of[name][0] for name in image_of if name in mask_of}


def _group(paths: list[Path], key: Callable[[Path], str]) -> dict[str, list[Path]]:
    groups: dict[str, list[Path]] = defaultdict(list)
    for path in paths:
        groups[key(path)].append(path)
    return groups


def _bare(path: Path) -> str:
    """Name of a file without what tells an image from its mask."""
    name = stem(path).lower()
    return _PREFIX.sub("", _SUFFIX.sub("", name)) or name


def _plane_by_plane(images: list[Plane], masks: list[Plane]) -> list[Pair]:
    if len(images) != len(masks):
        raise MismatchError(
            f"{images[0].stack.path} has {len(images)} planes and its mask "
            f"{masks[0].stack.path} has {len(masks)}; take the same planes of both with --slices"
        )
    return [Pair(image, mask) for image, mask in zip(images, masks, strict=True)]


def _named(files: Files) -> str:
    return listed((path.name for path in files), most=3)
