"""What the files of a prediction hold, and the memory that they take while they are written."""

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from torch import nn

from emseg.config import PredictConfig
from emseg.inference.files.contents import ResultContents, files_bytes
from emseg.micrograph import LabelImage, Micrograph
from emseg.writing.previews import Preview, preview_bytes


@pytest.fixture
def wanted(make_model, tmp_path):
    """What is wanted of a plane: ``card, config, micrograph = wanted(probabilities=True)``."""

    def make(**settings):
        config = PredictConfig(model=Path("m"), inputs=("a.tif",), out=tmp_path, **settings)
        plane = Micrograph(np.broadcast_to(np.uint16(0), (1, 3000, 2000)), "a")
        return make_model(nn.Identity()).card, config, plane

    return make


def test_each_image_that_is_wanted_is_described_with_what_it_holds(wanted):
    card, config, plane = wanted(probabilities=True, uncertainty=True, instances="connected")
    found = ResultContents.of(card, config, plane, [None, None], title="b", maps=("disagreement",))
    assert found.labels.size == (1, 3000, 2000)
    assert found.probabilities.size == (3, 3000, 2000)
    assert [each.name for each in found.uncertainty.channels] == ["entropy", "disagreement"]
    assert found.instances.dtype == np.uint32
    assert {found.labels.count, found.instances.count} == {2}
    assert (found.labels.name, found.instances.name) == ("a", "b")


def test_nothing_else_than_what_is_wanted_is_written(wanted):
    found = ResultContents.of(*wanted(), [None], title="b")
    assert (found.probabilities, found.uncertainty, found.instances) == (None, None, None)


def test_more_files_and_a_picture_take_more_memory(wanted):
    plain = files_bytes(*wanted(previews=False))
    assert plain == 4 * 512 * 2000
    assert files_bytes(*wanted(previews=False, probabilities=True)) == plain * (1 + 3 * 4)
    assert files_bytes(*wanted()) > plain


@pytest.mark.parametrize("side", [700, 2047, 3100])
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_a_picture_takes_no_more_than_was_reckoned(make_model, tmp_path, side, dtype):
    plane = Micrograph(np.random.default_rng(0).integers(0, 99, (1, side, side)).astype(dtype), "a")
    classes = make_model(nn.Identity()).card.label_classes
    labels = LabelImage(np.zeros((side, side), np.uint8), classes, "a")
    tracemalloc.start()
    try:
        preview = Preview(plane, classes)
        preview.put(plane.pixels, labels.pixels)
        preview.write(tmp_path / "a.png")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < preview_bytes(plane)
