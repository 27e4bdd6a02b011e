import os
from collections.abc import Callable
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def repository() -> Path:
    return REPOSITORY


@pytest.fixture(scope="session")
def real_data() -> Callable[[str], Path]:
    """Find a folder of real micrographs, or skip: ``real_data("superalloy")``."""
    root = Path(os.environ.get("EMSEG_REAL_DATA") or REPOSITORY.parent / "shared" / "data")

    def find(name: str) -> Path:
        if not (root / name).exists():
            pytest.skip(f"no real micrographs: {root / name} is missing; set EMSEG_REAL_DATA")
        return root / name

    return find
