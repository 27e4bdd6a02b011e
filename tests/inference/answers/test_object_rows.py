"""A row an object, with its class by name."""

import numpy as np
import pytest

from emseg.calibration import PixelSize
from emseg.inference.answers import object_rows
from emseg.inference.answers.object_rows import add_objects
from emseg.measuring.joining import JoinedObjects
from emseg.writing.growing_tables import growing_csv

HEADER = (
    "plane,object,class,score,area_px,area_nm2,centroid_row,centroid_column,top,bottom,left,right"
)


def objects(score=(0.75, 0.5)):
    return JoinedObjects(
        np.array([2, 1]),
        np.array([6, 1]),
        np.array(score),
        np.array([1.5, 9.0]),
        np.array([2.0, 8.0]),
        np.array([[1, 3, 1, 4], [9, 10, 8, 9]]),
    )


@pytest.mark.parametrize("rows", [1, 4096])
def test_every_object_has_a_row(tmp_path, monkeypatch, rows):
    monkeypatch.setattr(object_rows, "_ROWS", rows)
    with growing_csv(tmp_path / "o.csv") as table:
        add_objects(table, objects(), ("matrix", "pore", "=grain"), PixelSize(2.0, 3.0, "here"), 4)
        add_objects(table, objects((np.nan, 1)), ("matrix", "pore", "grain"), None)
    assert (tmp_path / "o.csv").read_text().splitlines() == [
        HEADER,
        "4,1,'=grain,0.75,6,36.0,1.5,2.0,1,3,1,4",
        "4,2,pore,0.5,1,6.0,9.0,8.0,9,10,8,9",
        ",1,grain,,6,,1.5,2.0,1,3,1,4",
        ",2,pore,1.0,1,,9.0,8.0,9,10,8,9",
    ]


def test_a_plane_without_objects_has_the_columns(tmp_path):
    none = JoinedObjects(*(np.zeros(0, int),) * 5, np.zeros((0, 4), int))
    with growing_csv(tmp_path / "o.csv") as table:
        add_objects(table, none, ("matrix", "pore"), None)
    assert (tmp_path / "o.csv").read_text().splitlines() == [HEADER]
