"""MRC: byte order, signs of bytes, and voxels that nobody measured."""

import bz2
import gzip
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emseg.errors import UnreadableFileError
from emseg.reading import open_stack
from emseg.reading.microscopes.mrc_header import MrcHeader

MODES = {0: "i1", 1: "i2", 2: "f4", 6: "u2", 12: "f2"}
IMOD = 1146047817


def write(path, pixels, *, voxel=(4.0, 4.0, 4.0), mode=1, order="<", **fields):
    """Write an MRC2014 file; the voxel is (z, y, x) in angstrom."""
    nz, ny, nx = pixels.shape
    head = bytearray(1024)
    struct.pack_into(f"{order}10i", head, 0, nx, ny, nz, mode, 0, 0, 0, nx, ny, nz)
    cell = [size * step for size, step in zip((nx, ny, nz), voxel[::-1], strict=True)]
    struct.pack_into(f"{order}3i", head, 28, *fields.get("grid", (nx, ny, nz)))
    struct.pack_into(f"{order}3f", head, 40, *cell)
    struct.pack_into(f"{order}i", head, 88, fields.get("group", 1))
    struct.pack_into(f"{order}i", head, 108, fields.get("version", 20140))
    struct.pack_into(f"{order}2i", head, 152, *fields.get("imod", (0, 0)))
    struct.pack_into(f"{order}3i", head, 64, *fields.get("sides", (1, 2, 3)))
    extended = fields.get("extended", b"")
    struct.pack_into(f"{order}i", head, 92, len(extended))
    head[104:108] = fields.get("kind", b"\0\0\0\0")
    head[208:216] = b"MAP " + (b"\x44\x44\0\0" if order == "<" else b"\x11\x11\0\0")
    head += extended
    path.write_bytes(bytes(head) + pixels.astype(pixels.dtype.newbyteorder(order)).tobytes())
    return path


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(("mode", "kind"), MODES.items())
@pytest.mark.parametrize("planes", [1, 3])
def test_values_of_every_mode_and_byte_order(tmp_path, order, mode, kind, planes):
    pixels = np.random.default_rng(0).integers(-99, 99, (planes, 6, 8)).astype(kind)
    stack = open_stack(write(tmp_path / "a.mrc", pixels, mode=mode, order=order))
    assert (len(stack), stack[0].pixels.dtype) == (planes, np.dtype(kind))
    np.testing.assert_array_equal([each.pixels[0] for each in stack], pixels)
    assert (stack.pixel_size.y_nm, stack.pixel_size.x_nm) == pytest.approx((0.4, 0.4))


@pytest.mark.parametrize(
    ("fields", "first"),
    [
        ({"imod": (IMOD, 0)}, 200),  # IMOD says that bytes are unsigned
        ({"imod": (IMOD, 1)}, -56),
        ({"version": 20140}, -56),
        ({"version": 0}, 200),  # before MRC2014 they were
    ],
)
def test_bytes_are_signed_where_the_header_says_so(tmp_path, fields, first):
    pixels = np.full((1, 6, 8), 200, np.uint8)
    stack = open_stack(write(tmp_path / "a.st", pixels, mode=0, **fields))
    assert stack[0].pixels[0, 0, 0] == first


@pytest.mark.parametrize(
    "voxel", [(0, 0, 0), (1, 1, 1), (0, 1, 1), (4, -10, -10), (4, np.nan, np.nan)]
)
@pytest.mark.parametrize("order", ["<", ">"])
def test_a_voxel_that_nobody_measured_is_unknown(tmp_path, voxel, order):
    pixels = np.zeros((2, 6, 8), np.int16)
    assert (
        open_stack(write(tmp_path / "a.mrc", pixels, voxel=voxel, order=order)).pixel_size is None
    )


def test_one_angstrom_exactly_is_said_to_count_as_unknown(tmp_path, caplog):
    path = write(tmp_path / "a.mrc", np.zeros((2, 6, 8), np.int16), voxel=(1, 1, 1))
    open_stack(path)
    (notice,) = caplog.records
    assert "a voxel is exactly 1 Å" in notice.getMessage()
    assert "--pixel-size" in notice.getMessage()


@pytest.mark.parametrize("order", ["<", ">"])
def test_one_angstrom_beside_another_step_is_measured(tmp_path, order):
    path = write(tmp_path / "a.rec", np.zeros((2, 6, 8), np.int16), voxel=(20, 1, 1), order=order)
    size = open_stack(path).pixel_size
    assert (size.z_nm, size.y_nm, size.x_nm) == pytest.approx((2, 0.1, 0.1))


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(
    ("sides", "y_x_z"), [((2, 1, 3), (3.0, 2.0, 1.0)), ((3, 2, 1), (2.0, 1.0, 3.0))]
)
def test_rows_and_columns_may_run_along_any_side_of_the_cell(tmp_path, order, sides, y_x_z):
    pixels = np.zeros((3, 6, 8), np.int16)
    path = write(tmp_path / "a.map", pixels, order=order, voxel=(10.0, 20.0, 30.0), sides=sides)
    size = open_stack(path).pixel_size
    assert (size.y_nm, size.x_nm, size.z_nm) == pytest.approx(y_x_z)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("voxel", [0.0, 1.0])
@pytest.mark.parametrize(
    ("kind", "size_m", "nm"),
    [
        (b"FEI1", 2.5e-10, 0.25),
        (b"FEI2", 5.7e-9, 5.7),
        (b"FEI2", 1e8, None),  # of a diffraction pattern, in 1/m
        (b"FEI1", 0.0, None),
        (b"SERI", 2.5e-10, None),
    ],
)
def test_pixels_by_the_extended_header_of_fei(tmp_path, order, voxel, kind, size_m, nm):
    section = bytearray(888)
    struct.pack_into(f"{order}2d", section, 156, size_m, size_m)
    more = {"kind": kind, "extended": bytes(section) * 3}
    pixels = np.zeros((3, 6, 8), np.int16)
    stack = open_stack(write(tmp_path / "a.mrc", pixels, order=order, voxel=(voxel,) * 3, **more))
    size = stack.pixel_size
    found = size and (size.y_nm, size.x_nm)
    assert found == (nm and pytest.approx((nm, nm)))


def test_the_cell_counts_where_the_old_extended_header_of_fei_says_nothing(tmp_path):
    pixels = np.zeros((3, 6, 8), np.int16)
    path = write(tmp_path / "a.mrc", pixels, voxel=(12.0,) * 3, extended=bytes(128 * 1024))
    assert open_stack(path).pixel_size.x_nm == pytest.approx(1.2)


@pytest.mark.parametrize("order", ["<", ">"])
def test_a_header_about_another_grid_is_told(tmp_path, caplog, order):
    path = tmp_path / "a.mrc"
    write(path, np.zeros((1, 6, 9), f"{order}f4"), mode=2, order=order, grid=(18, 12, 1))
    assert open_stack(path).pixel_size.x_nm == pytest.approx(0.2)
    assert "has 6 x 9 pixels and a header about 12 x 18: its pixel size of 0.2 nm" in caplog.text


@pytest.mark.parametrize("order", ["<", ">"])
def test_a_series_of_images_has_no_distance_between_them(tmp_path, order):
    path = write(tmp_path / "a.st", np.zeros((2, 6, 8), np.int16), order=order, group=0)
    assert open_stack(path).pixel_size.z_nm is None


@pytest.mark.parametrize(
    ("name", "imod", "z_nm"), [("a.mrc", 0, 0.25), ("a.mrcs", 0, None), ("a.mrc", IMOD, None)]
)
@pytest.mark.parametrize("order", ["<", ">"])
def test_a_cell_of_as_many_sections_is_a_volume(tmp_path, name, imod, z_nm, order):
    pixels = np.zeros((4, 6, 8), np.int16)
    more = {"voxel": (2.5, 2.0, 2.0), "group": 0, "imod": (imod, 0), "order": order}
    size = open_stack(write(tmp_path / name, pixels, **more)).pixel_size
    assert (size.y_nm, size.x_nm) == pytest.approx((0.2, 0.2))
    assert size.z_nm == (None if z_nm is None else pytest.approx(z_nm))


@pytest.mark.parametrize(("suffix", "packed"), [("gz", gzip.compress), ("bz2", bz2.compress)])
def test_packed_maps(tmp_path, suffix, packed):
    pixels = np.arange(96, dtype=np.int16).reshape(2, 6, 8)
    plain = write(tmp_path / "a.map", pixels)
    (tmp_path / f"b.map.{suffix}").write_bytes(packed(plain.read_bytes()))
    stack = open_stack(tmp_path / f"b.map.{suffix}")
    assert stack.name == "b"
    np.testing.assert_array_equal(stack[1].pixels[0], pixels[1])


def test_a_file_that_was_cut_short(tmp_path):
    path = write(tmp_path / "a.mrc", np.zeros((2, 6, 8), np.int16))
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(UnreadableFileError, match="is cut short: its pixels need 1,216 bytes"):
        open_stack(path)


@pytest.mark.parametrize("mode", [3, 16, 101])
def test_modes_that_hold_no_grey_values(tmp_path, mode):
    path = write(tmp_path / "a.mrc", np.zeros((2, 6, 8), np.int16), mode=mode)
    with pytest.raises(UnreadableFileError, match=f"has the MRC mode {mode}"):
        open_stack(path)


@given(st.binary(min_size=1024, max_size=1100))
def test_any_bytes_are_a_header_or_none(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("mrc") / "a.mrc"
    path.write_bytes(content)
    header = MrcHeader.read(path)
    assert header is None or min(header.shape) > 0
