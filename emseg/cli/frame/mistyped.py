"""What was meant by an option or a command that does not exist: a near one, or none.

A wrong suggestion is worse than none, so only what differs by a slip of the finger counts as near;
options that other programs of the field have are answered by name.
"""

import difflib
from collections.abc import Iterable, Sequence

_NEAR = 0.8  # share of letters in common: --epoch is --epochs, --resume is not --rescale
_SHORTEST_PREFIX = 3

# Names in other programs, without dashes in front: the options of emseg that may do the same, of
# which the first one is named that the command has.
_SAME_AS: dict[tuple[str, ...], str] = {
    ("--out",): "output output-dir output-path outdir out-dir savedir save-dir dest project o",
    ("--batch",): "batch-size bs b",
    ("--epochs",): "e max-epochs n-epochs num-epochs",
    ("--steps",): "iterations iters max-steps",
    ("--minutes",): "max-time",
    ("--learning-rate",): "learning-rate-init",
    ("--schedule",): "scheduler lr-scheduler",
    ("--weight-decay",): "wd",
    ("--warm-up",): "warmup",
    ("--precision",): "amp fp16 half dtype",
    ("--network",): "arch architecture model-type model-name model",
    ("--encoder",): "backbone",
    ("--pretrained",): "weights pretrained-model finetune",
    ("--device",): "gpu gpus use-gpu gpu-id cuda cpu no-gpu d accelerator",
    ("--threads",): "num-workers workers n-jobs jobs num-threads j",
    ("--crop-size", "--tile"): "imgsz img-size image-size patch-size roi-size",
    ("--tile", "--crop-size"): "tile-size block-size",
    ("--halo",): "overlap tile-overlap step-size",
    ("--tta",): "augment test-time-augmentation",
    ("--probabilities",): "save-probabilities softmax",
    ("--val",): "val-split validation-split val-fraction split-ratio",
    ("--val-images",): "val-dir test-dir",
    ("--masks",): "gt",
    ("--unlabelled",): "ignore-index ignore-label ignore",
    ("--classes",): "class-names num-classes n-classes",
    ("--labels",): "mask-values",
    ("--smallest",): "min-size min-area",
    ("--pixel-size",): "scale spacing voxel-size resolution nm-per-pixel px",
    ("--channels",): "chan",
    ("--crop",): "roi",
    ("--seed",): "random-seed",
    ("--overwrite",): "force overwrite",
    ("--format", "--to"): "ext",
    ("--debug",): "verbose v",
    ("--quiet",): "silent q",
    (): "conf threshold diameter",
}
_SAME = {name: options for options, names in _SAME_AS.items() for name in names.split()}
_RESUMED = frozenset({"resume", "continue", "checkpoint", "ckpt", "resume-from", "restart"})

_COMMAND_AS = {
    "predict": "segment classify infer inference run apply",
    "evaluate": "test eval val validate score compare",
    "train": "fit finetune learn",
    "measure": "analyse analyze stats count",
    "convert": "export",
    "info": "show inspect view",
    "explain": "gradcam",
    "networks": "models",
}
_COMMANDS = {word: command for command, words in _COMMAND_AS.items() for word in words.split()}


def option_meant(mistyped: str, known: Sequence[str]) -> str:
    """Say which option was meant.

    Parameters
    ----------
    mistyped : str
        As it was typed, with its dashes.
    known : sequence of str
        The options of the command.

    Returns
    -------
    str
        ``"did you mean --out?"`` or what to do instead; empty when nobody can know.
    """
    name = mistyped.lstrip("-").replace("_", "-").lower()
    if name in _RESUMED:
        return _resumed(known)
    same = [each for each in _SAME.get(name, ()) if each in known]
    if same:
        value = {"cpu": " cpu", "no-gpu": " cpu"}.get(
            name, " cuda" if same[0] == "--device" else ""
        )
        return f"did you mean {same[0]}{value}?"
    if name in _SAME:
        return ""
    near = _near(name, [each.lstrip("-") for each in known if each.startswith("--")])
    return f"did you mean --{near}?" if near else ""


def command_meant(mistyped: str, known: Sequence[str]) -> str | None:
    """Name the command that has nearly this name, or does what this one does in other programs."""
    name = mistyped.lower().replace("_", "-")
    return _COMMANDS.get(name) or _near(name, known)


def _resumed(known: Sequence[str]) -> str:
    if "--resume" in known:
        return "did you mean --resume RUN?"
    return "name the files that are still to be done"


def _near(name: str, known: Iterable[str]) -> str | None:
    names = list(dict.fromkeys(known))
    if name in names:
        return name
    begun = [each for each in names if each.startswith(name)]
    if len(begun) == 1 and len(name) >= _SHORTEST_PREFIX:
        return begun[0]
    turned = [each for each in names if sorted(each) == sorted(name)]
    if turned:
        return turned[0]
    close = difflib.get_close_matches(name, names, n=1, cutoff=_NEAR)
    return close[0] if close else None
