"""Measurements of whole commands; each module is one command and appends to results/."""
