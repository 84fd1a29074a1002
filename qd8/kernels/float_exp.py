"""The exponential (R24, R41) and the logistic function (R25), in registers.

No libm: a polynomial with a defined order of operations gives every tier, thread
and lane the same bits. Coefficients: Cephes expf (Moshier), single/expf.c.
"""

from qd8.kernels.simd import i16, i32
from qd8.kernels.vector import define, f32x16

LOG2_E = 1.44269504088896341
# -ln 2 in two parts; the first has few bits, so that n times it is exact.
MINUS_LN2_HIGH, MINUS_LN2_LOW = -0.693359375, 2.12194440e-4
LOWEST_NORMAL = -87.33654  # R41: the least x whose exponential is normal
# A float32 of this size has no fraction: adding it rounds to an integer, to even,
# which are then the lowest bits. One instruction, where rounding is two on x86.
ROUNDER, ROUNDER_BITS = 1.5 * 2**23, 0x4B400000
SCALE = 63  # an odd power: 127 + SCALE is even
HORNER = (
    1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3,
    4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1,
)  # fmt: skip


def _power_of_two(e, n):
    """2^n for int32 lanes in the normal range; anything for others."""
    b = e.b
    biased = b.add(n, e.const(n.type, 127))
    return e.real(b.shl(biased, e.const(n.type, 23)))


def _reduced(e, x):
    """R24: n as float32 and int32, and exp(r) - 1 with x = n ln 2 + r, in [-104, 89].

    Where x is NaN, the last is NaN and n is any number.
    """
    constants = (LOG2_E, ROUNDER, MINUS_LN2_HIGH, MINUS_LN2_LOW, *HORNER)
    rounded, n, y = _rounded(e, x, *(e.const(x.type, c) for c in constants))
    bits = e.bits(rounded)
    return n, e.b.sub(bits, e.const(bits.type, ROUNDER_BITS)), y


def _rounded(e, x, log2_e, rounder, high, low, p, *coefficients):
    """As _reduced, but n + ``rounder`` first; n as float32 alone."""
    b = e.b
    rounded = b.fadd(b.fmul(x, log2_e), rounder)
    n = b.fsub(rounded, rounder)
    r = e.fma(n, high, x)
    r = e.fma(n, low, r)
    for coefficient in coefficients:
        p = e.fma(p, r, coefficient)
    return rounded, n, e.fma(p, b.fmul(r, r), r)


def emit_exp(e, x):
    """R24. Beyond [-104, 89] the result is 0 and infinity by itself."""
    b = e.b
    lowest, highest = e.const(x.type, -104.0), e.const(x.type, 89.0)
    real_n, n, y = _reduced(e, e.clamp(x, lowest, highest))
    y = b.fadd(y, e.const(x.type, 1.0))
    if e.scales(x.type):
        return e.scaled(y, real_n)
    # 2^n in two factors: n reaches 128 and -150, outside the normal exponents.
    half = b.ashr(n, e.const(n.type, 1))  # floor(n / 2)
    y = b.fmul(y, _power_of_two(e, half))
    return b.fmul(y, _power_of_two(e, b.sub(n, half)))


def emit_exp_normal(e, x):
    """R24 of x from LOWEST_NORMAL to 0: 2^n is normal, one factor."""
    _, n, y = _reduced(e, x)
    y = e.b.fadd(y, e.const(x.type, 1.0))
    return e.b.fmul(y, _power_of_two(e, n))


def emit_exp_vanishing(e, x):
    """R41, of x at most 0: nothing on the way is subnormal."""
    lowest = e.const(x.type, LOWEST_NORMAL)
    if e.scales(x.type):
        # What the others would be is any number, and nothing that is slow.
        kept = e.b.fcmp_unordered(">=", x, lowest)
        n, _, y = _reduced(e, x)
        return e.scaled(e.b.fadd(y, e.const(x.type, 1.0)), n, kept)
    below = e.b.fcmp_ordered("<", x, lowest)
    power = emit_exp_normal(e, e.b.select(below, lowest, x))
    return e.b.select(below, e.const(x.type, 0.0), power)


# What emit_exp_scaled needs, in its order. The rounder brings the bias of an exponent
# along: as an even number it leaves ties to the same integers.
SCALED = (
    LOG2_E, ROUNDER + 127 + SCALE, MINUS_LN2_HIGH, MINUS_LN2_LOW, *HORNER,
    LOWEST_NORMAL,
)  # fmt: skip


def emit_exp_scaled(e, x, constants):
    """R41 times 2^SCALE, of x at most 0, by four instructions less.

    constants : SCALED, as values of x's type
        From memory where they shall stay in registers: of constants LLVM makes operands
        in memory, whose addresses it loads again for each.

    fl(y + 1) times a power of two is one FMA. Down to LOWEST_NORMAL nothing leaves the
    normal range; what x below it gives is not taken.
    """
    b = e.b
    *reduction, lowest = constants
    rounded, _, y = _rounded(e, x, *reduction)
    bits = e.bits(rounded)
    power = e.real(b.shl(bits, e.const(bits.type, 23)))
    below = b.fcmp_ordered("<", x, lowest)
    if e.tier.hardware_fma:
        power = e.fma(y, power, power)
    else:
        power = b.fmul(b.fadd(y, e.const(x.type, 1.0)), power)
    return b.select(below, e.const(x.type, 0.0), power)


def _scaled(e, x):
    return emit_exp_scaled(e, x, [e.const(x.type, c) for c in SCALED])


def emit_exp_minus_one(e, x):
    """R31, of x at most 0, without cancellation."""
    _, n, y = _reduced(e, e.maximum(x, e.const(x.type, -32.0)))
    power = _power_of_two(e, n)
    return e.fma(y, power, e.b.fsub(power, e.const(x.type, 1.0)))


def emit_logistic(e, x):
    """R25: the exponential never overflows, and neither branch cancels."""
    return emit_logistic_of(e, x, emit_logistic_power(e, x))


def emit_logistic_power(e, x):
    """exp(-|x|): what `emit_logistic_of` finishes."""
    return emit_exp_vanishing(e, e.b.fneg(e.unary("llvm.fabs", x)))


def emit_logistic_of(e, x, power):
    """1 / (1 + power) where x >= 0, else power / (1 + power)."""
    one = e.const(x.type, 1.0)
    return e.b.fdiv(_one_unless_negative(e, x, power), e.b.fadd(one, power))


# VFIXUPIMMPS: what becomes of NaN (two kinds), 0, 1, -infinity, infinity, negative and
# positive numbers, four bits each: 10 is 1, 0 what was there before.
_ONES = sum(10 << 4 * kind for kind in (2, 3, 5, 7))


def _one_unless_negative(e, x, power):
    """1 where x >= 0, else ``power``, which of -0.0 is 1; one instruction on x86."""
    b, bits = e.b, e.bits(x)
    if e.scales(x.type):
        return e.call(
            "llvm.x86.avx512.mask.fixupimm.ps.512", x.type, power, x,
            e.const(bits.type, _ONES), i32(0), i16(-1), i32(4),
        )  # fmt: skip
    negative = b.icmp_signed("<", bits, e.const(bits.type, 0))
    return b.select(negative, power, e.const(x.type, 1.0))


scaled = define(f32x16, (f32x16,), _scaled)
vanishing = define(f32x16, (f32x16,), emit_exp_vanishing)
logistic = define(f32x16, (f32x16,), emit_logistic)
