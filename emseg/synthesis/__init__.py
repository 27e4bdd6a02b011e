"""Synthetic micrographs whose truth is known, made from the physics of the image.

::

    seed -> specimen (spheres, tissue, alloy, atoms) -> lens and electrons -> detector -> Sample

`write_samples` writes the set that lies in ``sample_data`` of the repository, `write_demo_set` the
part of it that the demonstration needs.
"""

from emseg.synthesis.lattice import lattice
from emseg.synthesis.membranes import membrane_stack, membranes
from emseg.synthesis.nanoparticles import nanoparticles
from emseg.synthesis.sample_set import DemoSet, write_demo_set, write_samples
from emseg.synthesis.two_phase import two_phase
