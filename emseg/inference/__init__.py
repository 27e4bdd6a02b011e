"""The prediction engine: micrographs in, label images or class probabilities out."""

from emseg.inference.batch import Batch, FileOutcome
from emseg.inference.classifier import Classification, Classifier
from emseg.inference.device import choose_device, device_name
from emseg.inference.halo import measure_halo
from emseg.inference.segmenter import Segmentation, Segmenter
from emseg.inference.threads import share_processor

__all__ = [
    "Batch",
    "Classification",
    "Classifier",
    "FileOutcome",
    "Segmentation",
    "Segmenter",
    "choose_device",
    "device_name",
    "measure_halo",
    "share_processor",
]
