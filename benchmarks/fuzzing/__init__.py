"""Damaged files, and whether each command answers in one line.

    python -m benchmarks.fuzzing ../shared/data/microscope_files
    python -m benchmarks.fuzzing ../shared/data/microscope_files --mutations 40 --only ser

Real files of each format are damaged as `mutations` says, seeded, and go through
``emseg info --range``, ``emseg predict`` and ``emseg convert``. Each run is a process of its own,
forked after the imports. Promised are: no traceback, no exit code 1, no hang over 30 s, at most
2 GB of memory, and one line for a refusal. A row a format is appended to
``benchmarks/results/fuzzing.csv``; a run that was stopped goes on with the formats that have no row
at this state of the code. What broke a promise is kept below ``--keep``.
"""
