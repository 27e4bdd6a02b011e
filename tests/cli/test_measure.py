"""What a user types to measure label images, and what comes out."""

import csv
import json
import math
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from emseg import __version__
from emseg.calibration import PixelSize
from emseg.config import MeasureConfig
from emseg.micrograph import LabelClass, LabelImage, Region
from emseg.writing import write_label_images

CLASSES = (LabelClass("matrix", (0, 0, 0), (0,)), LabelClass("particle", (230, 159, 0), (1,)))
NM = PixelSize(2.0, 2.0, "the Gatan tags")
QUIET = ("--no-pictures", "--quiet")


def squares(shape, *corners, side=10):
    """A plane of 0 with squares of 1 whose upper left corners are given."""
    plane = np.zeros(shape, np.uint8)
    for row, column in corners:
        plane[row : row + side, column : column + side] = 1
    return plane


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder with two label images of emseg: 50 x 80 pixels of 2 nm above an information bar."""
    monkeypatch.chdir(tmp_path)
    specimen = Region(0, 50, 0, 80, "the FEI tags")
    for number, corners in ((2, [(10, 20), (30, 40)]), (10, [(20, 30), (40, 60)])):
        plane = squares((60, 80), *corners)
        plane[50:] = 255
        image = LabelImage(plane, CLASSES, str(number), None, NM, specimen)
        path = tmp_path / "predictions" / f"{number}.ome.tif"
        write_label_images(path, [image], count=1)
    return tmp_path


def table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def summary(folder: str = "measurements") -> dict:
    return json.loads((Path(folder) / "summary.json").read_text(encoding="utf-8"))


def test_a_row_an_object_in_nanometres(emseg, here):
    assert emseg("measure", "predictions", *QUIET).code == 0
    rows = table(here / "measurements" / "objects.csv")
    assert [(row["image"], row["class"], row["object"]) for row in rows] == [
        ("2", "particle", "1"), ("2", "particle", "2"),
        ("10", "particle", "1"), ("10", "particle", "2"),
    ]  # fmt: skip
    assert {float(row["area_nm2"]) for row in rows} == {400.0}
    assert float(rows[0]["diameter_nm"]) == pytest.approx(math.sqrt(1600 / math.pi))
    assert [float(rows[0][f"centroid_{axis}_nm"]) for axis in "xy"] == [49.0, 29.0]
    assert [row["touches_border"] for row in rows] == ["False"] * 3 + ["True"]  # at the bar
    assert not [name for name in rows[0] if name.endswith(("_px", "_px2"))]


def test_the_bar_is_in_no_denominator_and_the_border_is_corrected_for(emseg, here):
    run = emseg("measure", "predictions", "--json", "--no-pictures")
    assert run.code == 0
    assert run.out == (here / "measurements" / "summary.json").read_text(encoding="utf-8")
    said = json.loads(run.out)
    particle = said["classes"]["particle"]
    assert said["unit"] == "nm"
    assert said["labelled_area_nm2"] == 2 * 50 * 80 * 4
    assert particle["area_fraction"]["mean"] == pytest.approx(200 / 4000)
    objects = particle["objects"]
    assert [objects[key] for key in ("found", "touching_border", "counted")] == [4, 1, 3]
    weight = (
        50 * 80 / ((80 - 10 - 1) * (50 - 10 - 1))
    )  # Miles-Lantuejoul, as docs/measure.md has it
    assert objects["density_per_nm2"]["mean"] == pytest.approx(3 * weight / (2 * 50 * 80 * 4))
    assert objects["diameter_nm"]["d50"] == pytest.approx(math.sqrt(1600 / math.pi))
    assert objects["diameter_nm"]["few"] is True
    assert [each["image"] for each in said["images"]] == ["2", "10"]
    assert said["images"][0]["pixel_size"] == {"y_nm": 2, "x_nm": 2, "source": "the Gatan tags"}
    assert said["images"][0]["height_px"] == 50
    assert said["emseg"] == __version__
    assert "Crofton" in said["definitions"]["perimeter"]


def test_the_table_on_the_terminal_and_what_to_beware_of(emseg, here):
    run = emseg("measure", "predictions", "--no-pictures")
    lines = [" ".join(line.split()) for line in run.out.splitlines()]
    assert lines[:3] == [
        "class area fraction 95 % interval",
        "matrix 95.00 % 95 to 95 %",
        "particle 5.00 % 5 to 5 %",
    ]
    assert lines[4] == "class objects diameter (nm) d10 d50 d90 per µm² 95 % interval"
    assert lines[5].startswith("particle 4 22.57 ± 0 22.57 22.57 22.57 139.4 ")
    assert "2 fields of view, 0.032 µm² of labelled area" in lines
    assert "particle: sizes of 3 of 4 objects; 1 touches the border" in lines
    assert "unlabelled" not in run.out  # the bar is no specimen
    assert "pixel size: 2 nm, from the Gatan tags" in run.err.splitlines()[0]
    assert "2 fields of view are few" in run.err
    assert "particle: 3 objects are few" in run.err
    assert max(map(len, run.out.splitlines())) <= 80


def test_files_lie_where_the_last_lines_say(emseg, here):
    assert emseg("measure", "predictions", "--out", "deep/er").code == 0
    made = sorted(str(path.relative_to("deep/er")) for path in Path("deep").rglob("*.*"))
    assert made == [
        "measure.toml", "objects.csv", "overlays/10.png", "overlays/2.png",
        "sizes_particle.png", "summary.csv", "summary.json",
    ]  # fmt: skip
    config = MeasureConfig.from_toml(here / "deep" / "er" / "measure.toml")
    assert (config.inputs, config.border, config.out) == (
        (Path("predictions"),), "correct", Path("deep/er"),
    )  # fmt: skip
    rows = table(here / "deep" / "er" / "summary.csv")
    assert [(row["image"], row["class"]) for row in rows] == [
        (image, name) for image in ("all", "2", "10") for name in ("matrix", "particle")
    ]
    assert [float(row["area_fraction"]) for row in rows[1::2]] == [0.05, 0.05, 0.05]
    assert (rows[0]["objects"], rows[1]["objects"]) == ("", "4")


def test_earlier_measurements_are_replaced_with_a_notice(emseg, here):
    assert "earlier" not in emseg("measure", "predictions", "--no-pictures").err
    again = emseg("measure", "predictions/2.ome.tif", "--no-pictures")
    assert "measurements holds earlier measurements" in again.err
    assert {row["image"] for row in table(here / "measurements" / "objects.csv")} == {"2"}


@pytest.mark.parametrize(("border", "counted", "per_field"), [("drop", 3, 1.5), ("keep", 4, 2.0)])
def test_cut_objects_are_dropped_or_kept_on_request(emseg, here, border, counted, per_field):
    assert emseg("measure", "predictions", "--border", border, *QUIET).code == 0
    objects = summary()["classes"]["particle"]["objects"]
    assert objects["counted"] == counted
    assert objects["density_per_nm2"]["mean"] == pytest.approx(per_field / 16000)


def test_an_area_fraction_is_one_of_volume_only_when_the_user_says_so(emseg, here):
    assert emseg("measure", "predictions", "--sections", *QUIET).code == 0
    particle = summary()["classes"]["particle"]
    assert particle["volume_fraction"]["mean"] == pytest.approx(0.05)
    assert "area_fraction" not in particle


def test_any_class_can_be_chosen_and_numbers_are_unique_in_an_image(emseg, here):
    chosen = ("--class", "matrix", "--class", "particle")
    assert emseg("measure", "predictions/2.ome.tif", *chosen, *QUIET).code == 0
    rows = table(here / "measurements" / "objects.csv")
    assert [(row["class"], row["object"], row["nearest"]) for row in rows] == [
        ("matrix", "1", "0"), ("particle", "2", "3"), ("particle", "3", "2"),
    ]  # fmt: skip


def test_label_images_of_another_program_in_pixels(emseg, here):
    Path("masks").mkdir()
    Image.fromarray(squares((40, 50), (10, 10), (20, 30)) * 255).save("masks/a.png")
    run = emseg("measure", "masks", "--labels", "0=matrix,255=pore", "--no-pictures")
    assert run.code == 0
    assert "the pixel size is unknown" in run.err
    row = table(here / "measurements" / "objects.csv")[0]
    assert (row["class"], float(row["area_px2"])) == ("pore", 100)
    assert not [name for name in row if name.endswith(("_nm", "_nm2"))]
    assert summary()["unit"] == "px"
    assert summary()["images"][0]["pixel_size"] is None


def test_label_images_that_write_a_class_otherwise_are_measured_as_one(emseg, here):
    Path("masks").mkdir()
    for name, value in (("a", 255), ("b", 1)):
        Image.fromarray(squares((40, 50), (10, 10)) * np.uint8(value)).save(f"masks/{name}.png")
    run = emseg("measure", "masks", "--no-pictures")
    assert run.code == 0
    assert "different numbers, which are taken as one: 1 in b.png, 255 in a.png" in run.err
    assert summary()["classes"]["foreground"]["area_fraction"]["mean"] == 100 / 2000


def test_a_pixel_size_and_a_diameter_from_the_command_line(emseg, here):
    plane = squares((40, 50), (10, 10)) | squares((40, 50), (30, 40), side=2)
    tifffile.imwrite("a.tif", plane)
    options = ("--pixel-size", "3nm,1nm", "--smallest", "5nm", *QUIET)
    assert emseg("measure", "a.tif", "--classes", "matrix,pore", *options).code == 0
    rows = table(here / "measurements" / "objects.csv")
    assert [float(row["area_nm2"]) for row in rows] == [300.0]  # 4 pixels are a circle of 3.9 nm
    assert summary()["classes"]["pore"]["area_fraction"]["mean"] == 104 / 2000


def test_unlabelled_margins_are_no_part_of_the_field(emseg, here):
    plane = squares((40, 50), (12, 12), (20, 30))
    plane[30:], plane[:, :3], plane[5, 20] = 255, 255, 255
    tifffile.imwrite("a.tif", plane)
    run = emseg("measure", "a.tif", "--no-pictures")
    assert run.code == 0
    rows = table(here / "measurements" / "objects.csv")
    assert [row["touches_border"] for row in rows] == ["False", "True"]
    assert [float(row["centroid_column"]) for row in rows] == [16.5, 34.5]
    image = summary()["images"][0]
    assert (image["height_px"], image["width_px"], image["unlabelled_px"]) == (30, 47, 1)
    assert "unlabelled, and in no fraction: 0.1 % of the pixels" in run.out


def test_the_sample_particles_have_their_true_diameters(emseg, here, repository):
    folder = repository / "sample_data" / "nanoparticles"
    options = ("--images", folder / "images", "--border", "drop", *QUIET)
    assert emseg("measure", folder / "masks", *options).code == 0
    found = [
        (row["image"], float(row["centroid_row"]), float(row["centroid_column"]), row)
        for row in table(here / "measurements" / "objects.csv")
        if row["touches_border"] == "False"
    ]
    errors = []
    for particle in table(folder / "objects.csv"):
        y, x, true = (float(particle[key]) for key in ("y_px", "x_px", "diameter_nm"))
        near = [
            float(row["diameter_nm"])
            for image, row_, column, row in found
            if particle["image"].startswith(image) and math.hypot(row_ - y, column - x) < 1
        ]
        errors += [each / true - 1 for each in near]
    assert len(errors) == len(found) > 150
    assert abs(np.mean(errors)) < 0.005


def test_a_crop_is_the_specimen_and_places_are_those_in_the_whole_image(emseg, here):
    tifffile.imwrite("a.tif", squares((40, 50), (12, 12), (25, 35), (0, 0)))
    assert emseg("measure", "a.tif", "--crop", "5:40,5:50", *QUIET).code == 0
    rows = table(here / "measurements" / "objects.csv")
    assert [float(row["centroid_row"]) for row in rows] == [7.0, 16.5, 29.5]
    assert [float(row["centroid_column"]) for row in rows] == [7.0, 16.5, 39.5]
    assert [row["touches_border"] for row in rows] == ["True", "False", "False"]
    assert summary()["labelled_area_px2"] == 35 * 45


class TestMicrographs:
    @pytest.fixture
    def micrographs(self, here):
        """Micrographs of the two predictions, with two channels, and one of 1 nm pixels more."""
        Path("micrographs").mkdir()
        for number in ("2", "10", "11"):
            pixels = np.zeros((2, 60, 80), np.float32)
            pixels[0, :, 40:], pixels[1] = 6.0, 0.5
            pixels[:, 50:] = 99.0
            tifffile.imwrite(
                f"micrographs/{number}.ome.tif", pixels,
                metadata={
                    "axes": "CYX", "PhysicalSizeX": 1.0, "PhysicalSizeXUnit": "nm",
                    "PhysicalSizeY": 1.0, "PhysicalSizeYUnit": "nm",
                    "Channel": {"Name": ["HAADF", "Si"]},
                },
            )  # fmt: skip
        return here / "micrographs"

    def test_mean_intensities_of_every_channel(self, emseg, here, micrographs):
        run = emseg("measure", "predictions", "--images", micrographs, *QUIET)
        assert run.code == 0
        rows = table(here / "measurements" / "objects.csv")
        assert [float(row["mean_intensity_HAADF"]) for row in rows] == [0, 6, 0, 6]
        assert {row["mean_intensity_Si"] for row in rows} == {"0.5"}
        assert {float(row["area_nm2"]) for row in rows} == {400.0}  # the label image knows better

    def test_their_pixel_size_where_the_label_image_has_none(self, emseg, here, micrographs):
        Path("masks").mkdir()
        for number in (2, 10):
            Image.fromarray(squares((60, 80), (20, 20))).save(f"masks/{number}_mask.png")
        assert emseg("measure", "masks", "--images", micrographs, *QUIET).code == 0
        assert summary()["unit"] == "nm"
        assert summary()["images"][0]["pixel_size"]["source"] == "OME-XML of the micrograph"

    def test_a_label_image_without_one_is_left_out_with_a_notice(self, emseg, here, micrographs):
        (micrographs / "10.ome.tif").unlink()
        run = emseg("measure", "predictions", "--images", micrographs, "--no-pictures")
        assert run.code == 0
        assert "left out: 1 label image without a micrograph of that name" in run.err
        assert [each["image"] for each in summary()["images"]] == ["2"]

    def test_one_of_another_size_costs_only_itself(self, emseg, here, micrographs):
        tifffile.imwrite(micrographs / "10.tif", np.zeros((9, 12), np.uint8))
        (micrographs / "10.ome.tif").unlink()
        run = emseg("measure", "predictions", "--images", micrographs, "--no-pictures")
        assert run.code == 3
        assert "60 x 80 pixels (rows x columns) and its micrograph" in run.err
        assert run.err.splitlines()[-1].startswith("emseg: error: 1 of 2 label images failed")
        assert len(summary()["failed"]) == 1
        assert {row["image"] for row in table(here / "measurements" / "objects.csv")} == {"2"}


class TestInstances:
    @pytest.fixture
    def cells(self, here):
        """Numbered cells in 32 bits; two of them touch, one is of 4 pixels."""
        plane = np.zeros((40, 50), np.uint32)
        plane[5:15, 5:15], plane[5:15, 15:25], plane[30:32, 30:32] = 7, 70_000, 3_000_000_000
        tifffile.imwrite("cells_cp_masks.tif", plane)
        return "cells_cp_masks.tif"

    def test_every_value_is_an_object_and_keeps_its_number(self, emseg, here, cells):
        assert emseg("measure", cells, "--instances", *QUIET).code == 0
        rows = table(here / "measurements" / "objects.csv")
        assert [(row["class"], row["object"]) for row in rows] == [
            ("object", "7"), ("object", "70000"), ("object", "3000000000"),
        ]  # fmt: skip
        assert [row["neighbours"] for row in rows] == ["1", "1", "0"]
        assert summary()["classes"]["object"]["area_fraction"]["mean"] == 204 / 2000

    def test_small_ones_can_be_left_out(self, emseg, here, cells):
        assert emseg("measure", cells, "--instances", "--smallest", "5", *QUIET).code == 0
        rows = table(here / "measurements" / "objects.csv")
        assert [row["object"] for row in rows] == ["7", "70000"]

    def test_a_value_may_mean_that_nobody_looked(self, emseg, here, cells):
        options = ("--instances", "--unlabelled", "70000", *QUIET)
        assert emseg("measure", cells, *options).code == 0
        rows = table(here / "measurements" / "objects.csv")
        assert [row["object"] for row in rows] == ["7", "3000000000"]
        assert summary()["classes"]["object"]["area_fraction"]["mean"] == 104 / 1900
        assert summary()["images"][0]["unlabelled_px"] == 100

    def test_numbers_that_began_again_have_no_size_and_no_density(self, emseg, here):
        cells = np.zeros((100, 200), np.uint16)
        for n in range(300):
            y, x = divmod(n, 30)
            cells[8 * y + 1 : 8 * y + 4, 6 * x + 1 : 6 * x + 5] = n + 1
        tifffile.imwrite("cells.tif", cells.astype(np.uint8))
        run = emseg("measure", "cells.tif", "--instances", "--no-pictures")
        assert "notice: cells.tif: 44 of 255 numbers lie in several pieces far apart" in run.err
        assert "add --split to take each piece as an object" in run.err
        objects = summary()["classes"]["object"]["objects"]
        assert (objects["found"], objects["scattered"], objects["counted"]) == (255, 44, 211)
        assert objects["density_per_px2"]["mean"] is None
        run = emseg("measure", "cells.tif", "--instances", "--split", "--no-pictures")
        assert "those numbered 256, 512... are lost; save the objects with 16 bits" in run.err
        objects = summary()["classes"]["object"]["objects"]
        assert (objects["found"], objects["scattered"]) == (299, 0)
        weight = 100 * 200 / ((200 - 4 - 1) * (100 - 3 - 1))
        assert objects["density_per_px2"]["mean"] == pytest.approx(299 * weight / (100 * 200))

    def test_a_crumb_far_away_does_not_widen_the_box_of_the_border_correction(self, emseg, here):
        plane = np.zeros((100, 200), np.uint8)
        plane[10:20, 10:20], plane[90, 190] = 1, 1
        tifffile.imwrite("crumb.tif", plane)
        assert emseg("measure", "crumb.tif", "--instances", *QUIET).code == 0
        density = summary()["classes"]["object"]["objects"]["density_per_px2"]["mean"]
        assert density == pytest.approx(1 / ((200 - 10 - 1) * (100 - 10 - 1)))

    def test_without_the_option_they_are_too_many_classes(self, refused, here):
        tifffile.imwrite("many.tif", np.arange(2000, dtype=np.uint16).reshape(40, 50))
        assert "add --instances" in refused(4, "measure", "many.tif")


def test_touching_particles_are_split_on_request(emseg, here):
    y, x = np.mgrid[:60, :90]
    plane = (np.hypot(y - 30, x - 30) < 12) | (np.hypot(y - 30, x - 52) < 12)
    Image.fromarray(plane.astype(np.uint8)).save("a.png")
    for option, count in ((), 1), (("--split",), 2):
        assert emseg("measure", "a.png", *option, *QUIET).code == 0
        assert len(table(here / "measurements" / "objects.csv")) == count


def test_planes_of_a_stack_are_fields_and_find_their_plane_of_the_micrograph(emseg, here):
    images = [
        LabelImage(squares((40, 50), (10, 10)), CLASSES, "series", number, NM)
        for number in (2, 3)
    ]  # fmt: skip
    write_label_images(here / "stack" / "series.ome.tif", images, count=2)
    levels = np.arange(5, dtype=np.uint8)[:, None, None] * np.ones((1, 40, 50), np.uint8)
    tifffile.imwrite("series.tif", levels + 1)
    run = emseg("measure", "stack", "--images", "series.tif", "--no-pictures")
    assert run.code == 0
    rows = table(here / "measurements" / "objects.csv")
    assert [(row["image"], row["mean_intensity_1"]) for row in rows] == [
        ("series[0]", "3.0"), ("series[1]", "4.0"),
    ]  # fmt: skip
    assert "planes of a stack count as fields of view" in run.err
    assert emseg("measure", "stack", "--slices", "1:2", *QUIET).code == 0
    assert [each["plane"] for each in summary()["images"]] == [1]


def test_no_object_is_no_error(emseg, here):
    Image.fromarray(np.zeros((20, 30), np.uint8)).save("a.png")
    run = emseg("measure", "a.png", "--classes", "matrix,pore")
    assert run.code == 0
    assert "pore: no object" in run.err
    lines = (here / "measurements" / "objects.csv").read_text(encoding="utf-8").splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("image,class,object,area_px2,")
    assert not list((here / "measurements").glob("sizes_*"))
    assert summary()["classes"]["pore"]["objects"]["diameter_px"]["mean"] is None


def test_a_class_that_is_cut_everywhere_has_no_size(emseg, here):
    tifffile.imwrite("a.tif", squares((40, 50), (0, 10), (30, 20)))
    run = emseg("measure", "a.tif", "--no-pictures")
    assert run.code == 0
    assert "every object touches the border (2 of 2)" in run.err
    objects = summary()["classes"]["foreground"]["objects"]
    assert objects["found"] == 2
    assert objects["density_per_px2"]["mean"] is None


def test_parquet_holds_what_the_table_holds(emseg, here):
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")
    assert emseg("measure", "predictions", "--parquet", *QUIET).code == 0
    rows = parquet.read_table(here / "measurements" / "objects.parquet").to_pylist()
    text = table(here / "measurements" / "objects.csv")
    assert len(rows) == len(text) == 4
    for row, cells in zip(rows, text, strict=True):
        assert {name: "" if value is None else str(value) for name, value in row.items()} == cells
    assert isinstance(rows[0]["touches_border"], bool)


def test_every_class_has_a_picture_of_its_sizes(emseg, here):
    plane = squares((60, 80), (5, 5)) + 2 * squares((60, 80), (5, 30))
    plane += 3 * squares((60, 80), (30, 5)) + 4 * squares((60, 80), (30, 30))
    tifffile.imwrite("a.tif", plane)
    labels = "0=matrix,1=a b,2=a/b,3=A?B,4=a_b_1"
    chosen = [part for name in ("a b", "a/b", "A?B", "a_b_1") for part in ("--class", name)]
    run = emseg("measure", "a.tif", "--labels", labels, *chosen)
    assert run.code == 0
    made = ["sizes_a_b_2.png", "sizes_a_b_3.png", "sizes_A_B_4.png", "sizes_a_b_1.png"]
    assert f"pictures: {', '.join(made)}, overlays/" in run.out
    assert {path.name for path in (here / "measurements").glob("sizes_*")} == set(made)


def test_a_coloured_scale_bar_leaves_a_micrograph_grey(emseg, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    mask = np.zeros((40, 50), np.uint8)
    mask[10:20, 10:30] = 1
    for folder in ("masks", "images"):
        Path(folder).mkdir()
    for name in ("a", "b"):
        Image.fromarray(mask).save(f"masks/{name}.png")
    grey = np.stack([mask * 100 + 20] * 3, axis=-1)
    Image.fromarray(grey).save("images/a.png")
    grey[-3:, -20:] = (255, 255, 0)
    Image.fromarray(grey).save("images/b.png")
    run = emseg("measure", "masks", "--images", "images", "--out", "measured")
    assert run.code == 0, run.err
    assert "b.png is grey stored in colour" in run.err
    rows = list(csv.DictReader(Path("measured/objects.csv").read_text("utf-8").splitlines()))
    assert [float(each["mean_intensity_1"]) for each in rows] == [120.0, 120.0]


def test_label_images_of_the_planes_of_a_stack_find_them(emseg, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "labels").mkdir()
    planes = np.stack([np.full((20, 30), 10 * n, np.uint8) for n in (1, 2)])
    tifffile.imwrite(tmp_path / "s.tif", planes, photometric="minisblack")
    mask = np.zeros((20, 30), np.uint8)
    mask[5:9, 5:9] = 1
    for name in ("z1", "z2"):
        tifffile.imwrite(tmp_path / "labels" / f"{name}.tif", mask)
    shown = emseg("measure", "labels", "--images", "s.tif", "--labels", "0=a,1=b")
    assert shown.code == 0, shown.err
    assert "planes of s.tif are paired with the label images z1.tif to z2.tif" in shown.err
    with (tmp_path / "measurements" / "objects.csv").open(newline="") as file:
        found = {row["image"]: float(row["mean_intensity_1"]) for row in csv.DictReader(file)}
    assert found == {"z1": 10, "z2": 20}
