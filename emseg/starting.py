"""What a network starts from, as it is typed: ``--option``, ``--pretrained``, ``--freeze``.

Nothing heavy is imported, so that what is mistyped is refused at once.
"""

import math
import re
from collections.abc import Sequence
from pathlib import Path

from emseg.errors import PathMissingError, UnknownNameError, UsageError

WEIGHT_SUFFIXES = (".safetensors", ".pth", ".pt", ".bin", ".ckpt", ".tar")
WORDS = ("auto", "none", "imagenet", "micronet")
HUB = "hf:"
_REPOSITORY = re.compile(r"[\w-][\w.-]*/[\w-][\w.-]*(@[\w./-]+)?")
Value = bool | int | float | str
_TRUTHS = {"true": True, "yes": True, "false": False, "no": False}
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


def parse_options(given: Sequence[str]) -> dict[str, Value]:
    """Read ``NAME=VALUE``, one an option of the network.

    Returns
    -------
    dict
        Numbers and truth values where the text is one, text otherwise; a dash in a name is an
        underscore.

    Raises
    ------
    UsageError
        When one is not ``NAME=VALUE``, its value is NaN or infinite, or an option is named twice.
    """
    options: dict[str, Value] = {}
    for each in given:
        name, equals, text = (part.strip() for part in each.partition("="))
        name = name.replace("-", "_")
        if not (name and equals and text):
            raise UsageError(f"--option cannot read {each!r}; write --option dropout=0.2")
        if name in options:
            raise UsageError(f"--option names {name!r} twice; give each option one value")
        value = _value(text)
        if isinstance(value, float) and not math.isfinite(value):
            raise UsageError(f"--option {name}={text} is no finite number; write {name}=0.2")
        options[name] = value
    return options


def _value(text: str) -> Value:
    if text.lower() in _TRUTHS:
        return _TRUTHS[text.lower()]
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
