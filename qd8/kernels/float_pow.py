"""POW, in float64 lanes and rounded once to float32 (R34)."""

from math import factorial, inf, log, nan, sqrt

from qd8.kernels.simd import f64, i64

# log2 m = s (C0 + C1 s^2 + ...) with s = (m - 1) / (m + 1): the series of 2 artanh s.
LOG2_SERIES = [2 / ((2 * k + 1) * log(2)) for k in range(8, -1, -1)]
# exp g = 1 + g + g^2 / 2! + ...
EXP_SERIES = [1 / factorial(k) for k in range(11, -1, -1)]
_MANTISSA, _HALF = (1 << 52) - 1, 0x3FE << 52  # bits of a float64; those of 0.5


def emit_pow(e, a, b):
    """R34: ``a`` to the power ``b``; NaN wherever one of them is."""
    build, wide = e.b, e.like(a.type, f64)

    def c(value):
        return e.const(wide, value)

    def is_(relation, left, right):
        return build.fcmp_ordered(relation, left, right)

    x, y = build.fpext(a, wide), build.fpext(b, wide)
    magnitude = e.unary("llvm.fabs", x)
    power = _exp2(e, _times(e, y, _log2(e, magnitude)))
    # Where the exact result can lie between two float32, only exact steps decide.
    squared = build.fmul(magnitude, magnitude)
    power = build.select(is_("==", y, c(2.0)), squared, power)
    root = e.unary("llvm.sqrt", magnitude)
    power = build.select(is_("==", y, c(0.5)), root, power)
    # Halving tells odd from even: also of y beyond 2^53, which are all even.
    whole = is_("==", y, e.unary("llvm.floor", y))
    half = build.fmul(y, c(0.5))
    finite = is_("<", e.unary("llvm.fabs", y), c(inf))
    odd = build.fcmp_ordered("!=", half, e.unary("llvm.floor", half))
    odd = build.and_(build.and_(odd, whole), finite)
    sign = build.bitcast(x, e.like(a.type, i64))
    negative = build.icmp_signed("<", sign, e.const(sign.type, 0))
    power = build.select(build.and_(negative, odd), build.fneg(power), power)
    imaginary = build.and_(is_("<", x, c(0.0)), is_(">", x, c(-inf)))
    imaginary = build.and_(imaginary, build.fcmp_unordered("!=", y, _floor(e, y)))
    undefined = build.or_(imaginary, build.fcmp_unordered("uno", x, y))
    return build.fptrunc(build.select(undefined, c(nan), power), a.type)


def _floor(e, y):
    return e.unary("llvm.floor", y)


def _log2(e, x):
    """R34: of a float32 not below 0; of 0 it is -inf, of NaN it is a number."""
    build = e.b
    integer = e.like(x.type, i64)
    bits = build.bitcast(x, integer)
    # frexp by hand; a float32 is never subnormal as float64.
    exponent = build.sub(build.lshr(bits, e.const(integer, 52)), e.const(integer, 1022))
    mantissa = build.and_(bits, e.const(integer, _MANTISSA))
    m = build.bitcast(build.or_(mantissa, e.const(integer, _HALF)), x.type)
    below = build.fcmp_ordered("<", m, e.const(x.type, sqrt(0.5)))
    m = build.select(below, build.fadd(m, m), m)
    one = e.const(x.type, 1.0)
    whole = build.sitofp(exponent, x.type)
    whole = build.select(below, build.fsub(whole, one), whole)
    s = build.fdiv(build.fsub(m, one), build.fadd(m, one))
    series = _horner(e, LOG2_SERIES, build.fmul(s, s))
    logarithm = build.fadd(whole, build.fmul(s, series))
    zero, infinite = e.const(x.type, 0.0), e.const(x.type, inf)
    logarithm = build.select(
        build.fcmp_ordered("==", x, zero), e.const(x.type, -inf), logarithm
    )
    return build.select(build.fcmp_ordered("==", x, infinite), infinite, logarithm)


def _times(e, y, logarithm):
    """R34: 0 * infinity is 0 here: there the power is 1."""
    build, zero = e.b, e.const(y.type, 0.0)
    nothing = build.or_(
        build.fcmp_ordered("==", y, zero), build.fcmp_ordered("==", logarithm, zero)
    )
    return build.select(nothing, zero, build.fmul(y, logarithm))


def _exp2(e, t):
    """R34: 2 to the power ``t``; beyond 200 the float32 is infinity or 0 anyway."""
    build = e.b
    t = e.minimum(e.maximum(t, e.const(t.type, -200.0)), e.const(t.type, 200.0))
    known = build.fcmp_ordered("ord", t, t)  # a NaN is not converted to an integer
    t = build.select(known, t, e.const(t.type, 0.0))
    n = e.unary("llvm.rint", t)
    y = _horner(e, EXP_SERIES, build.fmul(build.fsub(t, n), e.const(t.type, log(2))))
    whole = build.fptosi(n, e.like(t.type, i64))
    biased = build.add(whole, e.const(whole.type, 1023))
    scale = build.bitcast(build.shl(biased, e.const(whole.type, 52)), t.type)
    return build.fmul(y, scale)


def _horner(e, coefficients, x):
    """Highest power first; every product and every sum is rounded."""
    y = e.const(x.type, coefficients[0])
    for coefficient in coefficients[1:]:
        y = e.b.fadd(e.b.fmul(y, x), e.const(x.type, coefficient))
    return y
