"""Labelled micrographs for those that learn from them: which are learnt from, and which test.

Imports nothing of emseg, so that a script by hand can use it.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tifffile
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("EMSEG_REAL_DATA", ROOT.parent / "shared" / "data"))
_FOLDS = 3  # of steel_classes, of which the first one tests


@dataclass(frozen=True, slots=True)
class Pictures:
    """Micrographs and their labels.

    Parameters
    ----------
    images : list of array of float32, shape (Y, X)
        Each with mean 0 and standard deviation 1.
    labels : array of int64, shape (N, Y, X) or (N,)
        Of each pixel, or of each micrograph.
    """

    images: list[np.ndarray]
    labels: np.ndarray


@dataclass(frozen=True, slots=True)
class Part:
    """Files of one part of a dataset.

    Parameters
    ----------
    files : tuple of Path
        Micrographs.
    masks : tuple of Path
        Their masks; none of a classifier.
    values : tuple of int
        Of the masks in the order of the classes; or the class of each micrograph.
    """

    files: tuple[Path, ...]
    masks: tuple[Path, ...]
    values: tuple[int, ...]

    def pictures(self) -> Pictures:
        """Read all of them."""
        images = [normalised(read(path)) for path in self.files]
        if not self.masks:
            return Pictures(images, np.array(self.values, np.int64))
        return Pictures(images, self.truth())

    def truth(self) -> np.ndarray:
        """Read the masks as indices of classes, shape (N, Y, X)."""
        indices = np.zeros(256, np.int64)
        indices[list(self.values)] = np.arange(len(self.values))
        return np.stack([indices[read(path)] for path in self.masks])


@dataclass(frozen=True, slots=True)
class Dataset:
    """A dataset, its split, and how ``emseg train`` is told of it.

    Parameters
    ----------
    classes : tuple of str
        In the order of their indices.
    train, validation, test : Part
        No micrograph is in two.
    command : tuple of str
        What follows ``emseg train``; a file ``train.csv`` for a classifier.
    """

    classes: tuple[str, ...]
    train: Part
    validation: Part
    test: Part
    command: tuple[str, ...]

    @property
    def is_classified(self) -> bool:
        """Whether whole micrographs have a class."""
        return not self.test.masks

    def first(self, count: int, *, validated: bool) -> tuple[str, ...]:
        """Give what ``emseg train`` is told of the first training images, and of validation."""
        told = list(self.command)
        if "--slices" not in told:
            told += ["--slices", ""]
        told[told.index("--slices") + 1] = f"0:{count}"
        if not validated:
            for place in [at for at, each in enumerate(told) if each.startswith("--val-")][::-1]:
                del told[place : place + 2]
        return tuple(told)


def superalloy() -> Dataset:
    """Matrix, small and large precipitates; its own split of 10, 4 and 4."""
    at = DATA / "superalloy"

    def part(name: str) -> Part:
        files = tuple(sorted((at / name / "image").iterdir()))
        return Part(files, tuple(at / name / "label" / each.name for each in files), (0, 1, 2))

    command = (
        str(at / "train/image"), str(at / "train/label"), "--classes", "matrix,small,large",
        "--val-images", str(at / "val/image"), "--val-masks", str(at / "val/label"),
    )  # fmt: skip
    parts = (part(name) for name in ("train", "val", "test"))
    return Dataset(("matrix", "small", "large"), *parts, command)


def membranes() -> Dataset:
    """Membrane and cell; slices 0 to 19, 20 to 24 and 25 to 29."""
    at = DATA / "membranes"

    def part(numbers: range) -> Part:
        names = [f"{number}.png" for number in numbers]
        files, masks = (tuple(at / kind / name for name in names) for kind in ("images", "labels"))
        return Part(files, masks, (0, 255))

    command = (
        str(at / "images"), str(at / "labels"), "--labels", "0=membrane,255=cell",
        "--slices", "0:20", "--val-slices", "20:25",
    )  # fmt: skip
    parts = (part(numbers) for numbers in (range(20), range(20, 25), range(25, 30)))
    return Dataset(("membrane", "cell"), *parts, command)


def neuropil() -> Dataset:
    """Mitochondria; images 00 to 11, 12 to 14 and 15 to 19."""
    at = DATA / "neuropil"

    def part(numbers: range) -> Part:
        files = tuple(at / "images" / f"{number:02}.tif" for number in numbers)
        masks = tuple(at / "mitochondria" / f"{number:02}.png" for number in numbers)
        return Part(files, masks, (0, 255))

    command = (
        str(at / "images"), str(at / "mitochondria"), "--labels", "0=rest,255=mitochondria",
        "--slices", "0:12", "--val-slices", "12:15",
    )  # fmt: skip
    parts = (part(numbers) for numbers in (range(12), range(12, 15), range(15, 20)))
    return Dataset(("rest", "mitochondria"), *parts, command)


def steel_classes() -> Dataset:
    """Three classes of steel: a third tests, a fifth of the others validates; drawn with seed 0."""
    rng = np.random.default_rng(0)
    folders = sorted(each for each in (DATA / "steel_classes").iterdir() if each.is_dir())
    found: dict[str, list[tuple[Path, int]]] = {"train": [], "validation": [], "test": []}
    for label, folder in enumerate(folders):
        files = sorted(folder.iterdir())
        order = [files[index] for index in rng.permutation(len(files))]
        tested = len(order) // _FOLDS
        validated = (len(order) - tested) // 5
        for place, file in enumerate(order):
            name = "test" if place < tested else "train"
            name = "validation" if tested <= place < tested + validated else name
            found[name].append((file, label))
    parts = (
        Part(tuple(file for file, _ in rows), (), tuple(label for _, label in rows))
        for rows in found.values()
    )
    return Dataset(tuple(each.name for each in folders), *parts, ())


DATASETS: dict[str, Callable[[], Dataset]] = {
    "superalloy": superalloy,
    "membranes": membranes,
    "neuropil": neuropil,
    "steel_classes": steel_classes,
}


def read(path: Path) -> np.ndarray:
    """Read a grey picture or TIFF as it is."""
    if path.suffix == ".tif":
        return np.asarray(tifffile.imread(path))
    with Image.open(path) as picture:
        return np.asarray(picture.convert("L") if picture.mode != "L" else picture)


def normalised(image: np.ndarray) -> np.ndarray:
    """Bring an image to mean 0 and standard deviation 1."""
    image = image.astype(np.float32)
    return (image - image.mean()) / max(1e-6, float(image.std()))
