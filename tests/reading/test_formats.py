"""Names of files: what is the suffix, and what outputs are named after."""

from pathlib import Path

import pytest

from emseg.reading.formats import stem


@pytest.mark.parametrize(
    ("name", "bare"),
    [
        ("a.tif", "a"),
        ("a.ome.tif", "a"),
        ("A.OME.TIFF", "A"),
        ("a.mrc.gz", "a"),
        ("tilt.st.gz", "tilt"),
        ("7.5 nm.dm4", "7.5 nm"),
        ("scan.mrc.tif", "scan.mrc"),
        ("a.b.c", "a.b"),
    ],
)
def test_outputs_are_named_after_files_without_their_suffix(name, bare):
    assert stem(Path(name)) == bare
