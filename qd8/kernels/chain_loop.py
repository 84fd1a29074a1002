"""The loop of an element-wise program: sixteen lanes at a time, one run of a row.

A logistic function is a chain of some twenty instructions, each of which waits for the
one before it: 90 cycles, where a core's ports would start a vector every 11.5. A core
does not look far enough ahead for more than one every 14. So such an operator is in two
halves, AHEAD vectors apart: what the first has made waits in a ring in the first-level
cache, and where the last half is reached, nothing in it waits for the first any more.
"""

from qd8.kernels.chain_operators import EMIT, HALVED
from qd8.kernels.chain_program import CHANNEL, IMAGE, PIECE, ROW, SAME, SCALAR, decoded
from qd8.kernels.jit import cgutils, intrinsic, types
from qd8.kernels.simd import emitter, f32, i16, i64, ir, ir_vector
from qd8.kernels.vector import F16, LANES

OPERANDS = 4  # words before the operands: output, period, rows, pitch
AHEAD = 8  # vectors, a power of two


@intrinsic(prefer_literal=True)
def run_links(
    typingctx, tier, kind, w0, w1, w2, w3, kinds, position, channel, row, length, args
):
    """The program on ``length`` elements of one row, from ``position`` on."""
    words = [each.literal_value for each in (w0, w1, w2, w3, kinds)]

    def codegen(context, builder, signature, values):
        e = emitter(builder, tier)
        _Run(e, kind.literal_value == F16, words, *values[7:]).emit()
        return context.get_dummy_value()

    constants = (tier, kind, w0, w1, w2, w3, kinds)
    return types.none(*constants, *[types.int64] * 5), codegen


class _Run:
    """Emits a program for one run of elements within a row."""

    def __init__(self, e, half, words, position, channel, row, length, args):
        self.e, self.half = e, half
        self.links, self.kinds = decoded(words)
        self.length = length
        self.size = 2 if half else 4
        self.memory = ir_vector(i16 if half else f32, LANES)
        build = e.b

        def argument(n):
            return e.load(i64, args, i64(8 * n))

        offsets = {SAME: position, CHANNEL: channel, ROW: row, SCALAR: i64(0)}
        if IMAGE in self.kinds:
            image = build.sdiv(row, argument(2))
            offsets[IMAGE] = build.add(build.mul(image, argument(1)), channel)
        if PIECE in self.kinds:
            offsets[PIECE] = build.add(build.mul(row, argument(3)), channel)
        self.out = self._at(argument(0), position)
        self.places = [
            self._at(argument(OPERANDS + n), offsets[kind])
            for n, kind in enumerate(self.kinds)
        ]
        self.still = {
            n: self._widened(e.splat(e.load(self.memory.element, place), LANES))
            for n, (place, kind) in enumerate(zip(self.places, self.kinds, strict=True))
            if kind in (ROW, SCALAR)
        }

    def _at(self, base, offset):
        return self.e.b.add(base, self.e.b.mul(offset, i64(self.size)))

    def _widened(self, lanes):
        return self.e.widen(lanes) if self.half else lanes

    def emit(self):
        """Whole vectors, then what is left of them."""
        build = self.e.b
        whole = build.ashr(self.length, i64(LANES.bit_length() - 1))
        long = self._long()
        if long is None:
            self._loop(i64(0), whole, self._vector)
        else:
            self._in_halves(whole, long)
        rest = build.and_(self.length, i64(LANES - 1))
        with build.if_then(build.icmp_signed(">", rest, i64(0))):
            self._vector(whole, self.e.mask(LANES, rest))

    def _loop(self, first, count, body):
        """``body`` of the indices of ``count`` vectors, from ``first`` on."""

        def turn(index, carried):
            body(self.e.b.add(first, index))
            return carried

        self.e.loop(count, [], turn)

    def _long(self):
        """The only link that has halves, if its argument is in memory."""
        long = [n for n, link in enumerate(self.links) if link.name in HALVED]
        if len(long) != 1 or self.links[long[0]].arguments[0].is_result:
            return None
        return long[0]

    def _in_halves(self, whole, long):
        e, build = self.e, self.e.b
        first, last = HALVED[self.links[long].name]
        operand = self.links[long].arguments[0].index
        lanes = ir_vector(f32, LANES)
        ring = cgutils.alloca_once(build, ir.ArrayType(lanes, AHEAD))

        def place(index):
            slot = build.and_(index, i64(AHEAD - 1))
            return build.ptrtoint(build.gep(ring, [i64(0), slot]), i64)

        def begin(index):
            e.store(first(e, self._operand(operand, index, None)), place(index))

        def finish(index, half=None):
            half = e.load(lanes, place(index)) if half is None else half
            self._vector(index, None, {long: lambda e, x: last(e, x, half)})

        def both(index):
            half = e.load(lanes, place(index))
            begin(build.add(index, i64(AHEAD)))
            finish(index, half)

        many = build.icmp_signed(">=", whole, i64(2 * AHEAD))
        with build.if_else(many) as (in_halves, at_once):
            with in_halves:
                paired = build.sub(whole, i64(AHEAD))
                self._loop(i64(0), i64(AHEAD), begin)
                self._loop(i64(0), paired, both)
                self._loop(paired, i64(AHEAD), finish)
            with at_once:
                self._loop(i64(0), whole, self._vector)

    def _vector(self, index, mask=None, instead=None):
        """All links of one vector; ``instead``: how some of them are computed."""
        e, emit = self.e, [EMIT[link.name] for link in self.links]
        for n, other in (instead or {}).items():
            emit[n] = other
        operands = [self._operand(n, index, mask) for n in range(len(self.kinds))]
        results = []
        for n, link in enumerate(self.links):
            values = [
                results[place.index] if place.is_result else operands[place.index]
                for place in link.arguments
            ]
            y = emit[n](e, *values)
            if self.half:
                narrow = e.narrow(y)
                y = e.widen(narrow)
            results.append(y)
        stored = narrow if self.half else y
        at = e.pointer(self.out, self._bytes(index))
        if mask is None:
            e.store(stored, at)
        else:
            e.store_masked(stored, at, mask)

    def _bytes(self, index):
        return self.e.b.mul(index, i64(LANES * self.size))

    def _operand(self, n, index, mask):
        if n in self.still:
            return self.still[n]
        at = self.e.pointer(self.places[n], self._bytes(index))
        if mask is None:
            return self._widened(self.e.load(self.memory, at))
        zero = self.e.const(self.memory, 0)
        return self._widened(self.e.load_masked(self.memory, at, mask, zero))
