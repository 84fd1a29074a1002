"""Vectors as Numba values: plain loops written with explicit SIMD.

``load(TIER, F32, address)`` is sixteen float32 whatever the register width (LLVM
splits them), so a kernel reads like its definition and is vectorized by
construction. TIER is the literal id of a tier, the kinds below are literals too.
Sixteen is also R22's number of lanes. Addresses are int64, in bytes.

``+ - * /`` work between vectors of one type; every operation is one IEEE rounding.
"""

from importlib import import_module

from qd8.kernels import simd
from qd8.kernels.jit import intrinsic, types
from qd8.kernels.kinds import F16, F32, I8, I16, I32, LANES, U8
from qd8.kernels.simd import emitter, ir_vector

EXPONENT = 0x7F800000  # the bits of a float32's exponent; those of infinity
_ELEMENTS = {F32: simd.f32, F16: simd.i16, I32: simd.i32, I16: simd.i16}
_ELEMENTS |= {I8: simd.i8, U8: simd.i8}


class Named:
    """A type by its name: Numba's own is made when a kernel is compiled."""

    def __init__(self, module: str, name: str):
        self._module, self._name = module, name

    @property
    def type(self):
        """Numba's type."""
        return getattr(import_module(self._module), self._name)


f32x16, i32x16, boolx16 = (
    Named("qd8.kernels.vector_types", name) for name in ("f32x16", "i32x16", "boolx16")
)
real32, _boolean = (Named("numba.core.types", n) for n in ("float32", "boolean"))


def _loaded(e, kind, raw):
    """Memory elements as float32 (F32, F16) or int32 (the integers)."""
    if kind in (F32, I32):
        return raw
    if kind == F16:
        return e.widen(raw)
    wide = ir_vector(simd.i32, LANES)
    return e.b.zext(raw, wide) if kind == U8 else e.b.sext(raw, wide)


def stored(e, kind, value):
    """Registers as memory elements; integers are truncated, float16 rounded."""
    if kind in (F32, I32):
        return value
    if kind == F16:
        return e.narrow(value)
    return e.b.trunc(value, ir_vector(_ELEMENTS[kind], LANES))


def _kind_type(kind):
    return (f32x16 if kind in (F32, F16) else i32x16).type


@intrinsic(prefer_literal=True)
def load(typingctx, tier, kind, address):
    """Sixteen elements at ``address``, widened to float32 or int32."""
    k = kind.literal_value

    def codegen(context, builder, signature, args):
        e = emitter(builder, tier)
        return _loaded(e, k, e.load(ir_vector(_ELEMENTS[k], LANES), args[2]))

    return _kind_type(k)(tier, kind, types.int64), codegen


@intrinsic(prefer_literal=True)
def load_first(typingctx, tier, kind, address, count, fill):
    """The first ``count`` elements at ``address``; the other lanes are ``fill``.

    Memory beyond them is not touched.
    """
    k = kind.literal_value
    fill_type = types.float32 if k in (F32, F16) else types.int32

    def codegen(context, builder, signature, args):
        e = emitter(builder, tier)
        type_ = ir_vector(_ELEMENTS[k], LANES)
        mask = e.mask(LANES, args[3])
        raw = e.load_masked(type_, args[2], mask, e.const(type_, 0))
        return builder.select(mask, _loaded(e, k, raw), e.splat(args[4], LANES))

    arguments = (tier, kind, types.int64, types.int64, fill_type)
    return _kind_type(k)(*arguments), codegen


@intrinsic(prefer_literal=True)
def store(typingctx, tier, kind, address, value):
    """Store sixteen elements."""
    k = kind.literal_value

    def codegen(context, builder, signature, args):
        e = emitter(builder, tier)
        e.store(stored(e, k, args[3]), args[2])
        return context.get_dummy_value()

    return types.none(tier, kind, types.int64, _kind_type(k)), codegen


@intrinsic(prefer_literal=True)
def store_first(typingctx, tier, kind, address, value, count):
    """Store the first ``count`` elements; memory beyond them is not touched."""
    k = kind.literal_value

    def codegen(context, builder, signature, args):
        e = emitter(builder, tier)
        e.store_masked(stored(e, k, args[3]), args[2], e.mask(LANES, args[4]))
        return context.get_dummy_value()

    arguments = (tier, kind, types.int64, _kind_type(k), types.int64)
    return types.none(*arguments), codegen


@intrinsic(prefer_literal=True)
def lanes_between(typingctx, tier, first, end):
    """Lanes from ``first`` up to ``end``, int64, are set."""

    def codegen(context, builder, signature, args):
        iota = simd.ir.Constant(ir_vector(simd.i16, LANES), list(range(LANES)))
        e = emitter(builder, tier)
        bounds = [e.splat(builder.trunc(n, simd.i16), LANES) for n in args[1:]]
        above = builder.icmp_signed("<=", bounds[0], iota)
        return builder.and_(above, builder.icmp_signed("<", iota, bounds[1]))

    return boolx16.type(tier, types.int64, types.int64), codegen


@intrinsic(prefer_literal=True)
def load_one(typingctx, tier, kind, address):
    """The element at ``address`` in every lane."""
    k = kind.literal_value

    def codegen(context, builder, signature, args):
        e = emitter(builder, tier)
        one = e.load(_ELEMENTS[k], args[2])
        return _loaded(e, k, e.splat(one, LANES))

    return _kind_type(k)(tier, kind, types.int64), codegen


@intrinsic(prefer_literal=True)
def store_one(typingctx, tier, kind, address, value):
    """Store lane 0.

    Not ``store_first(..., 1)``: LLVM 22 makes that a scalar store, and of a
    truncated int32 (a float16 rounded without F16C) it stores all 32 bits.
    """
    k = kind.literal_value

    def codegen(context, builder, signature, args):
        e = emitter(builder, tier)
        e.store(builder.extract_element(stored(e, k, args[3]), simd.i32(0)), args[2])
        return context.get_dummy_value()

    return types.none(tier, kind, types.int64, _kind_type(k)), codegen


@intrinsic
def splat(typingctx, scalar):
    """A float32 or int32 in every lane."""

    def codegen(context, builder, signature, args):
        return emitter(builder, types.literal(0)).splat(args[0], LANES)

    if scalar == types.float32:
        return f32x16.type(types.float32), codegen
    return i32x16.type(types.int32), codegen


def _function(result, arguments, emit):
    """An intrinsic over vectors with a tier: ``emit(emitter, *values) -> value``."""

    def signature(tier):
        return result.type(tier, *(argument.type for argument in arguments))

    n = len(arguments)
    if n == 1:

        @intrinsic(prefer_literal=True)
        def function(typingctx, tier, a):
            return signature(tier), _codegen(tier, emit)

    elif n == 2:

        @intrinsic(prefer_literal=True)
        def function(typingctx, tier, a, b):
            return signature(tier), _codegen(tier, emit)

    else:

        @intrinsic(prefer_literal=True)
        def function(typingctx, tier, a, b, c):
            return signature(tier), _codegen(tier, emit)

    return function


def _codegen(tier, emit):
    def codegen(context, builder, signature, args):
        return emit(emitter(builder, tier), *args[1:])

    return codegen


def _tree(e, x):
    """R22's tree: halves are added until one lane is left."""
    lanes = LANES
    while lanes > 1:
        lanes //= 2
        x = e.b.fadd(_half(e, x, 0, lanes), _half(e, x, lanes, lanes))
    return e.b.extract_element(x, simd.i32(0))


def fold(e, x, combine):
    """Combine all lanes with ``combine(e, a, b)``, which is exact in any order."""
    lanes = LANES
    while lanes > 1:
        lanes //= 2
        x = combine(e, _half(e, x, 0, lanes), _half(e, x, lanes, lanes))
    return e.b.extract_element(x, simd.i32(0))


def _half(e, x, first, lanes):
    picks = simd.ir.Constant(
        ir_vector(simd.i32, lanes), list(range(first, first + lanes))
    )
    return e.b.shuffle_vector(x, simd.ir.Constant(x.type, simd.ir.Undefined), picks)


def _less(e, a, b):
    return e.b.select(e.b.fcmp_ordered("<", b, a), b, a)


def _greater(e, a, b):
    return e.b.select(e.b.fcmp_ordered(">", b, a), b, a)


define = _function  # kernels with a vocabulary of their own add to it
F, I, B = f32x16, i32x16, boolx16
fma = _function(F, (F, F, F), lambda e, a, b, c: e.fma(a, b, c))
maximum = _function(F, (F, F), lambda e, a, b: e.maximum(a, b))
minimum = _function(F, (F, F), lambda e, a, b: e.minimum(a, b))
# MINPS and MAXPS: one instruction; where b is NaN the result is a.
lesser = _function(F, (F, F), _less)
greater = _function(F, (F, F), _greater)
clamp = _function(F, (F, F, F), lambda e, y, lo, hi: e.clamp(y, lo, hi))
rint = _function(F, (F,), lambda e, x: e.unary("llvm.rint", x))
absolute = _function(F, (F,), lambda e, x: e.unary("llvm.fabs", x))
square_root = _function(F, (F,), lambda e, x: e.unary("llvm.sqrt", x))
to_float = _function(F, (I,), lambda e, x: e.b.sitofp(x, e.like(x.type, simd.f32)))
bits = _function(I, (F,), lambda e, x: e.bits(x))
real = _function(F, (I,), lambda e, x: e.real(x))
round_half = _function(F, (F,), lambda e, x: e.widen(e.narrow(x)))
unordered = _function(B, (F, F), lambda e, a, b: e.b.fcmp_unordered("uno", a, b))
less = _function(B, (F, F), lambda e, a, b: e.b.fcmp_ordered("<", a, b))
less_equal = _function(B, (F, F), lambda e, a, b: e.b.fcmp_ordered("<=", a, b))
equal = _function(B, (F, F), lambda e, a, b: e.b.fcmp_ordered("==", a, b))
equal_int = _function(B, (I, I), lambda e, a, b: e.b.icmp_signed("==", a, b))
select = _function(F, (B, F, F), lambda e, m, a, b: e.b.select(m, a, b))
select_int = _function(I, (B, I, I), lambda e, m, a, b: e.b.select(m, a, b))
min_int = _function(
    I, (I, I), lambda e, a, b: e.b.select(e.b.icmp_signed("<", a, b), a, b)
)
max_int = _function(
    I, (I, I), lambda e, a, b: e.b.select(e.b.icmp_signed(">", a, b), a, b)
)
any_lane = _function(_boolean, (B,), lambda e, m: e.any(m))
tree_sum = _function(real32, (F,), _tree)
lane_min = _function(real32, (F,), lambda e, x: fold(e, x, _less))
lane_max = _function(real32, (F,), lambda e, x: fold(e, x, _greater))


def _round_to_int(e, x):
    type_ = e.like(x.type, simd.i32)
    name = f"llvm.lrint.v{LANES}i32.v{LANES}f32"
    function = simd.cgutils.get_or_insert_function(
        e.b.module, simd.ir.FunctionType(type_, [x.type]), name
    )
    return e.b.call(function, [x])


def probed(e, acc, x):
    """acc + x * 0: NaN as soon as one x is NaN or infinite, else +0.0."""
    zero = e.const(x.type, 0.0)
    if e.tier.hardware_fma:
        return e.fma(x, zero, acc)
    return e.b.fadd(acc, e.b.fmul(x, zero))


def _product(e, x, factor):
    """x * factor; 0 where x is subnormal, which multiplied takes 100 times as long."""
    bits, zero = e.bits(x), e.const(x.type, 0.0)
    exponent = e.b.and_(bits, e.const(bits.type, EXPONENT))
    if e.tier.lanes == 8:
        return e.b.fmul(e.real(_signed(e, bits, exponent)), factor)
    normal = e.b.icmp_signed("!=", exponent, e.const(bits.type, 0))
    if e.tier.lanes == 16:  # AVX-512 does not multiply what a mask leaves out
        return e.b.select(normal, e.b.fmul(x, factor), zero)
    return e.b.fmul(e.b.select(normal, x, zero), factor)


def _signed(e, x, sign):
    """x where ``sign`` is positive, 0 where it is 0: VPSIGND, for two of a compare."""
    some, both = ir_vector(simd.i32, LANES // 2), list(range(LANES))
    halves = [
        e.call(
            "llvm.x86.avx2.psign.d",
            some,
            *(_half(e, v, at, LANES // 2) for v in (x, sign)),
        )
        for at in (0, LANES // 2)
    ]
    return e.b.shuffle_vector(
        *halves, simd.ir.Constant(ir_vector(simd.i32, LANES), both)
    )


# To nearest even, one cvtps2dq; the value must fit int32 (else poison).
to_int = _function(I, (F,), _round_to_int)
probe = _function(F, (F, F), probed)
product = _function(F, (F, F), _product)
