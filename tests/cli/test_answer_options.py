"""Options that say what comes out of a prediction."""

from pathlib import Path

import pytest

from emseg.cli.answer_options import members_of, thresholds_of, turns_of
from emseg.errors import UsageError


def test_mirror_is_the_older_name_of_all_eight_positions():
    assert turns_of(None, mirror=False) is None
    assert turns_of("flips", mirror=False) == "flips"
    assert turns_of(None, mirror=True) == turns_of("d4", mirror=True) == "d4"
    with pytest.raises(UsageError, match="--tta flips says otherwise"):
        turns_of("flips", mirror=True)


def test_each_class_has_one_threshold():
    assert thresholds_of(None) == {}
    assert thresholds_of(["a=0.5", "b=0.25"]) == {"a": 0.5, "b": 0.25}
    with pytest.raises(UsageError, match="--threshold a is given twice"):
        thresholds_of(["a=0.5", "a=0.6"])


def test_models_before_the_micrographs_answer_together(tmp_path):
    for folder in ("one", "run/model"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "config.json").touch()
    one, two, image = (str(tmp_path / each) for each in ("one", "run", "image.tif"))
    assert members_of([image]) == ((), (Path(image),))
    assert members_of([one, two, image, one]) == (
        (Path(one), Path(two)),
        (Path(image), Path(one)),
    )
    with pytest.raises(UsageError, match="models and no micrographs"):
        members_of([one, two])
