"""``emseg lr-find`` as a user types it."""

import csv
import inspect
import json
import os
import signal
from functools import partial

import pytest
import torch
from PIL import Image

from emseg.cli.lr_find import lr_find
from emseg.cli.train import train
from emseg.training import rate_finder
from emseg.training.rate_finder import find_rate

TINY = ("--steps", "20", "--crop-size", "32", "--batch", "1", "--option", "width=4")


@pytest.fixture(autouse=True)
def one_thread():
    """Tiny networks lose more by waiting for a second core than they win by it."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def test_it_takes_what_train_takes_but_for_length_and_rate():
    taken, given = inspect.signature(lr_find).parameters, inspect.signature(train).parameters
    own = {"lowest", "highest", "steps", "out", "json"}
    assert set(given) - set(taken) == {
        "epochs", "minutes", "learning_rate", "head_learning_rate", "schedule", "warm_up",
        "licence", "resume", "dry_run", "show_augmentation", "folds", "patience",
        "devices", "nodes", "tensorboard",
    }  # fmt: skip
    assert own <= set(taken)
    for name in set(taken) - own:
        one, other = (each[name].annotation.__metadata__[0] for each in (taken, given))
        assert (one.help, one.metavar) == (other.help, other.metavar)


@pytest.mark.long
def test_it_writes_the_curve_and_the_command_to_go_on_with(emseg, folders):
    shown = emseg("lr-find", "images", "masks", *TINY, "--seed", 3, "--json")
    assert shown.code == 0, shown.err
    assert "precision: " in shown.err
    found = json.loads(shown.out)
    with (folders / "runs/lr-find-1/lr-find.csv").open(newline="") as table:
        rows = list(csv.DictReader(table))
    assert list(rows[0]) == ["step", "learning_rate", "loss", "smoothed"]
    assert len(rows) == found["steps"]
    assert float(rows[0]["learning_rate"]) == found["lowest"] == 1e-6
    assert found["lowest"] < found["suggestion"] < found["highest"]
    with Image.open(folders / "runs/lr-find-1/lr-find.png") as picture:
        assert min(picture.size) > 400
    assert sorted(path.name for path in (folders / "runs/lr-find-1").iterdir()) == [
        "lr-find.csv", "lr-find.png",
    ]  # fmt: skip
    assert found["command"] == (
        "emseg train images masks --seed 3 --batch 1 --crop-size 32 --option width=4 "
        f"--lr {found['suggestion']:g}"
    )
    again = emseg("lr-find", "images", "masks", *TINY, "--seed", 3)
    assert again.code == 0
    assert (folders / "runs/lr-find-2/lr-find.csv").exists()
    assert again.out.splitlines() == [
        f"suggested learning rate: {found['suggestion']:g}", found["command"],
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--lowest", "1", "--highest", "0.1"), "--lowest 1 --highest 0.1 is no range of rates"),
        (("--lowest", "0"), "is no range of rates"),
        (("--steps", "3"), "--steps 3 makes no curve"),
        (("--precision", "float16", "--device", "cpu"), "use bfloat16 or float32"),
        (("--momentum", "0.9"), "is an option of sgd"),
    ],
)
def test_what_makes_no_sense_is_refused_and_nothing_is_left(folders, refused, options, said):
    assert said in refused(2, "lr-find", "images", "masks", *options)


def test_an_older_range_test_is_not_replaced(folders, refused):
    (folders / "old").mkdir()
    (folders / "old/lr-find.csv").write_text("mine")
    line = refused(2, "lr-find", "images", "masks", "--out", "old")
    assert "holds a range test already" in line


def test_an_interrupt_leaves_nothing(emseg, folders, monkeypatch):
    def interrupt(losses):
        if len(losses) == 3:
            os.kill(os.getpid(), signal.SIGINT)
        return False

    monkeypatch.setattr(rate_finder, "has_diverged", interrupt)
    before = signal.getsignal(signal.SIGINT)
    try:
        shown = emseg("lr-find", "images", "masks", *TINY, "--out", "rates")
    finally:
        signal.signal(signal.SIGINT, before)  # Lightning lets an ending program hear no more
    assert (shown.code, shown.out) == (130, "")
    assert not (folders / "rates").exists()


@pytest.mark.long
def test_train_finds_its_rate_and_keeps_the_curve(emseg, folders, monkeypatch):
    monkeypatch.setattr(rate_finder, "find_rate", partial(find_rate, steps=30, highest=100.0))
    shown = emseg("train", "images", "masks", "--lr", "auto", "--out", "run", *TINY)
    assert shown.code == 0, shown.err
    card = json.loads((folders / "run/model/config.json").read_text(encoding="utf-8"))
    rate = card["training"]["learning_rate"]
    assert f"learning rate: {rate:g}, found; see lr-find.png" in shown.out
    assert card["training"]["craft"]["learning_rate_found"] is True
    assert (folders / "run/lr-find.csv").exists()
    assert (folders / "run/lr-find.png").exists()
