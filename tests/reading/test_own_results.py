"""Results of emseg that lie among micrographs are none."""

import shutil

import numpy as np
import pytest
from PIL import Image

from emseg.errors import ContentError
from emseg.micrograph import LabelClass, LabelImage, Micrograph
from emseg.reading import NO_LABELS, NO_MICROGRAPHS, class_folders, find_files, list_planes
from emseg.reading.finding.own_results import Result, result_of
from emseg.writing import (
    instance_content,
    open_sink,
    uncertainty_content,
    write_label_images,
    write_micrographs,
    write_preview,
)
from emseg.writing.thumbnails import write_thumbnail

CLASSES = (LabelClass("matrix", (0, 0, 0), (0,)), LabelClass("pore", (255, 0, 0), (1,)))
GREY = np.arange(400, dtype=np.uint8).reshape(20, 20) % 7
LABELS = LabelImage((GREY > 3).astype(np.uint8), CLASSES, "a")
MICROGRAPH = Micrograph(GREY[None], "a")


@pytest.fixture
def folder(tmp_path, write_probabilities):
    """A micrograph, and beside it everything that predicting it may leave."""
    write_micrographs(tmp_path / "a.png", [MICROGRAPH])
    write_label_images(tmp_path / "a.ome.tif", [LABELS])
    write_probabilities(tmp_path / "p.ome.tif", [np.zeros((2, 20, 20), np.float32)], CLASSES, None)
    write_preview(tmp_path / "preview.png", MICROGRAPH, LABELS)
    return tmp_path


@pytest.mark.parametrize("suffix", ["ome.tif", "ome.zarr", "hspy"])
def test_each_format_says_what_it_holds(tmp_path, suffix, write_probabilities):
    write_label_images(tmp_path / f"l.{suffix}", [LABELS])
    write_micrographs(tmp_path / f"m.{suffix}", [MICROGRAPH])
    planes = [np.zeros((2, 20, 20), np.float32)]
    write_probabilities(tmp_path / f"p.{suffix}", planes, CLASSES, None)
    maps = uncertainty_content("a", (20, 20), ("entropy", "disagreement"), None, [None], count=1)
    for name, content in (
        ("u", maps),
        ("i", instance_content("a", (20, 20), None, [None], count=1)),
    ):
        with open_sink(tmp_path / f"{name}.{suffix}", content) as sink:
            sink.put(np.zeros(content.size, content.dtype))
    found = [result_of(tmp_path / f"{name}.{suffix}") for name in "lmpui"]
    assert found == [
        Result.LABELS, None, Result.PROBABILITIES, Result.UNCERTAINTY, Result.INSTANCES
    ]  # fmt: skip
    (tmp_path / "renamed.tif").write_bytes(b"II*\0 and no more")
    assert result_of(tmp_path / "renamed.tif") is None
    assert result_of(tmp_path / f"missing.{suffix}") is None


def test_pictures_say_that_they_are_none(tmp_path):
    write_preview(tmp_path / "a.png", MICROGRAPH, LABELS)
    write_thumbnail(tmp_path / "b.png", MICROGRAPH)
    write_micrographs(tmp_path / "c.png", [MICROGRAPH])
    found = [result_of(tmp_path / f"{name}.png") for name in "abc"]
    assert found == [Result.PICTURE, Result.PICTURE, None]


def test_previews_of_earlier_versions_are_known_by_their_folder(tmp_path):
    for name in ("run/previews/day1/a.png", "run/curves.png", "mine/previews/a.png", "e/grad.npy"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(GREY).save(tmp_path / name, "PNG")
    (tmp_path / "run" / "train.toml").touch()
    (tmp_path / "e" / "explanation.json").touch()
    assert result_of(tmp_path / "run" / "previews" / "day1" / "a.png") is Result.PICTURE
    assert result_of(tmp_path / "run" / "curves.png") is Result.PICTURE
    assert result_of(tmp_path / "e" / "grad.npy") is Result.PICTURE
    assert result_of(tmp_path / "mine" / "previews" / "a.png") is None


@pytest.mark.parametrize("given", [[""], ["*"], ["a.png", "a.ome.tif", "p.ome.tif", "preview.png"]])
def test_results_are_left_out_with_one_notice(folder, caplog, given):
    found = find_files([folder / name for name in given], skip=NO_MICROGRAPHS)
    assert [path.name for path in found] == ["a.png"]
    (notice,) = caplog.messages
    assert notice.startswith(
        "left out: 1 label image and 1 file of probabilities and 1 picture of results that emseg "
        f"wrote, no micrographs ({folder / 'a.ome.tif'}, "
    )


def test_masks_may_be_label_images_but_no_previews_and_no_probabilities(folder):
    found = [plane.stack.path.name for plane in list_planes([folder])]
    assert found == ["a.ome.tif", "a.png"]
    assert len(find_files([folder])) == 4
    assert len(find_files([folder], skip=NO_LABELS)) == 2


def test_nothing_but_results_is_refused(folder):
    (folder / "a.png").unlink()
    with pytest.raises(
        ContentError, match=r"no micrographs among what you name.*; name the micrographs"
    ):
        find_files([folder], skip=NO_MICROGRAPHS)


def test_a_folder_of_predictions_is_no_class(folder, caplog):
    for name in ("cubes", "spheres", "predictions"):
        (folder / name).mkdir()
        kind = "a.ome.tif" if name == "predictions" else "a.png"
        shutil.copy(folder / kind, folder / name / kind)
    for path in folder.glob("*.*"):
        path.unlink()
    assert {each.label for each in class_folders(folder)} == {"cubes", "spheres"}
    assert any("1 label image that emseg wrote" in each for each in caplog.messages)
