"""The models that are compared, trained by ``emseg train`` when they are missing, and exported.

None is kept in the repository: weights made from ``membranes`` and ``neuropil`` must not be.
"""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.chain import DATA, ROOT
from benchmarks.predicting.images import read_plain
from benchmarks.predicting.setting import Setting
from benchmarks.predicting.spending import FailedError

NETWORK = ("--network", "unet", "--encoder", "resnet34", "--pretrained", "none")


@dataclass(frozen=True, slots=True)
class Dataset:
    """What a model learns from and what it is tested on.

    Parameters
    ----------
    train : tuple of str
        What follows ``emseg train``.
    images, masks : tuple of Path
        To test with.
    values : tuple of int
        Of the masks, in the order of the classes.
    """

    train: tuple[str, ...]
    images: tuple[Path, ...]
    masks: tuple[Path, ...]
    values: tuple[int, ...]

    def truth(self) -> list[NDArray[np.uint8]]:
        """Read the masks as indices of classes."""
        indices = np.zeros(256, np.uint8)
        indices[list(self.values)] = np.arange(len(self.values))
        return [indices[read_plain(path)] for path in self.masks]


def superalloy() -> Dataset:
    """Matrix, small and large precipitates; its own split."""
    at = DATA / "superalloy"
    train = (str(at / "train/image"), str(at / "train/label"), "--classes", "matrix,small,large")
    held_out = ("--val-images", str(at / "val/image"), "--val-masks", str(at / "val/label"))
    images = tuple(sorted((at / "test/image").iterdir()))
    return Dataset(
        (*train, *held_out),
        images,
        tuple(at / "test/label" / each.name for each in images),
        (0, 1, 2),
    )


def membranes() -> Dataset:
    """Membrane and cell; slices 0 to 19, 20 to 24 and 25 to 29."""
    at = DATA / "membranes"
    train = (str(at / "images"), str(at / "labels"), "--labels", "0=membrane,255=cell")
    split = ("--slices", "0:20", "--val-slices", "20:25")
    names = [f"{number}.png" for number in range(25, 30)]
    return Dataset(
        (*train, *split),
        tuple(at / "images" / name for name in names),
        tuple(at / "labels" / name for name in names),
        (0, 255),
    )


def neuropil() -> Dataset:
    """Mitochondria; images 00 to 11, 12 to 14 and 15 to 19."""
    at = DATA / "neuropil"
    train = (str(at / "images"), str(at / "mitochondria"), "--labels", "0=rest,255=mitochondria")
    split = ("--slices", "0:12", "--val-slices", "12:15")
    numbers = range(15, 20)
    return Dataset(
        (*train, *split),
        tuple(at / "images" / f"{number}.tif" for number in numbers),
        tuple(at / "mitochondria" / f"{number}.png" for number in numbers),
        (0, 255),
    )


DATASETS = {"superalloy": superalloy, "membranes": membranes, "neuropil": neuropil}


def make_model(setting: Setting, name: str, minutes: float) -> None:
    """Train and export a model unless it is there."""
    run = setting.work / "models" / name
    if not (run / "model" / "config.json").exists():
        print(f"training a model of {name}: {minutes:g} min", flush=True)
        limit = ("--minutes", f"{minutes:g}", "--threads", str(setting.threads), "--quiet")
        train = DATASETS[name]().train
        command = ["train", *train, *NETWORK, *limit, "--out", str(run)]
        subprocess.run([sys.executable, "-m", "emseg", *command], check=True, cwd=ROOT)
    _export(setting, name)
    if not setting.onnx(name).exists():
        onnx = setting.work / f"{name}-{setting.weights(name)}.onnx"
        setting.script("networks", str(setting.model(name)), str(onnx))


def _export(setting: Setting, name: str) -> None:
    """Let emseg export the model for its backends, once; say what it refuses."""
    done = setting.work / "models" / name / f"exported-{setting.weights(name)}"
    if done.exists():
        return
    calibration = DATASETS[name]().train[0]
    refused = []
    for target, more in (("onnx", ()), ("openvino", ()), ("int8", ("--images", calibration))):
        command = ("export", str(setting.model(name)), "--to", target, *more)
        try:
            setting.emseg(*command, openmp=True)
        except FailedError as error:
            refused.append(f"{target}: {error}")
    for each in refused:
        print(f"emseg export {name} --to {each}", flush=True)
    if not refused:
        done.touch()
