"""``emseg samples``: synthetic micrographs whose truth is known."""

from pathlib import Path
from typing import Annotated

import typer


def samples(
    out: Annotated[Path, typer.Argument(help="Folder to write to; created when missing.")],
    seed: Annotated[
        int, typer.Option(help="0 gives the set of the repository, others give other images.")
    ] = 0,
) -> None:
    """Write the sample images: synthetic micrographs whose truth is known.

    Nanoparticles and membranes in the TEM, an alloy in the SEM and an atomic lattice in the STEM,
    calibrated, with masks and tables, and small images of the same kinds for a classifier. Files
    of the same names are replaced, others are left alone. README.md says what is true.

    Examples
    --------
    emseg samples sample_data
    emseg samples other --seed 7
    """
    from emseg.cli.terminal.console import result
    from emseg.synthesis import write_samples
    from emseg.writing import results_folder

    with results_folder(out):
        written = write_samples(out, seed=seed)
    megabytes = sum(path.stat().st_size for path in written) / 1e6
    result(f"{len(written)} files, {megabytes:.1f} MB, in {out}; {out / 'README.md'} explains them")
