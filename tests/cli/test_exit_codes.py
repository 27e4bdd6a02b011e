import errno
import logging
import subprocess
import sys
import types
from itertools import pairwise
from typing import Annotated

import pytest
import typer
from PIL import Image

from emseg import errors
from emseg.cli.terminal import console

BRANCHES = {
    errors.UsageError: 2,
    errors.PathMissingError: 2,
    errors.NotWritableError: 2,
    errors.PartialError: 3,
    errors.UnreadableFileError: 4,
    errors.LabelError: 4,
    errors.MismatchError: 4,
    errors.ModelError: 4,
    errors.StorageError: 4,
}


@pytest.fixture
def command(monkeypatch, emseg):
    """Run a stand-in for ``emseg demo`` that does what a test wants."""

    def run(work, *arguments):
        def demo(
            name: Annotated[str, typer.Argument(metavar="NAME")] = "",
            epochs: Annotated[int, typer.Option(min=1)] = 1,
        ) -> None:
            """Stand in."""
            work()

        module = types.ModuleType("emseg.cli.demo")
        module.demo = demo
        monkeypatch.setitem(sys.modules, "emseg.cli.demo", module)
        return emseg("demo", *arguments)

    return run


def raising(error):
    def work():
        raise error

    return work


@pytest.mark.parametrize(("kind", "code"), BRANCHES.items())
def test_a_refusal_is_one_line_with_its_code(command, kind, code):
    shown = command(raising(kind("no file 'a [b].tif';\n give another")))
    assert shown.code == code
    assert shown.out == ""
    assert shown.err == "emseg: error: no file 'a [b].tif'; give another\n"


def test_a_long_refusal_is_still_one_line(command):
    shown = command(raising(errors.LabelError("long " * 200 + "end")))
    assert shown.err.count("\n") == 1
    assert shown.err.endswith("long end\n")


def test_a_defect_says_that_it_is_one(command):
    shown = command(raising(ZeroDivisionError("division by zero")))
    assert shown.code == 1
    assert shown.err.startswith(
        "emseg: error: ZeroDivisionError: division by zero; this is a defect"
    )
    assert shown.err.count("\n") == 1


SHORT = [
    MemoryError(),
    OSError(errno.ENOMEM, "Cannot allocate memory"),
    ImportError("libtorch_cpu.so: failed to map segment from shared object"),
    RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 9 bytes"),
]


@pytest.mark.parametrize("error", SHORT)
@pytest.mark.parametrize("is_wrapped", [False, True])
def test_a_shortage_of_memory_is_no_defect(command, error, is_wrapped):
    raised = error
    if is_wrapped:
        raised = errors.ModelError("the weights are damaged")
        raised.__cause__ = error
    shown = command(raising(raised))
    assert shown.code == 4
    assert shown.err.startswith("emseg: error: more memory is needed than the ")
    assert shown.err.count("\n") == 1


@pytest.mark.skipif(sys.platform != "linux", reason="Linux alone keeps a process to ulimit -v")
@pytest.mark.parametrize(
    ("limit", "arguments", "said"),
    [
        (200_000, "info a.png", "(ulimit -v 200000), and emseg needs 400 MB to start"),
        (500_000, "predict models/superalloy a.png", "as this shell allows (ulimit -v 500000)"),
    ],
)
def test_a_limit_of_the_shell_is_told(limit, arguments, said, repository, tmp_path):
    Image.new("L", (64, 48), 90).save(tmp_path / "a.png")
    (tmp_path / "models").symlink_to(repository / "tests" / "models")
    line = f"ulimit -v {limit}; exec {sys.executable} -m emseg {arguments}"
    run = subprocess.run(
        ["bash", "-c", line], capture_output=True, text=True, timeout=120, cwd=tmp_path
    )
    assert run.returncode == 4, run.stderr
    assert said in run.stderr
    assert run.stderr.count("\n") == 1


def test_debug_shows_where_it_happened(command):
    shown = command(raising(errors.LabelError("no such value")), "--debug")
    assert shown.code == 4
    assert "Traceback" in shown.err
    assert shown.err.endswith("emseg: error: no such value\n")


def test_an_interruption_is_130(command):
    shown = command(raising(KeyboardInterrupt()))
    assert (shown.code, shown.err) == (130, "emseg: error: interrupted\n")


def test_a_command_may_leave_with_its_own_code(command):
    assert command(raising(typer.Exit(3))).code == 3


def test_done_is_0_and_silent(command):
    shown = command(lambda: None)
    assert (shown.code, shown.out, shown.err) == (0, "", "")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--epoch", "3"], "there is no option --epoch; did you mean --epochs?"),
        (["--epochs", "many"], "Invalid value for '--epochs'"),
        (["--epochs", "0"], "Invalid value for '--epochs'"),
        (["--epochs"], "Option '--epochs' requires an argument"),
        (["a", "b"], "Got unexpected extra argument(s) (b); see emseg demo --help"),
    ],
)
def test_wrong_usage_is_2_and_one_line(command, arguments, says):
    shown = command(lambda: None, *arguments)
    assert shown.code == 2
    assert shown.err.startswith(f"emseg: error: {says}")
    assert shown.err.count("\n") == 1


def test_a_mistyped_command_is_guessed(emseg):
    shown = emseg("trian", "images")
    assert shown.code == 2
    assert shown.err == "emseg: error: there is no command 'trian'; did you mean 'train'?\n"


def test_a_warning_of_a_room_is_a_notice_said_once(command):
    def work():
        for _ in range(3):
            logging.getLogger("emseg.labels").warning("%s has %d values", "[a].png", 7)

    assert command(work).err == "notice: [a].png has 7 values\n"


def test_quiet_leaves_results_and_errors(command):
    def work():
        logging.getLogger("emseg.labels").warning("a notice")
        console.remark("a remark")
        with console.progress("predicting", 2) as meter:
            meter.advance()
        console.result("a result")
        raise errors.PartialError("one of two failed")

    shown = command(work, "--quiet")
    assert (shown.out, shown.err) == ("a result\n", "emseg: error: one of two failed\n")


def test_a_result_is_never_wrapped_and_never_markup(command):
    line = "[red]" + "x" * 500 + "[/red]"
    assert command(lambda: console.result(line)).out == line + "\n"


def test_a_closed_pipe_is_no_defect():
    program = (
        "import sys, types\n"
        "from emseg.cli.terminal import console; from emseg.cli import main\n"
        "def demo():\n"
        "    for _ in range(100_000): console.result('row')\n"
        "sys.modules['emseg.cli.demo'] = types.SimpleNamespace(demo=demo)\n"
        "main(['demo'])\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as run:
        assert run.stdout.readline().strip() == b"row"
        run.stdout.close()
        complaints = run.stderr.read()
        run.wait(timeout=60)
    assert (run.returncode, complaints) == (141, b"")


def test_lines_tell_how_far_the_work_is_when_nobody_watches():
    from emseg.cli.terminal.meters import ProgressLines

    now, lines = [0.0], []
    meter = ProgressLines(lines.append, "predicting", 4, "tiles", clock=lambda: now[0])
    for seconds in (2.0, 6.0, 8.0, 12.0):
        now[0] = seconds
        meter.note(f"at {seconds:.0f}")
        meter.advance()
    meter.close()
    assert lines == [
        "predicting: 2 of 4 tiles, 0.333 tiles/s, 6 s left, at 6",
        "predicting: 4 of 4 tiles, 0.333 tiles/s, 12 s, at 12",
    ]


def test_long_work_fills_no_log():
    from emseg.cli.terminal.meters import ProgressLines

    now, lines = [0.0], []
    meter = ProgressLines(lines.append, "training", 36_000, "steps", clock=lambda: now[0])
    times = []
    for second in range(1, 36_001):
        now[0], before = second, len(lines)
        meter.advance()
        times += [second] * (len(lines) - before)
    assert times[:11] == [5, 10, 15, 20, 25, 30, 35, 40, 45, 50, 56]
    assert 80 < len(lines) < 130
    assert max(after - before for before, after in pairwise(times)) == 600


def test_short_work_needs_no_line():
    from emseg.cli.terminal.meters import ProgressLines

    now, lines = [0.0], []
    meter = ProgressLines(lines.append, "predicting", 3, "tiles", clock=lambda: now[0])
    now[0] = 0.9
    meter.advance(3)
    meter.close()
    assert lines == []
