import numpy as np
import pytest

from emseg.synthesis.imaging import bright_field, camera, digitise, electrons

FLAT = np.zeros((64, 64))


def test_no_specimen_leaves_the_beam_as_it_is():
    np.testing.assert_allclose(bright_field(FLAT, FLAT, 0.5, 700.0), 1.0, rtol=1e-12)


def test_mass_thickness_attenuates_exponentially_and_an_even_phase_is_invisible():
    image = bright_field(FLAT + 30.0, FLAT + 0.7, 0.5, 700.0)
    np.testing.assert_allclose(image, np.exp(-0.7), rtol=1e-12)


@pytest.mark.parametrize("defocus_nm", [-300.0, 0.0, 250.0, 700.0])
@pytest.mark.parametrize("period_nm", [2.0, 4.0, 8.0])
def test_a_weak_phase_grating_gets_the_contrast_of_the_textbook(period_nm, defocus_nm):
    strength = 1e-4  # rad
    x = np.arange(64) * 0.5
    potential = FLAT + strength / 0.00729 * np.cos(2 * np.pi * x / period_nm)
    image = bright_field(potential, FLAT, 0.5, defocus_nm)
    wavelength, cs, k = 0.002508, 1.2e6, 1 / period_nm
    chi = np.pi * (0.5 * cs * wavelength**3 * k**4 - wavelength * defocus_nm * k**2)
    q = 1e-4 / wavelength  # spatial frequency of the illumination's half angle
    damping = np.exp(
        -((np.pi * q) ** 2)
        * (cs * wavelength**3 * k**3 - defocus_nm * wavelength * k) ** 2
        / np.log(2)
    )
    expected = 1 + 2 * strength * np.sin(chi) * damping * np.cos(2 * np.pi * x / period_nm)
    np.testing.assert_allclose(image[0], expected, atol=5 * strength**2)


def test_electrons_are_whole_and_their_variance_is_their_mean():
    counts = electrons(np.random.default_rng(0), np.full((400, 400), 30.0))
    assert np.array_equal(counts, np.rint(counts))
    assert counts.mean() == pytest.approx(30, abs=0.1)
    assert counts.var() == pytest.approx(30, rel=0.02)


def test_the_last_bit_of_an_expectation_does_not_change_the_electrons():
    expected = np.random.default_rng(1).uniform(5, 60, (50, 50))
    first = electrons(np.random.default_rng(2), expected)
    again = electrons(np.random.default_rng(2), expected * (1 + 1e-15))
    assert np.array_equal(first, again)


def test_a_camera_spreads_light_and_keeps_its_sum():
    expected = np.zeros((41, 41))
    expected[20, 20] = 1e6
    signal = camera(np.random.default_rng(0), expected, blur_px=1.0, readout=0.0)
    assert signal.sum() == pytest.approx(1e6, rel=0.01)
    assert signal[20, 20] / signal.sum() == pytest.approx(1 / (2 * np.pi), rel=0.03)


def test_grey_levels_are_rounded_and_clipped_not_wrapped():
    signal = np.array([[-3.0, 0.4, 0.6, 254.6, 300.0]])
    assert digitise(signal, np.uint8).tolist() == [[0, 0, 1, 255, 255]]
    assert digitise(signal, np.uint16).tolist() == [[0, 0, 1, 255, 300]]
