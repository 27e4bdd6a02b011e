"""``emseg info`` tells real files as the other commands read them."""

import gc
import json

import numpy as np
import pytest
from PIL import Image

from emseg.cli import main
from emseg.errors import EmsegError
from emseg.reading import find_files, open_stack

pytestmark = pytest.mark.real


@pytest.fixture
def microscope_files(real_data):
    yield real_data("microscope_files")
    gc.collect()  # RosettaSciIO leaves files open that it fails on


# the fixture above says why
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_each_entry_says_what_opening_the_file_gives(microscope_files, capsys):
    with pytest.raises(SystemExit) as left:
        main(["info", "--json", str(microscope_files / "**" / "*")])
    assert left.value.code == 3
    entries = json.loads(capsys.readouterr().out)
    paths = find_files([microscope_files / "**" / "*"])
    assert [entry["file"] for entry in entries] == [str(path) for path in paths]
    for path, entry in zip(paths, entries, strict=True):
        taken = [each for each in entry["signals"] if each["is_taken"]]
        try:
            stack = open_stack(path)
        except EmsegError:
            stack = None
        assert bool(taken) == bool(stack), path
        if stack is None:
            continue
        (signal,) = taken
        size = stack.pixel_size
        assert entry["error"] is None
        assert signal["pixel_size_nm"] == (size and [size.y_nm, size.x_nm]), path
        assert signal["pixel_size_source"] == (size and size.source), path
        assert sorted(stack.size) == sorted(
            n for n, axis in zip(signal["shape"], signal["axes"], strict=True) if axis in "yx"
        ), path


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_thumbnail_shows_the_micrograph(microscope_files, tmp_path):
    path = microscope_files / "dm" / "JEOL HAADF Image.dm4"
    with pytest.raises(SystemExit) as left:
        main(["info", str(path), "--thumbnails", str(tmp_path)])
    assert not left.value.code
    with Image.open(tmp_path / "JEOL HAADF Image.png") as picture:
        shown = np.asarray(picture.convert("L").resize((112, 112))).astype(float)
    pixels = open_stack(path)[0].pixels[0]
    above = slice(0, 80)  # the scale bar lies below
    assert np.corrcoef(shown[above].ravel(), pixels[above].ravel())[0, 1] > 0.95
