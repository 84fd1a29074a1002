"""TANH, ELU, GELU and HARD_SWISH, in registers (R28, R31 to R33).

As float_exp.py: no libm, and an order of operations that the definition fixes.
"""

from qd8.kernels.float_exp import emit_exp_minus_one, emit_exp_normal, emit_logistic

SIXTH = 1 / 6
# Twice sqrt(2 / pi), and that times 0.044715: tanh's argument doubled is sigmoid's.
LINEAR, CUBIC = 1.5957691216057308, 0.07135481282553094
# R33: the share of the normal distribution below -c, over exp(-c^2 / 2) / (c + 4).
FAR = 12.9  # beyond it that share counts as 0
SHARE = (
    -0.00013419498, 0.00017465997, 0.001568406, -0.003510212, -0.0075240033,
    0.06040349, -0.18652366, 0.3871369, -0.60789657, 0.75528514,
)  # fmt: skip


def emit_tanh(e, x):
    """R32: -p / (2 + p) with p = exp(-2 |x|) - 1; the sign of x."""
    b = e.b
    doubled = b.fmul(e.const(x.type, -2.0), e.unary("llvm.fabs", x))
    p = emit_exp_minus_one(e, doubled)
    ratio = b.fdiv(p, b.fadd(e.const(x.type, 2.0), p))
    return e.binary("llvm.copysign", ratio, x)


def emit_elu(e, x):
    """R31: exp(x) - 1 below 0."""
    zero = e.const(x.type, 0.0)
    below = emit_exp_minus_one(e, e.minimum(x, zero))
    return e.b.select(e.b.fcmp_ordered("<", x, zero), below, x)


def emit_gelu(e, x):
    """R33: x times the share of the normal distribution below x."""
    b = e.b
    below = _share_below(e, e.unary("llvm.fabs", x))
    above = b.fsub(e.const(x.type, 1.0), below)
    negative = b.fcmp_ordered("<", x, e.const(x.type, 0.0))
    return b.fmul(x, b.select(negative, below, above))


def emit_gelu_approximate(e, x):
    """R33, with tanh: x times a sigmoid."""
    b = e.b
    slope = e.fma(b.fmul(x, x), e.const(x.type, CUBIC), e.const(x.type, LINEAR))
    return b.fmul(x, emit_logistic(e, b.fmul(x, slope)))


def emit_hard_swish(e, x):
    """R28: scaled before it is clamped, so that nothing overflows."""
    gate = e.fma(x, e.const(x.type, SIXTH), e.const(x.type, 0.5))
    gate = e.clamp(gate, e.const(x.type, 0.0), e.const(x.type, 1.0))
    return e.b.fmul(x, gate)


def _share_below(e, distance):
    """R33: the share of the normal distribution below ``-distance``."""
    b = e.b

    def const(value):
        return e.const(distance.type, value)

    far = b.fcmp_ordered(">", distance, const(FAR))
    c = b.select(far, const(FAR), distance)
    s = b.fdiv(const(1.0), b.fadd(c, const(4.0)))
    u = b.fmul(b.fsub(c, const(4.0)), s)
    p = const(SHARE[0])
    for coefficient in SHARE[1:]:
        p = e.fma(p, u, const(coefficient))
    square = b.fmul(c, c)
    rest = e.fma(c, c, b.fneg(square))  # what rounding the square left out
    power = emit_exp_normal(e, b.fmul(const(-0.5), square))
    power = e.fma(power, b.fmul(const(-0.5), rest), power)
    return b.select(far, const(0.0), b.fmul(b.fmul(p, s), power))
