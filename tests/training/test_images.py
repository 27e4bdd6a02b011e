"""Labelled micrographs for a classifier."""

from collections import Counter
from pathlib import Path

import imageio.v3 as iio
import numpy as np
import pytest
import torch

import emseg.training.images
from emseg.config import Task, TrainConfig
from emseg.errors import ContentError, UnknownNameError, UsageError
from emseg.intensity import IntensityRule, measure
from emseg.micrograph import Micrograph
from emseg.training.images import (
    ImageDataset,
    LabelledMicrograph,
    class_fingerprint,
    load_classes,
)


@pytest.fixture
def classes(tmp_path):
    """Write folders of noise: ``classes(a=5, b=3)``."""

    def write(**counts):
        rng = np.random.default_rng(0)
        for name, count in counts.items():
            (tmp_path / "c" / name).mkdir(parents=True)
            for number in range(count):
                pixels = rng.integers(0, 255, (40, 50), dtype=np.uint8)
                iio.imwrite(tmp_path / "c" / name / f"{number}.png", pixels)
        return tmp_path / "c"

    return write


def config(images, **more):
    return TrainConfig(images=(images,), out=Path("run"), task=Task.CLASSIFICATION, **more)


def labels(images):
    return Counter(each.label for each in images)


def test_a_part_of_each_class_is_held_out(classes):
    data = load_classes(config(classes(pearlite=10, ferrite=5)))
    assert [each.name for each in data.classes] == ["ferrite", "pearlite"]
    assert labels(data.train) == {0: 4, 1: 8}
    assert labels(data.validation) == {0: 1, 1: 2}
    paths = [each.micrograph.path for each in [*data.train, *data.validation]]
    assert len(set(paths)) == 15


def test_a_class_that_validation_does_not_show_is_told(classes, tmp_path, caplog):
    folder = classes(a=3, b=3, c=3)
    for name in "abc":
        (tmp_path / "v" / name).mkdir(parents=True)
        (folder / name / "0.png").rename(tmp_path / "v" / name / "0.png")
    load_classes(config(folder, val_images=(tmp_path / "v",)))
    assert "no score says how well" not in caplog.text
    (tmp_path / "v" / "b" / "0.png").rename(tmp_path / "v" / "a" / "1.png")
    (tmp_path / "v" / "b").rmdir()
    load_classes(config(folder, val_images=(tmp_path / "v",)))
    assert "holds no micrograph of b: no score says how well that is learnt" in caplog.text


def test_the_order_of_the_names_is_that_of_the_card(classes):
    data = load_classes(config(classes(a=3, b=3, c=3), classes=("c", "a")))
    assert [each.name for each in data.classes] == ["c", "a"]
    assert {each.micrograph.path.parent.name for each in data.train if each.label == 0} == {"c"}
    assert sum(labels([*data.train, *data.validation]).values()) == 6


@pytest.mark.parametrize(
    ("counts", "names", "error", "said"),
    [
        ({"a": 3, "b": 1}, None, ContentError, "the class b has 1 micrograph"),
        ({"a": 3, "b": 3}, ("a", "bb"), UnknownNameError, "did you mean 'b'"),
        ({"a": 3, "b": 3}, ("a",), UsageError, "one class only"),
    ],
)
def test_classes_that_cannot_be_learnt_are_refused(classes, counts, names, error, said):
    with pytest.raises(error, match=said):
        load_classes(config(classes(**counts), classes=names))


def test_colour_pictures_among_grey_ones_are_read_as_grey(classes):
    folder = classes(a=3, b=3)
    iio.imwrite(
        folder / "a" / "0.png", np.random.default_rng(0).integers(0, 255, (40, 50, 3), np.uint8)
    )
    data = load_classes(config(folder))
    assert {each.micrograph.pixels.shape[0] for each in [*data.train, *data.validation]} == {1}


def numbered(count, label, size=(20, 20)):
    """Micrographs whose pixels are their number."""
    for number in range(count):
        pixels = np.full((1, *size), 10 * label + number, np.float32)
        micrograph = Micrograph(pixels, f"{label}-{number}")
        yield LabelledMicrograph(micrograph, label, measure(micrograph))


@pytest.fixture
def plain(monkeypatch):
    monkeypatch.setattr(
        emseg.training.images, "vary_intensity", lambda _rng, image, _augment: image
    )


def test_classes_are_drawn_equally_and_each_micrograph_once_a_turn(plain):
    images = [*numbered(6, 0), *numbered(2, 1)]
    samples = ImageDataset(images, 16, 0, IntensityRule.NONE)
    drawn = [samples[index] for index in range(24)]
    assert Counter(int(label) for _, label in drawn) == {0: 12, 1: 12}
    middles = Counter(round(float(image[0, 8, 8])) for image, _ in drawn)
    assert {number: middles[number] for number in range(6)} == dict.fromkeys(range(6), 2)
    assert {number: middles[number] for number in (10, 11)} == {10: 6, 11: 6}


def test_a_sample_depends_on_the_seed_and_its_number_alone():
    rng = np.random.default_rng(0)
    micrographs = [Micrograph(rng.random((1, 40, 40)), str(n)) for n in range(4)]
    images = [LabelledMicrograph(m, n % 2, measure(m)) for n, m in enumerate(micrographs)]
    one, other, third = (ImageDataset(images, 16, seed, IntensityRule.ZSCORE) for seed in (0, 0, 1))
    other[3]
    assert torch.equal(one[8][0], other[8][0])
    assert not torch.equal(one[8][0], third[8][0])
    assert one[8][0].shape == (1, 16, 16)


@pytest.mark.parametrize("size", [(5, 5), (16, 16), (17, 40), (3, 100)])
def test_micrographs_of_any_size_give_crops_of_one_size(size):
    samples = ImageDataset([*numbered(2, 0, size)], 16, 0, IntensityRule.NONE)
    for index in range(20):
        assert samples[index][0].shape == (1, 16, 16)


def test_the_fingerprint_is_that_of_the_data():
    one = class_fingerprint(numbered(3, 0))
    assert one == class_fingerprint(numbered(3, 0))
    assert one != class_fingerprint(numbered(2, 0))
    assert one != class_fingerprint(numbered(3, 1))


@pytest.mark.parametrize(
    "name", ["\x1b[31mred", "a\nb", "x" * 101, b"caf\xe9".decode("ascii", "surrogateescape")]
)
def test_a_folder_whose_name_cannot_be_shown_is_no_class(classes, name):
    folder = classes(**{"fine": 2, name: 2})
    with pytest.raises(ContentError, match="rename its folder, or its label") as caught:
        load_classes(config(folder))
    assert str(caught.value).isprintable()


def test_more_classes_than_a_model_has_are_refused(classes, monkeypatch):
    monkeypatch.setattr(emseg.training.images, "MOST_CLASSES", 2)
    with pytest.raises(ContentError, match="there are 3 classes, and a model has at most 2"):
        load_classes(config(classes(a=2, b=2, c=2)))
