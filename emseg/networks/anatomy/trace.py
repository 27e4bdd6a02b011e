"""One forward pass, watched operation by operation; on the device ``meta`` nothing is computed."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry
from torch.utils.weak import WeakTensorKeyDictionary

from emseg.networks.anatomy.blank import weights_of
from emseg.networks.anatomy.flow import Call, ReceptiveWindow, handed_on, window_of
from emseg.networks.anatomy.memory import LiveMemory
from emseg.networks.anatomy.seen import Seen, image, lost

_NAMES = {  # of operations, as they are told where no module has a name for them
    "_adaptive_avg_pool2d": "adaptive average pool",
    "adaptive_max_pool2d": "adaptive max pool",
    "avg_pool2d": "average pool",
    "max_pool2d_with_indices": "max pool",
    "constant_pad_nd": "pad",
    "reflection_pad2d": "pad",
    "replication_pad2d": "pad",
    "upsample_nearest2d": "upsample nearest",
    "upsample_bilinear2d": "upsample bilinear",
    "upsample_bicubic2d": "upsample bicubic",
    "slice": "crop",
    "stack": "cat",
    **dict.fromkeys(("mm", "addmm", "bmm", "baddbmm"), "matmul"),
    **dict.fromkeys(("view", "_unsafe_view"), "flatten"),
}
_LAYOUT = {
    *("view", "_unsafe_view", "reshape", "permute", "transpose", "t", "squeeze", "unsqueeze"),
    *("expand", "select", "split", "split_with_sizes", "unbind", "clone", "alias"),
}


@dataclass(slots=True)
class LayerRow:
    """A leaf module that was called, or an operation outside of one."""

    name: str
    kind: str
    shape: tuple[int, ...] = ()
    seen: Seen | None = None
    window: ReceptiveWindow | None = None
    parameters: int = 0
    macs: int = 0


@dataclass(slots=True)
class Trace:
    """What was watched.

    Parameters
    ----------
    rows : list of LayerRow
        In the order in which they were run.
    answer : Seen or None
        What the output of the network sees; None when it was no tensor that depends on the image.
    macs : int
        Multiply-adds of the whole batch.
    peak_bytes : int
        The most that the tensors took at once, without weights.
    layer_bytes : int
        The outputs of all leaf modules together.
    """

    rows: list[LayerRow] = field(default_factory=list)
    answer: Seen | None = None
    macs: int = 0
    peak_bytes: int = 0
    layer_bytes: int = 0


def watch(network: nn.Module, shape: Sequence[int]) -> Trace:
    """Predict an image, and note what happens.

    Parameters
    ----------
    network : nn.Module
        In the mode in which it is watched; hooks are added, so give a copy.
    shape : sequence of int
        Of the input, (N, C, Y, X).

    Raises
    ------
    Exception
        Whatever the network raises when it cannot take such an image.
    """
    device = next((weight.device for weight in weights_of(network)), torch.device("cpu"))
    pixels = torch.zeros(tuple(shape), device=device)
    with torch.no_grad(), _Watch(network, pixels) as mode, _hooked(network, mode):
        answer = network(pixels)
        mode.trace.answer = mode.seen_of(_first_tensor(answer))
    trace: Trace = mode.trace
    trace.peak_bytes = mode.memory.peak
    return trace


@contextmanager
def _hooked(network: nn.Module, mode: "_Watch") -> Iterator[None]:
    """Tell the watch when a module begins and ends."""
    with ExitStack() as hooks:
        for name, module in network.named_modules():
            begin = partial(lambda name, each, _in: mode.enter(name, each), name)
            hooks.enter_context(module.register_forward_pre_hook(begin))
            hooks.enter_context(
                module.register_forward_hook(lambda each, _in, out: mode.leave(each, out))
            )
        yield


class _Watch(TorchDispatchMode):  # type: ignore[no-untyped-call] # torch types it half
    """Sees every operation, inside of modules and between them."""

    def __init__(self, network: nn.Module, pixels: Tensor) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.trace = Trace()
        self.memory = LiveMemory(weights_of(network))
        self.memory.add(pixels)
        self._seen: Any = WeakTensorKeyDictionary()
        self._weights: Any = WeakTensorKeyDictionary()
        self._seen[pixels] = image(pixels.shape)
        for weight in network.parameters():
            self._weights[weight] = {weight}
        self._counted: set[Tensor] = set()
        self._path: list[tuple[str, nn.Module]] = []
        self._leaf: LayerRow | None = None

    def seen_of(self, tensor: Tensor | None) -> Seen | None:
        """Say what a tensor sees; None when it does not depend on the image."""
        found: Seen | None = None if tensor is None else self._seen.get(tensor)
        return found

    def enter(self, name: str, module: nn.Module) -> None:
        """Note that a module begins."""
        self._path.append((name, module))
        if not list(module.children()):
            kind = type(module).__name__
            parameters = self._count(set(module.parameters()))
            self._leaf = LayerRow(name or kind, kind, parameters=parameters)

    def leave(self, module: nn.Module, output: object) -> None:
        """Note that a module has answered."""
        self._path.pop()
        row, self._leaf = self._leaf, None
        answer = _first_tensor(output)
        if row is None or answer is None or list(module.children()):
            return
        self.trace.layer_bytes += answer.numel() * answer.element_size()
        row.shape, row.seen = tuple(answer.shape), self.seen_of(answer)
        if not isinstance(module, nn.Identity):
            self.trace.rows.append(row)

    def __torch_dispatch__(
        self,
        func: Any,
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        result = func(*args, **kwargs)
        outputs = [each for each in pytree.tree_leaves(result) if isinstance(each, Tensor)]
        for tensor in outputs:
            self.memory.add(tensor)
        if not outputs:
            return result
        arguments = _by_name(func, args, kwargs)
        tensors = [each for each in pytree.tree_leaves(arguments) if isinstance(each, Tensor)]
        weights = set().union(*(self._weights.get(each, ()) for each in tensors))
        inputs = tuple((each, self._seen[each]) for each in tensors if each in self._seen)
        if not inputs:
            for tensor in outputs:
                self._weights[tensor] = weights
            return result
        name = func._schema.name.partition("::")[2]
        call = Call(name, arguments, inputs, outputs[0], torch.Tag.pointwise in func.tags)
        self._note(call, outputs)
        macs = _multiply_adds(func, args, kwargs, result)
        self._tell(call, macs, weights)
        return result

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Nothing is compiled here, and importing the compiler takes seconds."""
        return False

    def _note(self, call: Call, outputs: list[Tensor]) -> None:
        """Remember what the outputs see."""
        seen = handed_on(call)
        for tensor in outputs:
            same = tuple(tensor.shape) == call.shape
            self._seen[tensor] = seen if same else lost(tensor.shape)

    def _tell(self, call: Call, macs: int, weights: set[Tensor]) -> None:
        """Add the operation to the row of its module, or a row of its own where it is worth it."""
        self.trace.macs += macs
        if self._leaf is not None:
            self._leaf.macs += macs
            self._leaf.window = self._leaf.window or window_of(call)
            return
        parameters = self._count(weights)
        if not (macs or parameters or _is_worth_a_row(call)):
            return
        path, module = self._path[-1]
        if weights & set(module.parameters(recurse=False)):
            name, kind = path, type(module).__name__
        else:
            kind = _NAMES.get(call.name, call.name.strip("_"))
            name = f"{path}.{kind.replace(' ', '_')}"
        seen, window = self.seen_of(call.output), window_of(call)
        name = name.strip(".") or kind
        self.trace.rows.append(LayerRow(name, kind, call.shape, seen, window, parameters, macs))

    def _count(self, weights: set[Tensor]) -> int:
        """Count the numbers of weights that no row has counted yet."""
        new = weights - self._counted
        self._counted |= new
        return sum(weight.numel() for weight in new)


def _is_worth_a_row(call: Call) -> bool:
    """Whether an operation joins tensors or changes the shape of one."""
    tensor, seen = call.inputs[0]
    if call.name in _LAYOUT:
        flat = len(call.shape) == 2 and tensor.ndim > 2
        return flat and not any(len(each) > 1 for each in seen.layout)
    if len({id(each) for each, _ in call.inputs}) > 1:
        return call.name != "copy_"
    if call.name == "slice":
        return bool(seen.axes_of([call.dimension()])) and tuple(tensor.shape) != call.shape
    return tuple(tensor.shape) != call.shape


def _by_name(func: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments by the names of the schema, with its defaults."""
    schema = func._schema.arguments
    given = {each.name: value for each, value in zip(schema, args, strict=False)}
    defaults = {each.name: each.default_value for each in schema if each.has_default_value()}
    return {**given, **{k: v for k, v in defaults.items() if k not in given}, **kwargs}


def _multiply_adds(func: Any, args: Sequence[Any], kwargs: Mapping[str, Any], result: Any) -> int:
    formula = flop_registry.get(func._overloadpacket)
    return formula(*args, **kwargs, out_val=result) // 2 if formula else 0


def _first_tensor(value: object) -> Tensor | None:
    tensors = (each for each in pytree.tree_leaves(value) if isinstance(each, Tensor))
    return next(tensors, None)
