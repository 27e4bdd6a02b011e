"""Which planes are compared."""

import numpy as np
import pytest
import tifffile

from emseg.errors import MismatchError
from emseg.evaluation.matching import match_masks
from emseg.reading import list_planes


@pytest.fixture
def stack(tmp_path):
    """A stack of three planes, and a folder of files that hold one each."""
    planes = np.zeros((3, 8, 9), np.uint8)
    tifffile.imwrite(tmp_path / "cells.tif", planes, photometric="minisblack")
    (tmp_path / "masks").mkdir()
    for number in (2, 10, 1):
        tifffile.imwrite(tmp_path / "masks" / f"z{number}.tif", planes[0])
    return tmp_path


def test_a_stack_is_compared_with_the_files_of_its_planes(stack):
    masks = list_planes([stack / "masks"])
    matches = match_masks(list_planes([stack / "cells.tif"]), [masks])
    found = [(each.image.title, each.masks[0].title) for each in matches]
    assert found == [("cells[0]", "z1"), ("cells[1]", "z2"), ("cells[2]", "z10")]


def test_a_plane_without_a_file_is_refused(stack):
    (stack / "masks" / "z10.tif").unlink()
    with pytest.raises(MismatchError, match="3 planes, and there are 2 masks of one plane each"):
        match_masks(list_planes([stack / "cells.tif"]), [list_planes([stack / "masks"])])
