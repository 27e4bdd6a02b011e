"""Real files that were cut short or damaged: one line, whatever the library says."""

import gc
import random
from pathlib import Path

import pytest

from emseg.errors import ContentError
from emseg.reading import describe, open_stack

FILES = Path(__file__).parents[3] / "shared" / "data" / "microscope_files"
NAMES = (
    "bcf/Hitachi_TM3030Plus.bcf",
    "dm/test_STEM_image.dm3",
    "dm/JEOL HAADF Image.dm4",
    "emd/example_image.emd",
    "hspy/example2_v2.2.hspy",
    "mrc/HAADFscan.mrc",
    "mrc/emd_3197.map.gz",
    "ser/16x16_STEM_BF_DF_acquire_1.ser",
    "other/renishaw_wire.jpg",
    "tif/FEI-Helios-Ebeam-8bits.tif",
    "tif/test_tiff_Zeiss_SEM_512pix.tif",
)
pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not FILES.is_dir(), reason="../shared/data is not here"),
    # RosettaSciIO leaves files open that it fails on
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture(autouse=True)
def _collect_what_plugins_leave_open():
    yield
    gc.collect()


@pytest.mark.parametrize("percent", [0, 10, 50, 90])
@pytest.mark.parametrize("name", NAMES)
def test_a_file_that_was_cut_short_is_refused_in_one_line(tmp_path, capfd, name, percent):
    path = tmp_path / Path(name).name
    stored = (FILES / name).read_bytes()
    path.write_bytes(stored[: len(stored) * percent // 100])
    with pytest.raises(ContentError) as caught:
        open_stack(path)[0]
    assert path.name in str(caught.value)
    assert "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("name", NAMES)
def test_flipped_bytes_end_in_an_image_or_in_one_line(tmp_path, name, seed):
    path, chance = tmp_path / Path(name).name, random.Random(seed)
    stored = bytearray((FILES / name).read_bytes())
    for _ in range(10):
        stored[chance.randrange(min(len(stored), 4096))] = chance.randrange(256)
    path.write_bytes(stored)
    for look in (describe, lambda path: open_stack(path)[0]):
        try:
            assert look(path)
        except ContentError as error:
            assert "\n" not in str(error)  # noqa: PT017
