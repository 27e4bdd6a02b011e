"""What is unlike the training is told, and by how much."""

import json
import logging
from dataclasses import replace

import numpy as np
import pytest
from pydantic import ValidationError
from scipy import ndimage
from torch import nn

from emseg.bundle import Likeness, ModelCard
from emseg.inference.preparing.likeness import likeness_of, look_for_likeness, unlikeness
from emseg.intensity import IntensityRule, measure
from emseg.micrograph import Micrograph
from emseg.pixels import ReadPixels

RULE = IntensityRule.ZSCORE


def blobs(seed: int, grain: float = 6, noise: float = 8, size=(300, 400)) -> Micrograph:
    """Bright round particles in a dark matrix."""
    rng = np.random.default_rng(seed)
    field = ndimage.gaussian_filter(rng.normal(size=size), grain)
    pixels = np.where(field > 0.8 * field.std(), 170, 80) + rng.normal(0, noise, size)
    return Micrograph(pixels.clip(0, 255).astype(np.uint8)[None], f"blobs {seed}")


def stripes(seed: int, size=(300, 400)) -> Micrograph:
    """Lamellae, as of pearlite."""
    rng = np.random.default_rng(seed)
    warped = np.arange(size[1]) + 9 * ndimage.gaussian_filter(rng.normal(size=size), 20) * 20
    pixels = 120 + 60 * np.sign(np.sin(warped / 3)) + rng.normal(0, 8, size)
    return Micrograph(pixels.clip(0, 255).astype(np.uint8)[None], f"stripes {seed}")


def learnt(*images: Micrograph) -> Likeness:
    return likeness_of([(each, measure(each)) for each in images], RULE)


@pytest.fixture
def away(make_model):
    def measured(likeness: Likeness | None, image: Micrograph) -> float | None:
        card = make_model(nn.Identity(), likeness=likeness).card
        return unlikeness(image, measure(image), card)

    return measured


@pytest.mark.parametrize("count", [1, 2, 5, 12, 60])
def test_more_of_the_same_is_like_the_training_and_another_structure_is_not(away, count) -> None:
    likeness = learnt(*map(blobs, range(count)))
    assert max(away(likeness, blobs(seed)) for seed in range(100, 110)) < 1
    assert away(likeness, stripes(100)) > 1.5
    assert away(likeness, blobs(100, grain=2)) > 1.2


def test_a_mixed_training_knows_all_that_it_holds(away) -> None:
    likeness = learnt(*map(blobs, range(6)), *map(stripes, range(6)))
    assert away(likeness, blobs(100)) < 1
    assert away(likeness, stripes(100)) < 1


def test_classes_that_are_far_apart_leave_no_room_between_them(away) -> None:
    """One of them scattered, as classes of a classifier are."""
    scattered = [blobs(seed, grain=4 + seed % 6, noise=2 * (seed % 5)) for seed in range(12)]
    likeness = learnt(*scattered, *map(stripes, range(12)))
    assert max(away(likeness, stripes(seed)) for seed in (100, 101)) < 1
    assert away(likeness, blobs(100, grain=5, noise=4)) < 1
    both = (blobs(7).array.astype(int) + stripes(7).array) // 2
    assert away(likeness, Micrograph(both.astype(np.uint8), "both at once")) > 1


def test_a_card_of_points_without_radii_is_read_as_it_was_written(away) -> None:
    rows = [" ".join(["0"] * place + ["1"]) for place in range(32)]
    older = Likeness(typical=(" ".join(["0"] * 32),), whitening=tuple(rows))
    image = blobs(0, size=(128, 128))  # one tile, which is its own mean
    assert away(older.model_copy(update={"radii": (4.0,)}), image) > 0
    assert away(older, image) == pytest.approx(
        4 * away(older.model_copy(update={"radii": (4.0,)}), image)
    )


@pytest.mark.parametrize("change", ["brighter", "uint16", "read by rows"])
def test_neither_brightness_nor_dtype_nor_the_way_of_reading_matters(away, change) -> None:
    likeness, image = learnt(*map(blobs, range(4))), blobs(9)
    array = image.array
    match change:
        case "brighter":
            other = replace(image, pixels=array.astype(np.float32) * 300 + 1000)
        case "uint16":
            other = replace(image, pixels=array.astype(np.uint16))
        case "read by rows":
            lazy = ReadPixels(lambda top, bottom: array[:, top:bottom], array.shape, array.dtype)
            other = replace(image, pixels=lazy)
    assert away(likeness, other) == pytest.approx(away(likeness, image), rel=1e-4)


@pytest.mark.parametrize("size", [(1, 1), (5, 300), (128, 128), (129, 127), (2000, 130)])
def test_every_size_has_a_number(away, size) -> None:
    likeness = learnt(blobs(0, size=size))
    assert 0 <= away(likeness, blobs(1, size=size)) < np.inf


def test_a_constant_image_and_one_with_nan_have_a_number(away) -> None:
    likeness = learnt(*map(blobs, range(3)))
    flat = Micrograph(np.full((1, 200, 200), 7, np.uint16), "flat")
    assert away(likeness, flat) > 1
    pixels = blobs(9).array.astype(np.float32)
    pixels[:, :40] = np.nan
    assert np.isfinite(away(likeness, Micrograph(pixels, "dead rows")))
    assert np.isfinite(away(learnt(flat), flat))


def test_channels_are_looked_at_together(make_model) -> None:
    one = blobs(0)
    both = replace(one, pixels=np.concatenate([one.array, one.array[:, ::-1]]))
    card = make_model(nn.Identity(), in_channels=2, likeness=learnt(both)).card
    assert unlikeness(both, measure(both), card) < 1


def test_it_is_told_with_the_number(make_model, caplog: pytest.LogCaptureFixture) -> None:
    card = make_model(nn.Identity(), likeness=learnt(*map(blobs, range(4)))).card
    with caplog.at_level(logging.WARNING):
        for each in (blobs(9), stripes(9)):
            look_for_likeness(each, measure(each), card)
    (line,) = [record.getMessage() for record in caplog.records]
    assert line.startswith("stripes 9 is unlike the micrographs that the model was trained on (")


def test_a_card_that_does_not_tell_says_nothing(away) -> None:
    assert away(None, blobs(0)) is None


def test_a_card_can_be_read_again_and_a_damaged_one_is_refused(make_model) -> None:
    card = make_model(nn.Identity(), likeness=learnt(*map(blobs, range(3)))).card
    again = ModelCard.read(card.model_dump_json())
    assert again == card
    for damaged in ("", "1 2 3", "nan " * 32, "one " * 32):
        said = json.loads(card.model_dump_json())
        said["likeness"]["typical"][0] = damaged
        with pytest.raises(ValidationError, match="likeness"):
            ModelCard.read(json.dumps(said))
    for radii, told in (([1.0, 1.0], "2 radii of 6 points"), ([0.0] * 6, "greater than 0")):
        said = json.loads(card.model_dump_json())
        said["likeness"]["radii"] = radii
        with pytest.raises(ValidationError, match=told):
            ModelCard.read(json.dumps(said))
