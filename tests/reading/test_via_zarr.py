"""Zarr stores of several makers open as stacks with their calibration."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr

from emseg.errors import ContentError, PathMissingError, UnreadableFileError
from emseg.reading import ReadOptions, describe, find_files, open_stack

PIXELS = np.random.default_rng(0).integers(0, 999, (2, 3, 40, 50)).astype(np.uint16)
BLOSC = {"cname": "lz4", "clevel": 5, "shuffle": "shuffle", "typesize": 2, "blocksize": 0}
UNITS = {"c": None, "z": "micrometer", "y": "nanometer", "x": "angstrom"}


def multiscales(path: str = "0", *, shared: list[float] | None = None) -> dict[str, Any]:
    """What OME-Zarr 0.4 and 0.5 say about ``PIXELS``: planes 0.05 µm apart, 4 x 50 Å."""
    kinds = {"c": "channel"}
    axes = [
        {"name": name, "type": kinds.get(name, "space")} | ({"unit": unit} if unit else {})
        for name, unit in UNITS.items()
    ]
    scale = {"type": "scale", "scale": [1.0, 0.05, 4.0, 50.0]}
    said = {"axes": axes, "datasets": [{"path": path, "coordinateTransformations": [scale]}]}
    if shared:
        said["coordinateTransformations"] = [{"type": "scale", "scale": shared}]
    return said


def ome_zarr(path: Path, version: str, **said: Any) -> Path:
    group = zarr.open_group(path, mode="w", zarr_format=3 if version == "0.5" else 2)
    chunks = {"chunks": (1, 1, 8, 8)} | ({"shards": (1, 1, 16, 16)} if version == "0.5" else {})
    group.create_array("0", shape=PIXELS.shape, dtype=PIXELS.dtype, **chunks)[...] = PIXELS
    group.create_array("1", shape=(2, 3, 20, 25), dtype=PIXELS.dtype)
    labels = group.create_group("labels/cells")
    labels.create_array("0", shape=(400, 500), dtype="u1")
    channels = [{"label": "HAADF", "color": "FFFFFF"}, {"label": "BF", "color": "FF0000"}]
    attributes = {"multiscales": [multiscales(**said)], "omero": {"channels": channels}}
    group.attrs.update({"ome": attributes | {"version": "0.5"}} if version == "0.5" else attributes)
    return path


@pytest.mark.parametrize("version", ["0.4", "0.5"])
@pytest.mark.parametrize("shared", [None, [1.0, 2.0, 2.0, 2.0]])
def test_ome_zarr_is_read_at_full_size(
    tmp_path: Path, version: str, shared: list[float] | None
) -> None:
    stack = open_stack(ome_zarr(tmp_path / "a b.ome.zarr", version, shared=shared))
    assert (stack.name, len(stack), stack.channels) == ("a b", 3, ("HAADF", "BF"))
    size = stack.pixel_size
    factor = 2.0 if shared else 1.0
    assert size is not None
    assert (size.y_nm, size.x_nm) == pytest.approx((4.0 * factor, 5.0 * factor))
    assert size.z_nm == pytest.approx(50.0 * factor)
    assert size.source == "the OME-Zarr metadata"
    for index, plane in enumerate(stack):
        np.testing.assert_array_equal(plane.pixels, PIXELS[:, index])
    (only,) = describe(tmp_path / "a b.ome.zarr")
    assert [axis.name for axis in only.axes] == ["c", "z", "y", "x"]


@pytest.mark.parametrize("inside", [None, "a.ome.zarr"])
def test_a_zip_file_is_a_store(tmp_path: Path, inside: str | None) -> None:
    store = ome_zarr(tmp_path / "a.ome.zarr", "0.4")
    root = tmp_path if inside else store
    shutil.make_archive(str(tmp_path / "zipped.ome.zarr"), "zip", root, inside)
    stack = open_stack(tmp_path / "zipped.ome.zarr.zip")
    assert stack.name == "zipped"
    np.testing.assert_array_equal(stack[2].pixels, PIXELS[:, 2])


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize("dtype", ["bool", "int8", ">u2", "<f2", "float64", "uint64"])
def test_a_plain_array_is_an_image(tmp_path: Path, version: int, dtype: str) -> None:
    pixels = PIXELS[0].astype(dtype)
    array = zarr.create_array(tmp_path / "a.zarr", data=pixels, zarr_format=version)
    assert array.shape == (3, 40, 50)
    stack = open_stack(tmp_path / "a.zarr")
    assert (len(stack), stack.pixel_size) == (3, None)
    np.testing.assert_array_equal(stack[1].pixels[0], pixels[1])


def test_names_of_dimensions_are_believed(tmp_path: Path) -> None:
    zarr.create_array(tmp_path / "a.zarr", data=PIXELS[0], dimension_names=("channel", "Y", "x"))
    stack = open_stack(tmp_path / "a.zarr")
    assert (len(stack), stack[0].pixels.shape) == (1, (3, 40, 50))
    zarr.create_array(tmp_path / "b.zarr", data=PIXELS[0], zarr_format=2).attrs[
        "_ARRAY_DIMENSIONS"
    ] = ["y", "x", "c"]
    assert open_stack(tmp_path / "b.zarr")[0].pixels.shape == (50, 3, 40)


def test_several_plain_arrays_are_named_by_their_path(tmp_path: Path) -> None:
    group = zarr.open_group(tmp_path / "a.zarr", mode="w")
    group.create_array("raw", data=PIXELS[0, 0])
    group.create_array("more/mask", data=PIXELS[1, 0])
    with pytest.raises(ContentError, match=r"holds 2 images.*/raw.*'a.zarr:/"):
        open_stack(tmp_path / "a.zarr")
    named = open_stack(Path(f"{tmp_path}/a.zarr:/more"))
    np.testing.assert_array_equal(named[0].pixels[0], PIXELS[1, 0])
    assert describe(Path(f"{tmp_path}/a.zarr:/more"))[0].dtype == str(PIXELS.dtype)
    chosen = open_stack(tmp_path / "a.zarr", ReadOptions(signal="/raw"))
    np.testing.assert_array_equal(chosen[0].pixels[0], PIXELS[0, 0])
    with pytest.raises(ContentError, match="holds nothing at /nothing"):
        open_stack(Path(f"{tmp_path}/a.zarr:/nothing"))


def test_the_images_of_bioformats2raw_are_signals(tmp_path: Path) -> None:
    root = zarr.open_group(tmp_path / "a.zarr", mode="w", zarr_format=2)
    root.attrs["bioformats2raw.layout"] = 3
    for series in (0, 1):
        ome_zarr(tmp_path / "a.zarr" / str(series), "0.4")
    (tmp_path / "a.zarr" / "OME").mkdir()
    (tmp_path / "a.zarr" / "OME" / "METADATA.ome.xml").write_text("<OME/>")
    signals = describe(tmp_path / "a.zarr")
    assert [each.shape for each in signals] == [PIXELS.shape] * 2
    assert [each.is_taken for each in signals] == [True, False]


@pytest.mark.parametrize("axes", [None, ["c", "z", "y", "x"]])
def test_older_versions_say_no_scale(tmp_path: Path, axes: list[str] | None) -> None:
    path = ome_zarr(tmp_path / "a.zarr", "0.4")
    said: dict[str, Any] = {"datasets": [{"path": "0"}], "version": "0.3" if axes else "0.1"}
    zarr.open_group(path).attrs["multiscales"] = [said | ({"axes": axes} if axes else {})]
    stack = open_stack(path)
    assert (len(stack), stack.pixel_size, stack[0].pixels.shape) == (3, None, (2, 40, 50))


def test_a_plate_is_refused_and_its_images_are_not(tmp_path: Path) -> None:
    root = zarr.open_group(tmp_path / "a.zarr", mode="w", zarr_format=2)
    root.attrs["plate"] = {"rows": [{"name": "A"}]}
    ome_zarr(tmp_path / "a.zarr" / "A" / "1" / "0", "0.4")
    with pytest.raises(ContentError, match="plate"):
        open_stack(tmp_path / "a.zarr")
    assert len(open_stack(Path(f"{tmp_path}/a.zarr:/A/1/0"))) == 3


def test_a_store_is_one_file_of_a_folder(tmp_path: Path) -> None:
    ome_zarr(tmp_path / "b.ome.zarr", "0.4")
    ome_zarr(tmp_path / "a.zarr", "0.5")
    assert [each.name for each in find_files([tmp_path])] == ["a.zarr", "b.ome.zarr"]


def test_what_is_no_store_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "empty.zarr").mkdir()
    with pytest.raises(UnreadableFileError, match="is no Zarr store"):
        open_stack(tmp_path / "empty.zarr")
    with pytest.raises(PathMissingError):
        open_stack(tmp_path / "none.zarr")
    (tmp_path / "cut.zarr.zip").write_bytes(b"PK\3\4")
    with pytest.raises(UnreadableFileError, match="zip"):
        open_stack(tmp_path / "cut.zarr.zip")
    zarr.open_group(tmp_path / "bare.zarr", mode="w")
    with pytest.raises(ContentError):
        open_stack(tmp_path / "bare.zarr")
    path = ome_zarr(tmp_path / "lost.zarr", "0.4")
    shutil.rmtree(path / "0")
    with pytest.raises(UnreadableFileError):
        open_stack(path)


@pytest.mark.parametrize("version", [2, 3])
def test_blosc_is_read(tmp_path: Path, version: int) -> None:
    codec = {2: {"id": "blosc", "cname": "zstd"}, 3: {"name": "blosc", "configuration": BLOSC}}
    zarr.create_array(
        tmp_path / "a.zarr",
        data=PIXELS[0, 0],
        zarr_format=version,
        compressors=codec[version],
        chunks=(16, 16),
    )
    np.testing.assert_array_equal(open_stack(tmp_path / "a.zarr")[0].pixels[0], PIXELS[0, 0])


@pytest.mark.parametrize("codec", ["blosc", "zstd", "zlib"])
def test_a_chunk_that_is_cut_short_is_noticed(tmp_path: Path, codec: str) -> None:
    compressor = {"id": codec} | ({"cname": "lz4", "shuffle": 1} if codec == "blosc" else {})
    zarr.create_array(
        tmp_path / "a.zarr", data=PIXELS[0, 0], zarr_format=2, compressors=compressor, chunks=(8, 8)
    )
    chunk = tmp_path / "a.zarr" / "0.0"
    chunk.write_bytes(chunk.read_bytes()[:-20])
    stack = open_stack(tmp_path / "a.zarr")
    with pytest.raises(UnreadableFileError):
        stack[0]


_LOOK = """
import sys
from pathlib import Path
from emseg.reading import describe, open_stack
(signal,) = describe(Path(sys.argv[1]))
assert signal.shape == (100_000, 100_000), signal
open_stack(Path(sys.argv[1]))
"""


def test_ten_gigabytes_are_described_without_reading_them(tmp_path: Path, peak_memory) -> None:
    group = zarr.open_group(tmp_path / "a.ome.zarr", mode="w", zarr_format=2)
    array = group.create_array("0", shape=(100_000, 100_000), chunks=(512, 512), dtype="u1")
    array[:512, :512] = 7
    axes = [{"name": name, "type": "space", "unit": "nanometer"} for name in "yx"]
    scale = [{"type": "scale", "scale": [4.0, 4.0]}]
    datasets = [{"path": "0", "coordinateTransformations": scale}]
    group.attrs["multiscales"] = [{"axes": axes, "datasets": datasets}]
    peak, _ = peak_memory("-c", _LOOK, tmp_path / "a.ome.zarr")
    assert peak < 300e6


def test_a_forked_process_reads_on(tmp_path: Path) -> None:
    stack = open_stack(ome_zarr(tmp_path / "a.zarr", "0.4"))
    first = stack[0].pixels  # the store is open now, and zarr-python's own thread runs
    child = os.fork()
    if child == 0:
        os._exit(0 if np.array_equal(stack[0].pixels, first) else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_metadata_of_other_programs_may_be_odd(tmp_path: Path) -> None:
    path = ome_zarr(tmp_path / "a.zarr", "0.4")
    said = json.loads((path / ".zattrs").read_text())
    said |= {"omero": {"channels": [None]}, "emseg": {"namespace": "emseg/micrograph/1"}}
    (path / ".zattrs").write_text(json.dumps(said))
    assert open_stack(path).channels == ()


def placed(transformations: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    """What OME-Zarr 0.6 says about an array of (x, y), in coordinate systems."""
    axes = [{"name": name, "type": "space", "unit": "nanometer"} for name in "xy"]
    systems = [{"name": "physical", "axes": axes}]
    datasets = [{"path": "0", "coordinateTransformations": transformations}]
    return {"coordinateSystems": systems, "datasets": datasets} | more


@pytest.mark.parametrize(
    "step",
    [
        {"type": "scale", "scale": [1.5, 2.5]},
        {"type": "affine", "affine": [[1.5, 0, 9], [0, 2.5, 9]]},
        {"type": "sequence", "transformations": [{"type": "scale", "scale": [3, 5]},
                                                 {"type": "scale", "scale": [0.5, 0.5]},
                                                 {"type": "translation", "translation": [9, 9]}]},
    ],
)  # fmt: skip
def test_coordinate_systems_give_axes_and_lengths(tmp_path: Path, step: dict[str, Any]) -> None:
    group = zarr.open_group(tmp_path / "a.zarr", mode="w", zarr_format=3)
    group.create_array("0", data=PIXELS[0, 0].T)
    said = placed([step | {"input": "0", "output": "physical"}])
    group.attrs["ome"] = {"version": "0.6", "multiscales": [said]}
    stack = open_stack(tmp_path / "a.zarr")
    np.testing.assert_array_equal(stack[0].pixels[0], PIXELS[0, 0])
    size = stack.pixel_size
    assert size is not None
    assert (size.y_nm, size.x_nm) == pytest.approx((2.5, 1.5))


def test_a_system_without_units_leads_to_one_that_has_them(tmp_path: Path) -> None:
    group = zarr.open_group(tmp_path / "a.zarr", mode="w", zarr_format=3)
    group.create_array("0", data=PIXELS[0, 0].T)
    bare = {"name": "pixels", "axes": [{"name": name, "type": "space"} for name in "xy"]}
    step = {"type": "scale", "scale": [1.5, 2.5], "input": "pixels", "output": "physical"}
    said = placed([{"type": "identity", "input": "0", "output": {"name": "pixels"}}],
                  coordinateTransformations=[step])  # fmt: skip
    said["coordinateSystems"].append(bare)
    group.attrs["ome"] = {"version": "0.6", "multiscales": [said]}
    size = open_stack(tmp_path / "a.zarr").pixel_size
    assert size is not None
    assert (size.y_nm, size.x_nm) == pytest.approx((2.5, 1.5))


def test_a_rotation_gives_no_lengths_and_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    group = zarr.open_group(tmp_path / "a.zarr", mode="w", zarr_format=3)
    group.create_array("0", data=PIXELS[0, 0])
    turn = {"type": "rotation", "rotation": [[0, 1], [1, 0]], "output": "physical"}
    group.attrs["ome"] = {"version": "0.6", "multiscales": [placed([turn])]}
    assert open_stack(tmp_path / "a.zarr").pixel_size is None
    assert "by a transformation that emseg does not read (rotation)" in caplog.text


@pytest.mark.parametrize("is_even", [True, False])
@pytest.mark.parametrize("inside", ["", ":/picture"])
def test_coordinates_of_xarray_are_lengths(
    tmp_path: Path, is_even: bool, inside: str, caplog: pytest.LogCaptureFixture
) -> None:
    group = zarr.open_group(tmp_path / "a.zarr", mode="w", zarr_format=2)
    columns = np.arange(50) * 1.5 if is_even else np.geomspace(1, 1000, 50)
    for name, values, dimensions in (
        ("picture", PIXELS[0, 0].T, ["x", "y"]),
        ("x", columns, ["x"]),
        ("y", np.arange(40) * 2.5, ["y"]),
    ):
        array = group.create_array(name, data=values)
        array.attrs.update({"_ARRAY_DIMENSIONS": dimensions, "units": "nm"})
    stack = open_stack(Path(f"{tmp_path}/a.zarr{inside}"))
    np.testing.assert_array_equal(stack[0].pixels[0], PIXELS[0, 0])
    size = stack.pixel_size
    assert (size is not None) == is_even
    assert ("picture: samples along x are not evenly spaced" in caplog.text) != is_even
    if size is not None:
        assert (size.y_nm, size.x_nm) == pytest.approx((2.5, 1.5))


@pytest.mark.parametrize("names", [("X_axis", "Y_axis"), ("width", "height"), ("col", "row")])
def test_dimensions_are_named_in_many_ways(tmp_path: Path, names: tuple[str, str]) -> None:
    zarr.create_array(tmp_path / "a.zarr", data=PIXELS[0, 0].T, dimension_names=names)
    np.testing.assert_array_equal(open_stack(tmp_path / "a.zarr")[0].pixels[0], PIXELS[0, 0])


def test_a_scan_of_patterns_is_no_image(tmp_path: Path) -> None:
    names = ("scan_y", "scan_x", "detector_y", "detector_x")
    zarr.create_array(tmp_path / "a.zarr", data=PIXELS, dimension_names=names)
    with pytest.raises(ContentError, match="a diffraction pattern at each of 2 x 3 points"):
        open_stack(tmp_path / "a.zarr")
