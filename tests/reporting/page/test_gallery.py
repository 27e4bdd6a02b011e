"""The worst images and tiles are found, and few pictures are kept of many."""

import base64
import io
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from emseg.micrograph import Region
from emseg.reporting.page import Gallery
from emseg.reporting.page.ranking import Worst
from emseg.reporting.page.tiles import WorstTile, judged_blocks


def picture(uri: str) -> np.ndarray:
    return np.asarray(
        Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2]))).convert("RGBA")
    )


@given(st.lists(st.integers(0, 6)), st.integers(0, 5))
def test_the_worst_are_those_of_a_sorted_list(values, most):
    worst = Worst(most)
    for place, value in enumerate(values):
        worst.add(value, (value, place))
    expected = sorted(((v, k) for k, v in enumerate(values)), key=lambda each: (-each[0], each[1]))
    assert list(worst.ranked()) == expected[:most]


def test_the_images_with_the_lowest_mean_iou_are_kept(pair, report):
    pairs = [pair(str(k), wrong=share, seed=k) for k, share in enumerate((0.1, 0.4, 0, 0.3, 0.2))]
    gallery = Gallery(3)
    for each in pairs:
        gallery.look(each)
    assert [each.name for each in gallery.exhibits] == ["1", "3", "4"]
    mean_iou = report([pairs[1]]).value("mean", "iou")
    assert gallery.exhibits[0].mean_iou == pytest.approx(mean_iou, abs=1e-12)


def test_an_image_without_labels_comes_last(pair):
    gallery = Gallery()
    gallery.look(pair("nothing", unlabelled=1.0))
    gallery.look(pair("perfect", wrong=0.0))
    assert [each.mean_iou for each in gallery.exhibits] == [1.0, None]


def test_pictures_show_the_classes_in_their_colours(pair, micrograph):
    both = pair(wrong=0.0, size=(400, 320), pixel_size=None)
    gallery = Gallery()
    gallery.look(both, micrograph(both))
    layers = gallery.exhibits[0].layers
    assert (layers.height, layers.width) == (400, 320)
    shown = picture(layers.reference)
    colours = np.array([[0, 114, 178, 41], [230, 159, 0, 255], [0, 158, 115, 255]])
    np.testing.assert_array_equal(shown, colours[both.reference.pixels])
    np.testing.assert_array_equal(shown, picture(layers.prediction))
    assert np.unique(picture(layers.errors).reshape(-1, 4), axis=0).shape[0] == 1
    assert layers.base.startswith("data:image/jpeg;base64,")


def test_every_layer_has_the_same_scale_bar(pair, micrograph):
    both = pair(size=(300, 400))
    gallery = Gallery()
    gallery.look(both, micrograph(both))
    layers = gallery.exhibits[0].layers
    corner = slice(-12, -6), slice(12, 60)
    for layer in (layers.reference, layers.prediction, layers.errors):
        found = picture(layer)[corner]
        assert (found[..., 3] == 255).all()
        assert (found[..., :3].max(axis=-1) - found[..., :3].min(axis=-1)).max() == 0
    assert "1.00 × 0.750 µm" in gallery.exhibits[0].size


def test_large_images_are_drawn_small(pair, micrograph):
    both = pair(size=(1500, 3000))
    gallery = Gallery()
    gallery.look(both, micrograph(both))
    layers = gallery.exhibits[0].layers
    assert max(layers.height, layers.width) <= 900
    assert picture(layers.errors).shape == (layers.height, layers.width, 4)
    assert len(layers.reference) < 200_000


def test_shares_of_errors_are_of_all_labelled_pixels(pair):
    both = pair(size=(100, 100), wrong=0.0, unlabelled=0.5)
    wrong = both.prediction.pixels.copy()
    labelled = np.argwhere(both.counted & (both.reference.pixels == 1))[:50]
    wrong[tuple(labelled.T)] = 0
    gallery = Gallery()
    gallery.look(replace(both, prediction=replace(both.prediction, pixels=wrong)))
    share = 100 * 50 / both.counted.sum()
    texts = [each.text for each in gallery.exhibits[0].legend]
    assert texts == [
        f"missed, called matrix: {share:.2f} %",
        "false, is matrix: 0.00 %",
        "not labelled",
    ]


def test_the_information_bar_is_left_out_of_the_picture_but_not_of_the_place(pair):
    both = pair(size=(64, 96))
    image = np.zeros((1, 84, 96), np.uint8)
    from emseg.micrograph import Micrograph

    whole = Micrograph(image, "a", pixel_size=both.pixel_size, specimen=Region(20, 84, 0, 96))
    gallery = Gallery()
    gallery.look(both, whole)
    assert not gallery.exhibits[0].layers.bare
    assert min(each.region.top for each in gallery.worst_tiles) == 20


def test_a_micrograph_that_does_not_fit_is_left_out_with_a_notice(pair, micrograph, caplog):
    both, other = pair("a"), pair("b", size=(30, 30))
    gallery = Gallery()
    gallery.look(both, micrograph(other))
    assert gallery.exhibits[0].layers.bare
    assert "without the micrograph" in caplog.text


def test_the_tile_with_all_the_errors_is_the_worst(pair):
    both = pair(size=(512, 768), wrong=0.0)
    wrong = both.prediction.pixels.copy()
    wrong[128:256, 256:384] = 2 - wrong[128:256, 256:384]
    gallery = Gallery()
    gallery.look(replace(both, prediction=replace(both.prediction, pixels=wrong)))
    (tile,) = gallery.worst_tiles
    assert tile.region == Region(128, 256, 256, 384)
    assert tile.wrong == pytest.approx(np.mean(both.reference.pixels[128:256, 256:384] != 1))
    assert tile.place == "320 × 320 nm, 640 nm from the left and 320 nm from the top"
    crops = gallery.tiles[0].crops
    assert crops.micrograph == ""
    assert picture(crops.reference).shape[:2] == (crops.height, crops.width)


def test_twelve_tiles_of_all_images_are_kept_worst_first(pair):
    gallery = Gallery(2)
    for seed in range(6):
        gallery.look(pair(str(seed), wrong=0.1 * (seed + 1), seed=seed, size=(128, 128)))
    shares = [each.wrong for each in gallery.worst_tiles]
    assert len(shares) == 12
    assert shares == sorted(shares, reverse=True)
    assert {each.name for each in gallery.worst_tiles} == {"5"}


def test_tiles_that_are_mostly_unlabelled_are_not_judged(pair):
    both = pair(size=(64, 64))
    pixels = both.reference.pixels.copy()
    pixels[:40] = 255
    both = replace(both, reference=replace(both.reference, pixels=pixels))
    assert {region.top for _, region in judged_blocks(both)} == {32}


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 400), st.integers(1, 400), st.integers(0, 3))
def test_blocks_cover_every_pixel_once(height, width, seed):
    from emseg.evaluation.metric import ComparedPair
    from emseg.micrograph import LabelClass, LabelImage

    rng = np.random.default_rng(seed)
    classes = (LabelClass("a", (0, 0, 0)), LabelClass("b", (1, 1, 1)))
    true, found = rng.integers(0, 2, (2, height, width)).astype(np.uint8)
    both = ComparedPair("x", LabelImage(found, classes, "x"), LabelImage(true, classes, "x"))
    covered = np.zeros((height, width), int)
    for share, region in judged_blocks(both):
        covered[region.slices] += 1
        assert share == pytest.approx(np.mean(true[region.slices] != found[region.slices]))
        assert max(region.size) <= 384
    assert (covered == 1).all()


def test_a_tile_without_pixel_size_has_no_place():
    assert WorstTile("a", Region(0, 1, 0, 1), 0.5).place == ""
