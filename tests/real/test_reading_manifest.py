"""Every file of ``../shared/data/microscope_files`` comes out as its manifest says."""

import csv
import gc
from pathlib import Path

import h5py
import numpy as np
import pytest

from emseg.errors import ContentError
from emseg.reading import describe, find_files, list_planes, match_pairs, open_stack

DATA = Path(__file__).parents[3] / "shared" / "data"
FILES = DATA / "microscope_files"

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not FILES.is_dir(), reason="../shared/data is not here"),
]


def manifest():
    if not (FILES / "MANIFEST.csv").exists():
        return []
    with (FILES / "MANIFEST.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture(autouse=True)
def _collect_what_plugins_leave_open():
    """RosettaSciIO leaves files open that it fails on; they are closed here, within the test."""
    yield
    gc.collect()


# the fixture above says why
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("row", manifest(), ids=lambda row: row["file"])
def test_a_file_comes_out_as_the_manifest_says(row, capfd):
    path = FILES / row["file"]
    outcome = row["outcome"]
    if outcome in ("refuse", "error"):
        with pytest.raises(ContentError) as caught:
            open_stack(path)[0]
        assert "\n" not in str(caught.value)
        assert path.name in str(caught.value)
    elif outcome == "read":
        check(row, open_stack(path))
    else:
        try:
            open_stack(path)[0]
        except ContentError as error:
            assert "\n" not in str(error)  # noqa: PT017
    assert capfd.readouterr() == ("", "")


def check(row, stack):
    """Compare what was read with the cells that the manifest fills in."""
    pixels = np.stack([micrograph.pixels for micrograph in stack])
    if row["shape"]:
        shape = tuple(int(size) for size in row["shape"].split("x"))
        assert (len(stack), *stack.size) == (1, *shape)[-3:]
    if row["dtype"]:
        assert str(pixels.dtype) == row["dtype"].removeprefix("rgb(a) of ")
        assert pixels.shape[1] == 3 or not row["dtype"].startswith("rgb") or "equal" in row["note"]
    if row["pixel_y_nm"] == "unknown":
        assert stack.pixel_size is None
    elif row["pixel_y_nm"]:
        size = stack.pixel_size
        expected = (float(row["pixel_y_nm"]), float(row["pixel_x_nm"]))
        assert (size.y_nm, size.x_nm) == pytest.approx(expected, rel=1e-4)
        assert size.source.startswith("the ")


def test_the_values_are_those_of_a_reader_that_loads_everything():
    from rsciio.digitalmicrograph import file_reader

    path = FILES / "dm" / "dmTest_3D_int16_64,65,66.dm3"
    whole = file_reader(str(path))[0]["data"]
    stack = open_stack(path)
    for plane in (0, 33, 65):
        np.testing.assert_array_equal(stack[plane].pixels[0], whole[plane])


def test_a_file_of_ncem_is_read_as_its_axes_say():
    """dim1 is called Y and dim2 X; ncempy reads it in the same order."""
    path = FILES / "emd" / "Acquisition_18.emd"
    with h5py.File(path) as file:
        stored = file["data/single/data"][()]
    for each in (path, f"{path}:/data/single/data"):
        stack = open_stack(each)
        np.testing.assert_array_equal(stack[0].pixels[0], stored)
        assert stack.pixel_size.x_nm == pytest.approx(0.0122465, rel=1e-5)


def test_all_images_of_a_velox_file_are_described():
    signals = describe(FILES / "emd" / "STEM HAADF-DF4-DF2-BF Diffraction Micro.emd")
    assert sorted(signal.name for signal in signals) == ["BF", "DF2", "DF4", "HAADF"]
    assert all(signal.usable for signal in signals)
    assert {signal.pixel_size.source for signal in signals} == {"the Velox metadata"}


def test_the_image_beside_a_spectrum_map_is_taken():
    path = next((DATA / "spectrum_maps").glob("*.bcf"))
    haadf, spectra = describe(path)
    assert (haadf.usable, haadf.is_taken, spectra.usable) == (True, True, False)
    assert "a spectrum along Energy at each of 256 x 256 points" in spectra.reason
    assert open_stack(path).pixel_size.x_nm == pytest.approx(13.08, rel=1e-3)


def test_neuropil_has_its_pixel_size():
    size = open_stack(DATA / "neuropil" / "images" / "00.tif").pixel_size
    assert (size.y_nm, size.x_nm) == pytest.approx((4.6, 4.6))
    assert size.source == "the TIFF resolution tags"


@pytest.mark.parametrize(
    ("images", "masks", "pairs"),
    [
        ("superalloy/train/image", "superalloy/train/label", 10),
        ("membranes/images", "membranes/labels", 30),
        ("neuropil/images", "neuropil/mitochondria", 20),
        ("steel_phases/images", "steel_phases/labels", 24),
    ],
)
def test_the_masks_of_every_set_are_found(images, masks, pairs):
    found = match_pairs(list_planes([DATA / images]), list_planes([DATA / masks]))
    assert len(found.pairs) == pairs
    assert found.images_alone == found.masks_alone == ()
    for pair in found.pairs[:2]:
        assert pair.image.read().size == pair.mask.read().size


def test_slices_of_a_folder_count_as_people_do():
    planes = list_planes([DATA / "membranes" / "images"], slices=slice(9, 12))
    numbers = [int(plane.name) for plane in planes]
    assert numbers == list(range(numbers[0], numbers[0] + 3))


def test_published_pairs_match_by_their_affix():
    files = find_files([DATA / "superalloy" / "original_samples"])
    masks = [path for path in files if "_mask" in path.name]
    found = match_pairs(list_planes(files), list_planes(masks))
    assert [(pair.image.name + "_mask") for pair in found.pairs] == [
        pair.mask.name for pair in found.pairs
    ]
    assert len(found.pairs) == 2
