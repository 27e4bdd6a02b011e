"""File names that no other program would write: not UTF-8, with line breaks and escape codes."""

import csv
import json
import os

import numpy as np
import pytest
from PIL import Image

from emseg.config import PredictConfig

LATIN = os.fsdecode(b"caf\xe9")  # as old zip files and file servers give
NAMES = (LATIN, "red\x1b[31m", "turned\u202e", "two\nlines", "[red]tab\t")


@pytest.fixture
def strange(tmp_path, monkeypatch):
    """A working folder with micrographs and masks of such names."""
    monkeypatch.chdir(tmp_path)
    random = np.random.default_rng(0)
    for kind in ("images", "masks"):
        (tmp_path / kind).mkdir()
    try:
        for name in NAMES:
            mask = np.zeros((48, 40), np.uint8)
            mask[20:] = 1
            image = (mask * 60 + random.integers(0, 40, mask.shape)).astype(np.uint8)
            Image.fromarray(image).save(tmp_path / "images" / f"{name}.png")
            Image.fromarray(mask).save(tmp_path / "masks" / f"{name}.png")
    except (OSError, UnicodeError):
        pytest.skip("this file system takes no such names")
    return tmp_path


def paths(folder):
    return sorted(folder.iterdir())


def harmless(shown):
    said = shown.out + shown.err
    return "defect" not in said and not {"\x1b", "\u202e", "\udce9", "\t"} & set(said)


@pytest.mark.parametrize("suffix", ["ome.tif", "ome.zarr", "hspy"])
def test_predict_takes_them_from_the_command_line(strange, emseg, model, suffix):
    shown = emseg("predict", model, *paths(strange / "images"), "--format", suffix)
    assert shown.code == 0, shown.err
    assert harmless(shown)
    out = strange / "predictions"
    with (out / "predictions.csv").open(newline="", encoding="utf-8") as file:
        found = {row["file"] for row in csv.DictReader(file)}
    assert found == {
        str(strange / "images" / f"{n}.png").replace("\udce9", r"\udce9") for n in NAMES
    }
    assert {each.name for each in out.glob(f"*.{suffix}")} == {f"{n}.{suffix}" for n in NAMES}
    kept = PredictConfig.from_toml(out / "predict.toml")
    assert strange / "images" / "caf?.png" in kept.inputs  # finds the file as a glob


def test_the_folder_of_results_may_have_such_a_name_too(strange, emseg, model):
    image = strange / "images" / f"{LATIN}.png"
    shown = emseg("predict", model, image, "--out", LATIN, "--json", "--probabilities")
    assert shown.code == 0, shown.err
    (row,) = json.loads(shown.out)
    assert (row["file"], row["labels"]) == (str(image), f"{LATIN}/{LATIN}.ome.tif")


@pytest.mark.parametrize("command", [("info",), ("info", "--json"), ("convert", "--to", "tif")])
def test_info_and_convert_take_them(strange, emseg, command):
    name, *options = command
    shown = emseg(name, *paths(strange / "images"), *options)
    assert shown.code == 0, shown.err
    assert "\x1b" not in shown.out  # JSON may hold the rest
    assert "--json" in options or harmless(shown)


def test_training_evaluating_and_measuring_take_them(strange, emseg):
    tiny = ("--network=unet", "--option=width=4", "--steps=1", "--crop-size=32", "--batch=2")
    shown = emseg("train", "images", "masks", *tiny, "--out", f"run-{LATIN}")
    assert shown.code == 0, shown.err
    assert harmless(shown)
    shown = emseg("evaluate", "images", "masks", "--model", f"run-{LATIN}", "--out", "scores")
    assert shown.code == 0, shown.err
    assert harmless(shown)
    shown = emseg("measure", "masks", "--images", "images", "--labels", "0=a,1=b")
    assert shown.code == 0, shown.err
    assert harmless(shown)


def test_a_model_explains_such_a_micrograph(strange, emseg, model):
    image = strange / "images" / f"{LATIN}.png"
    shown = emseg("explain", model, image, "--what", "gradcam", "--out", "shown")
    assert shown.code == 0, shown.err
    assert harmless(shown)
    assert json.loads((strange / "shown" / "explanation.json").read_text(encoding="utf-8"))
