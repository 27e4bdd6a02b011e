"""PNG, JPEG and the like, and what pictures bring: colours, bars, dots per inch."""
