"""How good a result is: label images and classifiers against the truth."""

from emseg.evaluation.classification import (
    ClassificationReport,
    ClassifiedFile,
    ClassifierScores,
    FileVerdict,
    classification_report,
)
from emseg.evaluation.confusion import Confusion
from emseg.evaluation.segmentation import (
    ClassScores,
    ImageScores,
    SegmentationReport,
    SegmentationScores,
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
    "SegmentationReport",
    "SegmentationScores",
    "classification_report",
    "segmentation_scores",
]
