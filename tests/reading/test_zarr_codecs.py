"""A store whose codec would run what the file says is refused before a chunk is decoded."""

import json
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numcodecs
import numpy as np
import pytest
import zarr
from numcodecs.abc import Codec

from emseg.errors import UnreadableFileError
from emseg.reading import describe, open_stack
from emseg.reading.admitting.zarr_codecs import refuse_codecs

PICKLE = {"id": "pickle", "protocol": 5}


class Obeying(Codec):
    """Does what numcodecs' pickle does before 0.16.6: the file decides what runs."""

    codec_id = "pickle"
    marker = Path()

    def __init__(self, protocol: int = 5) -> None:
        self.protocol = protocol

    def encode(self, buf: Any) -> Any:
        return buf

    def decode(self, buf: Any, out: Any = None) -> Any:
        self.marker.write_text("ran")
        return buf


@pytest.fixture(autouse=True)
def marker(tmp_path: Path) -> Iterator[Path]:
    """The file that decoding a planted chunk writes, whichever numcodecs is installed."""
    before = numcodecs.registry.codec_registry["pickle"]
    Obeying.marker = tmp_path / "marker"
    numcodecs.register_codec(Obeying)
    yield Obeying.marker
    numcodecs.register_codec(before, "pickle")


def store(path: Path, *, at: str = "0", **said: Any) -> Path:
    """A Zarr 2 store with one array of 20 x 30 pixels whose metadata is changed by hand."""
    group = zarr.open_group(path, mode="w", zarr_format=2)
    group.create_array(at, data=np.ones((20, 30), np.uint8), compressors=None)
    metadata = path / at / ".zarray"
    metadata.write_text(json.dumps(json.loads(metadata.read_text()) | said))
    return path


def zipped(folder: Path, file: Path) -> Path:
    with zipfile.ZipFile(file, "w") as archive:
        for each in folder.rglob("*"):
            if each.is_file():
                archive.write(each, each.relative_to(folder))
    return file


def test_the_plant_would_run(tmp_path: Path, marker: Path) -> None:
    text = {"dtype": "|O", "fill_value": "", "filters": [{"id": "vlen-utf8"}]}
    path = store(tmp_path / "a.zarr", compressor=PICKLE, **text)
    with suppress(ValueError, TypeError):  # what was planted is no text
        zarr.open_group(path, mode="r")["0"][...]
    assert marker.exists()


@pytest.mark.parametrize("suffix", ["zarr", "ome.zarr", "zspy"])
@pytest.mark.parametrize(
    "said",
    [{"compressor": PICKLE}, {"filters": [{"id": "delta", "dtype": "u1"}, PICKLE]}],
    ids=["compressor", "filter"],
)
@pytest.mark.parametrize("packed", [False, True])
def test_pickles_are_refused(
    tmp_path: Path, marker: Path, suffix: str, said: dict[str, Any], packed: bool
) -> None:
    path = store(tmp_path / f"a.{suffix}", at="Experiments/a/metadata/General/_list_x", **said)
    if packed:
        path = zipped(path, tmp_path / f"b.{suffix}{'' if suffix == 'zspy' else '.zip'}")
    with pytest.raises(UnreadableFileError, match=r"'pickle' .*_list_x.*runs what a file says"):
        describe(path)
    assert not marker.exists()


def test_pickles_are_refused_below_an_address_and_behind_a_link(tmp_path: Path) -> None:
    outer = store(tmp_path / "a.zarr")
    store(tmp_path / "a.zarr" / "0" / "hidden", compressor=PICKLE)  # no group says that it is there
    open_stack(outer)
    with pytest.raises(UnreadableFileError, match="pickle"):
        open_stack(Path(f"{outer}:/0/hidden"))
    linked = store(tmp_path / "b.zarr")
    (linked / "1").symlink_to(tmp_path / "a.zarr" / "0" / "hidden")
    with pytest.raises(UnreadableFileError, match="pickle"):
        open_stack(linked)


@pytest.mark.parametrize(
    "said",
    [
        {"metadata": {"b/.zarray": {"compressor": PICKLE}}},
        {"metadata": {"b/.zarray": {"compressor": {"id": "zlib", "name": "pickle"}}}},
    ],
)
def test_consolidated_metadata_is_looked_through(tmp_path: Path, said: dict[str, Any]) -> None:
    path = store(tmp_path / "a.zarr")
    (path / ".zmetadata").write_text(json.dumps(said))
    with pytest.raises(UnreadableFileError, match="pickle"):
        open_stack(path)


@pytest.mark.parametrize("where", ["array", "shard", "consolidated"])
def test_zarr_3_is_looked_through(tmp_path: Path, where: str) -> None:
    bad = [{"name": "numcodecs.pickle", "configuration": {}}]
    array: dict[str, Any] = {"node_type": "array", "codecs": bad}
    if where == "shard":
        array["codecs"] = [{"name": "sharding_indexed", "configuration": {"codecs": bad}}]
    said = array
    if where == "consolidated":
        members = {"attributes": array}
        said = {"node_type": "group", "consolidated_metadata": {"metadata": members}}
    (tmp_path / "a.zarr").mkdir()
    (tmp_path / "a.zarr" / "zarr.json").write_text(json.dumps(said))
    with pytest.raises(UnreadableFileError, match=r"numcodecs\.pickle"):
        refuse_codecs(tmp_path / "a.zarr")


def test_what_only_looks_like_a_codec_is_left_alone(tmp_path: Path) -> None:
    path = store(tmp_path / "a.zarr")
    attributes = {"codecs": [{"name": "pickle"}], "compressor": PICKLE}
    (path / "0" / ".zattrs").write_text(json.dumps(attributes))
    assert open_stack(path)[0].pixels.sum() == 600


def test_unknown_codecs_and_missing_packages_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UnreadableFileError, match=r"'homemade' .*which emseg does not read"):
        open_stack(store(tmp_path / "a.zarr", compressor={"id": "homemade"}))
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(UnreadableFileError, match=r"zfpy .*pip install zfpy"):
        open_stack(store(tmp_path / "b.zarr", compressor={"id": "zfpy", "mode": 4}))
