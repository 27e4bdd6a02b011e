"""Colours of classes, told apart by colour-blind readers too."""

import colorsys

# Okabe and Ito, "Color universal design" (2008), ordered so that neighbours differ most;
# black and grey are left out because micrographs are grey.
_OKABE_ITO = (
    (0, 114, 178),
    (230, 159, 0),
    (0, 158, 115),
    (204, 121, 167),
    (86, 180, 233),
    (213, 94, 0),
    (240, 228, 66),
)
_GOLDEN_RATIO = 0.618033988749895


def colour(index: int) -> tuple[int, int, int]:
    """Colour of the class with this index as red, green and blue, 0 to 255.

    The first seven are the palette of Okabe and Ito; later ones step around the hue circle
    by the golden ratio, so that any two neighbours differ.
    """
    if index < len(_OKABE_ITO):
        return _OKABE_ITO[index]
    hue = (index * _GOLDEN_RATIO) % 1.0
    red, green, blue = colorsys.hsv_to_rgb(hue, 0.75, 0.6 + 0.35 * (index % 2))
    return round(red * 255), round(green * 255), round(blue * 255)
