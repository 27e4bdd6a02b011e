"""Damaged heaps of HDF5, which its library never gets past, are refused before it sees them."""

import h5py
import numpy as np
import pytest

from emseg.errors import UnreadableFileError
from emseg.reading import open_stack


@pytest.mark.parametrize("suffix", ["h5", "emd", "hspy", "nxs"])
def test_free_space_of_no_length_is_refused(tmp_path, suffix):
    path = tmp_path / f"a.{suffix}"
    with h5py.File(path, "w") as file:
        file["image"] = np.ones((20, 30), np.uint8)
        file["image"].attrs["note"] = "text of any length"
    stored = bytearray(path.read_bytes())
    start = stored.index(b"GCOL")
    free = start + 16 + 16 + 24  # behind the header and the text, padded to 8 bytes
    assert stored[free : free + 8] == bytes(8)
    assert int.from_bytes(stored[free + 8 : free + 16], "little") > 0
    stored[free + 8 : free + 16] = bytes(8)
    path.write_bytes(stored)
    with pytest.raises(UnreadableFileError, match=r"is damaged: the heap at byte [\d,]+ has free"):
        open_stack(path)
