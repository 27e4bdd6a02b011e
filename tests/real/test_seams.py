"""Borders of tiles do not show on real micrographs, and do where the halo is too small."""

import pytest
import torch

from emseg.bundle import load_model
from emseg.inference import Segmenter
from emseg.inference.trials.seams import check_seams
from emseg.reading import open_stack

pytestmark = [pytest.mark.real, pytest.mark.slow]
NAMES = ("spot2_0d_0.png", "spot2_180d_3.png")


@pytest.fixture(scope="module")
def model(repository):
    return load_model(repository / "tests" / "models" / "superalloy")


@pytest.mark.parametrize("name", NAMES)
def test_the_halo_of_the_card_hides_the_borders_and_none_shows_them(real_data, model, name):
    micrograph = open_stack(real_data("superalloy") / "test" / "image" / name)[0]

    def index(**settings):
        return check_seams(
            micrograph,
            lambda tile, is_shifted: Segmenter.of(
                model, torch.device("cpu"), tile=tile or 256, is_shifted=is_shifted, **settings
            ),
        ).index

    assert index() < 1.2
    assert index(halo=0) > 2
