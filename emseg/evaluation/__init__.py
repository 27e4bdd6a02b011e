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
from emseg.evaluation.label_images import score_label_images
from emseg.evaluation.meaning import MaskRule
from emseg.evaluation.metric import ComparedPair
from emseg.evaluation.report import ImageNumbers, SegmentationReport
from emseg.evaluation.scoring import Compared, Scoring
from emseg.evaluation.segmentation import segmentation_scores
