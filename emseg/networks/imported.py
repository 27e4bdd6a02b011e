"""Libraries of networks, imported without the compiler of PyTorch, which takes seconds.

torchvision asks ``torch._dynamo`` for a function that aligning boxes calls, and timm has some of
its functions left out of compilations (`torch.compiler.disable`), which imports the compiler while
timm is imported. Whoever only predicts calls neither, so both are looked up when they are called.
"""

import functools
import inspect
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from types import ModuleType
from typing import Any

_COMPILER, _ASKED = "torch._dynamo", "torch._dynamo.utils"


def imported(name: str) -> Any:
    """Import torchvision, timm, segmentation-models-pytorch, or a module of theirs.

    Parameters
    ----------
    name : str
        As it stands behind ``import``.

    Raises
    ------
    ImportError
        When it is not installed.
    """
    with _without_compiler():
        return import_module(name)


@contextmanager
def _without_compiler() -> Iterator[None]:
    """Answer for the compiler while libraries are imported, unless it is there already."""
    from torch import compiler

    if _COMPILER in sys.modules:
        yield
        return
    disable, standing = compiler.disable, _Standing(_ASKED)
    compiler.disable, sys.modules[_ASKED] = _when_called(disable), standing
    try:
        yield
    finally:
        compiler.disable = disable
        standing.leave()


class _Standing(ModuleType):
    """Stands for a module of the compiler until something of it is needed."""

    def leave(self) -> None:
        """Make room for the module itself."""
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if name == "is_compile_supported":
            return self.is_supported
        self.leave()
        return getattr(import_module(self.__name__), name)

    def is_supported(self, device: str) -> Any:
        """Ask the compiler whether it works for a device."""
        self.leave()
        return import_module(self.__name__).is_compile_supported(device)


def _when_called(disable: Callable[..., Any]) -> Callable[..., Any]:
    """Leave functions out of compilations from when they are called; classes and networks at once.

    Parameters
    ----------
    disable : callable
        `torch.compiler.disable`.
    """

    @functools.wraps(disable)
    def later(function: Any = None, recursive: bool = True, **how: Any) -> Any:
        if function is None:
            return functools.partial(later, recursive=recursive, **how)
        if not inspect.isfunction(function):
            return disable(function, recursive, **how)

        @functools.wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            return disable(function, recursive, **how)(*args, **kwargs)

        return call

    return later
