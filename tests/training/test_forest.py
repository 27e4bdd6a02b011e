"""A forest is trained, predicts and is kept as any other model."""

import csv
import signal
from dataclasses import replace

import imageio.v3 as iio
import numpy as np
import pytest
import torch

from emseg.bundle import load_model
from emseg.config import TrainConfig
from emseg.errors import ContentError, UsageError
from emseg.inference import Segmenter
from emseg.micrograph import LabelClass
from emseg.networks.forest import Forest
from emseg.networks.trees import Trees
from emseg.reading import open_stack
from emseg.training import resume, train, train_both
from emseg.training.growing import grow, pixel_weights
from emseg.training.judging import SegmentationJudge
from emseg.training.pixels import SampledPixels


def ignore(_progress):
    pass


@pytest.fixture
def configure(folders, tmp_path):
    images, masks = folders(3)

    def build(out="run", **more):
        settings = {"images": (images,), "masks": (masks,), "network": "forest"}
        settings |= {"pretrained": "none", "options": {"trees": 25, "depth": 2}, "crop_size": 32}
        return TrainConfig(**(settings | more), out=tmp_path / out)

    return build


def tensors(run):
    return load_model(run.folder).network.state_dict()


def test_a_run_leaves_a_model_like_any_other(configure):
    config = configure(options={"trees": 25, "depth": 2, "scales": 3})
    run = train(config, ignore)
    assert {each.name for each in (run.folder / "model").iterdir()} == {
        "config.json",
        "model.safetensors",
        "README.md",
    }
    assert TrainConfig.from_toml(run.folder / "config.toml") == config
    assert run.score > 0.8
    assert (run.card.training.steps, run.card.training.pixels > 1000) == (25, True)
    with (run.folder / "metrics.csv").open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert float(row["val_mean_iou"]) == run.score
    model = load_model(run.folder)
    micrograph = open_stack(config.images[0] / "1.png")[0]
    large = replace(micrograph, pixels=np.tile(np.asarray(micrograph.pixels), (1, 4, 5)))
    whole, tiled = (
        Segmenter.of(model, torch.device("cpu"), tile=tile, halo=64)
        .segment(large, keep_probabilities=True)
        .probabilities
        for tile in (None, 160)
    )
    np.testing.assert_allclose(tiled, whole, atol=1e-4)
    with pytest.raises(UsageError, match="a forest takes seconds and has nothing to go on from"):
        resume(run.folder, ignore)


def test_the_same_seed_grows_the_same_trees_beside_an_encoder(configure):
    tiny = {"pretrained": "auto", "options": {"trees": 3, "depth": 1, "scales": 1}}
    one, other, third = (
        tensors(train(configure(str(k), seed=seed, **tiny), ignore))
        for k, seed in enumerate((0, 0, 1))
    )
    assert any(name.startswith("encoder.") for name in one)
    assert all(torch.equal(tensor, other[name]) for name, tensor in one.items())
    assert not torch.equal(one["head.values"], third["head.values"])


def test_strokes_are_enough_and_one_class_is_not(configure):
    config = configure()
    for path in config.masks[0].iterdir():
        mask = iio.imread(path) // 255
        sparse = np.full_like(mask, 2)
        sparse[::6, ::6] = mask[::6, ::6]
        iio.imwrite(path, sparse)
    run = train(config.model_copy(update={"unlabelled": 2}), ignore)
    assert run.card.training.pixels < 120
    assert run.score > 0.7
    for path in config.masks[0].iterdir():
        iio.imwrite(path, np.where(iio.imread(path) == 1, 2, iio.imread(path)))
    named = {"unlabelled": 2, "labels": {0: "ground", 1: "square"}, "out": config.out / "2"}
    with pytest.raises(ContentError, match="show a single class"):
        train(config.model_copy(update=named), ignore)


def test_weights_count_rare_classes_and_time_ends_the_growing():
    rng = np.random.default_rng(0)
    labels = (rng.random(4000) < 0.1).astype(np.int64)
    features = (rng.normal(size=(4000, 3)) + labels[:, None]).astype(np.float32)
    names = (LabelClass("matrix", (0, 0, 0), (0,)), LabelClass("pore", (255, 0, 0), (1,)))
    shares = []
    for text in ("none", "auto", "pore=30"):
        trees = Trees(2, 45, 3)
        weights = pixel_weights(text, names, labels)
        assert grow(trees, SampledPixels(features, labels), weights, 0, lambda *_: False) == 20
        assert not trees.values[20:].any()
        answers = trees(torch.from_numpy(features.T.copy())).argmax(dim=0)
        shares.append(float(answers.float().mean()))
    assert shares[0] < 0.1 < shares[1] < shares[2]


def test_ctrl_c_keeps_the_trees_that_there_are(configure):
    def interrupt(now):
        if now.step == 20 and now.validated is None:
            signal.raise_signal(signal.SIGINT)

    run = train(configure(options={"trees": 60, "depth": 2}), interrupt)
    assert (run.interrupted, run.card.training.steps) == (True, 20)


@pytest.mark.parametrize("forest_is_better", [True, False])
def test_auto_keeps_the_better_one(configure, monkeypatch, forest_is_better):
    judged = SegmentationJudge.judge

    def judge(self, network, watch=lambda _share: None):
        verdict = judged(self, network, watch)
        is_forest = isinstance(network, Forest)
        return replace(verdict, score=0.9 if is_forest == forest_is_better else 0.1)

    monkeypatch.setattr(SegmentationJudge, "judge", judge)
    config = configure(network="auto", options={}, steps=2, batch=2)
    run = train_both(config, ignore)
    card = load_model(run.folder).card
    assert card.training.contest == {
        "forest": 0.9 if forest_is_better else 0.1,
        "unet": 0.1 if forest_is_better else 0.9,
    }
    assert card.architecture.name == ("forest" if forest_is_better else "unet")
    assert run.card == card
    assert load_model(run.folder / "forest").card.architecture.name == "forest"
    assert (run.folder / "network").exists() == forest_is_better
