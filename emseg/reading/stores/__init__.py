"""Arrays by name in one file or folder: HDF5, Zarr, NumPy, and compressed files."""
