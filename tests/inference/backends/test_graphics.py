"""Whether PyTorch is asked for a GPU: not where there is no sign of one."""

from types import SimpleNamespace

import pytest

from emseg.inference.backends import graphics


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """Say what PyTorch was built for and which devices Linux lists."""

    def make(version, devices=(), system="linux", processor="x86_64"):
        (tmp_path / "torch").mkdir()
        (tmp_path / "torch" / "version.py").write_text(version, encoding="utf-8")
        for name in devices:
            (tmp_path / "dev" / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / "dev" / name).touch()
        origin = str(tmp_path / "torch" / "__init__.py")
        monkeypatch.setattr(graphics, "find_spec", lambda _: SimpleNamespace(origin=origin))
        monkeypatch.setattr(graphics.sys, "platform", system)
        monkeypatch.setattr(graphics.platform, "machine", lambda: processor)
        return graphics.is_gpu_in_sight(tmp_path / "dev")

    return make


CUDA = "cuda: Optional[str] = '13.0'\nhip: Optional[str] = None\nxpu: Optional[str] = None\n"
NONE = "cuda: Optional[str] = None\nhip: Optional[str] = None\n"
XPU = "cuda: Optional[str] = None\nxpu: Optional[str] = '20250302'\n"
HIP = "cuda = None\nhip = '6.4.1'\n"


@pytest.mark.parametrize(
    ("version", "devices", "expected"),
    [
        (CUDA, ["nvidia0", "nvidiactl"], True),
        (CUDA, ["dxg"], True),
        (CUDA, ["dri/renderD128"], False),  # the graphics of a laptop
        (CUDA, [], False),
        (NONE, ["nvidia0"], False),
        (XPU, ["dri/renderD128"], True),
        (XPU, ["nvidia0"], False),
        (HIP, ["kfd"], True),
    ],
)
def test_linux_lists_the_device_that_torch_was_built_for(machine, version, devices, expected):
    assert machine(version, devices) is expected


def test_other_systems(machine):
    assert machine(NONE, system="darwin", processor="arm64")


def test_an_old_mac(machine):
    assert not machine(NONE, system="darwin")


def test_windows_says_by_what_torch_was_built_for(machine):
    assert machine(CUDA, system="win32")


def test_without_torch_there_is_none(monkeypatch):
    monkeypatch.setattr(graphics, "find_spec", lambda _: None)
    assert not graphics.is_gpu_in_sight()
