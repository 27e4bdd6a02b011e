"""What a training starts from, as it is typed: ``--pretrained``, ``--freeze`` and the like.

Nothing heavy is imported, so that what is mistyped is refused at once.
"""

import re
from pathlib import Path

from emseg.errors import PathMissingError, UnknownNameError, UsageError

WEIGHT_SUFFIXES = (".safetensors", ".pth", ".pt", ".bin", ".ckpt", ".tar")
WORDS = ("auto", "none", "imagenet", "micronet")
HUB = "hf:"
_REPOSITORY = re.compile(r"[\w-][\w.-]*/[\w-][\w.-]*(@[\w./-]+)?")
_STAGES = re.compile(r"([1-9][0-9]*)-stages?")


def check_start(pretrained: str, freeze: str, unfreeze_every: int | None) -> None:
    """Refuse a source of weights or a freezing that cannot be meant, before any file is read.

    Raises
    ------
    UsageError
        Names the option and its value.
    """
    check_source(pretrained)
    frozen_stages(freeze)
    if unfreeze_every is not None and freeze == "none":
        raise UsageError(
            f"--unfreeze-every {unfreeze_every} opens what --freeze closed; add --freeze encoder"
        )


def check_source(source: str) -> None:
    """Refuse what cannot be a source of weights.

    Raises
    ------
    UsageError
        When it is no word, no path that exists, and no hf:ORG/NAME.
    """
    if source in WORDS or Path(source).exists():
        return
    if source.startswith(HUB):
        if not _REPOSITORY.fullmatch(source.removeprefix(HUB)):
            raise UsageError(f"--pretrained {source} names no repository; write hf:ORG/NAME")
        return
    if "/" in source or Path(source).suffix in WEIGHT_SUFFIXES:
        raise PathMissingError(f"--pretrained {source}: there is no such file or folder")
    raise UnknownNameError("source of weights", source, [*WORDS, "a file", "hf:ORG/NAME"])


def frozen_stages(freeze: str) -> int | None:
    """Return how many stages of the encoder are frozen: 0 for none, None for all of them.

    Raises
    ------
    UsageError
        When the text is none of ``encoder``, ``none`` and ``N-stages``.
    """
    if freeze == "encoder":
        return None
    if freeze == "none":
        return 0
    some = _STAGES.fullmatch(freeze)
    if some is None:
        raise UsageError(
            f"--freeze {freeze} is not known; write encoder, none, or 2-stages for the first "
            "two stages"
        )
    return int(some[1])
