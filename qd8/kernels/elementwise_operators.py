"""What each element-wise operator does to sixteen lanes.

Operators that a model is likely to hold together and that are a few instructions are
a *group*: one compiled kernel, in which a number selects the loop (elementwise.py).
Polynomials are a group each. To add an operator, add an entry.
"""

from collections.abc import Callable
from typing import NamedTuple

from qd8.kernels.float_exp import emit_exp
from qd8.kernels.float_functions import (
    emit_elu,
    emit_gelu,
    emit_gelu_approximate,
    emit_hard_swish,
    emit_tanh,
)
from qd8.kernels.float_pow import emit_pow
from qd8.kernels.simd import f32, i8, i64, ir
from qd8.kernels.vector import F16, F32, I8, I16, I32, U8

# More kinds of elements in memory than vectors of float arithmetic have.
I64, BOOL = 6, 7
ELEMENTS = {F32: f32, F16: ir.IntType(16), I32: ir.IntType(32), I64: i64}
ELEMENTS |= {I16: ir.IntType(16), I8: i8, U8: i8, BOOL: i8}
FLOATS, UNSIGNED = (F32, F16), (U8, BOOL)


class Lanes(NamedTuple):
    """An operator: of how many operands, and what is emitted for their lanes.

    Floats come widened to float32, integers as they are; the last arguments are two
    float32 that an operator may have. What is returned has the lanes' type, or is a
    mask.
    """

    operands: int
    emit: Callable


def _unary(emit):
    return Lanes(1, lambda e, x, lo, hi: emit(e, x))


def _binary(emit):
    return Lanes(2, lambda e, a, b, lo, hi: emit(e, a, b))


def _square_of_difference(e, a, b):
    difference = e.b.fsub(a, b)
    return e.b.fmul(difference, difference)


def _slope(e, x, alpha):
    below = e.b.fcmp_ordered("<", x, e.const(x.type, 0.0))
    return e.b.select(below, e.b.fmul(x, alpha), x)


def _reciprocal_root(e, x):
    return e.b.fdiv(e.const(x.type, 1.0), e.unary("llvm.sqrt", x))


FLOAT = {
    "div": Lanes(2, lambda e, a, b, lo, hi: e.clamp(e.b.fdiv(a, b), lo, hi)),
    "maximum": _binary(lambda e, a, b: e.maximum(a, b)),
    "minimum": _binary(lambda e, a, b: e.minimum(a, b)),
    "squared_difference": _binary(_square_of_difference),
    "prelu": _binary(_slope),
    "leaky_relu": Lanes(1, lambda e, x, alpha, _: _slope(e, x, alpha)),
    "abs": _unary(lambda e, x: e.unary("llvm.fabs", x)),
    "floor": _unary(lambda e, x: e.unary("llvm.floor", x)),
    "sqrt": _unary(lambda e, x: e.unary("llvm.sqrt", x)),
    "rsqrt": _unary(_reciprocal_root),
    "hard_swish": _unary(emit_hard_swish),
}


def _picked(relation):
    def emit(e, a, b):
        return e.b.select(e.b.icmp_signed(relation, a, b), a, b)

    return emit


def _negated(e, x):
    return e.b.sub(e.const(x.type, 0), x)


def _magnitude(e, x):
    below = e.b.icmp_signed("<", x, e.const(x.type, 0))
    return e.b.select(below, _negated(e, x), x)


def _divided(e, a, b):
    """Towards zero; n / 0 is 0, and the smallest / -1 wraps: both would trap."""
    build = e.b
    zero = build.icmp_signed("==", b, e.const(b.type, 0))
    minus = build.icmp_signed("==", b, e.const(b.type, -1))
    divisor = build.select(build.or_(zero, minus), e.const(b.type, 1), b)
    quotient = build.sdiv(a, divisor)
    quotient = build.select(minus, _negated(e, a), quotient)
    return build.select(zero, e.const(a.type, 0), quotient)


INTEGER = {
    "add": _binary(lambda e, a, b: e.b.add(a, b)),
    "sub": _binary(lambda e, a, b: e.b.sub(a, b)),
    "mul": _binary(lambda e, a, b: e.b.mul(a, b)),
    "div": _binary(_divided),
    "maximum": _binary(_picked(">")),
    "minimum": _binary(_picked("<")),
    "abs": _unary(_magnitude),
    "neg": _unary(_negated),
}


def _compared(relation):
    def emit(e, a, b):
        if a.type.element != f32:
            return e.b.icmp_signed(relation, a, b)
        if relation == "!=":
            return e.b.fcmp_unordered(relation, a, b)
        return e.b.fcmp_ordered(relation, a, b)

    return _binary(emit)


COMPARISON = {
    "less": _compared("<"),
    "less_equal": _compared("<="),
    "greater": _compared(">"),
    "greater_equal": _compared(">="),
    "equal": _compared("=="),
    "not_equal": _compared("!="),
}

LOGICAL = {
    "logical_and": _binary(lambda e, a, b: e.b.and_(a, b)),
    "logical_or": _binary(lambda e, a, b: e.b.or_(a, b)),
    "logical_not": _unary(lambda e, x: e.b.xor(x, e.const(x.type, 1))),
}


def _selected(e, a, b, condition, lo, hi):
    return e.b.select(
        e.b.icmp_signed("!=", condition, e.const(condition.type, 0)), a, b
    )


GROUPS: list[dict[str, Lanes]] = [
    FLOAT,
    INTEGER,
    COMPARISON,
    LOGICAL,
    {"select": Lanes(3, _selected)},
    {"exp": _unary(emit_exp)},
    {"tanh": _unary(emit_tanh)},
    {"elu": _unary(emit_elu)},
    {"gelu": _unary(emit_gelu)},
    {"gelu_approximate": _unary(emit_gelu_approximate)},
    {"pow": _binary(emit_pow)},
]
CASTS = len(GROUPS)  # the group of casts; an operator's number is what it makes


def operators(kind: int, group: int) -> list[Lanes]:
    """The operators of a group, in the order of their numbers."""
    if group == CASTS:
        return [_cast_to(kind, to) for to in range(len(ELEMENTS))]
    return list(GROUPS[group].values())


def _cast_to(kind, to):
    return _unary(lambda e, x: _stored(e, _cast(e, x, kind, to), to))


def _stored(e, y, to):
    return e.narrow(y) if to == F16 and y.type.element == f32 else y


def _cast(e, x, kind, to):
    """R29: toward zero and saturating from float; modulo the width from integers."""
    build = e.b
    if kind in FLOATS:
        if to in FLOATS:
            return x
        if to == BOOL:
            return build.fcmp_unordered("!=", x, e.const(x.type, 0.0))
        name = "llvm.fptoui.sat" if to in UNSIGNED else "llvm.fptosi.sat"
        type_ = e.like(x.type, ELEMENTS[to])
        return build.call(e._intrinsic(name, (type_, x.type), type_, (x.type,)), [x])
    if to == BOOL:
        return build.icmp_signed("!=", x, e.const(x.type, 0))
    if to in FLOATS:
        real = e.like(x.type, f32)
        return build.uitofp(x, real) if kind in UNSIGNED else build.sitofp(x, real)
    type_ = e.like(x.type, ELEMENTS[to])
    if ELEMENTS[to].width < x.type.element.width:
        return build.trunc(x, type_)
    if ELEMENTS[to].width == x.type.element.width:
        return x
    return build.zext(x, type_) if kind in UNSIGNED else build.sext(x, type_)
