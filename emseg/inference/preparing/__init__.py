"""From a micrograph as it was read to what a network takes: one walk, for every task."""

from emseg.inference.preparing.prepared import Prepared, Preparing, TileRows, mirror_pad
