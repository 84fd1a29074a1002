"""The window tile tap by tap: weights and inputs come from memory, sums do not.

With sixteen registers there is room for twelve sums and little more. A weight is
loaded once for all outputs of a group, an input is an operand of its FMA::

                w = weights of (ky, kx)             registers of channels
    output 0    acc0 = fma([at], w, acc0)
    output 1    acc1 = fma([at + x_step], w, acc1)
    ...                                             taps in ascending order

Twelve chains are more than the eight that keep two ports busy for an FMA's latency of
four cycles, and the taps of an output lie twelve FMAs apart.

Because nothing stays in registers from one group to the next, a group meets all blocks
of channels before the next group is met: the channels of a pixel are read as they lie,
line after line, not one line of each pixel. Groups follow the strip, whichever way it
runs.
"""

from qd8.kernels.float_window_operators import step
from qd8.kernels.float_window_strips import WindowTile
from qd8.kernels.simd import i64


class ByTaps(WindowTile):
    """Strips, groups of outputs, blocks of channels, taps; of DEPTHWISE."""

    def blocks(self, sets):
        self.strips(sets, self.block(i64(0)))

    def loops(self, strip, channels):
        def block(index, _):
            super(ByTaps, self).loops(strip, self.block(index))
            return []

        self.e.loop(self.operands.blocks, [], block)

    def written_out(self, taps, strip, channels):
        e, b = self.e, self.e.b
        x, out = e.pointer(channels.x, strip.x), e.pointer(channels.out, strip.out)
        # One is the step, the others by twos, fours and eights of these: what an x86
        # address can do. LLVM would count from each to the next instead, in a chain.
        steps = {1: strip.x_step}
        steps |= {n: e.opaque(b.mul(strip.x_step, i64(n))) for n in (3, 5)}

        def place(at, n):
            shift = (n & -n).bit_length() - 1
            return e.pointer(at, b.shl(steps[n >> shift], i64(shift))) if n else at

        def group(size):
            def block(_, carried):
                x, weights, bias, out = carried
                states = [self.first(bias, range(self.registers)) for _ in range(size)]
                for at, w in self._taps(taps, x, weights):
                    for n in range(size):
                        for r in range(self.registers):
                            tap = e.load(self.vector, place(at, n), r * self.room)
                            states[n][r] = step(
                                e, self.operator, states[n][r], tap, w[r]
                            )
                to = out
                for state in states:
                    for r, (y,) in enumerate(state):
                        self.store(y, to, r)
                    to = e.pointer(to, strip.out_step)
                wide = self.registers * self.room
                further = (e.pointer(at, wide) for at in (x, weights, bias))
                return [*further, e.pointer(out, self.registers * self.out_room)]

            def body(_, carried):
                x, out = carried
                first = [x, channels.weights, channels.bias, out]
                e.loop(self.operands.blocks, first, block, unroll=False)
                by = (b.mul(step, i64(size)) for step in (strip.x_step, strip.out_step))
                return [e.pointer(at, far) for at, far in zip(carried, by, strict=True)]

            return body

        carried = [x, out]
        for size, count in zip(self.sizes, strip.counts, strict=False):
            carried = e.loop(count, carried, group(size), unroll=False)

    def _taps(self, taps, x, weights):
        """Where the first output reads each tap, and its weights, ascending."""
        e, b, o = self.e, self.e.b, self.operands
        y_low, y_high, x_low, x_high = taps
        for ky in range(y_low, y_high):
            row = e.pointer(x, b.mul(o.row_step, i64(ky)))
            for kx in range(x_low, x_high):
                # Else LLVM sees that neighbours share inputs, keeps those in registers
                # and sums on the stack.
                at = e.opaque(e.pointer(row, b.mul(o.column_step, i64(kx))))
                w = [
                    self.weight(weights, i64(ky), i64(kx), r)
                    for r in range(self.registers)
                ]
                yield at, w
