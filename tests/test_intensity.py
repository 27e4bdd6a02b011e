"""Intensities become numbers of one kind, whatever type a file stores them in."""

import math
import re
from unittest import mock

import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from emseg import intensity
from emseg.errors import ContentError
from emseg.intensity import IntensityRule, measure, normalise
from emseg.micrograph import Micrograph
from emseg.pixels import ReadPixels

ZSCORE = IntensityRule.ZSCORE


def micrograph(pixels):
    return Micrograph(np.asarray(pixels), "m")


def normalised(pixels):
    return normalise(pixels, measure(micrograph(pixels)), ZSCORE)


def noise(shape=(1, 200, 300), scale=20.0):
    return np.random.default_rng(3).normal(100, scale, shape)


def test_mean_is_zero_and_deviation_one():
    values = normalised(noise())
    assert values.dtype == np.float32
    assert values.mean() == pytest.approx(0, abs=1e-5)
    assert values.std() == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize(
    "dtype", ["uint8", "uint16", "int16", "uint32", "int32", "float32", "float64", ">u2", ">f4"]
)
def test_the_type_of_a_file_does_not_matter(dtype):
    pixels = noise().clip(0, 255).astype(np.uint8)
    np.testing.assert_allclose(normalised(pixels.astype(dtype)), normalised(pixels), atol=1e-6)


def test_scale_and_offset_do_not_matter():
    np.testing.assert_allclose(normalised(noise() * 250 - 9000), normalised(noise()), atol=1e-5)


def test_a_hot_pixel_changes_nothing_but_itself():
    clean, hot = noise(), noise()
    hot[0, 10, 10] = 1e9
    clean[0, 10, 10] = clean.max()
    np.testing.assert_allclose(normalised(hot), normalised(clean), atol=1e-3)


def test_a_crop_is_normalised_like_the_plane_it_comes_from():
    pixels = noise((2, 64, 64))
    statistics = measure(micrograph(pixels))
    whole = normalise(pixels, statistics, ZSCORE)
    crop = normalise(pixels[:, 5:20, 30:50], statistics, ZSCORE)
    np.testing.assert_array_equal(crop, whole[:, 5:20, 30:50])


def test_each_channel_has_its_own_statistics():
    pixels = np.concatenate([noise(), 50 * noise() + 7])
    values = normalised(pixels)
    np.testing.assert_allclose(values[0], values[1], atol=1e-4)


def test_nan_becomes_the_mean_and_infinity_the_limit():
    pixels = noise()
    low, high = pixels.min(), pixels.max()
    pixels[0, 0, :3] = np.nan, np.inf, -np.inf
    pixels[0, 1, :2] = high, low
    values = normalised(pixels)
    assert np.isfinite(values).all()
    assert values[0, 0, 0] == 0
    assert values[0, 0, 1] == values.max()
    assert values[0, 0, 2] == values.min()


def test_without_a_rule_the_values_of_the_file_stay():
    pixels = np.array([[[1.5, np.nan, np.inf, -3]]])
    values = normalise(pixels, measure(micrograph(pixels)), IntensityRule.NONE)
    assert values.tolist() == [[[1.5, 0, 0, -3]]]
    assert values.dtype == np.float32


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.int32])
def test_a_constant_plane_is_zero(dtype):
    assert not normalised(np.full((1, 9, 9), 77, dtype)).any()


def test_a_few_bright_specks_on_an_empty_ground_are_kept():
    pixels = np.zeros((1, 400, 400), np.uint16)
    pixels[0, 5, 5:9] = 4000
    values = normalised(pixels)
    assert values[0, 5, 5] > 100
    assert values[0, 0, 0] == pytest.approx(0, abs=0.1)


def test_a_plane_without_a_finite_pixel_is_refused_by_name():
    with pytest.raises(ContentError, match="m has no finite pixel"):
        measure(micrograph(np.full((1, 4, 4), np.nan)))


@given(
    arrays(
        st.sampled_from([np.uint8, np.int8, np.uint16, np.int16, np.bool_]),
        array_shapes(min_dims=3, max_dims=3, max_side=12),
    )
)
def test_the_histogram_of_small_integers_is_exact(pixels):
    """Below 10,000 pixels nothing is clipped: mean and deviation are those of the values."""
    statistics = measure(micrograph(pixels))
    axes = (1, 2)
    np.testing.assert_array_equal(statistics.low, pixels.min(axes))
    np.testing.assert_array_equal(statistics.high, pixels.max(axes))
    np.testing.assert_allclose(statistics.mean, pixels.mean(axes, dtype=float), atol=1e-9)
    np.testing.assert_allclose(statistics.deviation, pixels.std(axes, dtype=float), atol=1e-9)


def test_a_histogram_by_bands_is_that_of_the_whole(monkeypatch):
    pixels = noise(scale=5).clip(0, 255).astype(np.uint8)
    whole = measure(micrograph(pixels))
    monkeypatch.setattr(intensity, "_BAND", 1000)
    assert measure(micrograph(pixels)).mean == whole.mean


def test_the_quantiles_cut_one_pixel_in_ten_thousand():
    pixels = np.arange(100_000, dtype=np.int32).reshape(1, 250, 400)
    statistics = measure(micrograph(pixels))
    assert statistics.low == pytest.approx(10, abs=1)
    assert statistics.high == pytest.approx(99_990, abs=1)


@pytest.mark.parametrize("dtype", ["int32", "uint32", "int64", "float32", "float64", ">u2", ">f4"])
def test_statistics_of_a_large_plane_do_not_depend_on_its_dtype(
    dtype: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intensity, "_BAND", 5_000)
    monkeypatch.setattr(intensity, "_SPARE", 100)
    pixels = np.random.default_rng(3).normal(3000, 400, (1, 400, 300)).astype(np.uint16)
    pixels[0, :2, :3] = 60_000  # hot
    counted = measure(Micrograph(pixels, "a"))
    sorted_ = measure(Micrograph(pixels.astype(dtype), "a"))
    for name in ("low", "high", "mean", "deviation"):
        np.testing.assert_allclose(getattr(sorted_, name), getattr(counted, name), rtol=1e-12)


@given(
    arrays(
        np.float32,
        st.tuples(st.integers(1, 60), st.integers(1, 60)),
        elements=st.sampled_from([0.0, 0.0, 0.0, 1.0, -3.5, 1e6, math.nan, math.inf]),
    )
)
def test_tails_are_those_of_the_sorted_values(channel: np.ndarray) -> None:
    channel[0, 0] = 2
    with mock.patch.multiple(intensity, _SPARE=3, _BAND=100):
        found = measure(Micrograph(channel[None], "a"))
    values = np.sort(channel[np.isfinite(channel)]).astype(float)
    low = values[math.ceil(1e-4 * len(values)) - 1]
    high = values[math.ceil((1 - 1e-4) * len(values)) - 1]
    if low == high:
        low, high = values[0], values[-1]
    assert (found.low[0], found.high[0]) == (low, high)
    assert found.mean[0] == pytest.approx(values.clip(low, high).mean())
    assert found.deviation[0] == pytest.approx(values.clip(low, high).std(), abs=1e-6)


def test_a_constant_image_is_said_once(caplog):
    micrograph = Micrograph(np.full((1, 8, 8), 7, np.uint16), "blank-plane", plane=3)
    measure(micrograph), measure(micrograph)
    assert [each.getMessage() for each in caplog.records] == [
        "blank-plane[3] is constant: no class can be told from another in it"
    ]


def test_pixels_that_are_no_numbers_are_told_with_their_number(caplog):
    pixels = noise((1, 20, 10))
    pixels[0, 0, :3] = np.nan
    pixels[0, 1, 0] = np.inf
    for _ in range(2):
        measure(Micrograph(pixels, "holes"))
    told = [each.getMessage() for each in caplog.records]
    assert len(told) == 1
    assert told[0].startswith("holes: 4 of 200 pixels (2 %) are no numbers (NaN) or infinite")


@pytest.mark.parametrize("value", [1e160, 1e308, -1e200])
def test_values_whose_squares_are_infinite_are_refused(value):
    pixels = np.ones((1, 8, 8))
    pixels[0, :4] = value
    with pytest.raises(ContentError, match=r"m holds values .* too large to compute with; divide"):
        measure(micrograph(pixels))


@given(
    arrays(
        st.sampled_from([np.uint8, np.uint16, np.int32, np.float32, np.float64]),
        array_shapes(min_dims=3, max_dims=3, max_side=9),
    ),
    st.integers(1, 9),
)
def test_pixels_that_are_read_have_the_statistics_of_the_array(pixels, together):
    lazy = ReadPixels(
        lambda top, bottom: pixels[:, top:bottom], pixels.shape, pixels.dtype, together
    )
    with mock.patch.multiple(intensity, _SPARE=0, _BAND=20):
        try:
            expected = measure(micrograph(pixels))
        except ContentError as refused:
            with pytest.raises(ContentError, match=re.escape(str(refused))):
                measure(Micrograph(lazy, "m"))
            return
        found = measure(Micrograph(lazy, "m"))
    for name in ("low", "high", "mean", "deviation"):
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))


def test_a_plane_is_read_once_for_all_channels():
    pixels, read = noise((3, 100, 50)).astype(np.float32), []

    def rows(top, bottom):
        read.extend(range(top, bottom))
        return pixels[:, top:bottom]

    with mock.patch.multiple(intensity, _SPARE=3, _BAND=500):
        measure(Micrograph(ReadPixels(rows, pixels.shape, pixels.dtype), "m"))
    assert read == list(range(100))


@pytest.mark.parametrize("order", ["rising", "falling", "noise"])
@pytest.mark.parametrize("offset", [0, 1e9])
def test_whatever_the_order_of_values_mean_and_deviation_are_those_of_all(order, offset):
    """The reference sorts and clips all values, in exact sums."""
    values = np.random.default_rng(5).gamma(2, 30, 60_000) + offset
    if order != "noise":
        values = np.sort(values)[:: 1 if order == "rising" else -1]
    with mock.patch.multiple(intensity, _SPARE=10, _BAND=700):
        found = measure(micrograph(values.reshape(1, 300, 200)))
    low, high = np.sort(values)[[5, 59_993]]
    clipped = values.clip(low, high)
    mean = math.fsum(clipped) / 60_000
    assert (found.low[0], found.high[0]) == (low, high)
    assert found.mean[0] == pytest.approx(mean, rel=1e-13)
    assert found.deviation[0] == pytest.approx(
        (math.fsum((clipped - mean) ** 2) / 60_000) ** 0.5, rel=1e-12 if offset == 0 else 1e-7
    )


_MEASURE = """
import sys
from pathlib import Path
from emseg.intensity import measure
from emseg.reading import open_stack
plane = open_stack(Path(sys.argv[1])).plane(0) if len(sys.argv) > 1 else None
if plane is not None:
    found = measure(plane)
    print(found.mean[0], found.deviation[0], len(plane.pixels[:, ::1000, ::1000].ravel()))
"""


@pytest.mark.long
@pytest.mark.parametrize("compression", [None, "zlib"])
def test_a_giant_is_measured_in_little_memory(tmp_path, peak_memory, compression):
    """800 MB of pixels; a process that only imports takes the rest."""
    size = 20_000
    ramp = np.add.outer(np.arange(992), np.arange(992)).astype(np.uint16)
    count = (-(-size // 992)) ** 2
    tifffile.imwrite(
        tmp_path / "a.btf",
        (ramp + at for at in range(count)),
        shape=(size, size),
        dtype=np.uint16,
        tile=(992, 992),
        bigtiff=True,
        compression=compression,
    )
    alone, _ = peak_memory("-c", _MEASURE)
    peak, said = peak_memory("-c", _MEASURE, tmp_path / "a.btf")
    assert peak - alone < 330e6, (peak, alone)
    assert float(said.split()[0]) > 900
