"""The vocabulary of vector instructions: the only importer of llvmlite.

:class:`Emitter` appends LLVM IR for one tier. Register tiles (tile_*.py) are
written with it directly, as SSA, so nothing depends on LLVM promoting an array
to registers; kernels that are plain loops use the same instructions as
functions on Numba values (vector.py).
"""

from typing import Any

from llvmlite import ir

from qd8.kernels import isa
from qd8.kernels.jit import cgutils

i1, i8, i16, i32, i64 = (ir.IntType(bits) for bits in (1, 8, 16, 32, 64))
f16, f32, f64 = ir.HalfType(), ir.FloatType(), ir.DoubleType()
void = ir.VoidType()
SMALLEST_NORMAL = 0x00800000  # the bits of 2^-126
MAGNITUDE = 0x7FFFFFFF
TINY = 2.0**-126 - 2.0**-151  # R2: exact values below it flush; exact in float64


def ir_vector(element: ir.Type, lanes: int) -> ir.VectorType:
    return ir.VectorType(element, lanes)


class Emitter:
    """Appends instructions of one tier to a builder."""

    def __init__(self, builder: ir.IRBuilder, tier: isa.Tier):
        self.b, self.tier = builder, tier

    # Constants and memory

    def vector(self, type_: ir.Type, values) -> ir.Constant:
        """A vector of constants, one a lane."""
        return ir.Constant(type_, list(values))

    def const(self, type_: ir.Type, value: float) -> ir.Constant:
        if isinstance(type_, ir.VectorType):
            return ir.Constant(type_, [value] * type_.count)
        return ir.Constant(type_, value)

    def pointer(self, address: ir.Value, offset: ir.Value | int = 0) -> ir.Value:
        """An i8* at ``address`` (int64 or pointer) plus ``offset`` bytes."""
        if address.type == i64:
            address = self.b.inttoptr(address, i8.as_pointer())
        if isinstance(offset, int):
            offset = i64(offset)
        return self.b.gep(address, [offset], inbounds=True)

    def opaque(self, value: ir.Value) -> ir.Value:
        """The same value, of which LLVM no longer knows how it was made."""
        same = ir.FunctionType(value.type, [value.type])
        return self.b.asm(same, "", "=r,0", [value], side_effect=False)

    def load(self, type_: ir.Type, address: ir.Value, offset: ir.Value | int = 0):
        at = self.b.bitcast(self.pointer(address, offset), type_.as_pointer())
        return self.b.load(at, align=1)

    def store(self, value: ir.Value, address: ir.Value, offset: ir.Value | int = 0):
        at = self.b.bitcast(self.pointer(address, offset), value.type.as_pointer())
        self.b.store(value, at, align=1)

    def mask(self, lanes: int, count: ir.Value) -> ir.Value:
        """Lanes below ``count`` (int64) are set."""
        zero, most = i64(0), i64(lanes)
        count = self.b.select(self.b.icmp_signed(">", count, zero), count, zero)
        count = self.b.select(self.b.icmp_signed("<", count, most), count, most)
        if lanes == self.tier.lanes == 16:
            # As bits: compared with an iota it is five instructions, and LLVM does
            # them anew wherever the mask is used.
            bits = self.b.sub(self.b.shl(i64(1), count), i64(1))
            return self.b.bitcast(self.b.trunc(bits, i16), ir_vector(i1, lanes))
        iota = ir.Constant(ir_vector(i32, lanes), list(range(lanes)))
        return self.b.icmp_signed(
            "<", iota, self.splat(self.b.trunc(count, i32), lanes)
        )

    def prefetch(
        self, address: ir.Value, offset: int, level: int = 1, write: bool = False
    ) -> None:
        """Ask for a line to read or write, in the cache of that level.

        Nothing happens where there is no memory.
        """
        at = self.pointer(address, offset)
        types_ = (at.type, i32, i32, i32)
        function = self._intrinsic("llvm.prefetch", (at.type,), void, types_)
        self.b.call(function, [at, i32(int(write)), i32(4 - level), i32(1)])

    def load_masked(self, type_, address, mask, fill):
        pointer = self.b.bitcast(self.pointer(address), type_.as_pointer())
        function = self._intrinsic(
            "llvm.masked.load", (type_, pointer.type), type_,
            (pointer.type, i32, mask.type, type_),
        )  # fmt: skip
        return self.b.call(function, [pointer, i32(1), mask, fill])

    def store_masked(self, value, address, mask):
        pointer = self.b.bitcast(self.pointer(address), value.type.as_pointer())
        function = self._intrinsic(
            "llvm.masked.store", (value.type, pointer.type), void,
            (value.type, pointer.type, i32, mask.type),
        )  # fmt: skip
        self.b.call(function, [value, pointer, i32(1), mask])

    def splat(self, scalar: ir.Value, lanes: int) -> ir.Value:
        type_ = ir_vector(scalar.type, lanes)
        first = self.b.insert_element(ir.Constant(type_, ir.Undefined), scalar, i32(0))
        zeros = ir.Constant(ir_vector(i32, lanes), [0] * lanes)
        return self.b.shuffle_vector(first, ir.Constant(type_, ir.Undefined), zeros)

    def _intrinsic(self, name, overloads, result, arguments):
        suffix = "".join("." + self._mangle(t) for t in overloads)
        type_ = ir.FunctionType(result, arguments)
        return cgutils.get_or_insert_function(self.b.module, type_, name + suffix)

    def _mangle(self, type_: ir.Type) -> str:
        if isinstance(type_, ir.VectorType):
            return f"v{type_.count}{self._mangle(type_.element)}"
        if isinstance(type_, ir.PointerType):
            return "p0"
        return {f16: "f16", f32: "f32", f64: "f64"}.get(type_) or f"i{type_.width}"

    def call(self, name: str, result: ir.Type, *arguments: ir.Value) -> ir.Value:
        """Call an intrinsic by its whole name."""
        type_ = ir.FunctionType(result, [a.type for a in arguments])
        function = cgutils.get_or_insert_function(self.b.module, type_, name)
        return self.b.call(function, arguments)

    def call_address(self, address: ir.Value, *words: ir.Value) -> ir.Value:
        """Call what lies at ``address``, a function of int64 that returns nothing."""
        type_ = ir.FunctionType(void, [i64] * len(words))
        return self.b.call(self.b.inttoptr(address, type_.as_pointer()), words)

    def unary(self, name: str, x: ir.Value) -> ir.Value:
        return self.b.call(self._intrinsic(name, (x.type,), x.type, (x.type,)), [x])

    def binary(self, name: str, x: ir.Value, y: ir.Value) -> ir.Value:
        function = self._intrinsic(name, (x.type,), x.type, (x.type, x.type))
        return self.b.call(function, [x, y])

    def like(self, type_: ir.Type, element: ir.Type) -> ir.Type:
        """``element``, as a vector where ``type_`` is one."""
        if isinstance(type_, ir.VectorType):
            return ir_vector(element, type_.count)
        return element

    def bits(self, x: ir.Value) -> ir.Value:
        return self.b.bitcast(x, self.like(x.type, i32))

    def real(self, x: ir.Value) -> ir.Value:
        return self.b.bitcast(x, self.like(x.type, f32))

    # Arithmetic of the definition

    def fma(self, a: ir.Value, b: ir.Value, c: ir.Value) -> ir.Value:
        """R1. Without the hardware: exact product, TwoSum, round to odd, convert."""
        if self.tier.hardware_fma:
            function = self._intrinsic("llvm.fma", (a.type,), a.type, (a.type,) * 3)
            return self.b.call(function, [a, b, c])
        build, wide = self.b, self.like(a.type, f64)
        s, e = self._exact_sum(a, b, c)
        bits = build.bitcast(s, self.like(a.type, i64))
        one = self.const(bits.type, 1)
        inexact = build.fcmp_ordered("!=", e, self.const(wide, 0.0))
        even = build.icmp_unsigned(
            "==", build.and_(bits, one), self.const(bits.type, 0)
        )
        # One double towards e: away from zero if s and e have the same sign.
        # s is not 0 where e is not: both summands are multiples of 2^-298.
        e_bits = build.bitcast(e, bits.type)
        same = build.icmp_signed(
            ">=", build.xor(bits, e_bits), self.const(bits.type, 0)
        )
        step = build.select(same, one, self.const(bits.type, -1))
        odd = build.select(build.and_(inexact, even), build.add(bits, step), bits)
        return build.fptrunc(build.bitcast(odd, wide), a.type)

    def _exact_sum(self, a, b, c):
        """float64 (s, e) with s + e == a*b + c exactly and s the rounded sum."""
        build, wide = self.b, self.like(a.type, f64)
        p = build.fmul(build.fpext(a, wide), build.fpext(b, wide))
        c = build.fpext(c, wide)
        s = build.fadd(p, c)
        bb = build.fsub(s, p)
        e = build.fadd(build.fsub(p, build.fsub(s, bb)), build.fsub(c, bb))
        return s, e

    def fma_flushed(self, t: list, w: list, c: list) -> list:
        """R14's fma of several vectors with R2's flush, decided by the exact values.

        The ordinary fma is right unless its magnitude is in (0, 2^-126]: one branch
        for all of them, hardly ever taken. There, a subnormal result becomes zero,
        and 2^-126 itself stays only if the exact value is not below
        2^-126 - 2^-151 (x86 detects tininess after rounding to 24 bits).
        """
        build = self.b
        triples = list(zip(t, w, c, strict=True))
        ys = [self.fma(*triple) for triple in triples]
        least = None
        for y in ys:
            bits = self.bits(y)
            magnitude = build.and_(bits, self.const(bits.type, MAGNITUDE))
            below = build.sub(magnitude, self.const(bits.type, 1))
            least = below if least is None else self.binary("llvm.umin", least, below)
        limit = self.const(least.type, SMALLEST_NORMAL)
        small = build.icmp_unsigned("<", least, limit)
        entry = build.block
        with build.if_then(self.any(small), likely=False):
            repair = self._repair(ys[0].type)
            repaired = [
                build.call(repair, [*triple, y])
                for triple, y in zip(triples, ys, strict=True)
            ]
            repair_block = build.block
        merged = []
        for y, mended in zip(ys, repaired, strict=True):
            phi = build.phi(y.type)
            phi.add_incoming(y, entry)
            phi.add_incoming(mended, repair_block)
            merged.append(phi)
        return merged

    def _repair(self, type_: ir.Type) -> ir.Function:
        """A function out of line, so that tiles stay small."""
        name = f"qd8_repair_{self.tier.name}_{self._mangle(type_)}"
        if (known := self.b.module.globals.get(name)) is not None:
            return known
        function = ir.Function(self.b.module, ir.FunctionType(type_, [type_] * 4), name)
        function.linkage = "internal"
        function.attributes.add("noinline")
        e = Emitter(ir.IRBuilder(function.append_basic_block()), self.tier)
        build, (t, w, c, y) = e.b, function.args
        wide = e.like(type_, f64)
        s, error = e._exact_sum(t, w, c)
        size = e.unary("llvm.fabs", s)
        threshold = e.const(wide, TINY)
        # s == threshold: the error term decides, seen from the sign of s.
        sign = e.binary("llvm.copysign", e.const(wide, 1.0), s)
        inward = build.fcmp_ordered("<", build.fmul(error, sign), e.const(wide, 0.0))
        equal = build.fcmp_ordered("==", size, threshold)
        tiny = build.or_(
            build.fcmp_ordered("<", size, threshold), build.and_(equal, inward)
        )
        zero = e.binary("llvm.copysign", e.const(type_, 0.0), y)
        build.ret(build.select(tiny, zero, y))
        return function

    def any(self, mask: ir.Value) -> ir.Value:
        if not isinstance(mask.type, ir.VectorType):
            return mask
        word = self.b.bitcast(mask, ir.IntType(mask.type.count))
        return self.b.icmp_unsigned("!=", word, ir.Constant(word.type, 0))

    def all(self, mask: ir.Value) -> ir.Value:
        word = self.b.bitcast(mask, ir.IntType(mask.type.count))
        return self.b.icmp_unsigned("==", word, ir.Constant(word.type, -1))

    def clamp(self, y: ir.Value, lo: ir.Value, hi: ir.Value) -> ir.Value:
        """R14's minimum(maximum(y, lo), hi): NaN stays, and -0.0 is below +0.0.

        ``lo`` and ``hi`` are activation bounds, never NaN nor -0.0, so an ordered
        comparison that keeps the bound when equal is the whole rule.
        """
        build = self.b
        y = build.select(build.fcmp_ordered("<=", y, lo), lo, y)
        return build.select(build.fcmp_ordered(">", y, hi), hi, y)

    def maximum(self, a: ir.Value, b: ir.Value) -> ir.Value:
        """R3."""
        return self.binary("llvm.maximum", a, b)

    def minimum(self, a: ir.Value, b: ir.Value) -> ir.Value:
        """R3."""
        return self.binary("llvm.minimum", a, b)

    def scales(self, type_: ir.Type) -> bool:
        """Whether `scaled` is one instruction."""
        wide = isinstance(type_, ir.VectorType) and type_.count == 16
        return wide and "avx512f" in self.tier.features

    def scaled(self, y: ir.Value, n: ir.Value, mask: ir.Value | None = None):
        """y * 2^n for integers n in float32, rounded once; 0 where not in the mask."""
        build, word = self.b, ir.IntType(16)
        mask = word(-1) if mask is None else build.bitcast(mask, word)
        type_ = ir.FunctionType(y.type, [y.type] * 3 + [word, i32])
        name = "llvm.x86.avx512.mask.scalef.ps.512"
        function = cgutils.get_or_insert_function(build.module, type_, name)
        zero, current = self.const(y.type, 0.0), i32(4)  # the current rounding mode
        return build.call(function, [y, n, zero, mask, current])

    # float16 is storage (R4)

    def widen(self, half: ir.Value) -> ir.Value:
        """float16 bits (i16) to float32, exactly."""
        build, wide = self.b, self.like(half.type, i32)
        if self.tier.hardware_f16:
            value = build.bitcast(half, self.like(half.type, f16))
            return build.fpext(value, self.like(half.type, f32))

        def c(value):
            return self.const(wide, value)

        h = build.zext(half, wide)
        shifted = build.shl(build.and_(h, c(0x7FFF)), c(13))
        exponent = build.and_(shifted, c(0x7C00 << 13))
        normal = build.add(shifted, c((127 - 15) << 23))
        special = build.add(normal, c((128 - 16) << 23))
        # A subnormal half is an integer times 2^-24: add and take away 2^-14.
        magic = c(113 << 23)
        lifted = self.real(build.add(normal, c(1 << 23)))
        subnormal = self.bits(build.fsub(lifted, self.real(magic)))
        is_special = build.icmp_unsigned("==", exponent, c(0x7C00 << 13))
        is_subnormal = build.icmp_unsigned("==", exponent, c(0))
        out = build.select(is_special, special, normal)
        out = build.select(is_subnormal, subnormal, out)
        sign = build.shl(build.and_(h, c(0x8000)), c(16))
        return self.real(build.or_(out, sign))

    def narrow(self, x: ir.Value) -> ir.Value:
        """float32 to float16 bits (i16), to nearest, ties to even."""
        build, small = self.b, self.like(x.type, i16)
        if self.tier.hardware_f16:
            return build.bitcast(build.fptrunc(x, self.like(x.type, f16)), small)
        bits = self.bits(x)

        def c(value):
            return self.const(bits.type, value)

        sign = build.and_(bits, c(0x80000000))
        size = build.xor(bits, sign)
        nan = build.icmp_unsigned(">", size, c(0x7F800000))
        huge = build.icmp_unsigned(">=", size, c((127 + 16) << 23))
        special = build.select(nan, c(0x7E00), c(0x7C00))
        # Below 2^-14 the last place is 2^-24: adding 0.5 makes the FPU round there.
        half = c(126 << 23)
        small_sum = build.fadd(self.real(size), self.real(half))
        subnormal = build.sub(self.bits(small_sum), half)
        odd = build.and_(build.lshr(size, c(13)), c(1))
        rebased = build.add(size, c(((15 - 127) << 23) + 0xFFF))
        normal = build.lshr(build.add(rebased, odd), c(13))
        tiny = build.icmp_unsigned("<", size, c(113 << 23))
        out = build.select(tiny, subnormal, normal)
        out = build.select(huge, special, out)
        return build.trunc(build.or_(out, build.lshr(sign, c(16))), small)

    # Integer dot products

    def dot(self, acc: ir.Value, a: ir.Value, w: ir.Value) -> ir.Value:
        """acc + the sum over each lane's consecutive k, exact modulo 2^32."""
        build, tier = self.b, self.tier
        if tier.tile in ("vnni", "amx"):
            # LLVM 22 spells the operands <64 x i8>; the old spelling below is
            # upgraded when parsed, so it serves every llvmlite (numba.md 2.2).
            name = f"llvm.x86.avx512.vpdpbusd.{32 * tier.lanes}"
            type_ = ir.FunctionType(acc.type, [acc.type] * 3)
            function = cgutils.get_or_insert_function(build.module, type_, name)
            return build.call(function, [acc, a, w])
        if tier.name == "avx2":
            type_ = ir.FunctionType(acc.type, [a.type, w.type])
            function = cgutils.get_or_insert_function(
                build.module, type_, "llvm.x86.avx2.pmadd.wd"
            )
            return build.add(acc, build.call(function, [a, w]))
        # Portable: LLVM knows this shape as pmaddwd where there is one.
        wide = ir_vector(i32, a.type.count)
        product = build.mul(build.sext(a, wide), build.sext(w, wide))
        lanes = acc.type.count
        even = ir.Constant(ir_vector(i32, lanes), list(range(0, 2 * lanes, 2)))
        odd = ir.Constant(ir_vector(i32, lanes), list(range(1, 2 * lanes, 2)))
        none = ir.Constant(wide, ir.Undefined)
        pairs = build.add(
            build.shuffle_vector(product, none, even),
            build.shuffle_vector(product, none, odd),
        )
        return build.add(acc, pairs)

    def dot_words(self, acc: ir.Value, a: ir.Value, w: ir.Value) -> ir.Value:
        """acc + the sum of each lane's two products of int16, modulo 2^32.

        vpdpwssd wraps; vpdpwssds would saturate. Do not chain it within a loop's
        body: LLVM 22 takes all but the first of a chain apart into vpmaddwd and
        vpaddd, to shorten the chain, and halves the rate of AVX-512 and AVX-VNNI.
        """
        build = self.b
        if self.tier.tile not in ("vnni", "amx"):
            return self.dot(acc, a, w)
        type_ = ir.FunctionType(acc.type, [acc.type] * 3)  # the old spelling, as above
        function = cgutils.get_or_insert_function(
            build.module, type_, f"llvm.x86.avx512.vpdpwssd.{32 * self.tier.lanes}"
        )
        a, w = build.bitcast(a, acc.type), build.bitcast(w, acc.type)
        return build.call(function, [acc, a, w])

    # Control flow

    def phi(self, *incoming: tuple[ir.Value, ir.Block]) -> ir.Value:
        """The value that belongs to the block which control came from."""
        phi = self.b.phi(incoming[0][0].type)
        for value, block in incoming:
            phi.add_incoming(value, block)
        return phi

    def loop(self, count: ir.Value, carried: list[ir.Value], body, unroll=True):
        """``for index in range(count): carried = body(index, carried)`` as SSA.

        unroll : whether LLVM may repeat the body, if it likes
        """
        build = self.b
        before = build.block
        head = build.append_basic_block("loop")
        after = build.append_basic_block("after")
        some = build.icmp_signed(">", count, i64(0))
        build.cbranch(some, head, after)
        build.position_at_end(head)
        index = build.phi(i64)
        index.add_incoming(i64(0), before)
        phis = [build.phi(value.type) for value in carried]
        for phi, value in zip(phis, carried, strict=True):
            phi.add_incoming(value, before)
        new = body(index, phis)
        following = build.add(index, i64(1))
        latch = build.block
        index.add_incoming(following, latch)
        for phi, value in zip(phis, new, strict=True):
            phi.add_incoming(value, latch)
        more = build.icmp_signed("<", following, count)
        branch = build.cbranch(more, head, after)
        if not unroll:
            branch.set_metadata("llvm.loop", self._not_unrolled())
        build.position_at_end(after)
        results = [build.phi(value.type) for value in carried]
        for phi, first, last in zip(results, carried, new, strict=True):
            phi.add_incoming(first, before)
            phi.add_incoming(last, latch)
        return results

    def steps(self, count, times, cursors, carried, body):
        """``loop`` of ``times`` steps a turn, with an exit after each step.

        count : of steps
        cursors : (address, bytes a turn) pairs
        body : called with the step within a turn, the addresses and what is carried

        The exits make each step a basic block, beyond which LLVM neither schedules nor
        reassociates: in a block of many steps it begins loads and products of later
        ones early, and spills accumulators for them (tile.py).
        """
        build = self.b
        first, before = [self.pointer(at) for at, _ in cursors], build.block
        head = build.append_basic_block("turn")
        after = build.append_basic_block("after")
        build.cbranch(build.icmp_signed(">", count, i64(0)), head, after)
        build.position_at_end(head)
        left = self.phi((count, before))
        at = [self.phi((cursor, before)) for cursor in first]
        phis = [self.phi((value, before)) for value in carried]
        ends = [(carried, before)]
        carried = phis
        for step in range(times):
            carried = body(step, at, carried)
            ends.append((carried, build.block))
            following = head
            if step < times - 1:
                following = build.append_basic_block("step")
            else:
                left.add_incoming(build.sub(left, i64(times)), build.block)
                for phi, (_, size) in zip(at, cursors, strict=True):
                    phi.add_incoming(self.pointer(phi, size), build.block)
                for phi, value in zip(phis, carried, strict=True):
                    phi.add_incoming(value, build.block)
            ended = build.icmp_signed("==", left, i64(step + 1))
            build.cbranch(ended, after, following)
            build.position_at_end(following)
        build.position_at_end(after)
        return [
            self.phi(*((values[n], block) for values, block in ends))
            for n in range(len(phis))
        ]

    def _not_unrolled(self) -> ir.Value:
        """What LLVM reads at a loop's branch; a loop's own node names itself first."""
        module = self.b.module
        never = module.add_metadata(["llvm.loop.unroll.disable"])
        node = module.add_metadata([never, f"loop {len(module.metadata)}"])
        node.operands = (node, never)
        return node


def emitter(builder: ir.IRBuilder, literal: Any) -> Emitter:
    """The emitter for a tier given as a literal Numba type."""
    return Emitter(builder, isa.TIERS[literal.literal_value])
