"""Recordings in several parts."""

import numpy as np
import pytest
from rsciio.tvips import file_writer

from emseg.reading import find_files, look_into, open_stack


@pytest.fixture
def recording(tmp_path):
    """Six frames of 16 x 16 in several parts."""
    axes = [
        {"name": name, "size": size, "scale": 1.0, "offset": 0.0, "units": "nm", "navigate": nav,
         "index_in_array": at}
        for at, (name, size, nav) in enumerate((("t", 6, True), ("y", 16, False), ("x", 16, False)))
    ]  # fmt: skip
    data = np.arange(6, dtype=np.uint16)[:, None, None] * np.ones((16, 16), np.uint16)
    signal = {"data": data, "axes": axes, "metadata": {}, "original_metadata": {},
              "attributes": {"_lazy": False}}  # fmt: skip
    file_writer(str(tmp_path / "r_000.tvips"), signal, max_file_size=1400, mode=1)
    assert len(list(tmp_path.iterdir())) > 2
    return tmp_path


def means(path):
    return [float(each.pixels.mean()) for each in open_stack(path)]


@pytest.mark.parametrize("named", ["", "r_001.tvips", "*.tvips"])
def test_the_parts_of_a_recording_are_one_stack(recording, named):
    assert find_files([recording / named]) == [recording / "r_000.tvips"]
    assert means(recording / "r_000.tvips") == [0, 1, 2, 3, 4, 5]


def test_a_missing_part_is_named(recording):
    (recording / "r_001.tvips").unlink()
    assert means(recording / "r_000.tvips") == [0, 1]
    assert "up to r_001.tvips, which is missing" in look_into(recording / "r_000.tvips").notices[0]
