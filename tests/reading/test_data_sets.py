"""Data sets as other programs lay them out."""

import pytest

from emseg.reading.finding.data_sets import how_to_train

CLASSES = "train/cubes train/spheres val/cubes val/spheres"
SIDES = "train/images train/masks valid/images valid/masks"
TURNED = "images/train images/val labels/train labels/val"


@pytest.mark.parametrize(
    ("folders", "words"),
    [
        (CLASSES, "train --val-images val"),
        ("train/a train/b test/a test/b", "train"),
        (SIDES, "train/images train/masks --val-images valid/images --val-masks valid/masks"),
        (
            TURNED,
            "images/train labels/train --val-images images/val --val-masks labels/val",
        ),
        ("images masks", "images masks"),
        ("imagesTr labelsTr", "imagesTr labelsTr"),
        ("cubes spheres", ""),
        ("cubes", None),
    ],
)
def test_the_parts_are_named(tmp_path, folders, words):
    for each in folders.split():
        (tmp_path / each).mkdir(parents=True)
        (tmp_path / each / "1.png").write_bytes(b"x")
    found = how_to_train(tmp_path)
    if words is None:
        assert found is None
        return
    full = (each if each[0] == "-" else str(tmp_path / each) for each in words.split())
    assert found == (tuple(full) or (str(tmp_path),))


def test_what_is_no_folder_has_no_parts(tmp_path):
    assert how_to_train(tmp_path / "nowhere") is None
    assert how_to_train(tmp_path) is None
