"""Images that follow the HDF5 Image and Palette Specification."""

import h5py
import numpy as np
import pytest

from emseg.reading import AS_STORED, ReadOptions, open_stack

RANDOM = np.random.default_rng(4)
VALUES = RANDOM.integers(0, 4, (20, 30), dtype=np.uint8)


@pytest.mark.parametrize("kind", [str, np.bytes_])
@pytest.mark.parametrize("options", [ReadOptions(), AS_STORED], ids=["micrograph", "mask"])
def test_white_as_zero_is_read_with_black_as_zero(tmp_path, caplog, kind, options):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        image = file.create_dataset("image", data=255 - VALUES)
        image.attrs["CLASS"], image.attrs["IMAGE_WHITE_IS_ZERO"] = kind("IMAGE"), np.uint8(1)
    np.testing.assert_array_equal(open_stack(tmp_path / "a.h5", options)[0].pixels[0], VALUES)
    assert "a.h5 is stored with white as 0" in caplog.text


def test_an_indexed_image_has_its_greys_and_a_mask_its_indices(tmp_path):
    table = np.repeat(np.array([[9], [200], [30], [77]], np.uint8), 3, axis=1)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        image = file.create_dataset("image", data=VALUES)
        image.attrs["CLASS"], image.attrs["IMAGE_SUBCLASS"] = "IMAGE", "IMAGE_INDEXED"
        image.attrs["PALETTE"] = np.array(
            [file.create_dataset("p", data=table).ref], object
        ).astype(h5py.ref_dtype)
    place = tmp_path / "a.h5:/image"
    np.testing.assert_array_equal(open_stack(place)[0].pixels[0], table[VALUES, 0])
    mask = open_stack(place, AS_STORED)[0]
    np.testing.assert_array_equal(mask.pixels[0], VALUES)
    np.testing.assert_array_equal(mask.palette, table)
