"""Opened files: stacks of micrographs, label images, and what ``emseg info`` asks."""
