"""A trained model is exported too, so that it predicts without torch wherever it goes."""

import copy
import logging
import time
from pathlib import Path

import torch
from torch import nn

from emseg.bundle import ModelCard, StoredModel
from emseg.inference.backends import ENTRIES
from emseg.inference.exporting import export_model
from emseg.training.jobs import TrainingJob

_EXPORT_S = 5.0  # for a U-Net with the comparison; 2 to 6 s on a core
_log = logging.getLogger(__name__)


def export_beside(
    folder: Path, card: ModelCard, network: nn.Module, job: TrainingJob, deadline: float | None
) -> None:
    """Write ``model.onnx`` beside a model, where a runtime is installed that computes it.

    Whatever goes wrong is told and costs the run nothing: the model predicts with torch.

    Parameters
    ----------
    folder : Path
        The model, with its weights.
    card : ModelCard
        As it lies there.
    network : nn.Module
        With the same weights; stays as it is, on its device.
    job : TrainingJob
        What it was trained on, a piece of which is compared.
    deadline : float or None
        Of the run, on the monotonic clock; where it is near nothing is exported.
    """
    is_late = deadline is not None and time.monotonic() + _EXPORT_S > deadline
    if is_late or not any(each.is_installed for each in ENTRIES if each.package != "torch"):
        return
    try:
        own = copy.deepcopy(network).to("cpu").eval()
        image = job.dataset[0][0].numpy()
        export_model(StoredModel(folder, card, own), image=image, threads=torch.get_num_threads())
    except Exception as error:  # a model is there; what is beside it must not take it away
        _log.warning("no model.onnx is written: %s", error)
