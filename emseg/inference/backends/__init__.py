"""Backends: what computes a network, one module each; the rest of emseg does not know which."""

from emseg.inference.backends.backend import Backend, Labels, labels_of
from emseg.inference.backends.choosing import ENTRIES, open_backend
