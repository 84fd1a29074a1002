"""float16 rows into float32 scratch: the tiles read float32 only (R4)."""

import numpy as np

from qd8.kernels.float_tile import TILES
from qd8.kernels.jit import intrinsic, njit, types
from qd8.kernels.simd import emitter, i16, i64, ir_vector
from qd8.kernels.vector import F16, F32, LANES, load, load_first, store, store_first


@njit
def widen(TIER, source, count, to):
    """Write ``count`` float16 at ``source`` as float32 at ``to``, exactly."""
    i = 0
    while i + LANES <= count:
        store(TIER, F32, to + i * 4, load(TIER, F16, source + i * 2))
        i += LANES
    if i < count:
        rest = load_first(TIER, F16, source + i * 2, count - i, np.float32(0))
        store_first(TIER, F32, to + i * 4, rest, count - i)


@intrinsic(prefer_literal=True)
def widen_pixels(typingctx, tier, registers, source, C, channels, count, to, step):
    """Write some channels of ``count`` pixels of C float16 each as float32.

    As many as ``registers`` hold, from ``source`` on, or ``channels`` if those are
    fewer than one holds; ``step`` bytes from one pixel to the next at ``to``.
    """
    number = registers.literal_value

    def codegen(context, builder, signature, args):
        e, (source, C, channels, count, to, step) = emitter(builder, tier), args[2:]
        lanes = TILES[e.tier.name].lanes
        halves = ir_vector(i16, lanes)

        def pixel(load):
            def body(index, carried):
                source, to = carried
                for r in range(number):
                    wide = e.widen(load(e.pointer(source, 2 * lanes * r)))
                    e.store(wide, to, 4 * lanes * r)
                return [e.pointer(source, builder.mul(C, i64(2))), e.pointer(to, step)]

            return body

        places = [e.pointer(source), e.pointer(to)]
        whole = builder.icmp_signed(">=", channels, i64(lanes))
        with builder.if_else(whole) as (enough, few):
            with enough:
                e.loop(count, places, pixel(lambda at: e.load(halves, at)))
            with few:
                mask, fill = e.mask(lanes, channels), e.const(halves, 0)
                masked = pixel(lambda at: e.load_masked(halves, at, mask, fill))
                e.loop(count, places, masked)
        return context.get_dummy_value()

    return types.none(tier, registers, *[types.int64] * 6), codegen
