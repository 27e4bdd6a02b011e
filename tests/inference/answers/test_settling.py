"""What comes out of a prediction beside its most probable classes, file to file."""

import csv
from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch
from scipy import ndimage
from torch import nn

from emseg.answering import InstanceMethod
from emseg.config import PredictConfig
from emseg.errors import UnknownNameError
from emseg.inference.answers.uncertainty import entropy
from emseg.inference.backends.ensemble import Ensemble
from emseg.inference.backends.with_torch import TorchBackend
from emseg.inference.files.batch import Batch
from emseg.measuring import find_objects


class Levels(nn.Module):
    """Is sure of a class by grey values alone: below, about and above the mean."""

    def __init__(self, sharpness=4.0, shift=0.0):
        super().__init__()
        self.sharpness, self.shift = sharpness, shift

    def forward(self, image):
        grey = image - self.shift
        return self.sharpness * torch.cat([-grey - 0.3, -grey.abs() + 0.1, grey - 0.3], dim=1)


@pytest.fixture
def run(make_model, cpu, tmp_path):
    """Predict an image in small tiles with one network or several: ``run(path, tells=True)``."""

    def predict(path, *networks, out=tmp_path / "out", tells=False, card=None, **settings):
        settings = {"tile": 64, "halo": 0, "overwrite": True} | settings
        config = PredictConfig(model=Path("m"), inputs=(path,), out=out, **settings)
        models = [make_model(each, **(card or {})) for each in networks or (Levels(),)]
        backends = [TorchBackend.of(each, cpu) for each in models]
        backend = Ensemble(backends, tells=tells) if len(backends) > 1 else backends[0]
        (outcome,) = Batch.of(models[0].card, config, backend).run()
        assert outcome.error is None
        assert not [each for each in out.rglob("*") if each.name.startswith((".", "tmp"))]
        return outcome

    return predict


@pytest.fixture
def image(tmp_path):
    """Blobs of three greys with holes and specks, 150 x 200 pixels."""
    rng = np.random.default_rng(3)
    smooth = ndimage.gaussian_filter(rng.normal(size=(150, 200)), 5)
    pixels = 120 + 40 * smooth / smooth.std() + rng.normal(0, 8, smooth.shape)
    tifffile.imwrite(tmp_path / "blobs.tif", pixels.clip(0, 255).astype(np.uint8))
    return tmp_path / "blobs.tif"


def written(tmp_path, kind=""):
    return tifffile.imread(tmp_path / "out" / kind / "blobs.ome.tif")


def rows_of(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_a_class_is_where_its_probability_reaches_the_threshold(run, image, tmp_path):
    outcome = run(image, thresholds={"large": 0.7}, probabilities=True)
    shares, labels = written(tmp_path, "probabilities"), written(tmp_path)
    np.testing.assert_array_equal(labels == 2, shares[2] >= np.float32(0.7))
    np.testing.assert_array_equal(labels == 1, (labels != 2) & (shares[1] > shares[0]))
    assert outcome.found.rows[0]["pixels.large"] == (labels == 2).sum()


def test_an_unlabelled_margin_has_no_class_by_a_threshold(run, image, tmp_path):
    run(image, thresholds={"large": 0.4}, crop="0:120,10:190", uncertainty=True)
    labels, maps = written(tmp_path), written(tmp_path, "uncertainty")
    is_specimen = np.zeros(labels.shape, bool)
    is_specimen[:120, 10:190] = True
    np.testing.assert_array_equal(labels == 255, ~is_specimen)
    assert maps[~is_specimen].max() == 0
    assert maps[is_specimen].min() > 0


@pytest.mark.parametrize("tile", [64, 1000])
def test_holes_of_up_to_an_area_are_filled(run, image, tmp_path, tile):
    run(image, tile=tile)
    before = written(tmp_path)
    run(image, fill_holes="40nm2", pixel_size="2nm", tile=tile)
    labels, is_hole = written(tmp_path), np.zeros(before.shape, bool)
    for value in (1, 2):
        regions, count = ndimage.label(before != value)
        edge = np.concatenate([regions[0], regions[-1], regions[:, 0], regions[:, -1]])
        for index in set(range(1, count + 1)) - set(edge.tolist()):
            is_hole |= (regions == index) & ((regions == index).sum() <= 10)
    assert is_hole.sum() > 20
    assert (labels[is_hole] > 0).all()
    np.testing.assert_array_equal(labels[~is_hole], before[~is_hole])


@pytest.mark.parametrize("tile", [64, 1000])
def test_small_objects_are_gone_and_the_rest_is_numbered(run, image, tmp_path, tile):
    settings = {"fill_holes": "40nm2", "smallest": "15px", "pixel_size": "2nm", "tile": tile}
    outcome = run(image, instances=InstanceMethod.CONNECTED, **settings)
    labels, numbers = written(tmp_path), written(tmp_path, "instances")
    for value in (1, 2):
        assert np.bincount(find_objects(labels == value).ravel())[1:].min() >= 15
    assert numbers.dtype == np.uint32
    np.testing.assert_array_equal(numbers > 0, labels > 0)
    row = outcome.found.rows[0]
    assert [row[f"pixels.{name}"] for name in ("matrix", "small", "large")] == [
        (labels == value).sum() for value in range(3)
    ]
    objects = rows_of(tmp_path / "out" / "instances" / "blobs.csv")
    assert len(objects) == numbers.max()
    for each in objects:
        mask = numbers == int(each["object"])
        assert int(each["area_px"]) == mask.sum()
        assert float(each["area_nm2"]) == 4 * mask.sum()
        assert {each["class"]} == {("matrix", "small", "large")[k] for k in set(labels[mask])}
        assert 0 < float(each["score"]) < 1


def test_a_watershed_splits_what_is_connected(run, tmp_path):
    y, x = np.indices((60, 90))
    discs = (np.hypot(y - 30, x - 30) <= 14) | (np.hypot(y - 30, x - 54) <= 14)
    tifffile.imwrite(tmp_path / "blobs.tif", np.where(discs, 200, 50).astype(np.uint8))
    for kind, count in ((InstanceMethod.CONNECTED, 1), (InstanceMethod.WATERSHED, 2)):
        run(tmp_path / "blobs.tif", instances=kind)
        assert written(tmp_path, "instances").max() == count
        objects = rows_of(tmp_path / "out" / "instances" / "blobs.csv")
        assert {each["class"] for each in objects} == {"large"}
        assert len(objects) == count


@pytest.mark.parametrize(
    "card",
    [
        {},
        {"global_context": True, "crop": 64},
        {"pixel_size_nm": (4.0, 4.0), "pixel_size_source": "the card"},
    ],
)
def test_entropy_and_disagreement_are_those_of_the_probabilities(run, image, tmp_path, card):
    networks = (Levels(), Levels(1.0, 0.8))
    settings = {"probabilities": True, "pixel_size": "2nm", "tile": None, "card": card}
    singles = []
    for network in networks:
        run(image, network, **settings)
        singles.append(written(tmp_path, "probabilities"))
    run(image, *networks, tells=True, uncertainty=True, **settings)
    mean, maps = written(tmp_path, "probabilities"), written(tmp_path, "uncertainty")
    np.testing.assert_allclose(mean, np.mean(singles, axis=0), atol=2e-6)
    np.testing.assert_array_equal(written(tmp_path), mean.argmax(0))
    assert maps.shape == (2, 150, 200)
    np.testing.assert_allclose(maps[0], entropy(mean), atol=1e-6)
    if not card:  # elsewhere maps are blended or rescaled, not what they are of
        expected = entropy(mean) - np.mean([entropy(each) for each in singles], axis=0)
        np.testing.assert_allclose(maps[1], expected, atol=1e-5)
    assert 0 <= maps[1].min() < maps[1].max() <= 1


@pytest.mark.parametrize("networks", [(), (Levels(), Levels(1.0, 0.8))])
def test_blended_tiles_give_classes_without_probabilities_too(run, image, tmp_path, networks):
    card = {"global_context": True, "crop": 64}
    run(image, *networks, card=card, tile=None)
    labels = written(tmp_path)
    run(image, *networks, card=card, tile=None, probabilities=True)
    np.testing.assert_array_equal(labels, written(tmp_path, "probabilities").argmax(0))
    assert set(np.unique(labels)) == {0, 1, 2}


def test_maps_and_objects_keep_the_pixel_size(run, image, tmp_path):
    run(image, uncertainty=True, instances=InstanceMethod.CONNECTED, pixel_size="2nm")
    for kind in ("uncertainty", "instances"):
        with tifffile.TiffFile(tmp_path / "out" / kind / "blobs.ome.tif") as tiff:
            assert 'PhysicalSizeX="2.0"' in tiff.ome_metadata


def test_planes_of_a_stack_are_settled_one_by_one(run, tmp_path):
    planes = np.full((2, 40, 50), 50, np.uint8)
    planes[0, 5:15, 5:15] = planes[1, 5:15, 5:15] = planes[1, 25:35, 5:15] = 200
    path = tmp_path / "blobs.tif"
    tifffile.imwrite(path, planes, ome=True, metadata={"axes": "ZYX"})
    run(path, instances=InstanceMethod.CONNECTED, smallest="2", tile=32)
    numbers = written(tmp_path, "instances")
    assert [plane.max() for plane in numbers] == [1, 2]
    objects = rows_of(tmp_path / "out" / "instances" / "blobs.csv")
    assert [(each["plane"], each["object"]) for each in objects] == [
        ("0", "1"),
        ("1", "1"),
        ("1", "2"),
    ]


def test_a_threshold_for_an_unknown_class_is_refused_before_the_start(run, image, tmp_path):
    with pytest.raises(UnknownNameError, match="did you mean 'large'"):
        run(image, thresholds={"larg": 0.5})
    assert not (tmp_path / "out").exists()


def test_an_area_needs_a_pixel_size_of_each_file(make_model, cpu, image, tmp_path):
    resolution = {"resolution": (1e6, 1e6), "resolutionunit": "CENTIMETER"}
    tifffile.imwrite(tmp_path / "known.tif", tifffile.imread(image), **resolution)
    paths = (image, tmp_path / "known.tif")
    config = PredictConfig(
        model=Path("m"), inputs=paths, out=tmp_path / "out", fill_holes="40nm2", previews=False
    )
    model = make_model(Levels())
    failed, done = Batch.of(model.card, config, TorchBackend.of(model, cpu)).run()
    assert "blobs.tif: --fill-holes 40nm2 is an area, and the pixel size" in str(failed.error)
    assert [each.name for each in (tmp_path / "out").rglob("*.tif")] == ["known.ome.tif"]
    assert done.error is None
