import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from emseg.synthesis.discs import in_frame, paint, window
from emseg.synthesis.fields import blobs, illumination, random_field, ring
from emseg.synthesis.information_bar import information_bar, scale_bar_nm
from emseg.synthesis.sample import KnownObject

NAMES = ("nothing", "disc")
PLACES = st.floats(-12, 40, allow_nan=False)


@given(y=PLACES, x=PLACES, diameter=st.floats(0.5, 30), pixel=st.floats(0.3, 2))
def test_a_disc_holds_the_pixels_whose_centres_it_covers(y, x, diameter, pixel):
    size = (23, 17)
    rows, columns = np.indices(size)
    brute = np.hypot(rows - y, columns - x) <= diameter / 2 / pixel
    disc = KnownObject("disc", y, x, diameter)
    assert np.array_equal(paint([disc], NAMES, size, pixel), brute)
    assert in_frame([disc], size, pixel) == ((disc,) if brute.any() else ())


def test_a_disc_drawn_out_by_hand():
    disc = KnownObject("disc", 2.0, 1.0, 3.0)
    assert paint([disc], NAMES, (5, 5), 1.0).tolist() == [
        [0, 0, 0, 0, 0],
        [1, 1, 1, 0, 0],
        [1, 1, 1, 0, 0],
        [1, 1, 1, 0, 0],
        [0, 0, 0, 0, 0],
    ]


@given(y=PLACES, x=PLACES, reach=st.floats(0.1, 20))
def test_a_window_holds_every_pixel_within_reach(y, x, reach):
    size = (23, 17)
    seen = np.zeros(size, bool)
    box, distance = window(size, y, x, reach)
    assert distance.shape == seen[box].shape
    seen[box] = True
    rows, columns = np.indices(size)
    assert np.all(seen[np.hypot(rows - y, columns - x) < reach])


def test_a_field_with_one_period_has_it_in_both_directions_of_anisotropic_pixels():
    spacing = (20.0, 10.0)
    field = random_field(np.random.default_rng(0), (256, 512), spacing, ring(400.0, 0.1))
    power = np.abs(np.fft.fft2(field)) ** 2
    ky, kx = np.fft.fftfreq(256, 20.0), np.fft.fftfreq(512, 10.0)
    k = np.hypot(ky[:, None], kx[None, :])
    assert np.sum(power * k) / power.sum() == pytest.approx(1 / 400, rel=0.02)
    assert field.mean() == pytest.approx(0, abs=1e-9)
    assert field.std() == pytest.approx(1)


def test_blobs_are_smooth_over_their_length():
    field = random_field(np.random.default_rng(0), (128, 128), (1.0, 1.0), blobs(20.0))
    neighbours = np.corrcoef(field[:, :-1].ravel(), field[:, 1:].ravel())[0, 1]
    apart = np.corrcoef(field[:, :-40].ravel(), field[:, 40:].ravel())[0, 1]
    assert neighbours > 0.98
    assert abs(apart) < 0.3


def test_illumination_is_uneven_but_keeps_the_dose():
    field = illumination(np.random.default_rng(0), (100, 150), 1.0)
    assert field.mean() == pytest.approx(1, abs=0.01)
    assert 0.3 < field.min() < 0.75 < 1.25 < field.max() < 1.7


@given(st.floats(1e-3, 1e7))
def test_a_scale_bar_is_a_round_length_that_fits(most):
    length = scale_bar_nm(most)
    assert most / 2.5 <= length * (1 + 1e-9)
    assert length <= most
    assert float(f"{length:.0e}"[0]) in {1, 2, 5}


def test_the_scale_bar_of_the_information_bar_has_the_length_that_it_says():
    bar = information_bar((32, 384), 10.0) > 200
    labels, _ = ndimage.label(bar[2:])  # below the line that closes the image
    widths = [box[1].stop - box[1].start for box in ndimage.find_objects(labels)]
    assert max(widths) * 10.0 == 500.0  # the longest round length within 22 % of 3840 nm


@pytest.mark.parametrize("width", [16, 40, 90, 200, 2000])
def test_an_information_bar_of_any_width_fits(width):
    assert information_bar((32, width), 3.7).shape == (32, width)
