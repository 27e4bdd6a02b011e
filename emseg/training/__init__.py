"""From labelled micrographs to a trained model in a run folder."""

from emseg.training.contest import resume_both, train_both
from emseg.training.fit import TrainedRun, resume, train
from emseg.training.progress import Progress
from emseg.training.state import require_state
