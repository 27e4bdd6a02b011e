"""What Lightning trains: one step of segmentation, one step of classification."""

from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import Any

import lightning
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.optim import Optimizer
from torch.optim.swa_utils import AveragedModel

from emseg.config import Task, TrainConfig
from emseg.micrograph import unlabelled_value
from emseg.training.losses import build_loss
from emseg.training.optimisers import build_optimiser
from emseg.training.parameters import parameter_groups
from emseg.training.pooling import ALONE, Pooling
from emseg.training.state import Learnt
from emseg.training.transfer import Transfer

_EMA = 0.98  # the average remembers about the last fifty steps
_APART = 1 << 53  # between the seeds of processes: more than a seed and a batch number come to


def label_smoothing(config: TrainConfig) -> float:
    """Return the label smoothing of a run: as asked for, or as usual for its task.

    Notes
    -----
    0.1 is that of Szegedy et al., "Rethinking the Inception architecture", CVPR 2016. The edges
    of a mask are drawn on purpose, so segmentation does without.
    """
    if config.label_smoothing is not None:
        return config.label_smoothing
    return 0.1 if config.task is Task.CLASSIFICATION else 0.0


@torch.no_grad()
def _average(averaged: Any, current: Any, updates: int | Tensor) -> None:
    """Move averages towards the current values, faster while the run is young; counts are taken."""
    decay = min(_EMA, (1 + float(updates)) / (10 + float(updates)))
    if torch.is_floating_point(averaged[0]):  # torch gives those of one kind together
        torch._foreach_lerp_(averaged, current, 1 - decay)
    else:
        torch._foreach_copy_(averaged, current)


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
        The craft of the training: optimiser, rates, label smoothing. Its seed and the number of
        the batch decide every random number of the batch, dropout included.
    transfer : Transfer, optional
        What the network started from, and which of its stages are frozen.

    Attributes
    ----------
    rates : dict of str to float
        Learning rate of the last step: that of the run, and that of the weights which have
        their own, by ``learning_rate`` and ``head_learning_rate``.
    """

    def __init__(
        self,
        network: nn.Module,
        rate_factor: Callable[[int], float],
        config: TrainConfig,
        transfer: Transfer | None = None,
    ) -> None:
        super().__init__()
        self.network, self.transfer = network, transfer
        self.average = AveragedModel(network, multi_avg_fn=_average, use_buffers=True)
        self.average.requires_grad_(False)  # DDP would wait for its gradients
        self.rate_factor, self.config = rate_factor, config
        self.label_smoothing = label_smoothing(config)
        self.rates: dict[str, float] = {}
        self.first_batch = 0
        self.pooling = ALONE
        self._learnt: Learnt | None = None

    def share(self, pooling: Pooling) -> None:
        """Learn together with other processes from now on: the loss is that of all their crops."""
        self.pooling = pooling

    def go_on(self, learnt: Learnt, step: int) -> None:
        """Take over what a run had learnt after so many steps, before the first batch."""
        self.load_state_dict(learnt.task)
        self.first_batch, self._learnt = step * self.config.accumulate, learnt

    @abstractmethod
    def loss(self, logits: Tensor, target: Tensor) -> Tensor:
        """Loss of a batch; a task says which."""

    def on_train_batch_start(self, _batch: Any, batch_idx: int) -> None:
        """Count randomness: what a batch draws depends on the seed, its number and the process."""
        number = self.first_batch + batch_idx
        torch.manual_seed(self.config.seed * 1_000_003 + number + _APART * self.global_rank)
        if self.transfer is not None:
            self.transfer.freezing.settle(self.network, number // self.config.accumulate)

    def on_train_start(self) -> None:
        """Go on with the scaler of float16 as it was."""
        if self._learnt is not None and self._learnt.scaler:
            self.trainer.precision_plugin.load_state_dict(dict(self._learnt.scaler))

    def training_step(self, batch: tuple[Tensor, Tensor], _batch_idx: int) -> Tensor:
        """Compute the loss of a batch; Lightning steps after ``accumulate`` of them."""
        image, target = batch
        logits = self.network(image.to(memory_format=torch.channels_last))
        return self.loss(logits, target)

    def on_before_optimizer_step(self, optimizer: Optimizer) -> None:
        """Take down the rates that are used."""
        usual = optimizer.defaults["lr"]
        self.rates = {
            "learning_rate" if group["initial_lr"] == usual else "head_learning_rate": group["lr"]
            for group in optimizer.param_groups
        }

    def configure_gradient_clipping(
        self,
        optimizer: Optimizer,
        gradient_clip_val: int | float | None = None,
        gradient_clip_algorithm: str | None = None,  # noqa: ARG002 - Lightning's signature
    ) -> None:
        """Clip here: Lightning refuses to, since the fused step of processors could unscale."""
        if gradient_clip_val:
            weights = [each for group in optimizer.param_groups for each in group["params"]]
            nn.utils.clip_grad_norm_(weights, gradient_clip_val)

    def optimizer_step(self, *args: Any, **settings: Any) -> None:
        """Step, and move the average."""
        super().optimizer_step(*args, **settings)
        self.average.update_parameters(self.network)

    def configure_optimizers(self) -> Any:
        """Lightning asks for the optimiser and the rate of each step."""
        loaded = self.transfer.loaded.names if self.transfer is not None else ()
        groups = parameter_groups(self.network, self.config, loaded)
        optimizer = build_optimiser(groups, self.config)
        done = self.first_batch // self.config.accumulate
        if self._learnt is not None:
            rates = [group["lr"] for group in optimizer.param_groups]
            optimizer.load_state_dict(dict(self._learnt.optimiser))
            for group, rate in zip(optimizer.param_groups, rates, strict=True):
                group["initial_lr"] = group["lr"] = rate  # another one after a divergence
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, self.rate_factor, done - 1)
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
    """The losses that a configuration names, over the labelled pixels.

    Parameters
    ----------
    classes : int
        Number of classes; it decides which label means unlabelled.
    weights : sequence of float, optional
        Of the classes.
    """

    def __init__(
        self,
        network: nn.Module,
        *args: Any,
        classes: int,
        weights: Sequence[float] | None = None,
        **settings: Any,
    ) -> None:
        super().__init__(network, *args, **settings)
        self._unlabelled, self._weights = unlabelled_value(classes), weights
        self.share(self.pooling)

    def share(self, pooling: Pooling) -> None:
        """Add up the losses over the pixels of all processes from now on."""
        super().share(pooling)
        self._loss = build_loss(
            self.config.loss, self._unlabelled, self.label_smoothing, self._weights, pooling
        )

    def loss(self, logits: Tensor, target: Tensor) -> Tensor:
        """Sum of the losses."""
        return self._loss(logits, target)


class ClassificationTask(TrainingTask):
    """Cross-entropy with smoothed labels."""

    def loss(self, logits: Tensor, target: Tensor) -> Tensor:
        """Cross-entropy; each process has as many crops."""
        loss = functional.cross_entropy(logits, target, label_smoothing=self.label_smoothing)
        return self.pooling.total(loss) / self.pooling.processes
