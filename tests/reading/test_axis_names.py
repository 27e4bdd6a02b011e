"""Names of axes mean the same in every format; where they fail, the order decides."""

import numpy as np
import pytest

from emseg.calibration import Axis
from emseg.reading.signals.axis_names import by_shape, roles_of, spelled, split_names


def roles(names, shape=None, units=None):
    sizes = shape or [20 + at for at in range(len(names))]
    spelt = units or [None] * len(names)
    axes = [Axis(*each, None, 0.0, unit) for *each, unit in zip(names, sizes, spelt, strict=True)]
    return roles_of(axes)


@pytest.mark.parametrize(
    ("letter", "names"),
    [
        ("y", ["y", "Y", "Y_axis", "yAxis", "axis-y", "scan_y", "height", "ImageHeight", "row",
               "rows", "y (nm)", "y_nm", "pos y", "Y\0"]),
        ("x", ["X", "x_axis", "scan_x", "width", "col", "columns", "sample_x"]),
        ("z", ["z", "depth", "slice", "_labels_"]),
        ("c", ["channel", "Channels"]),
        ("t", ["time", "frame"]),
        ("", ["", "axis", "dim0", "Qx", "q_y", "kx", "dy", "detector_y", "Rx", "R_y", "Energy",
              "nm"]),
    ],
)  # fmt: skip
def test_spellings(letter, names):
    assert {name: spelled(name) for name in names} == dict.fromkeys(names, letter)


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ("zyx", "zyx"),
        ("xyz", "xyz"),
        (["width", "height", "channels"], "xyc"),
        (["x", "tilt", "y"], ["x", "tilt", "y"]),
        (["y", "y", "x"], "zyx"),  # twice: the order decides
        (["", "", ""], "zyx"),
        (["dim0", "dim1", "_labels_"], "yxz"),  # py4DSTEM's stacks
        (["Rx", "Ry"], "yx"),
    ],
)
def test_names_decide_and_order_where_they_do_not(names, expected):
    assert roles(names).names == tuple(expected)


@pytest.mark.parametrize(
    ("names", "units"),
    [
        (["Rx", "Ry", "Qx", "Qy"], None),
        (["scan_y", "scan_x", "detector_y", "detector_x"], None),
        (["y", "x", "ky", "kx"], None),
        (["y", "x", "y", "x"], None),
        (["y", "x", "", ""], None),
        (["a", "b", "c1", "c2"], ["nm", "nm", "1/nm", "A^-1"]),
    ],
)
def test_patterns_at_the_points_of_a_scan_are_no_image(names, units):
    found = roles(names, (4, 5, 16, 17), units)
    assert found.refusal.startswith("a diffraction pattern at each of 4 x 5 points (4D-STEM)")


@pytest.mark.parametrize("names", ["tzyx", "tcyx", "zyxc", "tzcyx"])
def test_series_of_images_are_no_scan(names):
    assert roles(names).refusal == ""


@pytest.mark.parametrize(
    "said",
    ["xyz", b"xyz", np.bytes_(b"xyz"), np.array(b"xyz"), np.array([b"x", b"y", b"z"]),
     ["x", "y", "z"], np.array(["x", "y", "z"], object), np.array(["xyz"], object),
     '["x", "y", "z"]', "x,y,z", b"x:y:z", "[x, y, z]", "x y z"],
)  # fmt: skip
def test_attributes_name_axes_in_many_ways(said):
    assert split_names(said, 3) == ["x", "y", "z"]


@pytest.mark.parametrize("said", ["xy", b"", ["x"], 7, np.zeros(2)])
def test_attributes_that_name_no_axes(said):
    assert split_names(said, 3) == []


@pytest.mark.parametrize(
    ("shape", "names"),
    [
        ((40, 50), "yx"),
        ((3, 40, 50), "zyx"),
        ((40, 50, 3), "yxs"),
        ((40, 50, 1), "yxc"),
        ((5, 40, 50, 1), "zyxc"),
        ((5, 40, 50, 4), "zyxs"),
        ((3, 3, 3), "zyx"),
    ],
)
def test_arrays_without_names(shape, names):
    assert by_shape(shape) == names


def test_a_fourth_sample_that_is_left_out_is_told():
    axes = [Axis("", 40), Axis("", 50), Axis("", 4)]
    (told,) = roles_of(axes, np.dtype("u1")).notices
    assert "transparency, which micrographs leave out; --axes yxc takes them for four" in told
    assert roles_of(axes, np.dtype("f4")).notices == ()
    assert roles_of([*axes[:2], Axis("", 3)], np.dtype("u1")).notices == ()
