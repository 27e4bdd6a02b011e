"""Averages, several models, maps and objects, from the command line to the files."""

import numpy as np
import pytest
import tifffile
import torch

from emseg.bundle import Architecture, CardClass, ModelCard, save_model
from emseg.config import Task
from emseg.networks import UNet

NAMES = ("matrix", "pore", "grain")


def store(folder, seed, names=NAMES, **settings):
    """A model whose network knows nothing, but something else with every seed."""
    torch.manual_seed(seed)
    network = UNet(1, 3, width=4, depth=1).eval()
    card = ModelCard(
        emseg="0",
        task=Task.SEGMENTATION,
        architecture=Architecture(name="unet", options={"width": 4, "depth": 1}),
        in_channels=1,
        classes=tuple(CardClass(name=name, colour=(0, 0, 0)) for name in names),
        crop=32,
        stride=2,
        halo=8,
        **settings,
    )
    save_model(folder, card, network)
    return folder


@pytest.fixture
def image(tmp_path):
    rng = np.random.default_rng(0)
    tifffile.imwrite(tmp_path / "a.tif", rng.integers(0, 255, (48, 64), dtype=np.uint8))
    return tmp_path / "a.tif"


@pytest.fixture
def probabilities(emseg, image, tmp_path):
    """Predict, and give the probabilities back: ``probabilities("out", model, "--tta", "d4")``."""

    def predict(name, *said):
        shown = emseg(
            "predict", *said, image, "--out", tmp_path / name, "--probabilities", "--backend",
            "torch", "--quiet",
        )  # fmt: skip
        assert shown.code == 0, shown.err
        return tifffile.imread(tmp_path / name / "probabilities" / "a.ome.tif")

    return predict


def test_several_models_answer_with_the_mean_whatever_the_order_of_their_classes(
    probabilities, tmp_path
):
    one = store(tmp_path / "one", 1)
    two = store(tmp_path / "two", 2, ("grain", "matrix", "pore"))
    alone = probabilities("1", one), probabilities("2", two)[[1, 2, 0]]
    together = probabilities("3", one, two, "--uncertainty")
    np.testing.assert_allclose(together, np.mean(alone, axis=0), atol=1e-6)
    maps = tifffile.imread(tmp_path / "3" / "uncertainty" / "a.ome.tif")
    assert maps.shape == (2, 48, 64)
    assert 0 < maps[1].max() < maps[0].max() <= 1


def test_mirror_is_tta_d4_and_flips_are_something_else(probabilities, tmp_path):
    model = store(tmp_path / "one", 1)
    d4 = probabilities("1", model, "--tta", "d4")
    np.testing.assert_array_equal(probabilities("2", model, "--mirror"), d4)
    assert (probabilities("3", model, "--tta", "flips") != d4).any()


def test_models_that_do_not_fit_are_named(emseg, image, tmp_path):
    one = store(tmp_path / "one", 1, pixel_size_nm=(4.0, 4.0))
    two = store(tmp_path / "two", 2, pixel_size_nm=(8.0, 8.0))
    shown = emseg("predict", one, two, image, "--out", tmp_path / "o", "--backend", "torch")
    assert shown.code == 4
    line = shown.err.splitlines()[-1]
    assert f"{one} and {two} cannot answer together: their pixel sizes are 4 nm" in line


def test_objects_are_numbered_in_an_image_and_a_table(emseg, image, tmp_path):
    model = store(tmp_path / "one", 1)
    shown = emseg(
        "predict", model, image, "--out", tmp_path / "o", "--backend", "torch", "--instances",
        "connected", "--smallest", "4px", "--fill-holes", "3px", "--threshold", "pore=0.3",
    )  # fmt: skip
    assert shown.code == 0, shown.err
    assert "instances/" in shown.out
    numbers = tifffile.imread(tmp_path / "o" / "instances" / "a.ome.tif")
    lines = (tmp_path / "o" / "instances" / "a.csv").read_text().splitlines()
    assert len(lines) - 1 == numbers.max() > 0
    measured = emseg(
        "measure", tmp_path / "o" / "instances", "--instances", "--out", tmp_path / "m"
    )
    assert measured.code == 0, measured.err
    assert len((tmp_path / "m" / "objects.csv").read_text().splitlines()) == len(lines)


@pytest.mark.parametrize(
    ("said", "line"),
    [
        (("--tta", "flip"), "there is no tta 'flip'; did you mean 'flips'?"),
        (("--instances", "watersheds"), "there is no instances 'watersheds'; did you mean"),
        (("--threshold", "pore"), "--threshold pore: write a class and the probability"),
        (("--fill-holes", "2nm3"), "--fill-holes 2nm3: write a number of pixels"),
    ],
)
def test_what_is_mistyped_is_refused(refused, image, said, line):
    assert line in refused(2, "predict", "no-model", image, *said)
