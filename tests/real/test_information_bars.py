"""Bars of real microscopes are found, and no real specimen is taken for one."""

from pathlib import Path

import pytest

from emseg.micrograph import Region
from emseg.reading import open_stack
from emseg.reading.pictures.picture_bar import rows_of_specimen

DATA = Path(__file__).parents[3] / "shared" / "data"
TIFFS = DATA / "microscope_files" / "tif"

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not TIFFS.is_dir(), reason="../shared/data is not here"),
]


@pytest.mark.parametrize(
    ("name", "region"),
    [
        ("FEI-Helios-Ebeam-16bits.tif", Region(0, 442, 0, 512, "the FEI tags")),
        ("FEI-Helios-Ebeam-8bits.tif", Region(0, 442, 0, 512, "the FEI tags")),
        (
            "FEI-Helios-navcam-with-no-IRBeam-bad-floats.tif",
            Region(0, 512, 0, 768, "the FEI tags"),
        ),
        ("test_tiff_Zeiss_SEM_512pix.tif", Region(0, 350, 0, 512, "the picture")),
        ("45kx_SE_15kV-etched_0.tif", None),
        ("olympus_SIS.tif", None),
    ],
)
def test_the_bar_of_a_microscope_is_found(name, region):
    assert open_stack(TIFFS / name)[0].specimen == region


@pytest.mark.parametrize(
    ("folder", "least"),
    [
        ("membranes", 60),
        ("neuropil", 80),
        ("superalloy", 36),
        ("steel_phases", 48),
        ("steel_classes", 240),
    ],
)
def test_no_micrograph_and_no_mask_loses_a_row(folder, least):
    """By eye none of them has a bar; the fewest files are those of the folder's README."""
    found = (DATA / folder).rglob("*")
    files = sorted(path for path in found if path.suffix in (".png", ".tif", ".jpg"))
    assert len(files) >= least
    assert [path.name for path in files if rows_of_specimen(open_stack(path)[0].pixels)] == []
