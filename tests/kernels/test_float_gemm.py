"""Float fully connected and convolution against the definition (R20)."""

import numpy as np
import pytest
import qd8_reference
from qd8_reference.window import output_size, resolve_padding

from qd8.kernels import float_gemm, float_schedule, float_strips
from qd8.kernels.float_pack import pack_conv2d_float, pack_fully_connected_float
from qd8.kernels.float_tile import TILES, heights_by_rest
from qd8.kernels.isa import TIERS, forced
from tests.checks import assert_same_bits
from tests.kernels.float_values import floats, output, run, wild


def fully_connected(x, weight, bias, *, activation="none", threads=1, packed=False):
    out = output((*x.shape[:-1], len(weight)), x.dtype)
    given = pack_fully_connected_float(weight) if packed else weight
    calls = float_gemm.bind_fully_connected_float(
        x, given, bias, out, activation=activation, threads=threads
    )
    return run(calls, out)


def convolve(x, weight, bias, *, stride, padding, dilation, threads=1, **options):
    geometry = x.shape[1:3], weight.shape[1:3], stride, dilation
    sides = resolve_padding(padding, *geometry)
    out = output((len(x), *output_size(*geometry, sides), len(weight)), x.dtype)
    calls = float_gemm.bind_conv2d_float(
        x, weight, bias, out, stride=stride, padding=sides, dilation=dilation,
        threads=threads, **{"groups": 1, "activation": "none"} | options,
    )  # fmt: skip
    return run(calls, out)


@pytest.mark.parametrize("K", [1, 3, 4, 5, 64])
@pytest.mark.parametrize("N", [1, 7, 8, 9, 16, 17, 31, 32, 33, 70])
def test_fully_connected_columns(isa, dtype, threads, N, K):
    """Every width of the last panel, every rest of the unrolled k."""
    x, weight = wild(N, 5, K, dtype=dtype), floats(K, N, K)
    bias = floats(1, N)
    expected = qd8_reference.fully_connected_float(x, weight, bias)
    assert_same_bits(expected, fully_connected(x, weight, bias, threads=threads))


@pytest.mark.parametrize("M", [*range(1, 16), 23, 24, 25, 61])
def test_fully_connected_rows(isa, threads, M):
    """Every number of rows that the tiles must make up."""
    x, weight, bias = wild(M, M, 9), floats(2, 20, 9), floats(3, 20)
    expected = qd8_reference.fully_connected_float(x, weight, bias)
    assert_same_bits(expected, fully_connected(x, weight, bias, threads=threads))


@pytest.mark.parametrize("activation", ["none", "relu", "relu6", "relu_n1_to_1"])
def test_fully_connected_activation(isa, dtype, activation):
    """The clamp keeps NaN and makes relu's zero positive."""
    x, weight = wild(4, 2, 3, 6, dtype=dtype), wild(5, 33, 6)
    expected = qd8_reference.fully_connected_float(x, weight, activation=activation)
    actual = fully_connected(x, weight, None, activation=activation)
    assert_same_bits(expected, actual)


def test_chain_starts_from_a_negative_zero_bias(isa):
    """-0.0 + (-0.0 * 1) stays -0.0; a chain from +0.0 would not."""
    x, weight = np.full((3, 4), -0.0, np.float32), np.ones((2, 4), np.float32)
    bias = np.array([-0.0, 0.0], np.float32)
    expected = np.tile(bias, (3, 1))
    assert_same_bits(expected, fully_connected(x, weight, bias))


def test_long_chain_is_not_split(isa):
    """A K that partial sums would round differently, packed beforehand."""
    x, weight = floats(6, 14, 700), floats(7, 40, 700).astype(np.float16)
    expected = qd8_reference.fully_connected_float(x, weight)
    assert_same_bits(expected, fully_connected(x, weight, None, packed=True))


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (5, 4), (8, 8), (7, 31)])
@pytest.mark.parametrize("kernel", [(1, 1), (3, 3), (2, 5)])
@pytest.mark.parametrize("stride", [(1, 1), (2, 1), (2, 3)])
def test_convolution_borders(isa, threads, size, kernel, stride):
    """SAME: every way of touching the border, images narrower than the kernel too."""
    x, weight = wild(sum(size), 2, *size, 3), floats(8, 9, *kernel, 3)
    bias = floats(9, 9)
    geometry = {"stride": stride, "padding": "SAME", "dilation": (1, 1)}
    expected = qd8_reference.conv2d_float(x, weight, bias, **geometry)
    actual = convolve(x, weight, bias, **geometry, threads=threads)
    assert_same_bits(expected, actual)


@pytest.mark.parametrize(
    ("padding", "dilation", "groups"),
    [
        ("VALID", (1, 1), 1),
        ("SAME", (2, 1), 1),
        ("SAME", (1, 2), 3),
        (((4, 0), (7, 5)), (1, 1), 1),
        (((0, 9), (1, 1)), (3, 2), 2),
        ("SAME", (1, 1), 6),
    ],
)
def test_convolution_options(isa, dtype, threads, padding, dilation, groups):
    """Explicit padding beyond the kernel, dilation, groups, both storages."""
    x = wild(10, 2, 9, 8, 6, dtype=dtype)
    weight, bias = floats(11, 12, 3, 3, 6 // groups, dtype=dtype), floats(12, 12)
    geometry = {"stride": (1, 1), "padding": padding, "dilation": dilation}
    geometry |= {"groups": groups, "activation": "relu6"}
    expected = qd8_reference.conv2d_float(x, weight, bias, **geometry)
    actual = convolve(x, weight, bias, **geometry, threads=threads)
    assert_same_bits(expected, actual)


@pytest.mark.parametrize("kernel", [(3, 1), (1, 3), (1, 1)])
def test_one_row_of_outputs(isa, dtype, kernel):
    """A single strip whose windows reach further than its rows."""
    x, weight = wild(17, 1, kernel[0], 19, 7, dtype=dtype), floats(18, 5, *kernel, 7)
    geometry = {"stride": (3, 2), "padding": "VALID", "dilation": (1, 1)}
    expected = qd8_reference.conv2d_float(x, weight, **geometry)
    assert_same_bits(expected, convolve(x, weight, None, **geometry))


def test_padded_taps_are_skipped(isa):
    """Infinite weights: 0 * inf at the border would be NaN."""
    x = np.ones((1, 4, 4, 1), np.float32)
    weight = np.full((1, 3, 3, 1), np.inf, np.float32)
    geometry = {"stride": (1, 1), "padding": "SAME", "dilation": (1, 1)}
    actual = convolve(x, weight, None, **geometry)
    assert_same_bits(np.full((1, 4, 4, 1), np.inf, np.float32), actual)


def test_packed_weights_give_the_same_bits(isa):
    """What bind packs by itself is what the caller may pack once."""
    x, weight = floats(13, 1, 5, 5, 4), floats(14, 6, 3, 3, 2)
    out = output((1, 5, 5, 6), np.float32)
    calls = float_gemm.bind_conv2d_float(
        x, pack_conv2d_float(weight, groups=2), None, out, stride=(1, 1),
        padding=((1, 1), (1, 1)), dilation=(1, 1), groups=2, activation="none",
        threads=1,
    )  # fmt: skip
    expected = qd8_reference.conv2d_float(x, weight, groups=2)
    assert_same_bits(expected, run(calls, out))


def test_blocks_cut_a_long_product(isa, threads, monkeypatch):
    """Many blocks: each row is done once, whatever block and task it falls to."""
    monkeypatch.setattr(float_schedule, "BLOCK_BYTES", 1)
    monkeypatch.setattr(float_schedule, "BLOCK_TILES", 1)
    x, weight = floats(15, 131, 8), floats(16, 40, 8)
    expected = qd8_reference.fully_connected_float(x, weight)
    assert_same_bits(expected, fully_connected(x, weight, None, threads=threads))


@pytest.mark.parametrize(
    ("rows", "K", "N", "block"),
    [
        (3136, 64, 256, 126),  # outputs in 32 pages of four rows
        (3136, 64, 64, 450),  # inputs of 128 KiB: 512 rows, in seven even blocks
        (3136, 64, 8192, 48),  # eight tiles, whatever their outputs
        (2048, 1024, 200, 48),
        (2048, 1024, 300, 60),  # weights beyond L2: inputs of 256 KiB
    ],
)
def test_blocks_keep_to_their_limits(rows, K, N, block):
    """Of AVX2: a block is as many whole tiles as outputs and inputs allow."""
    with forced("avx2"):
        packed = pack_fully_connected_float(np.zeros((N, K), np.float32))
    strips = float_strips.row_strips(rows, K, N, packed)
    plan = float_schedule.schedule(strips, packed, TILES["avx2"], 1)
    assert {*plan.strips[:-1, 4].tolist()} == {block}
    assert plan.strips[:, 4].sum() == rows


def test_weights_of_few_rows_are_not_asked_for():
    """Nor those of a panel of which two leave L2."""
    for rows, panel, ahead in (3, 1 << 16, 0), (4, 1 << 16, 1 << 16), (4, 1 << 19, 0):
        strips = float_strips.Strips(
            np.array([[0, 4, 0, 1, rows, 0, 1]]), np.zeros((1, 3), np.int64)
        )
        assert float_schedule.ahead(strips, panel) == ahead


@pytest.mark.parametrize("tier", TIERS, ids=lambda tier: tier.name)
def test_tiles_never_leave_their_strip(tier):
    """Whatever is left of whatever strip: covered, and from inside it."""
    tile = TILES[tier.name]
    MR = tile.heights[0]
    for count in range(1, 5 * MR):
        table = heights_by_rest(tile, min(count, MR))
        done = 0
        while done < count:
            height = table[min(count - done, 2 * MR)]
            done = min(done, count - height)
            assert done >= 0
            assert height in tile.heights
            done += height
        assert done == count


def test_rests_are_made_of_tiles_that_keep_the_ports_busy():
    """Not 6 and 2, since 2 rows take as long as 4; 7 are 4 and 4 that end there."""
    assert heights_by_rest(TILES["avx2"], 6)[1:] == [1, 2, 4, 4, 5, 6, *[4] * 4, 5, 6]
    wide = heights_by_rest(TILES["avx512vnni"], 12)
    assert [wide[rest] for rest in (3, 4, 9, 12, 16, 18, 24)] == [
        4,
        4,
        12,
        12,
        4,
        8,
        12,
    ]
    assert max(heights_by_rest(TILES["avx2"], 3)) == 2


def test_cut_strips_cover_the_same_outputs():
    """Cutting changes where strips begin, not what they cover."""
    table = np.array([[40, 4, 7, 2, 10, 3, 1], [0, 8, 100, 1, 3, 4, 2]], np.int64)
    strips = float_strips.Strips(table, np.zeros((5, 3), np.int64))

    def covered(rows):
        return [
            (x + i * x_step, out + i * out_step, first, runs)
            for x, x_step, out, out_step, count, first, runs in rows.tolist()
            for i in range(count)
        ]

    assert covered(table) == covered(strips.cut(4))
    assert strips.cut(4)[:, 4].tolist() == [4, 4, 2, 3]
