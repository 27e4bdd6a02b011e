"""Windows of energies become bins, and bins become sums."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from emseg.calibration import Axis
from emseg.errors import ContentError
from emseg.reading.signals.spectra import Spectra, energy_axis, spectra_of, sum_dtype, sum_windows

KEV = Axis("Energy", 2048, 0.01, -0.47, "keV")


def spectra(axis=KEV, shape=(2, 3), metadata=None):
    data = np.zeros((*shape, axis.size), np.uint16)
    return spectra_of(data, axis, 2, metadata or {})


@pytest.mark.parametrize(
    ("low", "high", "bins"),
    [
        (-0.47, 20.01, (0, 2048)),  # the whole axis
        (0.0, 0.01, (47, 48)),
        (0.004, 0.014, (47, 48)),  # within half a bin of an energy is that bin
        (0.006, 0.016, (48, 49)),
        (1.65, 1.85, (212, 232)),
    ],
)
def test_the_bin_of_the_lower_end_is_counted_and_that_of_the_upper_end_is_not(low, high, bins):
    assert spectra().bins(low, high, "it") == bins


def test_touching_windows_share_no_bin_and_leave_none_out():
    edges = np.linspace(-0.47, 20.01, 38)
    found = [spectra().bins(a, b, "it") for a, b in pairwise(edges)]
    assert [a for a, _ in found] == [0, *(b for _, b in found[:-1])]
    assert found[-1][1] == 2048


@pytest.mark.parametrize("window", [(-0.6, 1), (19, 20.5), (500, 560)])
def test_a_window_beyond_the_axis_is_refused_with_its_range(window):
    with pytest.raises(ContentError, match=r"it is not within the axis, -0.47-20.01keV"):
        spectra().bins(*window, "it")


def test_a_window_narrower_than_a_bin_is_refused():
    with pytest.raises(ContentError, match=r"narrower than a bin of 0.01 keV"):
        spectra().bins(1.0, 1.001, "it")


@given(size=st.integers(2, 5000), count=st.integers(1, 300))
def test_equal_parts_cover_the_axis_and_differ_by_one_bin(size, count):
    axis = Axis("e", size, 1.0, 0.0, "eV")
    there = Spectra(axis, (2, 2), 1, np.dtype(np.uint32), lambda *_: np.zeros(0))
    if count > size:
        with pytest.raises(ContentError, match="take fewer"):
            there.equal_parts(count)
        return
    parts = there.equal_parts(count)
    assert [a for a, _ in parts] == [0, *(b for _, b in parts[:-1])]
    assert parts[-1][1] == size
    assert {b - a for a, b in parts} <= {size // count, size // count + 1}
    for part in parts:  # what a part is called is a window that means it
        low, high = (float(each) for each in there.name(part).removesuffix("eV").split("-"))
        assert there.bins(low, high, "it") == part


def test_a_resolution_is_read_where_the_file_says_it():
    said = {
        "Acquisition_instrument": {"SEM": {"Detector": {"EDS": {"energy_resolution_MnKa": 126}}}}
    }
    assert spectra(metadata=said).resolution_ev == 126
    assert spectra().resolution_ev is None


@pytest.mark.parametrize(
    ("stored", "expected"),
    [
        (bool, np.uint32),
        (np.uint8, np.uint32),
        (">u2", np.uint32),
        (np.uint32, np.uint64),
        (np.int16, np.int64),
        (np.float32, np.float64),
    ],
)
def test_sums_have_a_type_that_cannot_overflow(stored, expected):
    assert sum_dtype(np.dtype(stored), 4096) == expected


@given(
    arrays(np.uint16, array_shapes(min_dims=3, max_dims=3, min_side=2, max_side=7)),
    st.integers(0, 2),
    st.data(),
)
def test_sums_are_those_of_the_counts_wherever_the_energies_stand(cube, energy, data):
    size = cube.shape[energy]
    first = data.draw(st.integers(0, size - 1))
    windows = [(first, data.draw(st.integers(first + 1, size))), (0, size)]
    moved = np.moveaxis(cube, energy, 0).astype(np.uint64)
    found = sum_windows(cube, energy, windows)
    for (start, stop), each in zip(windows, found, strict=True):
        np.testing.assert_array_equal(each, moved[start:stop].sum(0))


def test_a_lazy_map_is_read_block_by_block_and_each_block_once():
    import dask.array

    read = []

    def block(block_info):
        (where,) = (info["array-location"] for info in block_info.values())
        read.append(where)
        shape = [stop - start for start, stop in where]
        return np.ones(shape, np.uint8)

    cube = dask.array.map_blocks(
        lambda block_info=None: block(block_info),
        chunks=((4,) * 8, (5,), (512,) * 4),
        dtype=np.uint8,
        meta=np.empty((0, 0, 0), np.uint8),
    )
    sums = sum_windows(cube, 2, [(0, 512), (100, 2048)])
    assert sums.shape == (2, 32, 5)
    assert (sums[0] == 512).all()
    assert (sums[1] == 1948).all()
    assert len(read) == 8 * 4


@pytest.mark.parametrize(
    ("axes", "expected"),
    [
        ([("y", True, "µm"), ("x", True, "µm"), ("Energy", False, "keV")], 2),
        ([("E", True, "eV"), ("y", False, "nm"), ("x", False, "nm")], 0),  # energy-filtered images
        ([("y", True, "nm"), ("x", True, "nm"), ("wavelength", False, "nm")], 2),
        ([("z", True, "nm"), ("y", False, "nm"), ("x", False, "nm")], None),
        ([("i", True, ""), ("Energy", False, "eV")], None),  # a line of spectra
        ([("y", True, ""), ("x", True, ""), ("ky", False, ""), ("kx", False, "")], None),
    ],
)
def test_the_axis_of_the_energies_is_found(axes, expected):
    said = [{"name": name, "navigate": nav, "units": units} for name, nav, units in axes]
    assert energy_axis(said) == expected
