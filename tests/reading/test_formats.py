"""Names of files: what is the suffix, and what outputs are named after."""

import re
from pathlib import Path

import pytest

from emseg.errors import UnreadableFileError
from emseg.reading.formats import format_of, stem


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


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("a.lif", "open it in Fiji"),
        ("a.csv", "name images, or a folder of images"),
        ("a.tfi", "did you mean '.tif'?"),
    ],
)
def test_what_is_not_read_gets_the_right_word_or_a_near_one(name, words):
    with pytest.raises(UnreadableFileError, match=re.escape(words)):
        format_of(Path(name))
