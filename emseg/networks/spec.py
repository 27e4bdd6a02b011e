"""What is needed to build a network again."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from emseg.config import Task


@dataclass(frozen=True, slots=True)
class NetworkSpec:
    """Everything that is needed to build a network again.

    Parameters
    ----------
    task : Task
        Segmentation or classification.
    name : str
        A name of `network_names`.
    encoder : str or None
        Encoder of segmentation-models-pytorch; None for the classic U-Net and classifiers.
    in_channels : int
        Channels of the micrograph.
    classes : int
        Number of classes.
    options : mapping
        Further arguments of the network, plain values: those of `options_of`.
    """

    task: Task
    name: str
    encoder: str | None
    in_channels: int
    classes: int
    options: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.name if self.encoder is None else f"{self.name} on {self.encoder}"
