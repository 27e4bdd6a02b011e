"""``emseg benchmark``: how fast each backend computes a model on this machine."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from emseg.cli.frame.options import Json
from emseg.cli.frame.signature import Typed, takes
from emseg.config import BenchmarkConfig

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table

    from emseg.inference.backends.choosing import Considered
    from emseg.inference.trials.speed import Speed, Speeds

_CLEARLY = 1.05  # times as fast; less is chance on a machine that does other things too


@takes(BenchmarkConfig)
def benchmark(typed: Typed, *, json: Json = False) -> None:
    """Measure how fast each backend predicts with a model on this machine.

    All backends that are there predict the same drawn image in turns: the network alone, with tiles
    as emseg predict would choose them, and from file to file, reading and writing included. The
    last column compares the arithmetic of the network with what NumPy reaches in multiplying
    matrices of float32 with as many threads. Nothing is left behind.

    Examples
    --------
    emseg benchmark runs/unet-1
    emseg benchmark models/superalloy --size 4096 --threads 2
    emseg benchmark runs/unet-1 --backend openvino --precision int8 --json
    """
    from emseg.cli.frame.machine import settle_threads

    config = BenchmarkConfig.from_options(**typed)
    settle_threads(config.device, config.threads)
    from emseg.bundle import open_model
    from emseg.inference.backends.threads import threads_for
    from emseg.inference.trials.speed import find_backends, measure_speeds

    opened = open_model(config.model)
    threads = threads_for(config.threads)
    asked: dict[str, Any] = {
        "backend": config.backend, "device": config.device, "threads": threads,
        "precision": config.precision,
    }  # fmt: skip
    found = find_backends(opened, **asked)
    if all(each.backend is None for each in found):
        from emseg.inference.backends import open_backend

        open_backend(opened, **asked)  # which says why there is none
    backends = [each.backend for each in found if each.backend is not None]
    how = {"size": config.size, "threads": threads, "repeats": config.repeats}
    with TemporaryDirectory(prefix="emseg-benchmark-") as folder:
        speeds = measure_speeds(opened, backends, Path(folder), **how)
    if json:
        from emseg.cli.terminal.console import print_json

        print_json(
            _as_json(config.model, found, speeds, {"size_px": config.size, "threads": threads})
        )
        return
    _show(found, speeds)
    _advise(speeds, is_auto=config.backend == "auto")


def _show(found: "Sequence[Considered]", speeds: "Speeds") -> None:
    from emseg.cli.terminal.console import out, result
    from emseg.inference.backends.choosing import passed_over

    out.print(_table(speeds))
    if speeds.matrices is not None:
        result(f"matrices of float32, by NumPy: {speeds.matrices:.0f} GFLOP/s")
    for line in passed_over(found):
        result(line)


def _table(speeds: "Speeds") -> "Table":
    from emseg.cli.terminal.tables import add_row, new_table

    table = new_table(
        "backend",
        "precision",
        "device",
        "network Mpx/s",
        "file to file",
        "share of it",
        "GFLOP/s",
        "of matrices",
        left=("precision", "device"),
    )
    for each in speeds.measured:
        share = speeds.share_of_matrices(each)
        add_row(
            table,
            each.backend,
            each.precision,
            each.device,
            f"{each.network:.3g}",
            f"{each.whole:.3g}",
            f"{100 * each.whole / each.network:.0f} %",
            "-" if each.gflops is None else f"{each.gflops:.3g}",
            "-" if share is None else f"{100 * share:.0f} %",
        )
    return table


def _advise(speeds: "Speeds", *, is_auto: bool) -> None:
    """Say what auto takes, and whether others were faster here."""
    from emseg.cli.terminal.console import result

    if not is_auto:
        return
    auto = speeds.measured[0]
    alike, quickest = speeds.fastest(auto.precision), speeds.fastest()
    line = f"--backend auto takes {auto.backend} in {auto.precision}"
    if alike.whole < _CLEARLY * auto.whole:
        result(f"{line}, and no other was clearly faster in the same numbers")
    else:
        result(f"{line}; {_so_fast(alike, auto)}")
    if quickest.precision != auto.precision and quickest.whole >= _CLEARLY * alike.whole:
        result(f"in fewer bits, {_so_fast(quickest, auto)}")


def _so_fast(faster: "Speed", auto: "Speed") -> str:
    options = f"--backend {faster.backend}"
    if faster.precision != auto.precision:
        options += f" --precision {faster.precision}"
    if faster.device.startswith("CPU") and not auto.device.startswith("CPU"):
        options += " --device cpu"
    return f"{faster.whole / auto.whole:.1f} times as fast here: {options}"


def _as_json(
    model: Path, found: "Sequence[Considered]", speeds: "Speeds", settings: dict[str, int]
) -> str:
    import json

    from emseg.inference.backends.choosing import failed

    fastest = speeds.fastest()
    return json.dumps(
        {
            "model": str(model),
            **settings,
            "matrices_gflops": speeds.matrices,
            "backends": [_entry(speeds, each) for each in speeds.measured],
            "fastest": {"backend": fastest.backend, "precision": fastest.precision},
            "not_measured": [
                {"backend": each.name, "precision": each.wanted.precision, "reason": each.reason}
                for each in failed(found)
            ],
        },
        indent=2,
    )


def _entry(speeds: "Speeds", each: "Speed") -> dict[str, object]:
    return {
        "backend": each.backend,
        "precision": each.precision,
        "device": each.device,
        "tiles": each.plan.tiles,
        "tile_height_px": each.plan.tile[0],
        "tile_width_px": each.plan.tile[1],
        "tiles_at_once": each.plan.batch,
        "network_mpx_per_s": each.network,
        "file_to_file_mpx_per_s": each.whole,
        "share_of_network": each.whole / each.network,
        "network_gflops": each.gflops,
        "share_of_matrices": speeds.share_of_matrices(each),
    }
