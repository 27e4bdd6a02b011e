"""Dots per inch: when they are a calibration, and when they only say how to print."""

# 600 dots per inch, the finest that printers ask for by habit, is a pixel of 42 µm; above
# 20 µm a resolution says how large to print, and a specimen is not measured with it.
LARGEST_NM = 20_000.0
