"""Every network by name, for both tasks."""

from collections.abc import Sequence
from dataclasses import replace

from emseg.config import Task
from emseg.errors import UnknownNameError, UsageError
from emseg.networks.entries import CLASSIFIERS, ENTRIES, FOREST, SEGMENTERS, WITHOUT_ENCODER
from emseg.networks.entry import NetworkEntry
from emseg.networks.packaged import LITE0_ENCODER
from emseg.networks.spec import NetworkSpec

_DEFAULTS = {Task.SEGMENTATION: "unet", Task.CLASSIFICATION: "densenet121"}
_DEFAULT_ENCODERS = {each.name: each.encoder for each in SEGMENTERS if each.encoder}
_ALIASES = {"efficientnet_lite0": "tf_efficientnet_lite0"}  # the one that has weights


def network_names(task: Task) -> tuple[str, ...]:
    """Names of the networks for a task, the default first."""
    from emseg.networks.libraries import all_names

    default = _DEFAULTS[task]
    return (default, *(name for name in all_names(task) if name != default))


def resolved_name(name: str) -> str:
    """Say what a network is called in the catalogue where users may write it otherwise."""
    return _ALIASES.get(name, name)


def find_entry(task: Task, name: str) -> NetworkEntry | None:
    """Find what the catalogue says of a network; None when it is not curated."""
    name = resolved_name(name)
    return next((each for each in ENTRIES if (each.task, each.name) == (task, name)), None)


def check_network(task: Task, name: str, encoder: str | None) -> tuple[str, str | None]:
    """Resolve a network and its encoder as the user wrote them.

    Returns
    -------
    name, encoder : str, str or None
        The default encoder is filled in where a decoder needs one.

    Raises
    ------
    UnknownNameError
        When there is no such network or encoder; says which was probably meant.
    UsageError
        When a classifier is given an encoder.
    """
    if task is Task.CLASSIFICATION:
        return _classifier(name, encoder), None
    if name in WITHOUT_ENCODER and encoder is None:
        return name, None  # they need no library to be listed
    if name == FOREST.name:
        if encoder == LITE0_ENCODER:
            return name, encoder
        raise UsageError(
            f"--encoder {encoder} does not belong to {name}, which looks at {LITE0_ENCODER} or, "
            "with --pretrained none, at its filter bank alone; leave it out"
        )
    if name not in {each.name for each in SEGMENTERS}:
        raise UnknownNameError(f"network for {task}", name, network_names(task))
    encoder = encoder or _DEFAULT_ENCODERS[name]
    from emseg.networks.building import check_encoder

    check_encoder(encoder)
    return name, encoder


def _classifier(name: str, encoder: str | None) -> str:
    name = resolved_name(name)
    if name not in {each.name for each in CLASSIFIERS}:
        from emseg.networks.libraries import find_library

        find_library(Task.CLASSIFICATION, name)
    if encoder is not None:
        raise UsageError(
            f"--encoder {encoder} belongs to segmentation; a classifier is named by "
            f"--network alone (--network {encoder})"
        )
    return name


def with_image_size(spec: NetworkSpec, size: int | Sequence[int]) -> NetworkSpec:
    """Fill in the image size of a network that is built for one, such as LeNet; others stay.

    Parameters
    ----------
    spec : NetworkSpec
        As the user wrote it.
    size : int or (int, int)
        Side of the crops, or height and width of the images, in pixels.

    Raises
    ------
    UsageError
        When the options say another size.
    """
    from emseg.networks.options import has_option

    if not has_option(spec.task, spec.name, spec.encoder, "image_size"):
        return spec
    said = spec.options.get("image_size", size)
    if said != size:
        raise UsageError(
            f"--option image_size={said} contradicts the images of {size} pixels; leave it out"
        )
    return replace(spec, options={**spec.options, "image_size": size})
