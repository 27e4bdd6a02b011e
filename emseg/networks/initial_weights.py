"""Weights to start from, so that signals neither die nor explode on their way down."""

from torch import nn


def xavier(network: nn.Module) -> None:
    """Draw weights that keep the variance through sigmoids.

    Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural
    networks", AISTATS 2010.
    """
    for layer in _weighted(network):
        nn.init.xavier_uniform_(layer.weight)


def he(network: nn.Module) -> None:
    """Draw weights that keep the variance through ReLUs.

    He, Zhang, Ren and Sun, "Delving deep into rectifiers", ICCV 2015 (arXiv:1502.01852).
    """
    for layer in _weighted(network):
        nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)


def calm(head: object) -> None:
    """Let an untrained head say "I do not know": its loss starts at ln K."""
    if isinstance(head, nn.Linear):
        nn.init.normal_(head.weight, std=0.01)
        nn.init.zeros_(head.bias)


def _weighted(network: nn.Module) -> list[nn.Conv2d | nn.Linear]:
    return [each for each in network.modules() if isinstance(each, nn.Conv2d | nn.Linear)]
