"""Which backend computes a model here: the fastest of those that are installed and agree."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from emseg.bundle import StoredModel
from emseg.bundle.exports import read_exports, read_reference
from emseg.config import ExportKind
from emseg.errors import EmsegError, ModelError, UnknownNameError, UsageError
from emseg.inference.backends.agreement import fault_of
from emseg.inference.backends.backend import PRECISIONS, Backend, Wanted
from emseg.inference.backends.graphics import is_gpu_in_sight
from emseg.memory import is_shortage

_REFUSALS = (EmsegError, MemoryError, ImportError, OSError)


@dataclass(frozen=True, slots=True)
class BackendEntry:
    """One backend that there may be.

    Parameters
    ----------
    name : str
        As ``--backend`` takes it; its module is ``with_NAME``, whose ``opened(model, wanted)``
        gives the `Backend`.
    package : str
        What has to be installed, by the name of its import.
    install : str
        What installs it.
    has_gpus : bool
        Whether it computes on more than the processor.
    knows_processors : bool
        Whether its module has ``processor_precision()``, which says in what numbers this
        processor computes fastest with the range of float32.
    """

    name: str
    package: str
    install: str
    has_gpus: bool = False
    knows_processors: bool = False

    @property
    def is_installed(self) -> bool:
        """Whether its package is there; it is not imported."""
        try:
            return find_spec(self.package) is not None
        except (ImportError, ValueError):
            return False

    def processor_precision(self) -> str:
        """Say in what numbers it computes on the processor where nobody asks for any."""
        if not (self.knows_processors and self.is_installed):
            return "float32"
        try:
            precision: str = self._module().processor_precision()
        except (ImportError, OSError, RuntimeError):
            return "float32"  # a broken installation is told where it is opened
        return precision

    def opened(self, model: StoredModel, wanted: Wanted) -> Backend:
        """Import the backend and open a model with it."""
        backend: Backend = self._module().opened(model, wanted)
        return backend

    def _module(self) -> Any:
        return import_module(f"emseg.inference.backends.with_{self.name}")


ENTRIES = (
    BackendEntry("openvino", "openvino", "pip install 'emseg[cpu]'", knows_processors=True),
    BackendEntry("onnxruntime", "onnxruntime", "pip install 'emseg[cpu]'"),
    BackendEntry("torch", "torch", "pip install torch", has_gpus=True),
)
"""All backends, the fastest on a processor first (docs/decisions/0034)."""


@dataclass(frozen=True, slots=True)
class Choice:
    """The backend that computes, and why no other does.

    Parameters
    ----------
    backend : Backend
        Opened.
    others : tuple of str
        A line for each reason why others were passed over, and for what could be faster.
    """

    backend: Backend
    others: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Name backend, device and precision for the first line of a run."""
        chosen = self.backend
        return f"backend: {chosen.name}, device: {chosen.device}, precision: {chosen.precision}"


@dataclass(frozen=True, slots=True)
class Considered:
    """A backend that was tried: opened, or why not.

    Parameters
    ----------
    name : str
        Of one of `ENTRIES`.
    wanted : Wanted
        How it was to compute.
    backend : Backend or None
        Opened, and of one mind with the network.
    error : BaseException or None
        Why it cannot compute the model.
    """

    name: str
    wanted: Wanted
    backend: Backend | None = None
    error: BaseException | None = None

    @property
    def reason(self) -> str:
        """Why it cannot compute the model, in one line; empty where it can."""
        return "" if self.error is None else _line(self.error)


def open_backend(
    model: StoredModel,
    *,
    backend: str = "auto",
    device: str = "auto",
    threads: int | None = None,
    precision: str | None = None,
) -> Choice:
    """Open a model with the backend that is named, or with the fastest that agrees.

    A GPU comes first, with PyTorch; then the processor, in the order of `ENTRIES`. Whether there
    is a GPU is asked of PyTorch only where there is a sign of one, so that a machine without one
    does not wait for its import. Each computes in bfloat16 first where its device multiplies
    matrices of it. All but the weights themselves in float32 have to answer the reference of the
    model as the network did, what nobody asked for in 99.9 % of its pixels.

    Parameters
    ----------
    model : StoredModel
        Its weights are read only where PyTorch computes.
    backend : str
        ``"auto"``, or the name of one of `ENTRIES`.
    device : str
        As ``--device`` takes it.
    threads : int, optional
        Of the processor; as many as win time by default.
    precision : str, optional
        One of `PRECISIONS`; by default bfloat16 on what has units for it, and float32 elsewhere.

    Raises
    ------
    UsageError
        When there is no such backend, device or precision, or a package is missing.
    ModelError
        When the backend that is named cannot open the model, or disagrees; or when none can.
    MemoryError, OSError, ImportError or RuntimeError
        When none can, and one for want of memory (`emseg.memory.is_shortage`).
    """
    tried: list[Considered] = []
    for each in considered(
        model, backend=backend, device=device, threads=threads, precision=precision
    ):
        if each.backend is not None:
            return Choice(each.backend, (*passed_over(tried), *_faster(model, each.wanted)))
        tried.append(each)
    if backend != "auto" and tried and (error := tried[-1].error) is not None:
        raise _about(_entries(backend)[0], error) from error
    for each in tried:
        if each.error is not None and is_shortage(each.error):
            raise each.error  # it would compute, and what others say may come of the same
    raise ModelError(f"no backend computes {model.folder}: {'; '.join(passed_over(tried))}")


def considered(
    model: StoredModel,
    *,
    backend: str = "auto",
    device: str = "auto",
    threads: int | None = None,
    precision: str | None = None,
) -> Iterator[Considered]:
    """Open a model with one backend after the other, in the order in which `open_backend` does.

    Raises
    ------
    UsageError
        When there is no such backend, device or precision.
    """
    entries = _entries(backend)
    if precision is not None and precision not in PRECISIONS:
        raise UnknownNameError("precision", precision, PRECISIONS)
    for entry, wanted in _attempts(entries, device, threads, precision):
        try:
            opened = _agreeing(entry, model, wanted, is_asked=precision is not None)
            yield Considered(entry.name, wanted, opened)
        except (*_REFUSALS, RuntimeError) as error:
            if not (isinstance(error, _REFUSALS) or is_shortage(error)):
                raise
            yield Considered(entry.name, wanted, error=error)


def failed(tried: Iterable[Considered]) -> list[Considered]:
    """Give what cannot compute a model, each backend once for each reason.

    What keeps one from computing in any precision is said of the last that was tried.
    """
    last = {(each.name, each.reason): each for each in tried if each.error is not None}
    return list(last.values())


def passed_over(tried: Iterable[Considered]) -> tuple[str, ...]:
    """Say in a line for each precision and reason which backends do not compute."""
    passed: dict[tuple[str, str], list[str]] = {}
    for each in failed(tried):
        passed.setdefault((each.wanted.precision, each.reason), []).append(each.name)
    return tuple(
        f"{'neither' if len(names) > 1 else 'not'} {' nor '.join(names)} in {precision}: {reason}"
        for (precision, reason), names in passed.items()
    )


def _entries(backend: str) -> tuple[BackendEntry, ...]:
    names = [each.name for each in ENTRIES]
    if backend not in ("auto", *names):
        raise UnknownNameError("backend", backend, ("auto", *names))
    return ENTRIES if backend == "auto" else (ENTRIES[names.index(backend)],)


def _attempts(
    entries: tuple[BackendEntry, ...], device: str, threads: int | None, precision: str | None
) -> Iterator[tuple[BackendEntry, Wanted]]:
    """List what is tried, in this order: a GPU, unless there is none, then the processor."""
    attempts: list[tuple[BackendEntry, Wanted]] = []
    if not device.startswith("cpu") and (device != "auto" or is_gpu_in_sight()):
        attempts = _with_gpu(entries, device, threads, precision)
    yield from attempts
    if attempts and device != "auto":
        return
    for entry in entries:
        numbers = (entry.processor_precision(), "float32") if precision is None else (precision,)
        for each in dict.fromkeys(numbers):
            yield entry, Wanted("cpu", threads, each)


def _with_gpu(
    entries: tuple[BackendEntry, ...], device: str, threads: int | None, precision: str | None
) -> list[tuple[BackendEntry, Wanted]]:
    """List what is tried on a GPU, in bfloat16 first where it has that."""
    able = [entry for entry in entries if entry.has_gpus and entry.is_installed]
    if not able and device != "auto":
        raise UsageError(
            f"{' and '.join(each.name for each in entries)} cannot compute on --device {device}; "
            "take --backend torch, or --device cpu"
        )
    try:
        from emseg.inference.backends.device import choose_device, gpu_precision

        place = choose_device(device) if able else None
    except (ImportError, OSError) as error:
        if device != "auto":
            raise UsageError(f"--device {device} needs torch: {_line(error)}") from error
        return []  # a broken installation is told where its turn comes
    if place is None or place.type == "cpu":
        return []
    numbers = (gpu_precision(place), "float32") if precision is None else (precision,)
    return [
        (entry, Wanted(str(place), threads, each))
        for entry in able
        for each in dict.fromkeys(numbers)
    ]


def _agreeing(
    entry: BackendEntry, model: StoredModel, wanted: Wanted, *, is_asked: bool
) -> Backend:
    """Open a model, and refuse a backend that does not answer as the network did."""
    if not entry.is_installed:
        raise UsageError(f"not installed: {entry.install}")
    backend = entry.opened(model, wanted)
    if entry.has_gpus and backend.precision == "float32":
        return backend  # the network itself
    try:
        reference = read_reference(model.folder, model.card.sha256)
    except ModelError:
        if entry.has_gpus:
            return backend
        raise
    export = read_exports(model.folder).of(ExportKind.INT8)
    fault = fault_of(backend, reference, export, is_asked=is_asked)
    if fault is not None:
        raise ModelError(fault)
    return backend


def _faster(model: StoredModel, wanted: Wanted) -> tuple[str, ...]:
    """Say that an export of int8 is there, which is taken only when it is asked for."""
    if wanted.precision != "float32" or wanted.device != "cpu":
        return ()
    try:
        found = read_exports(model.folder).of(ExportKind.INT8)
    except ModelError:
        return ()
    if found is None or found.weights_sha256 != model.card.sha256:
        return ()
    return ("an export of int8 is there, several times as fast: --precision int8 takes it",)


def _about(entry: BackendEntry, error: BaseException) -> BaseException:
    """Say which backend it is that cannot do what is asked."""
    said = f"--backend {entry.name}: {_line(error)}"
    if isinstance(error, ModelError):
        return ModelError(said)
    return error if is_shortage(error) else UsageError(said)


def _line(error: BaseException) -> str:
    if is_shortage(error):
        return "memory is short"
    said = " ".join(str(error).split())
    return said if isinstance(error, EmsegError) else f"it cannot be imported ({said:.200})"
