"""How a micrograph is cut so that its prediction fits into the memory it is given.

What takes memory, for tiles of ``ty`` x ``tx`` pixels over a plane of ``Y`` x ``X``::

    the network     batch x ty x tx x bytes per pixel        on the device
    tiles           a few of them wait, normalised
    bands           ty x X, of the file and of the answer    some of each
    what is held    512 x X of each level that is written, a picture, and Y x X of the plane,
                    unless it is read by bands

Of all shapes that fit, the one is taken that computes the fewest pixels: a halo is computed twice.
"""

from dataclasses import dataclass
from itertools import product

import psutil

from emseg import memory
from emseg.bundle import ModelCard
from emseg.errors import ContentError
from emseg.inference.backends import Backend
from emseg.tiling import padded_length

_SHARE = 0.5  # of the memory that is free: other programs want to live too
_SHARE_OF_DEVICE = 0.8
_LARGEST = {"cpu": 3072, "device": 4096}  # side of a tile; beyond, a larger one saves little
# On a processor a pixel takes as long in tiles of 512 as of 3072 with OpenVINO and ONNX Runtime
# (3 %, within chance), 4 to 12 % longer in those of 1024 to 3072 with PyTorch (U-Net on ResNet-34,
# float32, two threads of a Xeon). Smaller tiles cost more: with a halo of 96 the pixels that are
# computed are 1.5 times those of the image with tiles of 1024, 1.2 times with 2048 and 1.13 times
# with 3072. With 4096, 1.10, a tile takes 14 s, in which nothing is shown and Ctrl-C waits.
_BATCH_PIXELS = {"cpu": 1 << 18, "device": 1 << 22}  # that are asked at once
_MOST = 64  # tiles of a batch
_TILES = 3  # tiles that wait, beside those that are computed
_BANDS = 4  # of the answer: being filled, waiting, being written, and what is made of that
_READ = 2  # bands of the file: of the tiles, and of those before or of the picture
_PIECE = 1 << 25  # bytes that are decoded at a time, and are there twice until they are copied
_RESAMPLED = 1 << 27  # bytes that are taken while rows are brought to another size
_EACH = 1 << 14  # pixels that could be computed in the time that a tile takes anyway
_FINER = 0.9  # of a length that was considered; what lies between changes little
_STEP = 10_000_000  # bytes to which what has to be allowed is rounded up
_SLACK = 150_000_000  # bytes that libraries take while they work


@dataclass(frozen=True, slots=True)
class Budget:
    """Memory that a prediction may take, in bytes.

    Parameters
    ----------
    ram : int
        Of the machine, beyond what the process has now.
    vram : int or None
        Of a device with a memory of its own.
    is_asked, is_vram_asked : bool
        Whether a user said so; otherwise it is what seems right.
    taken : int
        That the process has now, with what libraries take while they work.
    """

    ram: int
    vram: int | None = None
    is_asked: bool = False
    is_vram_asked: bool = False
    taken: int = 0

    @classmethod
    def of(
        cls,
        backend: Backend,
        max_ram: int | None = None,
        max_vram: int | None = None,
        *,
        among: int = 1,
    ) -> "Budget":
        """Take what a user allows, or a share of what is free.

        Parameters
        ----------
        backend : Backend
            Where the network is computed.
        max_ram : int, optional
            Bytes that the process may have in all.
        max_vram : int, optional
            Bytes that the network may take on its device.
        among : int
            Processes of this machine that share what is free, and what is allowed.
        """
        free = memory.free_bytes() // among
        taken = int(psutil.Process().memory_info().rss)
        ram = int(_SHARE * free)
        if max_ram is not None:
            ram = min(free, max_ram // among - taken - _SLACK)
        on_device = backend.free_bytes()
        vram = None if on_device is None else int(_SHARE_OF_DEVICE * on_device)
        if vram is not None and max_vram is not None:
            vram = min(vram, max_vram)
        return cls(max(0, ram), vram, max_ram is not None, max_vram is not None, taken + _SLACK)

    @property
    def held(self) -> int:
        """Bytes of a plane up to which it is read at once."""
        return self.ram // 8


@dataclass(frozen=True, slots=True)
class Network:
    """What of a model decides how much memory it takes.

    Parameters
    ----------
    stride, halo : int
        In pixels; the halo is a multiple of the stride.
    classes, channels : int
        Of its answer and of what it reads.
    bytes_per_pixel : int
        That its layers take.
    """

    stride: int
    halo: int
    classes: int
    channels: int
    bytes_per_pixel: int

    @classmethod
    def of(cls, card: ModelCard, halo: int) -> "Network":
        """Take it from a card."""
        return cls(
            card.stride, halo, len(card.classes), card.in_channels, max(1, card.bytes_per_pixel)
        )

    @property
    def smallest(self) -> int:
        """Side of the smallest tile that is worth its halo."""
        return 2 * self.halo + 8 * self.stride


@dataclass(frozen=True, slots=True)
class Need:
    """What a plane takes beside the network.

    Parameters
    ----------
    size : tuple of int
        Height and width of what the network sees, in pixels.
    file : tuple of int
        Height and width of the plane in the file.
    row : int
        Bytes of a row of the file that is read by bands; 0 for a plane that is read at once.
    together : int
        How many rows are decoded together.
    wants_scores : bool
        Whether probabilities are kept, or the class alone.
    is_rescaled : bool
        Whether the network sees other pixels than those of the file.
    held : int
        Bytes that stay in memory whatever the tiles: a plane that is read at once, what files
        take while they are written.
    """

    size: tuple[int, int]
    file: tuple[int, int]
    row: int = 0
    together: int = 1
    wants_scores: bool = False
    is_rescaled: bool = False
    held: int = 0

    def read_bytes(self, rows: int, channels: int) -> int:
        """Reckon what reading takes where tiles have so many rows."""
        taken = 0
        if self.is_rescaled:  # as floats, of this band and of the one before
            taken = _RESAMPLED + 2 * rows * channels * 4 * self.size[1]
            rows = rows * self.file[0] // self.size[0]
        if self.row:
            band = min(rows + 2 * self.together, self.file[0]) * self.row
            taken += _READ * band + 2 * max(_PIECE, self.together * self.row)
        return taken


@dataclass(frozen=True, slots=True)
class TilePlan:
    """How a plane is cut.

    Parameters
    ----------
    tile : tuple of int
        Most rows and columns that a tile reads.
    tiles : int
        How many there are.
    batch : int
        How many of one shape are asked at once.
    ram, on_device : int
        Bytes that are expected to be taken.
    computed : int
        Pixels that the network computes, halos included.
    """

    tile: tuple[int, int]
    tiles: int
    batch: int
    ram: int
    on_device: int
    computed: int


def plan_tiles(need: Need, network: Network, budget: Budget, most: int | None = None) -> TilePlan:
    """Choose tiles for a plane.

    Parameters
    ----------
    need, network, budget
        Of the plane, of the model, of the machine.
    most : int, optional
        Pixels that a tile may have, because one with more did not fit.

    Raises
    ------
    ContentError
        When a user allows less memory than the smallest tiles take.
    """
    sides = [_sides(length, network, budget.vram is not None) for length in need.size]
    plans = [planned(need, network, budget, (y, x)) for y, x in product(*sides)]
    fitting = [
        each
        for each in plans
        if each.ram <= budget.ram
        and (budget.vram is None or each.on_device <= budget.vram)
        and (most is None or each.tile[0] * each.tile[1] <= most)
    ]
    if fitting:
        return min(fitting, key=lambda each: (each.computed + each.tiles * _EACH, each.ram))
    least = min(plans, key=lambda each: each.ram + each.on_device)
    require_allowed(least, budget, "the smallest tiles")
    return least


def require_allowed(least: TilePlan, budget: Budget, what: str) -> None:
    """Refuse tiles, named for the message, that take more than a user allows.

    Raises
    ------
    ContentError
        With what they take and what is allowed.
    """
    tiles = f"{what}, {least.tile[0]} x {least.tile[1]} pixels, take about"
    if budget.is_asked and least.ram > budget.ram:
        needed = -(-(least.ram + budget.taken) // _STEP) * _STEP
        raise ContentError(
            f"{tiles} {memory.in_words(least.ram)} of memory beside the "
            f"{memory.in_words(budget.taken)} that the program takes, and --max-ram leaves "
            f"{memory.in_words(budget.ram)}; allow {needed // 1_000_000}M or more"
        )
    if budget.is_vram_asked and budget.vram is not None and least.on_device > budget.vram:
        raise ContentError(
            f"{tiles} {memory.in_words(least.on_device)} of the device, and "
            f"{memory.in_words(budget.vram)} are free or allowed by --max-vram; allow more, or end "
            "other programs"
        )


def batch_of(tile_pixels: int, *, is_on_device: bool) -> int:
    """How many tiles of so many pixels are asked at once."""
    pixels = _BATCH_PIXELS["device" if is_on_device else "cpu"]
    return max(1, min(_MOST, pixels // max(1, tile_pixels)))


def _sides(length: int, network: Network, is_on_device: bool) -> list[int]:
    """Lengths of tiles along an axis: each the shortest of those that cut it into as many."""
    padded, step = padded_length(length, network.stride), network.stride
    largest = _LARGEST["device" if is_on_device else "cpu"]
    longest = max(network.smallest, largest) // step * step
    if padded <= network.smallest:
        return [padded]
    sides = {network.smallest} | ({padded} if padded <= longest else set())
    last = longest
    for count in range(2, -(-padded // step) + 1):
        side = padded_length(-(-padded // count), step) + 2 * network.halo
        if side <= longest and side <= _FINER * last:
            last = max(side, network.smallest)
            sides.add(last)
        if side <= network.smallest:
            break
    return sorted(sides)


def planned(need: Need, network: Network, budget: Budget, tile: tuple[int, int]) -> TilePlan:
    """Reckon what tiles of a given shape take, rounded down to the stride; see `plan_tiles`."""
    height, width = (max(1, side // network.stride) * network.stride for side in tile)
    tile = (height, width)
    counts, lengths = [], []
    for length, side in zip(need.size, tile, strict=True):
        padded = padded_length(length, network.stride)
        step = max(network.stride, side - 2 * network.halo)
        count = 1 if side >= padded else -(-padded // step)
        counts.append(count)
        lengths.append(padded + 2 * network.halo * (count - 1))
    rows, columns = tile
    layers = rows * columns * network.bytes_per_pixel
    one = rows * columns * 4 * (network.channels + network.classes)
    values = 4 * network.classes if need.wants_scores else 1
    kept = min(padded_length(need.size[0], network.stride), max(1, rows - 2 * network.halo))
    answered = _BANDS * values * kept * max(need.size[1], need.file[1])
    rest = need.held + _TILES * one + need.read_bytes(rows, network.channels) + answered
    each, room = one + layers, budget.ram - rest
    if budget.vram is not None:
        each, room = layers, budget.vram
    fits = batch_of(rows * columns, is_on_device=budget.vram is not None)
    batch = max(1, min(fits, room // each))
    on_device = batch * layers if budget.vram is not None else 0
    ram = rest + batch * (one if budget.vram is not None else one + layers)
    return TilePlan(tile, counts[0] * counts[1], batch, ram, on_device, lengths[0] * lengths[1])
