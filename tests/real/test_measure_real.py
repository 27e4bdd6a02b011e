"""Masks of real micrographs, measured as label images of another program."""

import json
from collections.abc import Callable
from pathlib import Path

import imageio.v3 as iio
import numpy as np
import pytest
from scipy import ndimage

from emseg.cli import main

pytestmark = pytest.mark.real


@pytest.fixture
def measured(tmp_path, monkeypatch) -> Callable[..., dict]:
    """Run ``emseg measure`` and read its summary."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: object, code: int = 0) -> dict:
        with pytest.raises(SystemExit) as left:
            main(["measure", *(str(each) for each in arguments), "--quiet"])
        assert left.value.code == code
        return json.loads(Path("measurements/summary.json").read_text(encoding="utf-8"))

    return run


def test_phases_of_steel_have_the_areas_and_counts_of_their_masks(real_data, measured):
    folder = real_data("steel_phases")
    paths = sorted((folder / "labels").glob("*.png"))[:3]
    names = ("matrix", "network", "spheroidite", "Widmanstaetten")
    found = measured(*paths, "--classes", ",".join(names), "--no-pictures")
    assert (found["unit"], found["fields"]) == ("px", 3)
    masks = np.stack([iio.imread(path) for path in paths])
    for value, name in enumerate(names):
        fraction = found["classes"][name]["area_fraction"]
        fields = (masks == value).mean(axis=(1, 2))
        assert fraction["mean"] == pytest.approx(fields.mean())
        assert fraction["std"] == pytest.approx(fields.std(ddof=1))
        if value:
            counts = [ndimage.label(mask == value, np.ones((3, 3)))[1] for mask in masks]
            assert found["classes"][name]["objects"]["found"] == sum(counts)


def test_precipitates_of_a_superalloy_are_drawn_over_their_micrograph(real_data, measured):
    folder = real_data("superalloy") / "test"
    found = measured(
        folder / "label", "--images", folder / "image", "--slices", "0:1",
        "--labels", "0=matrix,1=secondary,2=tertiary", "--pixel-size", "20nm", "--split",
    )  # fmt: skip
    assert found["unit"] == "nm"
    assert {path.name for path in Path("measurements").glob("*.png")} == {
        "sizes_secondary.png", "sizes_tertiary.png",
    }  # fmt: skip
    (overlay,) = Path("measurements/overlays").iterdir()
    assert iio.imread(overlay).shape[1] > 1000
    sizes = [found["classes"][name]["objects"]["diameter_nm"] for name in ("secondary", "tertiary")]
    assert sizes[0]["d90"] < sizes[1]["d10"]


def test_mitochondria_take_their_pixel_size_from_the_micrographs(real_data, measured):
    folder = real_data("neuropil")
    found = measured(
        folder / "mitochondria", "--images", folder / "images", "--slices", "0:2",
        "--classes", "tissue,mitochondria", "--no-pictures",
    )  # fmt: skip
    assert found["unit"] == "nm"
    assert found["images"][0]["pixel_size"]["x_nm"] == pytest.approx(4.6, rel=0.01)
    assert found["images"][0]["pixel_size"]["source"].endswith("of the micrograph")
    assert 100 < found["classes"]["mitochondria"]["objects"]["diameter_nm"]["d50"] < 1000


def test_a_folder_of_what_is_no_label_image_is_refused(real_data, measured, tmp_path):
    with pytest.raises(SystemExit) as left:
        main(["measure", str(real_data("neuropil") / "images"), "--slices", "0:2"])
    assert left.value.code == 4
    assert not list(tmp_path.iterdir())
