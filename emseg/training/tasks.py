"""What Lightning trains: one step of segmentation, one step of classification."""

from abc import abstractmethod
from collections.abc import Callable
from typing import Any

import lightning
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.optim.swa_utils import AveragedModel

from emseg.config import TrainConfig
from emseg.micrograph import unlabelled_value
from emseg.training.losses import dice_and_cross_entropy
from emseg.training.optimisers import build_optimiser
from emseg.training.parameters import parameter_groups

_EMA = 0.98  # the average remembers about the last fifty steps
_LABEL_SMOOTHING = 0.1  # Szegedy et al., "Rethinking the Inception architecture", CVPR 2016


def _average(averaged: Tensor, current: Tensor, updates: int | Tensor) -> Tensor:
    """Move an average towards the current value, faster while the run is young."""
    decay = min(_EMA, (1 + float(updates)) / (10 + float(updates)))
    return averaged + (1 - decay) * (current - averaged)


class TrainingTask(lightning.LightningModule):
    """A network, its moving average, its optimiser and the rate at each step.

    Validation, prediction and the saved model use the moving average of the weights
    (Polyak and Juditsky, 1992), which is as good as many more steps at a falling rate.

    Parameters
    ----------
    network : nn.Module
        What is trained.
    rate_factor : callable
        Factor of the learning rate for a step.
    config : TrainConfig
        The craft of the training: optimiser, rates, label smoothing. Its seed and the step decide
        every random number of the step, dropout included.
    """

    def __init__(
        self,
        network: nn.Module,
        rate_factor: Callable[[int], float],
        config: TrainConfig,
    ) -> None:
        super().__init__()
        self.network = network
        self.average = AveragedModel(network, avg_fn=_average, use_buffers=True)
        self.rate_factor, self.config = rate_factor, config

    @abstractmethod
    def loss(self, logits: Tensor, target: Tensor) -> Tensor:
        """Loss of a batch; a task says which."""

    def on_train_batch_start(self, _batch: Any, batch_idx: int) -> None:
        """Count randomness: what a step draws depends on the seed and its number."""
        torch.manual_seed(self.config.seed * 1_000_003 + batch_idx)

    def training_step(self, batch: tuple[Tensor, Tensor], _batch_idx: int) -> Tensor:
        """Take one step; Lightning calls it."""
        image, target = batch
        logits = self.network(image.to(memory_format=torch.channels_last))
        return self.loss(logits, target)

    def on_train_batch_end(self, *_: Any) -> None:
        """Move the average."""
        self.average.update_parameters(self.network)

    def configure_optimizers(self) -> Any:
        """Lightning asks for the optimiser and the rate of each step."""
        optimizer = build_optimiser(parameter_groups(self.network, self.config), self.config)
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, self.rate_factor)
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": schedule, "interval": "step"},
        }

    @property
    def averaged(self) -> nn.Module:
        """The network with the averaged weights."""
        module: nn.Module = self.average.module
        return module


class SegmentationTask(TrainingTask):
    """Dice and cross-entropy over the labelled pixels.

    Parameters
    ----------
    classes : int
        Number of classes; it decides which label means unlabelled.
    """

    def __init__(self, network: nn.Module, *args: Any, classes: int, **settings: Any) -> None:
        super().__init__(network, *args, **settings)
        self.unlabelled = unlabelled_value(classes)

    def loss(self, logits: Tensor, target: Tensor) -> Tensor:
        """Dice plus cross-entropy."""
        return dice_and_cross_entropy(logits, target, self.unlabelled)


class ClassificationTask(TrainingTask):
    """Cross-entropy with smoothed labels."""

    def loss(self, logits: Tensor, target: Tensor) -> Tensor:
        """Cross-entropy, label smoothing 0.1."""
        return functional.cross_entropy(logits, target, label_smoothing=_LABEL_SMOOTHING)
