"""Text in UTF-8, also where a file name that it quotes is none."""

import re
from pathlib import Path
from typing import Literal

from emseg.writing.whole import whole_file

_ESCAPED = re.compile(r"\\udc([89a-f][0-9a-f])")  # a byte that is no UTF-8, as Python escapes it


def write_text(
    path: Path, text: str, errors: Literal["backslashreplace", "replace"] = "backslashreplace"
) -> str:
    r"""Write text in UTF-8, whole or not at all.

    Parameters
    ----------
    path : Path
        The file to write; an older one is replaced.
    text : str
        What it will hold.
    errors : "backslashreplace" or "replace"
        What stands for a byte of a file name that is no valid UTF-8: the first is an escape, as
        JSON reads it (``caf\udce9``); TOML knows no such escape and takes the second (``caf?``),
        which also finds the file where a glob may stand.

    Returns
    -------
    str
        What the file holds.

    Raises
    ------
    NotWritableError, StorageError
        When the file cannot be written.
    """
    written = as_utf8(text, errors)
    with whole_file(path) as beside:
        beside.write_text(written, encoding="utf-8")
    return written


def as_utf8(text: str, errors: Literal["backslashreplace", "replace"] = "backslashreplace") -> str:
    """Make text that UTF-8 can hold; a file name that it cannot must not lose a result."""
    return text.encode("utf-8", errors).decode("utf-8")


def from_utf8(text: str) -> str:
    """Give back the bytes that `as_utf8` escaped, so that a name finds its file."""
    return _ESCAPED.sub(lambda found: chr(0xDC00 + int(found[1], 16)), text)
