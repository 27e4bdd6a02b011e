"""``emseg info`` for a person, for a machine, and on files that cannot be read."""

import json

import numpy as np
import pytest
import tifffile

from emseg.cli import main, program


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
