"""Files in, exact values out: what `open_stack` and `describe` promise."""

import gzip
import os
import pickle
import threading
import tracemalloc
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from emseg.calibration import Axis, PixelSize
from emseg.errors import ContentError, PathMissingError, UnreadableFileError, UsageError
from emseg.reading import AS_STORED, ReadOptions, describe, find_files, open_stack
from emseg.reading.signals.layout import Layout, relabel
from emseg.reading.signals.signal import Signal

RANDOM = np.random.default_rng(3)


def ramp(*shape, dtype="uint16"):
    return np.arange(np.prod(shape)).reshape(shape).astype(dtype)


def test_a_grey_tiff_is_one_plane_with_one_channel(tmp_path):
    pixels = ramp(7, 9)
    tifffile.imwrite(tmp_path / "a b µ.tif", pixels)
    stack = open_stack(tmp_path / "a b µ.tif")
    micrograph = stack[0]
    assert (len(stack), stack.name, stack.size, stack.channels) == (1, "a b µ", (7, 9), ())
    assert micrograph.plane is None
    assert micrograph.title == "a b µ"
    assert stack.pixel_size is None
    np.testing.assert_array_equal(micrograph.pixels, pixels[None])


@pytest.mark.parametrize(
    "dtype",
    ["uint8", "int8", "uint16", "int16", "uint32", "int32", "float16", "float32", "float64"],
)
@pytest.mark.parametrize("byteorder", ["<", ">"])
def test_values_and_dtype_are_kept_in_native_byte_order(tmp_path, dtype, byteorder):
    pixels = RANDOM.normal(0, 60, (5, 6)).astype(dtype)
    tifffile.imwrite(tmp_path / "a.tif", pixels, byteorder=byteorder)
    read = open_stack(tmp_path / "a.tif")[0].pixels
    assert read.dtype == np.dtype(dtype)
    assert read.dtype.isnative
    assert read.flags.writeable
    assert read.flags.c_contiguous
    np.testing.assert_array_equal(read[0], pixels)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"bigtiff": True},
        {"compression": "zlib"},
        {"compression": "lzw", "predictor": True},
        {"tile": (16, 16), "compression": "zlib"},
        {"rowsperstrip": 3},
        {"imagej": True, "metadata": {"axes": "ZYX"}},
        {"ome": True, "metadata": {"axes": "ZYX"}},
        {"metadata": None},
        {"photometric": "minisblack", "truncate": True},
    ],
    ids=str,
)
def test_every_kind_of_tiff_stack_gives_its_planes(tmp_path, options):
    pixels = RANDOM.integers(0, 60000, (6, 33, 47), dtype=np.uint16)
    tifffile.imwrite(tmp_path / "s.tif", pixels, **{"photometric": "minisblack", **options})
    stack = open_stack(tmp_path / "s.tif")
    assert len(stack) == 6
    assert stack.size == (33, 47)
    for index in (5, 0, 3):
        assert stack[index].title == f"s[{index}]"
        np.testing.assert_array_equal(stack[index].pixels, pixels[index][None])
    np.testing.assert_array_equal(stack[-1].pixels, pixels[5][None])
    with pytest.raises(IndexError):
        stack[6]


@settings(max_examples=25, deadline=None)
@given(order=st.permutations("zcyx"))
def test_any_order_of_axes_becomes_c_y_x(order):
    sizes = {"z": 2, "c": 3, "y": 4, "x": 5}
    stored = ramp(*(sizes[name] for name in order))
    layout = Layout.of(tuple(Axis(name, sizes[name]) for name in order))
    straight = stored.transpose([order.index(name) for name in "zcyx"])
    assert (layout.count, layout.channel_count, layout.size) == (2, 3, (4, 5))
    for plane in range(2):
        arranged = layout.arrange(stored[layout.index(plane)])
        np.testing.assert_array_equal(arranged, straight[plane])


@pytest.mark.parametrize("axes", ["TZCYX", "ZCYX", "CYX", "CTYX"])
@pytest.mark.parametrize("compression", [None, "zlib"])
def test_ome_axes_become_planes_and_channels(tmp_path, axes, compression):
    sizes = {"T": 2, "Z": 3, "C": 2, "Y": 11, "X": 13}
    stored = ramp(*(sizes[name] for name in axes))
    tifffile.imwrite(
        tmp_path / "s.ome.tif",
        stored,
        ome=True,
        photometric="minisblack",
        compression=compression,
        metadata={"axes": axes, "Channel": {"Name": ["BSE", "SE"]}},
    )
    stack = open_stack(tmp_path / "s.ome.tif")
    order = [axes.index(name) for name in "TZCYX" if name in axes]
    planes = stored.transpose(order).reshape(-1, 2, 11, 13)
    assert stack.name == "s"
    assert stack.channels == ("BSE", "SE")
    assert len(stack) == len(planes)
    for read, plane in zip(stack, planes, strict=True):
        np.testing.assert_array_equal(read.pixels, plane)


def test_a_pyramid_gives_its_full_resolution(tmp_path):
    pixels = RANDOM.integers(0, 255, (256, 320), dtype=np.uint8)
    with tifffile.TiffWriter(tmp_path / "p.ome.tif") as writer:
        writer.write(pixels, subifds=1, tile=(64, 64))
        writer.write(pixels[::2, ::2], subfiletype=1, tile=(64, 64))
    np.testing.assert_array_equal(open_stack(tmp_path / "p.ome.tif")[0].pixels[0], pixels)


def test_colour_keeps_three_named_channels_and_drops_alpha(tmp_path):
    colour = RANDOM.integers(0, 255, (8, 9, 4), dtype=np.uint8)
    tifffile.imwrite(tmp_path / "c.tif", colour, photometric="rgb", extrasamples=["unassalpha"])
    Image.fromarray(colour).save(tmp_path / "c.png")
    for name in ("c.tif", "c.png"):
        stack = open_stack(tmp_path / name)
        assert stack.channels == ("red", "green", "blue")
        np.testing.assert_array_equal(stack[0].pixels, colour[..., :3].transpose(2, 0, 1))


def test_planar_colour_is_colour(tmp_path):
    colour = RANDOM.integers(0, 65535, (3, 8, 9), dtype=np.uint16)
    tifffile.imwrite(tmp_path / "c.tif", colour, photometric="rgb", planarconfig="separate")
    np.testing.assert_array_equal(open_stack(tmp_path / "c.tif")[0].pixels, colour)


@pytest.mark.parametrize("name", ["g.tif", "g.png"])
@pytest.mark.parametrize("alpha", [False, True])
def test_grey_stored_as_colour_is_one_channel(tmp_path, name, alpha):
    grey = RANDOM.integers(0, 255, (8, 9), dtype=np.uint8)
    samples = [grey, grey, grey] + [np.full_like(grey, 255)] * alpha
    stored = np.stack(samples, axis=-1)
    if name == "g.tif":
        tifffile.imwrite(tmp_path / name, stored, photometric="rgb")
    else:
        Image.fromarray(stored).save(tmp_path / name)
    stack = open_stack(tmp_path / name)
    assert stack.channels == ()
    np.testing.assert_array_equal(stack[0].pixels, grey[None])


def test_png_keeps_sixteen_bits_of_grey_and_of_colour(tmp_path):
    import imagecodecs

    grey = RANDOM.integers(0, 65535, (8, 9), dtype=np.uint16)
    colour = RANDOM.integers(0, 65535, (8, 9, 3), dtype=np.uint16)
    Image.fromarray(grey).save(tmp_path / "g.png")
    (tmp_path / "c.png").write_bytes(imagecodecs.png_encode(colour))
    np.testing.assert_array_equal(open_stack(tmp_path / "g.png")[0].pixels[0], grey)
    np.testing.assert_array_equal(
        open_stack(tmp_path / "c.png")[0].pixels, colour.transpose(2, 0, 1)
    )
    assert {describe(tmp_path / name)[0].dtype for name in ("g.png", "c.png")} == {"uint16"}


def test_png_of_sixteen_bits_loses_its_alpha(tmp_path):
    import imagecodecs

    grey = RANDOM.integers(0, 65535, (5, 6, 2), dtype=np.uint16)
    (tmp_path / "g.png").write_bytes(imagecodecs.png_encode(grey))
    np.testing.assert_array_equal(open_stack(tmp_path / "g.png")[0].pixels, grey[None, ..., 0])
    assert describe(tmp_path / "g.png")[0].shape == (5, 6)


def test_a_colour_table_gives_the_indices_that_masks_mean(tmp_path):
    indices = RANDOM.integers(0, 4, (8, 9), dtype=np.uint8)
    image = Image.frombytes("P", (9, 8), indices.tobytes())
    image.putpalette([0, 0, 0, 255, 0, 0, 0, 255, 0, 0, 0, 255])
    image.save(tmp_path / "m.png")
    mask = open_stack(tmp_path / "m.png", AS_STORED)[0]
    np.testing.assert_array_equal(mask.pixels[0], indices)


def test_bits_are_zero_and_one(tmp_path):
    bits = RANDOM.integers(0, 2, (8, 9)).astype(bool)
    Image.fromarray(bits).save(tmp_path / "m.png")
    tifffile.imwrite(tmp_path / "m.tif", bits)
    np.save(tmp_path / "m.npy", bits)
    for name in ("m.png", "m.tif", "m.npy"):
        read = open_stack(tmp_path / name)[0].pixels
        assert read.dtype == np.uint8
        np.testing.assert_array_equal(read[0], bits)


def test_a_mosaic_of_ninety_million_pixels_is_no_attack(tmp_path):
    Image.new("1", (9500, 9500), 1).save(tmp_path / "m.png")
    assert open_stack(tmp_path / "m.png").size == (9500, 9500)
    assert describe(tmp_path / "m.png")[0].usable


def test_jpeg_and_bmp_and_gif_frames(tmp_path):
    grey = np.full((8, 9), 77, np.uint8)
    Image.fromarray(grey).save(tmp_path / "a.JPG", quality=100)
    Image.fromarray(grey).save(tmp_path / "a.bmp")
    frames = [Image.fromarray(grey + n) for n in range(3)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    for name in ("a.JPG", "a.bmp"):
        np.testing.assert_array_equal(open_stack(tmp_path / name)[0].pixels, grey[None])
    assert len(open_stack(tmp_path / "a.gif")) == 3
    assert open_stack(tmp_path / "a.gif")[2].size == (8, 9)


@pytest.mark.parametrize(
    ("shape", "planes", "channels"),
    [((8, 9), 1, 1), ((5, 8, 9), 5, 1), ((8, 9, 3), 1, 3), ((2, 3, 8, 9), 2, 3)],
)
def test_numpy_arrays(tmp_path, shape, planes, channels):
    np.save(tmp_path / "a.npy", ramp(*shape, dtype=">f4"))
    stack = open_stack(tmp_path / "a.npy")
    assert (len(stack), stack[0].pixels.shape) == (planes, (channels, 8, 9))
    assert stack[0].pixels.dtype == np.float32


def test_axes_of_the_user_override_those_of_the_file(tmp_path):
    stored = ramp(3, 8, 9)
    np.save(tmp_path / "a.npy", stored)
    np.testing.assert_array_equal(
        open_stack(tmp_path / "a.npy", ReadOptions(axes="CYX"))[0].pixels, stored
    )
    swapped = open_stack(tmp_path / "a.npy", ReadOptions(axes="xyz"))
    assert len(swapped) == 9
    np.testing.assert_array_equal(swapped[4].pixels[0], stored[:, :, 4].T)


def test_axes_of_the_user_keep_the_lengths_of_the_file(tmp_path):
    tifffile.imwrite(
        tmp_path / "a.tif", ramp(4, 8, 9, dtype="uint8"), imagej=True, resolution=(1, 0.5),
        metadata={"unit": "nm", "spacing": 50, "axes": "ZYX"},
    )  # fmt: skip
    stored = open_stack(tmp_path / "a.tif").pixel_size
    turned = open_stack(tmp_path / "a.tif", ReadOptions(axes="YXZ")).pixel_size
    assert stored is not None
    assert turned == replace(stored, y_nm=50, x_nm=stored.y_nm, z_nm=stored.x_nm)
    assert open_stack(tmp_path / "a.tif", ReadOptions(axes="TYX")).pixel_size == stored


@pytest.mark.parametrize("axes", ["ZX", "YYX", "Z-YX", ""])
def test_axes_without_a_plane_are_a_wrong_option(axes):
    with pytest.raises(UsageError, match="name no plane"):
        relabel(Signal("", (), np.dtype("u1"), lambda _: ramp(1)), axes)


def test_axes_of_another_number_of_dimensions_are_refused(tmp_path):
    np.save(tmp_path / "a.npy", ramp(8, 9))
    with pytest.raises(ContentError, match="no signal of 3 dimensions"):
        open_stack(tmp_path / "a.npy", ReadOptions(axes="ZYX"))


def test_nan_and_infinity_come_through(tmp_path):
    pixels = np.array([[np.nan, 1], [np.inf, -np.inf]], np.float32)
    tifffile.imwrite(tmp_path / "n.tif", pixels)
    np.testing.assert_array_equal(open_stack(tmp_path / "n.tif")[0].pixels[0], pixels)


def test_a_stack_larger_than_memory_opens_and_gives_one_plane(tmp_path):
    plane = ramp(2048, 2048)
    with (tmp_path / "big.tif").open("wb") as file:  # 17 GB, all but one plane a hole
        tifffile.imwrite(file, shape=(2000, 2048, 2048), dtype="uint16", bigtiff=True)
    array = tifffile.memmap(tmp_path / "big.tif")
    array[1999] = plane
    array.flush()
    del array
    tracemalloc.start()
    read = open_stack(tmp_path / "big.tif")[1999].pixels[0]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    np.testing.assert_array_equal(read, plane)
    assert peak < 5 * plane.nbytes


def test_a_plane_of_a_compressed_stack_decodes_one_page(tmp_path, monkeypatch):
    tifffile.imwrite(tmp_path / "s.tif", ramp(20, 8, 9), compression="zlib")
    decoded, asarray = [], tifffile.TiffPage.asarray

    def count(page, **options):
        decoded.append(page.index)
        return asarray(page, **options)

    monkeypatch.setattr(tifffile.TiffPage, "asarray", count)
    monkeypatch.setattr(tifffile.TiffFrame, "asarray", count)
    stack = open_stack(tmp_path / "s.tif")
    assert decoded == []
    stack[7]
    assert decoded == [7]


def test_stacks_travel_to_other_processes_and_threads(tmp_path):
    pixels = RANDOM.integers(0, 60000, (6, 33, 47), dtype=np.uint16)
    tifffile.imwrite(tmp_path / "s.tif", pixels, compression="zlib", photometric="minisblack")
    stack = pickle.loads(pickle.dumps(open_stack(tmp_path / "s.tif")))
    read = {}

    def work(index):
        read[index] = stack[index].pixels[0]

    threads = [threading.Thread(target=work, args=(index,)) for index in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for index in range(6):
        np.testing.assert_array_equal(read[index], pixels[index])


def test_a_file_that_was_replaced_is_read_anew(tmp_path):
    for shift in (0, 7):
        tifffile.imwrite(tmp_path / "s.tif", ramp(4, 8, 9) + shift, photometric="minisblack")
        assert open_stack(tmp_path / "s.tif")[0].pixels.min() == shift


def test_a_file_that_changed_shape_meanwhile_is_refused(tmp_path):
    tifffile.imwrite(tmp_path / "s.tif", ramp(4, 8, 9), photometric="minisblack")
    stack = open_stack(tmp_path / "s.tif")
    tifffile.imwrite(tmp_path / "s.tif", ramp(4, 8, 8), photometric="minisblack")
    with pytest.raises(UnreadableFileError, match="changed while it was read"):
        stack[0]


def test_gzip_is_unpacked(tmp_path):
    tifffile.imwrite(tmp_path / "s.tif", ramp(4, 8, 9), photometric="minisblack")
    with gzip.open(tmp_path / "s.tif.gz", "wb") as file:
        file.write((tmp_path / "s.tif").read_bytes())
    stack = open_stack(tmp_path / "s.tif.gz")
    assert stack.name == "s"
    np.testing.assert_array_equal(stack[3].pixels[0], ramp(4, 8, 9)[3])


def test_of_several_images_the_largest_is_taken(tmp_path):
    with tifffile.TiffWriter(tmp_path / "m.tif") as writer:
        writer.write(ramp(8, 9), metadata=None)
        writer.write(ramp(20, 30, dtype="float32"), metadata=None)
    signals = describe(tmp_path / "m.tif")
    assert [signal.shape for signal in signals] == [(8, 9), (20, 30)]
    assert [signal.is_taken for signal in signals] == [False, True]
    assert open_stack(tmp_path / "m.tif")[0].pixels.dtype == np.float32


def test_describe_says_axes_dtype_and_pixel_size(tmp_path):
    tifffile.imwrite(
        tmp_path / "s.ome.tif",
        ramp(4, 8, 9),
        photometric="minisblack",
        metadata={"axes": "ZYX", "PhysicalSizeX": 2.0, "PhysicalSizeXUnit": "nm",
                  "PhysicalSizeY": 3.0, "PhysicalSizeYUnit": "nm",
                  "PhysicalSizeZ": 0.05, "PhysicalSizeZUnit": "µm"},
    )  # fmt: skip
    (signal,) = describe(tmp_path / "s.ome.tif")
    assert [axis.name for axis in signal.axes] == ["z", "y", "x"]
    assert (signal.shape, signal.dtype, signal.usable) == ((4, 8, 9), "uint16", True)
    assert signal.pixel_size == PixelSize(3.0, 2.0, "OME-XML", 50.0)


@pytest.mark.parametrize(
    ("array", "reason"),
    [
        (np.zeros(9), "one dimension"),
        (np.zeros((1, 900)), "1 x 900 pixels is no image"),
        (np.zeros((8, 9), complex), "complex"),
        (np.zeros((0, 9)), "no image"),
        (np.array([["a", "b"], ["c", "d"]]), "no numbers"),
    ],
)
def test_what_is_no_image_says_why(tmp_path, array, reason):
    np.save(tmp_path / "a.npy", array)
    (signal,) = describe(tmp_path / "a.npy")
    assert not signal.usable
    assert reason in signal.reason
    with pytest.raises(ContentError, match=reason) as caught:
        open_stack(tmp_path / "a.npy")
    assert caught.value.exit_code == 4


def broken_files(folder):
    good = folder / "good.tif"
    tifffile.imwrite(good, ramp(64, 64), compression="zlib")
    bytes_of = {"tif": good.read_bytes()}
    for suffix in ("png", "jpg", "bmp"):
        noise = RANDOM.integers(0, 255, (64, 64), dtype=np.uint8)
        Image.fromarray(noise).save(folder / f"good.{suffix}")
        bytes_of[suffix] = (folder / f"good.{suffix}").read_bytes()
    np.save(folder / "good.npy", ramp(64, 64))
    bytes_of["npy"] = (folder / "good.npy").read_bytes()
    return bytes_of


@pytest.mark.parametrize("suffix", ["tif", "png", "jpg", "bmp", "npy"])
@pytest.mark.parametrize("part", [0.01, 0.3, 0.6, 0.95])
def test_a_file_cut_short_is_named_and_nothing_is_made_up(tmp_path, suffix, part):
    whole = broken_files(tmp_path)[suffix]
    path = tmp_path / f"cut.{suffix}"
    path.write_bytes(whole[: int(len(whole) * part)])
    with pytest.raises(UnreadableFileError, match=f"cut.{suffix}") as caught:
        open_stack(path)[0]
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("byteorder", ["<", ">"])
def test_an_uncompressed_stack_cut_short_is_refused(tmp_path, byteorder):
    path = tmp_path / "cut.tif"
    tifffile.imwrite(path, ramp(4, 64, 64), photometric="minisblack", byteorder=byteorder)
    path.write_bytes(path.read_bytes()[: 3 * 64 * 64 * 2])
    with pytest.raises(UnreadableFileError, match=r"cut\.tif"):
        open_stack(path)[3]


@pytest.mark.parametrize("name", ["a.tif", "a.png", "a.jpg", "a.bmp", "a.npy", "a.map.gz"])
@pytest.mark.parametrize("content", [b"these are notes, not pixels\n" * 40, b"\0" * 20, b""])
def test_a_file_that_is_not_what_its_name_says(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(UnreadableFileError, match=name) as caught:
        open_stack(path)[0]
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 4


def test_a_png_named_tif_is_recognised(tmp_path):
    Image.fromarray(np.zeros((8, 9), np.uint8)).save(tmp_path / "a.png")
    (tmp_path / "a.png").rename(tmp_path / "a.tif")
    with pytest.raises(UnreadableFileError, match="looks like PNG; rename it"):
        open_stack(tmp_path / "a.tif")


def test_a_missing_file_names_the_one_that_was_meant(tmp_path):
    (tmp_path / "grains.tif").touch()
    with pytest.raises(PathMissingError, match=r"did you mean 'grains\.tif'") as caught:
        open_stack(tmp_path / "grain.tif")
    assert caught.value.exit_code == 2
    with pytest.raises(PathMissingError, match="does not exist either"):
        open_stack(tmp_path / "nowhere" / "grain.tif")


def test_a_suffix_that_nothing_reads(tmp_path):
    (tmp_path / "a.tiif").touch()
    (tmp_path / "a.tiif").write_text("x")
    with pytest.raises(UnreadableFileError, match=r"did you mean '\.tiff?'"):
        open_stack(tmp_path / "a.tiif")


def test_a_folder_is_no_image(tmp_path):
    with pytest.raises(ContentError, match="is a folder"):
        open_stack(tmp_path)


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("a.tif", "a"),
        ("a.b.TIF", "a.b"),
        ("a.ome.tif", "a"),
        ("a.OME.TIFF", "a"),
        ("emd_3197.map.gz", "emd_3197"),
        ("dmTest_64,65,66.dm3", "dmTest_64,65,66"),
        ("no_suffix", "no_suffix"),
        ("a.xyz", "a"),
    ],
)
def test_stems(name, stem):
    from emseg.reading.formats import stem as stem_of

    assert stem_of(Path(name)) == stem


@pytest.mark.parametrize("name", ["a.tif", "a.mrc", "a.h5", "a.npy", "a.png", "a.dm4"])
def test_a_pipe_is_refused_and_not_waited_for(tmp_path, name):
    os.mkfifo(tmp_path / name)
    assert find_files([tmp_path / name]) == [tmp_path / name]
    for read in (open_stack, describe):
        with pytest.raises(UnreadableFileError, match="is a named pipe, a device or a socket"):
            read(tmp_path / name)


def test_a_compressed_file_is_named_in_what_is_wrong_with_it(tmp_path):
    header = bytearray(1024)
    header[:16] = np.array([400, 300, 4, 2], "<i4").tobytes()
    header[208:212] = b"MAP "
    with gzip.open(tmp_path / "a.mrc.gz", "wb") as file:
        file.write(header + bytes(5000))
    with pytest.raises(UnreadableFileError, match=r"a\.mrc\.gz is cut short") as caught:
        open_stack(tmp_path / "a.mrc.gz")
    assert str(caught.value).startswith(str(tmp_path))
