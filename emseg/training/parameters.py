"""Which weights learn, how fast, and which of them decay."""

from collections.abc import Collection, Iterable
from typing import Any

from torch import nn

from emseg.config import TrainConfig
from emseg.networks.parts import encoder_tensors


def parameter_groups(
    network: nn.Module, config: TrainConfig, loaded: Collection[str] = ()
) -> list[dict[str, Any]]:
    """Sort the weights of a network into groups for the optimiser.

    Parameters
    ----------
    network : nn.Module
        What is trained.
    config : TrainConfig
        Its weight decay, and its ``head_learning_rate`` for what was not loaded.
    loaded : collection of str
        Weights that were loaded, as in ``state_dict``; when there are none, the encoder counts
        as loaded, and the decoder and the head are what is new.

    Returns
    -------
    list of dict
        ``params``, ``weight_decay`` and, where it is another one, ``lr``; biases and norms, which
        have one dimension, do not decay.
    """
    if config.head_learning_rate is None:
        return _by_decay(network.parameters(), config)
    old = set(loaded or encoder_tensors(network))
    named = list(network.named_parameters())
    rate = config.head_learning_rate
    groups = [
        *_by_decay((weight for name, weight in named if name in old), config),
        *_by_decay((weight for name, weight in named if name not in old), config, lr=rate),
    ]
    return [group for group in groups if group["params"]]


def _by_decay(
    weights: Iterable[nn.Parameter], config: TrainConfig, **settings: float
) -> list[dict[str, Any]]:
    weights = list(weights)
    return [
        {
            "params": [weight for weight in weights if weight.ndim > 1],
            "weight_decay": config.weight_decay,
            **settings,
        },
        {
            "params": [weight for weight in weights if weight.ndim <= 1],
            "weight_decay": 0.0,
            **settings,
        },
    ]
