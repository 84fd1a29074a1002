"""Element-wise operators of one to three operands that broadcast, of every dtype.

After joining axes (boxes.py) each operand either walks along the inner loop or
stands still there. One that stands still is spread over sixteen lanes of scratch and
loaded again and again; the last elements of a line, fewer than sixteen, are moved to
scratch and back. So one loop of whole vectors serves all; the number of the operator
selects it once a line. elementwise_operators.py says what the loops do.
"""

import numpy as np
import numpy.typing as npt

from qd8.kernels import cache, isa, launch
from qd8.kernels.boxes import broadcast_strides, contiguous_strides, joined
from qd8.kernels.broadcasting import written_out
from qd8.kernels.elementwise_operators import (
    BOOL,
    CASTS,
    ELEMENTS,
    GROUPS,
    I64,
    operators,
)
from qd8.kernels.float_arguments import address, real_bits, task_count
from qd8.kernels.jit import intrinsic, types
from qd8.kernels.moves import copy_bytes, copy_items
from qd8.kernels.scalars import real_word, word
from qd8.kernels.simd import Emitter, emitter, f32, i8, i64, ir, ir_vector, void
from qd8.kernels.vector import F16, F32, I8, I16, I32, LANES, U8

GRAIN = 1 << 15  # elements of a task
KINDS = {"float32": F32, "float16": F16, "int32": I32, "int64": I64, "bool": BOOL}
KINDS |= {"int8": I8, "uint8": U8}
BITS = {1: I8, 2: I16, 4: I32, 8: I64}  # of elements that are moved as bits
OPERANDS = 3
_AXES = 12  # words before the axes: (extent, a_step, b_step, c_step) each
_SPREAD = 8 * LANES  # bytes of sixteen elements of any kind


@intrinsic(prefer_literal=True)
def apply(
    typingctx, tier, kind, group, number, a, b, c, out, count, a_step, b_step,
    c_step, lo, hi,
):  # fmt: skip
    """Apply the group's operator of that number to ``count`` vectors of lanes.

    Addresses; bytes from one vector of an operand to its next, or 0; float32 bounds.
    """

    def codegen(context, builder, signature, args):
        e = emitter(builder, tier)
        literals = kind.literal_value, group.literal_value
        builder.call(_function(e, *literals), args[3:])
        return context.get_dummy_value()

    reals = [types.float32] * 2
    return types.none(tier, kind, group, *[types.int64] * 9, *reals), codegen


def _function(caller: Emitter, kind: int, group: int) -> ir.Function:
    """A function out of line: it is called for whole vectors and for the rest."""
    name = f"qd8_elementwise_{caller.tier.name}_{kind}_{group}"
    if (known := caller.b.module.globals.get(name)) is not None:
        return known
    type_ = ir.FunctionType(void, [i64] * 9 + [f32] * 2)
    function = ir.Function(caller.b.module, type_, name)
    function.linkage = "internal"
    function.attributes.add("noinline")
    e = Emitter(ir.IRBuilder(function.append_basic_block("entry")), caller.tier)
    build = e.b
    number, a, b, c, out, count, *steps, lo, hi = function.args
    lo, hi = e.splat(lo, LANES), e.splat(hi, LANES)
    end = function.append_basic_block("end")
    switch = build.switch(number, end)
    for n, operator in enumerate(operators(kind, group)):
        block = function.append_basic_block(f"operator.{n}")
        switch.add_case(i64(n), block)
        build.position_at_end(block)
        _emit_loop(e, operator, kind, group, (a, b, c), out, count, steps, (lo, hi))
        build.branch(end)
    build.position_at_end(end)
    build.ret_void()
    return function


def _emit_loop(e, operator, kind, group, sources, out, count, steps, bounds):
    build = e.b
    kinds = (kind, kind, BOOL)[: operator.operands]

    def body(index, carried):
        lanes = []
        for source, step, k in zip(sources, steps, kinds, strict=False):
            type_ = ir_vector(ELEMENTS[k], LANES)
            raw = e.load(type_, source, build.mul(index, step))
            lanes.append(e.widen(raw) if k == F16 else raw)
        y = operator.emit(e, *lanes, *bounds)
        if y.type.element == ir.IntType(1):
            y = build.zext(y, ir_vector(i8, LANES))
        elif y.type.element == f32 and kind == F16 and group != CASTS:
            y = e.narrow(y)
        size = LANES * _bytes(y.type.element)
        e.store(y, out, build.mul(index, i64(size)))
        return carried

    e.loop(count, [], body)


def _bytes(element):
    return 4 if element == f32 else element.width // 8


def _factory(source, TIER, KIND, GROUP):
    def elementwise(task, tasks, args):
        source  # noqa: B018
        number, operands = word(args, 5), word(args, 6)
        size, out_size = word(args, 7), word(args, 8)
        lo, hi = real_word(args, 9), real_word(args, 10)
        outer = word(args, 11)
        inner = args + 8 * (_AXES + 4 * outer)
        length = word(inner, 0)
        a_step, b_step, c_step = word(inner, 1), word(inner, 2), word(inner, 3)
        lines = 1
        for axis in range(outer):
            lines *= word(args, _AXES + 4 * axis)
        a_spread = word(args, 4) + task * 4 * _SPREAD
        b_spread, c_spread = a_spread + _SPREAD, a_spread + 2 * _SPREAD
        out_spread = a_spread + 3 * _SPREAD
        # Tasks share the lines; a single line they cut.
        first_line, last_line = lines * task // tasks, lines * (task + 1) // tasks
        first, last = 0, length
        if lines == 1:
            first_line, last_line = 0, 1
            first, last = length * task // tasks, length * (task + 1) // tasks
        vectors, rest = (last - first) // LANES, (last - first) % LANES
        for line in range(first_line, last_line):
            a, b, c, place = word(args, 0), word(args, 1), word(args, 2), line
            for back in range(outer):
                axis = args + 8 * (_AXES + 4 * (outer - 1 - back))
                extent = word(axis, 0)
                a += place % extent * word(axis, 1)
                b += place % extent * word(axis, 2)
                c += place % extent * word(axis, 3)
                place //= extent
            out = word(args, 3) + (line * length + first) * out_size
            a += first * a_step
            b += first * b_step
            c += first * c_step
            if a_step == 0:
                copy_items(a_spread, a, LANES, size, 0, size)
                a = a_spread
            if operands > 1 and b_step == 0:
                copy_items(b_spread, b, LANES, size, 0, size)
                b = b_spread
            if operands > 2 and c_step == 0:
                copy_items(c_spread, c, LANES, 1, 0, 1)
                c = c_spread
            apply(
                TIER, KIND, GROUP, number, a, b, c, out, vectors,
                a_step * LANES, b_step * LANES, c_step * LANES, lo, hi,
            )  # fmt: skip
            if rest:
                done = vectors * LANES
                if a_step:
                    copy_bytes(a_spread, a + done * a_step, rest * size)
                if operands > 1 and b_step:
                    copy_bytes(b_spread, b + done * b_step, rest * size)
                if operands > 2 and c_step:
                    copy_bytes(c_spread, c + done, rest)
                apply(
                    TIER, KIND, GROUP, number, a_spread, b_spread, c_spread,
                    out_spread, 1, 0, 0, 0, lo, hi,
                )  # fmt: skip
                copy_bytes(out + done * out_size, out_spread, rest * out_size)

    return elementwise


def bind_elementwise(
    name: str,
    operands: tuple[npt.NDArray, ...],
    out: npt.NDArray,
    *,
    threads: int,
    numbers: tuple[float, float] = (0.0, 0.0),
    as_bits: bool = False,
) -> list[launch.Call]:
    """Calls that make ``out`` the operator of that name, applied to ``operands``.

    Parameters
    ----------
    name : of an entry of ``GROUPS``, or "cast"
        One in several groups is of the group that is for the dtype of the operands.
    operands : one to three arrays that broadcast to ``out``
        The third is bool; the others are of one dtype.
    numbers : the lo and hi of a float division's activation; alpha of leaky_relu
    as_bits : bool
        Whether elements are moved and never read as numbers.
    """
    if out.size == 0:
        return []
    first = operands[0]
    kind = BITS[first.itemsize] if as_bits else KINDS[first.dtype.name]
    if name == "cast":
        group, number = CASTS, KINDS[out.dtype.name]
    else:
        group = _group(name, kind)
        number = list(GROUPS[group]).index(name)
    operands, calls = written_out(operands, out.shape, threads)
    steps = [
        [s * x.itemsize for s in broadcast_strides(x.shape, out.shape)]
        for x in operands
    ]
    steps += [[0] * out.ndim] * (OPERANDS - len(operands))
    extents, *steps, _ = joined(out.shape, *steps, contiguous_strides(out.shape))
    tasks = task_count(out.size, GRAIN, threads)
    scratch = np.zeros(tasks * 4 * _SPREAD, np.uint8)
    addresses = [*map(address, operands), *[0] * (OPERANDS - len(operands))]
    words = (
        *addresses,
        *map(address, (out, scratch)),
        *(number, len(operands), first.itemsize, out.itemsize),
        *map(real_bits, numbers),
        len(extents) - 1,
        *(word for axis in zip(extents, *steps, strict=True) for word in axis),
    )
    kernel = cache.kernel(_factory, isa.current().id, kind, group)
    return [*calls, launch.bind(kernel, words, tasks, *operands, out, scratch)]


def _group(name: str, kind: int) -> int:
    found = [n for n, group in enumerate(GROUPS) if name in group]
    if len(found) > 1:  # FLOAT comes first, INTEGER second
        return found[kind in (I32, I64)]
    return found[0]
