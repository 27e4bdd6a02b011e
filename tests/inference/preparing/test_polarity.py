import logging
from dataclasses import replace

import numpy as np
import pytest
from torch import nn

from emseg.bundle import Polarity
from emseg.inference.preparing.polarity import PolarityCheck, polarity_of
from emseg.intensity import IntensityRule, measure
from emseg.micrograph import Micrograph
from emseg.pixels import ReadPixels

RULE = IntensityRule.ZSCORE


def micrograph(seed: int, dark: float = 0.15, shade: float = 90) -> Micrograph:
    """Bright cytoplasm with a share of dark membranes."""
    rng = np.random.default_rng(seed)
    pixels = np.where(rng.random((1, 120, 150)) < dark, 200 - shade, 200) + rng.normal(
        0, 12, (1, 120, 150)
    )
    return Micrograph(pixels.clip(0, 255).astype(np.uint8), f"image {seed}")


def trained(count: int = 4, dark: float = 0.15) -> Polarity:
    images = [micrograph(seed, dark) for seed in range(count)]
    return polarity_of([(each, measure(each)) for each in images], RULE)


@pytest.fixture
def said(caplog: pytest.LogCaptureFixture, make_model):
    def look(polarity: Polarity | None, *images: Micrograph) -> list[str]:
        check = PolarityCheck(make_model(nn.Identity(), polarity=polarity).card)
        with caplog.at_level(logging.WARNING):
            for each in images:
                check.look(each, measure(each))
        return [record.getMessage() for record in caplog.records]

    return look


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_an_inverted_image_is_told_once_by_its_name(said, dtype: str) -> None:
    images = [
        replace(each, pixels=(255 - each.pixels.astype(int)).astype(dtype))
        for each in (micrograph(8), micrograph(9))
    ]
    lines = said(trained(), *images)
    assert len(lines) == 1
    assert "image 8 looks inverted" in lines[0]
    assert "--invert" in lines[0]


def test_images_like_the_training_are_no_matter_how_bright(said) -> None:
    lighter = micrograph(8)
    lighter = replace(lighter, pixels=lighter.pixels.astype(np.uint16) * 3 + 1000)
    assert not said(trained(), micrograph(7), lighter, micrograph(9, dark=0.25))


def test_symmetric_grey_values_say_nothing(said) -> None:
    even = trained(dark=0.5)
    inverted = replace(micrograph(8, 0.5), pixels=255 - micrograph(8, 0.5).pixels)
    assert not said(even, inverted)


def test_a_model_that_does_not_know_says_nothing(said) -> None:
    assert not said(None, replace(micrograph(8), pixels=255 - micrograph(8).pixels))


def test_a_plane_that_is_read_by_rows_is_looked_at_in_the_same_places() -> None:
    array = np.random.default_rng(0).integers(0, 9000, (2, 900, 700)).astype(np.uint16)
    whole, read = Micrograph(array, "a"), []

    def rows(top: int, bottom: int) -> np.ndarray:
        read.extend(range(top, bottom))
        return array[:, top:bottom]

    statistics = measure(whole)
    lazy = Micrograph(ReadPixels(rows, array.shape, array.dtype), "a")
    assert polarity_of([(lazy, statistics)], RULE) == polarity_of([(whole, statistics)], RULE)
    assert len(read) <= 900
