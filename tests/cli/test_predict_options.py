"""Options that say what comes out of a prediction."""

from pathlib import Path

import pytest

from emseg.cli.predict import _members_of, _mirrored
from emseg.errors import UsageError


def test_mirror_is_the_older_name_of_all_eight_positions():
    assert _mirrored(None) == _mirrored("d4") == "d4"
    with pytest.raises(UsageError, match="--tta flips says otherwise"):
        _mirrored("flips")


def test_models_before_the_micrographs_answer_together(tmp_path):
    for folder in ("one", "run/model"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "config.json").touch()
    one, two, image = (str(tmp_path / each) for each in ("one", "run", "image.tif"))
    assert _members_of([image]) == ((), (Path(image),))
    assert _members_of([one, two, image, one]) == (
        (Path(one), Path(two)),
        (Path(image), Path(one)),
    )
    with pytest.raises(UsageError, match="models and no micrographs"):
        _members_of([one, two])


@pytest.mark.parametrize("option", ["--dry-run", "--check-seams"])
def test_what_looks_at_one_process_takes_no_cluster(refused, folders, model, option):
    said = refused(2, "predict", model, folders / "images", "--cluster", "local:2", option)
    assert "leave out --cluster" in said
