"""``emseg explain`` from the command line: its files, its refusals, and Ctrl-C."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from emseg.bundle import Architecture, ModelCard, card_classes, save_model
from emseg.config import Task
from emseg.micrograph import LabelClass
from emseg.networks import NetworkSpec, build_network

PIXELS = (48, 64)
GREY = {"photometric": "minisblack"}


@pytest.fixture
def image(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    path = tmp_path / "höhe 1.png"
    Image.fromarray(rng.integers(0, 255, PIXELS).astype(np.uint8)).save(path)
    return path


def test_all_pictures_and_numbers_are_written(emseg, model, image, tmp_path):
    out = tmp_path / "my results"
    shown = emseg(
        "explain",
        model,
        image,
        "--out",
        out,
        "--pixel-size=2nm",
        "--patch=16",
        "--layer=down.0",
        "--json",
    )
    assert shown.code == 0, shown.err
    said = json.loads(shown.out)
    assert said == json.loads((out / "explanation.json").read_text(encoding="utf-8"))
    assert said["class"] in ("matrix", "pore")
    assert sum(said["probabilities"].values()) == pytest.approx(1)
    assert said["micrograph"]["pixel_width_nm"] == 2
    assert [each["what"] for each in said["figures"] if each["what"] != "features"] == [
        "filters",
        "gradcam",
        "occlusion",
    ]
    assert "class activation maps" in said["not_drawn"][0]
    named = {name for each in said["figures"] for name in each["files"]}
    assert named | {"explanation.json"} == {each.name for each in out.iterdir()}
    for each in said["figures"]:
        with Image.open(out / each["files"][0]) as picture:
            picture.load()
            assert min(picture.size) > 100
        numbers = np.load(out / each["files"][1])
        assert numbers.dtype == np.float32
        if each["what"] in ("gradcam", "occlusion"):
            assert numbers.shape == PIXELS
            assert_calibrated(out / each["files"][2], numbers)
    assert said["figures"][-1]["patch_px"] == 16


def assert_calibrated(path: Path, numbers: np.ndarray) -> None:
    from emseg.reading import open_stack

    (micrograph,) = open_stack(path)
    assert micrograph.pixel_size is not None
    assert micrograph.pixel_size.x_nm == pytest.approx(2)
    np.testing.assert_array_equal(micrograph.pixels[0], numbers)


def test_named_layers_are_drawn_and_a_part_is_left_blank(emseg, model, image, tmp_path):
    out = tmp_path / "out"
    options = ("--layer", "stem", "--layer", "merge.0", "--what", "gradcam,features")
    shown = emseg(
        "explain", model, image, "--out", out, *options, "--crop", "8:40,16:64", "--class", "pore"
    )
    assert shown.code == 0, shown.err
    assert {each.stem for each in out.glob("*.png")} == {
        "features_stem",
        "features_merge.0",
        "gradcam_stem",
        "gradcam_merge.0",
    }
    heat = np.load(out / "gradcam_stem.npy")
    assert np.isfinite(heat[8:40, 16:64]).all()
    assert np.isfinite(heat).sum() == 32 * 48


def test_a_plane_of_a_stack(emseg, model, tmp_path, monkeypatch):
    import tifffile

    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    tifffile.imwrite("stack.tif", rng.integers(0, 255, (3, 48, 64)).astype(np.uint8), **GREY)
    shown = emseg("explain", model, "stack.tif", "--what", "gradcam")
    assert "has 3 planes: plane 0 is explained" in shown.err
    shown = emseg("explain", model, "stack.tif", "--what", "gradcam", "--slices", "2:3", "--json")
    assert json.loads(shown.out)["micrograph"]["plane"] == 2
    assert "planes" not in shown.err


@pytest.mark.parametrize(
    ("code", "options", "expected"),
    [
        (2, ("--class", "por"), "did you mean 'pore'?"),
        (2, ("--layer", "merge"), "merge"),
        (2, ("--layer", "stm"), "did you mean 'stem'?"),
        (2, ("--layer", ""), "argument is empty"),
        (2, ("--what", "gradcm"), "did you mean 'gradcam'?"),
        (2, ("--what", "cam"), "class activation maps are of classifiers"),
        (2, ("--patch", "1"), "--patch"),
        (2, ("--patch", "49"), "--patch 49 is larger than what the network sees"),
        (2, ("--slices", "4:5"), "picks none"),
        (2, ("--device", "tpu"), "--device"),
        (4, ("--crop", "90:99"), "--crop"),
    ],
)
def test_refusals(refused, model, image, code, options, expected):
    what = () if "--what" in options or "--patch" in options else ("--what", "gradcam")
    if "--patch" in options:
        what = ("--what", "occlusion")
    assert expected in refused(code, "explain", model, image, *what, *options)


def test_inputs_that_are_none(refused, model, image, tmp_path):
    (tmp_path / "text.png").write_text("no image")
    assert "text.png" in refused(4, "explain", model, "text.png")
    assert "nothing.png" in refused(2, "explain", model, "nothing.png")
    assert "no model" in refused(2, "explain", "nothing", image)


@pytest.mark.parametrize("moment", ["filters", "occlusion"])
def test_what_is_there_after_ctrl_c_is_whole(emseg, model, image, tmp_path, monkeypatch, moment):
    from emseg.explanation import Explainer

    out = tmp_path / "out"
    assert emseg("explain", model, image, "--out", out, "--what", "filters").code == 0

    def interrupt(*_arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(Explainer, moment, interrupt)
    what = "filters,gradcam,occlusion"
    assert emseg("explain", model, image, "--out", out, "--what", what).code == 130
    assert not [each for each in out.iterdir() if each.name.startswith(".")]
    assert not (out / "explanation.json").exists()  # it would tell of other pictures
    for picture in out.glob("*.png"):
        with Image.open(picture) as opened:
            opened.load()
        assert np.load(picture.with_suffix(".npy")).size


def test_a_forest_names_what_it_decides_by(emseg, image, tmp_path):
    classes = (LabelClass("matrix", (0, 0, 0), (0,)), LabelClass("pore", (255, 0, 0), (1,)))
    spec = NetworkSpec(Task.SEGMENTATION, "forest", None, 1, 2, {"trees": 2, "depth": 1})
    forest = build_network(spec)
    forest.head.features[0], forest.head.features[1] = 3, 20
    forest.head.values[:, 0, 1] = torch.tensor([3.0, 1.0])
    card = ModelCard(
        emseg="0.1.0",
        task=spec.task,
        architecture=Architecture(name="forest", options=dict(spec.options)),
        in_channels=1,
        classes=card_classes(classes),
        crop=64,
        stride=16,
        halo=16,
    )
    save_model(tmp_path / "forest", card, forest)
    out = tmp_path / "out"
    assert emseg("explain", tmp_path / "forest", image, "--out", out, "--patch=16").code == 0
    first, second, third = (out / "importance.csv").read_text().splitlines()[1:4]
    names = forest.names()
    assert (first, second) == (f"{names[3]},0.75", f"{names[20]},0.25")
    assert third.endswith(",0.0")
    said = json.loads((out / "explanation.json").read_text())
    assert said["figures"][0]["shares"][names[3]] == 0.75
    assert said["not_drawn"] == []
    refused = emseg("explain", tmp_path / "forest", image, "--what=gradcam", "--out", out)
    assert refused.code == 2
    assert "answers by thresholds, which have no gradient" in refused.err
