"""Large images of real pixels with their truth, and how well a label image meets it."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image

from benchmarks.chain import DATA

PIECE = 512  # pixels, the side of a micrograph of superalloy
_TURNS = 8
_MEAN, _DEVIATION = 32768, 8000  # of each piece, in 16 bits


def mosaic(folder: Path, side: int) -> tuple[Path, Path]:
    """Write an image of uint16 and its labels, whose pieces are all different, unless they exist.

    The eight test and validation micrographs of ``superalloy`` in their eight turns and flips are
    64 pieces of 512 x 512, in an order drawn with seed 0: 4096 x 4096 pixels. A smaller image
    has the first of them. Each micrograph is brought to one mean and deviation before.

    Returns
    -------
    tuple of Path
        The image and the labels.
    """
    image, labels = folder / f"image-{side}.tif", folder / f"labels-{side}.tif"
    if image.exists() and labels.exists():
        return image, labels
    across = -(-side // PIECE)
    order = np.random.default_rng(0).permutation(len(_micrographs()) * _TURNS)
    if across**2 > len(order):
        raise SystemExit(f"the micrographs make {len(order)} pieces; {side} pixels need more")
    planes = [np.zeros((across * PIECE, across * PIECE), dtype) for dtype in ("u2", "u1")]
    for place, number in enumerate(order[: across**2]):
        row, column = (PIECE * each for each in divmod(place, across))
        for plane, piece in zip(planes, _piece(number), strict=True):
            plane[row : row + PIECE, column : column + PIECE] = piece
    folder.mkdir(parents=True, exist_ok=True)
    tifffile.imwrite(labels, planes[1][:side, :side], compression="zlib")
    tifffile.imwrite(image, planes[0][:side, :side])
    return image, labels


def mean_iou(
    predictions: Sequence[Path], masks: Sequence[NDArray[np.uint8]], classes: int
) -> float:
    """Pool the pixels of all images and average the IoU of the classes that there are."""
    counts = np.zeros((classes, classes), np.int64)
    for path, mask in zip(predictions, masks, strict=True):
        labels = read_labels(path)
        if labels.max() >= classes:
            raise SystemExit(f"{path} has values without a class: not all of it was predicted")
        pairs = classes * mask.ravel().astype(np.int64) + labels.ravel()
        counts += np.bincount(pairs, minlength=classes**2).reshape(classes, classes)
    both = counts.diagonal()
    either = counts.sum(0) + counts.sum(1) - both
    return float((both[either > 0] / either[either > 0]).mean())


def read_labels(path: Path) -> NDArray[np.uint8]:
    """Read the full size of a label image."""
    with tifffile.TiffFile(path) as file:
        return np.asarray(file.series[0].levels[0].asarray()).squeeze()


def read_plain(path: Path) -> NDArray[np.uint8]:
    """Read a picture or a TIFF as it is."""
    if path.suffix == ".tif":
        return tifffile.imread(path)
    with Image.open(path) as picture:
        return np.asarray(picture)


def _micrographs() -> list[Path]:
    at = DATA / "superalloy"
    return [path for part in ("test", "val") for path in sorted((at / part / "image").iterdir())]


def _piece(number: int) -> list[NDArray[np.generic]]:
    """Give one micrograph and its labels, turned and flipped."""
    image = _micrographs()[number // _TURNS]
    turn = number % _TURNS
    labels = read_plain(image.parents[1] / "label" / image.name)
    pair = (_levelled(read_plain(image)), labels)
    return [np.rot90(each[:, ::-1] if turn >= 4 else each, turn) for each in pair]


def _levelled(image: NDArray[np.uint8]) -> NDArray[np.uint16]:
    """Bring a micrograph to the brightness and contrast of all, as parts of one image have."""
    values = (image - image.mean()) / image.std() * _DEVIATION + _MEAN
    return np.clip(np.rint(values), 0, 65535).astype(np.uint16)
