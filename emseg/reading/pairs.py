"""Finds the mask of each image by the names of their files."""

import os
import re
from collections import Counter, defaultdict
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
_OF_PROGRAMS = re.compile(r"[-_. ]+(cp[-_]masks?|pred|predictions?)$")  # cellpose, and many others
_FIRST_CHANNEL = re.compile(r"_0000$")  # of the images of nnU-Net, whose labels lack it
_NUMBER = re.compile(r"_\d{4}$")
_LABELS = ("mask", "label image")  # what is called so is no image of nnU-Net

Kinds = tuple[str, str]
"""What the files on the one side and on the other are called in messages, in the singular."""

Files = Mapping[Path, list[Plane]]
_Key = Callable[[Path], str]


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


def match_pairs(
    images: Sequence[Plane], masks: Sequence[Plane], kinds: Kinds = ("image", "mask")
) -> Matched:
    """Match images and masks by file name, then plane by plane.

    Names are compared without their suffix and without regard to case: first as they are,
    then without what people add to tell images from masks (``_mask``, ``-label``, ``_img``,
    ``gt_``...), then without what programs add to label images (``_cp_masks``, ``_pred``), and
    last without the ``_0000`` of nnU-Net's images. One file on each side matches whatever the
    names.

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
        When a name fits two files, a stack and its mask have different numbers of planes,
        or nothing matches.
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
    else:
        partners = _partners(list(image_files), list(mask_files), kinds)
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
    """Mask of each image that has one, in the order of the images."""
    without_channel = (_without_channel(images, kinds[0]), _without_channel(masks, kinds[1]))
    steps = ((_plain, _plain), (_bare, _bare), (_barest, _barest), without_channel)
    partners: dict[Path, Path] = {}
    for keys in steps:
        images_left = [path for path in images if path not in partners]
        masks_left = [path for path in masks if path not in set(partners.values())]
        partners |= _match(images_left, masks_left, keys, kinds)
    return {image: partners[image] for image in images if image in partners}


def _match(
    images: list[Path], masks: list[Path], keys: tuple[_Key, _Key], kinds: Kinds
) -> dict[Path, Path]:
    image_of, mask_of = _group(images, keys[0]), _group(masks, keys[1])
    for name in image_of.keys() & mask_of.keys():
        for group, kind in zip((image_of[name], mask_of[name]), kinds, strict=True):
            if len(group) > 1:
                raise MismatchError(
                    f"two {kind}s are called {name!r}: {group[0]} and {group[1]}; rename one "
                    "or leave it out"
                )
    return {image_of[name][0]: mask_of[name][0] for name in image_of if name in mask_of}


def _group(paths: list[Path], key: _Key) -> dict[str, list[Path]]:
    groups: dict[str, list[Path]] = defaultdict(list)
    for path in paths:
        groups[key(path)].append(path)
    return groups


def _plain(path: Path) -> str:
    return stem(path).lower()


def _bare(path: Path) -> str:
    """Name of a file without what tells an image from its mask."""
    name = _plain(path)
    return _PREFIX.sub("", _SUFFIX.sub("", name)) or name


def _barest(path: Path) -> str:
    """Name of a file without what programs add to their label images either."""
    name = _plain(path)
    stripped = _OF_PROGRAMS.sub("", name)
    return _bare(path) if stripped in (name, "") else stripped


def _without_channel(paths: Sequence[Path], kind: str) -> _Key:
    """Leave out ``_0000`` too, where it says the channel and is no number in a series."""
    series = Counter(_NUMBER.sub("", _barest(path)) for path in paths)

    def key(path: Path) -> str:
        name = _barest(path)
        bare = _FIRST_CHANNEL.sub("", name)
        return bare if bare and kind not in _LABELS and series[bare] == 1 else name

    return key


def _plane_by_plane(images: list[Plane], masks: list[Plane]) -> list[Pair]:
    if len(images) != len(masks):
        raise MismatchError(
            f"{images[0].stack.path} has {len(images)} planes and its mask "
            f"{masks[0].stack.path} has {len(masks)}; take the same planes of both with --slices"
        )
    return [Pair(image, mask) for image, mask in zip(images, masks, strict=True)]


def _named(files: Files) -> str:
    return listed((path.name for path in files), most=3)
