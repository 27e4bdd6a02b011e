"""The pixels of every file that a microscope wrote are those of a reader that is not ours.

What a file calls y and x decides which way round they are compared. Where nothing but RosettaSciIO
reads a format, which emseg calls too, its arrays are compared with their axes by name.
"""

import csv
import warnings
from pathlib import Path

import h5py
import numpy as np
import pytest

from emseg.errors import ContentError
from emseg.reading import ReadOptions, describe, open_stack

FILES = Path(__file__).parents[3] / "shared" / "data" / "microscope_files"

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not FILES.is_dir(), reason="../shared/data is not here"),
    # RosettaSciIO leaves files open that it fails on
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


def images():
    if not (FILES / "MANIFEST.csv").exists():
        return []
    with (FILES / "MANIFEST.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return [row["file"] for row in rows if row["outcome"] in ("read", "either")]


def of_digital_micrograph(path, signal):
    """Through ncempy, where somebody has installed it beside the rest of what tests need."""
    try:
        from ncempy.io import dm
    except ImportError:
        return of_rosettasciio(path, signal)
    with dm.fileDM(path, on_memory=True) as file:
        return file.getDataset(0)["data"]


def of_ser(path, signal):
    try:
        from ncempy.io import ser
    except ImportError:
        return of_rosettasciio(path, signal)
    beside = path.parent.glob(f"{path.stem}_[0-9].ser") if path.suffix == ".emi" else [path]
    return [ser.serReader(each)["data"] for each in beside]


def of_mrc(path, signal):
    import mrcfile

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # on headers that break the rules
        with mrcfile.open(path, permissive=True) as file:
            return np.array(file.data)


def of_emd(path, signal):
    with h5py.File(path) as file:
        if "Data/Image" in file:
            stored = [np.moveaxis(each["Data"][()], -1, 0) for each in file["Data/Image"].values()]
            return [each for each in stored if each.shape[-2:] == signal.shape[-2:]]
        found = []
        file.visititems(lambda _, each: found.append(each) if _is_ncem(each) else None)
        (group,) = found
        data, names = next(each for each in group.values() if each.ndim > 1)[()], []
        for number in range(data.ndim):
            dimension = group[f"dim{number + 1}"]
            name = dimension.attrs.get("name", "")
            names.append((name.decode() if isinstance(name, bytes) else str(name)).lower())
        letters = [each.removeprefix("r_") for each in names]
        if letters.count("y") == letters.count("x") == 1:
            return np.moveaxis(data, (letters.index("y"), letters.index("x")), (-2, -1))
        return [data, data.T]  # the file does not say which is which


def _is_ncem(node):
    return isinstance(node, h5py.Group) and "emd_group_type" in node.attrs and "dim1" in node


def of_hyperspy(path, signal):
    with h5py.File(path) as file:
        (experiment,) = file["Experiments"].values()
        return experiment["data"][()]


def of_tiff(path, signal):
    import tifffile

    with tifffile.TiffFile(path) as file:
        return [
            each.asarray() if each.keyframe.samplesperpixel == 1 else colours(each.asarray())
            for each in file.series
        ]


def colours(pixels):
    """Colours before rows and columns, without alpha."""
    return np.moveaxis(pixels[..., :3], -1, -3)


def of_picture(path, signal):
    from PIL import Image

    with Image.open(path) as image:
        return colours(np.asarray(image))


def of_rosettasciio(path, signal):
    from importlib import import_module

    from emseg.reading.formats import format_of

    reader = import_module(f"rsciio.{format_of(path).plugin}").file_reader
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return [plain(np.asarray(each["data"])) for each in reader(str(path))]


def plain(data):
    """Red, green and blue of a structured array before rows and columns."""
    names = data.dtype.names
    return data if names is None else np.stack([data[each] for each in names[:3]], axis=-3)


READERS = {
    "dm": of_digital_micrograph,
    "ser": of_ser,
    "mrc": of_mrc,
    "emd": of_emd,
    "hspy": of_hyperspy,
    "tif": of_tiff,
    "other/renishaw_wire.jpg": of_picture,
}


@pytest.mark.parametrize("name", images())
def test_every_image_of_a_file_is_that_of_another_reader(name):
    path = FILES / name
    try:
        usable = [(number, each) for number, each in enumerate(describe(path)) if each.usable]
    except ContentError as error:
        pytest.skip(f"refused: {error}")
    if not usable:
        pytest.skip("refused: it holds no image")
    reader = READERS.get(name) or READERS.get(name.split("/")[0], of_rosettasciio)
    for number, signal in usable:
        stack = open_stack(path, ReadOptions(signal=str(number), keep_bar=True))
        ours = np.stack([each.pixels for each in stack])
        theirs = reader(path, signal)
        candidates = theirs if isinstance(theirs, list) else [theirs]
        assert any(same(ours, each) for each in candidates), (ours.shape, signal)


def same(ours, theirs):
    """Whether values are equal in order, up to axes of length one and equal colours."""
    if ours.size != theirs.size and theirs.ndim > 2 and theirs.shape[-3] == 3:
        theirs = theirs[..., :1, :, :]  # colours that are all the same are one channel
    if theirs.dtype.names:  # complex numbers of Velox
        return False
    squeezed = theirs.squeeze()
    return ours.squeeze().shape == squeezed.shape and np.array_equal(
        ours.squeeze(), squeezed, equal_nan=ours.dtype.kind == "f"
    )
