from collections.abc import Callable
from dataclasses import dataclass

import pytest

from emseg.cli import main


@dataclass(frozen=True, slots=True)
class Outcome:
    code: int
    out: str
    err: str


@pytest.fixture
def emseg(capsys: pytest.CaptureFixture[str]) -> Callable[..., Outcome]:
    """Run a command as the console script does: ``emseg("info", path).code``."""

    def run(*arguments: object) -> Outcome:
        capsys.readouterr()
        with pytest.raises(SystemExit) as left:
            main([str(each) for each in arguments])
        said = capsys.readouterr()
        return Outcome(int(left.value.code or 0), said.out, said.err)

    return run
