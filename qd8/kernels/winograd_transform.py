"""The transforms of F(4x4, 3x3), emitted as explicit SIMD so that nothing is scalar.

A tile is 4x4 outputs of one channel and reads 6x6 inputs d = q - zero_point:

    V = B^T d B      sixteen channels of int16 at a time, |V| <= 100 * 255 = 25500
    M = sum_c U V    winograd_tile.py, modulo 2^32; U = G w G^T was packed (winograd.py)
    o = A^T M A      one vector of int32 at a time, modulo 2^32

with the points 0, 1, -1, 2, -2 and infinity, and the rows of G multiplied by
s = (12, 6, 6, 24, 24, 3), so that U is whole and at most 49 * 128 = 6272:

    B^T   4  0 -5  0  1  0     G    3  0  0      A^T   2  4  4  1  1  0
          0 -4 -4  1  1  0         -1 -1 -1            0  2 -2  1 -1  0
          0  4 -4 -1  1  0         -1  1 -1            0  1  1  1  1  0
          0 -2 -1  2  1  0          1  2  4            0  1 -1  2 -2  2
          0  2 -1 -2  1  0          1 -2  4
          0  4  0 -5  0  1          0  0  3

The columns of the textbook's A^T are multiplied by 24 / s, which gives 24 y in one
direction; rows 1 to 3 are then even, and A^T above leaves out 2, 4 and 4. So
output (i, j) is 576 / 2^(e_i + e_j) times the accumulator y, e = (0, 1, 2, 2).
576 = 9 * 64: o times the inverse of 9 modulo 2^32, shifted right arithmetically by
6 - e_i - e_j, is y wherever -2^25 <= y < 2^25, which the packer proves.

Source: Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks" (2015), for
the transforms; the arithmetic modulo 2^32 is docs/kernels.md's.
"""

import math

from numba import types
from numba.extending import intrinsic

from qd8.kernels.simd import emitter, f32, i16, i32, i64, ir_vector
from qd8.kernels.vector import F16

CHUNK = 16  # input channels transformed at a time
POSITIONS = 36
INVERSE_OF_9 = 954437177  # modulo 2^32
SPARE = 64 + 24 * 64  # bytes that transform_output may write for itself
HALVED = (0, 1, 2, 2)  # powers of two that A^T leaves out of each row


@intrinsic(prefer_literal=True)
def transform_input(typingctx, tier, window, row_step, pixel_step, out, step):
    """V of one tile and sixteen channels: 36 loads, 36 stores.

    window: address of 6x6 pixels of int16, ``row_step`` and ``pixel_step`` bytes
    apart. out: where position 0 goes; position 6 i + j goes ``step`` bytes times
    that further on.
    """

    def codegen(context, builder, signature, args):
        e = emitter(builder, tier)
        type_ = ir_vector(i16, CHUNK)
        at = [e.pointer(args[1], builder.mul(args[2], i64(i))) for i in range(6)]
        columns = []
        for j in range(6):
            across = builder.mul(args[3], i64(j))
            d = [e.load(type_, row, across) for row in at]
            columns.append(_input_points(e, d))
        for i in range(6):
            for j, v in enumerate(_input_points(e, [c[i] for c in columns])):
                e.store(v, args[4], builder.mul(args[5], i64(6 * i + j)))
        return context.get_dummy_value()

    return types.none(tier, *[types.int64] * 5), codegen


def _input_points(e, d):
    """B^T d, modulo 2^16: intermediate values may wrap, the results do not."""
    b = e.b

    def times(x, shift):
        return b.shl(x, e.const(x.type, shift))

    even, odd = b.sub(d[4], times(d[2], 2)), b.sub(d[3], times(d[1], 2))
    half, rest = b.sub(d[4], d[2]), times(b.sub(d[3], d[1]), 1)
    return [
        b.add(times(b.sub(d[0], d[2]), 2), half),
        b.add(even, odd),
        b.sub(even, odd),
        b.add(half, rest),
        b.sub(half, rest),
        b.sub(b.sub(d[5], d[3]), times(rest, 1)),
    ]


NAMES = ("m", "m_step", "tail", "bias_at", "scale", "columns", "rows", "pixels")
NAMES += ("out", "row_step", "pixel_step", "acc", "acc_row", "acc_pixel", "spare")
NAMES += ("sum", "sum_step", "before", "after", "lo", "hi")
_SIGNATURE = [types.float32 if n in ("lo", "hi") else types.int64 for n in NAMES]


@intrinsic(prefer_literal=True)
def transform_output(
    typingctx, tier, out_kind, m, m_step, tail, bias_at, scale, columns, rows, pixels,
    out, row_step, pixel_step, acc, acc_row, acc_pixel, spare, sum_, sum_step, before,
    after, lo, hi,
):  # fmt: skip
    """Accumulators, then outputs (R14), of one tile and one vector of channels.

    m: int32 at position p, ``p * m_step`` bytes on. tail: weight_scale of these
    channels, ``bias_at`` bytes before their bias. scale: of the image. columns: valid
    channels, which may exceed a vector. rows, pixels: of the 4x4 outputs, how many
    are inside the image. out, acc: the first of them; ``acc`` 0 if not wanted.
    spare: SPARE bytes; outputs outside go to its first line. sum_: where sums of the
    blocks of input channels are kept, ``sum_step`` bytes from output to output: added
    to if ``before``, and only written if ``after``, which is to say unfinished.
    """
    half = out_kind.literal_value == F16

    def codegen(context, builder, signature, args):
        e = emitter(builder, tier)
        v = dict(zip(NAMES, args[2:], strict=True))
        lanes = e.tier.lanes
        whole, real = ir_vector(i32, lanes), ir_vector(f32, lanes)
        columns = []
        for j in range(6):
            m = [
                e.load(whole, v["m"], builder.mul(v["m_step"], i64(6 * i + j)))
                for i in range(6)
            ]
            columns.append(_output_points(e, m))
        v["scale"] = e.splat(e.load(f32, v["scale"]), lanes)
        v["weight_scale"] = e.load(real, v["tail"])
        v["bias"] = e.load(real, v["tail"], v["bias_at"])
        v["ordinary"] = _never_tiny(e, v)
        v["bounded"] = builder.or_(
            builder.fcmp_ordered("!=", v["lo"], f32(-math.inf)),
            builder.fcmp_ordered("!=", v["hi"], f32(math.inf)),
        )
        v["lo"], v["hi"] = e.splat(v["lo"], lanes), e.splat(v["hi"], lanes)
        v["mask"] = e.mask(lanes, v["columns"])
        v["full"] = builder.icmp_signed(">=", v["columns"], i64(lanes))
        for i in range(4):
            o = _output_points(e, [c[i] for c in columns])
            shifts = [6 - HALVED[i] - HALVED[j] for j in range(4)]
            inside = builder.icmp_signed(">", v["rows"], i64(i))
            with builder.if_then(inside, likely=True):
                _finish_row(e, i, _accumulators(e, o, shifts), half, v)
        return context.get_dummy_value()

    return types.none(tier, out_kind, *_SIGNATURE), codegen


def _output_points(e, m):
    """A^T m, modulo 2^32."""
    b = e.b

    def twice(x):
        return b.shl(x, e.const(x.type, 1))

    sum1, difference1 = b.add(m[1], m[2]), b.sub(m[1], m[2])
    sum2, difference2 = b.add(m[3], m[4]), b.sub(m[3], m[4])
    return [
        b.add(twice(b.add(m[0], twice(sum1))), sum2),
        b.add(twice(difference1), difference2),
        b.add(sum1, sum2),
        b.add(difference1, twice(b.add(difference2, m[5]))),
    ]


def _accumulators(e, outputs, shifts):
    """y from 9 * 2^shift * y modulo 2^32."""
    b = e.b
    inverse = e.const(outputs[0].type, INVERSE_OF_9)
    return [
        b.ashr(b.mul(o, inverse), e.const(o.type, shift))
        for o, shift in zip(outputs, shifts, strict=True)
    ]


def _finish_row(e, i, ys, half, v):
    """Add to the sums of earlier blocks; keep them, or make outputs of them."""
    b = e.b
    sums = [e.pointer(v["sum"], b.mul(v["sum_step"], i64(4 * i + j))) for j in range(4)]
    entry = b.block
    with b.if_then(b.icmp_signed("!=", v["before"], i64(0)), likely=False):
        added = [b.add(y, e.load(y.type, at)) for y, at in zip(ys, sums, strict=True)]
        added_block = b.block
    merged = [
        e.phi((y, entry), (more, added_block))
        for y, more in zip(ys, added, strict=True)
    ]
    unfinished = b.icmp_signed("!=", v["after"], i64(0))
    with b.if_else(unfinished, likely=False) as (keep, finish):
        with keep:
            for y, at in zip(merged, sums, strict=True):
                e.store(y, at)
        with finish:
            with b.if_then(b.icmp_signed("!=", v["acc"], i64(0)), likely=False):
                _store_row(e, i, merged, v["acc"], v["acc_row"], v["acc_pixel"], v)
            values = _outputs(e, merged, v)
            if half:
                values = [e.narrow(y) for y in values]
            _store_row(e, i, values, v["out"], v["row_step"], v["pixel_step"], v)


def _never_tiny(e, v):
    """Whether R2 cannot flush any output of this image and these channels.

    An accumulator times ``scale``, rounded, is a multiple of ``scale``'s last place,
    so an output before rounding is a multiple of that times ``weight_scale``'s, or of
    the bias's if that is finer: with the bounds below a multiple of 2^-119. It is 0 or
    far from 2^-126. Found once for sixteen outputs instead of asking each of them.
    """
    b = e.b
    step = b.fmul(v["scale"], v["weight_scale"])
    coarse = b.fcmp_ordered(">=", step, e.const(step.type, 2.0**-64))
    magnitude = e.unary("llvm.fabs", v["bias"])
    large = b.fcmp_ordered(">=", magnitude, e.const(step.type, 2.0**-96))
    none = b.fcmp_ordered("==", magnitude, e.const(step.type, 0.0))
    return e.all(b.and_(coarse, b.or_(large, none)))


def _outputs(e, accs, v):
    """R14."""
    b, n = e.b, len(accs)
    real = v["weight_scale"].type
    t = [b.fmul(b.sitofp(acc, real), v["scale"]) for acc in accs]
    weight_scale, bias = [v["weight_scale"]] * n, [v["bias"]] * n
    with b.if_else(v["ordinary"], likely=True) as (plain, careful):
        with plain:
            fused = [e.fma(*each) for each in zip(t, weight_scale, bias, strict=True)]
            plain_block = b.block
        with careful:
            flushed = e.fma_flushed(t, weight_scale, bias)
            careful_block = b.block
    ys = [
        e.phi((y, plain_block), (other, careful_block))
        for y, other in zip(fused, flushed, strict=True)
    ]
    entry = b.block
    with b.if_then(v["bounded"]):
        clamped = [e.clamp(y, v["lo"], v["hi"]) for y in ys]
        clamp_block = b.block
    return [
        e.phi((y, entry), (other, clamp_block))
        for y, other in zip(ys, clamped, strict=True)
    ]


def _store_row(e, i, values, address, row_step, pixel_step, v):
    """Store four pixels of row ``i``; what is outside the image goes to ``spare``."""
    b = e.b
    row = e.pointer(address, b.mul(row_step, i64(i)))
    spare = e.pointer(v["spare"])
    places = []
    for j in range(len(values)):
        at = e.pointer(row, b.mul(pixel_step, i64(j)))
        inside = b.icmp_signed(">", v["pixels"], i64(j))
        places.append(b.select(inside, at, spare))
    with b.if_else(v["full"], likely=True) as (full, part):
        with full:
            for value, at in zip(values, places, strict=True):
                e.store(value, at)
        with part:
            for value, at in zip(values, places, strict=True):
                e.store_masked(value, at, v["mask"])
