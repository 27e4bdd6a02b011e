"""Energies of X-ray lines, and the windows in which a detector counts them."""

import math
import re
from collections.abc import Mapping
from functools import cache

from emseg.errors import UnknownNameError, UsageError
from emseg.reading.quiet import no_warnings

USUAL_RESOLUTION_EV = 130.0
"""Width of Mn Kα at half its height in a silicon drift detector, where a file does not say."""

_LINE = re.compile(r"[A-Za-z]{1,2}_[KLMNklmn][A-Za-z0-9]{0,3}")


def is_line(text: str) -> bool:
    """Whether a text is written like an X-ray line: ``Si_Ka``, ``Au_Lb1``."""
    return _LINE.fullmatch(text) is not None


def line_window(line: str, resolution_ev: float | None) -> tuple[float, float]:
    """Window of a line: its energy, and once its width at half its height to both sides.

    Parameters
    ----------
    line : str
        Element and line in Siegbahn's notation, as HyperSpy writes them: ``"Si_Ka"``.
    resolution_ev : float or None
        Width of Mn Kα in the detector; None takes 130 eV.

    Returns
    -------
    low, high : float
        In eV.

    Raises
    ------
    UnknownNameError
        When there is no such line.
    UsageError
        When eXSpy, which knows the energies, is not installed.

    Notes
    -----
    The width is ``sqrt(resolution² + 2.5 eV (E - E(Mn Kα)))``: Fiori and Newbury, SEM/1978/I,
    p. 401, after Goldstein et al., Scanning Electron Microscopy and X-ray Microanalysis, 3rd
    ed. (2003), p. 315. eXSpy sums intensities over the same windows (``get_lines_intensity``).
    """
    known = _energies_ev(line)
    if line not in known:
        raise UnknownNameError("X-ray line", line, known)
    energy, reference = known[line], known["Mn_Ka"]
    resolution = resolution_ev or USUAL_RESOLUTION_EV
    # an electronics noise that is no wider than the line itself would leave nothing at 0 eV
    width = math.sqrt(max(resolution**2 + 2.5 * (energy - reference), 1.0))
    return energy - width, energy + width


@cache
def _all_energies_ev() -> Mapping[str, float]:
    with no_warnings():
        from exspy.material import elements
    return {
        f"{element}_{line}": said["energy (keV)"] * 1e3
        for element, properties in elements.as_dictionary().items()
        if isinstance(properties, dict)
        for line, said in properties.get("Atomic_properties", {}).get("Xray_lines", {}).items()
    }


def _energies_ev(line: str) -> Mapping[str, float]:
    try:
        return _all_energies_ev()
    except ModuleNotFoundError as error:
        raise UsageError(
            f"the energy of the X-ray line {line} needs the package exspy; install it with: "
            "pip install exspy, or give the window yourself, as in --channels 1.65-1.85keV"
        ) from error
