from unittest import mock

import numpy as np
import pytest
import scipy.sparse  # noqa: F401  # or the first of the timed examples imports it
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from emseg.inference.preparing import resampling
from emseg.inference.preparing.resampling import (
    ResampledStream,
    Upwards,
    resample,
    resampled,
)
from emseg.pixels import ReadPixels

lengths = st.integers(1, 40)


def picture(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).normal(100, 20, shape).astype(np.float32)


@given(lengths, lengths, st.integers(1, 40), st.integers(1, 40))
def test_on_the_way_down_each_pixel_is_the_mean_of_its_area(
    height: int, width: int, rows: int, columns: int
) -> None:
    rows, columns = min(rows, height), min(columns, width)
    image = picture(2, height, width)
    # every old pixel cut into so many that both grids fit: the definition, without weights
    finest = image.repeat(rows, axis=1).repeat(columns, axis=2)
    areas = finest.reshape(2, rows, height, columns, width).mean(axis=(2, 4))
    np.testing.assert_allclose(resample(image, (rows, columns)), areas, rtol=1e-5)


@pytest.mark.parametrize("size", [(64, 96), (41, 60), (100, 50)])
def test_on_the_way_up_values_are_those_of_pillows_bicubic_filter(size: tuple[int, int]) -> None:
    image = picture(1, 32, 48)
    height, width = max(size[0], 32), max(size[1], 48)
    expected = np.asarray(
        Image.fromarray(image[0]).resize((width, height), Image.Resampling.BICUBIC)
    )
    inside = np.s_[6:-6, 6:-6]  # the two continue the image past its edges otherwise
    found = resample(image, (height, width))[0]
    np.testing.assert_allclose(found[inside], expected[inside], rtol=1e-4)


@given(lengths, lengths, lengths, lengths)
def test_probabilities_stay_probabilities(height: int, width: int, rows: int, columns: int) -> None:
    values = np.random.default_rng(1).dirichlet([0.3, 0.3, 0.3], (height, width))
    found = resample(np.moveaxis(values, -1, 0), (rows, columns), Upwards.LINEAR)
    assert found.min() >= -1e-12
    np.testing.assert_allclose(found.sum(axis=0), 1)


@given(lengths, lengths, st.sampled_from(["uint8", "uint16", "int32", ">u2", "float16", "float64"]))
def test_the_same_size_gives_the_same_values_of_any_dtype(
    height: int, width: int, dtype: str
) -> None:
    image = np.random.default_rng(2).integers(0, 100, (1, height, width)).astype(dtype)
    found = resample(image, (height, width))
    np.testing.assert_array_equal(found, image.astype(float))
    assert found.dtype == np.result_type(np.dtype(dtype).newbyteorder("="), np.float32)


def test_large_integers_keep_their_differences() -> None:
    image = 2**30 + np.arange(16, dtype=np.int32).reshape(1, 4, 4)
    np.testing.assert_array_equal(
        resample(image, (2, 2))[0], 2**30 + np.array([[2.5, 4.5], [10.5, 12.5]])
    )


def test_bands_give_what_the_whole_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    image = picture(2, 50, 31)
    whole = resample(image, (73, 20))
    monkeypatch.setattr(resampling, "_BAND", 300)
    np.testing.assert_allclose(resample(image, (73, 20)), whole, rtol=1e-6)


@given(lengths, lengths, lengths, lengths, st.sampled_from(Upwards), st.data())
def test_rows_that_are_asked_for_are_those_of_the_whole(
    height: int, width: int, rows: int, columns: int, upwards: Upwards, data: st.DataObject
) -> None:
    image = picture(2, height, width)
    whole = resample(image, (rows, columns), upwards)
    lazy = resampled(image, (rows, columns), upwards)
    assert (lazy.shape, lazy.dtype) == (whole.shape, whole.dtype)
    top = data.draw(st.integers(0, rows))
    bottom = data.draw(st.integers(top, rows))
    np.testing.assert_array_equal(lazy[:, top:bottom], whole[:, top:bottom])
    np.testing.assert_array_equal(lazy[..., ::-3, 1:], whole[..., ::-3, 1:])


def test_only_what_lies_under_the_rows_is_read() -> None:
    image, read = picture(1, 1000, 5), []

    def rows(top: int, bottom: int) -> np.ndarray:
        read.append((top, bottom))
        return image[:, top:bottom]

    halved = resampled(ReadPixels(rows, image.shape, image.dtype), (500, 5))
    halved[:, 100:110]
    assert read == [(200, 220)]


@given(lengths, lengths, lengths, lengths, st.sampled_from(Upwards), st.data())
def test_a_stream_gives_what_the_whole_gives(
    height: int, width: int, rows: int, columns: int, upwards: Upwards, data: st.DataObject
) -> None:
    image = picture(3, height, width)
    stream = ResampledStream(3, (height, width), (rows, columns), upwards)
    given_rows, found, tops = 0, [], []
    while given_rows < height:
        count = data.draw(st.integers(1, height - given_rows))
        with mock.patch.object(resampling, "_BAND", 100):
            for top, band in stream.put(image[:, given_rows : given_rows + count]):
                tops.append(top)
                found.append(band)
        given_rows += count
    whole = resample(image, (rows, columns), upwards)
    np.testing.assert_array_equal(np.concatenate(found, axis=1), whole)
    assert tops == np.cumsum([0, *(band.shape[1] for band in found)])[:-1].tolist()


def test_a_stream_gives_rows_as_soon_as_they_can_be_made_and_holds_few() -> None:
    image = picture(2, 400, 6)
    stream = ResampledStream(2, (400, 6), (800, 12))
    made = 0
    for top in range(0, 400, 20):
        made += sum(band.shape[1] for _, band in stream.put(image[:, top : top + 20]))
        assert made >= 2 * (top + 20) - 2
        assert stream._held.shape[1] <= 2
    assert made == 800
