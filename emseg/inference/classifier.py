"""Micrographs to class probabilities, by crops at native sampling."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from emseg.bundle import Model
from emseg.config import Rescale
from emseg.inference.answers import logits_of, require_numbers
from emseg.inference.channels import fit_channels
from emseg.inference.folded import folded
from emseg.inference.pixel_size import PixelSizeGuard
from emseg.inference.polarity import PolarityCheck
from emseg.inference.segmenter import Report, mirror_pad, silent
from emseg.intensity import measure, normalise
from emseg.micrograph import Micrograph

_MOST = 5  # crops along an axis; more change the mean of a large micrograph little
_BATCH = 8


@dataclass(frozen=True, slots=True)
class Classification:
    """What was predicted for one plane.

    Parameters
    ----------
    title : str
        Name of the micrograph, with its plane.
    names : tuple of str
        Class names in card order.
    probabilities : array of float64, shape (K,)
        Mean over the crops; they sum to 1.
    """

    title: str
    names: tuple[str, ...]
    probabilities: NDArray[np.float64]

    def ranked(self) -> list[tuple[str, float]]:
        """Classes with their probabilities, the most probable first."""
        order = np.argsort(-self.probabilities, kind="stable")
        return [(self.names[index], float(self.probabilities[index])) for index in order]


def crop_starts(length: int, crop: int) -> list[int]:
    """Where crops start along one axis: evenly spread from end to end, at most five.

    Up to five crops long, the axis is covered; of a longer one, gaps are left out::

        length 10, crop 4      0 1 2 3 . . . . . .
                               . . . 3 4 5 6 . . .
                               . . . . . . 6 7 8 9
    """
    if length <= crop:
        return [0]
    count = min(_MOST, -(-length // crop))
    return [int(start) for start in np.rint(np.linspace(0, length - crop, count))]


class Classifier:
    """A classification model on a device.

    Parameters
    ----------
    model : Model
        Its card says the crop that it was trained at; a micrograph is never squashed to it.
    device : torch.device
        Where the network runs.
    rescale : Rescale
        Whether micrographs at another pixel size than the card's are brought to it.
    """

    def __init__(
        self, model: Model, device: torch.device, *, rescale: Rescale = Rescale.AUTO
    ) -> None:
        self._guard = PixelSizeGuard(model.card.pixel_size, rescale)
        self._polarity = PolarityCheck(model.card)
        self.card, self.device = model.card, device
        self.network = folded(model, device)

    def classify(self, micrograph: Micrograph, *, report: Report = silent) -> Classification:
        """Predict one plane: the mean of the probabilities of crops spread over it.

        Parameters
        ----------
        micrograph : Micrograph
            Any dtype; channels as the card says.
        report : callable
            Told after some crops how many are done, and of how many; what it raises ends the work.

        Raises
        ------
        MismatchError
            When the channels do not fit the model, or the pixel size is too far from its own.
        ModelError
            When the network does not take the size, or answers what is no number.
        """
        micrograph = fit_channels(micrograph.without_bar, self.card.in_channels)
        micrograph = self._guard.fit(micrograph)
        crops = np.stack(self._crops(micrograph))
        answers = []
        with torch.inference_mode():
            for start in range(0, len(crops), _BATCH):
                batch = torch.from_numpy(crops[start : start + _BATCH])
                batch = batch.to(self.device, memory_format=torch.channels_last)
                logits = logits_of(self.network, batch, micrograph)
                require_numbers(logits, micrograph)
                answers.append(torch.softmax(logits.cpu().double(), dim=1).numpy())
                report(min(start + _BATCH, len(crops)), len(crops))
        names = tuple(each.name for each in self.card.classes)
        return Classification(micrograph.title, names, np.concatenate(answers).mean(axis=0))

    def _crops(self, micrograph: Micrograph) -> list[NDArray[np.float32]]:
        statistics, crop = measure(micrograph), self.card.crop
        self._polarity.look(micrograph, statistics)
        height, width = micrograph.size
        cuts = [
            micrograph.pixels[:, y : y + crop, x : x + crop]
            for y in crop_starts(height, crop)
            for x in crop_starts(width, crop)
        ]
        values = [normalise(cut, statistics, self.card.intensity) for cut in cuts]
        return [mirror_pad(v, crop - v.shape[1], crop - v.shape[2]) for v in values]
