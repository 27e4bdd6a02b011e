"""Archives of NumPy arrays run nothing, whatever they hold."""

import io
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest

from emseg.errors import EmsegError, UnreadableFileError
from emseg.reading import look_into, open_stack
from emseg.reading.admitting.admission import admit
from emseg.reading.formats import format_of


class Running:
    """Writes a file when it is unpickled."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[object, ...]:
        return Path.write_text, (self.marker, "ran")


@pytest.mark.parametrize("name", ["data", "meta_data_json", "more"])
def test_a_prz_with_objects_is_refused(tmp_path: Path, name: str) -> None:
    planted = np.array([Running(tmp_path / "marker")], dtype=object)
    with (tmp_path / "a.prz").open("wb") as file:
        np.savez(file, **({"data": np.ones((20, 30)), "meta_data_json": "[{}]"} | {name: planted}))
    with pytest.raises(UnreadableFileError, match=rf"{name}\.npy as pickled Python objects"):
        open_stack(tmp_path / "a.prz")
    assert not (tmp_path / "marker").exists()
    with (tmp_path / "a.prz").open("rb") as file:  # the plant would run
        np.load(file, allow_pickle=True)[name]
    assert (tmp_path / "marker").exists()


def test_objects_of_a_member_without_suffix_are_refused(tmp_path: Path) -> None:
    content = io.BytesIO()
    np.save(content, np.array([Running(tmp_path / "marker")], dtype=object), allow_pickle=True)
    with zipfile.ZipFile(tmp_path / "a.prz", "w") as archive:
        archive.writestr("more", content.getvalue())
    with pytest.raises(UnreadableFileError, match="more as pickled"):
        admit(tmp_path / "a.prz", format_of(tmp_path / "a.prz"))


def test_a_pickle_in_place_of_a_prz_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.prz").write_bytes(pickle.dumps(Running(tmp_path / "marker")))
    with pytest.raises(UnreadableFileError, match="is no archive of arrays"):
        open_stack(tmp_path / "a.prz")
    assert not (tmp_path / "marker").exists()


@pytest.mark.parametrize("suffix", ["npy", "npz"])
def test_objects_of_numpy_are_not_unpickled(tmp_path: Path, suffix: str) -> None:
    planted = np.array([[Running(tmp_path / "marker")] * 30] * 20, dtype=object)
    path = tmp_path / f"a.{suffix}"
    with path.open("wb") as file:
        np.save(file, planted, allow_pickle=True) if suffix == "npy" else np.savez(file, planted)
    with pytest.raises(EmsegError):
        open_stack(path)[0]
    for with_ranges in (False, True) if suffix == "npz" else ():
        look_into(path, with_ranges=with_ranges)
    assert not (tmp_path / "marker").exists()
