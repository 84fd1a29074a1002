"""Element-wise programs (chain_program.py): alone, or as the tail of another kernel.

A chain's kernel is ``void (int64 first, int64 count, int64 arguments)``: it computes
elements ``first`` to ``first + count`` of the flat output. A kernel that makes
outputs calls it, through its address, for what it has just stored, while that is still
in the nearest cache: then operand 0 is the output itself. Each link rounds to
float16 where the tensors are (C4); everything else stays in registers.
"""

import numpy as np

from qd8.kernels import cache, isa, launch
from qd8.kernels.calls import call_kernel
from qd8.kernels.chain_operators import EMIT
from qd8.kernels.chain_program import (
    CHANNEL,
    IMAGE,
    PIECE,
    ROW,
    SAME,
    SCALAR,
    Program,
    decoded,
    encoded,
)
from qd8.kernels.float_arguments import Float, address, kind, task_count
from qd8.kernels.jit import intrinsic, njit, types
from qd8.kernels.scalars import word
from qd8.kernels.simd import emitter, f32, i16, i64, ir_vector
from qd8.kernels.tail import Tail
from qd8.kernels.vector import F16, LANES

GRAIN = 1 << 13  # elements of a task
_OPERANDS = 4  # words before the operands: output, period, rows, pitch
HALVES = _OPERANDS  # from which word on `bind_gate` has halves in place of addresses


@njit
def apply_tail(tail, arguments, first, rows, count, stride):
    """Have the tail, if there is one, finish ``rows`` pieces of ``count`` elements.

    ``stride`` elements apart; touching pieces are one.
    """
    if tail != 0:
        if count == stride:
            call_kernel(tail, first, rows * count, arguments)
        else:
            for r in range(rows):
                call_kernel(tail, first + r * stride, count, arguments)


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
            self._at(argument(_OPERANDS + n), offsets[kind])
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

        def body(index, carried):
            self._vector(build.mul(index, i64(LANES * self.size)), None)
            return carried

        self.e.loop(whole, [], body)
        done = build.mul(whole, i64(LANES))
        rest = build.sub(self.length, done)
        with build.if_then(build.icmp_signed(">", rest, i64(0))):
            mask = self.e.mask(LANES, rest)
            self._vector(build.mul(done, i64(self.size)), mask)

    def _vector(self, offset, mask):
        e = self.e
        operands = [self._operand(n, offset, mask) for n in range(len(self.kinds))]
        results = []
        for link in self.links:
            values = [
                results[place.index] if place.is_result else operands[place.index]
                for place in link.arguments
            ]
            y = EMIT[link.name](e, *values)
            if self.half:
                narrow = e.narrow(y)
                y = e.widen(narrow)
            results.append(y)
        stored = narrow if self.half else y
        if mask is None:
            e.store(stored, self.out, offset)
        else:
            e.store_masked(stored, e.b.add(self.out, offset), mask)

    def _operand(self, n, offset, mask):
        if n in self.still:
            return self.still[n]
        if mask is None:
            return self._widened(self.e.load(self.memory, self.places[n], offset))
        at = self.e.b.add(self.places[n], offset)
        zero = self.e.const(self.memory, 0)
        return self._widened(self.e.load_masked(self.memory, at, mask, zero))


def _factory(source, TIER, KIND, W0, W1, W2, W3, KINDS):
    def chain(first, count, args):
        source  # noqa: B018
        period = word(args, 1)
        position, end = first, first + count
        row = first // period
        channel = first - row * period
        while position < end:
            length = min(period - channel, end - position)
            run_links(
                TIER, KIND, W0, W1, W2, W3, KINDS, position, channel, row, length, args
            )
            position += length
            channel = 0
            row += 1

    return chain


def _alone_factory(source):
    def chain_alone(task, tasks, args):
        source  # noqa: B018
        vectors = (word(args, 2) + LANES - 1) // LANES
        first = vectors * task // tasks * LANES
        last = min(vectors * (task + 1) // tasks * LANES, word(args, 2))
        call_kernel(word(args, 0), first, last - first, word(args, 1))

    return chain_alone


def bind_tail(program: Program, operands: list[Float], out: Float) -> Tail:
    """Bind a program to the output that another kernel makes.

    Parameters
    ----------
    operands : the second operand and those after it; the first is ``out``
    out : C-contiguous float32 or float16, in whose dtype all operands are
    """
    return _bound(program, [out, *operands], out)


def bind_gate(program: Program, operands: list[Float], out: Float, pitch: int) -> Tail:
    """Bind a program that reads pieces of rows which another kernel has in its scratch.

    Parameters
    ----------
    operands : those that are no piece, in their order
    out : C-contiguous float32 or float16, in whose dtype all operands are
    pitch : elements from row to row of the scratch

    Of a piece the words hold 0 or 1, which half of the rows it is: the kernel puts the
    address of its scratch there.
    """
    others = iter(operands)
    starts = program.starts or (0,) * len(program.kinds)
    places = [
        start // program.period if way == PIECE else address(next(others))
        for way, start in zip(program.kinds, starts, strict=True)
    ]
    kernel = cache.kernel(_factory, isa.current().id, kind(out), *encoded(program))
    words = (address(out), program.period, program.rows, pitch, *places)
    return Tail(kernel.address, np.array(words, np.int64), (*operands, out))


def bind_chain(*operands: Float, program: Program, threads: int) -> list[launch.Call]:
    """Calls that make the last of ``operands``, the output, of the others.

    The output may be one of the operands of its shape.
    """
    *given, out = operands
    if out.size == 0:
        return []
    tail = _bound(program, given, out)
    tasks = task_count(out.size, GRAIN, threads)
    kernel = cache.kernel(_alone_factory)
    return [launch.bind(kernel, (*tail.words, out.size), tasks, tail)]


def _bound(program: Program, operands: list[Float], out: Float) -> Tail:
    kernel = cache.kernel(_factory, isa.current().id, kind(out), *encoded(program))
    starts = program.starts or (0,) * len(operands)
    places = [
        address(each) + start * each.itemsize
        for each, start in zip(operands, starts, strict=True)
    ]
    words = (address(out), program.period, program.rows, program.pitch, *places)
    return Tail(kernel.address, np.array(words, np.int64), (*operands, out))
