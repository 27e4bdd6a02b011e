"""In what numbers a training computes, and what of a network keeps float32.

Mixed precision: products of matrices and convolutions take 16-bit numbers, weights, losses and
sums stay float32 (Micikevicius et al., ICLR 2018).
"""

from functools import cache
from typing import Any

import torch
from torch import Tensor, nn

from emseg.config import Precision, TrainConfig
from emseg.errors import UsageError


def with_precision(config: TrainConfig, device: torch.device) -> TrainConfig:
    """Settle ``auto``: bfloat16 on a device that multiplies matrices of it, float32 elsewhere.

    Raises
    ------
    UsageError
        For float16 on any device but a GPU of CUDA.
    """
    if config.precision is Precision.FLOAT16 and device.type != "cuda":
        raise UsageError(
            f"--precision float16 needs a GPU of CUDA, and this run is on {device.type}; "
            "use bfloat16 or float32"
        )
    if config.precision is not Precision.AUTO:
        return config
    fast = multiplies_bfloat16(device)
    chosen = Precision.BFLOAT16 if fast else Precision.FLOAT32
    return config.model_copy(update={"precision": chosen})


def multiplies_bfloat16(device: torch.device) -> bool:
    """Whether a device has units for products of bfloat16 matrices: AMX, or cores of CUDA 8."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    told: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()
    return device.type == "cpu" and bool(told.get("amx_bf16"))


def keep_depthwise(network: nn.Module) -> None:
    """Let convolutions of single channels compute in float32 where all else is in bfloat16.

    On processors nothing is won for them, and the gradients of those that take every second pixel
    take five times as long (measured with PyTorch 2.14; benchmarks/steps.py).
    """
    for module in network.modules():
        if isinstance(module, nn.Conv2d) and module.groups > 1:
            kind: Any = type(module)
            if not issubclass(kind, _InFloat32):
                module.__class__ = _in_float32(kind)


class _InFloat32(nn.Module):
    """Computes in float32 inside autocast."""

    def forward(self, image: Tensor) -> Any:
        if not torch.is_autocast_enabled(image.device.type):
            return super().forward(image)
        with torch.autocast(image.device.type, enabled=False):
            return super().forward(image.float())


@cache
def _in_float32(kind: Any) -> type[Any]:
    """Make of a class one that computes in float32; it is the same in all else."""
    return type(kind.__name__, (_InFloat32, kind), {"__module__": kind.__module__})
