"""Find networks of the catalogue by what users write: a name, a family, or nearly one.

Case, hyphens and blanks do not matter: ``ResNet-18`` is resnet18, ``u-net`` is U-Net. Nothing heavy
is imported.
"""

import difflib
from collections.abc import Iterable, Sequence

from emseg.networks.catalogue import resolved_name
from emseg.networks.listed import Listed, listed_networks


def plain(name: str) -> str:
    """Leave out what does not matter in a name: case, hyphens and blanks; + is plus."""
    return "".join(name.lower().replace("-", "").replace("+", "plus").split())


def rows_called(name: str) -> tuple[str, list[Listed]]:
    """Find the networks and encoders of a name.

    Parameters
    ----------
    name : str
        As the user wrote it.

    Returns
    -------
    name, rows : str, list of Listed
        The name as the catalogue writes it, and what it stands for; no rows when it is not there.
    """
    rows = list(listed_networks())
    names = [each for row in rows for each in (row.encoders or (row.name,))]
    name = resolved_name(name)
    if name not in names:
        name = next((each for each in names if plain(each) == plain(name)), name)
    return name, [row for row in rows if name in (row.encoders or (row.name,))]


def rows_of_family(family: str, rows: Iterable[Listed] | None = None) -> list[Listed]:
    """Find the networks of a family; none when there is no such family.

    Parameters
    ----------
    family : str
        As the user wrote it.
    rows : iterable of Listed, optional
        Among which they are looked for; the whole catalogue by default.
    """
    among = listed_networks() if rows is None else rows
    return [row for row in among if plain(row.family) == plain(family)]


def lightest(rows: Iterable[Listed], most: int = 3) -> list[str]:
    """Name the networks with the fewest parameters, each name once, the lightest first.

    Networks for one task come before the encoders of the same family.
    """
    ordered = sorted(
        rows, key=lambda row: (bool(row.encoders), row.figures.parameters if row.figures else 0)
    )
    return list(dict.fromkeys(row.name for row in ordered))[:most]


def nearest_family(name: str, names: Sequence[str]) -> list[Listed]:
    """Find the family that was probably meant; no rows when one of ``names`` is nearer.

    Parameters
    ----------
    name : str
        The mistyped name.
    names : sequence of str
        Names of networks that exist.
    """
    families = list(dict.fromkeys(plain(row.family) for row in listed_networks()))
    meant = difflib.get_close_matches(plain(name), families, n=1, cutoff=0.6)
    if not meant:
        return []
    near = difflib.get_close_matches(name.lower(), names, n=1, cutoff=0.6)
    if near and _alike(name.lower(), near[0]) > _alike(plain(name), meant[0]):
        return []
    return rows_of_family(meant[0])


def _alike(one: str, other: str) -> float:
    return difflib.SequenceMatcher(None, one, other).ratio()
