"""What a model says of an image does not depend on the type that its pixels are stored in."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch
from PIL import Image

from emseg.bundle import load_model
from emseg.inference import Segmenter
from emseg.inference.segmenter import Segmentation
from emseg.reading import open_stack

pytestmark = pytest.mark.real
Segment = Callable[[np.ndarray, str], Segmentation]


@pytest.fixture(scope="module")
def pixels(real_data: Callable[[str], Path]) -> np.ndarray:
    picture = sorted((real_data("superalloy") / "test").rglob("*.png"))[0]
    return np.asarray(Image.open(picture).convert("L"))[:256, :320]


@pytest.fixture
def segment(repository: Path, tmp_path: Path) -> Segment:
    segmenter = Segmenter.of(
        load_model(repository / "tests" / "models" / "superalloy"), torch.device("cpu")
    )

    def segment(pixels: np.ndarray, byteorder: str = "<") -> Segmentation:
        tifffile.imwrite(tmp_path / "a.tif", pixels, byteorder=byteorder)
        return segmenter.segment(open_stack(tmp_path / "a.tif")[0], keep_probabilities=True)

    return segment


@pytest.mark.parametrize("dtype", ["uint16", "int16", "uint32", "int32", "float32", "float64"])
@pytest.mark.parametrize("byteorder", ["<", ">"])
def test_every_dtype_and_byte_order_gives_the_same_prediction(
    pixels: np.ndarray, segment: Segment, dtype: str, byteorder: str
) -> None:
    expected, found = segment(pixels, "<"), segment(pixels.astype(dtype), byteorder)
    np.testing.assert_array_equal(found.labels.pixels, expected.labels.pixels)
    np.testing.assert_allclose(found.probabilities, expected.probabilities, atol=1e-5)


@pytest.mark.parametrize("dtype", ["uint16", "int32", "float32"])
def test_grey_values_are_never_squeezed_into_eight_bits(
    pixels: np.ndarray, segment: Segment, dtype: str
) -> None:
    """The picture lies in 256 of 65,536 grey values, far from zero; eight bits would lose it."""
    deep = (pixels.astype(np.int64) + 40_000).astype(dtype)
    deep[0, 0], deep[-1, -1] = 0, 65_535  # the range of the type is used, as by hot pixels
    plain = pixels.copy()
    plain[0, 0], plain[-1, -1] = 0, 255
    expected, found = segment(plain, "<"), segment(deep, "<")
    assert len(np.unique(expected.labels.pixels)) == 3
    np.testing.assert_array_equal(found.labels.pixels, expected.labels.pixels)
