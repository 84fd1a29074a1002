"""Depthwise convolution and pooling, emitted as SSA: lanes are channels (R20, R23).

A *strip* (float_window.py) is a row of outputs that have the same taps inside the
image. Where those taps are one of the window's usual sets, the code for them is
written out: every tap an address, up to nine weights in registers for the whole
call, several outputs at once::

    x + (ky, kx)            x_step further
    acc0 = fma(., w, acc0)  acc1 = fma(., w, acc1)  ...      taps in ascending order

Neighbouring outputs share the columns that both read. Other sets of taps run through
loops, as do fewer channels than lanes, under a mask.
"""

from itertools import chain

from qd8.kernels import isa
from qd8.kernels.float_tile import TILES
from qd8.kernels.float_window_operators import DEPTHWISE, finish, start, step
from qd8.kernels.jit import intrinsic, types
from qd8.kernels.simd import Emitter, emitter, f32, i64, ir_vector
from qd8.kernels.vector import F16

# Words of a strip: number of its set of taps, x and x_step (bytes), out and out_step
# (bytes), how many times OUTPUTS neighbours along x, how many outputs after them, and
# the taps: first and last + 1 of y and of x.
STRIP_WORDS = 11
IN_REGISTERS = 9  # weights
OUTPUTS = 4  # at once
LARGEST = 25  # taps that are written out
WIDEST = 2  # stride and dilation along x of those

Taps = tuple[int, int, int, int]


def written_out(
    tier: isa.Tier, KH: int, KW: int, stride: int, dilation: int
) -> list[Taps]:
    """The sets of taps that have code of their own, in the order of their numbers.

    All of the window, and what a border leaves of it: at most half is cut off. None
    without hardware FMA, where a tap is some thirty instructions.
    """
    if not tier.hardware_fma or not 0 < KH * KW <= LARGEST:
        return []
    if max(stride, dilation) > WIDEST:
        return []
    found = []
    for y in _ranges(KH):
        for x in _ranges(KW):
            both = y != (0, KH) and x != (0, KW)
            if not both or KH * KW <= IN_REGISTERS:
                found.append((*y, *x))
    return found


def _ranges(K: int) -> list[tuple[int, int]]:
    cut = range(1, (K - 1) // 2 + 1)
    return [(0, K), *((n, K) for n in cut), *((0, K - n) for n in cut)]


@intrinsic(prefer_literal=True)
def window_strips(
    typingctx, tier, operator, registers, KH, KW, stride, dilation, kind, bounded,
    strips, count, x, row_step, column_step, pixel, weights, tap_step, line_step, bias,
    out, channels, lo, hi,
):  # fmt: skip
    """The outputs of ``count`` strips, in the channels of so many registers.

    Parameters
    ----------
    tier, operator, registers, KH, KW, stride, dilation, kind, bounded : literal int
        KH and KW may be 0: then no set of taps is written out, and ``stride`` and
        ``dilation``, those along x, do not matter. ``kind`` is that of the outputs;
        ``bounded`` says whether lo and hi matter.
    strips : int64
        Address of STRIP_WORDS int64 each.
    x, out : int64
        Addresses of the first channel, to which the strips' are relative; float32.
    row_step, column_step, pixel : int64
        Bytes from one tap to the next below, to the next on the right, and from one
        pixel to the next.
    weights, bias, tap_step, line_step : int64
        DEPTHWISE: addresses of float32, bytes from one tap to the next and from a
        line of taps to the next. A whole register may be read.
    channels : int64
        Where fewer than the lanes of the one register, only so many are read, written.
    lo, hi : float32
    """
    choices = operator, registers, KH, KW, stride, dilation, kind, bounded
    literals = [choice.literal_value for choice in choices]

    def codegen(context, builder, signature, args):
        _Window(emitter(builder, tier), literals, args[9:]).emit()
        return context.get_dummy_value()

    integers = [types.int64] * 12
    signature = types.none(tier, *choices, *integers, types.float32, types.float32)
    return signature, codegen


class _Window:
    def __init__(self, e: Emitter, literals, operands):
        self.e = e
        (self.operator, self.registers, self.KH, self.KW, self.stride, self.dilation,
         self.kind, self.bounded) = literals  # fmt: skip
        (self.strips, self.count, self.x, self.row_step, self.column_step, self.pixel,
         self.weights, self.tap_step, self.line_step, self.bias, self.out,
         self.channels, lo, hi) = operands  # fmt: skip
        self.lanes = TILES[e.tier.name].lanes
        self.vector = ir_vector(f32, self.lanes)
        self.lo, self.hi = e.splat(lo, self.lanes), e.splat(hi, self.lanes)
        self.mask = None

    def emit(self):
        e, b = self.e, self.e.b
        sets = written_out(e.tier, self.KH, self.KW, self.stride, self.dilation)
        width = self.lanes * 4
        biases = [e.pointer(self.bias, r * width) for r in range(self.registers)]
        self.start = [start(e, self.operator, self.vector, bias) for bias in biases]
        self.kept = self._kept_weights()
        if self.registers > 1:
            e.loop(self.count, [], lambda index, _: self._strip(index, sets))
            return
        enough = b.icmp_signed(">=", self.channels, i64(self.lanes))
        with b.if_else(enough) as (whole, few):
            with whole:
                e.loop(self.count, [], lambda index, _: self._strip(index, sets))
            with few:
                self.mask = e.mask(self.lanes, self.channels)
                e.loop(self.count, [], lambda index, _: self._strip(index, []))

    def _kept_weights(self):
        """Weights that stay in registers, by (ky, kx, register)."""
        if self.KH * self.KW > IN_REGISTERS:
            return {}
        return {
            (ky, kx, r): self._weight(i64(ky), i64(kx), r)
            for ky in range(self.KH)
            for kx in range(self.KW)
            for r in range(self.registers)
        }

    def _weight(self, ky, kx, r):
        b = self.e.b
        if self.operator != DEPTHWISE:
            return None
        offset = b.add(b.mul(ky, self.line_step), b.mul(kx, self.tap_step))
        at = self.e.pointer(self.weights, offset)
        return self.e.load(self.vector, at, r * self.lanes * 4)

    def _strip(self, index, sets):
        e, b = self.e, self.e.b
        at = b.add(self.strips, b.mul(index, i64(8 * STRIP_WORDS)))
        number, x, x_step, out, out_step, several, single, *taps = (
            e.load(i64, at, 8 * n) for n in range(STRIP_WORDS)
        )
        x, out = e.pointer(self.x, x), e.pointer(self.out, out)
        end = b.append_basic_block("strip.end")
        loops = b.append_basic_block("strip.loops")
        switch = b.switch(number, loops)
        for n, known in enumerate(sets):
            block = b.append_basic_block(f"strip.{n}")
            switch.add_case(i64(n), block)
            b.position_at_end(block)
            self._written_out(known, x, x_step, out, out_step, several, single)
            b.branch(end)
        b.position_at_end(loops)
        count = b.add(b.mul(several, i64(OUTPUTS)), single)
        for r in range(self.registers):
            self._looped(r, taps, x, x_step, out, out_step, count)
        b.branch(end)
        b.position_at_end(end)
        return []

    def _written_out(self, taps, x, x_step, out, out_step, several, single):
        """``several`` times OUTPUTS neighbours along x, then ``single`` outputs."""
        e, b = self.e, self.e.b
        y_low, y_high, x_low, x_high = taps
        total = (y_high - y_low) * (x_high - x_low)
        rows = [
            e.pointer(x, b.mul(self.row_step, i64(ky))) for ky in range(y_low, y_high)
        ]

        def outputs(number, advance):
            # Neighbours share columns: which (output, kx) read each, both ascending.
            readers: dict[int, list[tuple[int, int]]] = {}
            for n in range(number):
                for kx in range(x_low, x_high):
                    column = n * self.stride + kx * self.dilation
                    readers.setdefault(column, []).append((n, kx))

            def body(index, carried):
                *rows, out = carried
                states = [list(self.start) for _ in range(number)]
                for ky, row in zip(range(y_low, y_high), rows, strict=True):
                    for column in sorted(readers):
                        at = e.pointer(row, self._columns(column))
                        for r in range(self.registers):
                            tap = e.load(self.vector, at, r * self.lanes * 4)
                            for n, kx in readers[column]:
                                w = self.kept.get((ky, kx, r))
                                w = w or self._weight(i64(ky), i64(kx), r)
                                state = states[n][r]
                                states[n][r] = step(e, self.operator, state, tap, w)
                found = list(chain.from_iterable(states))
                finished = iter(finish(e, self.operator, found, total))
                for _ in states:
                    for r in range(self.registers):
                        self._store(next(finished), out, r)
                    out = e.pointer(out, out_step)
                return [*(e.pointer(row, advance) for row in rows), out]

            return body

        along = self._columns(OUTPUTS * self.stride)
        carried = e.loop(several, [*rows, out], outputs(OUTPUTS, along))
        e.loop(single, carried, outputs(1, x_step))

    def _columns(self, number):
        return self.e.b.mul(self.pixel, i64(number))

    def _looped(self, r, taps, x, x_step, out, out_step, count):
        e, b = self.e, self.e.b
        y_low, y_high, x_low, x_high = taps
        height, width = b.sub(y_high, y_low), b.sub(x_high, x_low)
        total = b.sitofp(b.mul(height, width), f32)
        skipped = b.add(b.mul(y_low, self.row_step), b.mul(x_low, self.column_step))

        def output(index, carried):
            x, out = carried

            def line(y, state):
                ky = b.add(y_low, y)
                row = e.pointer(e.pointer(x, skipped), b.mul(y, self.row_step))

                def one(x, state):
                    at = e.pointer(row, b.mul(x, self.column_step))
                    if self.mask is None:
                        tap = e.load(self.vector, at, r * self.lanes * 4)
                    else:
                        fill = e.const(self.vector, 0.0)
                        tap = e.load_masked(self.vector, at, self.mask, fill)
                    w = self._weight(ky, b.add(x_low, x), r)
                    return step(e, self.operator, state, tap, w)

                return e.loop(width, state, one)

            state = e.loop(height, self.start[r], line)
            (y,) = finish(e, self.operator, [state], total)
            self._store(y, out, r)
            return [e.pointer(x, x_step), e.pointer(out, out_step)]

        e.loop(count, [x, out], output)

    def _store(self, y, out, r):
        e = self.e
        if self.bounded:
            y = e.clamp(y, self.lo, self.hi)
        if self.kind == F16:
            y = e.narrow(y)
        if self.mask is None:
            size = 2 if self.kind == F16 else 4
            e.store(y, out, r * self.lanes * size)
        else:
            e.store_masked(y, out, self.mask)
