"""TIFF: its pages and rows, OME sets, and where each maker says the pixel size."""
