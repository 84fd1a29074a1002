"""Sums over groups of channels, as group normalization needs them (R22), in place.

The elements of group g are those of (P, G, C) at [:, g, :], in row-major order: lane
j of its sixteen adds elements j, j + 16, ... The array is read once, as it lies, one
pixel after the other, and each group's lanes are kept in the nearest cache:

* Where C divides 16, each lane gets the same channel of every (16 / C)-th pixel. Rows
  of sums as long as a pixel, one for each such phase, are added to whole.
* Else a pixel's C elements are pieces of at most sixteen lanes. A piece is loaded so
  that its elements come to their lanes; the others are made +0.0. Adding that is
  nothing: a lane began at +0.0, so it never is -0.0.

What is summed is x, or the squares of its differences from a number for each group;
of float16 a difference is rounded to float16, as the unfused graph stores it (R4).
"""

import numpy as np

from qd8.kernels import cache, isa, launch
from qd8.kernels.float_arguments import (
    Float,
    address,
    aligned,
    kind,
    real_bits,
    task_count,
)
from qd8.kernels.groups import Groups
from qd8.kernels.jit import intrinsic, types
from qd8.kernels.moves import copy_bytes
from qd8.kernels.scalars import real_word, word
from qd8.kernels.simd import emitter, f32, i16, ir_vector
from qd8.kernels.vector import (
    F16,
    F32,
    LANES,
    boolx16,
    f32x16,
    lanes_between,
    load,
    load_first,
    load_one,
    round_half,
    select,
    splat,
    store,
    store_one,
    tree_sum,
)

GRAIN = 1 << 15  # elements of a task


@intrinsic(prefer_literal=True)
def load_lanes(typingctx, tier, kind, address, lanes):
    """What lies at ``address`` for the lanes that are set, else +0.0; no other memory
    is touched."""
    half = kind.literal_value == F16

    def codegen(context, builder, signature, args):
        e = emitter(builder, tier)
        type_ = ir_vector(i16 if half else f32, LANES)
        raw = e.load_masked(type_, args[2], args[3], e.const(type_, 0))
        return e.widen(raw) if half else raw

    return f32x16.type(tier, kind, types.int64, boolx16.type), codegen


def _factory(source, TIER, KIND, OUT, SQUARES):
    size, out_size = 2 if KIND == F16 else 4, 2 if OUT == F16 else 4

    def float_group_sum(task, tasks, args):
        source  # noqa: B018
        outer, P, G, C = word(args, 3), word(args, 4), word(args, 5), word(args, 6)
        count, zero = splat(real_word(args, 7)), splat(np.float32(0))
        room = word(args, 9)
        sums = word(args, 8) + task * room
        pixel = G * C * size  # bytes
        lowest, end = word(args, 0), word(args, 0) + outer * P * pixel
        # Tasks share the groups of every image.
        first_group = G * task // tasks
        groups = G * (task + 1) // tasks - first_group
        channels = groups * C
        line = -(-channels // LANES) * LANES * 4  # bytes of a row of sums
        phases = LANES // C if LANES % C == 0 else 0
        centres = sums + room - line  # of every channel
        for n in range(outer):
            x = lowest + n * P * pixel + first_group * C * size
            m = word(args, 1) + (n * G + first_group) * size
            out = word(args, 2) + (n * G + first_group) * out_size
            for i in range(0, room, LANES * 4):
                store(TIER, F32, sums + i, zero)
            if phases:
                if SQUARES:
                    for g in range(groups):
                        centre = load_one(TIER, KIND, m + g * size)
                        for c in range(C):
                            store_one(TIER, F32, centres + (g * C + c) * 4, centre)
                for p in range(P):
                    row = sums + p % phases * line
                    at = x + p * pixel
                    for c in range(0, channels, LANES):
                        if c + LANES <= channels:
                            y = load(TIER, KIND, at + c * size)
                        else:
                            y = load_first(
                                TIER, KIND, at + c * size, channels - c, np.float32(0)
                            )
                        if SQUARES:
                            y = y - load(TIER, F32, centres + c * 4)
                            if KIND == F16:
                                y = round_half(TIER, y)
                            y = y * y
                        store(TIER, F32, row + c * 4, load(TIER, F32, row + c * 4) + y)
            else:
                lane = 0
                for p in range(P):
                    c = 0
                    while c < C:
                        length = min(LANES - lane, C - c)
                        lanes = lanes_between(TIER, lane, lane + length)
                        at = x + p * pixel + (c - lane) * size
                        for g in range(groups):
                            if at >= lowest and at + LANES * size <= end:
                                y = load(TIER, KIND, at)
                            else:
                                y = load_lanes(TIER, KIND, at, lanes)
                            if SQUARES:
                                y = y - load_one(TIER, KIND, m + g * size)
                                if KIND == F16:
                                    y = round_half(TIER, y)
                                y = y * y
                            y = select(TIER, lanes, y, zero)
                            total = sums + g * LANES * 4
                            store(TIER, F32, total, load(TIER, F32, total) + y)
                            at += C * size
                        c += length
                        lane = (lane + length) % LANES
            for g in range(groups):
                lanes_of = sums + g * LANES * 4
                if phases:
                    lanes_of = centres
                    for phase in range(phases):
                        copy_bytes(
                            lanes_of + phase * C * 4,
                            sums + phase * line + g * C * 4,
                            C * 4,
                        )
                total = splat(tree_sum(TIER, load(TIER, F32, lanes_of)))
                store_one(TIER, OUT, out + g * out_size, total / count)

    return float_group_sum


def bind_group_sum(
    x: Float,
    centres: Float | None,
    out: Float,
    groups: Groups,
    *,
    divisor: float,
    threads: int,
) -> list[launch.Call]:
    """Calls that make ``out`` the sums of the groups of ``x``, over ``divisor``.

    Parameters
    ----------
    x : (outer, P, G, C)
    centres : (outer, G) of the dtype of ``x``, or None
        If given, the squares of the differences from them are summed.
    out : (outer, G), float32 or float16
    """
    outer, P, G, C = groups
    tasks = task_count(x.size, GRAIN, min(threads, G))
    most = -(-G // tasks)  # groups of a task
    line = -(-most * C // LANES) * LANES
    room = max(most * LANES, LANES // C * line if LANES % C == 0 else 0) + 2 * line
    scratch = aligned((tasks * room,))
    words = (
        address(x),
        0 if centres is None else address(centres),
        *(address(out), outer, P, G, C, real_bits(divisor)),
        *(address(scratch), room * 4),
    )
    constants = kind(x), kind(out), int(centres is not None)
    kernel = cache.kernel(_factory, isa.current().id, *constants)
    return [launch.bind(kernel, words, tasks, x, centres, out, scratch)]
