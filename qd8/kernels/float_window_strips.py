"""What the two orders of the window tile share: strips, loops over taps, stores."""

from collections.abc import Sequence
from typing import NamedTuple

from qd8.kernels.float_tile import TILES
from qd8.kernels.float_window_operators import DEPTHWISE, SHAPES, finish, start, step
from qd8.kernels.simd import Emitter, f32, i64, ir, ir_vector
from qd8.kernels.vector import F16

Taps = tuple[int, int, int, int]  # first and last + 1, of y and of x

SIZES = 3  # of groups of outputs, at most
# Words of a strip: number of its set of taps, x and x_step (bytes), out and out_step
# (bytes), how many groups of each size, and the taps.
STRIP_WORDS = 5 + SIZES + 4


class Choices(NamedTuple):
    """What the code is written for: literals of `window_strips`."""

    operator: int
    registers: int
    KH: int
    KW: int
    stride: int
    dilation: int
    kind: int
    bounded: int


class Operands(NamedTuple):
    """The other arguments of `window_strips`."""

    strips: ir.Value
    count: ir.Value
    x: ir.Value
    row_step: ir.Value
    column_step: ir.Value
    pixel: ir.Value
    weights: ir.Value
    tap_step: ir.Value
    line_step: ir.Value
    bias: ir.Value
    out: ir.Value
    channels: ir.Value
    blocks: ir.Value
    lo: ir.Value
    hi: ir.Value


class Channels(NamedTuple):
    """Pointers to the first channel of a block of registers."""

    x: ir.Value
    weights: ir.Value
    bias: ir.Value
    out: ir.Value


class Strip(NamedTuple):
    """The words of a strip, but for the number of its set of taps."""

    x: ir.Value  # from a block's first channel
    x_step: ir.Value
    out: ir.Value
    out_step: ir.Value
    counts: Sequence[ir.Value]
    taps: Sequence[ir.Value]


class WindowTile:
    """Emits `window_strips` for one choice; the order is a subclass's."""

    def __init__(self, e: Emitter, choices: Choices, operands: Operands):
        self.e, self.choices, self.operands = e, choices, operands
        self.operator, self.registers = choices.operator, choices.registers
        self.lanes = TILES[e.tier.name].lanes
        self.vector = ir_vector(f32, self.lanes)
        self.lo = e.splat(operands.lo, self.lanes)
        self.hi = e.splat(operands.hi, self.lanes)
        self.sizes = SHAPES[self.lanes][self.operator].outputs
        self.room = self.lanes * 4  # bytes of a register of float32
        self.out_room = self.lanes * (2 if choices.kind == F16 else 4)
        self.mask = None

    def emit(self, sets: Sequence[Taps]) -> None:
        """All strips in all blocks of channels; ``sets`` have code of their own."""
        if self.registers > 1:
            self.blocks(sets)
            return
        enough = self.e.b.icmp_signed(">=", self.operands.channels, i64(self.lanes))
        with self.e.b.if_else(enough) as (whole, few):
            with whole:
                self.blocks(sets)
            with few:
                self.mask = self.e.mask(self.lanes, self.operands.channels)
                self.blocks([])

    def blocks(self, sets: Sequence[Taps]) -> None:
        """All strips in all blocks of channels, the one loop in the other."""
        raise NotImplementedError

    def written_out(self, taps: Taps, strip: Strip, channels: Channels) -> None:
        """The outputs of a strip whose taps are known."""
        raise NotImplementedError

    def block(self, index: ir.Value) -> Channels:
        """Where a block of registers begins."""
        e, o = self.e, self.operands
        place = e.b.mul(index, i64(self.registers * self.room))
        to = e.b.mul(index, i64(self.registers * self.out_room))
        x, weights, bias = (e.pointer(at, place) for at in (o.x, o.weights, o.bias))
        return Channels(x, weights, bias, e.pointer(o.out, to))

    def strips(self, sets: Sequence[Taps], channels: Channels) -> None:
        """All strips; `written_out` and `loops` say in how many blocks."""

        def strip(index, _):
            self._strip(index, sets, channels)
            return []

        self.e.loop(self.operands.count, [], strip)

    def _strip(self, index, sets, channels):
        e, b = self.e, self.e.b
        at = b.add(self.operands.strips, b.mul(index, i64(8 * STRIP_WORDS)))
        words = [e.load(i64, at, 8 * n) for n in range(STRIP_WORDS)]
        number, x, x_step, out, out_step, *rest = words
        strip = Strip(x, x_step, out, out_step, rest[:SIZES], rest[SIZES:])
        end = b.append_basic_block("strip.end")
        loops = b.append_basic_block("strip.loops")
        switch = b.switch(number, loops)
        for n, taps in enumerate(sets):
            block = b.append_basic_block(f"strip.{n}")
            switch.add_case(i64(n), block)
            b.position_at_end(block)
            self.written_out(taps, strip, channels)
            b.branch(end)
        b.position_at_end(loops)
        self.loops(strip, channels)
        b.branch(end)
        b.position_at_end(end)

    def loops(self, strip: Strip, channels: Channels) -> None:
        """The outputs of a strip of any taps, one at a time."""
        b, count = self.e.b, i64(0)
        for size, groups in zip(self.sizes, strip.counts, strict=False):
            count = b.add(count, b.mul(groups, i64(size)))
        for r in range(self.registers):
            self._looped(r, strip, count, channels)

    def _looped(self, r, strip, count, channels):
        e, b, o = self.e, self.e.b, self.operands
        y_low, y_high, x_low, x_high = strip.taps
        height, width = b.sub(y_high, y_low), b.sub(x_high, x_low)
        total = b.sitofp(b.mul(height, width), f32)
        skipped = b.add(b.mul(y_low, o.row_step), b.mul(x_low, o.column_step))
        (first,) = self.first(channels.bias, [r])

        def output(index, carried):
            x, out = carried

            def line(y, state):
                ky = b.add(y_low, y)
                row = e.pointer(e.pointer(x, skipped), b.mul(y, o.row_step))

                def one(x, state):
                    at = e.pointer(row, b.mul(x, o.column_step))
                    if self.mask is None:
                        tap = e.load(self.vector, at, r * self.room)
                    else:
                        fill = e.const(self.vector, 0.0)
                        tap = e.load_masked(self.vector, at, self.mask, fill)
                    kx = b.add(x_low, x)
                    w = self.weight(channels.weights, ky, kx, r)
                    return step(e, self.operator, state, tap, w)

                return e.loop(width, state, one)

            state = e.loop(height, first, line)
            (y,) = finish(e, self.operator, [state], total)
            self.store(y, out, r)
            return [e.pointer(x, strip.x_step), e.pointer(out, strip.out_step)]

        first_x = e.pointer(channels.x, strip.x)
        e.loop(count, [first_x, e.pointer(channels.out, strip.out)], output)

    def first(self, bias: ir.Value, registers: Sequence[int]) -> list[list[ir.Value]]:
        """The states before the first tap, one a register."""
        e = self.e
        places = [e.pointer(bias, r * self.room) for r in registers]
        return [start(e, self.operator, self.vector, place) for place in places]

    def weight(self, weights, ky, kx, r):
        """The weights of a tap in a register of channels; None where there are none."""
        if self.operator != DEPTHWISE:
            return None
        b, o = self.e.b, self.operands
        offset = b.add(b.mul(ky, o.line_step), b.mul(kx, o.tap_step))
        return self.e.load(self.vector, self.e.pointer(weights, offset), r * self.room)

    def store(self, y: ir.Value, out: ir.Value, r: int) -> None:
        """Clamp, round to float16 if asked, store a register."""
        e = self.e
        if self.choices.bounded:
            y = e.clamp(y, self.lo, self.hi)
        if self.choices.kind == F16:
            y = e.narrow(y)
        if self.mask is None:
            e.store(y, out, r * self.out_room)
        else:
            e.store_masked(y, out, self.mask)
