"""Weights that others learnt: where they come from, and how they get into a network."""

from emseg.networks.pretrained.loaded import Loaded
from emseg.networks.pretrained.sources import check_source, fetch_from_hub, load_pretrained

__all__ = ["Loaded", "check_source", "fetch_from_hub", "load_pretrained"]
