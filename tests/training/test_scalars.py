"""What TensorBoard reads, and that nothing depends on it."""

import sys
from types import ModuleType

import pytest

from emseg.commands.train import train as shown
from emseg.config import TrainConfig
from emseg.errors import UsageError
from emseg.training import train
from emseg.training.scalars import Scalars


@pytest.fixture
def configure(folders, tmp_path):
    images, masks = folders(4)

    def build(**more):
        tiny = {"crop_size": 32, "batch": 1, "options": {"width": 4}, "steps": 2}
        data = {"images": (images,), "masks": (masks,), "out": tmp_path / "run"}
        return TrainConfig(**(tiny | data | more))

    return build


class Writer:
    """Takes down what is written, in the place of that of the package."""

    def __init__(self, folder, purge_step):
        self.folder, self.purge_step, self.rows, self.is_closed = folder, purge_step, [], False
        self.full = False
        Writer.last = self

    def add_scalar(self, name, value, step):
        if self.full:
            raise OSError(28, "No space left on device")
        self.rows.append((name, value, step))

    def close(self):
        self.is_closed = True


@pytest.fixture
def package(monkeypatch):
    module = ModuleType("torch.utils.tensorboard")
    module.SummaryWriter = Writer
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", module)


def test_it_holds_what_the_table_holds_and_each_step(configure, package):
    run = train(configure(tensorboard=True), lambda _progress: None)
    writer = Writer.last
    header, row = (run.folder / "metrics.csv").read_text(encoding="utf-8").splitlines()
    table = dict(zip(header.split(","), row.split(","), strict=True))
    found = {name: value for name, value, step in writer.rows if step == 2}
    assert found.keys() == table.keys() - {"step", "epoch", "seconds"} | {"step_loss"}
    shared = found.keys() & table.keys()
    assert all(found[name] == pytest.approx(float(table[name])) for name in shared)
    steps = [step for name, _, step in writer.rows if name == "step_loss"]
    assert steps == [1, 2]
    assert (writer.folder, writer.purge_step) == (str(run.folder), 1)
    assert writer.is_closed


def test_without_the_package_nothing_is_begun(configure, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    config = configure(tensorboard=True)
    with pytest.raises(UsageError, match=r"--tensorboard .* pip install 'emseg\[tensorboard\]'"):
        shown(config)
    assert not config.out.exists()


def test_a_full_disk_ends_the_file_and_not_the_run(package, tmp_path, caplog):
    scalars = Scalars(tmp_path)
    scalars.write(7, {"val_loss": 0.5, "val_iou.pore": None})
    Writer.last.full = True
    scalars.write(8, {"val_loss": 0.4})
    scalars.write(9, {"val_loss": 0.3})
    scalars.close()
    assert Writer.last.rows == [("val_loss", 0.5, 7)]
    assert Writer.last.is_closed
    assert caplog.text.count("nothing more is written for TensorBoard") == 1


def test_the_package_itself_reads_it_again(tmp_path):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    scalars = Scalars(tmp_path)
    scalars.write(3, {"val_iou.pore": 0.25})
    scalars.close()
    found = EventAccumulator(str(tmp_path)).Reload()
    assert [(each.step, each.value) for each in found.Scalars("val_iou.pore")] == [(3, 0.25)]
