"""Files and folders appear whole or not at all."""

import errno
import os
import resource
from pathlib import Path

import pytest

from emseg.errors import ContentError, NotWritableError, StorageError, UnreadableFileError
from emseg.writing import require_writable, whole_file, whole_folder

needs_permissions = pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")


def test_a_file_takes_its_name_only_when_it_is_complete(tmp_path: Path) -> None:
    target = tmp_path / "a b é.ome.tif"
    with whole_file(target) as temporary:
        temporary.write_text("new")
        assert temporary.parent == tmp_path
        assert temporary.suffix == ".tif"
        assert temporary.name.startswith(".")
        assert not target.exists()
    assert target.read_text() == "new"
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("failure", [RuntimeError, KeyboardInterrupt, UnreadableFileError])
def test_a_failure_keeps_the_old_file_and_leaves_nothing_else(
    tmp_path: Path, failure: type[BaseException]
) -> None:
    target = tmp_path / "table.csv"
    target.write_text("old")

    def fail() -> None:
        with whole_file(target) as temporary:
            temporary.write_text("half")
            raise failure

    with pytest.raises(failure):
        fail()
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_missing_folders_are_made(tmp_path: Path) -> None:
    with whole_file(tmp_path / "a" / "b" / "c.txt") as temporary:
        temporary.write_text("here")
    assert (tmp_path / "a" / "b" / "c.txt").read_text() == "here"


def test_the_longest_file_name_can_be_written(tmp_path: Path) -> None:
    target = tmp_path / f"{'x' * 251}.png"
    with whole_file(target) as temporary:
        temporary.write_text("here")
    assert target.read_text() == "here"


def test_files_have_the_permissions_that_the_user_asks_for(tmp_path: Path) -> None:
    (tmp_path / "ordinary").write_text("")
    with whole_file(tmp_path / "whole") as temporary:
        temporary.write_text("")
    assert (tmp_path / "whole").stat().st_mode == (tmp_path / "ordinary").stat().st_mode


def test_two_writers_of_one_file_do_not_meet(tmp_path: Path) -> None:
    target = tmp_path / "x"
    with whole_file(target) as first, whole_file(target) as second:
        assert first != second
        first.write_text("first")
        second.write_text("second")
    assert target.read_text() == "first"


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_a_storage_error(tmp_path: Path, number: int) -> None:
    def fill() -> None:
        with whole_file(tmp_path / "x.tif") as temporary:
            temporary.write_text("half")
            raise OSError(number, os.strerror(number))

    with pytest.raises(StorageError, match=r"x\.tif could not be written.*make room"):
        fill()
    assert not list(tmp_path.iterdir())


def test_the_system_refusing_to_take_more_is_a_storage_error(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)

    def fill() -> None:
        with whole_file(tmp_path / "x.tif") as temporary:
            temporary.write_bytes(bytes(200_000))

    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        with pytest.raises(StorageError):
            fill()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert not list(tmp_path.iterdir())


def test_an_input_that_may_not_be_read_is_not_blamed_on_the_output(tmp_path: Path) -> None:
    def read() -> None:
        with whole_file(tmp_path / "out.tif"):
            raise PermissionError(errno.EACCES, "denied", "/elsewhere/in.tif")

    with pytest.raises(PermissionError, match=r"in\.tif") as caught:
        read()
    assert not isinstance(caught.value, NotWritableError)


def test_an_input_that_is_missing_is_not_blamed_on_the_output(tmp_path: Path) -> None:
    def read() -> None:
        with whole_file(tmp_path / "out.tif"):
            (tmp_path / "in.tif").read_bytes()

    with pytest.raises(FileNotFoundError, match=r"in\.tif") as caught:
        read()
    assert not isinstance(caught.value, NotWritableError)


def test_a_folder_in_the_place_of_the_file_is_refused(tmp_path: Path) -> None:
    target = tmp_path / "x.csv"
    target.mkdir()

    def write() -> None:
        with whole_file(target) as temporary:
            temporary.write_text("text")

    with pytest.raises(NotWritableError, match="choose another"):
        write()
    assert list(tmp_path.iterdir()) == [target]


def test_a_folder_appears_with_all_its_files(tmp_path: Path) -> None:
    target = tmp_path / "model"
    with whole_folder(target) as temporary:
        (temporary / "card").write_text("card")
        assert not target.exists()
    assert (target / "card").read_text() == "card"
    assert list(tmp_path.iterdir()) == [target]


def test_a_folder_replaces_the_older_one_as_a_whole(tmp_path: Path) -> None:
    target = tmp_path / "model"
    target.mkdir()
    (target / "old").write_text("old")
    with whole_folder(target) as temporary:
        (temporary / "new").write_text("new")
        assert (target / "old").exists()
    assert [each.name for each in target.iterdir()] == ["new"]
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("failure", [RuntimeError, KeyboardInterrupt])
def test_a_failure_keeps_the_old_folder(tmp_path: Path, failure: type[BaseException]) -> None:
    target = tmp_path / "model"
    target.mkdir()
    (target / "old").write_text("old")

    def fail() -> None:
        with whole_folder(target) as temporary:
            (temporary / "new").write_text("half")
            raise failure

    with pytest.raises(failure):
        fail()
    assert [each.name for each in target.iterdir()] == ["old"]
    assert list(tmp_path.iterdir()) == [target]


def test_the_old_folder_comes_back_when_the_new_one_cannot_take_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "model"
    target.mkdir()
    (target / "old").write_text("old")
    rename = Path.rename

    def interrupted(self: Path, to: Path) -> Path:
        if (self / "new").exists():
            raise KeyboardInterrupt
        return rename(self, to)

    monkeypatch.setattr(Path, "rename", interrupted)

    def replace() -> None:
        with whole_folder(target) as temporary:
            (temporary / "new").write_text("new")

    with pytest.raises(KeyboardInterrupt):
        replace()
    assert [each.name for each in target.iterdir()] == ["old"]
    assert list(tmp_path.iterdir()) == [target]


def test_a_file_in_the_place_of_the_folder_is_refused_and_kept(tmp_path: Path) -> None:
    target = tmp_path / "model"
    target.write_text("mine")

    def write() -> None:
        with whole_folder(target):
            pass

    with pytest.raises(NotWritableError):
        write()
    assert target.read_text() == "mine"
    assert list(tmp_path.iterdir()) == [target]


def test_require_writable_makes_the_folder_and_leaves_it_empty(tmp_path: Path) -> None:
    require_writable(tmp_path / "a" / "b")
    assert not list((tmp_path / "a" / "b").iterdir())
    require_writable(tmp_path / "a" / "b")


def test_require_writable_refuses_a_file_on_the_way(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    for folder in (tmp_path / "file", tmp_path / "file" / "out", tmp_path / "file" / "a" / "b"):
        with pytest.raises(NotWritableError, match="choose another output folder"):
            require_writable(folder)
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="only Linux has /proc")
def test_require_writable_refuses_a_place_where_even_root_cannot_write() -> None:
    with pytest.raises(NotWritableError):
        require_writable(Path("/proc/emseg"))


def test_require_writable_removes_what_it_made_when_a_name_is_too_long(tmp_path: Path) -> None:
    with pytest.raises(NotWritableError, match=r"too long"):
        require_writable(tmp_path / "made" / ("x" * 300))
    assert not list(tmp_path.iterdir())


def test_require_writable_refuses_a_circle_of_links(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    with pytest.raises(NotWritableError):
        require_writable(tmp_path / "a" / "out")


@needs_permissions
def test_require_writable_refuses_a_read_only_folder(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(NotWritableError):
            require_writable(tmp_path / "out")
        with pytest.raises(NotWritableError):
            require_writable(tmp_path)
    finally:
        tmp_path.chmod(0o700)


def test_refusals_are_also_the_builtin_errors_and_carry_their_exit_codes() -> None:
    assert issubclass(NotWritableError, PermissionError)
    assert NotWritableError.exit_code == 2
    assert issubclass(StorageError, OSError)
    assert issubclass(StorageError, ContentError)
