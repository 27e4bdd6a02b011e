"""Label images that workers measure: tables, summary and pictures are those of one process."""

import json

import numpy as np
import pytest
import tifffile
from PIL import Image

from emseg.commands.measure import measure
from emseg.config import MeasureConfig
from emseg.errors import UsageError


@pytest.fixture
def labels(tmp_path, monkeypatch):
    """Names of label images with squares, two of them in a stack, and their micrographs."""
    monkeypatch.chdir(tmp_path)  # workers began elsewhere
    (tmp_path / "labels").mkdir()
    (tmp_path / "images").mkdir()
    random = np.random.default_rng(0)
    for name, count in (("a", 1), ("b", 2), ("c", 1)):
        planes = np.zeros((count, 60, 80), np.uint8)
        for plane in planes:
            for row, column in random.integers(0, (50, 70), (6, 2)):
                plane[row : row + 8, column : column + 8] = 1
        grey = random.integers(0, 200, planes.shape).astype(np.uint8)
        axes = {"axes": "ZYX" if count > 1 else "YX"}
        tifffile.imwrite(f"labels/{name}.tif", planes.squeeze(), metadata=axes, compression="zlib")
        tifffile.imwrite(f"images/{name}.tif", grey.squeeze(), metadata=axes)
    return tmp_path


def _found(out, **options):
    asked = {"inputs": ["labels"], "images": "images", "classes": "matrix,square"} | options
    summary = measure(MeasureConfig.from_options(out=out, pixel_size="2 nm", **asked))
    files = {
        str(each.relative_to(out)): each.read_bytes()
        for each in out.rglob("*")
        if each.is_file() and each.name != "measure.toml"
    }
    said = json.loads(files["summary.json"])
    assert said.pop("options")["out"] == str(out)
    return summary, files | {"summary.json": said}


def test_the_results_are_those_of_one_process(labels, two_workers):
    _, alone = _found(labels / "alone")
    summary, shared = _found(labels / "shared", cluster=two_workers.address)
    assert shared == alone
    assert {"objects.csv", "overlays/a.png", "overlays/b_0001.png"} <= set(shared)
    assert len(summary.fields) == 4


def test_a_file_that_fails_costs_only_itself(labels, two_workers, caplog):
    with tifffile.TiffFile("labels/c.tif") as tiff:
        offset, count = tiff.pages[0].dataoffsets[0], tiff.pages[0].databytecounts[0]
    with (labels / "labels" / "c.tif").open("r+b") as file:
        file.seek(offset)
        file.write(b"\xff" * count)  # is noticed where it is decoded
    _, alone = _found(labels / "alone")
    told = [each.getMessage() for each in caplog.records if "c.tif" in each.getMessage()]
    caplog.clear()
    _, shared = _found(labels / "shared", cluster=two_workers.address)
    assert shared == alone
    assert told == [each.getMessage() for each in caplog.records if "c.tif" in each.getMessage()]
    assert told


def test_a_micrograph_of_other_channels_has_no_row_and_no_picture(labels, two_workers):
    Image.fromarray(np.random.default_rng(1).integers(0, 255, (60, 80, 3)).astype(np.uint8)).save(
        "images/c.png"
    )
    (labels / "images" / "c.tif").unlink()
    _, alone = _found(labels / "alone")
    _, shared = _found(labels / "shared", cluster=two_workers.address)
    assert shared == alone
    assert "overlays/a.png" in alone
    assert "overlays/c.png" not in alone


def test_a_scheduler_that_is_not_there(labels, monkeypatch):
    monkeypatch.setattr("emseg.cluster.opening._PATIENCE_S", 0.2)
    with pytest.raises(UsageError, match="no scheduler answers there"):
        _found(labels / "shared", cluster="tcp://127.0.0.1:9")
