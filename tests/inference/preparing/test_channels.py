"""Channels of a micrograph, brought to those that a model reads."""

from dataclasses import replace
from unittest import mock

import numpy as np
import pytest
from PIL import Image

from emseg.errors import MismatchError
from emseg.inference.preparing.channels import fit_channels, with_common_channels
from emseg.micrograph import Micrograph
from emseg.pixels import LazyPixels, ReadPixels
from emseg.reading import open_stack

RANDOM = np.random.default_rng(3)
GREY = RANDOM.integers(0, 256, (40, 50), dtype=np.uint8)


def read(path, pixels, **how):
    Image.fromarray(pixels).save(path, **how)
    return open_stack(path)[0]


@pytest.fixture
def grey(tmp_path):
    return read(tmp_path / "grey.png", GREY)


@pytest.fixture
def in_colour(tmp_path):
    return read(tmp_path / "in_colour.png", np.stack([GREY] * 3, axis=-1))


@pytest.fixture
def marked(tmp_path):
    pixels = np.stack([GREY] * 3, axis=-1)
    pixels[-4:, -20:] = (255, 255, 0)  # 4 % of the picture
    return read(tmp_path / "marked.png", pixels)


@pytest.fixture
def colour(tmp_path):
    return read(tmp_path / "colour.png", RANDOM.integers(0, 256, (40, 50, 3), dtype=np.uint8))


def test_grey_with_a_coloured_scale_bar_is_grey_of_the_same_type(marked, caplog):
    fitted = fit_channels(marked, 1)
    assert fitted.pixels.dtype == np.uint8
    np.testing.assert_array_equal(fitted.pixels[0, :-4], GREY[:-4])
    assert set(fitted.pixels[0, -4:, -20:].ravel()) == {226}  # 0.299 * 255 + 0.587 * 255
    assert "with 4 % of its pixels coloured; it is read as grey" in caplog.text
    assert "--channels 0,1,2" in caplog.text


def test_grey_in_colour_has_as_many_channels_as_its_file(in_colour, grey):
    np.testing.assert_array_equal(fit_channels(in_colour, 3).pixels, [GREY] * 3)
    np.testing.assert_array_equal(fit_channels(in_colour, 1).pixels, [GREY])
    with pytest.raises(
        MismatchError, match=r"1 channel\(s\) and the model reads 3; --channels 0,0"
    ):
        fit_channels(grey, 3)


def test_a_jpeg_of_grey_in_colour_is_grey(tmp_path):
    y, x = np.mgrid[:128, :128]
    pixels = np.repeat(((np.sin(x / 5) + np.cos(y / 7)) * 60 + 120)[..., None], 3, axis=2)
    pixels[112:116, 16:48] = (255, 0, 0)
    jpeg = read(tmp_path / "a.jpg", pixels.astype(np.uint8), quality=75)
    assert jpeg.pixels.shape[0] == 3
    assert fit_channels(jpeg, 1).pixels.dtype == np.uint8


def test_a_colour_picture_keeps_the_precision_of_its_luminance(colour, caplog):
    weighed = np.tensordot([0.299, 0.587, 0.114], colour.pixels, 1)
    np.testing.assert_allclose(fit_channels(colour, 1).pixels[0], weighed, rtol=1e-6)
    assert "colour.png is a colour picture; its luminance is used" in caplog.text


def test_a_training_reads_grey_in_any_dress_as_one_channel(grey, in_colour, marked):
    for micrographs in ([grey, marked], [in_colour, marked], [marked, marked], [grey, in_colour]):
        assert [len(each.pixels) for each in with_common_channels(micrographs)] == [1, 1]


def test_a_training_on_colours_reads_grey_in_colour_as_its_file_stores_it(
    colour, in_colour, marked
):
    fitted = with_common_channels([in_colour, colour, marked])
    assert [each.channels for each in fitted] == [("red", "green", "blue")] * 3
    np.testing.assert_array_equal(fitted[0].pixels, [GREY] * 3)


def test_grey_beside_colour_is_refused_with_the_way_out(grey, colour, marked):
    with pytest.raises(
        MismatchError,
        match=r"colour\.png is a colour picture and .*grey\.png is grey; .*--channels 0 reads one",
    ):
        with_common_channels([marked, grey, colour])


def test_channels_that_are_no_colours_must_be_as_many():
    two, three = (Micrograph(np.zeros((n, 4, 4)), f"m{n}") for n in (2, 3))
    with pytest.raises(MismatchError, match=r"m3 has 3 channel\(s\) and m2 has 2; .*--channels"):
        with_common_channels([two, three])


@pytest.mark.parametrize("kind", ["grey", "in_colour", "marked", "colour"])
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
@pytest.mark.parametrize("channels", [1, 3])
def test_what_is_read_by_rows_is_fitted_by_rows(kind, dtype, channels, request):
    whole = request.getfixturevalue(kind)
    array = whole.array.astype(dtype) * (3 if dtype != "uint8" else 1)
    lazy = ReadPixels(lambda top, bottom: array[:, top:bottom], array.shape, array.dtype)
    try:
        expected = fit_channels(replace(whole, pixels=array), channels)
    except MismatchError:
        return
    with mock.patch("emseg.pixels._BAND", 500):
        found = fit_channels(replace(whole, pixels=lazy), channels)
        assert isinstance(found.pixels, LazyPixels)
        assert found.pixels.dtype == expected.pixels.dtype
        assert found.channels == expected.channels
        np.testing.assert_array_equal(found.array, expected.array)
