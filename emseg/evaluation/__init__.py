"""How good a result is: label images, classifiers and models against the truth.

`emseg.evaluation.models` evaluates models; it is imported by itself because it needs torch.
"""

from emseg.evaluation.classification import (
    ClassificationReport,
    ClassifiedFile,
    ClassifierScores,
    FileVerdict,
    classification_report,
)
from emseg.evaluation.confusion import Confusion
from emseg.evaluation.label_images import evaluate_label_images
from emseg.evaluation.matching import Match
from emseg.evaluation.meaning import MaskRule
from emseg.evaluation.segmentation import (
    ClassScores,
    ImageScores,
    SegmentationReport,
    SegmentationScores,
    segmentation_report,
    segmentation_scores,
)

__all__ = [
    "ClassScores",
    "ClassificationReport",
    "ClassifiedFile",
    "ClassifierScores",
    "Confusion",
    "FileVerdict",
    "ImageScores",
    "MaskRule",
    "Match",
    "SegmentationReport",
    "SegmentationScores",
    "classification_report",
    "evaluate_label_images",
    "segmentation_report",
    "segmentation_scores",
]
