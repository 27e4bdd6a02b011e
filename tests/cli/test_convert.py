"""``emseg convert`` keeps values, calibration and classes, and loses nothing on the disk."""

import json
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from emseg.calibration import PixelSize
from emseg.micrograph import LabelClass, LabelImage, Micrograph, Region
from emseg.reading import AS_STORED, open_stack
from emseg.reading.stacks.label_images import read_label_images
from emseg.writing import write_label_images, write_micrographs

SIZE = PixelSize(1.92, 1.92, "the Gatan tags", z_nm=50.0)
CLASSES = (LabelClass("matrix", (0, 0, 0), (0,)), LabelClass("γ′", (255, 0, 0), (1, 255)))
PIXELS = np.random.default_rng(0).integers(0, 60_000, (3, 40, 50)).astype(np.uint16)


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def write_stack(path: str = "series é.ome.tif", size: PixelSize | None = SIZE) -> None:
    planes = [Micrograph(PIXELS[k : k + 1], "a", plane=k, pixel_size=size) for k in range(3)]
    write_micrographs(Path(path), planes)


@pytest.mark.parametrize("target", ["ome.tif", "ome.zarr", "hspy", "tif"])
def test_a_stack_and_back(emseg, target):
    write_stack()
    shown = emseg("convert", "series é.ome.tif", "--to", target)
    assert (shown.code, shown.out) == (0, f"written: converted/series é.{target} (3 planes)\n")
    back = emseg("convert", f"converted/series é.{target}", "--to", "ome.tif", "--out", "back")
    assert back.code == 0
    found = open_stack(Path("back/series é.ome.tif"))
    np.testing.assert_array_equal([each.pixels[0] for each in found], PIXELS)
    assert found.pixel_size == SIZE


def test_label_images_keep_their_classes(emseg):
    region = Region(0, 30, 0, 50, "the FEI tags")
    values = np.where(PIXELS[0] > 30_000, 1, 0).astype(np.uint8)
    images = tuple(LabelImage(values, CLASSES, "a", k, SIZE, region) for k in (4, 7))
    write_label_images(Path("labels.ome.tif"), images)
    for source, target in [("labels.ome.tif", "ome.zarr"), ("one/labels.ome.zarr", "hspy")]:
        out = "one" if target == "ome.zarr" else "two"
        assert emseg("convert", source, "--to", target, "--out", out).code == 0
    found = read_label_images(Path("two/labels.hspy"))
    assert [(each.classes, each.plane, each.pixel_size) for each in found] == [
        (CLASSES, 4, SIZE),
        (CLASSES, 7, SIZE),
    ]
    assert found[0].specimen == region
    np.testing.assert_array_equal(found[1].pixels, values)


def test_a_label_image_as_a_picture_is_refused(emseg, refused):
    write_label_images(Path("l.ome.tif"), [LabelImage(np.zeros((9, 9), np.uint8), CLASSES, "l")])
    line = refused(4, "convert", "l.ome.tif", "--to", "png")
    assert "class names; write ome.tif or ome.zarr or hspy" in line


def test_only_some_planes_and_pixels(emseg):
    write_stack("a.ome.tif")
    said = ("--slices", "1:3", "--crop", "5:25,10:20", "--pixel-size", "3nm", "--invert")
    assert emseg("convert", "a.ome.tif", "--to", "tif", *said).code == 0
    found = open_stack(Path("converted/a.tif"), AS_STORED)
    np.testing.assert_array_equal([each.pixels[0] for each in found], ~PIXELS[1:3, 5:25, 10:20])
    assert (found.pixel_size.x_nm, found.pixel_size.z_nm) == (3.0, 50.0)


@pytest.mark.parametrize(("more", "rows"), [((), 40), (("--cut-bar",), 30)])
def test_an_information_bar_is_kept_unless_it_is_to_go(emseg, more, rows):
    region = Region(0, 30, 0, 50, "the FEI tags")
    write_micrographs(Path("a.ome.tif"), [Micrograph(PIXELS[:1], "a", specimen=region)])
    assert emseg("convert", "a.ome.tif", "--to", "ome.zarr", *more).code == 0
    found = open_stack(Path("converted/a.ome.zarr"))
    assert found.size == (rows, 50)
    assert found.specimen == (None if more else region)


@pytest.mark.parametrize(
    ("target", "what"),
    [("png", "several planes"), ("npy", "a pixel size")],
)
def test_what_the_format_cannot_hold_is_refused(refused, target, what):
    write_stack("a.ome.tif")
    line = refused(4, "convert", "a.ome.tif", "--to", target)
    assert what in line
    assert "write ome.tif or ome.zarr or hspy" in line


def test_calibration_is_dropped_only_when_told(emseg):
    write_stack("a.ome.tif")
    assert emseg("convert", "a.ome.tif", "--to", "npy", "--drop-calibration").code == 0
    np.testing.assert_array_equal(np.load("converted/a.npy"), PIXELS)


def test_one_bad_file_costs_only_itself(emseg):
    write_stack("a.ome.tif")
    Path("b.png").write_bytes(b"\x89PNG")
    Image.fromarray(PIXELS[0].astype(np.uint8)).save("c.png")
    shown = emseg("convert", ".", "--json")
    assert shown.code == 3
    said = {each["file"]: each for each in json.loads(shown.out)}
    assert [said[name]["written"] for name in ("a.ome.tif", "b.png", "c.png")] == [
        "converted/a.ome.tif",
        None,
        "converted/c.ome.tif",
    ]
    assert "b.png" in said["b.png"]["error"]
    assert said["a.ome.tif"]["planes"] == 3


def test_names_that_collide_keep_their_folder(emseg):
    for folder in ("monday", "friday"):
        Path(folder).mkdir()
        tifffile.imwrite(f"{folder}/a.tif", PIXELS[0])
    shown = emseg("convert", "monday", "friday", "--to", "png")
    assert (shown.code, shown.out) == (0, "in converted: 2 files (*.png)\n")
    assert Path("converted/monday/a.png").is_file()


def test_what_is_there_is_replaced_only_when_told(emseg, refused):
    write_stack("a.ome.tif")
    for target in ("ome.zarr", "hspy"):
        assert emseg("convert", "a.ome.tif", "--to", target).code == 0
        assert "done before" in emseg("convert", "a.ome.tif", "--to", target).err
        other = ("convert", "a.ome.tif", "--to", target, "--drop-calibration")
        assert "--overwrite" in refused(2, *other)
        again = ("--to", target, "--overwrite", "--slices", "0:1")
        assert emseg("convert", "a.ome.tif", *again).code == 0
        assert len(open_stack(Path(f"converted/a.{target}"))) == 1


def test_an_input_is_never_overwritten(refused):
    write_stack("a.ome.tif")
    line = refused(2, "convert", "a.ome.tif", "--out", ".", "--overwrite")
    assert "would overwrite an input" in line


@pytest.mark.parametrize(
    ("said", "hint"),
    [
        (("--to", "ome.tiff"), "ome.tif"),
        (("--pixel-size", "4"), "pixel size"),
        (("--slices", "7:9"), "picks none"),
        (("--crop", "x"), "--crop"),
        (("--axes", "q"), "axes"),
    ],
)
def test_wrong_options_are_one_line(refused, said, hint):
    write_stack("a.ome.tif")
    assert hint in refused(2, "convert", "a.ome.tif", *said)


def test_other_images_of_the_file_are_told(emseg):
    with tifffile.TiffWriter("a.tif") as tiff:
        tiff.write(PIXELS[0], description="first")
        tiff.write(PIXELS[0, :20, :20], description="second")
    shown = emseg("convert", "a.tif")
    assert shown.code == 0
    assert "holds 2 images" in shown.err


@pytest.mark.parametrize("target", ["ome.tif", "ome.zarr", "hspy"])
def test_converted_label_images_are_evaluated_by_class_name(emseg, target):
    values = np.where(PIXELS[:2] > 30_000, 1, 0).astype(np.uint8)
    images = [LabelImage(each, CLASSES, "a", k, SIZE) for k, each in enumerate(values)]
    write_label_images(Path("a.ome.tif"), images)
    tifffile.imwrite("mask.tif", values * 255)  # 255 is γ′ in the user's masks
    assert emseg("convert", "a.ome.tif", "--to", target).code == 0
    shown = emseg("evaluate", f"converted/a.{target}", "mask.tif", "--json")
    assert shown.code == 0, shown.err
    assert "γ′" in shown.out
    assert json.loads(shown.out)["mean"]["dice"] == 1.0


def test_a_table_of_greys_is_converted_as_it_is_shown_and_told(emseg):
    values = np.random.default_rng(1).integers(0, 4, (40, 50), dtype=np.uint8)
    greys = np.array([150, 20, 90, 240], np.uint8)
    image = Image.frombytes("P", (50, 40), values.tobytes())
    image.putpalette(np.repeat(greys, 3).tobytes())
    image.save("p.png")
    shown = emseg("convert", "p.png", "--to", "npy")
    assert "p.png has a table of greys, and the greys are read" in shown.err
    np.testing.assert_array_equal(np.load("converted/p.npy"), greys[values])
