"""Where networks of PyTorch run, and how much fits there.

Torch is imported when a device is chosen or asked, not before.
"""

from typing import TYPE_CHECKING

from emseg import memory
from emseg.errors import UsageError

if TYPE_CHECKING:
    import torch

_SHARE = 0.25  # of the free memory that a tile may take: other programs want to live too
_LARGEST = {"cpu": 1024, "cuda": 4096, "mps": 2048, "xpu": 4096}  # a larger tile saves nothing


def choose_device(name: str) -> "torch.device":
    """Resolve ``auto``, ``cpu``, ``cuda``, ``cuda:1``, ``mps`` or ``xpu``.

    Raises
    ------
    UsageError
        When there is no such device on this machine.
    """
    import torch

    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        if torch.xpu.is_available():
            return torch.device("xpu")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(name)
        if device.type not in _LARGEST:
            raise RuntimeError(f"emseg does not run on {device.type}")
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise UsageError(
            f"--device {name} is not to be had on this machine; use --device auto or --device cpu"
        ) from error
    return device


def device_name(device: "torch.device") -> str:
    """Say what the device is: ``CPU, 2 threads`` or the name of the GPU."""
    import torch

    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    if device.type == "xpu":
        return str(torch.xpu.get_device_name(device))
    if device.type == "cpu":
        threads = torch.get_num_threads()
        return f"CPU, {threads} thread{'s' * (threads > 1)}"
    return device.type.upper()


def gpu_precision(device: "torch.device") -> str:
    """Say in what numbers a GPU computes fastest with the range of float32.

    bfloat16 where it has units for it (NVIDIA since Ampere, Intel); float32 elsewhere.
    """
    import torch

    if device.type == "cuda":
        has_units = torch.cuda.get_device_capability(device) >= (8, 0) or bool(torch.version.hip)
        return "bfloat16" if has_units else "float32"
    return "bfloat16" if device.type == "xpu" else "float32"


def free_bytes(device: "torch.device") -> int:
    """Memory that is free on the device."""
    if device.type in ("cuda", "xpu"):
        import torch

        module = torch.cuda if device.type == "cuda" else torch.xpu
        return int(module.mem_get_info(device)[0])
    return memory.free_bytes()


def largest_tile(device: "torch.device", bytes_per_pixel: int, stride: int) -> int:
    """Side of the largest tile that fits, a multiple of the stride.

    Parameters
    ----------
    device : torch.device
        Where it runs.
    bytes_per_pixel : int
        Memory of a prediction per input pixel, from the model's card.
    stride : int
        Total stride of the network.
    """
    fits = int((free_bytes(device) * _SHARE / max(1, bytes_per_pixel)) ** 0.5)
    side = min(fits, _LARGEST.get(device.type, 1024))
    return max(stride, side // stride * stride)
