"""Stages of the encoder that stay as they were loaded, for good or for a while.

Gradual unfreezing opens them one by one from the deepest to the stem (Howard and Ruder,
"Universal language model fine-tuning for text classification", ACL 2018, section 3.3)::

    --freeze encoder --unfreeze-every 2, five stages

    epoch      0 1   2 3   4 5   6 7   8 9   10 ...
    stem        x     x     x     x     x     learns
    stage 1     x     x     x     x     learns
    stage 2     x     x     x     learns
    stage 3     x     x     learns
    stage 4     x     learns
    the rest    learns

What is frozen gets no gradient, and its batch norms keep their statistics. Which stages are
frozen depends on the number of the step alone, so that a run can be replayed.
"""

import logging
from dataclasses import dataclass

from torch import nn

from emseg.config import TrainConfig
from emseg.errors import UsageError
from emseg.networks.parts import encoder_stages
from emseg.starting import frozen_stages

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class FrozenStage:
    """A stage of the encoder.

    Parameters
    ----------
    weights : tuple of str
        Its parameters, as in ``named_parameters``.
    norms : tuple of str
        Its modules that keep statistics of what they see.
    """

    weights: tuple[str, ...]
    norms: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Freezing:
    """Which stages are frozen, and when they begin to learn.

    Parameters
    ----------
    stages : tuple of FrozenStage
        Frozen at first, from the image inwards.
    every : int or None
        Steps after each of which the deepest frozen stage begins to learn; None for never.
    of : int
        Stages of the encoder.
    """

    stages: tuple[FrozenStage, ...] = ()
    every: int | None = None
    of: int = 0

    def frozen_at(self, step: int) -> int:
        """How many stages, from the image inwards, are frozen at a step, counted from 0."""
        opened = step // self.every if self.every else 0
        return max(0, len(self.stages) - opened)

    def settle(self, network: nn.Module, step: int) -> None:
        """Freeze and open the stages of a network as they are at a step.

        Called before each step, because whoever validates sets the network to training again.
        """
        if not self.stages:
            return
        weights = dict(network.named_parameters())
        closed = self.frozen_at(step)
        for number, stage in enumerate(self.stages):
            for name in stage.weights:
                weights[name].requires_grad_(number >= closed)
            for name in stage.norms:
                network.get_submodule(name).training = number >= closed

    @property
    def sentence(self) -> str:
        """What a user should know; empty when nothing is frozen."""
        if not self.stages:
            return ""
        opening = f", one less every {self.every} steps" if self.every else ""
        return f"frozen: {len(self.stages)} of {self.of} stages{opening}"


def plan_freezing(
    network: nn.Module, in_channels: int, config: TrainConfig, epoch: int, *, is_loaded: bool
) -> Freezing:
    """Find the stages that a configuration freezes.

    Parameters
    ----------
    network : nn.Module
        It is not changed.
    in_channels : int
        Channels of its input.
    config : TrainConfig
        Its ``freeze`` and ``unfreeze_every``.
    epoch : int
        Steps of an epoch.
    is_loaded : bool
        Whether any weights were loaded; a notice says when random ones are frozen.

    Raises
    ------
    UsageError
        When the network has fewer stages than are to be frozen.
    """
    asked = frozen_stages(config.freeze)
    if asked == 0:
        return Freezing()
    stages = encoder_stages(network, in_channels)
    count = len(stages) if asked is None else asked
    if count > len(stages):
        raise UsageError(
            f"--freeze {config.freeze}: {config.encoder or config.network} has {len(stages)} "
            f"stages; freeze {len(stages)}-stages at most"
        )
    if not is_loaded:
        _log.warning(
            "--freeze %s keeps random weights as they are, because none were loaded; give "
            "--pretrained, or leave it out",
            config.freeze,
        )
    names = {id(module): name for name, module in network.named_modules()}
    frozen = tuple(_stage(stage, names) for stage in stages[:count])
    every = config.unfreeze_every * epoch if config.unfreeze_every else None
    return Freezing(frozen, every, len(stages))


def _stage(modules: tuple[nn.Module, ...], names: dict[int, str]) -> FrozenStage:
    weights = [
        f"{names[id(module)]}.{name}".lstrip(".")
        for module in modules
        for name, weight in module.named_parameters(recurse=False)
        if weight.requires_grad
    ]
    norms = [names[id(each)] for each in modules if any(True for _ in each.buffers(recurse=False))]
    return FrozenStage(tuple(weights), tuple(norms))
