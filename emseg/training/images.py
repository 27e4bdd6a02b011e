"""Labelled micrographs for a classifier: one label a file."""

import hashlib
import logging
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from emseg.calibration import PixelSize
from emseg.config import TrainConfig
from emseg.errors import ContentError, UnknownNameError, UsageError, listed
from emseg.inference.preparing import mirror_pad
from emseg.inference.preparing.channels import fit_channels, with_common_channels
from emseg.intensity import IntensityRule, Statistics, measure, normalise
from emseg.labels import colour
from emseg.learning import Augment
from emseg.micrograph import LabelClass, Micrograph
from emseg.naming import MOST_CLASSES, fault_of, shown
from emseg.reading import LabelledFile, ReadOptions, class_folders, list_planes
from emseg.reading.pictures.grey import is_colour
from emseg.training.appearance import strength_of, vary_intensity
from emseg.training.fingerprints import add_pixels
from emseg.training.geometry import Geometry
from emseg.training.groups import fold_of, groups_of
from emseg.training.holding_out import (
    Draw,
    Fold,
    LabelledPlane,
    hold_out_units,
    members_of,
    require_several,
    tell_held_out,
)
from emseg.training.pixel_sizes import CommonScale
from emseg.training.spool import Spool

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LabelledMicrograph:
    """A micrograph that belongs to one class."""

    micrograph: Micrograph
    label: int
    statistics: Statistics


Shown = tuple[LabelledPlane, ...] | tuple[LabelledMicrograph, ...]
"""Validation micrographs that are looked at in the end, of a segmentation or a classifier."""


def in_turns(images: Iterable[LabelledMicrograph]) -> tuple[LabelledMicrograph, ...]:
    """Order micrographs so that the classes take turns: the first few are of each."""
    met = Counter[int]()
    ranked = []
    for each in images:
        ranked.append((met[each.label], each.label, each))
        met[each.label] += 1
    return tuple(each for _, _, each in sorted(ranked, key=lambda entry: entry[:2]))


@dataclass(frozen=True, slots=True)
class ClassSet:
    """What a classifier is trained and validated on."""

    train: tuple[LabelledMicrograph, ...]
    validation: tuple[LabelledMicrograph, ...]
    classes: tuple[LabelClass, ...]
    pixel_size: PixelSize | None

    @property
    def channels(self) -> int:
        """Channels of every micrograph."""
        return int(self.train[0].micrograph.pixels.shape[0])


def load_classes(config: TrainConfig) -> ClassSet:
    """Read a folder with one sub-folder a class, or a CSV with the columns file and label.

    Raises
    ------
    ContentError
        When a class has fewer than two micrographs.
    UnknownNameError
        When ``--classes`` names a class that is not there.
    UsageError
        When ``--classes`` names one class only.
    StorageError
        When they are more than memory holds, and the disk is full.
    """
    with Spool(config) as spool:
        return _loaded(config, spool)


def _loaded(config: TrainConfig, spool: Spool) -> ClassSet:
    files = list(class_folders(config.images[0]))
    names = _names(files, config.classes)
    files = [file for file in files if file.label in names]
    held_out = list(class_folders(config.val_images[0])) if config.val_images else []
    for file in held_out:
        if file.label not in names:
            raise UnknownNameError("training class", file.label, names)
    if held_out:
        files = _without(files, held_out, names)
        _tell_unscored(held_out, names)
    else:
        files, held_out = _held_out(files, names, config)
    options = ReadOptions.of(config)
    read = [_read(each, names, options, spool) for each in (files, held_out)]
    alike = _with_common_channels([*read[0], *read[1]], spool)
    train, validation = alike[: len(read[0])], alike[len(read[0]) :]
    classes = tuple(LabelClass(name, colour(index)) for index, name in enumerate(names))
    scale = CommonScale([each.micrograph for each in train], config.rescale)
    train, validation = (
        [_fit(each, scale, spool) for each in part] for part in (train, validation)
    )
    return ClassSet(tuple(train), tuple(validation), classes, scale.pixel_size)


def _without(
    files: Sequence[LabelledFile], held_out: Sequence[LabelledFile], names: Sequence[str]
) -> list[LabelledFile]:
    """Leave out of the training what it is validated with."""
    taken = {os.path.realpath(file.path) for file in held_out}
    kept = [file for file in files if os.path.realpath(file.path) not in taken]
    learnt = {file.label for file in kept}
    for name in names:
        if name not in learnt:
            raise UsageError(
                f"every micrograph of the class {name} is named for training and for validation; "
                "name others with --val-images, or none"
            )
    tell_held_out(len(files) - len(kept))
    return kept


def _tell_unscored(held_out: Sequence[LabelledFile], names: Sequence[str]) -> None:
    """Tell which classes no score will speak of."""
    alone = [name for name in names if name not in {file.label for file in held_out}]
    if alone:
        _log.warning(
            "--val-images holds no micrograph of %s: no score says how well that is learnt",
            listed(alone),
        )


def _names(files: Sequence[LabelledFile], wanted: tuple[str, ...] | None) -> tuple[str, ...]:
    counts = Counter(file.label for file in files)
    for name in wanted or ():
        if name not in counts:
            raise UnknownNameError("class folder", name, counts)
    names = wanted or tuple(counts)
    _check_names(names)
    if len(names) < 2:
        raise UsageError(f"--classes names one class only ({names[0]}); name at least two")
    few = [name for name in names if counts[name] < 2]
    if few:
        raise ContentError(
            f"the class {few[0]} has {counts[few[0]]} micrograph; each class needs at least two, "
            "one to learn from and one to validate with"
        )
    return names


def _check_names(names: Sequence[str]) -> None:
    """Refuse what no card, table and legend can hold."""
    for name in names:
        fault = fault_of(name)
        if fault is not None:
            raise ContentError(
                f"the class {shown(name)} {fault}; rename its folder, or its label in the table"
            )
    if len(names) > MOST_CLASSES:
        raise ContentError(
            f"there are {len(names)} classes, and a model has at most {MOST_CLASSES}; a class is a "
            "kind of micrograph and not a micrograph"
        )


def _held_out(
    files: Sequence[LabelledFile], names: Sequence[str], config: TrainConfig
) -> tuple[list[LabelledFile], list[LabelledFile]]:
    """Hold out some of each class, or whole groups."""
    fold = fold_of(config)
    unread = [Micrograph(np.zeros((1, 1, 1)), file.path.name, file.path) for file in files]
    groups = groups_of(config, unread)
    if groups is None:
        return stratified(files, config.val_fraction, config.seed, fold)
    units = members_of(groups)
    require_several(units, fold)
    draw = Draw(np.array([[file.label == name for name in names] for file in files], int))
    hold_out_units(draw, list(units.values()), config.val_fraction, config.seed, fold)
    kept = [file for index, file in enumerate(files) if index not in draw.held_out]
    if missing := set(names) - {file.label for file in kept}:
        raise ContentError(
            f"with --group-by {config.group_by} no micrograph of {listed(sorted(missing))} is left "
            "to learn from: all of them are in groups that are held out; name others with "
            "--val-images"
        )
    return kept, [files[index] for index in sorted(draw.held_out)]


def stratified(
    files: Sequence[LabelledFile], fraction: float, seed: int, fold: Fold | None = None
) -> tuple[list[LabelledFile], list[LabelledFile]]:
    """Hold out a fraction of each class, drawn by the seed, or a fold; at least one of each."""
    rng = np.random.default_rng(seed)
    train: list[LabelledFile] = []
    held_out: list[LabelledFile] = []
    for name in dict.fromkeys(file.label for file in files):
        members = [file for file in files if file.label == name]
        count = min(len(members) - 1, max(1, round(fraction * len(members))))
        order = rng.permutation(len(members)).tolist()
        if fold is not None:
            require_several(members, fold)
        drawn = set(order[:count] if fold is None else order[fold.part(len(members))])
        held_out += [file for index, file in enumerate(members) if index in drawn]
        train += [file for index, file in enumerate(members) if index not in drawn]
    return train, held_out


def _read(
    files: Iterable[LabelledFile], names: Sequence[str], options: ReadOptions, spool: Spool
) -> list[LabelledMicrograph]:
    read: list[LabelledMicrograph] = []
    for file in files:
        for plane in list_planes([file.path], options=options):
            micrograph = spool.keep(plane.opened().without_bar)
            read.append(
                LabelledMicrograph(micrograph, names.index(file.label), measure(micrograph))
            )
    return read


def _with_common_channels(
    read: Sequence[LabelledMicrograph], spool: Spool
) -> list[LabelledMicrograph]:
    images = spool.changed([each.micrograph for each in read], _alike)
    return [
        each
        if image.pixels is each.micrograph.pixels
        else LabelledMicrograph(image, each.label, measure(image))
        for each, image in zip(read, images, strict=True)
    ]


def _alike(images: Sequence[Micrograph]) -> list[Micrograph]:
    """Colour pictures beside grey ones become grey; a class is not told by being in colour."""
    if any(len(each.pixels) == 1 for each in images):
        images = [fit_channels(each, 1) if is_colour(each) else each for each in images]
    return with_common_channels(images)


def _fit(each: LabelledMicrograph, scale: CommonScale, spool: Spool) -> LabelledMicrograph:
    micrograph = scale.fit(each.micrograph)
    if micrograph is each.micrograph:
        return each
    micrograph = spool.keep(micrograph)
    return LabelledMicrograph(micrograph, each.label, measure(micrograph))


class ImageDataset(Dataset[tuple[Tensor, Tensor]]):
    """Random crops at native sampling, each class drawn equally often.

    Parameters
    ----------
    images : sequence of LabelledMicrograph
        Each is met once before any is met again, in an order drawn by the seed.
    crop : int
        Side of a crop in pixels.
    seed : int
        Of the run.
    rule : IntensityRule
        How intensities are normalised.
    augment : Augment
        How much crops are varied.
    rotate : bool
        Whether they are turned and mirrored.
    """

    def __init__(
        self,
        images: Sequence[LabelledMicrograph],
        crop: int,
        seed: int,
        rule: IntensityRule,
        augment: Augment = Augment.USUAL,
        *,
        rotate: bool = True,
    ) -> None:
        self.images, self.crop, self.seed, self.rule = tuple(images), crop, seed, rule
        self.augment, self.rotate = augment, rotate
        labels = sorted({each.label for each in images})
        self._members = [[e for e in self.images if e.label == label] for label in labels]

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        """Sample number ``index``: image (C, crop, crop) and its class."""
        rng = np.random.default_rng((self.seed, index))
        members = self._members[index % len(self._members)]
        turn, position = divmod(index // len(self._members), len(members))
        order = np.random.default_rng((self.seed, turn, index % len(self._members)))
        chosen = members[int(order.permutation(len(members))[position])]
        augment = strength_of(rng, self.augment)
        geometry = Geometry.draw(rng, augment, rotate=self.rotate)
        image = self._window(rng, chosen, geometry.window(self.crop))
        image, _ = geometry.apply(image, torch.zeros_like(image[:1]), self.crop, 0)
        return vary_intensity(rng, image, augment), torch.tensor(chosen.label)

    def _window(self, rng: np.random.Generator, chosen: LabelledMicrograph, side: int) -> Tensor:
        height, width = chosen.micrograph.size
        y = int(rng.integers(0, max(0, height - side) + 1))
        x = int(rng.integers(0, max(0, width - side) + 1))
        pixels = chosen.micrograph.pixels[:, y : y + side, x : x + side]
        values = normalise(pixels, chosen.statistics, self.rule)
        missing = (self.crop - values.shape[1], self.crop - values.shape[2])
        return torch.from_numpy(mirror_pad(values, *missing))


def class_fingerprint(images: Iterable[LabelledMicrograph]) -> str:
    """Hash all pixels and labels, sha256: the same data gives the same fingerprint."""
    digest = hashlib.sha256()
    for each in images:
        digest.update(str(each.label).encode())
        add_pixels(digest, each.micrograph.array)
    return digest.hexdigest()
