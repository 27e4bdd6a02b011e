"""Micrographs that say where a pixel came from."""

from collections.abc import Callable
from pathlib import Path

import imageio.v3 as iio
import numpy as np
import pytest
import torch

from emseg.intensity import measure
from emseg.labels import choose_classes, to_label_image
from emseg.micrograph import Micrograph
from emseg.training.holding_out import LabelledPlane


@pytest.fixture(autouse=True)
def one_thread():
    """Tiny networks lose more by waiting for a second core than they win by it."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(autouse=True)
def nothing_exported(monkeypatch):
    """Leave out model.onnx, which takes longer than the training of a tiny network."""
    monkeypatch.setattr("emseg.training.run.export_beside", lambda *_: None)


@pytest.fixture
def labelled() -> Callable[..., LabelledPlane]:
    """Put pixels and a mask of class indices together: ``labelled(pixels, mask)``."""

    def make(pixels, mask, *, classes=3, path=Path("a.tif"), plane=None) -> LabelledPlane:
        names = tuple(f"c{n}" for n in range(classes))
        found, _ = choose_classes(range(classes), names=names)
        micrograph = Micrograph(np.atleast_3d(pixels.T).T, path.stem, path, plane)
        drawn = Micrograph(np.asarray(mask)[None], path.stem)
        return LabelledPlane(micrograph, to_label_image(drawn, found, 255), measure(micrograph))

    return make


@pytest.fixture
def folders(tmp_path) -> Callable[..., tuple[Path, Path]]:
    """Write bright squares on dark ground and their masks: images and masks folders."""

    def write(count=3, size=(48, 40), names=None) -> tuple[Path, Path]:
        rng = np.random.default_rng(0)
        for name in names or [f"{n}.png" for n in range(1, count + 1)]:
            mask = np.zeros(size, np.uint8)
            y, x = rng.integers(0, 20, 2)
            mask[y : y + 16, x : x + 16] = 255
            image = np.clip(rng.normal(80, 10, size) + mask / 3, 0, 255).astype(np.uint8)
            for folder, pixels in (("images", image), ("masks", mask)):
                (tmp_path / folder).mkdir(exist_ok=True)
                iio.imwrite(tmp_path / folder / name, pixels)
        return tmp_path / "images", tmp_path / "masks"

    return write
