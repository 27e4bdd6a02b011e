"""What the values of a TIFF mean: white as 0, and colours that are not red, green and blue."""

import numpy as np
import pytest
import tifffile
from PIL import Image

from emseg.errors import ContentError
from emseg.reading import AS_STORED, ReadOptions, look_into, open_stack
from emseg.reading.signals.bands import bands
from emseg.reading.signals.layout import Layout
from emseg.reading.stacks.stack import opened

RANDOM = np.random.default_rng(11)
SHAPE = (40, 48)
KINDS = {
    "uint8": {},
    "uint16": {},
    "uint32": {},
    "mapped": {"dtype": "uint16"},
    "big-endian": {"dtype": "uint16", "byteorder": ">"},
    "bigtiff": {"dtype": "uint8", "bigtiff": True},
    "strips": {"dtype": "uint8", "rowsperstrip": 7},
    "tiles": {"dtype": "uint16", "tile": (16, 16)},
    "deflate": {"dtype": "uint8", "compression": "zlib", "predictor": True, "rowsperstrip": 8},
    "lzw": {"dtype": "uint16", "compression": "lzw", "tile": (16, 32)},
}


@pytest.mark.parametrize("options", [ReadOptions(), AS_STORED], ids=["micrograph", "mask"])
@pytest.mark.parametrize("kind", KINDS)
def test_white_as_zero_is_read_with_black_as_zero(tmp_path, kind, options):
    said = {"dtype": kind} | KINDS[kind]
    top = np.iinfo(said["dtype"]).max
    values = RANDOM.integers(0, top, (3, *SHAPE), dtype=said.pop("dtype"), endpoint=True)
    path = tmp_path / "w.tif"
    tifffile.imwrite(path, top - values, photometric="miniswhite", **said)
    stack = open_stack(path, options)
    for plane, expected in zip(stack, values, strict=True):
        np.testing.assert_array_equal(plane.pixels[0], expected)
        assert plane.pixels.dtype == expected.dtype


@pytest.mark.parametrize(
    ("bits", "packed"), [(1, None), (1, "packbits"), (2, None), (4, None), (8, "packbits")]
)
def test_white_as_zero_of_few_bits_has_the_order_that_pillow_shows(tmp_path, bits, packed):
    top = 2**bits - 1
    values = RANDOM.integers(0, top, SHAPE, dtype=np.uint8, endpoint=True)
    path = tmp_path / "w.tif"
    stored = (top - values).astype(bool) if bits == 1 else top - values
    more = {} if bits in (1, 8) else {"bitspersample": bits}
    tifffile.imwrite(
        path, stored, photometric="miniswhite", compression=packed, metadata=None, **more
    )
    pixels = open_stack(path)[0].pixels[0]
    np.testing.assert_array_equal(pixels, values)
    with Image.open(path) as image:
        np.testing.assert_array_equal(np.asarray(image.convert("L")), pixels * (255 // top))


@pytest.mark.parametrize("photometric", [0, 1])
@pytest.mark.parametrize("compression", ["group3", "group4", "tiff_ccitt", "raw"])
def test_a_fax_is_as_pillow_shows_it(tmp_path, compression, photometric):
    bits = RANDOM.random(SHAPE) > 0.7
    path = tmp_path / "fax.tif"
    Image.fromarray(bits).save(path, compression=compression, tiffinfo={262: photometric})
    with Image.open(path) as image:
        expected = np.asarray(image)
    np.testing.assert_array_equal(open_stack(path, AS_STORED)[0].pixels[0], expected)


def test_rows_and_range_of_white_as_zero_are_those_that_are_shown(tmp_path):
    values = RANDOM.integers(10, 200, (96, 40), dtype=np.uint8)
    path = tmp_path / "w.tif"
    tifffile.imwrite(
        path, 255 - values, photometric="miniswhite", rowsperstrip=5, compression="zlib"
    )
    (found,) = look_into(path, with_ranges=True).ranges
    assert (found.low, found.high) == (values.min(), values.max())
    with opened(path) as source:
        (signal,) = source.signals
        np.testing.assert_array_equal(signal.read((slice(7, 31), slice(3, 9))), values[7:31, 3:9])
        layout = Layout.of(signal.axes)
        whole = np.concatenate(
            [each.pixels for each in bands(signal, layout, 0, multiple=7)], axis=1
        )
    np.testing.assert_array_equal(whole[0], values)


def test_white_as_zero_without_a_largest_value_only_turns_the_order(tmp_path):
    values = RANDOM.normal(size=SHAPE).astype(np.float32)
    tifffile.imwrite(tmp_path / "f.tif", values, photometric="miniswhite")
    np.testing.assert_array_equal(open_stack(tmp_path / "f.tif")[0].pixels[0], -values)
    signed = RANDOM.integers(-9, 9, SHAPE, dtype=np.int16)
    tifffile.imwrite(tmp_path / "i.tif", signed, photometric="miniswhite")
    np.testing.assert_array_equal(open_stack(tmp_path / "i.tif")[0].pixels[0], -1 - signed)


def test_an_array_of_bits_that_tifffile_wrote_is_that_array(tmp_path, caplog):
    bits = RANDOM.random(SHAPE) > 0.7
    tifffile.imwrite(tmp_path / "b.tif", bits)
    with tifffile.TiffFile(tmp_path / "b.tif") as tiff:
        assert tiff.pages[0].photometric == tifffile.PHOTOMETRIC.MINISWHITE
    np.testing.assert_array_equal(open_stack(tmp_path / "b.tif", AS_STORED)[0].pixels[0], bits)
    assert "b.tif holds an array of true and false" in caplog.text


def test_white_as_zero_is_told(tmp_path, caplog):
    tifffile.imwrite(tmp_path / "w.tif", np.eye(20, dtype=np.uint8), photometric="miniswhite")
    open_stack(tmp_path / "w.tif")
    assert "w.tif is stored with white as 0 (WhiteIsZero); it is read as" in caplog.text
    assert caplog.records[0].more == "{} more with white stored as 0 as well"


@pytest.mark.parametrize(
    ("mode", "compression", "said"),
    [
        ("CMYK", None, "as printing inks (CMYK)"),
        ("CMYK", "jpeg", "as printing inks (CMYK)"),
        ("YCbCr", None, "as YCbCr without JPEG compression"),
        ("LAB", "tiff_lzw", "as CIE L*a*b*"),
    ],
)
def test_colours_stored_as_something_else_are_refused(tmp_path, mode, compression, said):
    path = tmp_path / "c.tif"
    pixels = RANDOM.integers(0, 256, (16, 24, len(Image.new(mode, (1, 1)).getbands())), dtype="u1")
    image = Image.frombytes(mode, (24, 16), pixels.tobytes())
    image.save(path, **({"compression": compression} if compression else {}))
    with pytest.raises(ContentError, match=r"colours are stored .*save it as RGB or as grey") as no:
        open_stack(path)
    assert said in str(no.value)


@pytest.mark.parametrize("name", ["c.tif", "c.jpg"])
def test_colours_of_jpeg_are_those_of_pillow(tmp_path, name):
    y, x = np.mgrid[:40, :48]
    colours = np.stack([x * 5, y * 6, x + y], axis=-1).astype(np.uint8)
    mode, more = ("YCbCr", {"compression": "jpeg"}) if name == "c.tif" else ("CMYK", {})
    Image.fromarray(colours).convert(mode).save(tmp_path / name, **more)
    with Image.open(tmp_path / name) as image:
        expected = np.asarray(image.convert("RGB"))
    np.testing.assert_array_equal(
        open_stack(tmp_path / name)[0].pixels, expected.transpose(2, 0, 1)
    )


@pytest.mark.parametrize("name", ["m.png", "m.tif", "m.bmp"])
def test_a_table_from_white_to_black_is_white_as_zero(tmp_path, name):
    values = RANDOM.integers(0, 256, SHAPE, dtype=np.uint8)
    image = Image.frombytes("P", SHAPE[::-1], (255 - values).tobytes())
    image.putpalette(np.repeat(np.arange(256, dtype=np.uint8)[::-1], 3).tobytes())
    image.save(tmp_path / name)
    for options in (ReadOptions(), AS_STORED):
        np.testing.assert_array_equal(open_stack(tmp_path / name, options)[0].pixels[0], values)


def test_pages_whose_colour_tables_differ_are_refused(tmp_path):
    pages = [Image.frombytes("P", (9, 8), bytes(range(72))) for _ in range(3)]
    for number, page in enumerate(pages):
        page.putpalette(bytes([number, 0, 0, 255, 255, 255]))
    pages[0].save(tmp_path / "p.tif", save_all=True, append_images=pages[1:])
    for options in (ReadOptions(), AS_STORED):
        with pytest.raises(ContentError, match=r"its 3 pages differ in their colour tables; save"):
            open_stack(tmp_path / "p.tif", options)


def test_pages_that_are_turned_otherwise_are_refused(tmp_path):
    with tifffile.TiffWriter(tmp_path / "t.tif") as tiff:
        for orientation in (1, 1, 3):
            tag = (274, 3, 1, orientation, True)
            tiff.write(np.eye(20, dtype=np.uint8), metadata=None, extratags=[tag])
    with pytest.raises(ContentError, match="its 3 pages differ in their orientation; save each"):
        open_stack(tmp_path / "t.tif")


def test_pages_that_are_stored_in_another_way_are_told(tmp_path, caplog):
    with tifffile.TiffWriter(tmp_path / "m.tif") as tiff:
        for photometric in ("minisblack", "miniswhite", "minisblack"):
            tiff.write(np.eye(20, dtype=np.uint8), metadata=None, photometric=photometric)
    assert len(open_stack(tmp_path / "m.tif")) == 2
    assert "m.tif holds more pages of this size, which are stored in another way" in caplog.text
    assert "--signal 1 reads them" in caplog.text
    turned = open_stack(tmp_path / "m.tif", ReadOptions(signal="1"))[0].pixels[0]
    np.testing.assert_array_equal(turned, 255 - np.eye(20))


def test_samples_beside_colours_are_told(tmp_path, caplog):
    pixels = RANDOM.integers(0, 256, (*SHAPE, 4), dtype=np.uint8)
    tifffile.imwrite(tmp_path / "n.tif", pixels, photometric="rgb", extrasamples=["unspecified"])
    assert len(open_stack(tmp_path / "n.tif")[0].pixels) == 3
    assert "n.tif has 4 samples in each pixel" in caplog.text
    read = open_stack(tmp_path / "n.tif", ReadOptions(channels="0,1,2,3"))[0].pixels
    np.testing.assert_array_equal(read, pixels.transpose(2, 0, 1))
