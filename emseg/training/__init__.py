"""From labelled micrographs to a trained model in a run folder."""

from emseg.training.fit import TrainedRun, train
from emseg.training.progress import Progress

__all__ = ["Progress", "TrainedRun", "train"]
