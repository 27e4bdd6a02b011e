"""A run goes on where one stopped, however that ended, and no two runs do the same."""

import errno
import os
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from emseg.errors import ContentError, NotWritableError, StorageError, UsageError
from emseg.manifest import NAME, Made, Manifest, key_of, standing
from emseg.manifest import runs as runs_module

MADE = Made({"model": "1"}, {"tta": None, "halo": 8}, {"format": "tif"})


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "out").mkdir()
    for name in "abc":
        (tmp_path / name).write_text(name)
    return tmp_path


def opened(folder, made=MADE):
    return Manifest(folder / "out", "test", made)


def do(manifest, path, text="result"):
    """Claim, write and finish, as a run does; False when another run has it."""
    result = manifest.folder / f"{path.name}.tif"
    if not manifest.claim(path, result):
        return False
    manifest.announce(path, result)
    result.write_text(text)
    manifest.finish(path, [{"n": text}], 0.5)
    return True


def todo(folder, made=MADE, names="abc", *, overwrite=False):
    manifest = opened(folder, made)
    paths = [folder / each for each in names]
    found = standing(manifest, manifest.entries(), paths, overwrite=overwrite)
    assert {*found.pending, *found.done} == {folder / each for each in names}
    return [path.name for path in found.pending]


def finished(folder, names="abc", made=MADE):
    with opened(folder, made) as manifest:
        for name in names:
            assert do(manifest, folder / name)


def test_only_what_is_missing_is_done(folder):
    assert todo(folder) == ["a", "b", "c"]
    finished(folder, "ab")
    assert todo(folder) == ["c"]
    assert todo(folder, overwrite=True) == ["a", "b", "c"]


def test_what_failed_is_tried_again_and_says_why(folder):
    with opened(folder) as manifest:
        do(manifest, folder / "a")
        manifest.claim(folder / "b")
        manifest.fail(folder / "b", "broken", 0.1)
    assert todo(folder) == ["b", "c"]
    with sqlite3.connect(folder / "out" / NAME) as database:
        said = database.execute("SELECT outcome, reason, size, memory > 0 FROM inputs").fetchall()
    assert said == [("done", None, 1, 1), ("failed", "broken", 1, 1)]


def test_a_result_stays_when_doing_it_again_fails(folder):
    finished(folder, "a")
    with opened(folder) as manifest:
        manifest.claim(folder / "a")
        manifest.fail(folder / "a", "broken", 0.1)
        assert [row["n"] for row in manifest.rows()] == ["result"]
    assert todo(folder, names="a") == ["a"]


def test_what_has_changed_is_done_again_and_what_was_only_touched_is_not(folder):
    finished(folder)
    os.utime(folder / "a", (1, 1))
    (folder / "b").write_text("B")
    os.utime(folder / "b", ns=(5, (folder / "c").stat().st_mtime_ns))
    assert todo(folder) == ["b"]


def test_a_result_that_is_gone_is_made_again(folder):
    finished(folder)
    (folder / "out" / "b.tif").unlink()
    assert todo(folder) == ["b"]


@pytest.mark.parametrize(
    ("made", "told"),
    [
        (Made({"model": "2"}, MADE.options, MADE.beside), "another model"),
        (Made(MADE.of, {"halo": 8, "tta": "d4"}, MADE.beside), "tta: nothing, now d4"),
    ],
)
def test_results_made_otherwise_are_told_and_not_mixed(folder, caplog, made, told):
    finished(folder, "ab")
    with pytest.raises(UsageError, match=f"made otherwise \\({told}\\).*, a for one.*--overwrite"):
        todo(folder, made, "bc")
    assert todo(folder, made, "bc", overwrite=True) == ["b", "c"]
    assert todo(folder, made) == ["a", "b", "c"]  # all of them: nothing is mixed
    assert f"made otherwise before ({told}), and done again: 2 of 3 files" in caplog.text
    (folder / "out" / "a.tif").unlink()
    assert todo(folder, made, "bc") == ["b", "c"]


def test_what_only_changes_what_is_written_may_lie_beside_other_results(folder):
    finished(folder, "ab")
    assert todo(folder, Made(MADE.of, MADE.options, {"format": "zarr"}), "bc") == ["b", "c"]


def test_what_is_left_out_and_what_is_empty_are_one():
    assert Made({}, {"tta": None, "thresholds": {}}).hash == Made().hash


def test_two_runs_share_the_work(folder):
    with opened(folder) as one, opened(folder) as other:
        assert one.claim(folder / "a")
        assert not other.claim(folder / "a")
        assert do(other, folder / "b")
        assert not do(one, folder / "b")  # done just now
        (folder / "b").write_text("changed")
        assert do(one, folder / "b")
    assert todo(folder) == ["a", "c"]


def test_two_runs_never_give_two_results_one_name(folder):
    (folder / "x").mkdir()
    (folder / "x" / "a").write_text("other")
    with opened(folder) as one, opened(folder) as other:
        assert one.claim(folder / "a", folder / "out" / "a.tif")
        with pytest.raises(ContentError, match=f"called as that of {folder / 'a'}"):
            other.claim(folder / "x" / "a", folder / "out" / "a.tif")
        do(one, folder / "a")
        with pytest.raises(ContentError, match="another run"):
            other.claim(folder / "x" / "a", folder / "out" / "a.tif")
    with opened(folder) as later:  # whoever names results now sees that the name is taken
        assert [each.name for each in later.entries().values()] == ["a.tif"]


def test_a_manifest_without_a_result_goes(folder):
    with opened(folder) as manifest:
        manifest.claim(folder / "a")
        manifest.fail(folder / "a", "broken", 0.1)
    assert list((folder / "out").iterdir()) == []
    with opened(folder) as one:
        with opened(folder):
            pass
        assert do(one, folder / "a")
    assert todo(folder) == ["b", "c"]


_KILLED = """
import os, signal, sys
from pathlib import Path
from emseg.manifest import Made, Manifest
point, folder = sys.argv[1], Path(sys.argv[2])
def die(at):
    if at == point:
        os.kill(os.getpid(), signal.SIGKILL)
made = Made({"model": "1"}, {"tta": None, "halo": 8}, {"format": "tif"})
with Manifest(folder / "out", "test", made) as manifest:
    path, result = folder / "a", folder / "out" / "a.tif"
    manifest.claim(path, result)
    die("claimed")
    beside = folder / "out" / f".emseg-{os.getpid()}-00.tif"
    beside.write_text("new")
    manifest.announce(path, result, [{"n": "new"}])
    die("announced")
    beside.replace(result)
    die("there")
    manifest.finish(path, [{"n": "new"}], 0)
    die("finished")
"""


@pytest.mark.parametrize("point", ["claimed", "announced", "there", "finished"])
@pytest.mark.parametrize("is_second", [False, True])
def test_wherever_a_run_is_killed_the_next_one_sees_to_it(folder, point, is_second):
    if is_second:
        finished(folder, "a")
        (folder / "a").write_text("now")
    said = subprocess.run([sys.executable, "-c", _KILLED, point, str(folder)], check=False)
    assert said.returncode == -9
    with opened(folder) as manifest:
        assert manifest.finished == (point == "there")
        rows = [row["n"] for row in manifest.rows()]
    is_new = point in ("there", "finished")
    assert rows == (["new"] if is_new else ["result"] if is_second else [])
    assert todo(folder, names="a") == ([] if is_new else ["a"])
    if is_new:
        assert (folder / "out" / "a.tif").read_text() == "new"
    if point == "there":  # what it took to make it died with the run
        with sqlite3.connect(folder / "out" / NAME) as database:
            said = database.execute("SELECT seconds, memory FROM inputs").fetchall()
        assert said == [(None, None)]


def test_a_run_of_another_kind_settles_what_one_that_died_had_finished(folder):
    subprocess.run([sys.executable, "-c", _KILLED, "there", str(folder)], check=False)
    with Manifest(folder / "out", "other", Made()):
        pass
    assert todo(folder, names="a") == []


def test_another_process_of_the_same_number_is_not_the_run_that_died(folder):
    with opened(folder) as dead:
        dead.claim(folder / "a")
        dead._database.do("UPDATE runs SET began = began - 100")
        with opened(folder) as living:
            assert living.claim(folder / "a")


def test_a_run_of_another_machine_counts_as_dead_once_it_is_silent(folder):
    with opened(folder) as far:
        far.claim(folder / "a")
        far._database.do("UPDATE runs SET host = 'far', process = 1")
        with opened(folder) as near:
            assert not near.claim(folder / "a")
            far._database.do("UPDATE runs SET seen = seen - 700 WHERE host = 'far'")
            assert near.claim(folder / "a")


def test_a_run_says_that_it_is_alive(folder, monkeypatch):
    monkeypatch.setattr(runs_module, "_BEAT_S", 0.01)
    with opened(folder) as manifest:
        database = manifest._database
        first = database.one("SELECT seen FROM runs")[0]
        until = time.monotonic() + 20
        while database.one("SELECT seen FROM runs")[0] == first:
            assert time.monotonic() < until
            time.sleep(0.01)


def test_a_transaction_that_is_cut_off_is_rolled_back(folder):
    finished(folder, "a")
    program = (
        "import os, signal, sqlite3, sys\n"
        "database = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        "database.execute('PRAGMA cache_size = 1')\n"  # writes before it commits
        "database.execute('BEGIN IMMEDIATE')\n"
        "database.execute('UPDATE inputs SET outcome = hex(zeroblob(1000000))')\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    subprocess.run([sys.executable, "-c", program, str(folder / "out" / NAME)], check=False)
    assert (folder / "out" / f"{NAME}-journal").exists()
    assert todo(folder) == ["b", "c"]
    assert [each.name for each in (folder / "out").iterdir() if "journal" in each.name] == []


@pytest.mark.parametrize(
    "content", [b"no database at all, but text", b"SQLite format 3\0" + b"x" * 500]
)
def test_what_is_no_manifest_is_refused_and_stays(folder, content):
    (folder / "out" / NAME).write_bytes(content)
    with pytest.raises(NotWritableError, match=r"manifest\.sqlite.*(move it away|another output)"):
        opened(folder).__enter__()
    assert (folder / "out" / NAME).read_bytes() == content


def test_a_manifest_of_a_later_emseg_is_refused(folder):
    finished(folder)
    with sqlite3.connect(folder / "out" / NAME) as database:
        database.execute("PRAGMA user_version = 9")
    with pytest.raises(NotWritableError, match="another version of emseg"):
        opened(folder)


def test_a_full_disk_is_said_and_what_was_done_stays(folder):
    finished(folder, "a")
    with opened(folder) as manifest:
        database = manifest._database
        database.do(f"PRAGMA max_page_count = {database.one('PRAGMA page_count')[0]}")
        manifest.claim(folder / "b")
        with pytest.raises(StorageError, match="make room"):
            manifest.finish(folder / "b", [{"n": "x" * 100_000}], 0)
    assert todo(folder) == ["b", "c"]


def test_kinds_of_results_are_none_of_each_others_business(folder):
    finished(folder)
    other = Manifest(folder / "out", "other", Made({"model": "2"}))
    assert other.entries() == {}
    assert standing(other, {}, [folder / "a"], overwrite=False).pending == (folder / "a",)


def test_links_lead_to_one_input(folder):
    (folder / "link").symlink_to(folder / "a")
    assert key_of(folder / "link") == key_of(folder / "a")
    assert key_of(Path(f"{folder}/x.h5:/raw")) == f"{folder}/x.h5:/raw"


def test_a_disk_without_locks_is_for_one_run_and_works(folder, monkeypatch):
    fcntl = pytest.importorskip("fcntl")

    def refuse(*_):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "lockf", refuse)
    finished(folder, "a")
    assert todo(folder) == ["b", "c"]
    assert sorted(each.name for each in (folder / "out").iterdir()) == ["a.tif", NAME]
