"""Chunks that no file holds are told by number and name."""

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr

from emseg.errors import UnreadableFileError
from emseg.reading import ReadOptions, look_into, open_stack
from emseg.reading.admitting.admission import admit
from emseg.reading.formats import format_of

PIXELS = np.random.default_rng(0).integers(1, 200, (40, 100), dtype=np.uint8)


def store(path: Path, zarr_format: int = 2, **said: Any) -> Path:
    group = zarr.open_group(path, mode="w", zarr_format=zarr_format)
    said = {"chunks": (20, 40), "fill_value": 9} | said
    group.create_array("0", shape=PIXELS.shape, dtype="u1", **said)[...] = PIXELS
    return path


def zipped(folder: Path) -> Path:
    file = folder.with_name(f"{folder.name}.zip")
    with zipfile.ZipFile(file, "w") as archive:
        for each in folder.rglob("*"):
            if each.is_file():
                archive.write(each, each.relative_to(folder))
    return file


def told(path: Path) -> str:
    (notice,) = look_into(path).notices
    return notice


@pytest.mark.parametrize(
    ("zarr_format", "said", "lost", "name"),
    [
        (2, {}, "0/0.1", "0/0.1"),
        (2, {"chunk_key_encoding": {"name": "v2", "separator": "/"}}, "0/0/1", "0/0/1"),
        (3, {}, "0/c/0/1", "0/c/0/1"),
        (3, {"chunk_key_encoding": {"name": "default", "separator": "."}}, "0/c.0.1", "0/c.0.1"),
        (3, {"chunk_key_encoding": {"name": "v2", "separator": "."}}, "0/0.1", "0/0.1"),
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_a_lost_chunk_is_named(
    tmp_path: Path, zarr_format: int, said: dict[str, Any], lost: str, name: str, packed: bool
) -> None:
    path = store(tmp_path / "a.zarr", zarr_format, **said)
    assert look_into(path).notices == ()
    (path / lost).unlink()
    notice = told(zipped(path) if packed else path)
    assert notice.startswith(f"has 1 of 6 chunks missing: {name}; they read as 9, ")
    stack = open_stack(Path(f"{path}:/0"))
    np.testing.assert_array_equal(stack[0].pixels[0, :20, 40:80], np.full((20, 40), 9))
    np.testing.assert_array_equal(stack[0].pixels[0, 20:], PIXELS[20:])


@pytest.mark.parametrize("location", ["start", "end"])
def test_chunks_that_a_shard_leaves_out_are_named(tmp_path: Path, location: str) -> None:
    path = tmp_path / "a.zarr"
    array = zarr.create_array(
        path,
        shape=(40, 100),
        dtype="u1",
        zarr_format=3,
        chunks=(10, 20),
        shards={"shape": (20, 40), "index_location": location},
        fill_value=0,
    )
    array[...] = PIXELS
    assert look_into(path).notices == ()  # the edge of the last shards lies outside the array
    array[:10, 20:40] = 0
    assert told(path).startswith("has 1 of 20 chunks missing: c/0/0[0, 1]; they read as 0")
    assert told(zipped(path)).startswith("has 1 of 20 chunks missing: c/0/0[0, 1]")
    (path / "c" / "1" / "2").unlink()
    assert told(path).startswith("has 3 of 20 chunks missing: c/0/0[0, 1], c/1/2")


def test_a_zspy_is_looked_through(tmp_path: Path) -> None:
    path = store(tmp_path / "b.zspy")
    experiment = path / "Experiments" / "a"
    experiment.mkdir(parents=True)
    (path / "0").rename(experiment / "data")
    (experiment / "data" / "1.2").unlink()
    (notice,) = admit(path, format_of(path))
    assert notice.startswith("has 1 of 6 chunks missing: Experiments/a/data/1.2;")


def test_smaller_copies_are_not_looked_at(tmp_path: Path) -> None:
    path = store(tmp_path / "a.ome.zarr")
    group = zarr.open_group(path)
    group.create_array("1", shape=(20, 50), dtype="u1")  # nothing of it is written
    axes = [{"name": name, "type": "space"} for name in "yx"]
    datasets = [{"path": "0"}, {"path": "1"}]
    group.attrs["multiscales"] = [{"version": "0.4", "axes": axes, "datasets": datasets}]
    assert look_into(path).notices == ()


def test_a_chunk_that_is_a_link_to_elsewhere_is_refused(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"s" * 800)
    path = store(tmp_path / "inner" / "a.zarr", compressors=None)
    (path / "0" / "0.1").unlink()
    (path / "0" / "0.1").symlink_to(tmp_path / "secret")
    with pytest.raises(UnreadableFileError, match=r"0/0\.1 is a link to .*--allow-external"):
        open_stack(path)
    allowed = open_stack(path, ReadOptions(allow_external=True))
    assert allowed[0].pixels[0, 0, 40] == ord("s")


def test_the_chunks_of_a_lost_shard_are_named_once_each(tmp_path: Path) -> None:
    path = tmp_path / "a.zarr"
    array = zarr.create_array(path, shape=(40, 40), chunks=(10, 20), shards=(20, 40), dtype="u1")
    array[:] = 7
    (path / "c" / "1" / "0").unlink()
    said = "4 of 8 chunks missing: c/1/0[0, 0], c/1/0[0, 1], c/1/0[1, 0], c/1/0[1, 1];"
    assert said in told(path)
