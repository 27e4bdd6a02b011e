"""Which models may answer together."""

import pytest

from emseg.bundle import Architecture, CardClass, CardReading, ModelCard
from emseg.config import Task
from emseg.errors import MismatchError
from emseg.inference.backends.members import require_alike
from emseg.intensity import IntensityRule


def card(names=("matrix", "small", "large"), **settings):
    defaults = {
        "emseg": "0",
        "task": Task.SEGMENTATION,
        "architecture": Architecture(name="unet"),
        "in_channels": 1,
        "classes": tuple(CardClass(name=name, colour=(0, 0, 0)) for name in names),
        "crop": 64,
        "stride": 8,
        "halo": 32,
        "pixel_size_nm": (4.0, 4.0),
        "bytes_per_pixel": 100,
    }
    return ModelCard(**(defaults | settings))


def test_a_single_model_keeps_its_card():
    one = card()
    found = require_alike([one], ["a"])
    assert found.card is one
    assert found.orders == ((0, 1, 2),)


def test_tiles_suit_all_members():
    cards = [card(), card(stride=12, halo=48, receptive_field=90, sha256="f"), card(tile=512)]
    found = require_alike(cards, ["a", "b", "c"]).card
    assert (found.stride, found.halo, found.tile) == (24, 48, 512)
    assert found.receptive_field is None  # not known of all
    assert found.bytes_per_pixel == 300
    assert not found.global_context


def test_one_that_looks_at_the_whole_tile_sets_the_size_of_all():
    found = require_alike([card(crop=512), card(crop=96, global_context=True)], ["a", "b"]).card
    assert found.global_context
    assert found.crop == 96


def test_the_tile_holds_the_largest_halo():
    assert require_alike([card(tile=96), card(halo=200)], ["a", "b"]).card.tile == 464
    cards = [card(tile=96), card(crop=64, global_context=True)]
    assert require_alike(cards, ["a", "b"]).card.tile is None


def test_classes_are_found_by_their_names():
    cards = [card(), card(("large", "matrix", "small"))]
    assert require_alike(cards, ["a", "b"]).orders == ((0, 1, 2), (1, 2, 0))


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ({"task": Task.CLASSIFICATION}, "they were trained for segmentation and classification"),
        ({"in_channels": 3}, "they see channels: 1 and 3"),
        ({"names": ("matrix", "small")}, "classes are large, matrix, small and matrix, small"),
        ({"reading": CardReading(invert=True)}, "no option and invert True"),
        ({"intensity": IntensityRule.NONE}, "their intensity rules are zscore and none"),
        ({"pixel_size_nm": (4.0, 4.3)}, "their pixel sizes are 4 nm.* and 4 x 4.3 nm"),
        ({"pixel_size_nm": None}, "their pixel sizes are 4 nm.* and unknown"),
    ],
)  # fmt: skip
def test_a_difference_is_named_with_both_models(other, said):
    with pytest.raises(MismatchError, match=f"runs/a and runs/c cannot answer together: .*{said}"):
        require_alike([card(), card(), card(**other)], ["runs/a", "runs/b", "runs/c"])


def test_pixel_sizes_may_differ_by_5_percent():
    assert require_alike([card(), card(pixel_size_nm=(4.19, 3.81))], ["a", "b"])
