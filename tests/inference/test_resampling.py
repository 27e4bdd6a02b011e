import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from emseg.inference import resampling
from emseg.inference.resampling import Upwards, resample, resampled_bands

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
    bands = list(resampled_bands(image, (73, 20)))
    assert len(bands) > 5
    np.testing.assert_allclose(
        np.concatenate([band for _, band in bands], axis=1), whole, rtol=1e-6
    )
