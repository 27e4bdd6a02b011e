"""The picture of a size distribution."""

import numpy as np
import pytest
from PIL import Image

from emseg.measuring import size_distribution
from emseg.reporting import sizes
from emseg.reporting.sizes import write_sizes


@pytest.fixture
def drawn(monkeypatch, tmp_path):
    """Draw and hand over the axes: ``drawn(diameters, weights, unit="nm")``."""
    figures = []
    monkeypatch.setattr(sizes, "write_figure", lambda path, figure: figures.append(figure))

    def draw(diameters, weights=None, unit="nm", total=None):
        diameters = np.asarray(diameters, float)
        found = size_distribution(diameters, weights)
        write_sizes(
            tmp_path / "s.png",
            "pore",
            diameters,
            found,
            weights=weights,
            unit=unit,
            colour=(0, 51, 255),
            found=total,
        )
        return figures[-1].axes[0]

    return draw


def lognormal(count, median=9.0, spread=1.4):
    """Quantiles of a log-normal distribution, evenly spread."""
    from scipy.stats import norm

    return median * spread ** norm.ppf((np.arange(count) + 0.5) / count)


def test_bars_are_shares_of_the_number_and_the_curve_fits_them(drawn):
    axes = drawn(lognormal(2000))
    heights = [bar.get_height() for bar in axes.patches]
    assert sum(heights) == pytest.approx(100)
    places, curve = axes.lines[0].get_data()
    for bar in axes.patches:
        middle = bar.get_x() + bar.get_width() / 2
        assert bar.get_height() == pytest.approx(np.interp(middle, places, curve), abs=1)


def test_weights_count_in_the_bars(drawn):
    axes = drawn([1.0, 1.0, 2.0], np.array([1.0, 1.0, 2.0]))
    heights = [bar.get_height() for bar in axes.patches]
    assert (heights[0], heights[-1]) == pytest.approx((50, 50))


def test_lines_are_at_the_percentiles_and_the_title_says_them(drawn):
    axes = drawn(np.arange(1.0, 201.0))
    assert [line.get_xdata()[0] for line in axes.lines[1:]] == [20.0, 100.0, 180.0]
    assert axes.get_title(loc="left") == "pore: 200 objects\nd10 20, d50 100, d90 180 nm"
    assert axes.get_xlabel() == "equivalent circular diameter (nm)"
    assert axes.get_xscale() == "linear"


def test_micrometres_and_a_logarithmic_axis_where_numbers_ask_for_them(drawn):
    axes = drawn(lognormal(500, median=5000, spread=3.5))
    assert axes.get_xlabel() == "equivalent circular diameter (µm)"
    assert axes.get_xscale() == "log"
    assert sum(bar.get_height() for bar in axes.patches) == pytest.approx(100)
    assert axes.lines[2].get_xdata()[0] == pytest.approx(5, rel=0.02)  # after the curve and d10
    assert drawn(lognormal(50, median=5000), unit="px").get_xlabel().endswith("(px)")


@pytest.mark.parametrize("diameters", [[7.0], [5.0] * 40, [3.0, 3.0 + 1e-12]])
def test_objects_of_one_size_are_one_bar_without_a_curve(drawn, diameters):
    axes = drawn(diameters)
    assert [round(bar.get_height()) for bar in axes.patches].count(100) == 1
    assert len(axes.lines) == 3
    assert "(few)" in axes.get_title(loc="left")


def test_a_name_is_no_mathematics(tmp_path):
    found = size_distribution(lognormal(30))
    write_sizes(tmp_path / "s.png", "$x_", lognormal(30), found, unit="nm", colour=(0, 0, 0))
    with Image.open(tmp_path / "s.png") as picture:
        assert picture.width > 600


def test_bars_have_the_colour_of_their_class_and_the_title_says_what_is_left_out(drawn):
    axes = drawn(np.arange(1.0, 402.0), total=418)
    assert {bar.get_facecolor() for bar in axes.patches} == {(0, 0.2, 1, 1)}
    assert axes.get_title(loc="left").startswith("pore: 401 of 418 objects\n")
