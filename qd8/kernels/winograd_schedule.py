"""Direct or Winograd, and how Winograd is cut: a pure function, nothing is timed.

Both paths give the same bits, so only time and bytes decide. Time is estimated in
cycles from a few measured rates a tier; they serve to choose and to explain.
"""

from dataclasses import replace
from itertools import pairwise
from math import prod
from typing import ClassVar, NamedTuple, Self

from qd8.kernels.isa import Tier
from qd8.kernels.schedule import SERIAL_MACS, Schedule
from qd8.kernels.winograd_memory import CHUNK, PLACE, SPARE, odd_lines
from qd8.kernels.winograd_variants import VARIANTS, Axis, Variant
from qd8.records import record

TOGETHER = 4  # panels whose products are kept until the output transform
ROOM = 384 << 10  # bytes of transformed inputs and products that a block aims at
LEAST_BLOCK = 32  # tiles that make a reading of many weights worth it; 24 of few
GAIN = 1.1  # Winograd must be so much faster to be worth the bytes,
SAVING = 10_000  # and by so many cycles a call
# Below this, tiles of vpmaddubsw are ahead where the weights allow them: 3x3 of stride
# 2, 28, 64 -> 96 takes 118 us instead of 144 (avx2), with 1.4 times the bytes of the
# weights beside the panels instead of 17 times.
CLOSE = 1.2
BUDGET = 256 << 20  # bytes of transformed weights that one layer may have
NEAR = 32 << 20  # bytes of weights that a shared cache may hold


class Rates(NamedTuple):
    """Measured rates of a tier, one core of Sapphire Rapids (docs/kernels.md)."""

    direct: float  # multiply-adds a cycle
    finish: float  # cycles of direct's epilogue, for a pixel and a panel
    words: float  # of int16, in the transformed domain
    tile: float  # cycles to begin and to store a register tile of products
    input: float  # cycles to transform to a position of 16 channels
    output: float  # cycles to transform from a position of one vector of channels
    wide: float  # cycles an input element of int16 costs more than direct's


# A tier that is not here is faster by its direct tiles.
RATES = {
    "generic": Rates(11.7, 20, 14, 15, 3.5, 4, 0),
    "avx2": Rates(22, 20, 22, 35, 3.5, 3.4, 0),
    "avxvnni": Rates(64, 20, 30, 35, 3.5, 3.4, 0),
    "avx512vnni": Rates(98, 20, 48, 40, 3.5, 5.6, 0.2),
}
STREAM = {True: 8, False: 3}  # bytes a cycle: from a shared cache, from memory


class Extents(NamedTuple):
    """Tiles by output channels of one register tile."""

    MR: int
    NR: int
    lanes: int

    @classmethod
    def of(cls, tier: Tier) -> Self:
        """16 ymm hold 6x16 and what feeds it; 32 zmm hold 12x32."""
        rows = 12 if tier.lanes == 16 else tier.MR
        return cls(rows, 2 * tier.lanes, tier.lanes)

    def panel_bytes(self, products: int) -> int:
        """Bytes of a panel of so many products of an output channel."""
        return self.NR * (2 * products + 8)


class Layer(NamedTuple):
    """A convolution that Winograd can do, at one input size."""

    images: int
    OH: int
    OW: int
    C: int
    N: int
    kernel: tuple[int, int]
    dilation: tuple[int, int]
    variant: int  # index of winograd_variants.VARIANTS
    exchanged: bool  # whether the variant's rows are the image's columns
    ends: tuple[int, ...]  # of the proven blocks of input channels, in chunks of 16

    @property
    def form(self) -> Variant:
        """The matrices."""
        return VARIANTS[self.variant]

    @property
    def axes(self) -> tuple[Axis, Axis]:
        """Of the variant, along the image's rows and columns."""
        form = self.form
        return (form.x, form.y) if self.exchanged else (form.y, form.x)

    @property
    def tiles(self) -> tuple[int, int]:
        """Rows and columns of tiles; each phase of a dilation has its own."""
        y, x = (
            d * -(-size // (d * axis.outputs))
            for axis, size, d in zip(
                self.axes, (self.OH, self.OW), self.dilation, strict=True
            )
        )
        return y, x

    @property
    def outputs(self) -> tuple[int, int]:
        """Rows and columns of outputs that the tiles cover."""
        (y, x), (rows, columns) = self.axes, self.tiles
        return rows * y.outputs, columns * x.outputs

    @property
    def taps(self) -> tuple[int, int]:
        """Rows and columns of taps that whole blocks cover."""
        (y, x), (KH, KW) = self.axes, self.kernel
        return -(-KH // y.taps) * y.taps, -(-KW // x.taps) * x.taps

    @property
    def blocks(self) -> tuple[int, ...]:
        """Chunks of products at a position, of each proven block of input channels."""
        taps = prod(self.taps) // (self.form.y.taps * self.form.x.taps)
        return tuple(taps * (b - a) for a, b in pairwise((0, *self.ends)))

    @property
    def macs(self) -> int:
        """Multiply-adds of the direct path."""
        pixels = self.images * self.OH * self.OW
        return pixels * self.kernel[0] * self.kernel[1] * self.C * self.N

    @property
    def products(self) -> int:
        """Products of a tile and an output channel."""
        return self.form.positions * CHUNK * sum(self.blocks)

    def tile_bytes(self, columns: int) -> int:
        """Bytes of a tile's transformed inputs and products of ``columns`` channels."""
        return 2 * self.products + 4 * self.form.positions * columns

    def weight_bytes(self, tier: Tier) -> int:
        """Bytes of the transformed weights."""
        extents = Extents.of(tier)
        return -(-self.N // extents.NR) * extents.panel_bytes(self.products)


@record(frozen=True)
class WinogradSchedule(Schedule):
    """How tiles by output channels are cut; ``block_rows`` are tiles."""

    variant: int  # index of winograd_variants.VARIANTS
    exchanged: bool  # whether the variant's rows are the image's columns
    tiles: tuple[int, int]
    outputs: tuple[int, int]  # rows and columns that tiles cover
    taps: tuple[int, int]  # rows and columns of the kernel that its blocks cover
    together: int  # panels whose products are kept at a time
    v_bytes: int  # of the transformed inputs of one register tile's tiles
    m_bytes: int  # of the products of one panel
    weight_bytes: int
    saved: float = 0.0  # cycles, as estimated, against the direct path
    close: bool = False  # whether other tiles of the direct path may be ahead
    unit: ClassVar[str] = "tiles"


def choose(
    layer: Layer, direct: Schedule, threads: int, tier: Tier, path: str, memory: str
) -> Schedule:
    """``direct``, or the schedule of Winograd where that is better.

    path : "winograd" or another to force one, "" to choose
    memory : "small" keeps to the bytes of the int8 weights, so to the direct path;
        "spent" does so because a model's bytes went to others
    """
    if (why := refusal(tier, path, memory)) is not None:
        return direct.because(why)
    plan = winograd(layer, threads, tier)
    if path == "winograd":
        return replace(plan, why=f"{plan.why}; winograd: forced")
    if plan.weight_bytes > BUDGET:
        over = f"{plan.weight_bytes} bytes of transformed weights exceed {BUDGET}"
        return replace(direct, why=f"{direct.why}; direct: {over}")
    slow, fast = direct_cycles(layer, tier), winograd_cycles(layer, plan, tier)
    found = f"estimated {fast / 1e6:.3g} million cycles, direct {slow / 1e6:.3g}"
    if fast * GAIN < slow and slow - fast > SAVING:
        why = f"{plan.why}; winograd: {found}"
        close = fast * CLOSE > slow
        return replace(plan, why=why, saved=slow - fast, close=close)
    return replace(direct, why=f"{direct.why}; direct: winograd {found}")


def refusal(tier: Tier, path: str, memory: str) -> str | None:
    """Say why no layer at all runs by Winograd, or None where one may.

    Asked before there is a `Layer`, whose proof reads all weights.
    """
    if path not in ("", "winograd"):
        return f"{path}: forced"
    if path == "winograd":
        return None
    if memory == "small":
        return "direct: memory='small'"
    if memory == "spent":
        return "direct: the model's bytes are spent"
    return None if tier.name in RATES else f"direct: {tier.tile} tiles are ahead"


def direct_cycles(layer: Layer, tier: Tier) -> float:
    """Estimated cycles of the direct path's multiplication, on one thread."""
    rates = RATES[tier.name]
    K = -(-layer.kernel[0] * layer.kernel[1] * layer.C // tier.KB) * tier.KB
    count = -(-layer.N // tier.NR)
    pixel = K * count * tier.NR / rates.direct + count * rates.finish
    pixel += K / 16  # the copy of its taps
    return layer.images * layer.OH * layer.OW * pixel


def winograd_cycles(layer: Layer, plan: WinogradSchedule, tier: Tier) -> float:
    """Estimated cycles of Winograd, on one thread."""
    rates, extents = RATES[tier.name], Extents.of(tier)
    tiles = layer.images * plan.tiles[0] * plan.tiles[1]
    N = -(-layer.N // extents.NR) * extents.NR
    cycles = tiles * layer.products * N / rates.words
    calls = -(-tiles // extents.MR) * layer.form.positions * N // extents.NR
    cycles += calls * rates.tile * len(layer.ends)
    cycles += tiles * layer.products / CHUNK * rates.input
    vectors = -(-layer.N // extents.lanes)
    positions = layer.form.positions
    cycles += tiles * vectors * len(layer.ends) * positions * rates.output
    cycles += layer.images * layer.OH * layer.OW * layer.C * rates.wide
    if plan.weight_bytes > tier.l2_bytes:
        readings = -(-tiles // plan.block_rows)
        cycles += readings * plan.weight_bytes / STREAM[plan.weight_bytes <= NEAR]
    kept = plan.block_rows * layer.tile_bytes(extents.NR * plan.together)
    if kept > tier.l2_bytes:
        readings = -(-N // (extents.NR * plan.together))
        cycles += readings * tiles * 2 * layer.products / STREAM[True]
    return cycles


def winograd(layer: Layer, threads: int, tier: Tier) -> WinogradSchedule:
    """The schedule of Winograd."""
    extents = Extents.of(tier)
    tiles_y, tiles_x = layer.tiles
    tiles = layer.images * tiles_y * tiles_x
    count = -(-layer.N // extents.NR)
    weight_bytes = layer.weight_bytes(tier)
    together = min(TOGETHER, count)
    rows, columns, why = _grid(layer, tiles, count, threads, tier)
    block = _block(layer, -(-tiles // rows), extents.NR * together, tier)
    positions = layer.form.positions
    v_bytes = positions * sum(
        odd_lines(32 * extents.MR * size) for size in layer.blocks
    )
    m_bytes = -(-positions * 4 * extents.NR * block // 64) * 64
    scratch = -(-PLACE * block // 64) * 64 + SPARE
    scratch += v_bytes * -(-block // extents.MR) + m_bytes * together
    if len(layer.blocks) > 1:
        outputs = layer.form.y.outputs * layer.form.x.outputs
        scratch += m_bytes // positions * outputs * together
        why += f"; {len(layer.blocks)} blocks of input channels"
    return WinogradSchedule(
        f"qd8_qc8w_winograd_{layer.form.name}_{extents.MR}x{extents.NR}c2_{tier.name}",
        *(tier.name, block, rows, columns, scratch, why),
        *(layer.variant, layer.exchanged, layer.tiles, layer.outputs, layer.taps),
        *(together, v_bytes, m_bytes, weight_bytes),
    )


def _grid(
    layer: Layer, tiles: int, count: int, threads: int, tier: Tier
) -> tuple[int, int, str]:
    """Split the tiles; or the panels, where each task would read all weights anew."""
    if threads == 1 or layer.macs < SERIAL_MACS:
        return 1, 1, "one thread"
    by_tiles, by_panels = min(threads, tiles), min(threads, count)
    share_tiles = -(-tiles // by_tiles) / tiles
    share_panels = -(-count // by_panels) / count
    afar = layer.weight_bytes(tier) > tier.l2_bytes
    # Splitting the panels makes every task transform all inputs.
    if share_panels * 1.1 < share_tiles or (
        afar and tiles < threads * LEAST_BLOCK and share_panels <= share_tiles * 1.05
    ):
        return 1, by_panels, f"panels split: {count} panels over {by_panels} threads"
    return by_tiles, 1, f"tiles split: {tiles} tiles over {by_tiles} threads"


def _block(layer: Layer, tiles: int, columns: int, tier: Tier) -> int:
    """Most tiles at a time, of a task's ``tiles``, in nearly equal blocks.

    Transformed inputs and the products of ``columns`` channels stay near, unless
    weights that fill L2 would then be read for too few tiles. Blocks are whole
    register tiles: full ones are faster than the same tiles in six of five rows.
    """
    MR = Extents.of(tier).MR
    room = min(ROOM, tier.l2_bytes * 3 // 4)
    many = layer.weight_bytes(tier) > tier.l2_bytes // 2
    most = max(room // layer.tile_bytes(columns), LEAST_BLOCK if many else 24)
    shares = -(-tiles // MR)
    blocks = -(-shares // -(-most // MR))
    return min(-(-shares // blocks) * MR, tiles)
