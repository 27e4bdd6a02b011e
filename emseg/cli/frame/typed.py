"""What was typed behind ``emseg``, for reports that say how they were made."""

import shlex

words: list[str] = []


def command() -> str:
    """Write the command as a shell takes it."""
    return shlex.join(["emseg", *words])
