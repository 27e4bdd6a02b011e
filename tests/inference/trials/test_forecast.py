"""What a prediction will take, told before it begins."""

import re
from pathlib import Path

import imageio.v3 as iio
import numpy as np
import pytest
from torch import nn

from emseg.config import PredictConfig, Task
from emseg.errors import ContentError, UnreadableFileError
from emseg.inference.backends.with_torch import TorchBackend
from emseg.inference.files.batch import Batch
from emseg.inference.trials.forecast import forecast


class Grey(nn.Module):
    def forward(self, image):
        return image.repeat(1, 3, 1, 1)


class Mean(nn.Module):
    def forward(self, image):
        return image.mean(dim=(2, 3)).repeat(1, 3)


@pytest.fixture
def forecasts(make_model, cpu, tmp_path):
    def make(*paths, network=None, card=(), **settings):
        model = make_model(network or Grey(), **dict(card))
        config = PredictConfig(model=Path("m"), inputs=paths, out=tmp_path / "out", **settings)
        outcomes = list(forecast(Batch.of(model.card, config, TorchBackend.of(model, cpu))))
        assert not (tmp_path / "out").exists()
        assert [each.path for each in outcomes] == list(paths)
        return [each.found or each for each in outcomes]

    return make


def picture(path, height, width):
    iio.imwrite(path, np.random.default_rng(0).integers(0, 255, (height, width), np.uint8))
    return path


def test_tiles_and_pixels_are_those_of_the_prediction(forecasts, tmp_path):
    card = {"halo": 8, "stride": 4}
    (found,) = forecasts(picture(tmp_path / "a.png", 90, 70), tile=48, card=card)
    assert (found.planes, found.size, found.is_streamed) == (1, (90, 70), False)
    assert (found.plan.tiles, found.plan.tile) == (9, (48, 48))
    assert found.plan.computed == (92 + 2 * 2 * 8) * (72 + 2 * 2 * 8)
    assert found.seconds > 0


def test_a_tile_that_is_larger_than_the_image_counts_as_the_image(forecasts, tmp_path):
    card = {"halo": 8, "stride": 4}
    (found,) = forecasts(picture(tmp_path / "a.png", 90, 70), tile=1001, card=card)
    assert (found.plan.tiles, found.plan.tile, found.plan.computed) == (1, (92, 72), 92 * 72)
    assert found.plan.batch > 1


def test_a_stack_takes_as_long_as_its_planes(forecasts, tmp_path):
    import tifffile

    tifffile.imwrite(tmp_path / "s.tif", np.zeros((5, 40, 40), np.uint8), metadata={"axes": "ZYX"})
    (found,) = forecasts(tmp_path / "s.tif", slices="1:4")
    assert found.planes == 3


def test_crops_of_a_classifier_are_counted(forecasts, tmp_path):
    card = {"task": Task.CLASSIFICATION, "crop": 32}
    (found,) = forecasts(picture(tmp_path / "a.png", 64, 90), network=Mean(), card=card)
    assert (found.plan.tiles, found.plan.computed) == (6, 6 * 32 * 32)


def test_memory_that_cannot_be_enough_is_refused_before_anything_is_predicted(forecasts, tmp_path):
    (found,) = forecasts(picture(tmp_path / "a.png", 64, 64), max_ram="1M")
    assert isinstance(found.error, ContentError)
    assert re.search(r"--max-ram leaves 0 MB; allow \d+M or more", str(found.error))


def test_what_cannot_be_read_costs_only_itself(forecasts, tmp_path):
    (tmp_path / "a.tif").write_text("no picture")
    bad, good = forecasts(tmp_path / "a.tif", picture(tmp_path / "b.png", 64, 64))
    assert (bad.path, type(bad.error)) == (tmp_path / "a.tif", UnreadableFileError)
    assert good.size == (64, 64)


def test_a_tile_that_takes_more_than_is_allowed_is_refused_too(forecasts, tmp_path):
    image, card = picture(tmp_path / "a.png", 512, 512), {"bytes_per_pixel": 10_000}
    (found,) = forecasts(image, tile=512, max_ram="1M", card=card)
    assert re.search(r"tiles, 512 x 512 pixels, take about .*M or more", str(found.error))
