"""Series whose planes state pixel sizes of their own."""

import struct

import numpy as np
import pytest

from emseg.reading import open_stack


def ser(path, steps, version):
    """A series of 4 x 6 images, as TIA writes it, each with the calibration in `steps` (m)."""
    letter = "Q" if version >= 0x220 else "I"
    count = len(steps)
    dimension = struct.pack("<IddIII", count, 0.0, 1.0, 0, 0, 0)
    start = 22 + struct.calcsize(f"<{letter}I") + len(dimension)
    images = start + 2 * count * struct.calcsize(f"<{letter}")
    data = [
        struct.pack("<ddIddIHII", 0.0, x, 0, 0.0, y, 0, 2, 6, 4)
        + np.full((4, 6), at, np.uint16).tobytes() + struct.pack("<HHI", 0x4152, 0, 0)
        for at, (y, x) in enumerate(steps)
    ]  # fmt: skip
    places = [images + sum(map(len, data[:at])) for at in range(count)]
    tags = [at + len(each) - 8 for at, each in zip(places, data, strict=True)]
    head = struct.pack("<HHHIIII", 0x4949, 0x0197, version, 0x4122, 0x4152, count, count)
    head += struct.pack(f"<{letter}I", start, 1) + dimension
    path.write_bytes(head + struct.pack(f"<{2 * count}{letter}", *places, *tags) + b"".join(data))
    return open_stack(path)


@pytest.mark.parametrize("version", [0x210, 0x220])
def test_images_of_a_ser_file_state_their_pixel_sizes(tmp_path, version):
    stack = ser(tmp_path / "a.ser", [(2e-9, 2e-9)] * 3, version)
    assert (len(stack), stack.pixel_size.x_nm, stack.notices) == (3, pytest.approx(2), ())
    stack = ser(tmp_path / "b.ser", [(2e-9, 2e-9), (2e-9, 2e-9), (8e-9, 8e-9)], version)
    assert stack.pixel_size is None
    assert "different pixel sizes (2 of 2 nm, 1 of 8 nm)" in stack.notices[0]


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("kind", [b"FEI1", b""])
def test_sections_of_an_mrc_file_state_their_pixel_sizes(tmp_path, kind, order):
    """In the extended headers of FEI, new (FEI1) and old (128 bytes a section)."""
    for name, steps in (("a", (2e-9, 2e-9)), ("b", (2e-9, 8e-9))):
        extended = bytearray(128 * 1024)
        for at, step in enumerate(steps):
            if kind:
                struct.pack_into(f"{order}i", extended, 768 * at, 768)
                struct.pack_into(f"{order}2d", extended, 768 * at + 156, step, step)
            else:
                struct.pack_into(f"{order}f", extended, 128 * at + 44, step)
        head = bytearray(1024)
        struct.pack_into(f"{order}10i", head, 0, 6, 4, 2, 1, 0, 0, 0, 6, 4, 2)
        struct.pack_into(f"{order}3f", head, 40, 120.0, 80.0, 40.0)
        struct.pack_into(f"{order}3i", head, 64, 1, 2, 3)
        struct.pack_into(f"{order}i", head, 92, len(extended))
        head[104 : 104 + len(kind)] = kind
        head[208:214] = b"MAP " + (b"DD" if order == "<" else b"\x11\x11")
        path = tmp_path / f"{name}.mrc"
        path.write_bytes(head + extended + bytes(2 * 4 * 6 * 2))
        stack = open_stack(path)
        if name == "a":
            assert stack.pixel_size.x_nm == pytest.approx(2)
        else:
            assert stack.pixel_size is None
            assert "different pixel sizes (1 of 2 nm, 1 of 8 nm)" in stack.notices[0]
