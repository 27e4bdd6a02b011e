"""Which images are too small for a network: found by tracing, nothing is computed."""

from dataclasses import replace

import torch
from torch import nn

from emseg.config import Task
from emseg.errors import EmsegError, UsageError
from emseg.networks.anatomy.blank import blank_network
from emseg.networks.catalogue import with_image_size
from emseg.networks.options import has_option
from emseg.networks.spec import NetworkSpec

_MOST = 2048  # pixels; no network of any library needs more


def smallest_size(spec: NetworkSpec) -> int:
    """Find the side of the smallest square image that a network predicts.

    Parameters
    ----------
    spec : NetworkSpec
        Its image size, if it has one, is not looked at.

    Returns
    -------
    int
        In pixels; for segmentation a multiple of the stride to which images are padded.

    Raises
    ------
    UsageError
        When the network cannot be built, or takes no square image up to 2048 pixels.
    """
    options = {name: value for name, value in spec.options.items() if name != "image_size"}
    probe = _Probe(replace(spec, options=options))
    step, high = probe.step, 1
    while not probe.takes(high * step):
        high *= 2
        if high * step > _MOST:
            raise UsageError(f"{spec} takes no square image; choose another --network")
    low = high // 2  # too small, or no image at all
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if probe.takes(middle * step) else (middle, high)
    return high * step


def check_images(spec: NetworkSpec, side: int, batch: int) -> None:
    """Refuse, before anything is trained, crops that a network cannot learn from.

    Parameters
    ----------
    spec : NetworkSpec
        With its image size, if it has one.
    side : int
        Side of the crops in pixels.
    batch : int
        Crops a step.

    Raises
    ------
    UsageError
        When the crops are too small, or too few for batch normalisation, or the output of a
        segmentation network has another size than its input.
    """
    network = blank_network(spec)
    if _answer(network.eval(), spec, side, 1) is None:
        raise UsageError(
            f"{spec} needs micrographs and crops of at least {smallest_size(spec)} x "
            f"{smallest_size(spec)} pixels, and these are {side} x {side}; choose a larger "
            "--crop-size, larger micrographs or another --network"
        )
    if _answer(network.train(), spec, side, batch) is None:
        raise UsageError(
            f"{spec} cannot learn from {batch} crop(s) of {side} x {side} pixels at a time, "
            "because batch normalisation would see one value a channel; use --batch 2 or more, or "
            "a larger --crop-size"
        )
    _require_same_size(network, spec, side)


def _require_same_size(network: nn.Module, spec: NetworkSpec, side: int) -> None:
    answer = _answer(network.eval(), spec, side, 1)
    if spec.task is Task.SEGMENTATION and answer != (side, side):
        raise UsageError(
            f"{spec} answers {answer} pixels for {side} x {side}, and cannot be trained; leave out "
            "--option mirror_input=false"
        )


class _Probe:
    """Tries sizes on a network, which is built anew where it is built for one size."""

    def __init__(self, spec: NetworkSpec) -> None:
        self.spec = spec
        self.is_of_one_size = has_option(spec.task, spec.name, spec.encoder, "image_size")
        self.network = None if self.is_of_one_size else blank_network(spec).eval()
        self.step = 1
        if spec.task is Task.SEGMENTATION:
            from emseg.networks.traits import inspect_network

            self.step = inspect_network(blank_network(spec), spec.in_channels).stride

    def takes(self, side: int) -> bool:
        """Whether an image of that side gets an answer."""
        try:
            spec = with_image_size(self.spec, side)
            network = self.network or blank_network(spec).eval()
        except EmsegError:
            return False
        return _answer(network, spec, side, 1) is not None


def _answer(network: nn.Module, spec: NetworkSpec, side: int, batch: int) -> tuple[int, ...] | None:
    """Trace a batch; height and width of the answer, () of a classifier, None when it fails."""
    image = torch.empty(batch, spec.in_channels, side, side, device="meta")
    try:
        with torch.no_grad():
            return tuple(network(image).shape[2:])
    except (RuntimeError, ValueError, AssertionError, IndexError, ZeroDivisionError):
        return None
