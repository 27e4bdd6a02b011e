"""Weights that others learnt: where they come from, and how they get into a network."""

from emseg.networks.pretrained.loaded import Loaded
from emseg.networks.pretrained.sources import fetch_from_hub, load_pretrained
