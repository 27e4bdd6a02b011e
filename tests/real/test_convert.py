"""Real files of several microscopes keep values and calibration in every format."""

import numpy as np
import pytest

from emseg.reading import ReadOptions, open_stack
from emseg.writing.conversion import convert_file

pytestmark = pytest.mark.real

FILES = (
    "tif/test_tiff_Zeiss_SEM_512pix.tif",
    "tif/olympus_SIS.tif",
    "tif/FEI-Helios-Ebeam-16bits.tif",
    "dm/test_stackbuilder_imagestack.dm3",
)


@pytest.mark.parametrize("suffix", ["ome.tif", "ome.zarr", "hspy"])
@pytest.mark.parametrize("name", FILES)
def test_a_microscopes_file_is_the_same_in_another_format(real_data, tmp_path, name, suffix):
    path, options = real_data("microscope_files") / name, ReadOptions(keep_bar=True)
    written = tmp_path / f"a.{suffix}"
    count = convert_file(path, written, options)
    before, after = open_stack(path, options), open_stack(written, options)
    assert len(before) == len(after) == count
    assert after.pixel_size == before.pixel_size
    assert after.channels == before.channels
    for one, other in zip(before, after, strict=True):
        assert one.pixels.dtype == other.pixels.dtype
        np.testing.assert_array_equal(one.pixels, other.pixels)
