"""From labelled micrographs to a trained model in a run folder."""

from emseg.training.fit import TrainedRun, resume, train
from emseg.training.progress import Progress
from emseg.training.state import require_state

__all__ = ["Progress", "TrainedRun", "require_state", "resume", "train"]
