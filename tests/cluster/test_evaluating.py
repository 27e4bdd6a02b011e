"""Images that workers compare: scores, tables and page are those of one process."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from emseg.commands.compare import compare
from emseg.commands.evaluate import evaluate
from emseg.commands.predict import predict
from emseg.config import EvaluateConfig, PredictConfig
from emseg.errors import LabelError, UsageError
from tests.cluster.conftest import drawn


@pytest.fixture
def pairs(tmp_path, monkeypatch, segmenting) -> Path:
    """Micrographs, masks of three values, and label images of a model."""
    monkeypatch.chdir(tmp_path)  # workers began elsewhere
    for name in ("images", "masks", "others"):
        Path(name).mkdir()
    for number in range(5):
        grey = drawn(200 + 20 * number)
        Image.fromarray(grey).save(f"images/{number}.png")
        mask = np.digitize(grey, (90, 150)).astype(np.uint8)
        Image.fromarray(mask).save(f"masks/{number}.png")
        Image.fromarray(np.roll(mask, 3, 0)).save(f"others/{number}.png")
    predict(PredictConfig(model=segmenting, inputs=(Path("images"),), out=Path("labels")))
    return tmp_path


def _found(out: str, **options):
    report = evaluate(EvaluateConfig.from_options(out=Path(out), draws=50, **options))
    files = {each.name: each.read_text(encoding="utf-8") for each in Path(out).glob("*.*")}
    del files["evaluate.toml"]
    if "report.html" in files:
        files["report.html"] = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d \w+", "", files["report.html"])
    return report, files


@pytest.mark.parametrize(
    "options",
    [
        {"inputs": "labels", "masks": "masks", "images": "images"},
        {"inputs": "labels", "masks": "masks", "metrics": "all"},
        {"inputs": "others", "masks": "masks", "classes": "a,b,c"},
        {"inputs": "others/3.png", "masks": "masks/3.png", "classes": "a,b,c"},
        {"inputs": "others", "masks": "masks", "instances": "both"},
        {"inputs": "images", "masks": "masks", "model": "segmenting"},
        {"inputs": "images", "masks": "masks", "model": "segmenting", "metrics": "probabilities"},
    ],
    ids=["own", "all metrics", "foreign", "one", "instances", "model", "probabilities"],
)
def test_the_results_are_those_of_one_process(pairs, two_workers, segmenting, options):
    if "model" in options:
        options = options | {"model": segmenting, "device": "cpu", "threads": 1}
    one, alone = _found("alone", **options)
    two, shared = _found("shared", cluster=two_workers.address, **options)
    assert shared == alone
    assert {"metrics.json", "metrics.csv", "metrics.md", "report.html"} <= set(shared)
    assert two.as_json() == one.as_json()
    assert len(json.loads(shared["metrics.json"])["images"]) == len(one.images)


def test_two_results(pairs, two_workers):
    for name, cluster in (("alone", None), ("shared", two_workers.address)):
        config = EvaluateConfig.from_options(
            inputs="masks", compare=("labels", "labels"), out=Path(name), draws=50, cluster=cluster
        )
        compare(config, (Path("labels"), Path("labels")))
    assert Path("shared/comparison.json").read_text() == Path("alone/comparison.json").read_text()


def test_what_is_wrong_is_told_as_by_one_process(pairs, two_workers):
    wrong = np.asarray(Image.open("masks/4.png")) * 0 + 7
    Image.fromarray(wrong).save("masks/4.png")
    told = []
    for cluster in (None, two_workers.address):
        with pytest.raises(LabelError) as refused:
            _found("out", inputs="labels", masks="masks", cluster=cluster)
        told.append(str(refused.value))
    assert told[0] == told[1]


def test_a_classifier_is_not_shared(pairs, repository):
    model = repository / "models" / "steel_classes"
    with pytest.raises(UsageError, match="--cluster local:2 shares images"):
        _found("out", inputs="images", model=model, cluster="local:2")
