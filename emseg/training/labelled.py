"""Labelled micrographs in memory: found, paired, checked, and split."""

import hashlib
import logging
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emseg.calibration import PixelSize
from emseg.config import TrainConfig, parse_slices
from emseg.errors import ContentError, MismatchError, UsageError, listed
from emseg.intensity import Statistics, measure
from emseg.labels import choose_classes, colour, combine_masks, to_label_image, values_of
from emseg.micrograph import LabelClass, LabelImage, Micrograph
from emseg.reading import (
    AS_STORED,
    NO_MICROGRAPHS,
    Plane,
    ReadOptions,
    list_planes,
    match_pairs,
)
from emseg.training.pixel_sizes import CommonScale, rescaled_labels

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LabelledPlane:
    """A micrograph with its labels and the statistics that normalise it.

    Parameters
    ----------
    micrograph : Micrograph
        Pixels as in the file.
    labels : LabelImage
        Of the same height and width.
    statistics : Statistics
        Of the whole micrograph, also when this is a part of it.
    """

    micrograph: Micrograph
    labels: LabelImage
    statistics: Statistics


@dataclass(frozen=True, slots=True)
class LabelledSet:
    """What a segmentation network is trained and validated on.

    Parameters
    ----------
    train, validation : tuple of LabelledPlane
        No pixel is in both.
    classes : tuple of LabelClass
        In card order.
    pixel_size : PixelSize or None
        The common pixel size; None when any is unknown.
    """

    train: tuple[LabelledPlane, ...]
    validation: tuple[LabelledPlane, ...]
    classes: tuple[LabelClass, ...]
    pixel_size: PixelSize | None

    @property
    def channels(self) -> int:
        """Channels of every micrograph."""
        return int(self.train[0].micrograph.pixels.shape[0])


@dataclass(frozen=True, slots=True)
class _Raw:
    """A micrograph and the masks that belong to it, as read."""

    image: Micrograph
    masks: tuple[Micrograph, ...]


def load_labelled(config: TrainConfig) -> LabelledSet:
    """Read, pair, check and split what a training configuration names.

    Raises
    ------
    UsageError
        When options contradict each other.
    MismatchError
        When images and masks do not belong together.
    LabelError
        When the masks cannot be mapped to classes.
    """
    options = ReadOptions.of(config)
    raws = _read(config.images, config.masks, config.mask_folders, config.slices, options)
    held_out = _read_validation(config, options)
    raws = _without(raws, held_out)
    classes, unlabelled = _choose(config, [*raws, *held_out])
    scale = CommonScale([raw.image for raw in raws], config.rescale)

    def labelled(raw: _Raw) -> LabelledPlane:
        by_folder = bool(config.mask_folders)
        return _labelled(raw, classes, unlabelled, scale, by_folder=by_folder)

    train = [labelled(raw) for raw in raws]
    validation = [labelled(raw) for raw in held_out]
    if not validation:
        train, validation = split(train, config.val_fraction, config.seed)
    _check_channels([*train, *validation])
    _check_labels(train)
    return LabelledSet(tuple(train), tuple(validation), classes, scale.pixel_size)


def _without(raws: list[_Raw], held_out: Sequence[_Raw]) -> list[_Raw]:
    """Leave out of the training what it is validated with."""
    taken = {_place(raw.image) for raw in held_out}
    kept = [raw for raw in raws if _place(raw.image) not in taken]
    if not kept:
        raise UsageError(
            f"{raws[0].image.path} and all other micrographs are named for training and for "
            "validation; name others with --val-images or --val-slices, or neither"
        )
    if len(kept) < len(raws):
        _log.warning(
            "%d micrograph(s) are named for training and for validation; they only validate",
            len(raws) - len(kept),
        )
    return kept


def _place(image: Micrograph) -> tuple[str, int | None]:
    return os.path.realpath(image.path or image.name), image.plane


def _read_validation(config: TrainConfig, options: ReadOptions) -> list[_Raw]:
    if config.val_images:
        if not (config.val_masks or config.val_mask_folders):
            raise UsageError("--val-images needs --val-masks: the masks of these micrographs")
        return _read(
            config.val_images,
            config.val_masks,
            _validation_folders(config),
            config.val_slices,
            options,
        )
    if config.val_masks or config.val_mask_folders:
        raise UsageError("--val-masks needs --val-images: the micrographs of these masks")
    if config.val_slices is None:
        return []
    return _read(config.images, config.masks, config.mask_folders, config.val_slices, options)


def _validation_folders(config: TrainConfig) -> dict[str, Path]:
    """Mask folders of the validation in the order of the classes, however they were named."""
    if set(config.val_mask_folders) != set(config.mask_folders):
        raise UsageError(
            f"--val-masks names {listed(config.val_mask_folders) or 'no class'} and --masks "
            f"{listed(config.mask_folders) or 'no class'}; name the same classes in both, each as "
            "NAME=DIR, or none in either"
        )
    return {name: config.val_mask_folders[name] for name in config.mask_folders}


def _read(
    images: Sequence[Path],
    masks: Sequence[Path],
    folders: Mapping[str, Path],
    slices: str | None,
    options: ReadOptions,
) -> list[_Raw]:
    chosen = parse_slices(slices) if slices else None
    planes = list_planes(images, slices=chosen, options=options, skip=NO_MICROGRAPHS)
    sources = [list(masks)] if masks else [[folder] for folder in folders.values()]
    if not sources:
        raise UsageError("micrographs without masks teach nothing; name their masks")
    matched: dict[int, list[Plane]] = {}
    for source in sources:
        found = list_planes(source, slices=chosen, options=AS_STORED)
        pairs = match_pairs(planes, found)
        _tell_leftovers(pairs.images_alone, pairs.masks_alone)
        for pair in pairs.pairs:
            matched.setdefault(id(pair.image), []).append(pair.mask)
    complete = [plane for plane in planes if len(matched.get(id(plane), ())) == len(sources)]
    if not complete:
        raise MismatchError(
            "no micrograph has a mask in every --masks folder; a mask is named like its micrograph"
        )
    return [_raw(plane, matched[id(plane)]) for plane in complete]


def _tell_leftovers(images: Sequence[str], masks: Sequence[str]) -> None:
    if images:
        _log.warning(
            "%d micrograph(s) have no mask and are left out: %s", len(images), listed(images)
        )
    if masks:
        _log.warning(
            "%d mask(s) have no micrograph and are left out: %s", len(masks), listed(masks)
        )


def _raw(plane: Plane, masks: Sequence[Plane]) -> _Raw:
    image = plane.read()
    read = tuple(mask.read() for mask in masks)
    for mask in read:
        if mask.size not in (image.size, image.without_bar.size):
            raise MismatchError(
                f"the mask {mask.path or mask.title} has {mask.size[0]} x {mask.size[1]} pixels "
                f"and its micrograph {image.path or image.title} has {image.size[0]} x "
                f"{image.size[1]}; a mask has the size of its micrograph"
            )
    return _Raw(image.without_bar, tuple(_on_specimen(mask, image) for mask in read))


def _on_specimen(mask: Micrograph, image: Micrograph) -> Micrograph:
    """Leave the information bar of the micrograph out of its mask, unless it has none."""
    if mask.size != image.size:
        return mask
    return replace(mask, specimen=image.specimen).without_bar


def _choose(config: TrainConfig, raws: Sequence[_Raw]) -> tuple[tuple[LabelClass, ...], int | None]:
    if config.mask_folders:
        names = ("background", *config.mask_folders)
        if len(set(names)) != len(names):
            raise UsageError(
                "--masks background=DIR is not needed: what no mask marks is background"
            )
        classes = tuple(LabelClass(name, colour(i), (i,)) for i, name in enumerate(names))
        return classes, config.unlabelled
    found = values_of(mask for raw in raws for mask in raw.masks)
    return choose_classes(
        found, names=config.classes, assigned=config.labels, unlabelled=config.unlabelled
    )


def _labelled(
    raw: _Raw,
    classes: tuple[LabelClass, ...],
    unlabelled: int | None,
    scale: CommonScale,
    *,
    by_folder: bool,
) -> LabelledPlane:
    if by_folder:
        labels = combine_masks(raw.masks, classes, unlabelled)
    else:
        labels = to_label_image(raw.masks[0], classes, unlabelled)
    labels = replace(labels, name=raw.image.name, pixel_size=raw.image.pixel_size)
    image = scale.fit(raw.image)
    return LabelledPlane(image, rescaled_labels(labels, image), measure(image))


def split(
    planes: Sequence[LabelledPlane], fraction: float, seed: int
) -> tuple[list[LabelledPlane], list[LabelledPlane]]:
    """Hold out a fraction for validation.

    Single micrographs are drawn by the seed. Of each stack the last planes are held out,
    because neighbouring planes show nearly the same. One micrograph alone is cut in two.

    Returns
    -------
    train, validation : list of LabelledPlane
        Neither is empty.
    """
    if len(planes) == 1:
        return _cut(planes[0], fraction)
    files: dict[Path | None, list[int]] = {}
    for index, plane in enumerate(planes):
        files.setdefault(plane.micrograph.path, []).append(index)
    held_out = {
        index
        for indices in files.values()
        if len(indices) > 1
        for index in indices[-_share(len(indices), fraction) :]
    }
    single = [indices[0] for indices in files.values() if len(indices) == 1]
    if len(single) > 1:
        order = np.random.default_rng(seed).permutation(len(single))
        held_out |= {single[i] for i in order[: _share(len(single), fraction)]}
    _log.info(
        "held out for validation: %s",
        listed([planes[i].micrograph.title for i in sorted(held_out)]),
    )
    return (
        [plane for index, plane in enumerate(planes) if index not in held_out],
        [plane for index, plane in enumerate(planes) if index in held_out],
    )


def _share(count: int, fraction: float) -> int:
    """Part of several, at least one and never all."""
    return min(count - 1, max(1, round(fraction * count)))


def _cut(plane: LabelledPlane, fraction: float) -> tuple[list[LabelledPlane], list[LabelledPlane]]:
    height, width = plane.micrograph.size
    across = width >= height
    length = max(height, width)
    border = min(length - 1, max(1, round(length * (1 - fraction))))
    if length < 2:
        raise ContentError(f"{plane.micrograph.title} is a single pixel; it cannot be learnt from")
    _log.warning(
        "one labelled micrograph: its last %d %s are held out for validation",
        length - border,
        "columns" if across else "rows",
    )
    first, last = slice(0, border), slice(border, None)
    everything = slice(None)
    cuts = [(everything, part) if across else (part, everything) for part in (first, last)]
    parts = [
        LabelledPlane(
            replace(plane.micrograph, pixels=plane.micrograph.pixels[:, rows, columns]),
            replace(plane.labels, pixels=plane.labels.pixels[rows, columns]),
            plane.statistics,
        )
        for rows, columns in cuts
    ]
    return [parts[0]], [parts[1]]


def _check_channels(planes: Sequence[LabelledPlane]) -> None:
    first = planes[0].micrograph
    for plane in planes:
        if plane.micrograph.pixels.shape[0] != first.pixels.shape[0]:
            raise MismatchError(
                f"{plane.micrograph.path} has {plane.micrograph.pixels.shape[0]} channel(s) and "
                f"{first.path} has {first.pixels.shape[0]}; all micrographs of a training have "
                "the same channels"
            )


def _check_labels(planes: Sequence[LabelledPlane]) -> None:
    counts: NDArray[Any] = np.sum([plane.labels.counts() for plane in planes], axis=0)
    if not counts.any():
        raise ContentError("no pixel of the training masks is labelled; check --unlabelled")
    names = planes[0].labels.names
    absent = [name for name, count in zip(names, counts, strict=True) if count == 0]
    if absent:
        _log.warning("no training mask shows %s; it cannot be learnt", listed(absent))


def fingerprint(planes: Iterable[LabelledPlane]) -> str:
    """Hash all pixels and labels, sha256: the same data gives the same fingerprint."""
    digest = hashlib.sha256()
    for plane in planes:
        for array in (plane.micrograph.pixels, plane.labels.pixels):
            digest.update(f"{array.dtype}{array.shape}".encode())
            digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()
