"""What new users get wrong: each ends with the right code, one line, and nothing half written."""

import os
import shutil

import numpy as np
import pytest
from PIL import Image

SIZE = (64, 80)


@pytest.fixture
def folders(tmp_path, monkeypatch):
    """A working folder with six micrographs and their masks of three values."""
    monkeypatch.chdir(tmp_path)
    random = np.random.default_rng(0)
    for name in ("images", "masks"):
        (tmp_path / name).mkdir()
    for number in range(6):
        mask = np.zeros(SIZE, np.uint8)
        mask[20:40], mask[40:50] = 1, 2
        image = (mask * 60 + random.integers(0, 40, SIZE)).astype(np.uint8)
        Image.fromarray(image).save(tmp_path / "images" / f"{number}.png")
        Image.fromarray(mask).save(tmp_path / "masks" / f"{number}.png")
    return tmp_path


@pytest.fixture
def model(tmp_path):
    """A model with fresh weights, which is all that a refusal needs."""
    from emseg.bundle import Architecture, ModelCard, card_classes, save_model
    from emseg.config import Task
    from emseg.micrograph import LabelClass
    from emseg.networks import NetworkSpec, build_network

    classes = (LabelClass("matrix", (0, 0, 0), (0,)), LabelClass("pore", (255, 0, 0), (1,)))
    spec = NetworkSpec(Task.SEGMENTATION, "unet", None, 1, 2, {"width": 2})
    card = ModelCard(
        emseg="0.1.0",
        task=spec.task,
        architecture=Architecture(name="unet", options=dict(spec.options)),
        in_channels=1,
        classes=card_classes(classes),
        crop=64,
        stride=16,
        halo=16,
    )
    save_model(tmp_path / "model", card, build_network(spec))
    return tmp_path / "model"


def tree(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def refused(emseg, folder, code, *arguments):
    """Run, expect one line, and give it back; the folder must be as it was."""
    before = tree(folder)
    shown = emseg(*arguments)
    assert (shown.code, shown.out) == (code, "")
    line = shown.err.splitlines()[-1]
    assert line.startswith("emseg: error: ")
    assert "defect" not in line
    assert tree(folder) == before
    return line


def refused_to_predict(emseg, folder, *arguments):
    """The same for a file that turns out to be bad: nothing is predicted in part."""
    shown = emseg("predict", *arguments)
    assert (shown.code, shown.out) == (4, "")
    assert not list(folder.rglob("*.ome.tif"))
    assert not list(folder.rglob("predictions.csv"))
    return shown.err.splitlines()[-1]


def test_a_folder_that_does_not_exist(emseg, folders):
    line = refused(emseg, folders, 2, "train", "imges", "masks", "--out", "run")
    assert "imges" in line
    assert "did you mean" in line
    assert "images" in line


def test_an_empty_folder(emseg, folders):
    (folders / "new").mkdir()
    line = refused(emseg, folders, 4, "train", "new", "masks", "--out", "run")
    assert "new holds no image" in line


def test_masks_of_another_size(emseg, folders):
    Image.fromarray(np.zeros((64, 64), np.uint8)).save(folders / "masks" / "3.png")
    line = refused(emseg, folders, 4, "train", "images", "masks", "--out", "run")
    assert "64 x 64" in line
    assert "3" in line


def test_masks_in_colour(emseg, folders):
    mask = np.asarray(Image.open(folders / "masks" / "3.png"))
    colours = np.array([(0, 0, 0), (255, 0, 0), (0, 90, 200)], np.uint8)
    Image.fromarray(colours[mask]).save(folders / "masks" / "3.png")
    line = refused(emseg, folders, 4, "train", "images", "masks", "--out", "run")
    assert "3.png is a colour picture (3 channels)" in line


def test_a_text_file_named_tif(emseg, folders, model):
    (folders / "notes.tif").write_text("not an image\n" * 20)
    assert "notes.tif" in refused_to_predict(emseg, folders, model, "notes.tif")
    assert "notes.tif" in refused(emseg, folders, 4, "train", "notes.tif", "masks", "--out", "run")
    told = emseg("info", "notes.tif")
    assert told.code == 4
    assert "notes.tif" in told.err


def test_one_bad_file_among_good_ones(emseg, folders, model):
    (folders / "images" / "7.tif").write_text("not an image\n" * 20)
    shown = emseg("predict", model, "images", "--out", "done")
    assert shown.code == 3
    assert "7.tif" in shown.err
    written = {path.name for path in (folders / "done").glob("*.ome.tif")}
    assert written == {f"{number}.ome.tif" for number in range(6)}


def test_a_spectrum(emseg, folders, model):
    np.save(folders / "spectrum.npy", np.arange(2048, dtype=np.float32))
    line = refused_to_predict(emseg, folders, model, "spectrum.npy")
    assert line.startswith("emseg: error: ")
    assert "spectrum.npy" in line


@pytest.mark.parametrize("command", ["train", "predict", "evaluate"])
def test_an_output_folder_that_cannot_be_made(emseg, folders, model, command):
    (folders / "report.txt").write_text("a file, not a folder")
    inputs = {
        "train": ("images", "masks"),
        "predict": (model, "images"),
        "evaluate": ("masks", "masks"),
    }
    line = refused(emseg, folders, 2, command, *inputs[command], "--out", "report.txt/out")
    assert "report.txt" in line


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere"
)
def test_an_output_folder_without_write_permission(emseg, folders):
    (folders / "theirs").mkdir(mode=0o555)
    line = refused(emseg, folders, 2, "train", "images", "masks", "--out", "theirs/run")
    assert "theirs" in line


def test_a_class_named_twice(emseg, folders):
    options = ("--classes", "matrix,small,small", "--out", "run")
    line = refused(emseg, folders, 2, "train", "images", "masks", *options)
    assert "'small' twice" in line


def test_a_network_misspelled(emseg, folders):
    options = ("--network", "unett", "--out", "run")
    line = refused(emseg, folders, 2, "train", "images", "masks", *options)
    assert "did you mean 'unet'?" in line


def test_a_model_whose_weights_were_changed(emseg, folders, model):
    weights = model / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    line = refused(emseg, folders, 4, "predict", model, "images")
    assert "model.safetensors" in line or "weights" in line


def test_a_folder_that_is_no_model(emseg, folders):
    line = refused(emseg, folders, 4, "predict", "masks", "images")
    assert "masks" in line


@pytest.mark.parametrize("option", ["--epochs", "--minutes", "--steps", "--batch", "--val"])
def test_a_number_that_makes_no_sense(emseg, folders, option):
    line = refused(emseg, folders, 2, "train", "images", "masks", option, "0", "--out", "run")
    assert option in line


def test_names_with_spaces_and_umlauts(emseg, folders, model):
    odd = folders / "Größe 7 µm"
    odd.mkdir()
    shutil.copy(folders / "images" / "0.png", odd / "Probe [α] 1.png")
    shown = emseg("predict", model, odd, "--out", folders / "Ergebnis")
    assert shown.code == 0, shown.err
    assert (folders / "Ergebnis" / "Probe [α] 1.ome.tif").exists()
