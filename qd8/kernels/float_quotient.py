"""Division by one number many times without dividing, to the same bits.

A division of sixteen float32 keeps AVX-512's divider busy for sixteen cycles; a
product and two FMAs take one and a half.
"""

import numpy as np

from qd8.kernels.simd import Emitter, ir
from qd8.kernels.vector import define, f32x16

MAGNITUDE = 0x7FFFFFFF
ROOM = 0x00FFFFFF  # bits of magnitudes from 2^-149 to below 2^-125, less one


def quotients(e: Emitter, sums: list[ir.Value], n: int) -> list[ir.Value]:
    """fl(y / n) of each vector of float32, for 1 <= n < 2^20.

    With r = fl(1 / n), q = fl(y r) is within two units in the last place of y / n,
    so y - n q is a float32, and q + (y - n q) r differs from y / n by less than
    2^-22 units. No tie is that near: y / n is at least 1 / (2 n) units from each,
    or it is one, but a tie has 25 significant bits, and n times it no fewer, while y
    has 24. So fl(q + (y - n q) r) is fl(y / n), wherever q is normal.
    Source: Markstein, "Computation of elementary functions on the IBM RISC System/6000
    processor", IBM J. Res. Dev. 34 (1990). Elsewhere, hardly ever, all are divided:
    subnormal quotients, infinities, NaN.
    """
    b = e.b
    type_ = sums[0].type
    divisor = e.const(type_, float(n))
    if not e.tier.hardware_fma or n & (n - 1) == 0:  # LLVM multiplies by a power of 2
        return [b.fdiv(y, divisor) for y in sums]
    reciprocal = e.const(type_, float(np.float32(1) / np.float32(n)))
    found, rare = [], None
    for y in sums:
        q = b.fmul(y, reciprocal)
        q = e.fma(e.fma(q, e.const(type_, float(-n)), y), reciprocal, q)
        bits = e.bits(q)
        magnitude = b.and_(bits, e.const(bits.type, MAGNITUDE))
        below = b.sub(magnitude, e.const(bits.type, 1))  # 0 becomes the largest
        small = b.icmp_unsigned("<", below, e.const(bits.type, ROOM))
        special = b.or_(small, b.fcmp_unordered("uno", q, q))
        rare = special if rare is None else b.or_(rare, special)
        found.append(q)
    entry = b.block
    with b.if_then(e.any(rare), likely=False):
        divided = [b.fdiv(y, divisor) for y in sums]
        divided_block = b.block
    return [
        e.phi((q, entry), (exact, divided_block))
        for q, exact in zip(found, divided, strict=True)
    ]


def emit_quotient(e: Emitter, a: ir.Value, b: ir.Value, reciprocal: ir.Value):
    """fl(a / b) of a softmax, given fl(1 / b).

    Both are exponentials times 2^63 (float_exp.scaled), so that no remainder is
    subnormal: 2^63 <= b < 2^95, and a is 0 or 2^-126 <= a / b <= 1.

    With a and b in [1, 2), q = fl(a r) and u the unit in the last place of a / b: q is
    within 3 u / 2 of a / b, the sum below differs from a / b by |a / b - q| |b r - 1|,
    and no a / b is nearer to a tie than 2^-24 u / b. So only a / b beside a tie
    could round wrongly, and from there q is u / 2 away: then the difference is at most
    u b 2^-26, which is less. (3 u / 2 away needs a >= 2 - 3 ulp(2) and a larger b, and
    those few a / b are beside floats.)
    Source: Brisebarre, Muller and Raina, "Accelerating correctly rounded floating-point
    division when the divisor is known in advance", IEEE Trans. Computers 53 (2004).
    Tried besides on all 34.9 million a / b next to a tie, and on every a for 1,200 b.
    """
    if not e.tier.hardware_fma:
        return e.b.fdiv(a, b)
    q = e.b.fmul(a, reciprocal)
    return e.fma(e.fma(q, e.b.fneg(b), a), reciprocal, q)


quotient = define(f32x16, (f32x16,) * 3, emit_quotient)
