"""How micrographs are read: the same options for every command, and what the card remembers."""

import csv
import gzip
import json
from pathlib import Path

import h5py
import numpy as np
import pytest
import tifffile

from emseg.reading.stacks.label_images import read_label_images

TINY = ("--network=unet", "--option=width=4", "--steps=2", "--crop-size=32", "--batch=2")


def picture(seed: int, size: tuple[int, int] = (64, 80)) -> tuple[np.ndarray, np.ndarray]:
    """A bright ground with dark discs, and the mask of the discs."""
    rng = np.random.default_rng(seed)
    mask = np.zeros(size, np.uint8)
    y, x = np.indices(size)
    for row, column in rng.uniform(0, 1, (6, 2)) * size:
        mask |= ((y - row) ** 2 + (x - column) ** 2 < 36).astype(np.uint8)
    image = (180 - 110 * mask + rng.normal(0, 8, size)).clip(0, 255).astype(np.uint8)
    return image, mask


def write_calibrated(path: Path, image: np.ndarray, nm: float | None) -> None:
    sizes = {"PhysicalSizeX": nm, "PhysicalSizeY": nm} if nm else {}
    units = {"PhysicalSizeXUnit": "nm", "PhysicalSizeYUnit": "nm"} if nm else {}
    tifffile.imwrite(path, image, ome=True, metadata={"axes": "YX", **sizes, **units})


@pytest.fixture(scope="module")
def calibrated(tmp_path_factory, trained_by) -> Path:
    """A folder with ``images`` of 4 nm, ``masks`` and ``run``."""
    folder = tmp_path_factory.mktemp("calibrated")
    for name in ("images", "masks"):
        (folder / name).mkdir()
    for seed in range(4):
        image, mask = picture(seed)
        write_calibrated(folder / f"images/{seed}.tif", image, 4.0)
        tifffile.imwrite(folder / f"masks/{seed}.tif", mask)
    trained_by(folder / "images", folder / "masks", "--out", folder / "run", *TINY)
    return folder


@pytest.fixture
def here(calibrated, tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return calibrated


def rows(folder: str = "predictions") -> list[dict[str, str]]:
    with (Path(folder) / "predictions.csv").open(newline="") as table:
        return list(csv.DictReader(table))


class TestPixelSize:
    def test_labels_have_the_pixels_and_the_calibration_of_the_file(self, here, emseg) -> None:
        write_calibrated(Path("fine.tif"), np.kron(picture(9)[0], np.ones((2, 2), np.uint8)), 2.0)
        shown = emseg("predict", here / "run", "fine.tif")
        assert shown.code == 0
        assert "fine.tif has 2 nm a pixel, and the model was trained at 4 nm" in shown.err
        assert "128x160 pixels are rescaled to 64x80" in shown.err
        (labels,) = read_label_images(Path("predictions/fine.ome.tif"))
        assert labels.pixels.shape == (128, 160)
        assert (labels.pixel_size.y_nm, labels.pixel_size.x_nm) == (2, 2)

    def test_an_enlarged_copy_gets_the_labels_of_the_original(self, here, emseg) -> None:
        image = picture(9)[0]
        write_calibrated(Path("a.tif"), image, 4.0)
        write_calibrated(Path("b.tif"), np.kron(image, np.ones((3, 3), np.uint8)), 4 / 3)
        emseg("predict", here / "run", "a.tif", "b.tif")
        (coarse,) = read_label_images(Path("predictions/a.ome.tif"))
        (fine,) = read_label_images(Path("predictions/b.ome.tif"))
        # the middle of each block of three is the pixel of the original
        np.testing.assert_array_equal(fine.pixels[1::3, 1::3], coarse.pixels)

    def test_never_leaves_the_pixels_alone(self, here, emseg) -> None:
        image = picture(9)[0]
        write_calibrated(Path("a.tif"), image, 4.0)
        write_calibrated(Path("b.tif"), image, 2.0)
        shown = emseg("predict", here / "run", "a.tif", "b.tif", "--rescale", "never")
        assert "it is not rescaled, as --rescale never says" in shown.err
        (a,) = read_label_images(Path("predictions/a.ome.tif"))
        (b,) = read_label_images(Path("predictions/b.ome.tif"))
        np.testing.assert_array_equal(a.pixels, b.pixels)

    def test_what_the_user_says_overrides_the_file_and_reaches_the_table(self, here, emseg) -> None:
        write_calibrated(Path("a.tif"), picture(9)[0], None)
        shown = emseg("predict", here / "run", "a.tif")
        assert "a.tif has no pixel size and the model was trained at 4 nm" in shown.err
        assert (rows()[0]["pixel_width_nm"], rows()[0]["pixel_size_source"]) == ("", "unknown")
        shown = emseg("predict", here / "run", "a.tif", "--pixel-size", "40Å")
        assert "pixel size and" not in shown.err
        assert float(rows()[0]["pixel_width_nm"]) == pytest.approx(4)
        assert rows()[0]["pixel_size_source"] == "--pixel-size"

    def test_a_size_that_contradicts_the_file_is_told(self, here, emseg) -> None:
        for name in ("a.tif", "b.tif"):
            write_calibrated(Path(name), picture(9)[0], 2.0)
        shown = emseg("predict", here / "run", "a.tif", "b.tif", "--pixel-size", "4nm")
        assert "a.tif has a pixel of 2 nm, from OME-XML; it is taken as 4 nm" in shown.err
        assert "the pixel size of 1 more is overridden as well" in shown.err
        assert "has a pixel" not in emseg("info", "a.tif", "--pixel-size", "2.1nm").err

    def test_too_coarse_an_image_costs_only_itself(self, here, emseg) -> None:
        write_calibrated(Path("a.tif"), picture(9)[0], 4.0)
        write_calibrated(Path("coarse.tif"), picture(9)[0], 12.5)
        shown = emseg("predict", here / "run", "a.tif", "coarse.tif")
        assert shown.code == 3
        assert "to enlarge it by 3.12 invents detail" in shown.err
        assert [Path(row["file"]).name for row in rows()] == ["a.tif"]

    @pytest.mark.parametrize("size", ["1.9", "nm", "-2nm", "0nm", "1,2,3nm", "nan nm", "5 apples"])
    def test_what_is_no_length_is_refused_before_anything_is_read(
        self, here, emseg, size: str
    ) -> None:
        shown = emseg("predict", here / "run", "nowhere.tif", "--pixel-size", size)
        assert shown.code == 2
        assert f"'{size}' is no pixel size" in shown.err

    def test_a_model_is_evaluated_on_images_of_another_pixel_size(self, here, emseg) -> None:
        Path("images").mkdir()
        Path("masks").mkdir()
        image, mask = picture(9)
        twice = np.ones((2, 2), np.uint8)
        write_calibrated(Path("images/a.tif"), np.kron(image, twice), 2.0)
        tifffile.imwrite("masks/a.tif", np.kron(mask, twice))
        shown = emseg("evaluate", "--model", here / "run", "images", "masks")
        assert shown.code == 0, shown.err
        with Path("evaluation/metrics.csv").open(newline="") as table:
            assert [row["pixels"] for row in csv.DictReader(table)] == [str(128 * 160)]


class TestPolarity:
    def test_an_inverted_image_is_told_and_inverting_it_gives_the_labels_back(
        self, here, emseg
    ) -> None:
        image = picture(9)[0]
        write_calibrated(Path("a.tif"), image, 4.0)
        write_calibrated(Path("b.tif"), 255 - image, 4.0)
        assert "looks inverted" not in emseg("predict", here / "run", "a.tif").err
        assert "b.tif looks inverted" in emseg("predict", here / "run", "b.tif").err
        shown = emseg("predict", here / "run", "b.tif", "--invert", "--out", "turned")
        assert "looks inverted" not in shown.err
        (a,) = read_label_images(Path("predictions/a.ome.tif"))
        (b,) = read_label_images(Path("turned/b.ome.tif"))
        np.testing.assert_array_equal(a.pixels, b.pixels)

    def test_a_model_trained_on_inverted_images_inverts_by_itself(
        self, here, tmp_path, emseg
    ) -> None:
        run = tmp_path / "run"
        emseg("train", here / "images", here / "masks", "--invert", "--out", run, *TINY)
        card = json.loads((run / "model/config.json").read_text(encoding="utf-8"))
        assert card["reading"]["invert"] is True
        plain = emseg("predict", run, here / "images/0.tif", "--out", "plain")
        assert "looks inverted" not in plain.err
        told = emseg("predict", run, here / "images/0.tif", "--no-invert", "--out", "told")
        assert "0.tif looks inverted" in told.err


class TestSignals:
    @pytest.fixture
    def two(self, tmp_path) -> Path:
        """A file in which the larger image is not the one that is wanted."""
        path = tmp_path / "two.h5"
        with h5py.File(path, "w") as file:
            file["overview"] = picture(1, (96, 120))[0]
            file["haadf"] = picture(2)[0]
        return path

    def test_the_signal_is_chosen_by_name_or_number(self, here, two, emseg) -> None:
        for signal in ("haadf", "/haadf"):
            shown = emseg("predict", here / "run", two, "--signal", signal, "--out", "out")
            assert shown.code == 0, shown.err
            assert rows("out")[0]["height_px"] == "64"

    def test_a_signal_that_is_not_there_is_refused_with_those_that_are(
        self, here, two, emseg
    ) -> None:
        shown = emseg("predict", here / "run", two, "--signal", "hadf")
        assert shown.code == 4
        assert "hadf" in shown.err
        assert "haadf" in shown.err


@pytest.mark.parametrize(
    "option", ["--crop 0:2", "--keep-bar", "--rescale never", "--allow-external"]
)
def test_options_of_images_are_refused_where_label_images_are_compared(here, emseg, option) -> None:
    shown = emseg("evaluate", here / "masks", here / "masks", *option.split())
    assert shown.code == 2
    assert f"{option.split()[0]} says how micrographs are read" in shown.err


class TestExternal:
    """Values of a file that lie outside its folder."""

    @pytest.fixture(params=["a.h5", "a.hspy", "a.h5.gz"])
    def master(self, request, tmp_path) -> Path:
        """A file whose pixels are the bytes of another, which is no picture."""
        (tmp_path / "secret.txt").write_text("s" * 64 * 80)
        (tmp_path / "inner").mkdir()
        path = tmp_path / "inner" / request.param.removesuffix(".gz")
        with h5py.File(path, "w") as file:
            group = file
            if path.suffix == ".hspy":
                file.attrs.update({"file_format": "HyperSpy", "file_format_version": "3.3"})
                group = file.create_group("Experiments/a")
                for at, name in enumerate("yx"):
                    axis = {"name": name, "size": (64, 80)[at], "scale": 1.0, "offset": 0.0}
                    more = {"units": "nm", "navigate": False, "index_in_array": at}
                    group.create_group(f"axis-{at}").attrs.update(axis | more)
                for each in ("metadata", "original_metadata", "learning_results"):
                    group.create_group(each)
            where = [(str(tmp_path / "secret.txt"), 0, 64 * 80)]
            group.create_dataset("data", shape=(64, 80), dtype="u1", external=where)
        if request.param.endswith(".gz"):
            path = path.with_name(request.param)
            path.write_bytes(gzip.compress(path.with_suffix("").read_bytes()))
        return path

    def test_they_are_read_only_where_the_user_says_so(self, here, master, emseg) -> None:
        run, convert = here / "run", ("--to", "npy", "--drop-calibration")
        for arguments in (["info"], ["convert", *convert], ["predict", run]):
            shown = emseg(*arguments, master)
            assert shown.code == 4
            assert "secret.txt, outside the folder" in shown.err
            assert "--allow-external" in shown.err
            shown = emseg(*arguments, master, "--allow-external")
            assert shown.code == 0, shown.err
        assert set(np.load("converted/a.npy").ravel()) == {ord("s")}
