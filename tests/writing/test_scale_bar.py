"""A scale bar is as long as it says."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emseg.calibration import nm_per_unit
from emseg.writing import scale_bar


@pytest.mark.parametrize(
    ("pixel_size_nm", "width", "length", "label"),
    [
        (1.0, 1000, 200, "200 nm"),
        (2.0, 1000, 250, "500 nm"),
        (1.92, 512, 200 / 1.92, "200 nm"),
        (10.0, 1000, 200, "2 µm"),
        (0.02, 100, 25, "0.5 nm"),
        (0.001, 200, 50, "50 pm"),
        (4.0, 1000, 250, "1 µm"),
        (25_000.0, 400, 80, "2 mm"),
    ],
)
def test_lengths_a_microscopist_would_choose(
    pixel_size_nm: float, width: float, length: float, label: str
) -> None:
    found, said = scale_bar(pixel_size_nm, width)
    assert said == label
    assert found == pytest.approx(length)


@given(st.floats(1e-4, 1e6), st.integers(1, 10_000))
def test_the_label_is_the_length(pixel_size_nm: float, width: int) -> None:
    length, label = scale_bar(pixel_size_nm, width)
    number, unit = label.split()
    factor = nm_per_unit(unit)
    assert factor is not None
    assert float(number) * factor == pytest.approx(length * pixel_size_nm)
    assert 0.1 * width * (1 - 1e-6) <= length <= 0.25 * width * (1 + 1e-6)
    mantissa = float(number) / 10 ** math.floor(math.log10(float(number)) + 1e-9)
    assert round(mantissa, 6) in {1, 2, 5}


@pytest.mark.parametrize("pixel_size_nm", [0.0, -1.0, math.nan, math.inf])
def test_no_bar_without_a_size(pixel_size_nm: float) -> None:
    with pytest.raises(ValueError, match="no scale bar"):
        scale_bar(pixel_size_nm, 100)
