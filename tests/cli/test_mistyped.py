"""What was meant: a near name, the same of another program, or nothing."""

import pytest

from emseg.cli.frame.mistyped import command_meant, option_meant

TRAIN = [
    "--batch", "--crop", "--crop-size", "--device", "--encoder", "--epochs", "--learning-rate",
    "--network", "--out", "--pretrained", "--rescale", "--resume", "--threads",
    "--unlabelled", "--val",
]  # fmt: skip
PREDICT = ["--device", "--halo", "--no-previews", "--out", "--probabilities", "--tile", "--tta"]


@pytest.mark.parametrize(
    ("mistyped", "known", "said"),
    [
        ("--epoch", TRAIN, "did you mean --epochs?"),
        ("--otu", TRAIN, "did you mean --out?"),
        ("--unlabeled", TRAIN, "did you mean --unlabelled?"),
        ("--crop_size", TRAIN, "did you mean --crop-size?"),
        ("--prob", PREDICT, "did you mean --probabilities?"),
        ("--no-preview", PREDICT, "did you mean --no-previews?"),
        ("--batch-size", TRAIN, "did you mean --batch?"),
        ("--output_dir", TRAIN, "did you mean --out?"),
        ("-o", PREDICT, "did you mean --out?"),
        ("--patch-size", TRAIN, "did you mean --crop-size?"),
        ("--patch-size", PREDICT, "did you mean --tile?"),
        ("--cpu", TRAIN, "did you mean --device cpu?"),
        ("--gpu", PREDICT, "did you mean --device cuda?"),
        ("--num-workers", TRAIN, "did you mean --threads?"),
        ("--test-time-augmentation", PREDICT, "did you mean --tta?"),
        ("--tta", TRAIN, ""),
        ("--threshold", PREDICT, ""),
        ("--fold", TRAIN, ""),
        ("--sth", TRAIN, ""),
    ],
)
def test_options(mistyped, known, said):
    assert option_meant(mistyped, known) == said


def test_resuming_is_answered_by_what_there_is_instead():
    assert option_meant("--checkpoint", TRAIN) == "did you mean --resume RUN?"
    assert option_meant("--continue", TRAIN) == "did you mean --resume RUN?"
    assert option_meant("--checkpoint", PREDICT) == "name the files that are still to be done"


@pytest.mark.parametrize(
    ("word", "meant"),
    [("trian", "train"), ("segment", "predict"), ("eval", "evaluate"), ("resume", None)],
)
def test_commands(word, meant):
    assert command_meant(word, ["train", "predict", "evaluate", "measure"]) == meant


def test_the_command_line_says_it_in_a_line(emseg):
    shown = emseg("train", "--checkpoint", "run")
    assert (shown.code, shown.err.count("\n")) == (2, 1)
    assert shown.err.startswith("emseg: error: there is no option --checkpoint; did you mean --re")
    assert "see emseg predict --help" in emseg("predict", "--fold", "3").err
    assert "did you mean 'predict'?" in emseg("segment").err
    assert "known are train, predict, evaluate" in emseg("resume").err
