"""Dots per inch: when they are a calibration, and when they only say how to print or to scan."""

# 600 dots per inch, the finest that printers ask for by habit, is a pixel of 42 µm; above
# 20 µm a resolution says how large to print, and a specimen is not measured with it.
LARGEST_NM = 20_000.0

# Scanners of film and plates have 1,200 to 24,000 dots per inch, 21 to 1.06 µm: what lies between
# may be either, and is told.
_FINEST_SCANNER_NM = 1_000.0
_INCH_NM = 25.4e6


def is_measured(y_nm: float, x_nm: float) -> bool:
    """Whether a resolution gives pixels too small to be a printer's or a scanner's."""
    return all(0 < size < _FINEST_SCANNER_NM for size in (y_nm, x_nm))


def why_not_measured(y_nm: float, x_nm: float) -> str:
    """Say that a resolution may be a scanner's; empty where nobody takes it for a pixel size."""
    if is_measured(y_nm, x_nm) or not 0 < max(y_nm, x_nm) < LARGEST_NM or min(y_nm, x_nm) <= 0:
        return ""
    return (
        f"has {_INCH_NM / x_nm:,.0f} dots per inch, as scanners of film write: "
        f"it is not taken for a pixel size; --pixel-size {x_nm / 1e3:.4g}um says that it is"
    )
