"""Which files are meant: folders, globs, pairs of images and masks, classes, planes."""
