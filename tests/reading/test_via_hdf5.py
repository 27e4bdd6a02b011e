"""HDF5: which dataset is meant, what its axes are, and how large its pixels."""

import json

import h5py
import numpy as np
import pytest

from emseg.errors import ContentError, PathMissingError, UnreadableFileError
from emseg.reading import ReadOptions, describe, find_files, list_planes, match_pairs, open_stack

VOLUME = np.random.default_rng(0).integers(0, 256, (5, 32, 40), dtype=np.uint8)


@pytest.fixture
def volume(tmp_path):
    """Raw data and labels in one file, as the CREMI challenge stores them."""
    path = tmp_path / "my volume.h5"
    with h5py.File(path, "w") as file:
        raw = file.create_dataset("volumes/raw", data=VOLUME, chunks=(1, 32, 40))
        raw.attrs["resolution"] = [40.0, 4.0, 5.0]
        file.create_dataset("volumes/labels/ids", data=(VOLUME > 99).astype(np.uint64))
        file["volumes/scores"] = np.arange(5.0)
    return path


def test_a_dataset_is_named_by_its_path(volume):
    stack = open_stack(f"{volume}:/volumes/raw")
    assert (len(stack), stack.size, stack.name) == (5, (32, 40), "my volume")
    np.testing.assert_array_equal(stack[3].pixels[0], VOLUME[3])
    size = stack.pixel_size
    assert (size.z_nm, size.y_nm, size.x_nm) == (40, 4, 5)
    assert size.source == "the resolution attribute, taken as nm"


def test_a_dataset_is_named_as_a_signal(volume):
    stack = open_stack(volume, ReadOptions(signal="/volumes/raw"))
    np.testing.assert_array_equal(stack[0].pixels[0], VOLUME[0])


def test_of_several_images_none_is_taken_unasked(volume):
    with pytest.raises(ContentError, match="holds 2 images") as caught:
        open_stack(volume)
    assert "/volumes/labels/ids, /volumes/raw" in str(caught.value)
    assert "'my volume.h5:/volumes/labels/ids'" in str(caught.value)
    described = describe(volume)
    assert [each.name for each in described] == ["/volumes/labels/ids", "/volumes/raw"]
    assert not any(each.is_taken for each in described)


def test_a_mistyped_path_is_corrected(volume):
    with pytest.raises(ContentError, match="did you mean '/volumes/raw'"):
        open_stack(f"{volume}:/volumes/rww")


def test_a_file_that_is_not_there_is_named_without_the_path_inside(tmp_path):
    with pytest.raises(PathMissingError, match=r"there is no .*gone\.h5; the folder"):
        open_stack(tmp_path / "gone.h5:" / "raw")


def test_a_glob_of_files_takes_the_same_dataset_of_each(volume, tmp_path):
    (tmp_path / "b.h5").write_bytes(volume.read_bytes())
    planes = list_planes([f"{tmp_path}/*.h5:/volumes/raw"])
    assert [plane.title for plane in planes[::5]] == ["b[0]", "my volume[0]"]


def test_images_and_masks_of_one_file_belong_together(volume):
    images, masks = (list_planes([f"{volume}:/volumes/{name}"]) for name in ("raw", "labels"))
    pairs = match_pairs(images, masks).pairs
    assert [(pair.image.index, pair.mask.index) for pair in pairs] == [(n, n) for n in range(5)]
    np.testing.assert_array_equal(pairs[2].mask.read().pixels[0], VOLUME[2] > 99)


def test_datasets_of_one_file_are_found_once_each(volume):
    found = find_files([f"{volume}:/volumes/raw", f"{volume}:volumes/raw", f"{volume}:/volumes"])
    assert [str(each) for each in found] == [f"{volume}:/volumes", f"{volume}:/volumes/raw"]


def test_a_file_whose_own_name_holds_a_colon(tmp_path):
    path = tmp_path / "a.h5:b.npy"
    np.save(path, VOLUME[0])
    np.testing.assert_array_equal(open_stack(path)[0].pixels[0], VOLUME[0])


def test_the_only_image_is_taken_and_said(tmp_path, caplog):
    with h5py.File(tmp_path / "a.hdf5", "w") as file:
        file["image"] = VOLUME[0]
        file["calibration"] = np.ones((3, 3))
    assert open_stack(tmp_path / "a.hdf5")[0].pixels.shape == (1, 32, 40)
    assert [each.getMessage() for each in caplog.records] == [
        f"{tmp_path}/a.hdf5 holds one image among 2 datasets, /image, which is taken"
    ]


def test_axes_and_pixel_size_of_ilastik(tmp_path):
    pixels = np.random.default_rng(1).random((2, 6, 8, 3), dtype=np.float32)
    with h5py.File(tmp_path / "a_Probabilities.h5", "w") as file:
        exported = file.create_dataset("exported_data", data=pixels)
        exported.attrs["axistags"] = json.dumps({"axes": [{"key": key} for key in "zyxc"]})
        exported.attrs["element_size_um"] = [0.05, 0.004, 0.0046]
    stack = open_stack(tmp_path / "a_Probabilities.h5")
    assert (len(stack), stack.size) == (2, (6, 8))
    np.testing.assert_array_equal(stack[1].pixels, pixels[1].transpose(2, 0, 1))
    size = stack.pixel_size
    assert (size.z_nm, size.y_nm, size.x_nm) == pytest.approx((50, 4, 4.6))
    assert size.source == "the element_size_um attribute"


def test_dimension_scales_name_and_calibrate_axes(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        image = file.create_dataset("image", data=VOLUME[:, :, 0].T)  # stored x first
        for at, (name, step) in enumerate((("x", 0.5), ("y", 2.0))):
            scale = file.create_dataset(f"{name}_positions", data=np.arange(image.shape[at]) * step)
            scale.attrs["units"] = "Å"
            scale.make_scale(name)
            image.dims[at].attach_scale(scale)
            image.dims[at].label = name
    stack = open_stack(f"{tmp_path}/a.h5:/image")
    np.testing.assert_array_equal(stack[0].pixels[0], VOLUME[:, :, 0])
    assert (stack.pixel_size.y_nm, stack.pixel_size.x_nm) == pytest.approx((0.2, 0.05))


@pytest.mark.parametrize("units", ["1/nm", "px", ""])
def test_what_is_no_length_is_no_pixel_size(tmp_path, units):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        image = file.create_dataset("image", data=VOLUME[0])
        image.attrs.update({"resolution": [4.0, 4.0], "units": units})
    assert open_stack(tmp_path / "a.h5").pixel_size is None


def test_colours_that_are_fields_of_the_values(tmp_path):
    pixels = np.zeros((20, 30), dtype=[("r", "u1"), ("g", "u1"), ("b", "u1")])
    pixels["g"] = 7
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["picture"] = pixels
    micrograph = open_stack(tmp_path / "a.h5")[0]
    assert micrograph.channels == ("red", "green", "blue")
    assert micrograph.pixels[:, 3, 4].tolist() == [0, 7, 0]


@pytest.mark.parametrize(
    "values", [np.ones((20, 30), dtype=complex), np.array([["a"] * 30] * 20, dtype="S1")]
)
def test_values_that_are_no_intensities_are_refused(tmp_path, values):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["image"] = values
    with pytest.raises(ContentError, match="holds no image: its values"):
        open_stack(tmp_path / "a.h5")


def test_a_file_that_lost_its_end_says_so(volume):
    stored = volume.read_bytes()
    volume.write_bytes(stored[: len(stored) // 2])
    with pytest.raises(UnreadableFileError, match="is cut short: it was written with"):
        open_stack(f"{volume}:/volumes/raw")


def test_a_stack_is_read_plane_by_plane(tmp_path):
    import tracemalloc

    with h5py.File(tmp_path / "a.h5", "w") as file:  # 4 GB that are a hole
        file.create_dataset("image", (1000, 2048, 2048), "u1", chunks=(1, 2048, 2048))
    stack = open_stack(tmp_path / "a.h5")
    tracemalloc.start()
    assert stack[999].pixels.shape == (1, 2048, 2048)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 5 * 2048 * 2048


@pytest.mark.parametrize(
    "axes",
    [
        "xyz", b"xyz", np.array([b"x", b"y", b"z"]), ["x", "y", "z"], '["x", "y", "z"]',
        '[{"name": "x"}, {"name": "y"}, {"name": "z"}]',
    ],
)  # fmt: skip
@pytest.mark.parametrize("name", ["axes", "AXES", "axis_order", "dims", "DIMENSION_LABELS"])
def test_an_attribute_names_the_axes_as_text_or_bytes(tmp_path, axes, name):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        image = file.create_dataset("d", data=VOLUME.T)
        image.attrs.update({name: axes, "element_size_um": [0.002, 0.003, 0.007]})
    stack = open_stack(tmp_path / "a.h5")
    np.testing.assert_array_equal([each.pixels[0] for each in stack], VOLUME)
    size = stack.pixel_size
    assert (size.x_nm, size.y_nm, size.z_nm) == pytest.approx((2, 3, 7))


@pytest.mark.parametrize("said", [np.arange(2), 3.0, b"x", h5py.Empty("f"), np.eye(2)])
def test_attributes_that_are_malformed_count_as_none(tmp_path, said):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        image = file.create_dataset("d", data=VOLUME[0])
        for name in ("axes", "DIMENSION_LIST", "DIMENSION_LABELS", "axistags", "element_size_um"):
            image.attrs[name] = said
    np.testing.assert_array_equal(open_stack(tmp_path / "a.h5")[0].pixels[0], VOLUME[0])


@pytest.mark.parametrize("labelled", [True, False])
def test_scales_without_labels_name_the_axes_as_netcdf_does(tmp_path, labelled):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        image = file.create_dataset("image", data=VOLUME[0].T)
        for at, (name, step) in enumerate((("x", 0.5), ("y", 2.0))):
            file[name] = np.arange(image.shape[at]) * step
            file[name].attrs["units"] = "nm"
            file[name].make_scale(name)
            image.dims[at].attach_scale(file[name])
            image.dims[at].label = name if labelled else ""
    stack = open_stack(f"{tmp_path}/a.h5:/image")
    np.testing.assert_array_equal(stack[0].pixels[0], VOLUME[0])
    assert (stack.pixel_size.y_nm, stack.pixel_size.x_nm) == pytest.approx((2.0, 0.5))


def test_a_map_of_spectra_is_known_by_its_unit(tmp_path):
    counts = np.random.default_rng(1).integers(0, 9, (12, 14, 40)).astype(np.uint16)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        image = file.create_dataset("map", data=counts)
        for at, (name, units) in enumerate((("y", "nm"), ("x", "nm"), ("E", "keV"))):
            file[name] = np.arange(counts.shape[at]) * 0.5
            file[name].attrs["units"] = units
            file[name].make_scale(name)
            image.dims[at].attach_scale(file[name])
    with pytest.raises(ContentError, match="a spectrum along E at each of 12 x 14 points"):
        open_stack(tmp_path / "a.h5")
    stack = open_stack(tmp_path / "a.h5", ReadOptions(channels="bins=2"))
    sums = counts.reshape(12, 14, 2, 20).sum(3).transpose(2, 0, 1)
    np.testing.assert_array_equal(stack[0].pixels, sums)


def test_the_mean_of_a_logarithmic_scale_is_no_pixel_size(tmp_path, caplog):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        image = file.create_dataset("d", data=VOLUME[0])
        for at, (name, places) in enumerate(
            (("y", np.arange(32) * 3e-3), ("x", np.geomspace(1, 1000, 40)))
        ):
            file[name] = places
            file[name].attrs["units"] = "um"
            file[name].make_scale(name)
            image.dims[at].attach_scale(file[name])
    assert open_stack(tmp_path / "a.h5").pixel_size is None
    assert "/d: samples along x are not evenly spaced, so no pixel size" in caplog.text
