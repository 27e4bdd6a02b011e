"""What of emseg decides a measured number: rows stay valid while it is the same.

A commit to the documentation or to the pictures of a report changes no score, and a table of many
hours should not be begun anew for it. `code_state` is a hash of the sources that train, predict and
evaluate; rows keep it beside the commit.
"""

import hashlib
from collections.abc import Collection, Sequence

from benchmarks.chain import ROOT

_SHOWN = (
    "api",
    "cli",
    "commands",
    "reporting",
    "explanation",
    "synthesis",
)  # only show what came out


def of_one_state(rows: Sequence[dict[str, str]]) -> list[dict[str, str]]:
    """Take the rows of the newest state of the code, and those that no code of emseg decided."""
    newest = next((row["code"] for row in reversed(rows) if row["code"]), "")
    return [row for row in rows if row["code"] in ("", newest)]


def code_state(without: Collection[str] = _SHOWN) -> str:
    """Hash the sources of emseg, without the rooms that only show results, or others."""
    package = ROOT / "emseg"
    files = sorted(package.rglob("*.py"))
    digest = hashlib.sha256()
    for file in files:
        name = file.relative_to(package)
        if name.parts[0] not in without:
            digest.update(f"{name.as_posix()}\0".encode() + file.read_bytes() + b"\0")
    return digest.hexdigest()[:12]
