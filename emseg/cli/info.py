"""``emseg info``: what files hold, for a person and for machines."""

from itertools import chain
from typing import TYPE_CHECKING, Annotated, Any

import typer

from emseg.cli.frame.options import Json
from emseg.cli.frame.signature import Typed, takes
from emseg.config import InfoConfig
from emseg.errors import ContentError, PartialError
from emseg.outcomes import raise_failures

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rich.text import Text

    from emseg.commands.info import Info
    from emseg.outcomes import Outcome


@takes(InfoConfig)
def info(
    typed: Typed,
    *,
    details: Annotated[
        bool, typer.Option("--details", help="All signals of each file, also of several files.")
    ] = False,
    json: Json = False,
) -> None:
    """Say what each file holds: axes, shape, dtype and pixel size.

    One file is shown with all its signals, also spectra and diffraction patterns and the reason
    why emseg cannot use them; of several images it takes the largest, which an arrow marks. Of
    several files each has a line. No pixel is read unless --range or --thumbnails asks for it;
    the other options show what train and predict make of the files when they get them. Of a model,
    a run, or a folder of them, it says what the model is: task, classes, pixel size, scores.

    Examples
    --------
    emseg info image.dm4
    emseg info micrographs/ --thumbnails overview
    emseg info --json maps/*.emd
    emseg info runs/unet-1
    """
    from emseg.commands.info import Info

    config = InfoConfig.from_options(**typed)
    _conclude(_shown(Info(config), details=details, json=json))


def _shown(found: "Info", *, details: bool, json: bool) -> "list[Outcome[Any]]":
    """Print what is known of each as soon as it is: models first, then files."""
    from emseg.cli.printing.info_json import entry
    from emseg.cli.printing.info_listing import Listing
    from emseg.cli.printing.info_models import model_block, model_entry
    from emseg.cli.printing.info_text import block
    from emseg.cli.terminal.console import out

    described, reports = found.cards(), found.contents()
    if json:
        models = ((each, model_entry(each)) for each in described)
        return _as_json(chain(models, ((each, entry(each)) for each in reports)))
    width = out.width
    done = _printed((each, model_block(each, width)) for each in described)
    if details or len(found.files) <= 1:
        return done + _printed((each, block(each, width)) for each in reports)
    listing = Listing(found.files, width)
    out.print(listing.heading, soft_wrap=True)
    listed = _printed((each, listing.line(each)) for each in reports)
    out.print(listing.summary(listed), soft_wrap=True)
    return done + listed


def _printed(said: "Iterable[tuple[Outcome[Any], Text]]") -> "list[Outcome[Any]]":
    from emseg.cli.terminal.console import out

    done = []
    for outcome, text in said:
        out.print(text, soft_wrap=True)
        done.append(outcome)
    return done


def _as_json(said: "Iterable[tuple[Outcome[Any], str]]") -> "list[Outcome[Any]]":
    """Print a list with an entry a file, each as soon as it is known."""
    from emseg.cli.terminal.console import print_json

    done: list[Outcome[Any]] = []
    for outcome, text in said:
        print_json(("[\n" if not done else ",\n") + text, end="")
        done.append(outcome)
    print_json("\n]")
    return done


def _conclude(done: "Sequence[Outcome[Any]]") -> None:
    """End with the exit code that files which cannot be read call for."""
    bad = [each for each in done if each.error]
    if bad and len(bad) < len(done):
        raise PartialError(
            f"{len(bad)} of {len(done)} files cannot be read, first {bad[0].path}; "
            "the others are described above"
        )
    if len(bad) > 1:
        raise ContentError(f"none of the {len(done)} files can be read, first: {bad[0].error}")
    raise_failures(bad, len(bad))
