"""Zarr stores on a web server and in an object store are read as those on the disk are."""

import json
import logging
import pickle
import threading
import tomllib
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import zarr
from hypothesis import given
from hypothesis import strategies as st

from emseg import remote
from emseg.calibration import PixelSize
from emseg.config import PredictConfig
from emseg.errors import ContentError, PathMissingError, UnreadableFileError
from emseg.manifest import key_of
from emseg.micrograph import LabelClass, LabelImage, Micrograph
from emseg.reading import find_files, open_stack
from emseg.reading.finding.fingerprint import content_hash, fingerprint
from emseg.reading.finding.own_results import NO_MICROGRAPHS
from emseg.reading.finding.stems import Naming
from emseg.reading.inside import split
from emseg.reading.stacks.label_images import read_label_images
from emseg.remote import RemotePath, as_path
from emseg.writing import write_label_images, write_micrographs

PIXELS = np.random.default_rng(0).integers(0, 255, (1, 700, 600), np.uint8)
WORDS = st.text("abcXYZ 0123._-", min_size=1).filter(lambda word: set(word) != {"."})


@pytest.fixture(scope="module")
def stores(tmp_path_factory):
    """A folder that a web server offers and a bucket holds."""
    folder = tmp_path_factory.mktemp("stores")
    size = PixelSize(2.0, 2.0, source="a test")
    write_micrographs(folder / "run 1" / "a.ome.zarr", [Micrograph(PIXELS, "a", pixel_size=size)])
    write_micrographs(folder / "run 1" / "b.ome.zarr", [Micrograph(PIXELS // 2, "b")])
    classes = (LabelClass("matrix", (0, 0, 0), (0,)), LabelClass("pore", (255, 0, 0), (1,)))
    labels = LabelImage((PIXELS[0] > 99).astype(np.uint8), classes, "a")
    write_label_images(folder / "run 1" / "labels.ome.zarr", [labels])
    root = zarr.open_group(folder / "nested.zarr", mode="w", zarr_format=3)
    root.create_group("recon").create_array("em", data=PIXELS[0], chunks=(64, 64))
    return folder


@pytest.fixture(scope="module")
def s3(stores, object_store):
    for name in ("run 1", "nested.zarr"):
        object_store.put(str(stores / name), f"lab/{name}", recursive=True)
    return object_store


@pytest.fixture(scope="module")
def web(stores):
    class Silent(SimpleHTTPRequestHandler):
        def log_message(self, *_):
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Silent, directory=stores)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@given(kind=st.sampled_from(["s3", "gs", "https"]), words=st.lists(WORDS, min_size=1))
def test_an_address_stays_what_it_is(kind, words):
    address = f"{kind}://bucket/" + "/".join(words)
    for given_ in (address, Path(address), as_path(address)):
        path = as_path(given_)
        assert isinstance(path, RemotePath)
        assert str(path) == address
        assert path.absolute() == path.resolve() == path
        assert str(pickle.loads(pickle.dumps(path))) == address
        assert str(path / "x") == f"{address}/x"
        assert str(path.parent) == address.rpartition("/")[0]
        assert key_of(path) == address


def test_what_is_no_address_is_a_path():
    for name in ("s3", "s3:", "s3:/", "https.zarr", "ftp://host/a.zarr", "a/s3:/b"):
        assert as_path(name) == Path(name)
        assert not isinstance(as_path(name), RemotePath)


def test_what_follows_a_store_lies_inside_it():
    path = as_path("s3://lab/volume.zarr/recon/em")
    assert split(path) == (as_path("s3://lab/volume.zarr"), "/recon/em")


@pytest.mark.parametrize("kind", ["s3", "web"])
@pytest.mark.parametrize("held", [None, 0])
def test_a_store_is_read_as_on_the_disk(stores, s3, web, kind, held):
    address = {"s3": "s3://lab", "web": web}[kind] + "/run 1/a.ome.zarr"
    here, there = open_stack(stores / "run 1" / "a.ome.zarr"), open_stack(address)
    assert str(there.path) == address
    assert there.pixel_size == here.pixel_size
    plane = there.plane(0, held)
    np.testing.assert_array_equal(np.asarray(plane.pixels), PIXELS)
    assert plane.name == "a"
    inside = open_stack({"s3": "s3://lab", "web": web}[kind] + "/nested.zarr/recon/em")
    np.testing.assert_array_equal(inside[0].pixels, PIXELS)


def test_a_folder_of_a_bucket_is_listed_and_results_are_left_out(s3, caplog):
    found = find_files(["s3://lab/run 1"], skip=NO_MICROGRAPHS)
    assert [str(each) for each in found] == [f"s3://lab/run 1/{name}.ome.zarr" for name in "ab"]
    assert "left out: 1 label image that emseg wrote" in caplog.text
    assert find_files([found[0]]) == [found[0]]


def test_folders_in_folders_are_listed_where_they_are_wanted(s3):
    for key in ("day 1/a.ome.zarr", "day 2/deep/a.ome.zarr"):
        s3.copy("lab/run 1/a.ome.zarr", f"lab/days/{key}", recursive=True)
    s3.pipe("lab/days/day 1/", b"")  # what some programs leave for a folder
    found = find_files(["s3://lab/days"], is_recursive=True)
    named = [f"s3://lab/days/{key}/a.ome.zarr" for key in ("day 1", "day 2/deep")]
    assert [str(each) for each in found] == named
    naming = Naming([Path("s3://lab/days")], is_recursive=True)
    assert [naming.name(each) for each in found] == ["day 1/a", "day 2/deep/a"]
    with pytest.raises(ContentError, match="holds no image"):
        find_files(["s3://lab/days"])


def test_a_star_in_a_name_removes_no_other(s3):
    for key in ("a.zarr/.zattrs", "ab.zarr/.zattrs", "a*.zarr/.zattrs", "a*.zarr/0/0"):
        s3.pipe(f"lab/stars/{key}", b"1")
    as_path("s3://lab/stars/a*.zarr").remove()
    as_path("s3://lab/stars/nothing").remove()
    assert s3.find("lab/stars") == ["lab/stars/a.zarr/.zattrs", "lab/stars/ab.zarr/.zattrs"]


def test_label_images_are_known(stores, s3):
    (here,) = read_label_images(stores / "run 1" / "labels.ome.zarr")
    (there,) = read_label_images(as_path("s3://lab/run 1/labels.ome.zarr"))
    np.testing.assert_array_equal(there.pixels, here.pixels)
    assert there.classes == here.classes
    assert read_label_images(as_path("s3://lab/run 1/a.ome.zarr")) is None


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("s3://lab/run 1/c.ome.zarr", "is no Zarr store"),
        ("s3://nobody/c.zarr", "is no Zarr store"),
        ("http://127.0.0.1:9/a.zarr", r"cannot be read (.*127.0.0.1.*); check the address"),
        ("s3://lab/run 1/a.ome.zarr:/7", "holds nothing at /7"),
    ],
)
def test_what_is_not_there_is_said_in_one_line(s3, address, said):
    with pytest.raises((UnreadableFileError, ContentError), match=said) as caught:
        open_stack(address)
    assert str(caught.value).startswith(address.partition(":/7")[0])
    assert "\n" not in str(caught.value)


def test_what_cannot_be_listed_or_read_is_refused(s3, web):
    with pytest.raises(ContentError, match="lists no folder"):
        find_files([f"{web}/run 1"])
    with pytest.raises(ContentError, match="Zarr alone"):
        find_files(["s3://lab/run 1/a.tif"])
    with pytest.raises(PathMissingError, match="nothing at s3://lab/run 2"):
        find_files(["s3://lab/run 2"])


def test_an_address_needs_its_package(monkeypatch):
    monkeypatch.setattr(remote, "find_spec", lambda _: None)
    with pytest.raises(ContentError, match=r"gcsfs.*pip install 'emseg\[cloud\]'"):
        open_stack("gs://lab/a.zarr")


def test_a_pickle_is_refused_before_it_is_decoded(tmp_path, stores, web):
    array = zarr.open_array(
        stores / "bad.zarr", mode="w", shape=(32, 32), chunks=(32, 32), dtype="u1", zarr_format=2
    )
    array[:] = 1
    said = json.loads((stores / "bad.zarr" / ".zarray").read_text())
    (stores / "bad.zarr" / ".zarray").write_text(json.dumps(said | {"filters": [{"id": "pickle"}]}))
    with pytest.raises(UnreadableFileError, match=r"'pickle' .*runs what a file says"):
        open_stack(f"{web}/bad.zarr")


def test_a_lost_chunk_is_told(s3, caplog):
    s3.copy("lab/run 1/a.ome.zarr", "lab/lost/a.ome.zarr", recursive=True)
    s3.rm("lab/lost/a.ome.zarr/0/0/0")
    with caplog.at_level(logging.WARNING):
        open_stack("s3://lab/lost/a.ome.zarr")
    assert "chunks missing: 0/0/0" in caplog.text


def test_a_store_that_was_written_again_is_another_one(s3):
    path = as_path("s3://lab/again/a.ome.zarr")
    assert fingerprint(path) is None
    s3.copy("lab/run 1/a.ome.zarr", "lab/again/a.ome.zarr", recursive=True)
    before = fingerprint(path)
    assert before is not None
    assert before == fingerprint(path)
    assert content_hash(path) is None
    s3.pipe("lab/again/a.ome.zarr/.zattrs", s3.cat("lab/again/a.ome.zarr/.zattrs") + b" ")
    assert fingerprint(path) != before


def test_a_configuration_keeps_the_address():
    config = PredictConfig(model=Path("m"), inputs=(Path("s3://lab/a.zarr"), Path("b.tif")))
    assert [str(each) for each in config.inputs] == ["s3://lab/a.zarr", "b.tif"]
    assert '"s3://lab/a.zarr"' in config.to_toml()
    assert PredictConfig.model_validate(tomllib.loads(config.to_toml())).inputs == config.inputs
