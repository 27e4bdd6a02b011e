"""Trainings that see the slices before and after each."""

import logging
from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch

from emseg.bundle import load_model
from emseg.config import TrainConfig
from emseg.errors import UsageError
from emseg.inference import Segmenter
from emseg.intensity import IntensityRule, measure, normalise
from emseg.learning import Augment
from emseg.micrograph import Micrograph
from emseg.reading import open_stack
from emseg.training import train
from emseg.training.crops import CropDataset
from emseg.training.jobs import prepare
from emseg.training.labelled import load_labelled
from emseg.training.slices import place_of, places_seen


@pytest.fixture
def planes():
    return np.random.default_rng(0).integers(0, 255, (12, 48, 48), dtype=np.uint8)


@pytest.fixture
def configure(planes, tmp_path):
    """Write a stack and its masks: ``configure(neighbours=1)`` says how it is learnt."""
    tifffile.imwrite(tmp_path / "stack.tif", planes, ome=True, metadata={"axes": "ZYX"})
    masks = np.where(planes > 127, 255, 0).astype(np.uint8)
    tifffile.imwrite(tmp_path / "masks.tif", masks, ome=True, metadata={"axes": "ZYX"})

    def build(**more) -> TrainConfig:
        paths = {"images": (tmp_path / "stack.tif",), "masks": (tmp_path / "masks.tif",)}
        return TrainConfig(**(paths | more), out=tmp_path / "run", crop_size=48, batch=2)

    return build


def numbers(planes):
    return [plane.micrograph.plane for plane in planes]


def scaled(pixels):
    image = Micrograph(pixels[None], "hand")
    return normalise(image.array, measure(image), IntensityRule.ZSCORE)[0]


def test_a_crop_holds_the_slices_around_it_as_stacked_by_hand(configure, planes):
    data = load_labelled(configure(neighbours=2, slices="0:8", val_slices="10:12"))
    assert data.channels == 5
    crops = CropDataset(
        data.train, 48, 0, IntensityRule.ZSCORE, Augment.NONE, rotate=False
    )  # all of a plane
    for index in range(12):
        image, labels = crops[index]
        number = next(z for z in range(8) if np.array_equal(labels, planes[z] > 127))
        around = [max(0, number + step) for step in range(-2, 3)]
        np.testing.assert_array_equal(image, [scaled(planes[z]) for z in around])


def test_slices_are_turned_alike(configure, planes, tmp_path):
    config = configure(neighbours=1)
    same = np.broadcast_to(planes[0], planes.shape)
    tifffile.imwrite(tmp_path / "stack.tif", same, ome=True, metadata={"axes": "ZYX"})
    crops = CropDataset(
        load_labelled(config).train, 32, 0, IntensityRule.ZSCORE, Augment.NONE, rotate=True
    )
    for index in range(6):
        before, itself, after = crops[index][0]
        torch.testing.assert_close(before, itself, rtol=0, atol=0)
        torch.testing.assert_close(after, itself, rtol=0, atol=0)


def test_neighbours_share_their_pixels(configure):
    data = load_labelled(configure(neighbours=1))
    for one, other in zip(data.train, data.train[1:], strict=False):
        assert one.micrograph.neighbours[1].pixels is other.micrograph.pixels


@pytest.mark.parametrize("neighbours", [1, 2, 3])
@pytest.mark.parametrize(
    "how",
    [
        {},
        {"val_fraction": 0.4},
        {"folds": 3, "fold": 2},
        {"group_by": r"\[(\d)"},
        {"slices": "0:6"},
    ],
)
def test_no_pixel_that_validates_was_seen_in_the_training(configure, neighbours, how):
    data = load_labelled(configure(neighbours=neighbours, **how))
    validated = {place_of(plane.micrograph) for plane in data.validation}
    learnt = set.union(*(places_seen(plane.micrograph) for plane in data.train))
    assert not validated & learnt
    apart = [abs(v - t) for v in numbers(data.validation) for t in numbers(data.train)]
    assert min(apart) >= neighbours + 1


def test_a_stack_that_is_too_short_for_the_gap_is_refused(configure):
    with pytest.raises(UsageError, match="or fewer --neighbours"):
        load_labelled(configure(neighbours=3, slices="0:3"))


@pytest.mark.parametrize(("validated", "told"), [("8:12", "2 slice"), ("10:12", None)])
def test_named_slices_that_are_seen_in_the_training_are_told(configure, caplog, validated, told):
    with caplog.at_level(logging.WARNING):
        data = load_labelled(configure(neighbours=2, slices="0:8", val_slices=validated))
    assert numbers(data.train) == list(range(8))
    assert ("among their neighbours" in caplog.text) == bool(told)
    assert (told or "") in caplog.text


def test_micrographs_without_a_stack_are_refused(folders):
    images, masks = folders(3)
    config = TrainConfig(images=(images,), masks=(masks,), out=Path("run"), neighbours=1)
    with pytest.raises(UsageError, match=r"--neighbours 1 .* no micrograph is a stack"):
        load_labelled(config)


def test_a_classifier_refuses_neighbours():
    with pytest.raises(UsageError, match=r"--neighbours 2 .* this is a classifier"):
        TrainConfig.from_options(
            images=(Path("a"),), out=Path("run"), task="classification", neighbours=2
        )


def test_the_card_says_what_is_seen_and_looks_at_the_slice_itself(configure):
    settings = {"val_slices": "9:12", "slices": "0:6", "options": {"width": 4, "depth": 2}}
    alone, beside = (
        prepare(configure(neighbours=n, **settings), torch.device("cpu")) for n in (0, 1)
    )
    assert (beside.card.in_channels, beside.card.reading.neighbours) == (3, 1)
    assert beside.card.polarity == alone.card.polarity
    assert beside.card.likeness == alone.card.likeness
    assert beside.fingerprint != alone.fingerprint  # slice 6 is seen and not learnt from


def test_what_was_trained_predicts_the_stack_that_it_validated_with(configure):
    settings = {"val_slices": "9:12", "slices": "0:6", "options": {"width": 4, "depth": 2}}
    config = configure(neighbours=1, steps=2, **settings)
    run = train(config, report=lambda _progress: None)
    model = load_model(run.folder)
    stack = open_stack(config.images[0], model.card.read_options())
    answer = Segmenter.of(model, torch.device("cpu")).segment(stack[9])
    (shown,) = [each for each in run.shown if each.micrograph.plane == 9]
    expected = Segmenter.of(model, torch.device("cpu")).segment(shown.micrograph)
    np.testing.assert_array_equal(answer.labels.pixels, expected.labels.pixels)


def test_a_configuration_keeps_the_neighbours(configure, tmp_path):
    (tmp_path / "config.toml").write_text(configure(neighbours=2).to_toml(), encoding="utf-8")
    assert TrainConfig.from_toml(tmp_path / "config.toml").neighbours == 2
