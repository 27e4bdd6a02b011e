"""How good a result is: label images, classifiers and models against the truth.

`emseg.evaluation.models` evaluates models; it is imported by itself because it needs torch.
"""

from emseg.evaluation.choice import USUAL, MetricSelection
from emseg.evaluation.classification import (
    ClassificationReport,
    ClassifiedFile,
    classification_report,
)
from emseg.evaluation.confusion import Confusion
from emseg.evaluation.label_images import evaluate_label_images, score_label_images
from emseg.evaluation.meaning import MaskRule
from emseg.evaluation.metric import ComparedPair
from emseg.evaluation.report import ImageNumbers, SegmentationReport
from emseg.evaluation.scoring import Compared, Scoring, segmentation_report
from emseg.evaluation.segmentation import segmentation_scores
