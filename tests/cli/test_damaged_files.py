"""Damaged files of every kind: done or refused in one line, whatever the libraries say."""

import gzip

import h5py
import numpy as np
import pytest
import tifffile
from PIL import Image

from benchmarks.fuzzing.mutations import mutated

PIXELS = np.random.default_rng(0).integers(0, 255, (48, 64)).astype(np.uint8)
MODEL = "tests/models/superalloy"

# what libraries warn of, and leave open, when they fail on a damaged file
pytestmark = [
    pytest.mark.filterwarnings("ignore"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


def tiff(path):
    tifffile.imwrite(path, PIXELS, compression="zlib", resolution=(1e7, 1e7))


def ome(path):
    stack = np.stack([PIXELS] * 3)
    tifffile.imwrite(path, stack, ome=True, metadata={"axes": "ZYX", "PhysicalSizeX": 2.0})


def picture(path):
    Image.fromarray(PIXELS).save(path)


def numpy_archive(path):
    np.savez_compressed(path, image=PIXELS)


def hdf5(path):
    with h5py.File(path, "w") as file:
        data = file.create_dataset("image", data=np.stack([PIXELS] * 2), chunks=(1, 24, 32))
        data.attrs["element_size_um"] = (1.0, 0.5, 0.5)


def ncem(path):
    with h5py.File(path, "w") as file:
        file.attrs.update(version_major=0, version_minor=2)
        group = file.create_group("data/image")
        group.attrs["emd_group_type"] = 1
        group["data"] = PIXELS.astype(np.float32)
        for number, (name, length) in enumerate(zip("yx", PIXELS.shape, strict=True), start=1):
            group[f"dim{number}"] = np.arange(length) * 2.0
            group[f"dim{number}"].attrs.update(name=name, units="[n_m]")


def mrc(path):
    import mrcfile

    with mrcfile.new(path) as file:
        file.set_data(PIXELS.astype(np.int16))
        file.voxel_size = 12.0


def packed(path):
    inside = path.with_name("inside.tif")
    tiff(inside)
    path.write_bytes(gzip.compress(inside.read_bytes()))


def hspy(path):
    from emseg.reading import ReadOptions
    from emseg.writing.conversion import convert_file

    inside = path.with_name("inside.tif")
    tiff(inside)
    convert_file(inside, path, ReadOptions())


MADE = {
    "a.tif": tiff,
    "a.ome.tif": ome,
    "a.png": picture,
    "a.jpg": picture,
    "a.bmp": picture,
    "a.gif": picture,
    "a.npy": lambda path: np.save(path, PIXELS),
    "a.npz": numpy_archive,
    "a.h5": hdf5,
    "a.emd": ncem,
    "a.mrc": mrc,
    "a.tif.gz": packed,
    "a.hspy": hspy,
}


def kept_promises(outcome):
    errors = [each for each in outcome.err.splitlines() if each.startswith("emseg: error:")]
    assert outcome.code in (0, 2, 3, 4), outcome.err
    assert "Traceback" not in outcome.err
    assert "defect in emseg" not in outcome.err
    assert len(errors) == bool(outcome.code)


@pytest.mark.parametrize("name", MADE)
def test_an_undamaged_file_is_read(emseg, tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    MADE[name](tmp_path / name)
    assert emseg("convert", name, "--to", "ome.tif", "--out", "o").code == 0


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("name", MADE)
def test_a_damaged_file_is_looked_into_and_converted_or_refused(
    emseg, tmp_path, monkeypatch, name, seed
):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / name
    MADE[name](path)
    path.write_bytes(mutated(path.read_bytes(), f"{name}/{seed}"))
    kept_promises(emseg("info", "--range", name))
    kept_promises(emseg("convert", name, "--to", "ome.tif", "--out", "o"))


@pytest.mark.slow
@pytest.mark.parametrize("name", MADE)
def test_a_damaged_file_is_predicted_or_refused(emseg, tmp_path, monkeypatch, request, name):
    model = request.config.rootpath / MODEL
    monkeypatch.chdir(tmp_path)
    path = tmp_path / name
    MADE[name](path)
    path.write_bytes(mutated(path.read_bytes(), f"{name}/predicted"))
    kept_promises(emseg("predict", model, name, "--out", "o"))
