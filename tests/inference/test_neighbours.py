"""Networks that see the slices before and after each."""

from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch

from emseg.bundle import CardReading, ModelCard, StoredModel
from emseg.calibration import PixelSize
from emseg.config import PredictConfig
from emseg.inference import Segmenter
from emseg.inference.backends.ensemble import Ensemble
from emseg.inference.backends.members import require_alike
from emseg.inference.backends.narrowed import Narrowed
from emseg.inference.backends.with_torch import TorchBackend
from emseg.inference.files.batch import Batch
from emseg.inference.preparing import Preparing
from emseg.inference.preparing.resampling import resample
from emseg.intensity import measure, normalise
from emseg.micrograph import Micrograph, Region, of_slices
from emseg.reading import open_stack


@pytest.fixture
def planes(micrograph):
    image = micrograph(96, 80).array[0].astype(np.int16)
    steps = [np.roll(image, 9 * z, axis=1) * (10 + z) // 10 for z in range(4)]
    return np.stack(steps).astype(np.uint16)


@pytest.fixture
def file(planes, tmp_path):
    path = tmp_path / "stack.tif"
    tifffile.imwrite(path, planes, ome=True, metadata={"axes": "ZYX"})
    return path


@pytest.fixture
def model(trained_unet, make_model):
    """Make a model that sees so many slices on each side."""

    def make(reach, **card) -> StoredModel:
        network = trained_unet(2 * reach + 1, 3, width=4, depth=2)
        settings = {"stride": 4, "halo": 24, "in_channels": 2 * reach + 1}
        return make_model(network, reading=CardReading(neighbours=reach), **(settings | card))

    return make


def scaled(pixels, rule):
    image = Micrograph(pixels[None], "hand")
    return normalise(image.array, measure(image), rule)[0]


def by_hand(model, planes, number, reach):
    """Stack and normalise slices, and ask the network itself."""
    around = [min(max(0, number + step), len(planes) - 1) for step in range(-reach, reach + 1)]
    fed = np.stack([scaled(planes[each], model.card.intensity) for each in around])
    with torch.inference_mode():
        return torch.softmax(model.network(torch.from_numpy(fed)[None]), dim=1)[0].numpy()


@pytest.mark.parametrize("reach", [1, 2])
@pytest.mark.parametrize("held", [None, 0])
def test_a_stack_is_predicted_as_the_network_answers_to_slices_stacked_by_hand(
    model, cpu, file, planes, tmp_path, reach, held
):
    made = model(reach)
    config = PredictConfig(
        model=Path("m"), inputs=(file,), out=tmp_path / "out", tile=72, probabilities=True
    )
    batch = Batch.of(made.card, config, TorchBackend.of(made, cpu))
    batch._held = held  # of planes that are read by rows nothing is held
    (outcome,) = batch.run()
    assert outcome.error is None
    found = open_stack(tmp_path / "out" / "probabilities" / "stack.ome.tif")
    for number, micrograph in enumerate(found):
        expected = by_hand(made, planes, number, reach)
        np.testing.assert_allclose(micrograph.array, expected, atol=2e-5)


def test_the_channels_are_those_of_each_slice_cut_rescaled_and_normalised_alike(model, planes):
    card = model(1, pixel_size_nm=(8.0, 8.0)).card
    slices = [
        Micrograph(
            each[None], "s", Path("s.tif"), z, PixelSize(4.0, 4.0, "hand"), (), Region(0, 64, 0, 80)
        )
        for z, each in enumerate(planes[:3])
    ]
    prepared = Preparing(card).prepare(of_slices(slices))
    expected = np.concatenate([resample(each[None, :64], (32, 40)) for each in planes[:3]])
    assert prepared.size == (32, 40)
    np.testing.assert_array_equal(prepared.seen.pixels[:], expected)
    np.testing.assert_array_equal(
        prepared.cut(0, 0, 32, 40), [scaled(each, card.intensity) for each in expected]
    )


def test_slices_are_prepared_once_while_a_stack_is_walked_through(model, file, monkeypatch):
    measured = []
    monkeypatch.setattr(
        "emseg.inference.preparing.prepared.measure",
        lambda each: measured.append(each.plane) or measure(each),
    )
    made = model(1)
    preparing = Preparing(made.card)
    for each in open_stack(file, made.card.read_options()):
        preparing.prepare(each)
    assert sorted(measured) == [0, 1, 2, 3]


def test_colour_becomes_grey_in_each_slice(model, planes):
    colours = [np.stack([each, each // 2, each // 3]) for each in planes[:3]]
    slices = [Micrograph(each, "s", Path("s.tif"), z, channels=("red", "green", "blue"))
              for z, each in enumerate(colours)]  # fmt: skip
    seen = Preparing(model(1).card).seen(of_slices(slices))
    grey = [Preparing(model(0).card).seen(each).array for each in slices]
    np.testing.assert_array_equal(seen.pixels[:], np.concatenate(grey))


def test_members_that_see_fewer_slices_are_given_the_middle_ones(model, cpu, file, planes):
    models = [model(0), model(2), model(1)]
    alike = require_alike([each.card for each in models], ["a", "b", "c"])
    assert (alike.card.in_channels, alike.card.slices) == (5, 5)
    assert alike.channels == (slice(2, 3), slice(0, 5), slice(1, 4))
    backends = [
        Narrowed(TorchBackend.of(each, cpu), channels)
        for each, channels in zip(models, alike.channels, strict=True)
    ]
    segmenter = Segmenter(alike.card, Ensemble(backends, alike.orders))
    micrograph = open_stack(file, alike.card.read_options())[1]
    found = segmenter.segment(micrograph, keep_probabilities=True).probabilities
    each = [by_hand(made, planes, 1, made.card.reading.neighbours) for made in models]
    np.testing.assert_allclose(found, np.mean(each, axis=0), atol=2e-5)


def test_the_memory_of_all_slices_is_reckoned_with(model, cpu, file, planes):
    plans = []
    for reach in (0, 2):
        made = model(reach)
        segmenter = Segmenter.of(made, cpu, tile=72)
        micrograph = open_stack(file, made.card.read_options())[1]
        plans.append(segmenter.plan(micrograph, segmenter.preparing.seen(micrograph)))
    held = len(planes) * planes[0].nbytes  # planes 0 to 3, of which one is seen twice
    assert plans[1].ram - plans[0].ram >= held - planes[0].nbytes


def test_a_card_keeps_the_neighbours_and_one_without_them_has_none(model):
    card = model(2).card
    again = ModelCard.read(card.model_dump_json())
    assert (again.reading.neighbours, again.slices, again.slice_channels) == (2, 5, 1)
    assert again.read_options().neighbours == 2
    config = PredictConfig(model=Path("m"), inputs=(Path("a.tif"),), out=Path("out"), invert=True)
    assert again.read_options(config).neighbours == 2
    old = card.model_dump(mode="json") | {"reading": {"invert": True}}
    assert ModelCard(**old).read_options().neighbours == 0
    with pytest.raises(ValueError, match="no multiple of 5 slices"):
        ModelCard(**(card.model_dump() | {"in_channels": 6}))
