import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from emseg.calibration import PixelSize
from emseg.config import Rescale
from emseg.errors import MismatchError
from emseg.inference.preparing.pixel_size import PixelSizeGuard
from emseg.micrograph import Micrograph
from emseg.pixels import LazyPixels, ReadPixels

MODEL = PixelSize(4.6, 4.6, "the TIFF resolution tags")


def micrograph(y_nm: float | None, x_nm: float | None = None, size: int = 100) -> Micrograph:
    pixels = np.random.default_rng(0).integers(0, 255, (1, size, size), np.uint8)
    scale = PixelSize(y_nm, x_nm or y_nm, "the Gatan tags") if y_nm else None
    return Micrograph(pixels, "a", Path("a.dm4"), pixel_size=scale)


def test_a_finer_image_is_averaged_and_a_coarser_one_enlarged() -> None:
    guard = PixelSizeGuard(MODEL)
    assert guard.fit(micrograph(2.3)).size == (50, 50)
    assert guard.fit(micrograph(9.2)).size == (200, 200)
    assert guard.fit(micrograph(9.2)).pixel_size == PixelSize(4.6, 4.6, "the Gatan tags")


def test_each_axis_is_brought_to_its_own_size() -> None:
    tilted = PixelSizeGuard(MODEL).fit(micrograph(9.2, 2.3))
    assert tilted.size == (200, 50)


def test_the_field_of_view_is_kept_when_sizes_do_not_divide() -> None:
    found = PixelSizeGuard(MODEL).fit(micrograph(3.1))
    assert found.size == (67, 67)
    assert found.pixel_size is not None
    assert found.pixel_size.y_nm * 67 == pytest.approx(3.1 * 100)


@pytest.mark.parametrize("size", [4.6, 4.7, 4.45])
def test_nearly_the_same_size_leaves_the_pixels_alone(size: float) -> None:
    image = micrograph(size)
    assert PixelSizeGuard(MODEL).fit(image) is image


def test_enlarging_by_more_than_three_is_refused_with_the_way_out() -> None:
    assert PixelSizeGuard(MODEL).fit(micrograph(13.8)).size == (300, 300)
    with pytest.raises(
        MismatchError, match=r"a\.dm4 has 14 nm .* 4\.6 nm.* 3\.04 .*--rescale never"
    ):
        PixelSizeGuard(MODEL).fit(micrograph(14.0))
    image = micrograph(14.0)
    assert PixelSizeGuard(MODEL, Rescale.NEVER).fit(image) is image


def test_an_image_that_would_shrink_to_nothing_is_refused() -> None:
    with pytest.raises(MismatchError, match=r"4 x 4 pixels of that size"):
        PixelSizeGuard(MODEL).fit(micrograph(0.2))


def test_what_was_done_is_said_once_for_each_pixel_size(caplog: pytest.LogCaptureFixture) -> None:
    guard = PixelSizeGuard(MODEL)
    with caplog.at_level(logging.WARNING):
        for size in (2.3, 2.3, 9.2, 2.3):
            guard.fit(micrograph(size))
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == 2
    assert "2.3 nm a pixel, and the model was trained at 4.6 nm" in said[0]
    assert "100x100 pixels are rescaled to 50x50" in said[0]


@pytest.mark.parametrize(
    ("wanted", "found", "words"),
    [
        (MODEL, None, "has no pixel size"),
        (None, 2.3, "the model does not know"),
        (None, None, None),
    ],
)
def test_an_unknown_size_is_said_once_and_never_guessed(
    wanted: PixelSize | None,
    found: float | None,
    words: str | None,
    caplog: pytest.LogCaptureFixture,
) -> None:
    guard = PixelSizeGuard(wanted)
    image = micrograph(found)
    with caplog.at_level(logging.WARNING):
        assert guard.fit(image) is image
        guard.fit(replace(image, path=Path("b.dm4")))
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == (0 if words is None else 1)
    assert all(words in line for line in said if words)


@pytest.mark.parametrize(("wanted", "found"), [(MODEL, None), (None, 2.3)])
def test_who_says_never_hears_nothing_of_unknown_sizes(
    wanted: PixelSize | None, found: float | None, caplog: pytest.LogCaptureFixture
) -> None:
    image = micrograph(found)
    with caplog.at_level(logging.WARNING):
        assert PixelSizeGuard(wanted, Rescale.NEVER).fit(image) is image
    assert not caplog.records


def lazy(image: Micrograph) -> Micrograph:
    array = image.array
    pixels = ReadPixels(lambda top, bottom: array[:, top:bottom], array.shape, array.dtype)
    return replace(image, pixels=pixels)


@pytest.mark.parametrize("size", [2.3, 9.2, 3.1])
def test_what_is_read_by_rows_is_rescaled_by_rows(size: float) -> None:
    whole = PixelSizeGuard(MODEL).fit(micrograph(size))
    by_rows = PixelSizeGuard(MODEL).fit(lazy(micrograph(size)))
    assert isinstance(whole.pixels, np.ndarray)
    assert isinstance(by_rows.pixels, LazyPixels)
    assert by_rows.pixel_size == whole.pixel_size
    np.testing.assert_array_equal(by_rows.array, whole.array)


def test_an_array_that_becomes_large_is_rescaled_by_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("emseg.inference.preparing.pixel_size.LARGE", 200 * 200 * 4 - 1)
    assert isinstance(PixelSizeGuard(MODEL).fit(micrograph(9.2)).pixels, LazyPixels)
    assert isinstance(PixelSizeGuard(MODEL).fit(micrograph(2.3)).pixels, np.ndarray)
