"""emseg: segment and classify electron micrographs, in nanometres."""

__version__ = "0.1.0"
