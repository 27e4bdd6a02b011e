"""Values that an HDF5 file keeps elsewhere are there, and beside it, or they are refused."""

from collections.abc import Sequence
from pathlib import Path

import h5py
import numpy as np
import pytest

from emseg.errors import UnreadableFileError
from emseg.reading import ReadOptions, look_into, open_stack

ALLOWED = ReadOptions(allow_external=True)


def plain(path: Path, value: int = 5, shape: tuple[int, ...] = (20, 30)) -> Path:
    path.parent.mkdir(exist_ok=True)
    with h5py.File(path, "w") as file:
        file["d"] = np.full(shape, value, np.uint8)
    return path


def virtual(path: Path, sources: Sequence[str], *, dataset: str = "d", planes: int = 0) -> Path:
    """A virtual dataset ``d`` with a plane from each source."""
    path.parent.mkdir(exist_ok=True)
    layout = h5py.VirtualLayout((planes or len(sources), 20, 30), "u1")
    for at, source in enumerate(sources):
        layout[at] = h5py.VirtualSource(source, dataset, (20, 30))
    with h5py.File(path, "w") as file:
        file.create_virtual_dataset("d", layout, fillvalue=0)
    return path


def refusal(path: Path | str, options: ReadOptions | None = None) -> str:
    with pytest.raises(UnreadableFileError) as caught:
        open_stack(Path(path), options)
    return str(caught.value)


@pytest.mark.parametrize("suffix", ["h5", "hdf5", "he5", "nxs", "emd", "hspy"])
def test_missing_sources_are_refused_by_name(tmp_path: Path, suffix: str) -> None:
    plain(tmp_path / "part0.h5")
    path = virtual(tmp_path / f"a.{suffix}", ["part0.h5", "part1.h5", "part2.h5"])
    said = f"values of /d lie in part1.h5, part2.h5, which are missing, .*into {tmp_path}$"
    with pytest.raises(UnreadableFileError, match=said):
        open_stack(path)
    with pytest.raises(UnreadableFileError, match=said):
        open_stack(Path(f"{path}:/d"))


def test_sources_that_are_there_are_read(tmp_path: Path) -> None:
    parts = [plain(tmp_path / "parts" / f"{at}.h5", at).name for at in range(3)]
    stack = open_stack(virtual(tmp_path / "a.h5", [f"parts/{each}" for each in parts]))
    assert [int(each.pixels.max()) for each in stack] == [0, 1, 2]


def test_a_moved_file_finds_its_sources_beside_it(tmp_path: Path) -> None:
    plain(tmp_path / "part0.h5")
    assert (
        open_stack(virtual(tmp_path / "a.h5", ["/of/the/detector/part0.h5"]))[0].pixels.max() == 5
    )


def test_sources_of_sources_are_looked_for(tmp_path: Path) -> None:
    virtual(tmp_path / "middle.h5", ["part0.h5"])
    layout = h5py.VirtualLayout((1, 20, 30), "u1")
    layout[:] = h5py.VirtualSource("middle.h5", "d", (1, 20, 30))
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_virtual_dataset("d", layout)
    assert "part0.h5, which is missing" in refusal(tmp_path / "a.h5")
    plain(tmp_path / "part0.h5")
    assert open_stack(tmp_path / "a.h5")[0].pixels.max() == 5


def test_a_source_without_the_dataset_or_too_small_is_refused(tmp_path: Path) -> None:
    plain(tmp_path / "part0.h5")
    path = virtual(tmp_path / "a.h5", ["part0.h5"], dataset="entry/data")
    assert "part0.h5:entry/data, which is missing" in refusal(path)
    plain(tmp_path / "part0.h5", shape=(10, 30))
    said = "/d needs more values of part0.h5:d than its 10 x 30"
    assert said in refusal(virtual(tmp_path / "b.h5", ["part0.h5"]))
    layout = h5py.VirtualLayout((20, 30), "u1")
    layout[:] = h5py.VirtualSource("part0.h5", "d", (40, 30))[20:]
    with h5py.File(tmp_path / "c.h5", "w") as file:
        file.create_virtual_dataset("d", layout)
    assert said in refusal(tmp_path / "c.h5")


def test_values_that_no_source_covers_are_told(tmp_path: Path) -> None:
    plain(tmp_path / "part0.h5")
    path = virtual(tmp_path / "a.h5", ["part0.h5"], planes=3)
    assert look_into(path).notices == (
        "has 1,200 of 1,800 values of /d in no file; they read as 0",
    )


def test_many_sources_by_one_name(tmp_path: Path) -> None:
    """Names with ``%b`` stand for a file a block (H5Pset_virtual)."""
    space = h5py.h5s.create_simple((2, 20, 30), (h5py.h5s.UNLIMITED, 20, 30))
    space.select_hyperslab((0, 0, 0), (h5py.h5s.UNLIMITED, 1, 1), (1, 1, 1), (1, 20, 30))
    plan = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    source = h5py.h5s.create_simple((20, 30))
    plan.set_virtual(space, b"part%b.h5", b"d", source)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        h5py.h5d.create(file.id, b"d", h5py.h5t.STD_U8LE, space, plan)
    assert "part0.h5, which is missing" in refusal(tmp_path / "a.h5")


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """A file beside the folder of the file that is opened."""
    return plain(tmp_path / "outside.h5")


def linked(path: Path, target: str) -> Path:
    path.parent.mkdir(exist_ok=True)
    with h5py.File(path, "w") as file:
        file["d"] = h5py.ExternalLink(target, "/d")
        file["here"] = np.ones((20, 30), np.uint8)
    return path


@pytest.mark.parametrize("spelled", ["absolute", "above", "symlink"])
@pytest.mark.parametrize("make", [linked, lambda path, target: virtual(path, [target])])
def test_sources_outside_the_folder_are_refused(
    tmp_path: Path, outside: Path, spelled: str, make: object
) -> None:
    target = {"absolute": str(outside), "above": "../outside.h5", "symlink": "link.h5"}[spelled]
    path = make(tmp_path / "inner" / "a.h5", target)  # type: ignore[operator]
    if spelled == "symlink":
        (tmp_path / "inner" / "link.h5").symlink_to(outside)
    said = f"values of /d lie in {outside}, outside the folder .*--allow-external"
    for address in (path, Path(f"{path}:/d")):
        with pytest.raises(UnreadableFileError, match=said):
            open_stack(address)
    assert open_stack(Path(f"{path}:/d"), ALLOWED)[0].pixels.max() == 5


def test_soft_links_and_groups_that_lead_outside_are_refused(tmp_path: Path, outside: Path) -> None:
    with h5py.File(tmp_path / "outside.h5", "a") as file:
        file["entry/data"] = np.ones((20, 30), np.uint8)
    path = linked(tmp_path / "inner" / "a.h5", "../outside.h5")
    with h5py.File(path, "a") as file:
        file["all"] = h5py.ExternalLink("../outside.h5", "/")
        file["soft"] = h5py.SoftLink("/all/entry/data")
    assert "values of /all lie in" in refusal(f"{path}:/soft")
    assert "values of /all lie in" in refusal(f"{path}:/all/entry/data")
    assert open_stack(Path(f"{path}:/here"))[0].pixels.max() == 1


def test_a_link_within_the_folder_is_followed_and_looked_through(tmp_path: Path) -> None:
    virtual(tmp_path / "middle.h5", ["part0.h5"])
    path = linked(tmp_path / "a.h5", "middle.h5")
    assert "part0.h5, which is missing" in refusal(f"{path}:/d")


def test_a_link_to_nothing_is_told(tmp_path: Path) -> None:
    path = linked(tmp_path / "a.h5", "gone.h5")
    assert "links /d to gone.h5, which is missing; the link is left out" in look_into(path).notices
    assert open_stack(path)[0].pixels.max() == 1
    assert "/d is a link to gone.h5, which is missing" in refusal(f"{path}:/d")


def test_files_that_link_to_each_other_end(tmp_path: Path) -> None:
    linked(tmp_path / "a.h5", "b.h5")
    linked(tmp_path / "b.h5", "a.h5")
    with h5py.File(tmp_path / "b.h5", "a") as file:
        file["loop"] = h5py.ExternalLink("a.h5", "/")
    with h5py.File(tmp_path / "a.h5", "a") as file:
        file["loop"] = h5py.ExternalLink("b.h5", "/")
    assert open_stack(tmp_path / "a.h5")[0].pixels.max() == 1


def stored_in(path: Path, name: str, size: int = 600) -> Path:
    path.parent.mkdir(exist_ok=True)
    with h5py.File(path, "w") as file:
        file.create_dataset("d", shape=(20, 30), dtype="u1", external=[(name, 0, size)])
    return path


@pytest.mark.parametrize("suffix", ["h5", "emd", "hspy", "nxs"])
def test_external_storage_outside_the_folder_is_refused(tmp_path: Path, suffix: str) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("s" * 600)
    path = stored_in(tmp_path / "inner" / f"a.{suffix}", str(secret))
    assert f"values of /d lie in {secret}, outside the folder" in refusal(path)
    assert open_stack(Path(f"{path}:/d"), ALLOWED)[0].pixels.max() == ord("s")
    (tmp_path / "inner" / "link.raw").symlink_to(secret)
    path = stored_in(tmp_path / "inner" / f"b.{suffix}", "link.raw")
    assert f"{secret}, outside the folder" in refusal(path)


def test_external_storage_beside_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = stored_in(tmp_path / "a.h5", "pixels.raw")
    assert "pixels.raw, which is missing" in refusal(path)
    (tmp_path / "pixels.raw").write_bytes(b"\5" * 600)
    assert f"type cd {tmp_path}, and start emseg there" in refusal(path)
    monkeypatch.chdir(tmp_path)
    assert open_stack(path)[0].pixels.max() == 5
    (tmp_path / "pixels.raw").write_bytes(b"\5" * 100)
    assert "/d needs 600 bytes of pixels.raw, which has 100" in refusal(path)


def test_chunks_that_were_never_written_are_told(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        pixels = file.create_dataset("d", (40, 60), "u1", chunks=(20, 30), fillvalue=7)
        pixels[:20] = 1
        pixels[20:, :30] = 1
    said = "has 1 of 4 chunks of /d never written; they read as 7 (1.1)"
    assert look_into(path).notices == (said,)
    with h5py.File(path, "a") as file:
        file["d"][20:, 30:] = 1
    assert look_into(path).notices == ()
    with h5py.File(path, "w") as file:
        file.create_dataset("d", (40, 60), "u1")
    assert look_into(path).notices == (
        "has no value of /d, which was never written; all read as 0",
    )


def test_a_file_behind_a_block_of_the_user_is_looked_through(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w", userblock_size=512) as file:
        file["d"] = h5py.ExternalLink(str(plain(tmp_path.parent / "outside.h5")), "/d")
    assert "outside the folder" in refusal(tmp_path / "a.h5")


def test_a_file_of_links_shows_what_they_lead_to(tmp_path: Path) -> None:
    plain(tmp_path / "part.h5", 7)
    with h5py.File(tmp_path / "master.h5", "w") as file:
        file["entry/data/first"] = h5py.ExternalLink("part.h5", "/d")
    stack = open_stack(tmp_path / "master.h5")
    assert (stack[0].pixels == 7).all()
    signals = look_into(tmp_path / "master.h5", ReadOptions()).signals
    assert [each.name for each in signals] == ["/entry/data/first"]
    inside = look_into(tmp_path / "master.h5:/entry/data/first", ReadOptions()).signals
    assert [each.name for each in inside] == ["/entry/data/first"]


def test_a_file_of_links_to_nothing_names_the_missing_file(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "master.h5", "w") as file:
        file["entry/data/first"] = h5py.ExternalLink("gone.h5", "/d")
    said = refusal(tmp_path / "master.h5")
    assert (
        f"links alone, and gone.h5 is missing, to which they lead; put it into {tmp_path}" in said
    )
