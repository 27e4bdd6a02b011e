"""``emseg measure``: objects and phases in nanometres."""

from emseg.cli.frame.options import Json
from emseg.cli.frame.signature import Typed, takes
from emseg.config import MeasureConfig
from emseg.outcomes import raise_failures


@takes(MeasureConfig)
def measure(typed: Typed, *, json: Json = False) -> None:
    """Measure the objects and phases of label images in nanometres.

    Of each class: its share of the area with a 95 % interval over the fields of view, and its
    objects: connected pixels, each with area, diameters, perimeter, shape, place and neighbours.
    Label images of emseg know their classes and pixel size; for those of other programs say
    --labels and --pixel-size. The first class is taken as the matrix, whose objects are not
    measured.

    OUT holds objects.csv (a row an object), summary.csv, summary.json, a size distribution of
    each class, and overlays/ to check by. Without a pixel size everything is in pixels.

    Examples
    --------
    emseg measure predictions/
    emseg measure predictions/ --images micrographs/ --class particle --split
    emseg measure masks/ --labels 0=matrix,1=particle --pixel-size 1.9nm
    emseg measure cells/ --instances --smallest 30
    """
    from emseg.cli.printing.measure_tables import show
    from emseg.cli.terminal import console
    from emseg.commands import measure as command

    config = MeasureConfig.from_options(**typed)
    summary = command.measure(config)
    if json:
        console.print_json((config.out / command.SUMMARY).read_text(encoding="utf-8"))
    else:
        show(summary)
    of = len(summary.failures) + len(summary.fields)
    raise_failures(summary.failures, of, kind="label images")
