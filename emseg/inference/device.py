"""Where networks of PyTorch run, and how much fits there.

Torch is imported when a device is chosen or asked, not before.
"""

from typing import TYPE_CHECKING

from emseg import memory
from emseg.errors import UsageError

if TYPE_CHECKING:
    import torch

_SHARE = 0.25  # of the free memory that a tile may take: other programs want to live too
_LARGEST = {"cpu": 1024, "cuda": 4096, "mps": 2048}  # beyond, a larger tile saves nothing


def choose_device(name: str) -> "torch.device":
    """Resolve ``auto``, ``cpu``, ``cuda``, ``cuda:1`` or ``mps``.

    Raises
    ------
    UsageError
        When there is no such device on this machine.
    """
    import torch

    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
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
    if device.type == "cpu":
        return f"CPU, {torch.get_num_threads()} threads"
    return device.type.upper()


def free_bytes(device: "torch.device") -> int:
    """Memory that is free on the device."""
    if device.type == "cuda":
        import torch

        return int(torch.cuda.mem_get_info(device)[0])
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
