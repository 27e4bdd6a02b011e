"""Whether there may be a GPU for PyTorch, asked without the seconds that its import takes."""

import platform
import re
import sys
from importlib.util import find_spec
from pathlib import Path

_BUILT_FOR = re.compile(r"^(cuda|hip|xpu)\b[^=]*=\s*['\"]", re.MULTILINE)
_DEVICES = {  # of Linux: the kernel's drivers put them there
    "cuda": ("nvidia[0-9]*", "dxg"),  # dxg is Windows' own GPU inside WSL
    "hip": ("kfd",),
    "xpu": ("dri/renderD*", "dxg"),
}


def is_gpu_in_sight(devices: Path = Path("/dev")) -> bool:
    """Whether it is worth the import of PyTorch to ask it for a GPU.

    It is not where PyTorch is not installed, or was built for processors alone, or where Linux
    has no device of the maker that it was built for.

    Parameters
    ----------
    devices : Path
        Where Linux lists its devices.
    """
    built_for = _built_for()
    if sys.platform == "darwin":
        return built_for is not None and platform.machine() == "arm64"
    if not built_for:
        return False
    if sys.platform != "linux":
        return True
    return any(
        next(devices.glob(pattern), None) is not None
        for kind in built_for
        for pattern in _DEVICES[kind]
    )


def _built_for() -> set[str] | None:
    """Which GPUs PyTorch was built for, as its ``version.py`` says; None when it is missing."""
    try:
        found = find_spec("torch")
    except (ImportError, ValueError):
        return None
    if found is None or found.origin is None:
        return None
    try:
        text = (Path(found.origin).parent / "version.py").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return set(_DEVICES)
    return set(_BUILT_FOR.findall(text))
