"""Colour tables: what a viewer shows in a micrograph, the indices in a mask."""

import zlib

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image

from emseg.micrograph import LabelClass, LabelImage
from emseg.reading import AS_STORED, ReadOptions, describe, look_into, open_stack
from emseg.reading.stacks.label_images import read_label_images
from emseg.writing.images import write_label_images

RANDOM = np.random.default_rng(5)
INDICES = RANDOM.integers(0, 4, (12, 17), dtype=np.uint8)
GREYS = np.repeat([[150], [20], [90], [240]], 3, axis=1).astype(np.uint8)
COLOURS = np.array([[0, 0, 0], [255, 0, 0], [0, 255, 0], [40, 50, 60]], np.uint8)
NAMES = ("p.png", "p.bmp", "p.gif", "p.tif", "lzw.tif")


def written(folder, name, table, indices=INDICES):
    path = folder / name
    image = Image.frombytes("P", indices.shape[::-1], indices.tobytes())
    image.putpalette(table.tobytes())
    image.save(path, **({"compression": "tiff_lzw"} if name == "lzw.tif" else {}))
    return path


def shown(path, mode):
    with Image.open(path) as image:
        return np.asarray(image.convert(mode))


@pytest.mark.parametrize("name", NAMES)
def test_greys_of_a_table_are_one_channel_as_pillow_shows_it(tmp_path, name):
    path = written(tmp_path, name, GREYS)
    read = open_stack(path)[0]
    np.testing.assert_array_equal(read.pixels, shown(path, "L")[None])
    np.testing.assert_array_equal(read.pixels[0], GREYS[INDICES, 0])
    assert read.pixels.dtype == np.uint8
    assert read.palette is None


@pytest.mark.parametrize("name", NAMES)
def test_colours_of_a_table_are_red_green_and_blue_as_pillow_shows_them(tmp_path, name):
    path = written(tmp_path, name, COLOURS)
    read = open_stack(path)[0]
    np.testing.assert_array_equal(read.pixels, shown(path, "RGB").transpose(2, 0, 1))
    assert read.channels == ("red", "green", "blue")
    assert describe(path)[0].shape == (12, 17, 3)


@pytest.mark.parametrize("table", [GREYS, COLOURS])
@pytest.mark.parametrize("name", NAMES)
def test_a_mask_keeps_the_indices_and_carries_the_table(tmp_path, name, table):
    mask = open_stack(written(tmp_path, name, table), AS_STORED)[0]
    np.testing.assert_array_equal(mask.pixels[0], INDICES)
    np.testing.assert_array_equal(mask.palette[:4], table)


def test_what_was_done_is_told_once_for_many_files(tmp_path, caplog):
    for name in ("a.png", "b.png"):
        open_stack(written(tmp_path, name, GREYS))
    assert "a.png has a table of greys, and the greys are read" in caplog.text
    assert {record.more for record in caplog.records} == {
        "the greys of {} more come from a table as well"
    }
    assert "table of greys" in look_into(tmp_path / "a.png").notices[0]


def test_a_table_of_all_greys_in_order_is_not_mentioned(tmp_path, caplog):
    ramp = np.repeat(np.arange(256, dtype=np.uint8)[:, None], 3, axis=1)
    path = tmp_path / "zeiss.tif"
    tifffile.imwrite(path, INDICES, photometric="palette", colormap=ramp.T.astype("u2") * 257)
    np.testing.assert_array_equal(open_stack(path)[0].pixels[0], INDICES)
    assert not caplog.records


def test_a_colour_map_in_eight_bits_is_not_taken_for_black(tmp_path):
    path, table = tmp_path / "old.tif", np.zeros((3, 256), np.uint16)
    table[:, :4] = GREYS.T
    tifffile.imwrite(path, INDICES, photometric="palette", colormap=table)
    np.testing.assert_array_equal(open_stack(path)[0].pixels[0], GREYS[INDICES, 0])


def fire():
    up = np.arange(256)
    return np.stack([np.minimum(up * 3, 255), np.clip(up * 3 - 255, 0, 255), up // 2], axis=1)


def green():
    return np.arange(256)[:, None] * np.array([[0, 1, 0]])


def hilo():
    table = np.repeat(np.arange(256)[:, None], 3, axis=1)
    table[0], table[-1] = (0, 0, 255), (255, 0, 0)
    return table


def zeiss():
    table = np.repeat(np.arange(256)[:, None], 3, axis=1)
    table[9:235:9] = RANDOM.integers(0, 256, (26, 3))  # colours of marks
    return table


@pytest.mark.parametrize(
    "table",
    [fire(), fire()[:200], green(), hilo(), zeiss()],
    ids=["fire", "cut", "green", "hilo", "zeiss"],
)
@pytest.mark.parametrize("name", ["p.png", "p.tif"])
def test_a_table_laid_over_intensities_leaves_them(tmp_path, caplog, name, table):
    values = RANDOM.integers(0, len(table), (12, 17), dtype=np.uint8)
    path = written(tmp_path, name, table.astype(np.uint8), values)
    np.testing.assert_array_equal(open_stack(path)[0].pixels[0], values)
    assert "the intensities are read, not the colours" in caplog.text


@pytest.mark.parametrize("method", [Image.Quantize.MEDIANCUT, Image.Quantize.FASTOCTREE])
def test_a_tinted_picture_of_256_colours_is_no_table_over_intensities(tmp_path, method):
    y, x = np.mgrid[:64, :64]
    grey = (127 + 60 * np.sin(x / 9) + 60 * np.cos(y / 7)).astype(np.uint8)
    sepia = np.stack([grey, grey * 0.8, grey * 0.6], axis=-1).astype(np.uint8)
    path = tmp_path / "sepia.png"
    Image.fromarray(sepia).quantize(256, method=method).save(path)
    np.testing.assert_array_equal(open_stack(path)[0].pixels, shown(path, "RGB").transpose(2, 0, 1))


def test_sixteen_bits_under_a_rising_table_stay_as_they_are(tmp_path):
    values = RANDOM.integers(0, 65536, (6, 7), dtype=np.uint16)
    ramp = np.tile(np.arange(65536, dtype=np.uint16), (3, 1))
    tifffile.imwrite(tmp_path / "r.tif", values, photometric="palette", colormap=ramp)
    tifffile.imwrite(tmp_path / "f.tif", values, photometric="palette", colormap=ramp[:, ::-1])
    np.testing.assert_array_equal(open_stack(tmp_path / "r.tif")[0].pixels[0], values)
    np.testing.assert_array_equal(
        open_stack(tmp_path / "f.tif")[0].pixels[0], (65535 - values) // 256
    )


def test_frames_of_a_gif_with_tables_of_their_own_are_read_as_they_look(tmp_path):
    planes = RANDOM.integers(0, 255, (3, 12, 17, 3), dtype=np.uint8)
    frames = [Image.fromarray(each).quantize(16) for each in planes]
    path = tmp_path / "a.gif"
    frames[0].save(path, save_all=True, append_images=frames[1:])
    stack = open_stack(path)
    for number, frame in enumerate(frames):
        expected = np.asarray(frame.convert("RGB")).transpose(2, 0, 1)
        np.testing.assert_array_equal(stack[number].pixels, expected)


@pytest.mark.parametrize("name", ["m.png", "m.bmp", "m.gif"])
def test_two_greys_mean_the_same_whichever_comes_first(tmp_path, name):
    bits = INDICES % 2
    black, white = np.zeros(3, np.uint8), np.full(3, 255, np.uint8)
    path = tmp_path / name
    image = Image.frombytes("P", bits.shape[::-1], (1 - bits).tobytes())
    image.putpalette(np.stack([white, black]).tobytes())
    image.save(path, **({"bits": 1} if name == "m.png" else {}))
    np.testing.assert_array_equal(open_stack(path)[0].pixels[0], bits * 255)
    if name == "m.png":  # the others store more greys than two
        mask = open_stack(path, AS_STORED)[0]
        np.testing.assert_array_equal(mask.pixels[0], bits)
        np.testing.assert_array_equal(mask.palette, [black, white])


def test_label_images_of_emseg_are_indices_for_every_command(tmp_path):
    classes = tuple(LabelClass(each, (10, 200, 30)) for each in ("a", "b", "c", "d"))
    path = tmp_path / "l.ome.tif"
    write_label_images(path, [LabelImage(INDICES, classes, "l")], count=1)
    with tifffile.TiffFile(path) as tiff:
        assert tiff.pages[0].photometric == tifffile.PHOTOMETRIC.PALETTE
    for options in (AS_STORED, ReadOptions()):
        np.testing.assert_array_equal(open_stack(path, options)[0].pixels[0], INDICES)
    np.testing.assert_array_equal(read_label_images(path)[0].pixels, INDICES)
    assert not look_into(path).notices


def test_axes_that_a_user_names_are_those_of_the_picture(tmp_path):
    path = written(tmp_path, "p.png", COLOURS)
    turned = open_stack(path, ReadOptions(axes="xyc"))[0]
    np.testing.assert_array_equal(turned.pixels, open_stack(path)[0].pixels.swapaxes(1, 2))


def test_a_bitmap_of_one_bit_is_as_shown_whichever_colour_is_first(tmp_path):
    bits = INDICES > 1
    path = tmp_path / "b.bmp"
    Image.fromarray(~bits).save(path)
    raw = bytearray(path.read_bytes())
    raw[54:62] = bytes([255, 255, 255, 0, 0, 0, 0, 0])  # the table, white first
    path.write_bytes(raw)
    np.testing.assert_array_equal(open_stack(path)[0].pixels[0], shown(path, "L"))
    np.testing.assert_array_equal(open_stack(path, AS_STORED)[0].pixels[0], bits)


@pytest.mark.parametrize("suffix", ["png", "webp"])
def test_frames_that_are_not_read_are_told(tmp_path, caplog, suffix):
    frames = [Image.fromarray(np.full((8, 9, 3), 50 * n, np.uint8)) for n in range(3)]
    path = tmp_path / f"a.{suffix}"
    frames[0].save(path, save_all=True, append_images=frames[1:])
    assert len(open_stack(path)) == 1
    assert f"a.{suffix} holds 3 frames, of which the first is read" in caplog.text


@pytest.mark.parametrize("block", [b"gAMA", b"tRNS", b"sBIT"])
@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_blocks_of_a_png_that_are_about_display_change_no_value(tmp_path, block, dtype):
    values = RANDOM.integers(0, 256, (12, 17)).astype(dtype)
    content = {"gAMA": (220000).to_bytes(4), "tRNS": b"\0" + bytes([values[0, 0]]), "sBIT": b"\5"}
    data = imagecodecs.png_encode(values)
    body = block + content[block.decode()]
    chunk = (len(body) - 4).to_bytes(4) + body + zlib.crc32(body).to_bytes(4)
    (tmp_path / "a.png").write_bytes(data[:33] + chunk + data[33:])
    for options in (ReadOptions(), AS_STORED):
        read = open_stack(tmp_path / "a.png", options)[0].pixels
        np.testing.assert_array_equal(read[0], values)
        assert read.dtype == dtype
