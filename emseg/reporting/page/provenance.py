"""How a result was made: what a reader needs to make it again."""

from dataclasses import dataclass

Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Provenance:
    """How a result was made.

    Parameters
    ----------
    title : str
        What was evaluated, the heading of the page.
    command : str
        The command line as it was typed.
    version : str
        Of emseg.
    date : str
        When it was made.
    files : tuple of (str, str)
        Names of the files that were compared, each with its SHA-256, or "" where it is not known.
    model : tuple of (str, str)
        Lines of the model card, names and values; empty without a model.
    notices : tuple of str
        What a reader must know before the numbers.
    origin : str
        The command whose page it is.
    curves : str
        Of a training: a PNG, as base64; "" for none.
    plan : tuple of (str, str)
        How a model was trained, names and values.
    next : str
        What to type now.
    """

    title: str
    command: str = ""
    version: str = ""
    date: str = ""
    files: Pairs = ()
    model: Pairs = ()
    notices: tuple[str, ...] = ()
    origin: str = "emseg evaluate"
    curves: str = ""
    plan: Pairs = ()
    next: str = ""
