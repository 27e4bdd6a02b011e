"""Who reads what, who keeps what, and how the kept pixels become one image again."""

from emseg.tiling.grid import Span, Tile, covering_spans, padded_length, quarters, spans, tiles
from emseg.tiling.stitch import Blend, Stitch
