"""``--copy-to`` keeps a copy of the results in an object store, as they are done."""

from pathlib import Path

import numpy as np
import pytest

from emseg import remote
from emseg.errors import ContentError
from emseg.reading import open_stack


@pytest.fixture
def bucket(object_store):
    """A bucket of its own, by its name."""
    name = f"lab-{len(object_store.ls('/'))}"
    object_store.mkdir(name)
    return name


def there(store, folder):
    return {each.partition(f"{folder}/")[2] for each in store.find(folder)}


def names(store, folder):
    """What lies there, chunks and documents by the store that they belong to."""
    return {each.partition(".zarr/")[0] for each in there(store, folder)}


def test_each_result_is_copied_as_it_is(emseg, folders, model, object_store, bucket):
    said = emseg(
        *("predict", model, "images", "--out", "out", "--format", "ome.zarr", "--slices", "0:2"),
        *("--probabilities", "--copy-to", f"s3://{bucket}/run 1"),
    )
    assert said.code == 0
    assert f"results copied to s3://{bucket}/run 1: 8" in said.err
    files = {
        each.relative_to("out").as_posix() for each in Path("out").rglob("*") if each.is_file()
    }
    assert there(object_store, f"{bucket}/run 1") - {"emseg.json"} == files - {"manifest.sqlite"}
    for name in files - {"manifest.sqlite"}:
        assert object_store.cat(f"{bucket}/run 1/{name}") == Path("out", name).read_bytes()
    again = open_stack(f"s3://{bucket}/run 1/0.ome.zarr")
    np.testing.assert_array_equal(again[0].pixels, open_stack(Path("out/0.ome.zarr"))[0].pixels)


def test_what_was_done_without_a_copy_is_copied_once(
    emseg, folders, model, object_store, bucket, monkeypatch
):
    command = ("predict", model, "images", "--out", "out", "--format", "ome.zarr")
    assert emseg(*command, "--slices", "0:2").code == 0
    copying = (*command, "--no-previews", "--copy-to", f"s3://{bucket}/x")
    assert "results copied to" in emseg(*copying).err
    assert {f"{n}.ome" for n in range(6)} <= names(object_store, f"{bucket}/x")
    puts = []
    put = remote.put
    monkeypatch.setattr("emseg.commands.copies.put", lambda files: (puts.append(files), put(files)))
    object_store.rm(f"{bucket}/x/3.ome.zarr", recursive=True)
    assert emseg(*copying).code == 0
    copied = {str(each) for files in puts for each in files}
    assert {each.partition("/x/")[2].partition("/")[0] for each in copied} == {
        "3.ome.zarr",
        "predictions.csv",
        "predict.toml",
    }


def test_a_copy_that_fails_costs_its_file_and_comes_later(
    emseg, folders, object_store, bucket, monkeypatch
):
    put = remote.put

    def broken(files):
        if any("1.ome.zarr" in str(each) for each in files):
            raise ContentError("s3 cannot be reached; check the network")
        put(files)

    command = ("convert", "images", "--to", "ome.zarr", "--out", "out")
    copying = (*command, "--copy-to", f"s3://{bucket}/x")
    with monkeypatch.context() as patch:
        patch.setattr("emseg.commands.copies.put", broken)
        first = emseg(*copying)
    assert first.code == 3
    assert "s3 cannot be reached; check the network" in first.err
    assert "1.ome" not in names(object_store, f"{bucket}/x")
    before = Path("out/1.ome.zarr/.zattrs").stat().st_mtime_ns
    second = emseg(*copying)
    assert (second.code, Path("out/1.ome.zarr/.zattrs").stat().st_mtime_ns) == (0, before)
    assert "1.ome" in names(object_store, f"{bucket}/x")


def test_a_new_image_leaves_no_chunk_of_the_old_one(emseg, folders, object_store, bucket):
    command = ("convert", "images/0.png", "--to", "ome.zarr", "--out", "out", "--overwrite")
    command = (*command, "--copy-to", f"s3://{bucket}/x")
    assert emseg(*command).code == 0
    object_store.pipe(f"{bucket}/x/0.ome.zarr/0/9/9", b"old")
    assert emseg(*command).code == 0
    assert "0.ome.zarr/0/9/9" not in there(object_store, f"{bucket}/x")


def test_other_things_are_never_replaced(emseg, folders, object_store, bucket):
    object_store.pipe(f"{bucket}/raw/a.tif", b"raw")
    command = ("convert", "images/0.png", "--out", "out", "--copy-to")
    said = emseg(*command, f"s3://{bucket}/raw")
    assert said.code == 2
    assert "holds other things" in said.err
    assert not Path("out").exists()
    assert emseg(*command, f"s3://{bucket}/new").code == 0
    other = emseg("convert", "images/1.png", "--out", "two", "--copy-to", f"s3://{bucket}/new")
    assert other.code == 2
    assert f"{folders / 'out'}; name another folder" in " ".join(other.err.split())
    assert there(object_store, bucket) == {"raw/a.tif", "new/0.ome.tif", "new/emseg.json"}


@pytest.mark.parametrize(
    ("option", "address", "said"),
    [
        ("--copy-to", "https://host/x", "no folder of an object store"),
        ("--copy-to", "copies", "no folder of an object store"),
        ("--copy-to", "s3://nobody/x", "there is nothing at s3://nobody/x"),
        ("--out", "s3://lab/x", "and add --copy-to s3://lab/x"),
    ],
)
def test_what_takes_no_copies_is_refused(emseg, folders, object_store, option, address, said):
    shown = emseg("convert", "images/0.png", option, address)
    assert shown.code in (1, 2)
    assert said in " ".join(shown.err.split())
    assert not Path("converted").exists()
    assert not Path("s3:").exists()
