"""``python -m emseg`` is the console script."""

from emseg.cli import main

main()
