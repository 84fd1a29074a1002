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
from qd8.kernels.chain_loop import OPERANDS, run_links
from qd8.kernels.chain_program import PIECE, Program, encoded
from qd8.kernels.float_arguments import Float, address, kind, task_count
from qd8.kernels.jit import njit
from qd8.kernels.scalars import word
from qd8.kernels.tail import Tail
from qd8.kernels.vector import LANES

GRAIN = 1 << 13  # elements of a task
HALVES = OPERANDS  # from which word on `bind_gate` has halves in place of addresses


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
