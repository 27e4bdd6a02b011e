"""Where a model is, whichever of its files or of the folders around it somebody names."""

import logging
import os
from pathlib import Path

from natsort import natsorted

from emseg.errors import EmsegError, ModelError, PathMissingError, listed

CARD = "config.json"
WEIGHTS = "model.safetensors"
_OF_A_MODEL = (CARD, WEIGHTS, "README.md")
_OF_A_RUN = ("train.toml", "metrics.csv", "curves.png")
_OF_OTHERS = (".pt", ".pth", ".ckpt", ".onnx", ".h5", ".keras", ".pb", ".bin", ".safetensors")
_WANTED = "give a model folder or a run folder made by emseg train"
_log = logging.getLogger(__name__)


def find_model(path: Path) -> Path:
    """Resolve whatever names a model to the model folder.

    Parameters
    ----------
    path : Path
        The folder, its card or its weights, the run folder around it or what lies there, or a
        folder that holds one run.

    Raises
    ------
    PathMissingError
        When there is no such path.
    ModelError
        When there is no model, or there are several.
    """
    around = [path, path / "model"]
    if path.name in _OF_A_MODEL:
        around.append(path.parent)
    if path.name in _OF_A_RUN:
        around.append(path.parent / "model")
    for folder in around:
        if os.path.lexists(folder / CARD):
            return folder
    if not path.exists():
        raise _missing(path)
    inside = models_inside(path)
    if len(inside) == 1:
        _log.warning("%s is no model but holds one, which is taken: %s", path, inside[0])
        return find_model(inside[0])
    raise _no_model(path, inside)


def is_model(path: Path) -> bool:
    """Whether a folder is a model, or the run around one."""
    return any(os.path.lexists(folder / CARD) for folder in (path, path / "model"))


def models_inside(path: Path) -> list[Path]:
    """List the models and runs that lie in a folder, without going deeper."""
    if not path.is_dir():
        return []
    found = [each for each in path.iterdir() if not each.name.startswith(".") and is_model(each)]
    return natsorted(found, key=str)


def _missing(path: Path) -> EmsegError:
    beside = models_inside(path.parent)
    there = f"; {path.parent} holds {listed(each.name for each in beside)}" if beside else ""
    return PathMissingError(
        f"there is no model {path}{there}; give a model folder or the run folder that emseg train "
        "made"
    )


def _no_model(path: Path, inside: list[Path]) -> EmsegError:
    if inside:
        newest = max(inside, key=lambda each: each.stat().st_mtime)
        return ModelError(
            f"{path} holds {len(inside)} models: {listed(inside)}; name one, the newest is {newest}"
        )
    if path.suffix.lower() in _OF_OTHERS:
        return ModelError(
            f"{path} is not enough for a model: emseg reads the folder that emseg train made, with "
            f"{CARD} and {WEIGHTS}; weights alone go behind --pretrained of emseg train"
        )
    if path.is_file():
        return ModelError(f"{path} is a file and no model; {_WANTED}, before the micrographs")
    if (path / "train.toml").exists():
        return ModelError(
            f"{path} is a run that left no model: it was stopped before its first; train again"
        )
    return ModelError(f"{path} holds no model ({CARD} is missing); {_WANTED}")
