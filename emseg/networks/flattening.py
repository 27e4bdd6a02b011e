"""How many numbers a feature map flattens to, found by tracing: nothing is computed."""

import copy
from collections.abc import Sequence

import torch
from torch import nn

from emseg.errors import UsageError


def flattened_length(features: nn.Module, in_channels: int, size: int | Sequence[int]) -> int:
    """Count the numbers that an image becomes before the fully connected layers.

    Parameters
    ----------
    features : nn.Module
        The layers before the flattening; they are not changed.
    in_channels : int
        Channels of the image.
    size : int or (int, int)
        Side of a square image, or its height and width, in pixels.

    Raises
    ------
    UsageError
        When the size is none, or too small for the layers.
    """
    height, width = sides(size)
    traced = copy.deepcopy(features).to("meta").eval()
    try:
        return int(traced(torch.empty(1, in_channels, height, width, device="meta")).numel())
    except RuntimeError as error:
        raise UsageError(
            f"image_size {height} x {width} is too small for the network; give it larger images"
        ) from error


def sides(size: int | Sequence[int]) -> tuple[int, int]:
    """Read an image size, one number or two, as height and width.

    Raises
    ------
    UsageError
        When it is neither, or not positive.
    """
    both = (size, size) if isinstance(size, int) else tuple(size)
    if len(both) != 2 or not all(type(each) is int and each > 0 for each in both):
        raise UsageError(f"image_size {size!r} is no size in pixels; write image_size=224")
    return both[0], both[1]
