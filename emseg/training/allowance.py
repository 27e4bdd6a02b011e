"""What of a run given minutes each part may take, on this machine as it is now.

A run is its steps, a validation now and then, and at the end one more validation, the measuring
of the halo and a few pictures. None of the latter stands in proportion to the minutes: 48
micrographs are a moment for one machine and an hour for another. So a crop is predicted before
the first step, and what would take too much is made smaller, and told (docs/decisions/0033)::

    |read| try |  steps   V   steps   V   steps  |V|halo|pictures|
    0                                                        minutes
"""

import logging
import math
import time
from dataclasses import dataclass

import torch

from emseg.config import TrainConfig
from emseg.inference.classifier import crop_starts
from emseg.training.holding_out import LabelledPlane
from emseg.training.images import LabelledMicrograph, Shown
from emseg.training.jobs import TrainingJob
from emseg.training.schedule import EPOCH

VALIDATING = 0.06  # share of the time that all validations may take
_LEAST = 0.5  # of the minutes are left to train in, however long the reading took
_VALIDATING = 0.08  # of the time for one validation
_HALO = 0.04  # of the time to measure the halo, by which the largest image is predicted three times
_PICTURES = 0.04
_DRAWING_S = 0.7  # for the pictures of a micrograph, of three million pixels on a slow core
_THUMBNAIL_S = 0.1  # for the picture of a classified micrograph, on a slow core
_STEP = 0.2  # of the time for one step; fewer than five steps teach nothing
_ENOUGH = 100  # steps: with fewer, more of them win over more crops in each (docs/decisions/0037)
_FINDING = 0.4  # of the time for a range test
_AS_MANY = 4  # times as long as predicting a crop takes learning from it: forwards, backwards, step
_FEWEST_CROPS = 2  # of a step; batch normalisation needs two
_HALO_SIDE = 1024  # pixels of the part on which the halo is measured where time does not matter
_SURE_S = 1.0  # a crop that takes longer is not tried a second time
_log = logging.getLogger(__name__)


def time_left(minutes: float, spent: float) -> float:
    """Seconds to train in: what reading left, and half of all at least."""
    return max(60 * minutes - spent, _LEAST * 60 * minutes)


def validated_every(crops: float, config: TrainConfig) -> int:
    """Say after how many epochs a run without a clock validates: the same on every machine.

    Parameters
    ----------
    crops : float
        That a validation predicts.
    config : TrainConfig
        Its batch and accumulation; learning from a crop takes several times as long as predicting
        it.
    """
    epoch = _AS_MANY * EPOCH * config.batch * config.accumulate
    return max(1, math.ceil(crops / (VALIDATING * epoch)))


@dataclass(frozen=True, slots=True)
class Allowance:
    """What fits into the time of a run.

    Parameters
    ----------
    seconds : float
        Of the whole run, without reading.
    crop_seconds : float
        What predicting one crop takes.
    crop : int
        Side of a crop in pixels.
    """

    seconds: float
    crop_seconds: float
    crop: int

    @property
    def validation(self) -> float:
        """Crops that one validation may look at."""
        return max(1.0, self._crops(_VALIDATING))

    @property
    def halo_side(self) -> int:
        """Side in pixels of the part of a micrograph on which the halo is measured."""
        return int(min(_HALO_SIDE, self.crop * (self._crops(_HALO) / 3) ** 0.5))

    @property
    def halo_seconds(self) -> float:
        """What measuring the halo there takes."""
        return 3 * (self.halo_side / self.crop) ** 2 * self.crop_seconds

    def pictures(self, planes: Shown) -> Shown:
        """Choose the micrographs whose pictures are drawn: the first ones that fit."""
        seconds = 0.0
        for count in range(len(planes)):
            seconds += self._picture_seconds(planes[count])
            if seconds > _PICTURES * self.seconds:
                return planes[:count]
        return planes

    def picture_seconds(self, planes: Shown) -> float:
        """Estimate how long it takes to predict whole micrographs and to draw them."""
        return sum(self._picture_seconds(plane) for plane in planes)

    def _picture_seconds(self, plane: LabelledPlane | LabelledMicrograph) -> float:
        if isinstance(plane, LabelledPlane):
            crops = plane.labels.pixels.size / self.crop**2
            return crops * self.crop_seconds + _DRAWING_S
        down, across = (crop_starts(each, self.crop) for each in plane.micrograph.without_bar.size)
        return len(down) * len(across) * self.crop_seconds + _THUMBNAIL_S

    def rates(self, config: TrainConfig) -> int:
        """How many steps of a range test fit."""
        return int(_FINDING * self.seconds / self._step(config.batch * config.accumulate))

    def fitted(self, config: TrainConfig) -> TrainConfig:
        """Make the steps small enough that five of them fit; what is changed is told."""
        config = self._halved(config)
        crops = config.batch * config.accumulate
        allowed = int(_STEP * self.seconds / self._step(1))
        if crops <= max(allowed, _FEWEST_CROPS):
            return config
        batch = min(config.batch, max(_FEWEST_CROPS, allowed))
        accumulate = max(1, min(config.accumulate, allowed // batch))
        if (batch, accumulate) == (config.batch, config.accumulate):
            return config
        _log.warning(
            "a step of %d crops would take about %.0f s here; each step takes %d (--batch %d), so "
            "that several fit into the time; give more --minutes to learn more",
            crops,
            self._step(crops),
            batch * accumulate,
            batch,
        )
        return config.model_copy(update={"batch": batch, "accumulate": accumulate})

    def _halved(self, config: TrainConfig) -> TrainConfig:
        """Take half the crops a step, where nobody named their number and few steps would fit."""
        steps = self.seconds / self._step(config.batch * config.accumulate)
        if (
            steps >= _ENOUGH
            or config.batch < 2 * _FEWEST_CROPS
            or "batch" in config.model_fields_set
        ):
            return config
        _log.warning(
            "a step takes %d crops, since few steps fit into the time (--batch %d)",
            config.batch // 2,
            config.batch // 2,
        )
        return config.model_copy(update={"batch": config.batch // 2})

    def _crops(self, share: float) -> float:
        return share * self.seconds / self.crop_seconds

    def _step(self, crops: int) -> float:
        """Seconds that a step takes, estimated."""
        return _AS_MANY * crops * self.crop_seconds


def measured_allowance(seconds: float, job: TrainingJob, device: torch.device) -> Allowance:
    """Predict a crop or two with the network of a job, and divide the time by what that takes.

    Parameters
    ----------
    seconds : float
        Of the whole run.
    job : TrainingJob
        Its network stays as it is.
    device : torch.device
        Where it will run.
    """
    network, took = job.network.to(device).eval(), 0.0
    predict = job.judge.prepare(network)
    for _ in range(2):  # the first one takes longer: the library chooses how to compute
        start = time.monotonic()
        predict()
        took = max(1e-6, time.monotonic() - start)
        if took > _SURE_S:
            break
    network.train()
    return Allowance(seconds, took, job.card.crop)
