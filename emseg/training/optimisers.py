"""What turns gradients into steps."""

from typing import Any

import torch
from torch.optim import Optimizer

from emseg.config import TrainConfig


def build_optimiser(groups: list[dict[str, Any]], config: TrainConfig) -> Optimizer:
    """Build the optimiser that a configuration names.

    Parameters
    ----------
    groups : list of dict
        From `parameter_groups`.
    config : TrainConfig
        Its optimiser and learning rate.

    Notes
    -----
    AdamW is that of Loshchilov and Hutter, ICLR 2019.
    """
    return torch.optim.AdamW(groups, lr=float(config.learning_rate))
