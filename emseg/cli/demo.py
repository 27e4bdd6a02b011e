"""``emseg demo``: the whole chain on sample images, from nothing to numbers."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from emseg.cli.frame.signature import Typed, takes
from emseg.config import Device, Setting
from emseg.errors import UsageError

if TYPE_CHECKING:
    from emseg.synthesis import DemoSet

_TILE = 256  # small, so that the demonstration stitches many tiles
_STEPS = 120  # about a minute on two cores; counted, so that everybody sees the same result
_MOST_MINUTES = 2.0  # on a slow or busy machine


class DemoConfig(Device):
    """How the demonstration goes."""

    out: Annotated[Path, Setting("Folder for everything the demo makes.")] = Path("emseg-demo")
    steps: Annotated[
        int,
        Field(ge=1),
        Setting("How long to train; 120 steps take about a minute on two cores."),
    ] = _STEPS
    seed: Annotated[int, Field(ge=0), Setting("Other seeds make other images.")] = 0


@takes(DemoConfig, leave=("threads",))
def demo(typed: Typed) -> None:
    """Train, predict and evaluate on the sample images, in a few minutes.

    Synthetic micrographs of nanoparticles on carbon are made, a small U-Net is trained on six of
    them here and now, a larger one that it has not seen is segmented tile by tile, and the
    result is compared with the known truth. Nothing is precomputed.

    Examples
    --------
    emseg demo
    emseg demo --out here --steps 400
    """
    from emseg.cli.frame.machine import settle_threads
    from emseg.cli.terminal.console import remark, result

    config = DemoConfig.from_options(**typed)
    out, device = config.out, config.device
    settle_threads(device)
    from emseg.synthesis import write_demo_set
    from emseg.writing import require_writable

    require_writable(out)
    if (out / "run").exists():
        raise UsageError(f"{out} holds a demo already; remove it or choose another --out")
    remark("1 of 4: making micrographs of nanoparticles whose truth is known")
    data = write_demo_set(out / "data", config.seed)
    remark(f"2 of 4: training a small U-Net on six of them ({config.steps} steps)")
    _train(out, data, config.steps, config.seed, device)
    remark("3 of 4: segmenting a larger micrograph that it has not seen")
    _predict(out, data, device)
    remark("4 of 4: comparing with the truth")
    _evaluate(out, data)
    result("")
    result(f"picture:      {out / 'comparison.png'}")
    result(f"label image:  {out / 'predictions'} (calibrated OME-TIFF)")
    result(f"scores:       {out / 'evaluation' / 'report.html'}")
    result(f"model:        {out / 'run' / 'model'}")
    result("your turn:    emseg train IMAGES MASKS")


def _train(out: Path, data: "DemoSet", steps: int, seed: int, device: str) -> None:
    from emseg.cli.printing.train_end import say_end
    from emseg.cli.terminal.console import result
    from emseg.commands.train import train
    from emseg.config import TrainConfig

    config = TrainConfig.from_options(
        images=(data.train_images,),
        masks=(data.train_masks,),
        classes=data.classes,
        out=out / "run",
        steps=steps,
        minutes=_MOST_MINUTES * max(1.0, steps / _STEPS),
        crop_size=128,
        seed=seed,
        device=device,
    )
    trained = train(config, "emseg demo")
    say_end(trained, result)
    if trained.interrupted:
        raise KeyboardInterrupt


def _predict(out: Path, data: "DemoSet", device: str) -> None:
    from emseg.cli.predict import show
    from emseg.commands.predict import predict
    from emseg.config import PredictConfig

    config = PredictConfig(
        model=out / "run",
        inputs=(data.test_images,),
        out=out / "predictions",
        tile=_TILE,
        device=device,
    )
    show(predict(config), config)


def _evaluate(out: Path, data: "DemoSet") -> None:
    from emseg.cli.evaluate import show_evaluation
    from emseg.config import EvaluateConfig

    config = EvaluateConfig(
        inputs=out / "predictions",
        masks=data.test_masks,
        images=data.test_images,
        out=out / "evaluation",
    )
    show_evaluation(config)
    _draw(out, data)


def _draw(out: Path, data: "DemoSet") -> None:
    from emseg.bundle import load_model
    from emseg.labels import to_label_image
    from emseg.reading import list_planes
    from emseg.reading.stacks.label_images import read_label_images
    from emseg.reporting import write_comparison

    micrograph = list_planes([data.test_images])[0].read()
    mask = list_planes([data.test_masks])[0].read()
    classes = load_model(out / "run").card.label_classes
    predicted = read_label_images(out / "predictions" / f"{micrograph.name}.ome.tif") or ()
    for labels in predicted:
        reference = to_label_image(mask, classes)
        write_comparison(out / "comparison.png", micrograph, labels, reference)
