"""Labelled micrographs: found, paired, checked, kept, and split."""

import hashlib
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from shlex import quote

from emseg.calibration import PixelSize
from emseg.config import TrainConfig, parse_slices
from emseg.errors import MismatchError, UsageError, listed
from emseg.labels import (
    Judgement,
    MaskOverlaps,
    Said,
    colour,
    combine_masks,
    judge,
    judge_layer,
    tell_left_out,
    to_label_image,
)
from emseg.micrograph import LabelClass, LabelImage, Micrograph
from emseg.reading import (
    NO_MICROGRAPHS,
    Plane,
    ReadOptions,
    list_planes,
    match_pairs,
)
from emseg.training.fingerprints import add_pixels
from emseg.training.groups import fold_of, groups_of
from emseg.training.holding_out import LabelledPlane, check_classes, split, tell_held_out
from emseg.training.pixel_sizes import CommonScale, rescaled_labels
from emseg.training.slices import (
    Fitting,
    Keeping,
    alike,
    neighbours_only,
    place_of,
    places_seen,
    require_stack,
)
from emseg.training.spool import Spool

_log = logging.getLogger(__name__)


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
        """Channels of every micrograph, and of the neighbours that are seen along with it."""
        return len(self.train[0].pixels)


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
    StorageError
        When they are more than memory holds, and the disk is full.
    """
    with Spool(config) as spool:
        return _loaded(config, spool)


def _loaded(config: TrainConfig, spool: Spool) -> LabelledSet:
    reader = _Reader(ReadOptions.of(config), spool)
    raws = reader.read(config.images, config.masks, config.mask_folders, config.slices)
    held_out = _read_validation(config, reader)
    raws = _without(raws, held_out)
    _tell_seen(raws, held_out)
    raws, held_out = _with_common_channels(raws, held_out, spool)
    classes, unlabelled, judged = _choose(config, [*raws, *held_out])
    scale = CommonScale([raw.image for raw in raws], config.rescale)
    fitting = Fitting(scale, spool)

    def labelled(raw: _Raw) -> LabelledPlane:
        masks = _judged(raw, judged)
        if config.mask_folders:
            labels = combine_masks(masks, classes, unlabelled)
        else:
            labels = to_label_image(masks[0], classes, unlabelled)
        return _labelled(raw.image, labels, fitting, spool)

    train = [labelled(raw) for raw in raws]
    validation = [labelled(raw) for raw in held_out]
    if not validation:
        groups = groups_of(config, [each.micrograph for each in train])
        train, validation = split(
            train, config.val_fraction, config.seed, groups=groups, fold=fold_of(config)
        )
    learnt = {place_of(each.micrograph) for each in train}
    layered = (_judged(raw, judged) for raw in raws if place_of(raw.image) in learnt)
    vanished = _told_overlaps(layered, config) if config.mask_folders else ()
    check_classes(train, validation, told=vanished)
    return LabelledSet(tuple(train), tuple(validation), classes, scale.pixel_size)


def _with_common_channels(
    raws: Sequence[_Raw], held_out: Sequence[_Raw], spool: Spool
) -> tuple[list[_Raw], list[_Raw]]:
    images = alike([raw.image for raw in (*raws, *held_out)], spool)
    pairs = zip((*raws, *held_out), images, strict=True)
    fitted = [replace(raw, image=image) for raw, image in pairs]
    return fitted[: len(raws)], fitted[len(raws) :]


def _told_overlaps(layered: Iterable[Sequence[Micrograph]], config: TrainConfig) -> tuple[str, ...]:
    """Tell how much of each class lies under others; name those of which nothing is left."""
    overlaps = MaskOverlaps(tuple(config.mask_folders), config.unlabelled)
    for masks in layered:
        overlaps.count(masks)
    overlaps.tell("the masks that are learnt from")
    return overlaps.vanished


def _judged(raw: _Raw, judged: Sequence[Judgement]) -> list[Micrograph]:
    """Give masks the values that theirs stand for."""
    return [each.read(mask) for each, mask in zip(judged, raw.masks, strict=True)]


def _without(raws: list[_Raw], held_out: Sequence[_Raw]) -> list[_Raw]:
    """Leave out of the training what it is validated with."""
    taken = {place_of(raw.image) for raw in held_out}
    kept = [raw for raw in raws if place_of(raw.image) not in taken]
    if not kept:
        raise UsageError(
            f"{raws[0].image.path} and all other micrographs are named for training and for "
            "validation; name others with --val-images or --val-slices, or neither"
        )
    tell_held_out(len(raws) - len(kept))
    return kept


def _tell_seen(raws: Sequence[_Raw], held_out: Sequence[_Raw]) -> None:
    """Tell where slices that validate are seen in the training, as neighbours of others."""
    taken = {place_of(raw.image) for raw in held_out}
    seeing = [raw for raw in raws if taken & places_seen(raw.image)]
    if seeing:
        reach = len(raws[0].image.neighbours) // 2
        _log.warning(
            "%d slice(s) that are learnt from have slices that validate among their neighbours, "
            "so that the scores flatter the model: leave %d between --slices and --val-slices",
            len(seeing),
            reach,
        )


def _read_validation(config: TrainConfig, reader: "_Reader") -> list[_Raw]:
    if config.val_images:
        if not (config.val_masks or config.val_mask_folders):
            raise UsageError("--val-images needs --val-masks: the masks of these micrographs")
        return reader.read(
            config.val_images, config.val_masks, _validation_folders(config), config.val_slices
        )
    if config.val_masks or config.val_mask_folders:
        raise UsageError("--val-masks needs --val-images: the micrographs of these masks")
    if config.val_slices is None:
        return []
    return reader.read(config.images, config.masks, config.mask_folders, config.val_slices)


def _validation_folders(config: TrainConfig) -> dict[str, Path]:
    """Mask folders of the validation in the order of the classes, however they were named."""
    if set(config.val_mask_folders) != set(config.mask_folders):
        raise UsageError(
            f"--val-masks names {listed(config.val_mask_folders) or 'no class'} and --masks "
            f"{listed(config.mask_folders) or 'no class'}; name the same classes in both, each as "
            "NAME=DIR, or none in either"
        )
    return {name: config.val_mask_folders[name] for name in config.mask_folders}


class _Reader:
    """Reads micrographs with their masks, and keeps both.

    Parameters
    ----------
    options : ReadOptions
        How files are read.
    spool : Spool
        Where they are kept.
    """

    def __init__(self, options: ReadOptions, spool: Spool) -> None:
        self._options, self._spool, self._images = options, spool, Keeping(spool)

    def read(
        self,
        images: Sequence[Path],
        masks: Sequence[Path],
        folders: Mapping[str, Path],
        slices: str | None,
    ) -> list[_Raw]:
        """Read what has a mask in every folder."""
        chosen = parse_slices(slices) if slices else None
        planes = list_planes(images, slices=chosen, options=self._options, skip=NO_MICROGRAPHS)
        require_stack(planes, self._options.neighbours)
        sources = [list(masks)] if masks else [[folder] for folder in folders.values()]
        if not sources:
            raise UsageError("micrographs without masks teach nothing; name their masks")
        matched: dict[int, list[Plane]] = {}
        for source in sources:
            found = list_planes(source, slices=chosen, options=self._options.of_masks)
            pairs = match_pairs(planes, found)
            _tell_leftovers(pairs.images_alone, pairs.masks_alone)
            for pair in pairs.pairs:
                matched.setdefault(id(pair.image), []).append(pair.mask)
        complete = [plane for plane in planes if len(matched.get(id(plane), ())) == len(sources)]
        if not complete:
            raise MismatchError(
                "no micrograph has a mask in every --masks folder; a mask is named like its "
                "micrograph"
            )
        return [self._raw(plane, matched[id(plane)]) for plane in complete]

    def _raw(self, plane: Plane, masks: Sequence[Plane]) -> _Raw:
        image = plane.opened()
        read = [_on_specimen(_fitting(mask.opened(), image), image) for mask in masks]
        kept = tuple(self._spool.keep(mask, passing=True) for mask in read)
        return _Raw(self._images.keep(image.without_bar), kept)


def _tell_leftovers(images: Sequence[str], masks: Sequence[str]) -> None:
    if images:
        _log.warning(
            "%d micrograph(s) have no mask and are left out: %s", len(images), listed(images)
        )
    if masks:
        _log.warning(
            "%d mask(s) have no micrograph and are left out: %s", len(masks), listed(masks)
        )


def _fitting(mask: Micrograph, image: Micrograph) -> Micrograph:
    """Refuse a mask of another size than its micrograph."""
    if mask.size not in (image.size, image.without_bar.size):
        is_turned = mask.size == image.size[::-1]
        raise MismatchError(
            f"the mask {mask.path or mask.title} has {mask.size[0]} x {mask.size[1]} pixels "
            f"and its micrograph {image.path or image.title} has {image.size[0]} x "
            f"{image.size[1]}; a mask has the size of its micrograph"
            + (", and one of them is turned by 90°: save it upright" if is_turned else "")
        )
    return mask


def _on_specimen(mask: Micrograph, image: Micrograph) -> Micrograph:
    """Leave the information bar of the micrograph out of its mask, unless it has none."""
    if mask.size != image.size:
        return mask
    return replace(mask, specimen=image.specimen).without_bar


def _choose(
    config: TrainConfig, raws: Sequence[_Raw]
) -> tuple[tuple[LabelClass, ...], int | None, list[Judgement]]:
    """Say what the values of the masks mean: classes, the unlabelled value, how masks are read."""
    if config.mask_folders:
        names = ("background", *config.mask_folders)
        if len(set(names)) != len(names):
            raise UsageError(
                "--masks background=DIR is not needed: what no mask marks is background"
            )
        judged = [
            judge_layer((raw.masks[i] for raw in raws), name, config.unlabelled)
            for i, name in enumerate(config.mask_folders)
        ]
        classes = tuple(LabelClass(name, colour(i), (i,)) for i, name in enumerate(names))
        return classes, config.unlabelled, judged
    said = Said(config.classes, config.labels, config.unlabelled)
    judgement = judge((mask for raw in raws for mask in raw.masks), said)
    folder = quote(str(config.masks[0])) if len(config.masks) == 1 else "DIR"
    classes, unlabelled = judgement.classes(
        f"say --masks cell={folder}, with a name of yours, to learn them as one class"
    )
    tell_left_out(
        judgement,
        "a network that never saw them predicts one of the other classes there; where 0 is the "
        "background, omit --unlabelled",
    )
    return classes, unlabelled, [judgement]


def _labelled(
    micrograph: Micrograph, labels: LabelImage, fitting: Fitting, spool: Spool
) -> LabelledPlane:
    labels = replace(labels, name=micrograph.name, pixel_size=micrograph.pixel_size)
    image, statistics = fitting.fit(micrograph)
    labels = rescaled_labels(labels, image)
    kept = spool.array(labels.pixels[None])[0]
    return LabelledPlane(image, replace(labels, pixels=kept), statistics)


def fingerprint(planes: Iterable[LabelledPlane]) -> str:
    """Hash all pixels and labels, sha256: the same data gives the same fingerprint."""
    digest, planes = hashlib.sha256(), list(planes)
    arrays = [each for plane in planes for each in (plane.micrograph.array, plane.labels.pixels)]
    beside = neighbours_only(plane.micrograph for plane in planes)
    for array in (*arrays, *(each.array for each in beside)):
        add_pixels(digest, array)
    return digest.hexdigest()
