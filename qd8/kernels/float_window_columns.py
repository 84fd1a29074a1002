"""The window tile column by column: weights stay in registers.

Neighbouring outputs share the columns that both read, so a column is loaded once and
goes into the sums of all of them; up to nine weights of each register of channels are
loaded once for all strips. That takes many registers, as AVX-512 has them, or an
operator without weights::

    x + (ky, kx)            x_step further
    acc0 = fma(., w, acc0)  acc1 = fma(., w, acc1)  ...      taps in ascending order

Only neighbours along x are met together.
"""

from itertools import chain

from qd8.kernels.float_window_operators import DEPTHWISE, finish, step
from qd8.kernels.float_window_strips import Channels, WindowTile
from qd8.kernels.simd import i64

IN_REGISTERS = 9  # weights


class Columns(WindowTile):
    """Strips, groups of outputs, rows of taps, columns.

    One block of channels: a loop round the strips holds three more addresses and
    costs 8 to 20 % (5x5: 17 general registers on the stack instead of 4).
    """

    def blocks(self, sets):
        o = self.operands
        channels = Channels(o.x, o.weights, o.bias, o.out)
        self.start = self.first(channels.bias, range(self.registers))
        self.kept = self._kept_weights(channels.weights)
        self.strips(sets, channels)

    def _kept_weights(self, weights):
        """Weights that stay in registers, by (ky, kx, register)."""
        KH, KW = self.choices.KH, self.choices.KW
        if self.operator != DEPTHWISE or KH * KW > IN_REGISTERS:
            return {}
        return {
            (ky, kx, r): self.weight(weights, i64(ky), i64(kx), r)
            for ky in range(KH)
            for kx in range(KW)
            for r in range(self.registers)
        }

    def written_out(self, taps, strip, channels):
        e, b = self.e, self.e.b
        y_low, y_high, x_low, x_high = taps
        stride, dilation = self.choices.stride, self.choices.dilation
        total = (y_high - y_low) * (x_high - x_low)
        x = e.pointer(channels.x, strip.x)
        rows = [
            e.pointer(x, b.mul(self.operands.row_step, i64(ky)))
            for ky in range(y_low, y_high)
        ]

        def outputs(number, advance):
            # Neighbours share columns: which (output, kx) read each, both ascending.
            readers: dict[int, list[tuple[int, int]]] = {}
            for n in range(number):
                for kx in range(x_low, x_high):
                    column = n * stride + kx * dilation
                    readers.setdefault(column, []).append((n, kx))

            def body(index, carried):
                *rows, out = carried
                states = [list(self.start) for _ in range(number)]
                for ky, row in zip(range(y_low, y_high), rows, strict=True):
                    for column in sorted(readers):
                        at = e.pointer(row, self._columns(column))
                        for r in range(self.registers):
                            tap = e.load(self.vector, at, r * self.room)
                            for n, kx in readers[column]:
                                w = self.kept.get((ky, kx, r))
                                if w is None:
                                    places = i64(ky), i64(kx)
                                    w = self.weight(channels.weights, *places, r)
                                state = states[n][r]
                                states[n][r] = step(e, self.operator, state, tap, w)
                found = list(chain.from_iterable(states))
                finished = iter(finish(e, self.operator, found, total))
                for _ in states:
                    for r in range(self.registers):
                        self.store(next(finished), out, r)
                    out = e.pointer(out, strip.out_step)
                return [*(e.pointer(row, advance) for row in rows), out]

            return body

        carried = [*rows, e.pointer(channels.out, strip.out)]
        for size, count in zip(self.sizes, strip.counts, strict=False):
            along = strip.x_step if size == 1 else self._columns(size * stride)
            carried = e.loop(count, carried, outputs(size, along))

    def _columns(self, number):
        return self.e.b.mul(self.operands.pixel, i64(number))
