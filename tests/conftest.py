import logging
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest

hypothesis.settings.register_profile("any machine", deadline=None)  # one that is busy too
hypothesis.settings.load_profile("any machine")
os.environ["HF_HUB_OFFLINE"] = "1"  # before any import: no test fetches, or waits for a network
os.environ["MALLOC_TOP_PAD_"] = "131072"  # glibc's own: tests of short memory need what is freed
os.environ.pop("COLUMNS", None)  # a test asks for a width itself; workers of xdist get one
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as in the background of a shell
    signal.signal(signal.SIGINT, signal.default_int_handler)
REPOSITORY = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def write_probabilities() -> Callable[..., None]:
    """Write planes of probabilities (C, Y, X) as a prediction does."""
    from emseg.writing import open_sink, probability_content

    def write(path, planes, classes, pixel_size, count=1):
        content = probability_content(
            path.name.partition(".")[0],
            planes[0].shape[1:],
            classes,
            pixel_size,
            [None] * count,
            count=count,
        )
        with open_sink(path, content) as sink:
            for plane in planes:
                sink.put(plane)

    return write


@pytest.fixture(scope="session")
def repository() -> Path:
    return REPOSITORY


@pytest.fixture(autouse=True)
def _own_log() -> Iterator[None]:
    """Take what a command hangs on to the log away again, whichever test comes next."""
    yield
    log = logging.getLogger("emseg")
    log.handlers.clear()
    log.setLevel(logging.NOTSET)


@pytest.fixture(autouse=True)
def _own_ctrl_c() -> Iterator[None]:
    """Find the test, or the import, that leaves Ctrl-C another meaning behind."""
    yield
    left = signal.getsignal(signal.SIGINT)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    assert left is signal.default_int_handler


_WATCH = """
import resource, subprocess, sys
print(subprocess.run(sys.argv[1:], check=True, capture_output=True, text=True).stdout)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


@pytest.fixture(scope="session")
def peak_memory() -> Callable[..., tuple[int, str]]:
    """Run Python, and give its peak memory in bytes and what it printed: ``("-m", "emseg")``.

    A small process starts it, because a child counts the memory of the one that forked it.
    """

    def run(*arguments: object) -> tuple[int, str]:
        command = [sys.executable, "-c", _WATCH, sys.executable, *map(str, arguments)]
        said = subprocess.run(command, check=True, capture_output=True, text=True, cwd=REPOSITORY)
        out, peak = said.stdout.rstrip().rsplit("\n", 1)
        return int(peak) * (1 if sys.platform == "darwin" else 1024), out

    return run


@pytest.fixture(scope="session")
def object_store() -> Iterator[Any]:
    """An empty bucket ``lab`` of an object store in this process, which emseg finds as its own."""
    from moto.server import ThreadedMotoServer
    from s3fs import S3FileSystem

    server = ThreadedMotoServer(port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        patch.setenv("AWS_ACCESS_KEY_ID", "key")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
        store = S3FileSystem(use_listings_cache=False)
        store.mkdir("lab")
        yield store
        server.stop()


@pytest.fixture(scope="session")
def real_data() -> Callable[[str], Path]:
    """Find a folder of real micrographs, or skip: ``real_data("superalloy")``."""
    root = Path(os.environ.get("EMSEG_REAL_DATA") or REPOSITORY.parent / "shared" / "data")

    def find(name: str) -> Path:
        if not (root / name).exists():
            pytest.skip(f"no real micrographs: {root / name} is missing; set EMSEG_REAL_DATA")
        return root / name

    return find
