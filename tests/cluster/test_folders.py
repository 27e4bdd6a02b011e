"""A folder of files by several processes: each once, in its place, as by one."""

import numpy as np
import pytest
from PIL import Image

from emseg.commands.predict import predict
from emseg.config import PredictConfig
from tests.cluster.conftest import drawn, files_of


@pytest.fixture
def folder(tmp_path):
    pixels = drawn(200)
    (tmp_path / "in").mkdir()
    for number in range(20):
        Image.fromarray(np.roll(pixels, 9 * number, 0)).save(tmp_path / "in" / f"{number}.png")
    (tmp_path / "in" / "7.png").write_bytes(b"no picture")
    return tmp_path / "in"


def _predicted(model, folder, out, **options):
    options |= {"threads": 1, "rescale": "never"}
    return predict(PredictConfig(model=model, inputs=(folder,), out=out, **options))


def _said(outcomes):
    return [(each.path.name, each.error and type(each.error)) for each in outcomes]


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"instances": "connected", "format": "ome.zarr"},
        {"probabilities": True, "name": "{stem}_{model}"},
    ],
)
def test_files_are_those_of_one_process(segmenting, folder, two_workers, tmp_path, options):
    alone = _predicted(segmenting, folder, tmp_path / "one", **options)
    many = _predicted(segmenting, folder, tmp_path / "two", **options, cluster=two_workers.address)
    assert _said(many) == _said(alone)
    assert [each.error is None for each in many].count(False) == 1
    assert _files(tmp_path / "two") == _files(tmp_path / "one")
    assert not [each.name for each in (tmp_path / "two").rglob(".*") if each.name[1:6] == "emseg"]


def test_a_second_run_does_only_what_failed(segmenting, folder, two_workers, tmp_path):
    out, cluster = tmp_path / "two", two_workers.address
    _predicted(segmenting, folder, out, cluster=cluster)
    before = {each: each.stat().st_ino for each in out.glob("*.ome.tif")}
    Image.fromarray(drawn(100)).save(folder / "7.png")
    again = _predicted(segmenting, folder, out, cluster=cluster)
    assert [each.path.name for each in again if not each.is_earlier] == ["7.png"]
    assert before.items() <= {each: each.stat().st_ino for each in out.glob("*.ome.tif")}.items()


def test_a_classifier(repository, folder, two_workers, tmp_path):
    model = repository / "tests" / "models" / "steel_classes"
    alone = _predicted(model, folder, tmp_path / "one")
    many = _predicted(model, folder, tmp_path / "two", cluster=two_workers.address)
    assert [each.found and each.found.rows for each in many] == [
        each.found and each.found.rows for each in alone
    ]


def _files(out):
    """All files; the rows of the table in any order."""
    found = files_of(out)
    found["predictions.csv"] = sorted(found["predictions.csv"].splitlines())
    return found
