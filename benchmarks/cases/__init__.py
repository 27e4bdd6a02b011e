"""Inputs that went wrong once, and what is right: two manifests, run row by row.

    python -m benchmarks.cases ../shared/cases
    python -m benchmarks.cases ../shared/cases --only perpage.tif --only 01

Each row of ``files/MANIFEST.csv`` and ``workflows/MANIFEST.csv`` names an input, a command and what
is expected. The commands run as a user's would, each as a process of its own, on a copy of the
input, and what comes out is compared with an independent reader or with the numbers of the
manifest. One line a row; the exit code is 1 when one of them is not as expected, or when a row of a
manifest has no check here.
"""
