"""What is free is the least of machine, container and shell; what needs more is refused."""

import errno
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import psutil
import pytest

from emseg import memory
from emseg.errors import ContentError, ModelError

resource = pytest.importorskip("resource", reason="Windows has no limits of this kind")


@pytest.fixture(autouse=True)
def _machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine of 16 GB of which 8 are free, without a container and limits of the shell."""
    there = SimpleNamespace(total=16_000_000_000, available=8_000_000_000)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: there)
    monkeypatch.setattr(memory, "_CGROUPS", tmp_path / "no control groups")
    monkeypatch.setattr(resource, "getrlimit", lambda _: (resource.RLIM_INFINITY,) * 2)


def test_the_machine_alone() -> None:
    assert memory.free_bytes() == 8_000_000_000


@pytest.mark.parametrize(
    ("limit", "used", "stat", "free"),
    [
        ("3000000000", "2500000000", "inactive_file 200000000", 700_000_000),
        ("max", "2500000000", "inactive_file 0", 8_000_000_000),
        ("9223372036854771712", "2500000000", "inactive_file 0", 8_000_000_000),
        ("1000", "2000", "inactive_file 0", 0),
    ],
)
def test_a_container_has_a_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str, used: str, stat: str, free: int
) -> None:
    """The limit stands in a group above that of the process."""
    (tmp_path / "pod" / "own").mkdir(parents=True)
    for name, said in {"max": limit, "current": used, "stat": f"anon 5\n{stat}"}.items():
        (tmp_path / "pod" / f"memory.{name}").write_text(said)
    (tmp_path / "membership").write_text("1:cpu:/elsewhere\n0::/pod/own\n")
    monkeypatch.setattr(memory, "_MEMBERSHIP", tmp_path / "membership")
    monkeypatch.setattr(memory, "_CGROUPS", tmp_path)
    assert memory.free_bytes() == free


def test_a_container_of_the_first_version_has_a_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each controller has a mount of its own; those of others say nothing of the memory."""
    for folder, limit in {"memory/pod": 3_000_000_000, "cpu,cpuacct/pod": 100}.items():
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "memory.limit_in_bytes").write_text(str(limit))
        (tmp_path / folder / "memory.usage_in_bytes").write_text("2500000000")
        (tmp_path / folder / "memory.stat").write_text("total_inactive_file 100000000")
    (tmp_path / "membership").write_text("4:memory:/pod/own\n3:cpu,cpuacct:/pod/own\n")
    monkeypatch.setattr(memory, "_MEMBERSHIP", tmp_path / "membership")
    monkeypatch.setattr(memory, "_CGROUPS", tmp_path)
    assert memory.free_bytes() == 600_000_000


def test_a_shell_has_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    limits = {resource.RLIMIT_AS: 2_000_000_000, resource.RLIMIT_DATA: 10_000_000_000}
    monkeypatch.setattr(resource, "getrlimit", lambda kind: (limits[kind],) * 2)
    taken = SimpleNamespace(vms=600_000_000, data=9_500_000_000)
    monkeypatch.setattr(psutil.Process, "memory_info", lambda _: taken)
    assert memory.free_bytes() == 500_000_000
    assert "(ulimit -v 1953125, ulimit -d 9765625)" in memory.shortage()


def test_what_needs_more_is_refused_with_the_numbers() -> None:
    with pytest.raises(ContentError) as caught:
        memory.require_free(10_600_000_000, "reading a.png", "close other programs")
    said = "reading a.png needs 10.6 GB of memory and 8.0 GB are free; close other programs"
    assert str(caught.value) == said
    memory.require_free(7_900_000_000, "reading a.png", "")


def test_a_folder_in_memory_takes_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=90_000_000_000))
    for kind, free in {"ext4": 90_000_000_000, "tmpfs": 8_000_000_000}.items():
        mounted = [
            SimpleNamespace(mountpoint="/", fstype="overlay"),
            SimpleNamespace(mountpoint=str(tmp_path.parent), fstype=kind),
        ]
        monkeypatch.setattr(psutil, "disk_partitions", lambda _=mounted, **__: _)
        assert memory.free_on_disk(tmp_path) == free


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        OSError(errno.ENOMEM, "Cannot allocate memory"),
        ImportError("libtorch_cpu.so: failed to map segment from shared object"),
        RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 9 bytes"),
        RuntimeError("[enforce fail at alloc_cpu.cpp:127] err == 0. can't allocate memory"),
        RuntimeError("can't start new thread"),
        np._core._exceptions._ArrayMemoryError((9, 9), np.dtype("f8")),
    ],
)
def test_what_libraries_say_where_memory_is_short(error: Exception) -> None:
    assert memory.is_shortage(error)
    wrapped = ModelError("the weights cannot be read")
    wrapped.__cause__ = error
    assert memory.is_shortage(wrapped)


@pytest.mark.parametrize("error", [ValueError("memory"), RuntimeError("size mismatch"), KeyError()])
def test_other_errors_are_no_shortage(error: Exception) -> None:
    assert not memory.is_shortage(error)


@pytest.mark.parametrize("has_limit", [False, True])
def test_a_library_that_says_nothing_met_the_limit_of_the_shell(monkeypatch, has_limit) -> None:
    limits = [("-v", 512_000_000)] if has_limit else []
    monkeypatch.setattr(memory, "_limits_of_shell", lambda: limits)
    error = SystemError("error return without exception set")
    assert memory.is_shortage(error) == has_limit


def test_a_shortage_of_the_gpu_is_told_as_such() -> None:
    assert "the GPU has too little" in memory.shortage(RuntimeError("CUDA out of memory"))
    of_library = ImportError("libtorch_cuda.so: failed to map segment from shared object")
    assert "the GPU" not in memory.shortage(of_library)


@pytest.mark.skipif(sys.platform != "linux", reason="Linux alone bounds data that are mapped")
def test_a_block_is_bounded_and_the_limit_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    monkeypatch.setattr(memory, "free_bytes", lambda: 300_000_000)
    before = resource.getrlimit(resource.RLIMIT_DATA)
    with memory.bounded():
        with memory.bounded():
            np.empty(100_000_000, np.uint8)
        with pytest.raises(MemoryError):
            np.empty(900_000_000, np.uint8)
    assert resource.getrlimit(resource.RLIMIT_DATA) == before
    np.empty(900_000_000, np.uint8)
