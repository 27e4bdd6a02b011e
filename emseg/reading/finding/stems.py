"""What the results of many files are called: their stems, and more where these collide."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from emseg.reading.formats import stem


def output_stems(
    paths: Sequence[Path], earlier: Mapping[Path, str] | None = None
) -> dict[Path, str]:
    """Name results after the files that they come from.

    Parameters
    ----------
    paths : sequence of Path
        The files, each once.
    earlier : mapping of Path to str, optional
        Files, of these or others, whose results are there already, and what those are called:
        the same file keeps its name, and no other one takes it.

    Returns
    -------
    dict of Path to str
        Stems that collide keep their folder (``"monday/a"``), then their suffix too, then as
        many folders as it takes; a slash is a folder of the results.
    """
    earlier = earlier or {}
    others = {path: name for path, name in earlier.items() if path not in set(paths)}
    known = {path: earlier[path] for path in paths if path in earlier}
    stems = others | {path: stem(path) for path in paths} | known
    if not _crowded(stems):
        return {path: stems[path] for path in paths}
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
