"""A run of a forest: pixels are drawn, trees are grown, and the model is judged, in seconds."""

import logging
import math
import time

import torch

from emseg.bundle import ModelCard, save_model
from emseg.config import TrainConfig
from emseg.networks.forest import Forest
from emseg.training.allowance import Allowance, measured_allowance, time_left
from emseg.training.crops import CropDataset
from emseg.training.growing import RATE, grow, pixel_weights
from emseg.training.images import Shown
from emseg.training.jobs import TrainingJob
from emseg.training.judging import ValidationScores
from emseg.training.pixels import SampledPixels, draw_pixels
from emseg.training.progress import Progress, Report
from emseg.training.records import with_record
from emseg.training.stopping import Stop
from emseg.writing import write_table

_PIXELS = 60_000  # that trees learn from; on superalloy and neuropil 100 000 were no better
_LOOKED_AT = 24_000_000  # pixels whose features are computed to draw them from
_LOOKING = 0.3  # of the time is spent at most to compute features
_GROWING = 0.7  # of the time has passed at most when the last trees are begun
_log = logging.getLogger(__name__)


class ForestRun:
    """One run of a forest, from a job to a model in the run folder.

    Parameters
    ----------
    config : TrainConfig
        As it is carried out.
    job : TrainingJob
        Its network is a `Forest`.
    device : torch.device
        Where features are computed, and the forest is judged.
    report : callable
        Told where the run stands.
    begun : float
        From when on its minutes count.
    """

    def __init__(
        self,
        config: TrainConfig,
        job: TrainingJob,
        device: torch.device,
        report: Report,
        begun: float,
    ) -> None:
        self.config, self.job, self.device, self.report = config, job, device, report
        self.forest = _forest_of(job).to(device).eval()
        self.begun, self.stop = begun, Stop()
        self.verdict: ValidationScores | None = None
        self.shown: Shown = job.shown
        self._allowance: Allowance | None = None
        self._grown = self._sampled = 0

    def run(self) -> ModelCard:
        """Draw, grow, judge and save.

        Raises
        ------
        ContentError
            When the masks show a single class.
        KeyboardInterrupt
            When it is interrupted before there are trees, or a second time.
        """
        if self.config.minutes is not None:
            budget = time_left(self.config.minutes, time.monotonic() - self.begun)
            self._allowance = measured_allowance(budget, self.job, self.device)
            self.job.judge.limit(self._allowance.validation)
            self.shown = self._allowance.pictures(self.job.shown)
        with self.stop.heard():
            pixels = self._pixels()
            self._grow(pixels)
            save_model(self.config.out / "model", self._card(), self.forest)
            self.verdict = self.job.judge.judge(self.forest, self._watch)
        self._record()
        side = None if self._allowance is None else self._allowance.halo_side
        measured = self.job.finish(self.forest, side)
        card = self._card().model_copy(update=measured)
        return save_model(self.config.out / "model", card, self.forest)

    def _pixels(self) -> SampledPixels:
        """Draw as many pixels as there is time to look at."""
        most, card = _LOOKED_AT, self.job.card
        if self._allowance is not None:
            speed = card.crop**2 / self._allowance.crop_seconds
            most = min(most, math.ceil(_LOOKING * self._allowance.seconds * speed))
        dataset = self.job.dataset
        if not isinstance(dataset, CropDataset):
            raise TypeError(f"{type(dataset)} holds no labelled pixels")
        self._tell(None)
        return draw_pixels(
            self.forest,
            dataset.planes,
            card.intensity,
            halo=card.halo,
            stride=card.stride,
            count=_PIXELS,
            most=most,
            seed=self.config.seed,
            device=self.device,
        )

    def _grow(self, pixels: SampledPixels) -> None:
        if self.stop.asked:
            raise KeyboardInterrupt
        classes = self.job.card.label_classes
        weights = pixel_weights(self.config.class_weights, classes, pixels.labels)
        self._sampled = len(pixels.labels)
        trees = self.forest.head.cpu()
        self._grown = grow(trees, pixels, weights, self.config.seed, self._goes_on)
        trees.to(self.device)
        wanted = trees.features.shape[0]
        if self._grown < wanted and not self.stop.asked:
            _log.warning(
                "there is time for %d of %d trees; give more --minutes", self._grown, wanted
            )

    def _goes_on(self, grown: int, seconds: float) -> bool:
        """Whether more trees fit, and nobody asked for an end."""
        self._grown = grown
        now = self._tell(None)
        if self._allowance is None or self.config.minutes is None:
            return not self.stop.asked
        end = self.begun + _GROWING * 60 * self.config.minutes
        return not self.stop.asked and now + seconds <= end

    def _watch(self, share: float) -> None:
        self._tell(share)

    def _tell(self, validated: float | None) -> float:
        now, trees = time.monotonic(), self.forest.head.features.shape[0]
        self.report(
            Progress(
                self._grown, trees, self._grown / trees, now - self.begun, None, None, validated
            )
        )
        return now

    def _record(self) -> None:
        if self.verdict is None:
            return
        row = {
            "step": self._grown,
            "seconds": round(time.monotonic() - self.begun, 2),
            "val_loss": self.verdict.loss,
            **{f"val_{name}": value for name, value in self.verdict.scores.items()},
        }
        write_table(self.config.out / "metrics.csv", [row])

    def _card(self) -> ModelCard:
        return with_record(
            self.job,
            self.config,
            self.device,
            self.verdict,
            steps=self._grown,
            planned_steps=self.forest.head.features.shape[0],
            best_step=self._grown,
            seconds=round(time.monotonic() - self.begun, 1),
            batch=1,
            pixels=self._sampled,
            learning_rate=RATE,
            interrupted=self.stop.asked,
        )


def _forest_of(job: TrainingJob) -> Forest:
    if not isinstance(job.network, Forest):
        raise TypeError(f"{type(job.network)} is no forest")
    return job.network
