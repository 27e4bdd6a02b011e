"""How each operation of PyTorch hands on what its inputs see.

An operation that is not named here, and is not marked by PyTorch as working element by element,
may do anything: its result sees everything.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from torch import Tensor

from emseg.networks.anatomy.reach import Sampling
from emseg.networks.anatomy.seen import Factor, Seen, combined, lost, plain, reshaped


@dataclass(frozen=True, slots=True)
class ReceptiveWindow:
    """Kernel, stride, padding and dilation along the last dimensions of a tensor."""

    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[int, ...]
    dilation: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Call:
    """One call of an operation.

    Parameters
    ----------
    name : str
        Of the operation: ``convolution``.
    arguments : mapping
        All of them by the names of its schema, defaults too.
    inputs : tuple of (Tensor, Seen)
        The tensors among them that depend on the image.
    output : Tensor
        The first one.
    is_pointwise : bool
        Whether PyTorch says that it works element by element.
    """

    name: str
    arguments: Mapping[str, Any]
    inputs: tuple[tuple[Tensor, Seen], ...]
    output: Tensor
    is_pointwise: bool

    @property
    def seen(self) -> Seen:
        """What the first of its tensors sees."""
        return self.inputs[0][1]

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the first output."""
        return tuple(self.output.shape)

    def dimension(self, name: str = "dim") -> int:
        """Count a dimension that is an argument from the front."""
        return int(self.arguments[name]) % max(1, self.inputs[0][0].ndim)


def handed_on(call: Call) -> Seen:
    """Find what the first output of an operation sees."""
    if call.name in _RULES:
        return _RULES[call.name](call)
    if call.is_pointwise or call.name in _POINTWISE:
        return combined([seen for _, seen in call.inputs], call.shape)
    return _unknown(call)


def window_of(call: Call) -> ReceptiveWindow | None:
    """Kernel and stride of a convolution or a pooling; None of other operations."""
    if call.name == "convolution":
        kernel = tuple(call.arguments["weight"].shape[2:])
    elif call.name in _POOLINGS:
        kernel = _spread(call.arguments["kernel_size"], _POOLINGS[call.name])
    else:
        return None
    count = len(kernel)
    return ReceptiveWindow(
        kernel,
        _spread(call.arguments["stride"], count) or kernel,
        _spread(call.arguments["padding"], count),
        _spread(call.arguments.get("dilation", 1), count),
    )


_POOLINGS = {
    "max_pool2d_with_indices": 2,
    "avg_pool1d": 1,
    "avg_pool2d": 2,
    "avg_pool3d": 3,
    "max_pool1d": 1,
    "max_pool2d": 2,
    "max_pool3d_with_indices": 3,
}
_POINTWISE = {  # which PyTorch does not mark so, although they are
    *("_prelu_kernel", "_to_copy", "channel_shuffle", "clone", "copy_", "detach", "expand"),
    *("fill_", "hardswish_", "index_fill", "native_dropout", "prelu", "native_channel_shuffle"),
}


def _spread(value: int | Sequence[int], count: int) -> tuple[int, ...]:
    values = (value,) if isinstance(value, int) else tuple(value)
    return values * count if len(values) == 1 else values


def _unknown(call: Call) -> Seen:
    """Assume the worst: everything is seen, by samples in the same order if there are as many."""
    tensor, seen = call.inputs[0]
    return seen.blurred() if tuple(tensor.shape) == call.shape else lost(call.shape)


def _windowed(call: Call) -> Seen:
    window = window_of(call)
    first = call.inputs[0][0]
    if window is None or len(call.inputs) > 1 or first is not next(iter(call.arguments.values())):
        return lost(call.shape)  # a kernel that depends on the image
    count, seen = len(window.kernel), call.seen
    if seen.axes_of(range(len(seen.layout) - count)):
        return lost(call.shape)
    take = Sampling.transposed if call.arguments.get("transposed") else Sampling.window
    start = first.ndim - count
    for at, one in enumerate(
        zip(window.kernel, window.stride, window.padding, window.dilation, strict=True), start
    ):
        seen = seen.sampled(at, take(*one), call.shape[at])
    if call.name == "convolution":
        seen = seen.relaid([*plain(call.shape[:start]), *seen.layout[start:]])
    return seen


def _adaptive(call: Call) -> Seen:
    """Adaptive pooling joins the pixels, unless there are as many as it was asked for."""
    if tuple(call.inputs[0][0].shape) == call.shape:
        return call.seen
    return call.seen.relaid(plain(call.shape))


def _nearest(call: Call) -> Seen:
    centred = "exact" in call.name
    return _resized(call, lambda inputs, outputs, scale: Sampling.nearest(
        _ratio(inputs, outputs, scale), centred=centred
    ))  # fmt: skip


def _interpolated(call: Call) -> Seen:
    taps = 2 if "bicubic" in call.name else 1
    aligned = bool(call.arguments["align_corners"])

    def sampling(inputs: int, outputs: int, scale: float | None) -> Sampling:
        if not aligned:
            return Sampling.linear(_ratio(inputs, outputs, scale), aligned=False, taps=taps)
        ratio = Fraction(inputs - 1, outputs - 1) if outputs > 1 and inputs > 1 else Fraction(1)
        return Sampling.linear(ratio, aligned=True, taps=taps)

    return _resized(call, sampling)


def _resized(call: Call, sampling: Callable[[int, int, float | None], Sampling]) -> Seen:
    tensor, seen = call.inputs[0]
    for at, axis in ((-2, "scales_h"), (-1, "scales_w")):
        place = tensor.ndim + at
        one = sampling(tensor.shape[at], call.shape[at], call.arguments.get(axis))
        seen = seen.sampled(place, one, call.shape[at])
    return seen


def _ratio(inputs: int, outputs: int, scale: float | None) -> Fraction:
    """Width of an output sample in input samples, as PyTorch computes it."""
    if scale is not None and scale > 0:
        return Fraction(1 / scale).limit_denominator(1000)
    return Fraction(inputs, outputs)


def _subpixels(call: Call) -> Seen:
    seen, factor = call.seen, int(
        call.arguments.get("upscale_factor") or call.arguments["downscale_factor"]
    )  # fmt: skip
    finer = call.name == "pixel_shuffle"
    one = Sampling.nearest(Fraction(1, factor)) if finer else Sampling.window(factor, factor)
    start = len(seen.layout) - 2
    for at in (start, start + 1):
        seen = seen.sampled(at, one, call.shape[at])
    return seen.relaid([*plain(call.shape[:start]), *seen.layout[start:]])


def _padded(call: Call) -> Seen:
    """Follow padding, mirrored too: inside, it only shifts the samples."""
    tensor, seen = call.inputs[0]
    amounts = call.arguments.get("pad") or call.arguments["padding"]
    for back, before in enumerate(amounts[::2], 1):
        at = tensor.ndim - back
        seen = seen.sampled(at, Sampling.cut(-before), call.shape[at])
    return seen


def _sliced(call: Call) -> Seen:
    at, length = call.dimension(), call.inputs[0][0].shape[call.dimension()]
    start = call.arguments["start"] or 0
    start = min(max(start + length if start < 0 else start, 0), length)
    return call.seen.sampled(at, Sampling.cut(start, call.arguments["step"]), call.shape[at])


def _selected(call: Call) -> Seen:
    at = call.dimension()
    if call.seen.axes_of([at]):
        return lost(call.shape)
    return call.seen.relaid(each for place, each in enumerate(call.seen.layout) if place != at)


def _split(call: Call) -> Seen:
    """Follow parts of a tensor, which along an axis of the image lie at different places."""
    at = call.dimension()
    if call.seen.axes_of([at]):
        return lost(call.shape)
    layout = list(call.seen.layout)
    layout[at : at + 1] = [] if call.name == "unbind" else [(Factor(call.shape[at]),)]
    return call.seen.relaid(layout)


def _permuted(call: Call) -> Seen:
    order = list(range(call.inputs[0][0].ndim))
    if call.name == "permute":
        order = [at % len(order) for at in call.arguments["dims"]]
    elif call.name == "t":
        order.reverse()
    else:
        one, other = call.dimension("dim0"), call.dimension("dim1")
        order[one], order[other] = order[other], order[one]
    return call.seen.relaid(call.seen.layout[at] for at in order)


def _reshaped(call: Call) -> Seen:
    return reshaped(call.seen, call.shape)


def _stacked(call: Call) -> Seen:
    """Tensors one after the other along a dimension that is no axis of the image."""
    at = call.dimension()
    if any(seen.axes_of([at]) for _, seen in call.inputs) and call.name == "cat":
        return lost(call.shape)
    seens = []
    for _, seen in call.inputs:
        layout = list(seen.layout)
        layout[at : at + (call.name == "cat")] = [(Factor(call.shape[at]),)]
        seens.append(seen.relaid(layout))
    return combined(seens, call.shape)


def _reduced(call: Call) -> Seen:
    """Join all elements along some dimensions."""
    tensor, seen = call.inputs[0]
    asked = call.arguments.get("dim")
    given = [asked] if isinstance(asked, int) else list(asked or range(tensor.ndim))
    dimensions = {at % tensor.ndim for at in given}
    if len(call.shape) == tensor.ndim:
        return seen.relaid(
            (Factor(1),) if at in dimensions else each for at, each in enumerate(seen.layout)
        )
    return seen.relaid(each for at, each in enumerate(seen.layout) if at not in dimensions)


def _softmax(call: Call) -> Seen:
    return call.seen.blurred(call.seen.axes_of([call.dimension()]))


def _layer_norm(call: Call) -> Seen:
    count, dimensions = len(call.arguments["normalized_shape"]), call.inputs[0][0].ndim
    return call.seen.blurred(call.seen.axes_of(range(dimensions - count, dimensions)))


def _batch_norm(call: Call) -> Seen:
    own = call.arguments["training"]  # instance normalisation: the image's own statistics
    return call.seen.blurred() if own else call.seen


def _multiplied(call: Call) -> Seen:
    """Matrix product: sums over the last dimension of one and the one before it of the other."""
    left = call.arguments.get("mat1", call.arguments.get("batch1", call.arguments.get("self")))
    right = call.arguments.get("mat2", call.arguments.get("batch2"))
    parts = []
    for tensor, seen in call.inputs:
        layout = list(seen.layout)
        if tensor is left:
            layout[-1] = (Factor(call.shape[-1]),)
        elif tensor is right:
            layout[-2] = (Factor(call.shape[-2]),)
        parts.append(seen.relaid(layout))
    return combined(parts, call.shape)


_Rule = Callable[[Call], Seen]
_RULES: dict[str, _Rule] = {
    "convolution": _windowed,
    **dict.fromkeys(_POOLINGS, _windowed),
    **dict.fromkeys(("_adaptive_avg_pool2d", "adaptive_avg_pool2d"), _adaptive),
    **dict.fromkeys(("adaptive_max_pool2d",), _adaptive),
    **dict.fromkeys(("upsample_nearest2d", "_upsample_nearest_exact2d"), _nearest),
    **dict.fromkeys(("upsample_bilinear2d", "upsample_bicubic2d"), _interpolated),
    **dict.fromkeys(("pixel_shuffle", "pixel_unshuffle"), _subpixels),
    **dict.fromkeys(("constant_pad_nd", "reflection_pad2d", "replication_pad2d"), _padded),
    "slice": _sliced,
    "select": _selected,
    **dict.fromkeys(("split", "split_with_sizes", "unbind"), _split),
    **dict.fromkeys(("permute", "transpose", "t"), _permuted),
    **dict.fromkeys(("view", "_unsafe_view", "reshape", "alias"), _reshaped),
    **dict.fromkeys(("squeeze", "unsqueeze", "squeeze_", "unsqueeze_"), _reshaped),
    **dict.fromkeys(("cat", "stack"), _stacked),
    **dict.fromkeys(("mean", "sum", "amax", "amin", "var", "var_mean", "std"), _reduced),
    **dict.fromkeys(("linalg_vector_norm", "logsumexp", "max", "min"), _reduced),
    **dict.fromkeys(("_softmax", "_log_softmax", "_safe_softmax"), _softmax),
    "native_layer_norm": _layer_norm,
    "native_group_norm": lambda call: call.seen.blurred(),
    "native_batch_norm": _batch_norm,
    **dict.fromkeys(("mm", "addmm", "bmm", "baddbmm"), _multiplied),
}
