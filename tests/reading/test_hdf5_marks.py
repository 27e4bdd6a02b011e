"""EMD and NeXus: the vectors beside an array say what its axes are, whatever their order."""

import h5py
import numpy as np
import pytest

from emseg.errors import ContentError
from emseg.reading import ReadOptions, describe, open_stack

VOLUME = np.random.default_rng(0).random((3, 48, 80), dtype=np.float32)
STEPS = {"z": 7.0, "y": 2.5, "x": 1.5}


def stored(order):
    """``VOLUME`` with its axes in another order, or one plane of it."""
    kept = VOLUME if "z" in order else VOLUME[0]
    given = "zyx"[-len(order) :]
    return kept.transpose([given.index(name) for name in order])


def emd(path, order, *, version=(0, 2), names=str, units="[n_m]", wrap=str, short=False):
    """Write an EMD file of NCEM, or of version 1.0 as py4DSTEM has it."""
    with h5py.File(path, "w") as file:
        file.attrs.update({"version_major": version[0], "version_minor": version[1]})
        group = file.create_group("data/img")
        group.attrs["emd_group_type"] = "array" if version[0] else 1
        group["data"] = stored(order)
        for at, name in enumerate(order):
            size = 2 if short else group["data"].shape[at]
            dim = group.create_dataset(f"dim{at + (version[0] == 0)}",
                                       data=np.arange(size) * STEPS[name])  # fmt: skip
            dim.attrs.update({"name": wrap(names(name)), "units": wrap(units)})
    return path


def check(path, planes, steps=None):
    stack, said = open_stack(path), steps or STEPS
    assert (len(stack), stack.size) == (planes, (48, 80))
    np.testing.assert_array_equal([each.pixels[0] for each in stack], VOLUME[:planes])
    size = stack.pixel_size
    assert (size.y_nm, size.x_nm) == pytest.approx((said["y"], said["x"]))
    if planes > 1:
        assert size.z_nm == pytest.approx(said["z"])
    return size.source


@pytest.mark.parametrize("order", ["yx", "xy", "zyx", "xyz", "yxz", "xzy"])
@pytest.mark.parametrize("version", [(0, 1), (0, 2), (1, 0)])
def test_the_names_of_emd_say_which_axis_is_which(tmp_path, order, version):
    path = emd(tmp_path / "a.emd", order, version=version, short=version[0] == 1)
    assert check(path, len(VOLUME) if "z" in order else 1) == "the EMD axes"
    assert check(f"{path}:/data/img/data", len(VOLUME) if "z" in order else 1) == "the EMD axes"


@pytest.mark.parametrize("names", [str.upper, "{}_axis".format, "scan_{}".format])
@pytest.mark.parametrize("wrap", [str.encode, lambda text: np.array([text.encode()])])
def test_other_spellings_in_emd(tmp_path, names, wrap):
    check(emd(tmp_path / "a.emd", "xyz", names=names, wrap=wrap), 3)


@pytest.mark.parametrize(
    ("units", "nm"),
    [("n_m", 1), ("[u_m]", 1e3), ("micron", 1e3), ("Å", 0.1), ("A", 0.1), ("[p_m]", 1e-3)],
)
def test_units_of_emd(tmp_path, units, nm):
    path = emd(tmp_path / "a.emd", "yx", units=units)
    check(path, 1, {name: step * nm for name, step in STEPS.items()})


@pytest.mark.parametrize("units", ["pix", "[1/n_m]", "[n_m^-1]", "A^-1", "", "unknown"])
def test_units_of_emd_that_are_no_lengths(tmp_path, units):
    stack = open_stack(emd(tmp_path / "a.emd", "xy", units=units))
    assert stack.pixel_size is None
    np.testing.assert_array_equal(stack[0].pixels[0], VOLUME[0])


def test_a_logarithmic_axis_has_no_pixel_size_and_is_named(tmp_path, caplog):
    path = emd(tmp_path / "a.emd", "yx")
    with h5py.File(path, "a") as file:
        file["data/img/dim2"][...] = np.geomspace(1, 1000, 80)
    assert open_stack(path).pixel_size is None
    assert "img: samples along x are not evenly spaced" in caplog.text


def test_py4dstem_lays_its_labelled_images_along_the_last_axis(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        group = file.create_group("root/virtual")
        group.attrs["emd_group_type"] = "array"
        group["data"] = VOLUME.transpose(1, 2, 0)
        for at, name in enumerate(("Rx", "Ry")):
            group[f"dim{at}"] = [0.0, 2.0]
            group[f"dim{at}"].attrs.update({"name": name, "units": "A"})
        group["dim2"] = [b"bright", b"dark", b"ring"]
        group["dim2"].attrs["name"] = "_labels_"
    check(tmp_path / "a.h5", 3, {"y": 0.2, "x": 0.2, "z": None})


def test_a_4d_stem_cube_of_emd_is_refused(tmp_path):
    with h5py.File(tmp_path / "a.emd", "w") as file:
        group = file.create_group("datacube_root/datacube")
        group.attrs["emd_group_type"] = "array"
        group["data"] = np.zeros((4, 5, 16, 18), np.float32)
        for at, name in enumerate(("Rx", "Ry", "Qx", "Qy")):
            group[f"dim{at}"] = [0.0, 2.0]
            group[f"dim{at}"].attrs.update({"name": name, "units": "A^-1" if at > 1 else "A"})
    for path in (tmp_path / "a.emd", f"{tmp_path}/a.emd:/datacube_root/datacube/data"):
        with pytest.raises(ContentError, match="a diffraction pattern at each of 4 x 5 points"):
            open_stack(path)


def test_a_cube_of_py4dstem_is_refused_without_names_and_units_too(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        group = file.create_group("root/cube")
        group.attrs.update({"emd_group_type": "array", "python_class": "DataCube"})
        group["data"] = np.zeros((4, 5, 16, 18), np.float32)
    with pytest.raises(ContentError, match="a diffraction pattern at each of 4 x 5 points"):
        open_stack(tmp_path / "a.h5")


@pytest.mark.parametrize("names", [("z", "y", "x"), ("", "", "")])
def test_what_hyperspy_writes_as_emd_comes_back(tmp_path, names):
    from rsciio.emd import file_writer

    axes = [
        {"name": name, "size": size, "scale": step, "offset": 0.0, "units": "nm", "navigate": False}
        for name, size, step in zip(names, VOLUME.shape, STEPS.values(), strict=True)
    ]
    metadata = {"General": {"title": "a"}, "Signal": {}}
    said = {"data": VOLUME, "axes": axes, "metadata": metadata, "original_metadata": {}}
    file_writer(str(tmp_path / "a.emd"), said)
    check(tmp_path / "a.emd", 3)


def test_spectra_of_emd_whose_columns_are_stored_first(tmp_path):
    counts = np.random.default_rng(1).integers(0, 9, (12, 14, 40)).astype(np.uint16)
    with h5py.File(tmp_path / "a.emd", "w") as file:
        group = file.create_group("data/map")
        group.attrs["emd_group_type"] = 1
        group["data"] = counts.transpose(2, 1, 0)
        for at, (name, units) in enumerate((("Energy", "[k_e_V]"), ("x", "[n_m]"), ("y", "[n_m]"))):
            group[f"dim{at + 1}"] = np.arange(group["data"].shape[at]) * (0.1, 3.0, 2.0)[at]
            group[f"dim{at + 1}"].attrs.update({"name": name, "units": units})
    with pytest.raises(ContentError, match="a spectrum along Energy at each of 12 x 14 points"):
        open_stack(f"{tmp_path}/a.emd:/data/map/data")
    stack = open_stack(tmp_path / "a.emd", ReadOptions(channels="bins=2"))
    np.testing.assert_array_equal(
        stack[0].pixels, counts.reshape(12, 14, 2, 20).sum(3).transpose(2, 0, 1)
    )
    assert (stack.pixel_size.y_nm, stack.pixel_size.x_nm) == pytest.approx((2, 3))


def nexus(path, order, axes, *, prefix="", units="nm", more=None):
    with h5py.File(path, "w") as file:
        plot = file.create_group("entry/plot")
        plot["counts"] = stored(order)
        plot.attrs.update({"NX_class": "NXdata", "signal": "counts", "axes": axes} | (more or {}))
        for at, name in enumerate(order):
            field = plot.create_dataset(
                prefix + name, data=np.arange(plot["counts"].shape[at], dtype="f4") * STEPS[name]
            )
            field.attrs["units"] = units
    return path


@pytest.mark.parametrize(
    "axes",
    [["x", "y", "z"], np.array([b"x", b"y", b"z"]), "x:y:z", b"x,y,z", "xyz"],
)
def test_the_axes_of_nexus_are_believed(tmp_path, axes):
    assert check(nexus(tmp_path / "a.nxs", "xyz", axes), 3) == "the NeXus axes"
    assert check(f"{tmp_path}/a.nxs:/entry/plot/counts", 3) == "the NeXus axes"


def test_nexus_may_count_its_axes_by_indices(tmp_path):
    more = {"x_indices": 0, "y_indices": np.array([1]), "z_indices": 2}
    check(nexus(tmp_path / "a.nxs", "xyz", ["y", "x", "z"], more=more), 3)


def test_nexus_spells_its_axes_as_it_likes(tmp_path):
    axes = ["sample_y", "sample_x"]
    check(nexus(tmp_path / "a.nxs", "yx", axes, prefix="sample_"), 1)


def test_an_axis_of_nexus_that_is_not_even(tmp_path, caplog):
    path = nexus(tmp_path / "a.nxs", "xyz", ["x", "y", "z"])
    with h5py.File(path, "a") as file:
        file["entry/plot/y"][...] = np.geomspace(1, 100, 48)
    assert open_stack(path).pixel_size is None
    assert "plot: samples along y are not evenly spaced" in caplog.text


def test_two_arrays_whose_names_begin_alike_are_two_signals(tmp_path):
    path = emd(tmp_path / "a.emd", "yx")
    with h5py.File(path, "a") as file:
        file.copy("data/img", "data/img2")
    assert [each.name for each in describe(path)] == ["img", "img2"]


def test_arrays_of_the_same_name_are_told_apart_by_their_path(tmp_path):
    path = emd(tmp_path / "a.emd", "yx")
    with h5py.File(path, "a") as file:
        file.copy("data/img", file.create_group("more"), "img")
        file["more/img/data"][...] = 0
    assert [each.name for each in describe(path)] == ["/data/img", "/more/img"]
    assert open_stack(path, ReadOptions(signal="/more/img"))[0].pixels.max() == 0
