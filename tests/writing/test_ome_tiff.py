"""Label images and probabilities open, calibrated, in the programs that microscopists use."""

import hashlib
import json
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
import tifffile
from PIL import Image

from emseg.calibration import PixelSize
from emseg.errors import MismatchError
from emseg.micrograph import LabelClass, LabelImage
from emseg.writing import write_label_images

OME = {"ome": "http://www.openmicroscopy.org/Schemas/OME/2016-06"}
CLASSES = (
    LabelClass("matrix", (0, 114, 178), (0,)),
    LabelClass("γ′ <large> & \x01", (230, 159, 0), (1, 255)),
)
SIZE = PixelSize(1.92, 3.84, "the Gatan tags", z_nm=50.0)


def label_image(plane: int | None = None, shape: tuple[int, int] = (70, 50), **said: Any) -> Any:
    pixels = np.random.default_rng(plane or 0).integers(0, 2, shape).astype(np.uint8)
    pixels[0, 0] = 255
    said = {"classes": CLASSES, "name": "grid 3 é", "pixel_size": SIZE} | said
    return LabelImage(pixels, plane=plane, **said)


def annotation(path: Path) -> dict[str, Any]:
    """The JSON values of the map annotation that the image of a file points at."""
    with tifffile.TiffFile(path) as tiff:
        root = ElementTree.fromstring(tiff.pages.first.tags["ImageDescription"].value.encode())
    images = root.findall("ome:Image", OME)
    assert len(images) == 1
    reference = images[0].find("ome:AnnotationRef", OME)
    assert reference is not None
    found = root.find(
        f"ome:StructuredAnnotations/ome:MapAnnotation[@ID='{reference.get('ID')}']", OME
    )
    assert found is not None
    return {
        str(pair.get("K")): json.loads(pair.text or "")
        for pair in found.iterfind("ome:Value/ome:M", OME)
    }


def pixels_element(path: Path) -> dict[str, str]:
    with tifffile.TiffFile(path) as tiff:
        assert tiff.is_ome
        root = ElementTree.fromstring(tiff.pages.first.tags["ImageDescription"].value.encode())
    found = root.find("ome:Image/ome:Pixels", OME)
    assert found is not None
    return dict(found.attrib)


def test_tifffile_sees_a_calibrated_plane(tmp_path: Path) -> None:
    path, labels = tmp_path / "a b.ome.tif", label_image()
    write_label_images(path, [labels])
    with tifffile.TiffFile(path) as tiff:
        assert [series.axes for series in tiff.series] == ["YX"]
        assert tiff.pages.first.compression == tifffile.COMPRESSION.ADOBE_DEFLATE
        assert tiff.pages.first.is_tiled
        np.testing.assert_array_equal(tiff.asarray(), labels.pixels)
        assert tiff.pages.first.get_resolution("CENTIMETER") == pytest.approx(
            (1e7 / 3.84, 1e7 / 1.92)
        )
    said = pixels_element(path)
    assert [float(said[f"PhysicalSize{axis}"]) for axis in "XYZ"] == [3.84, 1.92, 50.0]
    assert {said[f"PhysicalSize{axis}Unit"] for axis in "XYZ"} == {"nm"}
    assert said["Type"] == "uint8"


def test_the_image_points_at_its_classes(tmp_path: Path) -> None:
    path = tmp_path / "a.ome.tif"
    write_label_images(path, [label_image(4), label_image(7)])
    assert annotation(path) == {
        "name": "grid 3 é",
        "planes": [4, 7],
        "classes": [
            {"name": "matrix", "colour": [0, 114, 178], "values": [0]},
            {"name": "γ′ <large> & \x01", "colour": [230, 159, 0], "values": [1, 255]},
        ],
        "unlabelled": 255,
        "pixel_size": {"y_nm": 1.92, "x_nm": 3.84, "source": "the Gatan tags", "z_nm": 50.0},
        "specimen": None,
    }


def test_rosettasciio_sees_the_same_calibration(tmp_path: Path) -> None:
    from rsciio.tiff import file_reader

    path, planes = tmp_path / "a.ome.tif", [label_image(k) for k in range(3)]
    write_label_images(path, planes)
    (signal,) = file_reader(str(path))
    np.testing.assert_array_equal(signal["data"], [plane.pixels for plane in planes])
    axes = [(axis["name"], axis["scale"], axis["units"]) for axis in signal["axes"]]
    assert axes == [("depth", 50.0, "nm"), ("height", 1.92, "nm"), ("width", 3.84, "nm")]


def test_hyperspy_opens_it_with_the_same_calibration(tmp_path: Path) -> None:
    import hyperspy.api as hs

    path, planes = tmp_path / "a.ome.tif", [label_image(k) for k in range(3)]
    write_label_images(path, planes)
    signal = hs.load(str(path))
    np.testing.assert_array_equal(signal.data, [plane.pixels for plane in planes])
    axes = signal.axes_manager
    assert [(axes[n].scale, axes[n].units) for n in ("depth", "height", "width")] == [
        (50.0, "nm"),
        (1.92, "nm"),
        (3.84, "nm"),
    ]


def test_pillow_sees_class_indices_in_class_colours(tmp_path: Path) -> None:
    path, labels = tmp_path / "a.ome.tif", label_image()
    write_label_images(path, [labels])
    with Image.open(path) as picture:
        np.testing.assert_array_equal(np.asarray(picture), labels.pixels)
        coloured = np.asarray(picture.convert("RGB"))
    for index, each in enumerate(CLASSES):
        assert set(map(tuple, coloured[labels.pixels == index].tolist())) == {each.colour}


def test_an_unknown_pixel_size_is_left_out_and_never_one(tmp_path: Path) -> None:
    path = tmp_path / "a.ome.tif"
    write_label_images(path, [label_image(pixel_size=None)])
    assert not [key for key in pixels_element(path) if key.startswith("PhysicalSize")]
    assert annotation(path)["pixel_size"] is None
    with tifffile.TiffFile(path) as tiff:
        tags = {tag.code for tag in tiff.pages.first.tags}
        assert tiff.pages.first.get_resolution() == (1, 1)
    assert not tags & set(range(65003, 65012))


@pytest.mark.parametrize("size", [1e-4, 1e14])
def test_a_pixel_size_beyond_the_resolution_tag_is_in_the_xml(tmp_path: Path, size: float) -> None:
    path = tmp_path / "a.ome.tif"
    write_label_images(path, [label_image(pixel_size=PixelSize(size, size, "the user"))])
    assert float(pixels_element(path)["PhysicalSizeX"]) == size


@pytest.mark.parametrize(
    ("classes", "dtype", "unlabelled"),
    [(254, "uint8", 255), (255, "uint16", 65535), (300, "uint16", 65535)],
)
def test_the_smallest_type_that_holds_the_classes(
    tmp_path: Path, classes: int, dtype: str, unlabelled: int
) -> None:
    path = tmp_path / "a.ome.tif"
    named = tuple(LabelClass(str(k), (k % 256, 0, 0)) for k in range(classes))
    pixels = np.array([[0, classes - 1, unlabelled]], np.uint16)
    write_label_images(path, [LabelImage(pixels, named, "a")])
    written = tifffile.imread(path)
    assert written.dtype == dtype
    np.testing.assert_array_equal(written, pixels)
    assert annotation(path)["unlabelled"] == unlabelled


@pytest.mark.parametrize("shape", [(1, 1), (1, 900), (900, 1), (512, 513), (16, 1025)])
def test_any_shape(tmp_path: Path, shape: tuple[int, int]) -> None:
    path, labels = tmp_path / "a.ome.tif", label_image(shape=shape)
    write_label_images(path, [labels])
    np.testing.assert_array_equal(tifffile.imread(path).reshape(shape), labels.pixels)


def test_the_same_labels_give_the_same_bytes_and_others_do_not(tmp_path: Path) -> None:
    digests = []
    for name, plane in (("a", 1), ("b", 1), ("c", 2)):
        write_label_images(tmp_path / name, [label_image(plane)])
        digests.append(hashlib.sha256((tmp_path / name).read_bytes()).hexdigest())
    assert digests[0] == digests[1] != digests[2]


def test_planes_are_taken_one_at_a_time(tmp_path: Path) -> None:
    shape, count = (1000, 1000), 30
    path = tmp_path / "a.ome.tif"
    write_label_images(path, [label_image()])  # imports what is needed

    def planes() -> Iterator[LabelImage]:
        for k in range(count):
            yield LabelImage(np.full(shape, k % 2, np.uint8), CLASSES, "a", k)

    tracemalloc.start()
    write_label_images(path, planes(), count=count)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 * shape[0] * shape[1]
    assert tifffile.imread(path).shape == (count, *shape)


def test_an_iterator_of_unknown_length(tmp_path: Path) -> None:
    write_label_images(tmp_path / "a.ome.tif", (label_image(k) for k in range(3)))
    assert annotation(tmp_path / "a.ome.tif")["planes"] == [0, 1, 2]


@pytest.mark.parametrize(
    ("second", "what"),
    [
        ({"shape": (70, 51)}, "51"),
        ({"name": "other"}, "name"),
        ({"classes": CLASSES[:1]}, "classes"),
        ({"pixel_size": None}, "pixel size"),
    ],
)
def test_planes_that_differ_are_refused(tmp_path: Path, second: dict[str, Any], what: str) -> None:
    with pytest.raises(MismatchError, match=what):
        write_label_images(tmp_path / "a.ome.tif", [label_image(0), label_image(1, **second)])
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("count", [2, 4])
def test_a_stack_of_another_length_than_announced_is_refused(tmp_path: Path, count: int) -> None:
    with pytest.raises(MismatchError, match=f"3 planes came where {count} were announced"):
        write_label_images(tmp_path / "a", (label_image(k) for k in range(3)), count=count)
    assert not list(tmp_path.iterdir())


def test_no_plane_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MismatchError, match="no plane"):
        write_label_images(tmp_path / "a.ome.tif", [])
    assert not list(tmp_path.iterdir())


def test_a_reader_that_fails_halfway_leaves_no_file(tmp_path: Path) -> None:
    def planes() -> Iterator[LabelImage]:
        yield label_image(0)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_label_images(tmp_path / "a.ome.tif", planes(), count=2)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("depth", "axes", "shape"), [(1, "CYX", (2, 30, 40)), (3, "ZCYX", (3, 2, 30, 40))]
)
def test_probabilities_keep_every_bit_and_name_their_channels(
    tmp_path: Path, depth: int, axes: str, shape: tuple[int, ...], write_probabilities
) -> None:
    path = tmp_path / "grid.ome.tif"
    planes = np.random.default_rng(0).random((depth, 2, 30, 40), dtype=np.float32)
    write_probabilities(path, planes, CLASSES, SIZE, count=depth)
    with tifffile.TiffFile(path) as tiff:
        assert tiff.series[0].axes == axes
        assert tiff.series[0].shape == shape
        root = ElementTree.fromstring(tiff.pages.first.tags["ImageDescription"].value.encode())
        np.testing.assert_array_equal(tiff.asarray().reshape(planes.shape), planes)
    names = [channel.get("Name") for channel in root.iterfind(".//ome:Channel", OME)]
    assert names == ["matrix", "γ′ <large> & \N{REPLACEMENT CHARACTER}"]
    said = pixels_element(path)
    assert (said["Type"], said["PhysicalSizeY"], said["PhysicalSizeX"]) == ("float", "1.92", "3.84")
    image = root.find("ome:Image", OME)
    assert image is not None
    assert image.get("Name") == "grid"


@pytest.mark.parametrize("shape", [(3, 30, 40), (2, 30, 41), (30, 40)])
def test_probabilities_of_another_shape_are_refused(
    tmp_path: Path, shape: tuple[int, ...], write_probabilities
) -> None:
    planes = [np.zeros((2, 30, 40), np.float32), np.zeros(shape, np.float32)]
    with pytest.raises(MismatchError, match="same channels and size"):
        write_probabilities(tmp_path / "p.ome.tif", planes, CLASSES, None, count=2)
    assert not list(tmp_path.iterdir())


def test_a_stack_beyond_two_gigabytes_becomes_a_big_tiff(tmp_path: Path) -> None:
    path = tmp_path / "p.ome.tif"
    with pytest.raises(MismatchError):
        write_label_images(path, iter([label_image()]), count=10**6)

    def planes() -> Iterator[LabelImage]:
        yield label_image()

    write_label_images(path, planes())  # may be of any length
    with tifffile.TiffFile(path) as tiff:
        assert tiff.is_bigtiff
    write_label_images(path, [label_image()])
    with tifffile.TiffFile(path) as tiff:
        assert not tiff.is_bigtiff
