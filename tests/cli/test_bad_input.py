"""What new users get wrong: each ends with the right code, one line, and nothing half written."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image


def save(path, pixels):
    Image.fromarray(pixels).save(path)


def test_a_folder_that_does_not_exist(refused, folders, model):
    line = refused(2, "train", "imges", "masks", "--out", "run")
    assert "imges" in line
    assert "did you mean 'images'?" in line
    assert "imges" in refused(2, "predict", model, "imges", "--out", "done")
    assert "imges" in refused(2, "predict", "imges", "images", "--out", "done")
    assert "imges" in refused(2, "evaluate", "imges", "masks", "--out", "scores")
    assert "imges" in refused(2, "info", "imges")


def test_an_empty_folder(refused, folders, model):
    (folders / "new").mkdir()
    assert "new holds no image" in refused(4, "train", "new", "masks", "--out", "run")
    assert "new holds no image" in refused(4, "train", "images", "new", "--out", "run")
    assert "new holds no image" in refused(4, "predict", model, "new", "--out", "done")


def test_masks_of_another_size(refused, folders):
    save(folders / "masks" / "3.png", np.zeros((64, 64), np.uint8))
    line = refused(4, "train", "images", "masks", "--out", "run")
    assert "64 x 64" in line
    assert "64 x 80" in line
    assert "3.png" in line


def test_masks_that_number_objects(refused, folders):
    numbers = np.zeros((64, 80), np.uint16)
    for number in range(14):
        y, x = divmod(number, 7)
        numbers[20 * y + 2 : 20 * y + 9, 10 * x + 2 : 10 * x + 9] = number + 1
    for path in (folders / "masks").iterdir():
        save(path, numbers)
    line = refused(4, "train", "images", "masks", "--out", "run")
    assert "hold 15 values (0: 86.6 %, 1: 1.0 %" in line
    assert (
        "they number objects; say --masks cell=masks, with a name of yours, to learn them as one"
        in line
    )
    line = refused(4, "measure", "masks", "--out", "measured")
    assert "they number objects; add --instances" in line


def test_masks_in_colour(refused, folders):
    mask = np.asarray(Image.open(folders / "masks" / "3.png"))
    colours = np.array([(0, 0, 0), (255, 0, 0), (0, 90, 200)], np.uint8)
    save(folders / "masks" / "3.png", colours[mask])
    line = refused(4, "train", "images", "masks", "--out", "run")
    assert "3.png is a colour picture (3 channels)" in line


def test_a_text_file_named_tif(emseg, refused, folders, model):
    (folders / "notes.tif").write_text("not an image\n" * 20)
    assert "notes.tif" in refused(4, "predict", model, "notes.tif")
    assert "notes.tif" in refused(4, "train", "notes.tif", "masks", "--out", "run")
    assert "notes.tif" in refused(4, "evaluate", "notes.tif", "masks")
    told = emseg("info", "notes.tif")
    assert told.code == 4
    assert "notes.tif" in told.err


def test_one_bad_file_among_good_ones(emseg, folders, model):
    (folders / "images" / "7.tif").write_text("not an image\n" * 20)
    shown = emseg("predict", model, "images", "--out", "done")
    assert shown.code == 3
    failed = [line for line in shown.err.splitlines() if line.startswith("failed:")]
    assert len(failed) == 1
    assert "images/7.tif" in failed[0]
    assert shown.err.splitlines()[-1].startswith("emseg: error: 1 of 7 files failed")
    written = {path.name for path in (folders / "done").glob("*.ome.tif")}
    assert written == {f"{number}.ome.tif" for number in range(6)}


def test_a_spectrum(refused, folders, model):
    np.save(folders / "spectrum.npy", np.arange(2048, dtype=np.float32))
    line = refused(4, "predict", model, "spectrum.npy")
    assert "spectrum.npy holds no image: it has one dimension" in line


OUTPUTS = [
    "report.txt/out",  # below a file
    "report.txt",  # a file itself
    "x" * 300,  # longer than any name may be
    # where even root has no permission
    pytest.param(
        "/proc/emseg",
        marks=pytest.mark.skipif(not Path("/proc/1").exists(), reason="only Linux has /proc"),
    ),
]


@pytest.mark.parametrize("out", OUTPUTS)
@pytest.mark.parametrize("command", ["train", "predict", "evaluate"])
def test_an_output_folder_that_cannot_be_written(refused, folders, model, command, out):
    (folders / "report.txt").write_text("a file, not a folder")
    inputs = {
        "train": ("images", "masks"),
        "predict": (model, "images"),
        "evaluate": ("--model", model, "images", "masks"),
    }
    line = refused(2, command, *inputs[command], "--out", out)
    assert f"{out} cannot be written" in line
    assert "choose another output folder" in line


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere"
)
def test_an_output_folder_without_write_permission(refused, folders):
    (folders / "theirs").mkdir(mode=0o555)
    line = refused(2, "train", "images", "masks", "--out", "theirs/run")
    assert "theirs" in line


def test_a_class_named_twice(refused, folders):
    options = ("--classes", "matrix,small,small", "--out", "run")
    line = refused(2, "train", "images", "masks", *options)
    assert "'small' twice" in line
    line = refused(2, "train", "images", "--masks", "small=masks", "--masks", "small=masks")
    assert "'small' twice" in line


def test_a_network_misspelled(refused, folders):
    options = ("--network", "unett", "--out", "run")
    line = refused(2, "train", "images", "masks", *options)
    assert "did you mean 'unet'?" in line


def change_a_bit(weights):
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)


def test_a_model_whose_weights_were_changed(refused, folders, model):
    change_a_bit(model / "model.safetensors")
    line = refused(4, "predict", model, "images")
    assert "model/model.safetensors" in line
    assert "copy the model folder again" in line


def test_a_folder_that_is_no_model(refused, folders):
    assert "masks holds no model" in refused(4, "predict", "masks", "images")


@pytest.mark.parametrize("option", ["--epochs", "--minutes", "--steps", "--batch", "--val"])
def test_a_number_that_makes_no_sense(refused, folders, option):
    line = refused(2, "train", "images", "masks", option, "0", "--out", "run")
    assert option in line


def test_names_with_spaces_and_umlauts(emseg, folders, model):
    odd = folders / "Größe 7 µm"
    odd.mkdir()
    shutil.copy(folders / "images" / "0.png", odd / "Probe [α] 1.png")
    shown = emseg("predict", model, odd, "--out", folders / "Ergebnis")
    assert shown.code == 0, shown.err
    assert (folders / "Ergebnis" / "Probe [α] 1.ome.tif").exists()


def test_a_process_of_its_own_says_the_same(folders, model):
    change_a_bit(model / "model.safetensors")
    for arguments, code, words in [
        (["info", "imges"], 2, "did you mean 'images'?"),
        (["train", "images", "masks", "--classes", "a,a"], 2, "'a' twice"),
        (["predict", str(model), "images", "--threads", "1"], 4, "copy the model folder again"),
    ]:
        run = subprocess.run(
            [sys.executable, "-m", "emseg", *arguments], capture_output=True, text=True, timeout=120
        )
        assert (run.returncode, run.stdout) == (code, "")
        assert run.stderr.startswith("emseg: error: ")
        assert run.stderr.count("\n") == 1
        assert words in run.stderr
