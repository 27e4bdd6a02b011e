"""Which weights learn, how fast, and which of them decay."""

from typing import Any

from torch import nn

from emseg.config import TrainConfig


def parameter_groups(network: nn.Module, config: TrainConfig) -> list[dict[str, Any]]:
    """Sort the weights of a network into groups for the optimiser.

    Parameters
    ----------
    network : nn.Module
        What is trained.
    config : TrainConfig
        Its weight decay.

    Returns
    -------
    list of dict
        ``params`` and ``weight_decay``; biases and norms, which have one dimension, do not decay.
    """
    weights = [w for w in network.parameters() if w.ndim > 1]
    others = [w for w in network.parameters() if w.ndim <= 1]
    return [
        {"params": weights, "weight_decay": config.weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
