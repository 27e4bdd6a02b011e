"""What tiling and memory need to know of a network."""

from dataclasses import dataclass

from torch import nn

from emseg.errors import UsageError
from emseg.networks.anatomy.summary import receptive_field, total_stride, watched
from emseg.networks.anatomy.trace import Trace

_PROBE = 256  # side of the image on which a network is watched
_PLACED = 2.2  # times what its tensors take at once, where a runtime places them least tightly
# OpenVINO took 0.6 to 2.1 times as much, ONNX Runtime 0.6 to 1.6 and PyTorch 0.9 to 1.3, with 13
# networks (Unet, UnetPlusPlus, FPN, DeepLabV3Plus, Linknet and MAnet on ResNet, DenseNet, VGG,
# EfficientNet, MobileNet and Inception), 1280 and 1536 pixels a side, float32.
_OTHER = 320  # another one, to which nothing that was made for the first can be fitted


@dataclass(frozen=True, slots=True)
class Traits:
    """How a network sees an image.

    Parameters
    ----------
    stride : int
        Total stride: input sizes are multiples of it.
    receptive_field : int or None
        Pixels along one axis that can change an output pixel; None when it is not known
        in closed form or reaches over the whole input.
    global_context : bool
        Whether the answer depends on the whole tile.
    bytes_per_pixel : int
        Memory that a prediction takes for an input pixel, whatever computes it: what its tensors
        take at once, watched on a probe image, with room for how they are placed.
    """

    stride: int
    receptive_field: int | None
    global_context: bool
    bytes_per_pixel: int


def inspect_network(network: nn.Module, in_channels: int) -> Traits:
    """Find out what tiling and memory need to know.

    Parameters
    ----------
    network : nn.Module
        A segmentation network; it is not changed, and nothing is computed.
    in_channels : int
        Channels of its input.

    Raises
    ------
    UsageError
        When the network takes no images of 256 x 256 pixels.
    """
    trace = _probe(network, in_channels)
    field = receptive_field(trace) if _fits_any_size(network, in_channels) else None
    return Traits(
        stride=_stride(network, trace, is_local=field is not None),
        receptive_field=max(field) if field else None,
        global_context=field is None,
        bytes_per_pixel=max(1, round(_PLACED * trace.peak_bytes / _PROBE**2)),
    )


def _probe(network: nn.Module, in_channels: int) -> Trace:
    try:
        return watched(network, (1, in_channels, _PROBE, _PROBE))
    except UsageError as error:
        reason = str(error.__cause__).splitlines()[0].rstrip(".")
        raise UsageError(
            f"the network cannot take images of {_PROBE} x {_PROBE} pixels ({reason}); choose "
            "another --network or --encoder"
        ) from error


def _fits_any_size(network: nn.Module, in_channels: int) -> bool:
    """Whether the answer at another size is that of a part of the image, too."""
    try:
        trace = watched(network, (1, in_channels, _OTHER, _OTHER))
    except UsageError:
        return False
    return receptive_field(trace) is not None


def _stride(network: nn.Module, trace: Trace, *, is_local: bool) -> int:
    """Total stride; segmentation-models-pytorch pads and checks by 32 or more."""
    encoder = getattr(network, "encoder", None)
    if encoder is None:
        return total_stride(trace)
    asked = max(32, int(getattr(encoder, "output_stride", 32)))
    return max(asked, total_stride(trace)) if is_local else asked
