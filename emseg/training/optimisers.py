"""What turns gradients into steps."""

from typing import Any

import torch
from torch.optim import Optimizer

from emseg.config import Optimiser, TrainConfig


def build_optimiser(groups: list[dict[str, Any]], config: TrainConfig) -> Optimizer:
    """Build the optimiser that a configuration names.

    Parameters
    ----------
    groups : list of dict
        From `parameter_groups`; one that has its own ``lr`` keeps it.
    config : TrainConfig
        Its optimiser, momentum and learning rate, which is a number.

    Notes
    -----
    AdamW is that of Loshchilov and Hutter, ICLR 2019: the weights decay beside the step. Adam
    (Kingma and Ba, ICLR 2015) and SGD add the decay to the gradient, as a squared penalty does.
    SGD has Nesterov momentum (Sutskever et al., ICML 2013) unless the momentum is 0. On processors
    Adam steps all weights in one call; on GPUs PyTorch chooses, since its fused step refuses to
    clip gradients where they are scaled.
    """
    rate = float(config.learning_rate)
    is_fused = all(each.device.type == "cpu" for group in groups for each in group["params"])
    match config.optimiser:
        case Optimiser.ADAMW:
            return torch.optim.AdamW(groups, lr=rate, fused=is_fused or None)
        case Optimiser.ADAM:
            return torch.optim.Adam(groups, lr=rate, fused=is_fused or None)
        case Optimiser.SGD:
            momentum = config.momentum or 0.0
            return torch.optim.SGD(groups, lr=rate, momentum=momentum, nesterov=momentum > 0)
