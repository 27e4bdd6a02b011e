"""What ``emseg measure`` measures: label images, what their values mean, and their micrographs."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from emseg.config import MeasureConfig
from emseg.errors import EmsegError, MismatchError, listed
from emseg.reading import (
    AS_STORED,
    NO_LABELS,
    NO_MICROGRAPHS,
    Plane,
    ReadOptions,
    Stack,
    chosen_files,
    list_planes,
    match_pairs,
    open_stack,
    picked,
)
from emseg.reading.finding.pairs import planes_in_order
from emseg.reading.finding.stems import output_stems
from emseg.reading.stacks.label_images import LabelDescription, describe_label_images
from emseg.survey.fields import Failures, Field
from emseg.survey.meaning import MeasuredClasses, find_meaning

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Inputs:
    """Everything that is measured.

    Parameters
    ----------
    fields : tuple of Field
        The fields of view, in the order of the files.
    meaning : MeasuredClasses
        The same for all of them.
    """

    fields: tuple[Field, ...]
    meaning: MeasuredClasses


def find_inputs(config: MeasureConfig, failures: Failures) -> Inputs:
    """Find the label images, their meaning, their micrographs and their pixel sizes.

    Parameters
    ----------
    config : MeasureConfig
        What the user says.
    failures : Failures
        Takes what cannot be opened.

    Raises
    ------
    EmsegError
        When nothing can be measured: the only file, or all of them, cannot be read; classes
        contradict each other; some pixel sizes are known and others are not.
    """
    paths, slices = chosen_files(config.inputs, config.slices, skip=NO_LABELS)
    files = _opened(paths, config, failures)
    failures.require_any(files)
    micrographs = _micrographs(files, config)
    stems = output_stems(paths)
    fields = tuple(
        _field(stems[file.stack.path], file, index, micrographs, config)
        for file in files
        if micrographs is None or file.stack.path in micrographs
        for index in picked(range(len(file.stack)), slices, f"planes of {file.stack.path}")
    )
    _refuse_mixed_units(fields)
    meaning = find_meaning(fields, failures, config)
    gone = {each.path for each in failures}
    left = tuple(each for each in fields if each.plane.stack.path not in gone)
    failures.require_any(left)
    return Inputs(left, meaning)


@dataclass(frozen=True, slots=True)
class _File:
    stack: Stack
    described: LabelDescription | None


def _opened(paths: Sequence[Path], config: MeasureConfig, failures: Failures) -> list[_File]:
    """Open every file without reading its pixels."""
    options = replace(
        AS_STORED,
        axes=config.axes,
        signal=config.signal,
        pixel_size=config.pixel_size,
        crop=config.crop,
    )
    files: list[_File] = []
    for path in paths:
        try:
            files.append(_File(open_stack(path, options), describe_label_images(path)))
        except EmsegError as error:
            failures.note(path, error, of=len(paths))
    return files


def _field(
    stem: str,
    file: _File,
    index: int,
    micrographs: Mapping[Path, Sequence[Plane]] | None,
    config: MeasureConfig,
) -> Field:
    micrograph = None
    if micrographs is not None:
        micrograph = _plane_of(file, index, micrographs[file.stack.path])
    own = file.stack.pixel_size
    if config.pixel_size is None and file.described is not None:
        own = file.described.pixel_size
    beside = micrograph.stack.pixel_size if micrograph is not None else None
    if own is None and beside is not None:
        own = replace(beside, source=f"{beside.source} of the micrograph")
    name = stem if len(file.stack) == 1 else f"{stem}_{index:04d}"
    return Field(name, Plane(file.stack, index), file.described, micrograph, own)


def _micrographs(
    files: Sequence[_File], config: MeasureConfig
) -> dict[Path, Sequence[Plane]] | None:
    """Find the planes of the micrograph of each label file, by name; None when none is named."""
    if config.images is None:
        return None
    options = ReadOptions(
        channels=config.channels,
        crop=config.crop,
        keep_bar=config.keep_bar,
        allow_external=config.allow_external,
    )
    planes: dict[Path, list[Plane]] = {}
    for plane in list_planes([config.images], options=options, skip=NO_MICROGRAPHS):
        planes.setdefault(plane.stack.path, []).append(plane)
    kinds = ("micrograph", "label image")
    every = [plane for each in planes.values() for plane in each]
    labels = [Plane(each.stack, at) for each in files for at in range(len(each.stack))]
    if in_order := planes_in_order(every, labels, kinds):
        found: dict[Path, Sequence[Plane]] = {}
        for pair in in_order:
            found[pair.mask.stack.path] = (*found.get(pair.mask.stack.path, ()), pair.image)
        return found
    matched = match_pairs(
        [each[0] for each in planes.values()], [Plane(each.stack, 0) for each in files], kinds
    )
    if matched.masks_alone:
        names = matched.masks_alone
        count = f"{len(names)} label image" + ("s" if len(names) > 1 else "")
        _log.warning(
            "left out: %s without a micrograph of that name in %s (%s)",
            count,
            config.images,
            listed(names, most=3),
        )
    return {pair.mask.stack.path: planes[pair.image.stack.path] for pair in matched.pairs}


def _plane_of(file: _File, index: int, planes: Sequence[Plane]) -> Plane:
    """Find the plane of the micrograph that a plane of a label file describes."""
    number = file.described.planes[index] if file.described else None
    if number is not None:
        found = [plane for plane in planes if plane.index == number]
        if found:
            return found[0]
    elif len(planes) == len(file.stack):
        return planes[index]
    raise MismatchError(
        f"{file.stack.path} has {len(file.stack)} planes and its micrograph "
        f"{planes[0].stack.path} {len(planes)}; give the stack that was labelled"
    )


def _refuse_mixed_units(fields: Sequence[Field]) -> None:
    unknown = {each.plane.stack.path.name for each in fields if each.pixel_size is None}
    if unknown and any(each.pixel_size is not None for each in fields):
        raise MismatchError(
            f"{len(unknown)} of the label images "
            f"{'has' if len(unknown) == 1 else 'have'} no pixel size "
            f"({listed(sorted(unknown), most=3)}) and the others have one, and pixels and "
            "nanometres are never mixed; say it with --pixel-size, or measure them apart"
        )
