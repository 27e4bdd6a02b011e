"""The anatomy of a network: a row a layer, totals, and memory."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, prod

import torch
from torch import Tensor, nn

from emseg.errors import UsageError, first_line
from emseg.networks.anatomy.blank import emptied, weights_of
from emseg.networks.anatomy.memory import saved_for_backward
from emseg.networks.anatomy.seen import COLUMNS, ROWS, Factor, Seen
from emseg.networks.anatomy.trace import LayerRow, Trace, watch

Pair = tuple[int, int]
_AXES = (ROWS, COLUMNS)
_MOST_COMPUTED = 2**22  # numbers of an input on which a network is really run
_COPIES = 4  # of the weights: gradients, two moments of AdamW, moving average


@dataclass(frozen=True, slots=True)
class LayerSummary:
    """One layer of a network.

    Parameters
    ----------
    name, kind : str
        Path of the module and its class; where no module has a name for it, the operation
        (``flatten``, ``cat``) below the module that calls it.
    output_shape : tuple of int
        Of one image: channels, rows, columns.
    kernel, stride, padding, dilation : tuple of int, or None
        Rows, columns; of convolutions and poolings.
    parameters : int
        Trainable numbers; those that several layers share count for the first.
    macs : int
        Multiply-adds for one image; bias, normalisation and activations are not counted.
    receptive_field : (rows, columns), or None
        Pixels of the input that one element sees at most; None when it sees all of them.
    jump : (rows, columns), or None
        Pixels of the input from one element to the next; None without rows and columns.
    """

    name: str
    kind: str
    output_shape: tuple[int, ...]
    kernel: tuple[int, ...] | None
    stride: tuple[int, ...] | None
    padding: tuple[int, ...] | None
    dilation: tuple[int, ...] | None
    parameters: int
    macs: int
    receptive_field: Pair | None
    jump: tuple[float, float] | None


@dataclass(frozen=True, slots=True)
class Anatomy:
    """A network laid open for one size of its input.

    Parameters
    ----------
    input_shape : tuple of int
        Channels, rows, columns.
    layers : tuple of LayerSummary
        In the order in which they are run.
    parameters, macs : int
        In all; multiply-adds for one image.
    stride : int
        The largest jump of a layer: pixels of the input for one sample where it is coarsest.
    receptive_field : (rows, columns), or None
        Pixels that can change one pixel of a segmentation, or one pixel of the last feature map
        of a classifier before its pixels are joined; None when all can.
    batch : int
        Images at once, for the memory.
    prediction_bytes : int
        Weights and what is alive at once while a batch is predicted.
    training_bytes : int
        Weights, gradients, the two moments of AdamW and the moving average of the weights, and
        what a step keeps of its way forward until it goes back; None when it cannot be told.
    output_bytes : int
        The outputs of all layers of one image, if none were freed.
    keeps_size : bool
        Whether the output has the rows and columns of the input, each an axis of the image.
    """

    input_shape: tuple[int, ...]
    layers: tuple[LayerSummary, ...]
    parameters: int
    macs: int
    stride: int
    receptive_field: Pair | None
    batch: int
    prediction_bytes: int
    training_bytes: int | None
    output_bytes: int
    keeps_size: bool

    @property
    def operations(self) -> int:
        """Additions and multiplications for one image."""
        return 2 * self.macs


def anatomy_of(network: nn.Module, input_shape: Sequence[int], batch: int = 1) -> Anatomy:
    """Lay a network open by watching one forward pass, without computing it.

    Parameters
    ----------
    network : nn.Module
        On any device, ``meta`` too; it is not changed.
    input_shape : (channels, rows, columns)
        Of one image.
    batch : int
        Images at once, for the memory.

    Raises
    ------
    UsageError
        When the network cannot take such an image; names the size and the reason.
    """
    trace = watched(network, (1, *input_shape))
    many = trace if batch == 1 else watched(network, (batch, *input_shape))
    own, trained = _bytes(weights_of(network)), _bytes(network.parameters())
    saved = _saved(network, (batch, *input_shape))
    return Anatomy(
        input_shape=tuple(input_shape),
        layers=tuple(_layer(row) for row in trace.rows),
        parameters=sum(each.numel() for each in network.parameters()),
        macs=trace.macs,
        stride=total_stride(trace),
        receptive_field=receptive_field(trace),
        batch=batch,
        prediction_bytes=own + many.peak_bytes,
        training_bytes=None if saved is None else own + _COPIES * trained + saved,
        output_bytes=trace.layer_bytes,
        keeps_size=trace.answer is not None and trace.answer.is_image,
    )


def watched(network: nn.Module, shape: tuple[int, ...]) -> Trace:
    """Watch a network predict without computing anything, or on zeros where that fails.

    Parameters
    ----------
    network : nn.Module
        It is not changed.
    shape : tuple of int
        Of the input, (N, C, Y, X).

    Raises
    ------
    UsageError
        When the network cannot take such an input.
    """
    try:
        return watch(emptied(network).eval(), shape)
    except Exception as error:  # of whatever kind a library raises
        refused = error
    try:
        if prod(shape) > _MOST_COMPUTED:
            raise refused
        return watch(emptied(network, "cpu").eval(), shape)  # an operation may need values
    except Exception as error:
        size = "x".join(map(str, shape[1:]))
        reason = first_line(refused).rstrip(".")
        raise UsageError(
            f"the network cannot take an input of {size} ({reason}); give another size"
        ) from error


def _saved(network: nn.Module, shape: tuple[int, ...]) -> int | None:
    """Bytes kept for the way back; normalising a single value needs two images."""
    images = shape[0]
    for device, count in (("meta", images), ("meta", 2 * images), ("cpu", 2 * images)):
        pixels = torch.zeros((count, *shape[1:]), device=device)
        try:
            return saved_for_backward(emptied(network, device), pixels) * images // count
        except Exception:  # the next may do
            continue
    return None


def _bytes(tensors: Iterable[Tensor]) -> int:
    return sum(each.numel() * each.element_size() for each in tensors)


def _layer(row: LayerRow) -> LayerSummary:
    window = row.window
    return LayerSummary(
        name=row.name,
        kind=row.kind,
        output_shape=row.shape[1:],
        kernel=window.kernel if window else None,
        stride=window.stride if window else None,
        padding=window.padding if window else None,
        dilation=window.dilation if window else None,
        parameters=row.parameters,
        macs=row.macs,
        receptive_field=_widths(row.seen) if row.seen and row.seen.is_image else None,
        jump=_jumps(row.seen),
    )


def _widths(seen: Seen) -> Pair | None:
    rows, columns = (seen.reaches[axis].width for axis in _AXES)
    return None if rows is None or columns is None else (rows, columns)


def _jumps(seen: Seen | None) -> tuple[float, float] | None:
    if seen is None or not seen.is_image:
        return None
    rows, columns = (_plain(seen.reaches[axis].jump) for axis in _AXES)
    return rows, columns


def _plain(jump: Fraction) -> float:
    return int(jump) if jump.denominator == 1 else float(jump)


def total_stride(trace: Trace) -> int:
    """Pixels of the input from one sample to the next where they are furthest apart."""
    jumps = [
        row.seen.reaches[axis].jump
        for row in trace.rows
        if row.seen
        for axis in _AXES
        if row.seen.has(axis)
    ]
    return ceil(max(jumps, default=1))


def receptive_field(trace: Trace) -> Pair | None:
    """Pixels that an element of the answer sees, or of the last map before they were joined.

    None when it is all of them, also when the answer has places that are not those of the image.
    """
    answer = trace.answer
    if answer is None:
        return None
    places = [at for at in range(2, len(answer.layout)) if not answer.axes_of([at])]
    if any(answer.layout[at] != (Factor(1),) for at in places):
        return None
    return _widths(answer)
