"""Packages that are hidden are missing for what is imported meanwhile, by this thread alone."""

import importlib
import sys
import threading

import pytest

from emseg.imports import without


@pytest.fixture
def library(tmp_path, monkeypatch):
    """A package with two parts, and a library that looks for one of them."""
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "optional_package").mkdir()
    for part in ("__init__", "slow", "quick"):
        (tmp_path / "optional_package" / f"{part}.py").write_text("")
    (tmp_path / "library_that_looks.py").write_text(
        "try:\n    import optional_package.slow as found\nexcept ImportError:\n    found = None\n"
    )
    yield "library_that_looks"
    for name in [each for each in sys.modules if each.startswith(("optional_pack", "library_th"))]:
        del sys.modules[name]


@pytest.mark.parametrize("hidden", ["optional_package", "optional_package.slow"])
def test_a_library_does_without_what_is_hidden(library, hidden):
    before = list(sys.meta_path)
    with without(frozenset({hidden})):
        assert importlib.import_module(library).found is None
    assert sys.meta_path == before
    assert importlib.import_module("optional_package.slow")


def test_the_other_parts_of_a_package_are_there(library):
    with without(frozenset({"optional_package.slow"})):
        assert importlib.import_module("optional_package.quick")


def test_other_threads_find_it(library):
    found = []
    with without(frozenset({"optional_package"})):
        other = threading.Thread(
            target=lambda: found.append(importlib.import_module(library).found)
        )
        other.start()
        other.join()
    assert found[0].__name__ == "optional_package.slow"
