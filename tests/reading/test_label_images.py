"""What emseg writes, emseg reads back: exactly."""

from pathlib import Path

import numpy as np
import pytest
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from emseg.calibration import PixelSize
from emseg.errors import PathMissingError, UnreadableFileError
from emseg.micrograph import LabelClass, LabelImage, unlabelled_value
from emseg.naming import fault_of
from emseg.reading.stacks.label_images import read_label_images
from emseg.writing import write_label_images

CLASSES = (LabelClass("matrix", (0, 114, 178), (0,)), LabelClass("particle", (230, 159, 0), (1,)))

lengths = st.floats(1e-6, 1e9, allow_nan=False)
texts = st.text(st.characters(exclude_categories=()), max_size=20)  # surrogates and controls too
names = texts.filter(lambda text: fault_of(text) is None)
colours = st.tuples(*[st.integers(0, 255)] * 3)
pixel_sizes = st.none() | st.builds(PixelSize, lengths, lengths, texts, st.none() | lengths)


@st.composite
def stacks(draw: st.DrawFn) -> tuple[LabelImage, ...]:
    count = draw(st.integers(1, 4) | st.sampled_from([254, 255, 300]))
    values = st.lists(st.integers(-(2**31), 2**32), max_size=3).map(tuple)
    first = draw(st.builds(LabelClass, names, colours, values))
    classes = (first, *(LabelClass(f"class {k}", (k % 256, 9, 0), (k,)) for k in range(1, count)))
    unlabelled = unlabelled_value(count)
    dtype = np.uint8 if unlabelled == 255 else np.uint16
    shape = draw(arrays.array_shapes(min_dims=2, max_dims=2, max_side=40))
    elements = st.integers(0, count - 1) | st.just(unlabelled)
    planes = draw(st.lists(st.none() | st.integers(0, 10**6), min_size=1, max_size=3))
    name, pixel_size = draw(texts), draw(pixel_sizes)
    pixels = [draw(arrays.arrays(dtype, shape, elements=elements)) for _ in planes]
    return tuple(
        LabelImage(each, classes, name, plane, pixel_size)
        for each, plane in zip(pixels, planes, strict=True)
    )


@given(stacks())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_round_trip_changes_nothing(
    tmp_path_factory: pytest.TempPathFactory, written: tuple[LabelImage, ...]
) -> None:
    path = tmp_path_factory.mktemp("trip") / "a.ome.tif"
    write_label_images(path, written)
    found = read_label_images(path)
    assert found is not None
    assert len(found) == len(written)
    for before, after in zip(written, found, strict=True):
        assert after.pixels.dtype == before.pixels.dtype
        np.testing.assert_array_equal(after.pixels, before.pixels)
        assert (after.classes, after.name) == (before.classes, before.name)
        assert (after.plane, after.pixel_size) == (before.plane, before.pixel_size)


@pytest.fixture
def written(tmp_path: Path) -> Path:
    path = tmp_path / "a.ome.tif"
    pixels = np.random.default_rng(0).integers(0, 2, (600, 700)).astype(np.uint8)
    write_label_images(path, [LabelImage(pixels, CLASSES, "a")] * 2)
    return path


def test_files_of_other_programs_are_none(tmp_path: Path) -> None:
    (tmp_path / "text.tif").write_text("this is no TIFF")
    (tmp_path / "empty.tif").touch()
    tifffile.imwrite(tmp_path / "plain.tif", np.zeros((4, 4), np.uint8))
    tifffile.imwrite(
        tmp_path / "other.ome.tif", np.zeros((4, 4), np.uint8), metadata={"axes": "YX"}
    )
    for path in tmp_path.iterdir():
        assert read_label_images(path) is None


def test_probabilities_are_no_label_image(tmp_path: Path, write_probabilities) -> None:
    write_probabilities(tmp_path / "p.ome.tif", [np.zeros((2, 4, 4), np.float32)], CLASSES, None)
    assert read_label_images(tmp_path / "p.ome.tif") is None


def test_a_path_without_a_file_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "none.ome.tif", tmp_path):
        with pytest.raises(PathMissingError, match="no file"):
            read_label_images(path)


def test_damaged_pixels_are_refused(written: Path) -> None:
    with tifffile.TiffFile(written) as tiff:
        start, length = tiff.pages.first.dataoffsets[0], tiff.pages.first.databytecounts[0]
    content = bytearray(written.read_bytes())
    content[start : start + length] = bytes(length)
    written.write_bytes(content)
    with pytest.raises(UnreadableFileError, match=r"a\.ome\.tif is a damaged label image"):
        read_label_images(written)


def test_a_truncated_file_is_never_half_read(written: Path) -> None:
    whole, content = read_label_images(written), written.read_bytes()
    assert whole is not None
    for kept in range(0, len(content), len(content) // 25):
        written.write_bytes(content[:kept])
        try:
            found = read_label_images(written)
        except UnreadableFileError:
            continue
        assert found is None


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b'K="classes">[', b'K="classes">{'),  # no JSON
        (b'K="unlabelled"', b'K="unlabelleX"'),
        (b'K="planes">[null, null]', b'K="planes">[      null]'),
        (b"</OME>", b"<!OME>"),
    ],
)
def test_a_damaged_description_is_refused(written: Path, before: bytes, after: bytes) -> None:
    content = written.read_bytes()
    assert content.count(before) == 1
    written.write_bytes(content.replace(before, after))
    with pytest.raises(UnreadableFileError, match="predict it again"):
        read_label_images(written)


def test_a_value_that_is_no_class_is_refused(tmp_path: Path) -> None:
    pixels = np.full((4, 4), 2, np.uint8)
    write_label_images(tmp_path / "a.ome.tif", [LabelImage(pixels, CLASSES, "a")])
    with pytest.raises(UnreadableFileError, match="the value 2 is none of its 2 classes"):
        read_label_images(tmp_path / "a.ome.tif")


def test_class_names_that_cannot_be_shown_are_refused(written: Path) -> None:
    content = written.read_bytes()
    assert b"matrix" in content
    written.write_bytes(content.replace(b"matrix", b"ma\\nrx"))
    with pytest.raises(UnreadableFileError, match=r"class name .* holds characters that cannot"):
        read_label_images(written)
