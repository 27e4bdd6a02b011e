"""``emseg convert``: a microscope's file becomes a file that other programs open."""

from typing import TYPE_CHECKING, Annotated

import typer

from emseg.cli.frame.options import Json
from emseg.cli.frame.signature import Typed, takes
from emseg.config import ConvertConfig
from emseg.outcomes import raise_failures

if TYPE_CHECKING:
    from collections.abc import Sequence

    from emseg.commands.convert import Converted
    from emseg.outcomes import Outcome


@takes(ConvertConfig)
def convert(
    typed: Typed,
    *,
    cut_bar: Annotated[
        bool, typer.Option("--cut-bar", help="Cut off the information bar, which is kept else.")
    ] = False,
    json: Json = False,
) -> None:
    """Write micrographs and label images in another format, with all that they hold.

    Values, pixel size, stacks, channels and the classes of label images stay what they are. A
    format that cannot hold all of it is refused, and those that can are named; nothing is
    scaled, cast or left out on the way. Of several images in a file the largest is converted.

    Examples
    --------
    emseg convert session/*.dm4
    emseg convert mosaic.tif --to ome.zarr --out mosaics
    emseg convert predictions/*.ome.tif --to hspy
    emseg convert sem/ --to png --cut-bar --out figures
    """
    from emseg.cli.terminal.console import print_json
    from emseg.commands import convert as command

    config = ConvertConfig.from_options(**typed, keep_bar=not cut_bar)
    done = command.convert(config)
    if json:
        print_json(_as_json(done))
    else:
        _sum_up(done, config)
    raise_failures(done, len(done), done="converted")


def _as_json(done: "Sequence[Outcome[Converted]]") -> str:
    import json

    entries = [
        {
            "file": str(each.path),
            "written": str(each.found.written) if each.found else None,
            "planes": each.found.planes if each.found else 0,
            "error": str(each.error) if each.error else None,
        }
        for each in done
        if not each.is_left
    ]
    return json.dumps(entries, indent=2, ensure_ascii=False)


def _sum_up(done: "Sequence[Outcome[Converted]]", config: ConvertConfig) -> None:
    from emseg.cli.terminal.console import result

    found = [each.found for each in done if each.found]
    if len(found) == 1:
        planes = f" ({found[0].planes} planes)" if found[0].planes > 1 else ""
        result(f"written: {found[0].written}{planes}")
    elif found:
        target = config.to.lower().lstrip(".")
        result(f"in {config.out}: {len(found)} files (*.{target})")
