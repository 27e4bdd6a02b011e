"""Libraries imported without packages that they look for and that a run does not need."""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without(packages: frozenset[str]) -> Iterator[None]:
    """Hide packages that are optional to what this thread imports in the block.

    Parameters
    ----------
    packages : frozenset of str
        By the names of their imports; ``"package.part"`` hides a part alone.
    """
    hidden = _Hidden(packages)
    sys.meta_path.insert(0, hidden)
    try:
        yield
    finally:
        sys.meta_path.remove(hidden)


class _Hidden:
    """Says to one thread that packages are not installed; other threads find them."""

    def __init__(self, packages: frozenset[str]) -> None:
        self._packages = packages
        self._thread = threading.get_ident()

    def find_spec(self, name: str, _path: object = None, _target: object = None) -> None:
        if name in self._packages and threading.get_ident() == self._thread:
            raise ModuleNotFoundError(f"{name} is not needed here", name=name)
