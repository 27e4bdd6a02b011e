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
_SAME: dict[str, tuple[str, ...]] = {
    "output": ("--out",),
    "output-dir": ("--out",),
    "output-path": ("--out",),
    "outdir": ("--out",),
    "out-dir": ("--out",),
    "savedir": ("--out",),
    "save-dir": ("--out",),
    "dest": ("--out",),
    "project": ("--out",),
    "o": ("--out",),
    "batch-size": ("--batch",),
    "bs": ("--batch",),
    "b": ("--batch",),
    "e": ("--epochs",),
    "iterations": ("--steps",),
    "iters": ("--steps",),
    "max-steps": ("--steps",),
    "max-epochs": ("--epochs",),
    "n-epochs": ("--epochs",),
    "num-epochs": ("--epochs",),
    "max-time": ("--minutes",),
    "learning-rate-init": ("--learning-rate",),
    "scheduler": ("--schedule",),
    "lr-scheduler": ("--schedule",),
    "wd": ("--weight-decay",),
    "warmup": ("--warm-up",),
    "amp": ("--precision",),
    "fp16": ("--precision",),
    "half": ("--precision",),
    "dtype": ("--precision",),
    "arch": ("--network",),
    "architecture": ("--network",),
    "model-type": ("--network",),
    "model-name": ("--network",),
    "model": ("--network",),
    "backbone": ("--encoder",),
    "weights": ("--pretrained",),
    "pretrained-model": ("--pretrained",),
    "finetune": ("--pretrained",),
    "gpu": ("--device",),
    "gpus": ("--device",),
    "use-gpu": ("--device",),
    "gpu-id": ("--device",),
    "cuda": ("--device",),
    "cpu": ("--device",),
    "no-gpu": ("--device",),
    "d": ("--device",),
    "accelerator": ("--device",),
    "num-workers": ("--threads",),
    "workers": ("--threads",),
    "n-jobs": ("--threads",),
    "jobs": ("--threads",),
    "num-threads": ("--threads",),
    "j": ("--threads",),
    "imgsz": ("--crop-size", "--tile"),
    "img-size": ("--crop-size", "--tile"),
    "image-size": ("--crop-size", "--tile"),
    "patch-size": ("--crop-size", "--tile"),
    "roi-size": ("--crop-size", "--tile"),
    "tile-size": ("--tile", "--crop-size"),
    "block-size": ("--tile", "--crop-size"),
    "overlap": ("--halo",),
    "tile-overlap": ("--halo",),
    "step-size": ("--halo",),
    "augment": ("--tta",),
    "test-time-augmentation": ("--tta",),
    "save-probabilities": ("--probabilities",),
    "softmax": ("--probabilities",),
    "val-split": ("--val",),
    "validation-split": ("--val",),
    "val-fraction": ("--val",),
    "split-ratio": ("--val",),
    "val-dir": ("--val-images",),
    "test-dir": ("--val-images",),
    "gt": ("--masks",),
    "ignore-index": ("--unlabelled",),
    "ignore-label": ("--unlabelled",),
    "ignore": ("--unlabelled",),
    "class-names": ("--classes",),
    "num-classes": ("--classes",),
    "n-classes": ("--classes",),
    "mask-values": ("--labels",),
    "min-size": ("--smallest",),
    "min-area": ("--smallest",),
    "scale": ("--pixel-size",),
    "spacing": ("--pixel-size",),
    "voxel-size": ("--pixel-size",),
    "resolution": ("--pixel-size",),
    "nm-per-pixel": ("--pixel-size",),
    "px": ("--pixel-size",),
    "chan": ("--channels",),
    "roi": ("--crop",),
    "random-seed": ("--seed",),
    "force": ("--overwrite",),
    "overwrite": ("--overwrite",),
    "ext": ("--format", "--to"),
    "verbose": ("--debug",),
    "v": ("--debug",),
    "silent": ("--quiet",),
    "q": ("--quiet",),
    "conf": (),
    "threshold": (),
    "diameter": (),
}
_RESUMED = frozenset({"resume", "continue", "checkpoint", "ckpt", "resume-from", "restart"})

_COMMANDS = {
    "segment": "predict",
    "classify": "predict",
    "infer": "predict",
    "inference": "predict",
    "run": "predict",
    "apply": "predict",
    "test": "evaluate",
    "eval": "evaluate",
    "val": "evaluate",
    "validate": "evaluate",
    "score": "evaluate",
    "compare": "evaluate",
    "fit": "train",
    "finetune": "train",
    "learn": "train",
    "analyse": "measure",
    "analyze": "measure",
    "stats": "measure",
    "count": "measure",
    "export": "convert",
    "show": "info",
    "inspect": "info",
    "view": "info",
    "gradcam": "explain",
    "models": "networks",
}


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
