"""Masks that are painted in colour on transparency, or in transparency alone."""

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image

from emseg.reading import AS_STORED, open_stack

RANDOM = np.random.default_rng(2)
MARKED = np.where(RANDOM.random((20, 30)) > 0.6, 255, 0).astype(np.uint8)


def layered(colour, alpha):
    """One colour below an alpha channel, shape (Y, X, S)."""
    below = np.full((*alpha.shape, len(colour)), colour, alpha.dtype)
    return np.concatenate([below, alpha[..., None]], axis=-1)


def written(path, pixels):
    if path.suffix == ".tif":
        kind = "rgb" if pixels.shape[-1] > 2 else "minisblack"
        tifffile.imwrite(path, pixels, photometric=kind, extrasamples=["unassalpha"])
    elif pixels.dtype == np.uint16:
        path.write_bytes(imagecodecs.png_encode(pixels))
    else:
        more = {"lossless": True, "exact": True} if path.suffix == ".webp" else {}
        Image.fromarray(pixels).save(path, **more)
    return path


@pytest.mark.parametrize("colour", [(255,), (0,), (255, 255, 255), (30, 10, 200)])
@pytest.mark.parametrize("name", ["m.png", "m.tif", "m.webp"])
def test_labels_in_alpha_alone_are_the_mask(tmp_path, caplog, name, colour):
    path = written(tmp_path / name, layered(colour, MARKED))
    np.testing.assert_array_equal(open_stack(path, AS_STORED)[0].pixels, MARKED[None])
    assert f"{name} has one colour throughout and its labels in the transparency" in caplog.text
    micrograph = open_stack(path)[0].pixels
    np.testing.assert_array_equal(
        micrograph[:, 0, 0], colour if len(set(colour)) > 1 else colour[:1]
    )


def test_sixteen_bits_of_alpha_are_a_mask_as_well(tmp_path):
    alpha = MARKED.astype(np.uint16) * 257
    for colour in ((65535,), (9, 9, 9)):
        path = written(tmp_path / "m.png", layered(colour, alpha))
        np.testing.assert_array_equal(open_stack(path, AS_STORED)[0].pixels, alpha[None])


def test_a_mask_that_is_transparent_throughout_marks_nothing(tmp_path):
    path = written(tmp_path / "m.png", layered((255, 255, 255), np.zeros_like(MARKED)))
    assert not open_stack(path, AS_STORED)[0].pixels.any()


def test_an_opaque_mask_is_its_colours(tmp_path, caplog):
    opaque = np.full_like(MARKED, 255)
    grey = written(tmp_path / "g.png", np.stack([MARKED, opaque], axis=-1))
    red = written(tmp_path / "r.png", np.stack([MARKED, 0 * MARKED, 0 * MARKED, opaque], axis=-1))
    even = written(tmp_path / "e.png", layered((7, 7, 7), opaque))
    np.testing.assert_array_equal(open_stack(grey, AS_STORED)[0].pixels, MARKED[None])
    np.testing.assert_array_equal(open_stack(red, AS_STORED)[0].pixels[0], MARKED)
    assert set(open_stack(even, AS_STORED)[0].pixels.ravel()) == {7}
    assert not caplog.records


def test_labels_painted_on_nothing_are_read_without_a_word(tmp_path, caplog):
    painted = np.stack([MARKED, 0 * MARKED, 0 * MARKED, MARKED], axis=-1)
    path = written(tmp_path / "m.png", painted)
    np.testing.assert_array_equal(open_stack(path, AS_STORED)[0].pixels[0], MARKED)
    assert not caplog.records


@pytest.mark.parametrize("name", ["m.png", "m.tif"])
def test_colours_that_transparency_hides_are_told(tmp_path, caplog, name):
    alpha = np.full_like(MARKED, 255)
    alpha[:5] = 0
    hidden = np.stack([MARKED, 0 * MARKED, 0 * MARKED, alpha], axis=-1)
    path = written(tmp_path / name, hidden)
    np.testing.assert_array_equal(open_stack(path, AS_STORED)[0].pixels[0], MARKED)
    assert f"{name} hides 25 % of its pixels by transparency (alpha)" in caplog.text
