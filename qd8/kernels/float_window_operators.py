"""What depthwise convolution and pooling do with a tap, in registers (R20, R23).

A state of a few registers, a step for each tap in ascending order, an end.
"""

from typing import NamedTuple

from qd8.kernels.float_quotient import quotients
from qd8.kernels.simd import Emitter, i32, ir, ir_vector

DEPTHWISE, AVERAGE, MAXIMUM = range(3)


class Shape(NamedTuple):
    """How a window operator uses the registers of a tier."""

    # Of channels at once, so that neighbouring cache lines are read together; weights
    # and the states of several outputs of each must fit.
    registers: int
    outputs: tuple[int, ...]  # how many neighbours at once, descending, down to 1
    by_taps: bool = False  # which of the two orders: float_window_taps.py, _columns.py


SHAPES = {
    4: {
        DEPTHWISE: Shape(1, (4, 1)),
        AVERAGE: Shape(1, (4, 1)),
        MAXIMUM: Shape(1, (4, 1)),
    },
    8: {
        DEPTHWISE: Shape(2, (6, 4, 1), by_taps=True),
        AVERAGE: Shape(2, (4, 1)),
        MAXIMUM: Shape(1, (4, 1)),
    },
    16: {
        DEPTHWISE: Shape(2, (4, 1)),
        AVERAGE: Shape(4, (4, 1)),
        MAXIMUM: Shape(2, (4, 1)),
    },
}

State = list[ir.Value]


def start(e: Emitter, operator: int, vector: ir.Type, bias: ir.Value) -> State:
    """The state before the first tap; ``bias`` is an address that DEPTHWISE reads."""
    if operator == DEPTHWISE:
        return [e.load(vector, bias)]
    if operator == AVERAGE:
        return [e.const(vector, 0.0)]
    integers = ir_vector(i32, vector.count)
    return [e.const(vector, float("-inf")), e.const(integers, -1), e.const(integers, 0)]


def step(e: Emitter, operator: int, state: State, tap: ir.Value, w) -> State:
    """The state after a tap; ``w`` is its weight, None but for DEPTHWISE."""
    b = e.b
    if operator == DEPTHWISE:
        return [e.fma(tap, w, state[0])]
    if operator == AVERAGE:
        return [b.fadd(state[0], tap)]
    # R3 without llvm.maximum, which is six instructions: MAXPS, which passes over NaN
    # and takes either zero; whether all signs are set, which decides that zero; and
    # whether a tap is NaN.
    most, signs, bad = state
    most = b.select(b.fcmp_ordered(">", tap, most), tap, most)
    nan = b.fcmp_unordered("uno", tap, tap)
    bad = b.select(nan, e.const(bad.type, -1), bad)
    return [most, b.and_(signs, e.bits(tap)), bad]


def finish(
    e: Emitter, operator: int, states: list[State], taps: int | ir.Value
) -> list[ir.Value]:
    """The outputs of several states; the number of taps is a float32 if not known."""
    if operator == DEPTHWISE:
        return [y for (y,) in states]
    if operator == MAXIMUM:
        return [_largest(e, *state) for state in states]
    sums = [y for (y,) in states]
    if isinstance(taps, int):
        return quotients(e, sums, taps)
    return [e.b.fdiv(y, e.splat(taps, y.type.count)) for y in sums]


def _largest(e, most, signs, bad):
    zero = e.b.fcmp_ordered("==", most, e.const(most.type, 0.0))
    signed = e.b.and_(signs, e.const(signs.type, 1 << 31))
    bits = e.b.select(zero, signed, e.bits(most))
    return e.real(e.b.or_(bits, bad))
