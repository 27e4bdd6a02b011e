"""The page of real micrographs is small enough to send, and shows all of them."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from emseg.calibration import PixelSize
from emseg.evaluation import Compared, MetricSelection
from emseg.evaluation.confidence import UnitSource
from emseg.evaluation.scoring import score
from emseg.micrograph import LabelClass, LabelImage, Micrograph
from emseg.reporting.page import Gallery, Provenance, write_page


def segmentation_report(*given, **how):
    return score(*given, **how).report()


pytestmark = pytest.mark.real

CLASSES = (
    LabelClass("matrix", (0, 114, 178)),
    LabelClass("small precipitate", (230, 159, 0)),
    LabelClass("large precipitate", (0, 158, 115)),
)
SIZE = PixelSize(10, 10, "this test")


def test_a_page_of_superalloy_is_small(real_data: Callable[[str], Path], tmp_path: Path) -> None:
    paths = sorted(real_data("superalloy").glob("*/label/*.png"))
    gallery = Gallery()
    report = segmentation_report(
        [each.name for each in CLASSES],
        map(compared, paths),
        MetricSelection(metrics=("overlap", "quantities"), draws=50),
        observers=[lambda pair, each: gallery.look(pair, each.micrograph)],
    )
    path = tmp_path / "report.html"
    write_page(path, report, gallery, Provenance("superalloy"))
    assert len(gallery.exhibits) == min(30, len(paths))
    assert len(gallery.worst_tiles) == 12
    assert path.stat().st_size < 15e6 * len(paths) / 30


def compared(path: Path) -> Compared:
    """A prediction that is the reference, moved by two pixels."""
    true = np.asarray(Image.open(path))
    grey = np.asarray(Image.open(path.parents[1] / "image" / path.name).convert("L"))
    sides = (np.roll(true, 2, axis=1), true)
    found, reference = (LabelImage(s, CLASSES, path.stem, pixel_size=SIZE) for s in sides)
    micrograph = Micrograph(grey[None], path.stem, pixel_size=SIZE)
    return Compared(UnitSource(path.stem, path), found, reference, micrograph=micrograph)
