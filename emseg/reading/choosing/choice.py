"""Which signal of a file is taken: the largest image, or the one that the user names."""

import math
from pathlib import Path

from emseg.errors import ContentError, did_you_mean, listed
from emseg.reading.signals.layout import Layout, why_not
from emseg.reading.signals.signal import Signal, SignalInfo


def describe_signals(signals: tuple[Signal, ...]) -> tuple[SignalInfo, ...]:
    """Sum up the signals of a file for a person."""
    taken = largest(signals)
    return tuple(
        SignalInfo(
            name=signal.name,
            axes=signal.axes,
            shape=signal.shape,
            dtype=str(signal.dtype.newbyteorder("=")),
            pixel_size=signal.pixel_size,
            usable=not (reason := why_not(signal)),
            reason=reason,
            is_taken=at == taken,
            channels=signal.channels,
            specimen=signal.specimen,
        )
        for at, signal in enumerate(signals)
    )


def largest(signals: tuple[Signal, ...]) -> int | None:
    """Position of the usable signal with the most pixels.

    Among equals a calibrated one goes before an uncalibrated one, a grey one before a
    coloured one (the coloured one is a preview), and the first before the others.
    """
    usable = [at for at, signal in enumerate(signals) if not why_not(signal)]
    return max(usable, key=lambda at: (*_worth(signals[at]), -at), default=None)


def choose(path: Path, signals: tuple[Signal, ...], wanted: str | None = None) -> int:
    """Position of the signal to take.

    Parameters
    ----------
    path : Path
        The file, for messages.
    signals : tuple of Signal
        All of its signals.
    wanted : str or None
        A number counted from 0, or a name, in any case; None takes the largest image. A file
        with one signal that has no name is taken whatever the name.

    Raises
    ------
    ContentError
        When the file has no such signal, or that is no image.
    """
    if wanted is None or _is_alone(signals, wanted):
        chosen = largest(signals)
    else:
        chosen = _named(path, signals, wanted)
    if chosen is None:
        reasons = _reasons(signals)
        is_helped = "pip install" in reasons or "; save" in reasons
        instead = ", or leave it out" if is_helped else "; leave it out"
        instead = "" if "--axes" in reasons else instead
        raise ContentError(f"{path} holds no image: {reasons}{instead}")
    return chosen


def _is_alone(signals: tuple[Signal, ...], wanted: str) -> bool:
    return len(signals) == 1 and not signals[0].name and not wanted.isdecimal()


def choose_spectra(path: Path, signals: tuple[Signal, ...], wanted: str | None = None) -> int:
    """Position of the spectrum image whose energies become channels: that of the largest map.

    Parameters
    ----------
    path : Path
        The file, for messages.
    signals : tuple of Signal
        All of its signals.
    wanted : str or None
        A number counted from 0, or a name, in any case, in place of the largest map.

    Raises
    ------
    ContentError
        When the file has no such signal, or that is no spectrum image.
    """
    maps = {at: math.prod(each.spectra.size) for at, each in enumerate(signals) if each.spectra}
    if not maps:
        raise ContentError(
            f"{path} holds no spectrum image of which --channels could take energies; leave it "
            "out, or name channels that it has"
        )
    if wanted is None or _is_alone(signals, wanted):
        return max(maps, key=lambda at: (maps[at], -at))
    chosen = next((at for at in matching(path, signals, wanted) if at in maps), None)
    if chosen is None:
        known = listed(f"{at} ({signals[at].name})" for at in maps)
        raise ContentError(
            f"{path}: the signal {wanted!r} is no spectrum image of which --channels could take "
            f"energies; choose another with --signal: {known}"
        )
    return chosen


def matching(path: Path, signals: tuple[Signal, ...], wanted: str) -> list[int]:
    """Positions of the signals that a user names by name or number; at least one.

    Raises
    ------
    ContentError
        When there is none.
    """
    names, asked = [each.name for each in signals], wanted.strip().lower()
    found = [at for at, name in enumerate(names) if name.lower() == asked]
    if not found:  # the last part of a path inside the file is a name as well
        found = [at for at, name in enumerate(names) if name.lower().endswith(f"/{asked}")]
    if not found and wanted.strip().isdecimal() and int(wanted) < len(signals):
        found = [int(wanted)]
    if not found:
        known = f"; {did_you_mean(wanted, filter(None, names))}" if any(names) else ""
        raise ContentError(
            f"{path} has no signal {wanted!r}: it has {len(signals)}, numbered from 0{known}"
        )
    return found


def _named(path: Path, signals: tuple[Signal, ...], wanted: str) -> int:
    found = matching(path, signals, wanted)
    usable = [at for at in found if not why_not(signals[at])]
    if not usable:
        raise ContentError(
            f"{path}: the signal {wanted!r} is no image: {why_not(signals[found[0]])}; "
            f"choose another: {listed(_usable(signals)) or 'there is none'}"
        )
    return usable[0]


def _usable(signals: tuple[Signal, ...]) -> list[str]:
    usable = [at for at, each in enumerate(signals) if not why_not(each)]
    return [f"{at} ({signals[at].name})" if signals[at].name else str(at) for at in usable]


def _reasons(signals: tuple[Signal, ...]) -> str:
    reasons = list(dict.fromkeys(why_not(signal) for signal in signals))
    shown = ", ".join(reasons[:3]) or "it is empty"
    return shown + (", and more of the kind" if len(reasons) > 3 else "")


def _worth(signal: Signal) -> tuple[int, bool, bool]:
    layout = Layout.of(signal.axes)
    pixels = layout.count * math.prod(layout.size)
    return pixels, signal.pixel_size is not None, not layout.channels
