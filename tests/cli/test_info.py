"""``emseg info`` for a person, for a machine, and on files that cannot be read."""

import json
import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest
import tifffile
from PIL import Image

from emseg.calibration import PixelSize
from emseg.cli import main, program
from emseg.micrograph import LabelClass, LabelImage
from emseg.writing import write_label_images


@pytest.fixture
def calibrated(tmp_path):
    path = tmp_path / "a stack µ.ome.tif"
    sizes = {"PhysicalSizeX": 2.0, "PhysicalSizeY": 3.0, "PhysicalSizeZ": 50.0}
    units = {f"{name}Unit": "nm" for name in sizes}
    pixels = np.arange(4 * 8 * 9, dtype="uint16").reshape(4, 8, 9)
    tifffile.imwrite(path, pixels, photometric="minisblack",
                     metadata={"axes": "ZYX", **sizes, **units})  # fmt: skip
    return path


def code_of(*arguments):
    with pytest.raises(SystemExit) as caught:
        main([str(each) for each in arguments])
    return caught.value.code


def test_a_person_reads_shape_range_and_pixel_size(calibrated, capsys):
    assert program(["info", str(calibrated), "--range"]) == 0
    text = capsys.readouterr().out
    assert str(calibrated) in text
    assert "4 z × 8 y × 9 x" in text
    assert "uint16" in text
    assert "values 0 to 287" in text
    assert "3 x 2 nm (y, x), from OME-XML; planes 50 nm apart" in text


def test_a_machine_reads_the_same(calibrated, capsys):
    assert program(["info", "--json", "--range", str(calibrated)]) == 0
    (entry,) = json.loads(capsys.readouterr().out)
    assert entry["file"] == str(calibrated)
    assert entry["error"] is None
    assert (entry["format"], entry["read_whole"], entry["classes"]) == ("TIFF", False, None)
    (signal,) = entry["signals"]
    assert signal == {
        "name": "Image0", "axes": ["z", "y", "x"], "shape": [4, 8, 9], "dtype": "uint16",
        "range": [0, 287], "pixel_size_nm": [3.0, 2.0], "plane_distance_nm": 50.0,
        "pixel_size_source": "OME-XML", "channels": [], "specimen": None, "is_taken": True,
        "usable": True, "reason": "",
    }  # fmt: skip


def test_an_unknown_pixel_size_is_null_and_said(tmp_path, capsys):
    np.save(tmp_path / "a.npy", np.zeros((8, 9)))
    program(["info", str(tmp_path / "a.npy")])
    assert "unknown" in capsys.readouterr().out
    program(["info", "--json", str(tmp_path / "a.npy")])
    assert json.loads(capsys.readouterr().out)[0]["signals"][0]["pixel_size_nm"] is None


def test_a_spectrum_is_listed_with_the_reason(tmp_path, capsys):
    np.save(tmp_path / "a.npy", np.zeros(2048))
    assert program(["info", str(tmp_path / "a.npy")]) == 0
    assert "not usable: it has one dimension" in capsys.readouterr().out


def test_one_bad_file_of_several_is_3_and_the_others_are_shown(calibrated, capsys):
    (calibrated.parent / "b.tif").write_text("no pixels here")
    assert code_of("info", calibrated.parent) == 3
    captured = capsys.readouterr()
    assert "4 z × 8 × 9" in captured.out
    assert "cannot be read as TIFF" in captured.out
    assert "1 of 2 files hold an image; 1 cannot be read" in captured.out
    assert "1 of 2 files cannot be read" in captured.err
    assert code_of("info", "--json", calibrated.parent) == 3
    entries = json.loads(capsys.readouterr().out)
    assert [entry["error"] is None for entry in entries] == [True, False]
    assert entries[1]["signals"] == []


def test_the_list_names_height_and_width_where_the_file_has_width_first(tmp_path, emseg):
    for name, axes in (("a.tif", "YX"), ("b.tif", "XY")):
        tifffile.imwrite(tmp_path / name, np.zeros((20, 30), np.uint8), metadata={"axes": axes})
    shown = emseg("info", tmp_path).out
    assert "20 × 30 " in shown
    assert "20 x × 30 y" in shown


@pytest.mark.parametrize("names", [["a.tif"], ["a.tif", "b.png"]])
def test_all_bad_is_4(tmp_path, capsys, names):
    for name in names:
        (tmp_path / name).write_text("no pixels here")
    assert code_of("info", *(tmp_path / name for name in names)) == 4
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_a_file_cut_short_is_noticed(tmp_path, capsys):
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((64, 64), np.uint8))
    whole = (tmp_path / "a.tif").read_bytes()
    (tmp_path / "a.tif").write_bytes(whole[:-900])
    assert code_of("info", tmp_path / "a.tif") == 4
    assert "is cut short" in capsys.readouterr().err


def test_a_path_that_does_not_exist_is_2(tmp_path, capsys):
    assert code_of("info", tmp_path / "nowhere.tif") == 2
    assert "there is no" in capsys.readouterr().err


def test_no_pixel_is_read_unless_asked(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(tifffile.TiffPage, "asarray", None)
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((64, 64), np.uint8), compression="zlib")
    assert program(["info", "--json", str(tmp_path)]) == 0
    assert json.loads(capsys.readouterr().out)[0]["signals"][0]["range"] is None


@pytest.mark.parametrize("dtype", ["uint16", "int32", "float32", "float16", ">u2", ">f4", "bool"])
def test_a_dtype_is_named_without_its_byte_order(tmp_path, capsys, dtype):
    np.save(tmp_path / "a.npy", np.zeros((8, 9), dtype))
    program(["info", "--json", str(tmp_path / "a.npy")])
    found = json.loads(capsys.readouterr().out)[0]["signals"][0]["dtype"]
    assert found == np.dtype(dtype).newbyteorder("=").name


def test_options_change_what_is_taken(calibrated, capsys):
    program(["info", "--json", "--axes", "cyx", "--pixel-size", "7nm", "--crop", "1:5",
             str(calibrated)])  # fmt: skip
    (signal,) = json.loads(capsys.readouterr().out)[0]["signals"]
    assert signal["axes"] == ["c", "y", "x"]
    assert signal["pixel_size_nm"] == [7.0, 7.0]
    assert signal["pixel_size_source"] == "--pixel-size"
    assert signal["specimen"] == [1, 5, 0, 9]


def test_a_pixel_size_that_is_none_is_2_and_nothing_is_printed(calibrated, capsys):
    assert code_of("info", calibrated, "--pixel-size", "7") == 2
    assert capsys.readouterr().out == ""


def test_a_label_image_of_emseg_says_its_classes(tmp_path, capsys):
    classes = (LabelClass("matrix", (0, 0, 0), (0,)), LabelClass("pore", (255, 0, 0), (9,)))
    labels = LabelImage(np.eye(40, dtype=np.uint8), classes, "a", None, PixelSize(2, 2, "me"))
    write_label_images(tmp_path / "a.ome.tif", [labels])
    program(["info", str(tmp_path / "a.ome.tif"), "--thumbnails", str(tmp_path / "out")])
    assert "label image of emseg, classes: 0 matrix, 1 pore" in capsys.readouterr().out
    with Image.open(tmp_path / "out" / "a.png") as picture:
        assert {(0, 0, 0), (255, 0, 0)} <= {colour for _, colour in picture.getcolors(1 << 16)}
    program(["info", "--json", str(tmp_path / "a.ome.tif")])
    assert json.loads(capsys.readouterr().out)[0]["classes"] == ["matrix", "pore"]


def test_thumbnails_are_small_pictures_on_a_page_and_bad_files_cost_only_themselves(
    tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    for folder in ("monday", "a <b> tuesday"):
        (tmp_path / folder).mkdir()
        ramp = np.arange(600 * 1200, dtype="uint16").reshape(600, 1200)
        tifffile.imwrite(f"{folder}/1.tif", ramp % 5000, resolution=(1e6, 1e6), resolutionunit=3)
    np.save("a spectrum.npy", np.zeros(2048))
    Path("bad.png").write_text("no pixels here")
    assert code_of("info", "**/*", "--thumbnails", "out") == 3
    out = tmp_path / "out"
    pictures = sorted(str(each.relative_to(out)) for each in out.rglob("*.png"))
    assert pictures == ["a <b> tuesday/1.png", "monday/1.png"]
    for each in pictures:
        with Image.open(out / each) as picture:
            assert picture.size == (512, 256)
    page = (out / "index.html").read_text(encoding="utf-8")
    assert page.count("<img") == 2
    assert 'src="a%20%3Cb%3E%20tuesday/1.png"' in page
    assert "pixel 10 nm" in page
    assert "http" not in page


@pytest.mark.parametrize(("crop", "untouched"), [("0:250", True), ("0:300", False)])
def test_the_scale_bar_of_a_thumbnail_stays_where_the_specimen_is(
    tmp_path, capsys, crop, untouched
):
    ramp = np.tile(np.arange(400, dtype=np.uint16), (300, 1))  # all rows alike
    tifffile.imwrite(tmp_path / "a.tif", ramp, resolution=(1e6, 1e6), resolutionunit=3)
    out = tmp_path / "out"
    assert code_of("info", tmp_path / "a.tif", "--thumbnails", out, "--crop", crop) == 0
    assert f"written: {out / 'index.html'}" in capsys.readouterr().err
    with Image.open(out / "a.png") as picture:
        drawn = np.asarray(picture.convert("L"))
    assert drawn.shape == (300, 400)
    assert np.array_equal(drawn[250:], drawn[:50]) == untouched
    assert not np.array_equal(drawn[200:], drawn[:100])


def test_a_thumbnail_replaces_no_micrograph(tmp_path, capsys):
    Image.fromarray(np.zeros((9, 9), np.uint8)).save(tmp_path / "a.png")
    before = (tmp_path / "a.png").read_bytes()
    assert code_of("info", tmp_path, "--thumbnails", tmp_path) == 2
    assert (tmp_path / "a.png").read_bytes() == before
    assert "would overwrite a micrograph" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == [tmp_path / "a.png"]


def test_a_name_with_a_line_break_stays_on_its_line(tmp_path, capsys):
    for name in ("a\nb.npy", "c.npy"):
        np.save(tmp_path / name, np.zeros((8, 9)))
    program(["info", str(tmp_path)])
    assert any(line.startswith("a?b.npy ") for line in capsys.readouterr().out.splitlines())


def test_an_image_inside_a_file_has_the_bytes_of_its_file(tmp_path, capsys):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["raw"] = np.zeros((30, 40), np.uint8)
    size = (tmp_path / "a.h5").stat().st_size
    assert program(["info", f"{tmp_path}/a.h5:/raw"]) == 0
    assert f"HDF5, {size / 1000:.4g} kB" in capsys.readouterr().out


class TestModels:
    def test_a_person_reads_what_a_model_is(self, model, emseg):
        shown = emseg("info", model)
        assert shown.code == 0
        assert "model of emseg" in shown.out.splitlines()[0]
        for words in (
            "network: unet",
            "classes: 0 matrix, 1 pore",
            "task: segmentation, 1 channel(s) in, 2 classes out",
            "pixel size: unknown",
            "licence: unspecified",
        ):
            assert f"  {words}" in shown.out

    def test_a_machine_reads_the_card(self, model, emseg):
        shown = emseg("info", "--json", model / "model.safetensors")
        (entry,) = json.loads(shown.out)
        assert (entry["format"], entry["error"]) == ("emseg model", None)
        assert [each["name"] for each in entry["model"]["classes"]] == ["matrix", "pore"]

    def test_models_stand_before_files(self, model, emseg, calibrated):
        shown = emseg("info", calibrated, model)
        assert shown.out.index("model of emseg") < shown.out.index(calibrated.name)
        entries = json.loads(emseg("info", "--json", calibrated, model).out)
        assert [each["format"] for each in entries] == ["emseg model", "TIFF"]

    def test_a_folder_of_runs_lists_them(self, model, emseg):
        shown = emseg("info", model.parent)
        assert (shown.code, shown.out.count("model of emseg")) == (0, 1)

    def test_images_beside_a_folder_called_model_are_shown(self, model, emseg, calibrated):
        shutil.copy(calibrated, model.parent / "a.tif")
        shown = emseg("info", model.parent)
        assert "model of emseg" not in shown.out
        assert "a.tif" in shown.out

    def test_a_broken_card_is_told(self, model, emseg):
        (model / "config.json").write_text("{}")
        shown = emseg("info", model)
        assert shown.code == 4
        assert "is no card of an emseg model" in shown.err
