"""``emseg export``: a model for runtimes that predict without torch."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from emseg.cli.frame.options import Json
from emseg.cli.frame.signature import Typed, takes
from emseg.config import ExportConfig

if TYPE_CHECKING:
    from pathlib import Path

    from emseg.bundle.exports import Export


@takes(ExportConfig)
def export(typed: Typed, *, json: Json = False) -> None:
    """Export a model beside its weights, for predictions that need no torch.

    onnx is the network as it is, in one file for ONNX Runtime and OpenVINO; emseg train writes it
    too where emseg[cpu,export] is installed. openvino is the same in OpenVINO's own files. int8
    computes with eight bits, several times as fast on processors that can: it is calibrated on
    your micrographs, and what it costs is measured, against masks or else against the labels of
    the network itself. What does not answer as the network does is not kept.

    Examples
    --------
    emseg export runs/unet-1
    emseg export runs/unet-1 --to int8 --images new/
    emseg export runs/unet-1 --to int8 --images images/ --masks masks/ --max-loss 0.01
    """
    from emseg.cli.terminal.console import print_json, result

    config = ExportConfig.from_options(**typed)
    from emseg.bundle import open_model
    from emseg.commands.export import export as command

    made = command(config)
    if json:
        print_json(made.model_dump_json(indent=2))
        return
    for line in _lines(open_model(config.model).folder, made, has_masks=bool(config.masks)):
        result(line)


def _lines(folder: "Path", made: "Export", *, has_masks: bool) -> Iterator[str]:
    """Say what was written, and how well it answers."""
    from emseg.bundle.exports import FILES

    for name in FILES[made.kind]:
        size = (folder / name).stat().st_size / 1e6
        yield f"written: {folder / name} ({made.precision}, {size:.1f} MB)"
    yield (
        f"against the network: {100 * made.agreement:.2f} % of the pixels get the same class, "
        f"probabilities differ by at most {made.difference:.2g}"
    )
    if made.dice_before is not None and made.dice_after is not None:
        truth = "masks" if has_masks else "the labels of the network in float32"
        yield (
            f"Dice against {truth}: {made.dice_before:.4f} in float32, {made.dice_after:.4f} in "
            f"{made.precision}"
        )
