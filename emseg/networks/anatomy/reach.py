"""Which input pixels a sample sees along one axis, exactly.

Every operation of a convolutional network takes evenly spaced samples, so what its samples see
repeats: sample ``q * P + r`` sees the pixels ``q * S + first[r]`` to ``q * S + last[r]``, where P
samples follow one another in S pixels. P is more than 1 only behind upsampling::

    pixels               0 1 2 3 4 5 6 7
    pooled by 2           0   1   2   3         P = 1, S = 2, spans ((0, 1),)
    convolved by 3        0   1   2   3         P = 1, S = 2, spans ((-2, 3),)
    twice as many        0 1 2 3 4 5 6 7        P = 2, S = 2, spans ((-2, 3), (-2, 3))
    convolved by 3       0 1 2 3 4 5 6 7        P = 2, S = 2, spans ((-4, 3), (-2, 5))

Sources: Araujo, Norris and Sim, "Computing receptive fields of convolutional neural networks",
Distill 2019 (for P = 1; the phases are what upsampling adds); Dumoulin and Visin, "A guide to
convolution arithmetic for deep learning", arXiv:1603.07285.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor, gcd, lcm

Span = tuple[int, int]
_MOST_PHASES = 20_000  # more come of sizes that have nothing to do with each other


@dataclass(frozen=True, slots=True)
class Sampling:
    """How an operation takes samples along one axis.

    Output sample ``q * len(reads) + r`` is made of the input samples ``q * step + n``, n in
    ``reads[r]``.

    Parameters
    ----------
    step : int
        Input samples in one period.
    reads : tuple of sequences of int
        One an output sample of a period; an empty one reads nothing.
    """

    step: int
    reads: tuple[Sequence[int], ...]

    @classmethod
    def window(
        cls, kernel: int, stride: int = 1, padding: int = 0, dilation: int = 1
    ) -> "Sampling":
        """Convolution or pooling; ceil mode adds samples at the end and changes none."""
        return cls(stride, (range(-padding, -padding + dilation * (kernel - 1) + 1, dilation),))

    @classmethod
    def transposed(
        cls, kernel: int, stride: int = 1, padding: int = 0, dilation: int = 1
    ) -> "Sampling":
        """Transposed convolution: input sample i reaches ``i * stride - padding + dilation * k``.

        Samples that no input reaches (a stride above the kernel) read nothing.
        """
        return cls(
            1,
            tuple(
                [
                    (sample + padding - dilation * tap) // stride
                    for tap in range(kernel)
                    if (sample + padding - dilation * tap) % stride == 0
                ]
                for sample in range(stride)
            ),
        )

    @classmethod
    def cut(cls, start: int, step: int = 1) -> "Sampling":
        """Take samples from ``start`` on, as by slicing; padding by n starts at -n."""
        return cls(step, ((start,),))

    @classmethod
    def nearest(cls, ratio: Fraction, *, centred: bool = False) -> "Sampling":
        """Nearest neighbour, where an output sample is ``ratio`` input samples wide."""
        half = Fraction(1, 2) if centred else Fraction(0)
        return cls(
            ratio.numerator,
            tuple((floor((sample + half) * ratio),) for sample in range(ratio.denominator)),
        )

    @classmethod
    def linear(cls, ratio: Fraction, *, aligned: bool, taps: int = 1) -> "Sampling":
        """Linear interpolation (one tap on either side), or cubic (two).

        Parameters
        ----------
        ratio : Fraction
            Width of an output sample in input samples.
        aligned : bool
            Whether the first samples lie on each other (``align_corners``), not their edges.
        taps : int
            Samples that are read on either side of a place between two.
        """
        shift = Fraction(0) if aligned else (ratio - 1) / 2
        places = [sample * ratio + shift for sample in range(ratio.denominator)]
        return cls(
            ratio.numerator,
            tuple(
                (floor(at),)
                if at.denominator == 1
                else range(floor(at) - taps + 1, ceil(at) + taps)
                for at in places
            ),
        )


@dataclass(frozen=True, slots=True)
class Reach:
    """What the samples of one axis of a tensor see of the same axis of the input.

    Parameters
    ----------
    jump : Fraction
        Pixels from one sample to the next, S / P.
    spans : tuple of (first, last), or None
        One a phase, inclusive, in pixels from the start of the period; None within it for a
        sample that sees nothing. None in place of all of them: every sample sees all pixels, or
        nobody knows which.
    """

    jump: Fraction = Fraction(1)
    spans: tuple[Span | None, ...] | None = ((0, 0),)

    @property
    def width(self) -> int | None:
        """Pixels that the sample with the widest view sees; None when it sees all of them."""
        if self.spans is None:
            return None
        return max((last - first + 1 for first, last in filter(None, self.spans)), default=0)

    def through(self, sampling: Sampling) -> "Reach":
        """Find what samples see that are made of these."""
        jump = self.jump * sampling.step / len(sampling.reads)
        if self.spans is None:
            return Reach(jump, None)
        repeats = len(self.spans) // gcd(len(self.spans), sampling.step)
        if repeats * len(sampling.reads) > _MOST_PHASES:
            return Reach(jump, None)
        spans = (
            _hull(self._at(period * sampling.step + sample) for sample in samples)
            for period in range(repeats)
            for samples in sampling.reads
        )
        return Reach(jump, tuple(spans))

    def blurred(self) -> "Reach":
        """Return the same samples, each of which sees everything."""
        return Reach(self.jump, None)

    def joined(self, other: "Reach") -> "Reach":
        """Find what a sample sees that is made of one of these and one of the others."""
        if self.spans is None or other.spans is None or self.jump != other.jump:
            return Reach(max(self.jump, other.jump), None)
        phases = lcm(len(self.spans), len(other.spans))
        if phases > _MOST_PHASES:
            return self.blurred()
        return Reach(self.jump, tuple(_hull((self._at(at), other._at(at))) for at in range(phases)))

    def _at(self, sample: int) -> Span | None:
        """Pixels that a sample sees, counted from the start of the image."""
        spans = self.spans or ()
        period, phase = divmod(sample, len(spans))
        span = spans[phase]
        start = int(period * self.jump * len(spans))
        return None if span is None else (start + span[0], start + span[1])


EVERYTHING = Reach(Fraction(1), None)


def _hull(spans: Iterable[Span | None]) -> Span | None:
    seen = [span for span in spans if span is not None]
    if not seen:
        return None
    return min(first for first, _ in seen), max(last for _, last in seen)
