r"""Batch normalisation folded into the convolution before it, for prediction.

In evaluation a batch norm is a fixed scale and shift of each channel, and so is what a
convolution's filters and bias can take over (Ioffe and Szegedy, "Batch normalization", ICML
2015, algorithm 2)::

    g (W * x + b - mean) / sqrt(var + eps) + h   =   W' * x + b'

    W' = W g / sqrt(var + eps)        b' = (b - mean) g / sqrt(var + eps) + h

Which batch norm follows which convolution is seen on one forward pass and not told by names:
libraries wire and name their networks differently, and many cannot be traced symbolically.
"""

import copy
import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.conv import _ConvNd, _ConvTransposeNd
from torch.nn.utils.fusion import fuse_conv_bn_weights
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

_log = logging.getLogger(__name__)

_Filters = _ConvNd | nn.Linear
_PLAIN = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm)
_SAME = 1e-2  # of the largest logit: wrong wiring shows far above, the rounding of TF32 below


def fold_batch_norms(network: nn.Module, in_channels: int, side: int = 64) -> nn.Module:
    """Copy a network for prediction, its batch norms folded where that changes nothing.

    A batch norm is folded when it directly follows a convolution, a transposed convolution or a
    linear layer, both are used once, and nobody else uses what lies between them. All others
    (before a convolution as in DenseNet, without running statistics, after shared or
    reparametrised weights) stay as they are. What a batch norm of timm does besides, its
    activation, stays too.

    Parameters
    ----------
    network : nn.Module
        Is left as it is; on any device.
    in_channels : int
        Channels of its input.
    side : int
        Side in pixels of an image that it takes; one of noise is shown to it.

    Returns
    -------
    nn.Module
        In evaluation mode, on the same device; its answers equal those of ``network`` up to
        rounding. A copy without folding where the image does not fit the network, or where the
        answers did not stay; ``network`` itself where it has no batch norms.
    """
    if not any(isinstance(module, _BatchNorm) for module in network.modules()):
        return network
    with torch.inference_mode(mode=False), torch.no_grad():  # under which operations are split
        return _checked(copy.deepcopy(network).eval(), in_channels, side)


def _checked(plain: nn.Module, in_channels: int, side: int) -> nn.Module:
    """Fold a copy of a network; give the network itself when that goes wrong."""
    folded = copy.deepcopy(plain)
    try:
        image = _noise(folded, in_channels, side)
        before, pairs = _watched(folded, image)
        for pair in pairs:
            _fold(folded, pair)
        after = folded(image)
    except Exception as error:  # whatever a network says to an image that it cannot take
        _log.debug("batch norms are not folded: %s", error)
        return plain
    if not _same(before, after):
        _log.debug("batch norms are not folded: the answers changed")
        return plain
    _log.debug("%d batch norms are folded", len(pairs))
    return folded


@dataclass(frozen=True, slots=True)
class _Pair:
    filters: _Filters
    norm: _BatchNorm


def _noise(network: nn.Module, in_channels: int, side: int) -> Tensor:
    """Draw an image (1, C, side, side) without touching the random state."""
    generator = torch.Generator().manual_seed(0)
    image = torch.randn(1, in_channels, side, side, generator=generator)
    first = next(network.parameters())
    return image.to(first.device, first.dtype)


def _watched(network: nn.Module, image: Tensor) -> tuple[Any, list[_Pair]]:
    """Answer for an image, and the pairs of which all that happens to them was seen."""
    with _Watch(network) as watch:
        answer = network(image)
    for value in tree_leaves(answer):
        watch.uses[id(value)] += 1
    return answer, watch.pairs()


class _Watch(TorchDispatchMode):  # type: ignore[no-untyped-call] # torch types it half
    """Notices which tensor goes where, by identity; what is compared is kept alive."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.uses: Counter[int] = Counter()  # of a weight or an output, by its id
        self.outputs: dict[int, tuple[Tensor, _Filters]] = {}
        self.normed: Counter[int] = Counter()  # times that a batch norm was used, by its id
        self.candidates: list[tuple[int, _Pair]] = []
        self.filters: dict[int, _Filters] = {
            id(module.weight): module
            for module in network.modules()
            if isinstance(module, _Filters) and "weight" in module._parameters
        }
        self.norms = {
            id(module.running_mean): module
            for module in network.modules()
            if isinstance(module, _BatchNorm) and module.running_mean is not None
        }
        self._turned: dict[int, Tensor] = {}  # weights of linear layers, transposed

    def __torch_dispatch__(
        self,
        func: Any,
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        for value in tree_leaves((args, kwargs)):
            if isinstance(value, Tensor):
                self.uses[id(value)] += 1
        output = func(*args, **kwargs)
        self._note(func._schema.name, args, output)
        return output

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Nothing is compiled here, and importing the compiler takes seconds."""
        return False

    def _note(self, name: str, args: Sequence[Any], output: Any) -> None:
        if name == "aten::t" and id(args[0]) in self.filters:
            self.filters[id(output)] = self.filters[id(args[0])]
            self._turned[id(output)] = output
        elif name == "aten::convolution":
            self._note_filters(args[1], args[2], output)
        elif name == "aten::addmm":
            self._note_filters(args[2], args[0], output)
        elif name == "aten::mm":
            self._note_filters(args[1], None, output)
        elif "batch_norm" in name and len(args) > 3 and id(args[3]) in self.norms:
            self._note_norm(self.norms[id(args[3])], args[0])

    def _note_filters(self, weight: Tensor, bias: Tensor | None, output: Tensor) -> None:
        module = self.filters.get(id(weight))
        if module is not None and bias is module.bias:
            self.outputs[id(output)] = output, module
            self.uses[id(output)] = 0  # what was counted was a tensor of the past with this id

    def _note_norm(self, norm: _BatchNorm, given: Tensor) -> None:
        self.normed[id(norm)] += 1
        if id(given) in self.outputs:
            self.candidates.append((id(given), _Pair(self.outputs[id(given)][1], norm)))

    def pairs(self) -> list[_Pair]:
        """List the pairs that nothing else has to do with."""
        return [
            pair
            for output, pair in self.candidates
            if self.uses[output] == 1
            and self.uses[id(pair.filters.weight)] == 1
            and self.normed[id(pair.norm)] == 1
            and _can_take(pair.filters)
            and _remainder(pair.norm) is not None
        ]


def _can_take(filters: _Filters) -> bool:
    """Whether the library's arithmetic holds: of a grouped transposed convolution it does not."""
    return not (isinstance(filters, _ConvTransposeNd) and filters.groups > 1)


def _fold(network: nn.Module, pair: _Pair) -> None:
    """Let the filters take over what the batch norm does."""
    filters, norm = pair.filters, pair.norm
    if norm.running_mean is None or norm.running_var is None:
        return
    filters.weight, filters.bias = fuse_conv_bn_weights(
        filters.weight,
        filters.bias,
        norm.running_mean,
        norm.running_var,
        norm.eps,
        norm.weight,
        norm.bias,
        transpose=isinstance(filters, _ConvTransposeNd),
    )
    remainder = _remainder(norm)
    for parent in list(network.modules()):
        for name, child in parent._modules.items():
            if child is norm:
                parent._modules[name] = remainder


def _remainder(norm: _BatchNorm) -> nn.Module | None:
    """Say what a batch norm does besides; None when that is not known."""
    if type(norm) in _PLAIN:
        return nn.Identity()
    if not type(norm).__module__.startswith("timm."):  # which takes seconds to import
        return None
    from timm.layers.norm_act import BatchNormAct2d

    return nn.Sequential(norm.drop, norm.act) if type(norm) is BatchNormAct2d else None


def _same(before: Any, after: Any) -> bool:
    """Whether two answers are alike, whatever tensors they consist of."""
    pairs = zip(tree_leaves(before), tree_leaves(after), strict=True)
    return all(
        torch.allclose(a, b, rtol=0, atol=_SAME * max(1.0, float(b.abs().max())), equal_nan=True)
        for a, b in pairs
        if isinstance(a, Tensor)
    )
