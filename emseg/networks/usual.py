"""Which network is trained when nobody names one."""

from dataclasses import dataclass

from emseg.config import Task
from emseg.errors import UsageError
from emseg.networks.packaged import EFFICIENTNET_LITE0, LITE0, LITE0_ENCODER

AUTO = "auto"
"""What ``--network`` takes for a forest and the usual network, of which the better one is kept."""

_LONG = 30.0  # minutes, from which on DenseNet-121 is trained well on a processor


@dataclass(frozen=True, slots=True)
class Usual:
    """A network, and why it is taken.

    Parameters
    ----------
    network : str
        As ``--network`` takes it.
    encoder : str or None
        As ``--encoder`` takes it.
    reason : str
        For the user.
    """

    network: str
    encoder: str | None
    reason: str

    def __str__(self) -> str:
        name = self.network if self.encoder is None else f"{self.network} on {self.encoder}"
        return f"{name}, {self.reason}"


def usual_network(task: Task, pretrained: str, minutes: float | None) -> Usual:
    """Choose a network that learns much from few micrographs on a processor.

    Parameters
    ----------
    task : Task
        Segmentation or classification.
    pretrained : str
        As ``--pretrained`` says it; no model of emseg.
    minutes : float or None
        The time that there is; None where steps are counted.
    """
    has_weights = pretrained in ("auto", "imagenet") and EFFICIENTNET_LITE0.is_installed
    if task is Task.SEGMENTATION:
        if has_weights:
            return Usual("unet", LITE0_ENCODER, "its encoder knows ImageNet already")
        return Usual("unet", None, "small enough to learn from random weights")
    if has_weights:
        return Usual(LITE0, None, "light, and it knows ImageNet already")
    if minutes is not None and minutes < _LONG:
        return Usual("regnetx_002", None, "light enough to learn in so few minutes")
    return Usual("densenet121", None, "the most accurate that a processor trains in an hour")


def forest_encoder(pretrained: str) -> str | None:
    """Choose what a forest looks at beside its filter bank: an encoder whose weights are there.

    Parameters
    ----------
    pretrained : str
        As ``--pretrained`` says it.

    Raises
    ------
    UsageError
        When a forest cannot start from that.
    """
    if pretrained not in ("auto", "none", "imagenet"):
        raise UsageError(
            f"--pretrained {pretrained}: the trees of a forest are grown anew, and its encoder "
            "knows ImageNet or is left out; say auto, imagenet or none"
        )
    is_wanted = pretrained == "imagenet" or EFFICIENTNET_LITE0.is_installed
    return LITE0_ENCODER if is_wanted and pretrained != "none" else None
