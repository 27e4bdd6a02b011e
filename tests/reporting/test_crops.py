"""Sheets of crops: every crop is there, and the same grey means the same everywhere."""

import numpy as np
import pytest
from PIL import Image

from emseg.labels import choose_classes, to_label_image
from emseg.micrograph import Micrograph
from emseg.reporting import crop_labels, write_crops


@pytest.fixture
def classes():
    found, _ = choose_classes((0, 1), names=("matrix", "phase"))
    return to_label_image(Micrograph(np.array([[[0, 1]]]), "a"), found, 255)


def test_a_sheet_shows_crops_and_their_labels(classes, tmp_path):
    crops = [np.full((1, 32, 32), value, np.float32) for value in np.linspace(-2, 2, 16)]
    mask = np.zeros((32, 32), np.int64)
    mask[8:24, 8:24] = 1
    write_crops(tmp_path / "a.png", "crops", crops, [crop_labels(classes, mask)] * 16)
    with Image.open(tmp_path / "a.png") as picture:
        shown = np.asarray(picture)
    greys = {int(grey) for grey in np.linspace(0.1, 0.9, 16) * 255}
    pure = {int(r) for r, g, b in np.unique(shown.reshape(-1, 3), axis=0) if r == g == b}
    assert all(any(abs(grey - each) <= 1 for each in pure) for grey in greys)
    colour = classes.classes[1].colour
    assert (shown == np.array(colour, np.uint8)).all(axis=-1).sum() > 16 * 4 * 80  # outlines


def test_a_classifier_has_no_labels_and_colours_stay_colours(tmp_path):
    red = np.stack([np.full((20, 30), value, np.float32) for value in (2.5, -2.5, -2.5)])
    write_crops(tmp_path / "a.png", "crops", [red])
    with Image.open(tmp_path / "a.png") as picture:
        shown = np.asarray(picture.convert("RGB"))
    assert ((shown == [255, 0, 0]).all(axis=-1)).sum() == 176 * 176
