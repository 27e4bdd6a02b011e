"""Curves are read from the table of a run and drawn without a display."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from emseg.errors import PathMissingError, UnreadableFileError
from emseg.reporting import write_curves
from emseg.reporting.curves import _read_curves, _smoothed

SEGMENTATION = """step,epoch,seconds,learning_rate,train_loss,val_loss,val_mean_iou,val_iou.γ′ $1$
1,0,0.5,0.001,1.5,,,
2,0,1.0,0.001,1.25,1.4,0.25,0.125
3,1,1.5,0.001,nan,,,
4,1,2.0,0.001,1.0,1.2,0.5,
"""
CLASSIFIER = "step,train_loss,val_accuracy\n10,0.5,0.75\n"


def written(tmp_path: Path, text: str) -> Path:
    table = tmp_path / "metrics.csv"
    table.write_text(text, encoding="utf-8")
    return table


def test_each_curve_has_the_steps_at_which_it_has_a_number(tmp_path: Path) -> None:
    curves = _read_curves(written(tmp_path, SEGMENTATION))
    assert (curves["train_loss"].steps, curves["train_loss"].values) == ((1, 2, 4), (1.5, 1.25, 1))
    assert (curves["val_mean_iou"].steps, curves["val_mean_iou"].values) == ((2, 4), (0.25, 0.5))
    assert curves["val_iou.γ′ $1$"].values == (0.125,)


@pytest.mark.parametrize(
    "text",
    [
        SEGMENTATION,
        CLASSIFIER,
        "step,train_loss\n1,0.5\n",
        "step,val_iou.a\n1,0.5\n2,0.6\n",
        "step,train_loss," + ",".join(f"val_iou.{k}" for k in range(40)) + "\n1,1" + ",0.5" * 40,
        "step,train_loss,val_iou.炭化物\n" + "\n".join(f"{k},{1 / k},0.5" for k in range(1, 500)),
    ],
)
def test_a_picture_is_drawn_of_whatever_was_measured(tmp_path: Path, text: str) -> None:
    write_curves(tmp_path / "curves.png", written(tmp_path, text))
    with Image.open(tmp_path / "curves.png") as picture:
        pixels = np.asarray(picture.convert("RGB"))
    assert (pixels == (0, 114, 178)).all(axis=-1).any()  # a curve in the first colour
    assert sorted(each.name for each in tmp_path.iterdir()) == ["curves.png", "metrics.csv"]


def test_smoothing_keeps_a_straight_line_and_calms_noise() -> None:
    line = [float(k) for k in range(200)]
    np.testing.assert_allclose(_smoothed(line)[5:-5], line[5:-5])
    noise = np.random.default_rng(0).normal(size=1000).tolist()
    assert np.std(_smoothed(noise)) < 0.25


@pytest.mark.parametrize(
    "content", [b"", b"step,train_loss\n", b"a,b\n1,2\n", b"step,train_loss\n1,\n", b"\xff\xfe\x00"]
)
def test_a_table_without_numbers_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "metrics.csv").write_bytes(content)
    with pytest.raises(UnreadableFileError, match=r"metrics\.csv of a run"):
        write_curves(tmp_path / "curves.png", tmp_path / "metrics.csv")
    assert not (tmp_path / "curves.png").exists()


def test_a_missing_table_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PathMissingError, match="train the run first"):
        write_curves(tmp_path / "curves.png", tmp_path / "metrics.csv")
