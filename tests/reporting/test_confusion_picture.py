"""The picture of a confusion matrix."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from emseg.errors import MismatchError
from emseg.reporting import write_confusion

DARKEST = (8, 48, 107)  # of matplotlib's Blues


@pytest.mark.parametrize("classes", [1, 2, 3, 40])
def test_the_diagonal_of_a_perfect_classifier_is_dark(tmp_path: Path, classes: int) -> None:
    names = [f"$class_{k}$ 炭" for k in range(classes)]
    write_confusion(tmp_path / "c.png", names, np.eye(classes, dtype=int) * 5)
    with Image.open(tmp_path / "c.png") as picture:
        pixels = np.asarray(picture.convert("RGB"))
    dark = (pixels == DARKEST).all(axis=-1)
    rows, columns = np.nonzero(dark)
    assert len(rows) > 100
    if classes > 1:  # along the diagonal, from the upper left to the lower right
        in_matrix = columns < pixels.shape[1] * 0.8
        assert np.corrcoef(rows[in_matrix], columns[in_matrix])[0, 1] > 0.5


def test_a_class_without_images_is_drawn(tmp_path: Path) -> None:
    write_confusion(tmp_path / "c.png", ["a", "b"], [[3, 1], [0, 0]])
    assert (tmp_path / "c.png").stat().st_size > 0


@pytest.mark.parametrize(
    ("names", "matrix"), [(["a"], [[1, 2], [3, 4]]), ([], []), (["a", "b"], [1, 2])]
)
def test_names_that_do_not_fit_are_refused(
    tmp_path: Path, names: list[str], matrix: list[int]
) -> None:
    with pytest.raises(MismatchError, match="does not fit"):
        write_confusion(tmp_path / "c.png", names, matrix)
    assert not list(tmp_path.iterdir())
