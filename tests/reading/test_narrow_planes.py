"""Channels that were stored last are not read as columns, in any format that names no axes."""

import re

import h5py
import numpy as np
import pytest
import tifffile
import zarr

from emseg.calibration import Axis
from emseg.errors import ContentError
from emseg.reading import ReadOptions, describe, look_into, open_stack
from emseg.reading.signals.narrow_planes import why_narrow

PIXELS = np.random.default_rng(0).integers(0, 9999, (3, 40, 50, 2)).astype(np.uint16)


def axes(names, *shape):
    return [Axis(name, size) for name, size in zip(names, shape, strict=True)]


@pytest.mark.parametrize(
    ("names", "shape", "likely"),
    [
        ("zyx", (96, 128, 2), "yxc"),
        ("zyx", (96, 128, 15), "yxc"),
        ("zyx", (512, 512, 64), "yxc"),
        ("cyx", (600, 12, 512), "ycx"),
        ("zcyx", (3, 96, 128, 2), "zyxc"),
        ("zcyx", (500, 96, 128, 1), "zyxc"),
        ("tzcyx", (2, 3, 96, 128, 4), "tzyxc"),
        ("zcyx", (96, 128, 2, 2), "yxcc"),
    ],
)
def test_narrow_planes_beside_long_axes(names, shape, likely):
    assert f"say --axes {likely} if they have" in why_narrow(axes(names, *shape))


def test_pages_of_a_format_are_doubted_where_they_are_narrowest_alone():
    tall = axes("zyx", 300, 256, 64)
    assert "--axes yxc" in why_narrow(tall)
    assert why_narrow(tall, are_pages=True) == ""
    assert "--axes yxc" in why_narrow(axes("zyx", 300, 256, 15), are_pages=True)


@pytest.mark.parametrize(
    ("names", "shape"),
    [
        ("yx", (12, 12)),
        ("yx", (2000, 8)),
        ("zyx", (100, 8, 8)),
        ("zyx", (64, 12, 12)),
        ("zyx", (32, 4, 8)),
        ("zyx", (3, 2, 16)),
        ("zyx", (1000, 64, 1024)),
        ("zyx", (600, 20, 512)),
        ("yxc", (96, 128, 2)),
        ("qi", (96, 2)),
    ],
)
def test_small_images_stay_images(names, shape):
    assert why_narrow(axes(names, *shape)) == ""


def write_npy(path, pixels):
    np.save(path, pixels)


def write_npz(path, pixels):
    np.savez(path, image=pixels)


def write_hdf5(path, pixels):
    with h5py.File(path, "w") as file:
        file["image"] = pixels


def write_zarr(path, pixels):
    zarr.create_array(path, data=pixels)


def write_mrc(path, pixels):
    import struct

    head = bytearray(1024)
    nz, ny, nx = pixels.shape
    struct.pack_into("<4i", head, 0, nx, ny, nz, 6)
    struct.pack_into("<3i", head, 28, nx, ny, nz)
    struct.pack_into("<3i", head, 64, 1, 2, 3)
    head[208:216] = b"MAP \x44\x44\0\0"
    path.write_bytes(bytes(head) + pixels.astype("<u2").tobytes())


def write_ome(path, pixels):
    tifffile.imwrite(path, pixels, ome=True, photometric="minisblack")


def write_imagej(path, pixels):
    tifffile.imwrite(path, pixels, imagej=True)


FORMATS = {
    "npy": write_npy, "npz": write_npz, "h5": write_hdf5, "zarr": write_zarr,
    "tif": tifffile.imwrite, "ome.tif": write_ome,
}  # fmt: skip
OF_THREE = FORMATS | {"mrc": write_mrc, "tiff": write_imagej}


@pytest.mark.parametrize("suffix", OF_THREE)
def test_the_axes_that_a_message_names_work(tmp_path, suffix):
    path = tmp_path / f"a.{suffix}"
    OF_THREE[suffix](path, PIXELS[0])
    with pytest.raises(ContentError, match=r"would have 50 x 2 pixels; say --axes yxc") as caught:
        open_stack(path)
    assert str(caught.value).endswith("or --axes zyx if they are as narrow as that")
    assert not describe(path)[0].usable
    typed = open_stack(path, ReadOptions(axes="yxc"))
    assert len(typed) == 1
    np.testing.assert_array_equal(typed[0].pixels, PIXELS[0].transpose(2, 0, 1))
    narrow = open_stack(path, ReadOptions(axes="zyx"))
    np.testing.assert_array_equal(narrow[7].pixels[0], PIXELS[0, 7])


@pytest.mark.parametrize("suffix", FORMATS)
def test_four_dimensions_with_channels_last(tmp_path, suffix):
    path = tmp_path / f"a.{suffix}"
    FORMATS[suffix](path, PIXELS)
    with pytest.raises(ContentError, match="--axes") as caught:
        open_stack(path)
    named = re.search(r"say --axes (\w+)", str(caught.value))[1]
    stack = open_stack(path, ReadOptions(axes=named))
    np.testing.assert_array_equal([each.pixels for each in stack], PIXELS.transpose(0, 3, 1, 2))


@pytest.mark.parametrize("suffix", ["npy", "npz", "h5", "zarr"])
@pytest.mark.parametrize("dtype", ["u1", ">u2", "f4"])
def test_a_last_axis_of_one_sample_is_a_channel(tmp_path, suffix, dtype):
    pixels = PIXELS[..., :1].astype(dtype)
    FORMATS[suffix](tmp_path / f"a.{suffix}", pixels)
    stack = open_stack(tmp_path / f"a.{suffix}")
    assert (len(stack), stack.size) == (3, (40, 50))
    np.testing.assert_array_equal([each.pixels[0] for each in stack], pixels[..., 0])


@pytest.mark.parametrize("suffix", ["npy", "npz", "h5", "zarr"])
@pytest.mark.parametrize(("dtype", "channels"), [("u1", 3), ("u2", 3), ("f4", 4), ("i2", 4)])
def test_a_fourth_sample_is_alpha_where_the_others_are_a_picture(tmp_path, suffix, dtype, channels):
    pixels = np.random.default_rng(0).integers(0, 99, (40, 50, 4)).astype(dtype)
    FORMATS[suffix](tmp_path / f"a.{suffix}", pixels)
    found = open_stack(tmp_path / f"a.{suffix}")[0].pixels
    np.testing.assert_array_equal(found, pixels.transpose(2, 0, 1)[:channels])
    notices = look_into(tmp_path / f"a.{suffix}").notices
    assert ("four channels" in "".join(notices)) == (channels == 3)
    named = ReadOptions(axes="yxc")
    assert look_into(tmp_path / f"a.{suffix}", named).notices == ()
    assert open_stack(tmp_path / f"a.{suffix}", named)[0].pixels.shape == (4, 40, 50)


def test_names_in_a_file_are_believed_however_narrow(tmp_path):
    zarr.create_array(tmp_path / "a.zarr", data=PIXELS[0], dimension_names=("z", "y", "x"))
    assert (len(open_stack(tmp_path / "a.zarr")), describe(tmp_path / "a.zarr")[0].usable) == (
        40,
        True,
    )


def test_masks_have_the_axes_of_their_micrographs_where_they_name_none(tmp_path):
    volume = PIXELS[..., 0].transpose(2, 1, 0).copy()  # stored as (x, y, z)
    np.save(tmp_path / "a.npy", volume)
    masks = ReadOptions(axes="xyz").of_masks
    stack = open_stack(tmp_path / "a.npy", masks)
    np.testing.assert_array_equal([each.pixels[0] for each in stack], PIXELS[..., 0])
    np.save(tmp_path / "b.npy", PIXELS[0, ..., 0])  # another number of axes
    np.testing.assert_array_equal(
        open_stack(tmp_path / "b.npy", masks)[0].pixels[0], PIXELS[0, ..., 0]
    )
    with h5py.File(tmp_path / "c.h5", "w") as file:
        file["image"] = PIXELS[..., 0]
        file["image"].attrs["axes"] = "zyx"
    assert open_stack(tmp_path / "c.h5", masks).size == (40, 50)
