"""Microscopes' own files, read through the plugins of RosettaSciIO."""
