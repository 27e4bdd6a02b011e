"""The page that shows how good a result is: one HTML file that opens without a network."""

from emseg.reporting.page.build import write_page
from emseg.reporting.page.gallery import Gallery
from emseg.reporting.page.markdown import markdown_table
from emseg.reporting.page.provenance import Provenance
from emseg.reporting.page.tiles import WorstTile
