"""Micrographs to label images."""

import logging
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from emseg.calibration import PixelSize
from emseg.errors import ContentError, MismatchError, ModelError, UsageError
from emseg.inference import Segmenter
from emseg.inference.backends.turned import TurnedBackend, Turns
from emseg.inference.backends.with_torch import TorchBackend
from emseg.inference.preparing import mirror_pad
from emseg.micrograph import Micrograph


class Brightness(nn.Module):
    """Calls dark pixels the first class and bright ones the last, pixel by pixel."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def forward(self, image):
        self.seen.append(image)
        return torch.cat([-image, torch.zeros_like(image) - 1, image], dim=1)


@pytest.fixture
def small_unet(trained_unet, make_model):
    network = trained_unet(1, 3, width=4, depth=2)
    return make_model(network, stride=4, halo=24)


def mirrored(model, cpu, **settings):
    return Segmenter(model.card, TurnedBackend(TorchBackend.of(model, cpu), Turns.D4), **settings)


def probabilities(model, cpu, micrograph, *, mirror=False, **settings):
    segmenter = (mirrored if mirror else Segmenter.of)(model, cpu, **settings)
    return segmenter.segment(micrograph, keep_probabilities=True).probabilities


@pytest.mark.parametrize("dtype", ["uint16", "int32", "float32", "float64", ">u2", ">f4", "<i4"])
def test_the_type_of_the_pixels_does_not_matter(small_unet, cpu, micrograph, dtype):
    expected = probabilities(small_unet, cpu, micrograph(90, 70))
    found = probabilities(small_unet, cpu, micrograph(90, 70, dtype))
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("size", [(90, 70), (7, 200), (3, 3), (1, 1), (64, 64), (65, 1)])
def test_any_size_is_predicted_at_its_own_size(small_unet, cpu, micrograph, size):
    found = probabilities(small_unet, cpu, micrograph(*size))
    assert found.shape == (3, *size)
    np.testing.assert_allclose(found.sum(axis=0), 1, atol=1e-5)


def test_any_tile_gives_the_same_labels(small_unet, cpu, micrograph):
    image = micrograph(130, 110)
    first, *others = (
        Segmenter.of(small_unet, cpu, tile=tile).segment(image).labels.pixels
        for tile in (1000, 72, 99)
    )
    for other in others:
        np.testing.assert_array_equal(other, first)


def test_labels_carry_names_calibration_and_the_smallest_type(make_model, cpu):
    pixels = np.array([[[0, 100, 200, 200]]], np.uint16)
    size = PixelSize(2.0, 2.0, "the tags")
    image = Micrograph(pixels, "m", plane=4, pixel_size=size)
    labels = Segmenter.of(make_model(Brightness()), cpu).segment(image).labels
    assert labels.pixels.tolist() == [[0, 0, 2, 2]]
    assert labels.pixels.dtype == np.uint8
    assert (labels.names, labels.plane) == (("matrix", "small", "large"), 4)
    assert labels.pixel_size == size


def test_more_than_254_classes_take_two_bytes(make_model, cpu, micrograph):
    class Last(nn.Module):
        def forward(self, image):
            return torch.arange(300.0)[None, :, None, None].expand(1, 300, *image.shape[2:])

    model = make_model(Last(), classes=[f"c{n}" for n in range(300)])
    pixels = Segmenter.of(model, cpu).segment(micrograph(5, 6)).labels.pixels
    assert pixels.dtype == np.uint16
    assert (pixels == 299).all()


def test_nan_pixels_are_taken_as_the_mean(make_model, cpu, micrograph):
    image = micrograph(32, 32, np.float32)
    image.pixels[0, 3:6, 3:6] = np.nan
    network = Brightness()
    found = probabilities(make_model(network), cpu, image)
    assert np.isfinite(found).all()
    assert not network.seen[0][0, 0, 3:6, 3:6].any()


def test_a_plane_of_nan_is_refused(small_unet, cpu):
    with pytest.raises(ContentError, match="broken has no finite pixel"):
        Segmenter.of(small_unet, cpu).segment(Micrograph(np.full((1, 9, 9), np.nan), "broken"))


def test_a_constant_image_is_predicted(small_unet, cpu):
    found = probabilities(small_unet, cpu, Micrograph(np.full((1, 40, 40), 7, np.uint16), "m"))
    assert np.isfinite(found).all()


def test_only_the_far_edges_are_padded_by_mirroring(make_model, cpu):
    network = Brightness()
    pixels = np.arange(15, dtype=np.uint8).reshape(1, 3, 5)
    Segmenter.of(make_model(network, stride=4), cpu).segment(Micrograph(pixels, "m"))
    seen = network.seen[0][0, 0].numpy()
    assert seen.shape == (4, 8)
    np.testing.assert_array_equal(seen[3], seen[2])
    np.testing.assert_array_equal(seen[:, 5:], seen[:, [4, 3, 2]])
    assert (np.diff(seen[:3, :5].ravel()) > 0).all()


@pytest.mark.parametrize("size", [(1, 1), (2, 5)])
def test_mirroring_reaches_as_far_as_it_must(size):
    values = np.arange(np.prod(size)).reshape(1, *size)
    assert mirror_pad(values, 33, 7).shape == (1, size[0] + 33, size[1] + 7)
    assert mirror_pad(values, 0, -3) is values


def test_a_colour_picture_is_read_as_grey_with_a_notice(make_model, cpu, caplog):
    pixels = np.zeros((3, 1, 4), np.uint8)
    pixels[:, 0, 1], pixels[1, 0, 2], pixels[2, 0, 3] = 255, 255, 255
    image = Micrograph(pixels, "photo", channels=("red", "green", "blue"))
    network = Brightness()
    with caplog.at_level(logging.WARNING):
        Segmenter.of(make_model(network), cpu).segment(image)
    assert "photo is a colour picture; its luminance is used" in caplog.text
    dark, white, green, blue = network.seen[0][0, 0, 0].tolist()
    assert (green - dark) / (white - dark) == pytest.approx(0.587, abs=1e-3)
    assert (blue - dark) / (white - dark) == pytest.approx(0.114, abs=1e-3)


@pytest.mark.parametrize(("found", "read"), [(3, 1), (1, 3), (2, 4)])
def test_channels_that_do_not_fit_are_refused(make_model, cpu, micrograph, found, read):
    model = make_model(Brightness(), in_channels=read)
    with pytest.raises(MismatchError, match=rf"{found} channel\(s\) and the model reads {read}"):
        Segmenter.of(model, cpu).segment(micrograph(8, 8, channels=found))


def test_mirroring_averages_eight_views(make_model, cpu, micrograph):
    """What differs from side to side cancels out where every view is met by its mirror."""

    class Column(nn.Module):
        def forward(self, image):
            ramp = torch.linspace(-3, 3, image.shape[-1]).expand(image.shape)
            return torch.cat([ramp, -ramp], dim=1)

    model = make_model(Column(), classes=("left", "right"))
    square = micrograph(24, 24)
    plain = probabilities(model, cpu, square)
    turned = probabilities(model, cpu, square, mirror=True)
    assert np.ptp(plain[0]) > 0.9
    p = plain[0, 0]
    views = [p[None, :], p[None, ::-1], p[:, None], p[::-1, None]]
    expected = sum(np.broadcast_to(view, (24, 24)) for view in views) / 4
    np.testing.assert_allclose(turned[0], expected, atol=1e-5)


def test_mirroring_by_tiles_equals_mirroring_the_whole(small_unet, cpu, micrograph):
    image = micrograph(67, 81)
    whole = probabilities(small_unet, cpu, image, mirror=True, tile=1000)
    tiled = probabilities(small_unet, cpu, image, mirror=True, tile=72)
    assert np.abs(whole - tiled).max() < 1e-4


def test_every_view_is_turned_back(make_model, cpu, micrograph):
    image = micrograph(20, 32)
    model = make_model(Brightness(), stride=4)
    np.testing.assert_allclose(
        probabilities(model, cpu, image, mirror=True), probabilities(model, cpu, image), atol=1e-6
    )


def test_a_network_that_sees_the_whole_tile_meets_only_its_own_size(make_model, cpu, micrograph):
    network = Brightness()
    model = make_model(network, global_context=True, crop=48, stride=16)
    image = micrograph(130, 100)
    found = probabilities(model, cpu, image)
    assert {tuple(seen.shape[2:]) for seen in network.seen} == {(48, 48)}
    plain = probabilities(make_model(Brightness()), cpu, image)
    np.testing.assert_allclose(found, plain, atol=1e-5)


def test_a_small_image_is_mirrored_up_to_the_size_of_training(make_model, cpu, micrograph):
    network = Brightness()
    model = make_model(network, global_context=True, crop=48, stride=16)
    assert probabilities(model, cpu, micrograph(9, 11)).shape == (3, 9, 11)
    assert network.seen[0].shape[2:] == (48, 48)


def test_a_tile_without_an_inside_is_refused(small_unet, cpu, micrograph):
    with pytest.raises(UsageError, match="keeps nothing inside a halo of 24"):
        Segmenter.of(small_unet, cpu, tile=48).segment(micrograph(200, 200))


def test_tile_and_halo_come_from_the_user_the_card_or_the_memory(make_model, cpu):
    model = make_model(Brightness(), stride=16, halo=30)
    assert Segmenter.of(model, cpu).halo == 32
    assert Segmenter.of(model, cpu).tile % 16 == 0
    assert Segmenter.of(model, cpu, halo=50, tile=300).halo == 64
    assert Segmenter.of(model, cpu, halo=50, tile=300).tile == 300
    assert Segmenter.of(make_model(Brightness(), tile=128), cpu).tile == 128
    huge = make_model(Brightness(), stride=16, halo=112, bytes_per_pixel=10**15)
    assert Segmenter.of(huge, cpu).tile == 2 * 112 + 8 * 16


def test_a_network_that_does_not_keep_the_size_is_refused(make_model, cpu, micrograph):
    with pytest.raises(ModelError, match=r"answers \(1, 1, 2, 2\) for 1 x 8 x 8 pixels"):
        Segmenter.of(make_model(nn.AvgPool2d(4)), cpu).segment(micrograph(8, 8))


class Broken(nn.Module):
    """Answers NaN for bright pixels, as weights that are too large do."""

    def forward(self, image):
        return torch.cat([image, image, image / (image < 1)], dim=1)


@pytest.mark.parametrize("card", [{}, {"global_context": True}])
@pytest.mark.parametrize("mirror", [False, True])
def test_what_is_no_number_is_no_class(make_model, cpu, card, mirror):
    pixels = np.zeros((1, 64, 64), np.float32)
    pixels[0, 40, 40:60] = 5
    image = Micrograph(pixels, "m", Path("m.tif"), plane=3)
    with pytest.raises(ModelError, match=r"m\.tif\[3\]: what the network answers is no number"):
        (mirrored if mirror else Segmenter.of)(make_model(Broken(), **card), cpu).segment(image)


def test_what_a_network_says_to_its_input_is_told(make_model, cpu, micrograph):
    class Picky(nn.Module):
        def forward(self, image):
            raise RuntimeError("Wrong input shape.\nmore")

    with pytest.raises(ModelError, match=r"cannot take 20 x 30 pixels \(Wrong input shape\)"):
        Segmenter.of(make_model(Picky()), cpu).segment(micrograph(20, 30))


@pytest.mark.parametrize(("card", "of"), [({"tile": 48}, 9), ({"global_context": True}, 4)])
def test_each_tile_is_reported_and_a_report_can_end_the_work(make_model, cpu, card, of):
    settings = {"halo": 8} | card
    segmenter = Segmenter.of(make_model(Brightness(), **settings), cpu)
    image = Micrograph(np.zeros((1, 90, 70), np.uint8), "m")
    told = []
    segmenter.segment(image, watch=lambda _plane, *done: told.append(done))
    assert told == [(number, of) for number in range(1, of + 1)]

    def enough(_plane, _done, _of):
        raise InterruptedError

    segmenter.backend.network.seen.clear()
    with pytest.raises(InterruptedError):
        segmenter.segment(image, watch=enough)
    assert len(segmenter.backend.network.seen) == 1


def test_weights_that_say_nothing_are_told(make_model, cpu, micrograph, caplog):
    class Nothing(nn.Module):
        def forward(self, image):
            return torch.zeros(len(image), 3, *image.shape[2:])

    labels = Segmenter.of(make_model(Nothing()), cpu).segment(micrograph(20, 30)).labels
    assert not labels.pixels.any()
    assert "all classes are equally probable, and the first is taken" in caplog.text
