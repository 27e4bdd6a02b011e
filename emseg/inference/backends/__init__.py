"""Backends: what computes a network, one module each; the rest of emseg does not know which."""

from emseg.inference.backends.backend import PRECISIONS, Backend, Labels, Wanted, labels_of
from emseg.inference.backends.choosing import ENTRIES, Choice, open_backend
