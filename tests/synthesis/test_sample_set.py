import csv
import hashlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from emseg.errors import UsageError
from emseg.reading import open_stack
from emseg.synthesis import write_demo_set, write_samples

PIXEL_SIZES_NM = {  # (z, y, x)
    "nanoparticles/images/particles_01.ome.tif": (None, 0.5, 0.5),
    "nanoparticles/images/particles_06.tif": (None, 0.5, 0.5),
    "nanoparticles/test/images/particles_test.ome.tif": (None, 0.5, 0.5),
    "membranes/images/membranes_02.ome.tif": (None, 4.0, 4.0),
    "membrane_stack/images/membrane_stack.tif": (50.0, 4.0, 4.0),
    "two_phase/images/alloy_01.tif": (None, 10.0, 10.0),
    "two_phase/images/alloy_tilted.tif": (None, 8.0 / np.cos(np.radians(52)), 8.0),
    "lattice/images/lattice_odd.ome.tif": (None, 0.016, 0.016),
    "classes/membranes/membranes_03.tif": (None, 4.0, 4.0),
}


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """The set as the command writes it, and what the command said."""
    folder = tmp_path_factory.mktemp("samples") / "ein Ordner µ"
    command = [sys.executable, "-m", "emseg", "samples", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return folder, done.stdout


@pytest.fixture(scope="module")
def committed(repository):
    return repository / "sample_data"


def files(folder: Path) -> dict[str, Path]:
    return {
        path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()
    }


def pixels(path: Path) -> np.ndarray:
    if path.suffix == ".png":
        with Image.open(path) as image:
            return np.asarray(image)
    return tifffile.imread(path)


def test_the_command_writes_the_files_of_the_repository(written, committed):
    folder, said = written
    assert set(files(folder)) == set(files(committed))
    assert said.startswith(f"{len(files(folder))} files, ")


def test_regenerated_truth_is_the_committed_one(written, committed):
    compared = 0
    for name, path in files(committed).items():
        if "/masks/" in name:
            assert np.array_equal(pixels(written[0] / name), pixels(path)), name
            compared += 1
        elif path.suffix in {".csv", ".md"}:
            assert (written[0] / name).read_bytes() == path.read_bytes(), name
    assert compared == 7 + 3 + 1 + 3 + 3


def test_regenerated_images_are_the_committed_ones_to_a_grey_level(written, committed):
    compared = 0
    for name, path in files(committed).items():
        if path.suffix == ".tif" and "/masks/" not in name:
            ours, theirs = pixels(written[0] / name), pixels(path)
            level = 1 / 65536 if theirs.dtype.kind == "f" else 1
            assert ours.dtype == theirs.dtype, name
            differences = np.abs(ours.astype(float) - theirs.astype(float))
            assert differences.max() <= level, name
            assert np.mean(differences > 0) < 0.01, name
            compared += 1
    assert compared == 7 + 3 + 1 + 3 + 3 + 48


def test_checksums_are_those_of_the_files(written, committed):
    for folder in (written[0], committed):
        lines = (folder / "SHA256SUMS").read_text("utf-8").splitlines()
        sums = {name: digest for digest, name in (line.split("  ") for line in lines)}
        assert set(sums) == set(files(folder)) - {"SHA256SUMS"}
        for name, digest in sums.items():
            assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest, name


def test_the_set_is_small(committed):
    assert sum(path.stat().st_size for path in files(committed).values()) < 6e6


@pytest.mark.parametrize("name", PIXEL_SIZES_NM)
def test_emseg_reads_the_calibration(committed, name):
    z, y, x = PIXEL_SIZES_NM[name]
    size = open_stack(committed / name).pixel_size
    assert (size.y_nm, size.x_nm) == pytest.approx((y, x), rel=1e-6)
    assert size.z_nm == (None if z is None else pytest.approx(z, rel=1e-6))


def test_emseg_reads_no_calibration_where_there_is_none(committed):
    assert open_stack(committed / "membranes/images/membranes_uncalibrated.tif").pixel_size is None


@pytest.mark.parametrize("name", PIXEL_SIZES_NM)
def test_hyperspy_reads_the_calibration(committed, name):
    from rsciio.tiff import file_reader  # what hyperspy reads TIFF with

    (signal,) = file_reader(str(committed / name))
    axes = {axis["name"]: axis for axis in signal["axes"]}
    to_nm = {"nm": 1.0, "µm": 1e3}
    found = [axes[each]["scale"] * to_nm[axes[each]["units"]] for each in ("height", "width")]
    assert found == pytest.approx(list(PIXEL_SIZES_NM[name][1:]), rel=1e-6)


@pytest.mark.parametrize("name", [each for each in PIXEL_SIZES_NM if each.endswith(".ome.tif")])
def test_the_resolution_tags_of_an_ome_tiff_say_the_same(committed, name):
    with tifffile.TiffFile(committed / name) as tiff:
        tags = tiff.pages.first.tags
        assert tiff.is_ome
        assert tags["ResolutionUnit"].value == tifffile.RESUNIT.CENTIMETER
        counts, per = tags["YResolution"].value
    assert 1e7 * per / counts == pytest.approx(PIXEL_SIZES_NM[name][1], rel=1e-6)


def test_every_dtype_both_byte_orders_and_an_odd_size_occur(committed):
    kinds = set()
    for name, path in files(committed).items():
        if "/images/" in name:
            with tifffile.TiffFile(path) as tiff:
                kinds.add((tiff.byteorder, tiff.series[0].dtype.str[1:]))
    assert {("<", "u1"), (">", "u1"), ("<", "u2"), (">", "u2"), ("<", "f4")} <= kinds
    assert pixels(committed / "lattice/images/lattice_odd.ome.tif").shape == (211, 317)


def test_each_mask_fits_its_image_and_holds_its_classes(committed):
    masks = {name: path for name, path in files(committed).items() if "/masks/" in name}
    expected = {
        "nanoparticles": {0, 1},
        "membranes": {0, 1},
        "membrane_stack": {0, 1},
        "two_phase": {0, 1, 255},
        "lattice": {0, 1, 2},
    }
    for name, path in masks.items():
        stem = Path(name).stem
        (image,) = (path.parent.parent / "images").glob(f"{stem}.*")
        mask = pixels(path)
        values = expected[name.split("/")[0]] - ({255} if stem == "alloy_tilted" else set())
        assert mask.dtype == np.uint8, name
        assert mask.shape == pixels(image).shape, name
        assert set(np.unique(mask)) == values, name


def test_the_table_of_diameters_describes_the_masks(committed):
    with (committed / "nanoparticles/objects.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    folder = committed / "nanoparticles"
    mask = pixels(folder / "masks/particles_01.png")
    drawn = np.zeros(mask.shape, np.uint8)
    y, x = np.indices(mask.shape)
    for row in rows:
        if row["image"] == "particles_01.ome.tif":
            radius = float(row["diameter_nm"]) / 2 / 0.5
            drawn[np.hypot(y - float(row["y_px"]), x - float(row["x_px"])) <= radius] = 1
    assert np.count_nonzero(drawn != mask) <= 3  # the table is rounded to 0.001
    images = [*(folder / "images").iterdir(), *(folder / "test/images").iterdir()]
    assert {row["image"] for row in rows} == {each.name for each in images}


def test_the_demo_set_is_part_of_the_whole_to_the_byte(tmp_path, written):
    demo = write_demo_set(tmp_path)
    assert demo.classes == ("support", "particle")
    assert len(list(demo.train_images.iterdir())) == len(list(demo.train_masks.iterdir())) == 6
    assert len(list(demo.test_images.iterdir())) == len(list(demo.test_masks.iterdir())) == 1
    part, whole = files(tmp_path), files(written[0] / "nanoparticles")
    assert {name: path.read_bytes() for name, path in part.items()} == {
        name: path.read_bytes() for name, path in whole.items()
    }


def test_another_seed_gives_other_images(tmp_path, committed):
    demo = write_demo_set(tmp_path, seed=1)
    for mask in demo.train_masks.iterdir():
        assert not np.array_equal(
            pixels(mask), pixels(committed / "nanoparticles/masks" / mask.name)
        )


@pytest.mark.parametrize("write", [write_samples, write_demo_set])
def test_a_negative_seed_writes_nothing(tmp_path, write):
    with pytest.raises(UsageError, match="-3"):
        write(tmp_path / "out", seed=-3)
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_the_way_is_named(tmp_path):
    (tmp_path / "out").write_text("mine")
    with pytest.raises(UsageError, match="out"):
        write_samples(tmp_path / "out")
    assert (tmp_path / "out").read_text() == "mine"
