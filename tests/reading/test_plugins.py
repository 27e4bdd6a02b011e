"""Readers of RosettaSciIO are imported without what they do not need, and nobody else notices."""

import bz2
import subprocess
import sys

import pytest

from emseg.errors import UnreadableFileError
from emseg.reading import look_into

_SEEN = """
import sys
from emseg.reading.microscopes.plugins import file_reader
file_reader("mrc"); file_reader("tvips")
print(*[name for name in ("dask.array", "scipy.sparse", "sparse", "numba") if name in sys.modules])
import scipy.sparse
print(scipy.sparse.eye_array(2).sum())
"""


def test_slow_packages_stay_out_and_can_be_imported_afterwards():
    said = subprocess.run([sys.executable, "-c", _SEEN], capture_output=True, text=True, check=True)
    assert said.stdout.split() == ["dask.array", "2.0"]


def test_an_elid_that_is_cut_short_is_refused(tmp_path):
    """The reader of RosettaSciIO waits for the rest for ever."""
    packed = bz2.compress(b"EID2\x04\x00\x00\x00\x05\x00\x00\x00" + bytes(range(256)) * 400)
    for name, content in {"cut.elid": packed[:-40], "short.elid": bz2.compress(b"EID2")}.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(UnreadableFileError):
            look_into(tmp_path / name)
