"""A script that predicts label images with a sliding window: TIFF in, TIFF out.

    python -m benchmarks.predicting.peer '{"way": "monai-0.25", "kind": "eager", ...}'

Used by `benchmarks.predict`; imports nothing of emseg. ``way`` is ``monai-OVERLAP``, ``nnunet``,
``nnunet-mirrored`` or ``whole``: all of the image at once.
"""

import json
import sys
from pathlib import Path

import numpy as np
import tifffile
from numpy.typing import NDArray

from benchmarks.predicting.networks import Network, load


def normalised(image: NDArray[np.generic]) -> NDArray[np.float32]:
    """Clip 0.01 % at either end and take the z-score, as in the training; shape (1, 1, Y, X)."""
    low, high = np.percentile(image, (0.01, 99.99))
    values = np.clip(image.astype(np.float32), low, high)
    return ((values - values.mean(dtype=float)) / values.std(dtype=float)).astype(np.float32)[
        None, None
    ]


def scores_of(image: NDArray[np.float32], network: Network, way: str) -> NDArray[np.float32]:
    """Predict in one way."""
    from benchmarks.predicting.windows import monai, nnunet

    if way == "whole":
        return network(image)
    if way.startswith("nnunet"):
        return nnunet(image, network, mirrored=way.endswith("mirrored"))
    return monai(image, network, float(way.partition("-")[2]))


def main() -> None:
    """Predict the images of the one argument."""
    asked = json.loads(sys.argv[1])
    network = load(asked["kind"], Path(asked["model"]), Path(asked["onnx"]), asked["threads"])
    for source, target in asked["files"]:
        image = normalised(_read(Path(source)))
        labels = scores_of(image, network, asked["way"])[0].argmax(axis=0)
        tifffile.imwrite(target, labels.astype(np.uint8))


def _read(path: Path) -> NDArray[np.generic]:
    if path.suffix == ".tif":
        return tifffile.imread(path)
    from PIL import Image

    with Image.open(path) as picture:
        return np.asarray(picture)


if __name__ == "__main__":
    main()
