"""Images larger than the memory they are given are predicted and converted all the same."""

import sys

import numpy as np
import pytest
import tifffile
import torch

from emseg.bundle import Architecture, ModelCard, card_classes, save_model
from emseg.config import Task
from emseg.micrograph import LabelClass
from emseg.networks import NetworkSpec, build_network
from emseg.reading import open_stack

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(sys.platform != "linux", reason="what libraries take differs elsewhere"),
]
MB = 10**6
TILE = 512


def write(path, side):
    """Write waves that repeat nowhere, with noise, as a tiled TIFF, a row of tiles at a time."""

    def tiles():
        rng = np.random.default_rng(0)
        noise = rng.integers(0, 3000, (2 * TILE, 2 * TILE), dtype=np.uint16)
        for top in range(0, side, TILE):
            for left in range(0, side, TILE):
                y, x = np.arange(top, top + TILE), np.arange(left, left + TILE)
                waves = 5000 * np.outer(np.sin(y**1.2 / 40), np.cos(x**1.2 / 50)) + 20000
                at, to = rng.integers(0, TILE, 2)
                yield (waves + noise[at : at + TILE, to : to + TILE]).astype(np.uint16)

    tifffile.imwrite(
        path, tiles(), shape=(side, side), dtype="uint16", tile=(TILE, TILE),
        photometric="minisblack", bigtiff=True,
    )  # fmt: skip
    return path


@pytest.fixture
def tiny(tmp_path):
    """A network of few layers whose halo is as large as what it sees."""
    classes = (LabelClass("dark", (0, 0, 0), (0,)), LabelClass("bright", (255, 0, 0), (1,)))
    spec = NetworkSpec(Task.SEGMENTATION, "unet", None, 1, 2, {"width": 2, "depth": 1})
    torch.manual_seed(0)
    card = ModelCard(
        emseg="0.1.0",
        task=spec.task,
        architecture=Architecture(name="unet", options=dict(spec.options)),
        in_channels=1,
        classes=card_classes(classes),
        crop=64,
        stride=2,
        halo=16,
        bytes_per_pixel=200,
    )
    save_model(tmp_path / "tiny", card, build_network(spec))
    return tmp_path / "tiny"


def test_a_prediction_keeps_within_max_ram_and_says_the_same(tmp_path, tiny, peak_memory):
    image = write(tmp_path / "giant.tif", 6000)
    labels, probabilities, peaks = [], [], []
    for limit in ("1150M", "20G"):
        out = tmp_path / limit
        command = ("predict", tiny, image, "--out", out, "--probabilities", "--max-ram", limit)
        peak, _ = peak_memory("-m", "emseg", *command, "--backend", "torch", "--threads", "1", "-q")
        peaks.append(peak)
        labels.append(tifffile.imread(out / "giant.ome.tif"))
        probabilities.append(tifffile.imread(out / "probabilities" / "giant.ome.tif"))
    assert peaks[0] <= 1150 * MB < peaks[1]
    assert len(np.unique(labels[0])) == 2
    np.testing.assert_array_equal(*labels)
    np.testing.assert_allclose(*probabilities, atol=1e-5)


def test_a_conversion_takes_less_memory_than_the_image_has_bytes(tmp_path, peak_memory):
    image = write(tmp_path / "giant.tif", 14_000)  # 392 MB
    command = ("convert", image, "--out", tmp_path / "out")
    peak, _ = peak_memory("-m", "emseg", *command)
    assert peak < 350 * MB
    written = tmp_path / "out" / "giant.ome.tif"
    (found,) = open_stack(written)
    np.testing.assert_array_equal(found.array[0], tifffile.imread(image))
