"""What the results of many files are called: their stems, and more where these collide."""

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from emseg.errors import UsageError
from emseg.reading.finding.files import above_of
from emseg.reading.formats import stem
from emseg.remote import RemotePath, as_path


@dataclass(frozen=True)
class Naming:
    """What results are called by the inputs that they are made of.

    Parameters
    ----------
    inputs : sequence of Path
        As a user named them: files, folders, globs.
    is_recursive : bool
        Whether results lie in folders of the names of those that their inputs lie in.
    pattern : str or None
        As a user says it: ``"{folder}/{stem}_{model}"``.
    model : str
        What the model is called.
    given : mapping of Path to str
        Names that somebody else has settled.
    """

    inputs: Sequence[Path] = ()
    is_recursive: bool = False
    pattern: str | None = None
    model: str = ""
    given: Mapping[Path, str] = field(default_factory=dict)

    def name(self, path: Path) -> str:
        """Call the result of an input; a slash is a folder of the results.

        Raises
        ------
        UsageError
            When the pattern leads out of the folder of the results.
        """
        if path in self.given:
            return self.given[path]
        pattern = self.pattern or ("{folder}/{stem}" if self.is_recursive else "{stem}")
        said = pattern.format(stem=stem(path), folder=self._folder(path), model=self.model)
        parts = [part for part in said.split("/") if part not in ("", ".")]
        if ".." in parts or said.endswith("/"):
            raise UsageError(
                f"--name {pattern!r} calls the result of {path} {said!r}, which is no name in the "
                "output folder; leave out what leads elsewhere"
            )
        return "/".join(parts)

    def _folder(self, path: Path) -> str:
        """Folder of an input below the one that was named, the nearest of several."""
        real = path.parent if isinstance(path, RemotePath) else Path(os.path.realpath(path.parent))
        around = [each for each in self._above if each == real or each in real.parents]
        if not around:
            return ""
        below = real.relative_to(max(around, key=lambda each: len(each.parts)))
        return "" if below == Path() else below.as_posix()

    @cached_property
    def _above(self) -> list[Path]:
        given = map(as_path, self.inputs)
        return [
            each if isinstance(each, RemotePath) else Path(os.path.realpath(above_of(each)))
            for each in given
        ]


def output_stems(
    paths: Sequence[Path],
    earlier: Mapping[Path, str] | None = None,
    naming: Naming | None = None,
) -> dict[Path, str]:
    """Name results after the files that they come from.

    Parameters
    ----------
    paths : sequence of Path
        The files, each once.
    earlier : mapping of Path to str, optional
        Files, of these or others, whose results are there already, and what those are called:
        the same file keeps its name, and no other one takes it.
    naming : Naming, optional
        Says what they are called; by their stems when it is left out.

    Returns
    -------
    dict of Path to str
        Stems that collide keep their folder (``"monday/a"``), then their suffix too, then as
        many folders as it takes; a slash is a folder of the results.

    Raises
    ------
    UsageError
        When a pattern of the user gives two files one name.
    """
    earlier, naming, wanted = earlier or {}, naming or Naming(), set(paths)
    others = {path: name for path, name in earlier.items() if path not in wanted}
    known = {} if naming.pattern else {path: earlier[path] for path in paths if path in earlier}
    stems = others | {path: naming.name(path) for path in paths} | known
    crowded = _crowded(stems)
    if not crowded:
        return {path: stems[path] for path in paths}
    if naming.pattern is not None:
        one, other = crowded[:2]
        raise UsageError(
            f"--name {naming.pattern!r} calls the results of {one} and {other} both "
            f"{stems[one]!r}; add {{folder}}, or use another --out"
        )
    deepest = max(len(path.resolve().parts) for path in paths)
    for folders in range(1, deepest + 1):
        crowded = [path for path in _crowded(stems) if path not in earlier]
        stems |= {path: _longer_stem(path, folders) for path in crowded}
    # what is left differs in case only, which is no difference on many a file server
    crowded = [path for path in _crowded(stems) if path not in earlier]
    stems |= {path: f"{stems[path]}_{n}" for n, path in enumerate(crowded, start=1)}
    return {path: stems[path] for path in paths}


def shown_names(paths: Sequence[Path]) -> dict[Path, str]:
    """Call files in a table: by their names, with as many folders as tell them apart.

    Parameters
    ----------
    paths : sequence of Path
        Any may occur more than once.
    """
    names = {path: path.name for path in paths}
    for depth in range(2, max((len(path.parts) for path in paths), default=0) + 1):
        names |= {path: "/".join(path.parts[-depth:]) for path in _crowded(names)}
    return names


def _crowded(stems: Mapping[Path, str]) -> list[Path]:
    counts = Counter(each.lower() for each in stems.values())
    return [path for path, each in stems.items() if counts[each.lower()] > 1]


def _longer_stem(path: Path, folders: int) -> str:
    """Name of a file behind its folders; behind more than one it keeps its suffix too."""
    *above, name = (part.rstrip(":") for part in path.resolve().parts[1:])
    bare = stem(path) if folders == 1 else name.replace(".", "_")
    return "/".join([*above[-max(1, folders - 1) :], bare])
