"""The register tile of exact Winograd: int16 by int16, int32 sums, stored as they are.

For one of the 36 positions: a few tiles (rows) by NR output channels (columns), for
all input channels of a block. It reads

    a   [K/16][rows][16] int16      transformed differences
    u   [K/2][NR][2] int16          transformed weights

and is tile.py's "madd" without the sign-extension of weights: one step is
``vpmaddwd`` and ``vpaddd``, or ``vpdpwssd`` where there is one, for each accumulator.

The loop takes one pair of channels a turn, or two where a step is two instructions
anyway (``pairs_of``). Unrolled over the eight pairs of a chunk LLVM 22 would turn
seven of eight ``vpdpwssd`` back into ``vpmaddwd`` and ``vpaddd`` (Emitter.dot_words):
12x32 on AVX-512 VNNI ran at 105 GMAC/s instead of 165, 6x16 on AVX2 with AVX-VNNI at
78 instead of 100 (one core at 3.4 GHz). The register map of 12x32 on AVX-512, 27 of
32 zmm:

            u0: columns 0-15   u1: columns 16-31     (int16 pairs, loaded as they are)
    a row 0     acc00              acc01             a: one dword (two k) broadcast
    ...
    a row 11    acc11,0            acc11,1
"""

from qd8.kernels.isa import target
from qd8.kernels.jit import intrinsic, types
from qd8.kernels.simd import emitter, i16, i32, i64, ir_vector

LINE = 64  # bytes


def pairs_of(tier):
    """How many pairs of channels a turn of the loop takes.

    Two sums of ``vpmaddwd`` stay as they are, and fewer turns leave more of the ports
    to them; more are reassociated and spill. With VNNI see above.
    """
    fused = {"avxvnni", "avx512vnni"} & target()[2]
    return 2 if tier.name == "avx2" and not fused else 1


@intrinsic(prefer_literal=True)
def words_tile(
    typingctx, tier, most, width, rows, a, u, chunks, out, out_stride, ahead,
    share,
):  # fmt: skip
    """``rows`` rows, 1 to ``most``, by ``width`` columns; each has its own code.

    a, u, out: addresses. chunks: K / 16. out_stride: bytes from row to row. ahead:
    address of what to ask for of the weights that are wanted next, a ``share``-th of
    as many bytes as these have.
    """

    def codegen(context, builder, signature, args):
        e = emitter(builder, tier)
        done = builder.append_basic_block("words.done")
        switch = builder.switch(args[3], done)
        for n in range(1, most.literal_value + 1):
            block = builder.append_basic_block(f"words.{n}")
            switch.add_case(i64(n), block)
            builder.position_at_end(block)
            _tile(e, n, width.literal_value, *args[4:])
            builder.branch(done)
        builder.position_at_end(done)
        return context.get_dummy_value()

    return types.none(tier, most, width, *[types.int64] * 8), codegen


def _tile(e, rows, NR, a, u, chunks, out, out_stride, ahead, share):
    b, lanes = e.b, e.tier.lanes
    vectors = NR // lanes
    whole, words = ir_vector(i32, lanes), ir_vector(i16, 2 * lanes)
    pairs = pairs_of(e.tier)
    ahead_step = b.sdiv(i64(4 * NR * pairs), share)

    def turn(index, carried):
        a_at, *accs = carried
        at = b.mul(index, i64(4 * NR * pairs))
        u_at, next_at = e.pointer(u, at), e.pointer(ahead, b.mul(index, ahead_step))
        for line in range(0, 4 * NR * pairs, LINE):
            e.prefetch(next_at, line)
        for pair in range(pairs):
            first = 4 * NR * pair
            us = [e.load(words, u_at, first + 4 * lanes * j) for j in range(vectors)]
            for r in range(rows):
                dword = e.load(i32, a_at, 32 * r + 4 * pair)
                broadcast = b.bitcast(e.splat(dword, lanes), words)
                for j in range(vectors):
                    k = r * vectors + j
                    accs[k] = e.dot_words(accs[k], broadcast, us[j])
        # To the next pairs of the chunk, or past the other rows to the next chunk.
        turns = i64(8 // pairs - 1)
        last = b.icmp_signed("==", b.and_(index, turns), turns)
        step = b.select(last, i64(32 * rows - 32 + 4 * pairs), i64(4 * pairs))
        return [b.add(a_at, step), *accs]

    zeros = [e.const(whole, 0)] * (rows * vectors)
    turns = b.mul(chunks, i64(8 // pairs))
    _, *accs = e.loop(turns, [a, *zeros], turn, unroll=False)
    for r in range(rows):
        row = e.pointer(out, b.mul(out_stride, i64(r)))
        for j in range(vectors):
            e.store(accs[r * vectors + j], row, 4 * lanes * j)
