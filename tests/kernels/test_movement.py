"""Movement and gathering against the definition: the bits that went in (R36, R37)."""

import itertools

import numpy as np
import pytest
import qd8_reference

from qd8.kernels import float_copy, movement
from tests.checks import assert_same_bits
from tests.kernels.float_values import anything, output, run

STORED = [np.float32, np.float16, np.int64, np.int8, np.bool_]


@pytest.fixture(params=STORED, ids=lambda dtype: np.dtype(dtype).name)
def stored(request):
    """A dtype of each width, and those with more than one NaN or zero."""
    return request.param


def check(expected, bind, *inputs, **options):
    out = output(expected.shape, expected.dtype)
    assert_same_bits(expected, run(bind(*inputs, out, **options), out))


def check_all(expected, bind, x, **options):
    outs = [output(array.shape, array.dtype) for array in expected]
    calls = bind(x, outs, **options)
    for array, out in zip(expected, outs, strict=True):
        assert_same_bits(array, run(calls, out))


@pytest.mark.parametrize(
    ("shape", "perm"),
    [
        *(((3, 20, 9), perm) for perm in itertools.permutations(range(3))),
        ((3, 20, 2, 5), (3, 1, 0, 2)),
        ((2, 8, 16, 7), (0, 3, 1, 2)),  # to channels first
        ((2, 9, 8, 17), (0, 2, 1, 3)),  # heads of attention
        ((17, 33), (1, 0)),
        ((8, 8), (1, 0)),
        ((16, 9), (-1, -2)),
        ((2, 1, 3, 2, 2, 2, 3, 2), (7, 5, 3, 1, 0, 2, 4, 6)),
    ],
)
def test_transpose(stored, threads, shape, perm):
    """Every order of three axes; tiles with and without a rest; eight axes."""
    x = anything(1, *shape, dtype=stored)
    expected = qd8_reference.transpose(x, perm=perm)
    check(expected, movement.bind_transpose, x, perm=perm, threads=threads)


def test_slice(stored, threads):
    """A box inside, a whole axis, and one row."""
    x = anything(2, 7, 9, 33, dtype=stored)
    for begin, size in [
        ((1, 2, 3), (2, 5, 20)),
        ((0, 0, 0), (-1, -1, -1)),
        ((6, 0, 32), (-1, -1, 1)),
        ((3, 8, 0), (1, 1, -1)),
    ]:
        expected = qd8_reference.slice(x, begin=begin, size=size)
        options = {"begin": begin, "size": size, "threads": threads}
        check(expected, movement.bind_slice, x, **options)


def test_strided_slice(stored, threads):
    """Steps forwards and backwards; runs, single elements and nothing."""
    x = anything(3, 7, 9, 20, dtype=stored)
    for index in [
        np.s_[::2, 1::3, ::-1],
        np.s_[5:0:-2, :, 3:19],
        np.s_[::-1, ::-1, ::-1],
        np.s_[3:4, 2:3, 19:20],
        np.s_[2:2, :, :],
        np.s_[:, :, ::19],
    ]:
        ranges = [i.indices(n) for i, n in zip(index, x.shape, strict=True)]
        begin, end, strides = zip(*ranges, strict=True)
        # A reference end of -1 would count from the back: it is left open instead.
        mask = sum((e < 0) << axis for axis, e in enumerate(end))
        expected = qd8_reference.strided_slice(
            x, begin=begin, end=end, strides=strides, end_mask=mask
        )
        options = {"begin": begin, "strides": strides, "threads": threads}
        check(expected, movement.bind_strided_slice, x, **options)


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_split_and_join(stored, threads, axis):
    """Parts of different extents, cut and put together again."""
    x = anything(4, 9, 9, 9, dtype=stored)
    sizes = (2, 0, 6, 1)
    parts = qd8_reference.split_v(x, sizes=sizes, axis=axis)
    options = {"axis": axis, "threads": threads}
    check_all(parts, movement.bind_split, x, sizes=sizes, **options)
    check(x, lambda out, **o: movement.bind_join(parts, out, **o), **options)


@pytest.mark.parametrize("axis", [0, 1, 2, -1])
def test_pack_and_unpack(stored, threads, axis):
    """A new axis at every place, and its parts."""
    arrays = [anything(i, 3, 20, dtype=stored) for i in range(5)]
    whole = qd8_reference.pack(arrays, axis=axis)
    options = {"axis": axis, "threads": threads}
    check(whole, lambda out, **o: movement.bind_pack(arrays, out, **o), **options)
    check_all(arrays, movement.bind_unpack, whole, **options)


@pytest.mark.parametrize(
    ("shape", "to"),
    [
        ((), (37,)),
        ((1,), (3, 33)),
        ((20,), (4, 3, 20)),
        ((4, 1, 20), (4, 3, 20)),
        ((4, 3, 1), (2, 4, 3, 20)),
        ((5, 7), (5, 7)),
        ((1, 1, 1, 1, 2, 1, 1, 3), (2, 1, 3, 1, 2, 2, 1, 3)),
    ],
)
def test_broadcast_to(stored, threads, shape, to):
    """One element, one row, one column; eight axes."""
    x = anything(5, *shape, dtype=stored)
    expected = qd8_reference.broadcast_to(x, shape=to)
    check(expected, movement.bind_broadcast_to, x, threads=threads)


@pytest.mark.parametrize(
    "multiples", [(1, 1, 1), (2, 1, 3), (1, 4, 1), (3, 2, 2), (1, 0, 2)]
)
def test_tile(stored, threads, multiples):
    """A whole array as often along each axis."""
    x = anything(6, 3, 1, 17, dtype=stored)
    expected = qd8_reference.tile(x, multiples=multiples)
    check(expected, movement.bind_tile, x, multiples=multiples, threads=threads)


@pytest.mark.parametrize("size", [1, 16, 33, 1000])
def test_fill(stored, threads, size):
    """The element is read when the calls run, not when they are bound."""
    value = np.zeros((), stored)
    out = output((size,), stored)
    calls = movement.bind_fill(value, out, threads=threads)
    value[()] = anything(7, 1, dtype=stored)[0]
    assert_same_bits(qd8_reference.fill(value, shape=(size,)), run(calls, out))


@pytest.mark.parametrize("value", [0, 1])
def test_pad(stored, threads, value):
    """Corners and edges, each element written once."""
    x = anything(8, 3, 1, 17, dtype=stored)
    for paddings in [((1, 2), (0, 3), (2, 0)), ((0, 0),) * 3, ((0, 0), (1, 1), (0, 0))]:
        expected = qd8_reference.pad(x, paddings=paddings, value=value)
        options = {"paddings": paddings, "value": value, "threads": threads}
        check(expected, movement.bind_pad, x, **options)


def test_concatenation_of_integers(threads):
    """Any dtype is joined; only floats are clamped."""
    arrays = [anything(i, 3, n, dtype=np.int64) for i, n in enumerate((1, 17, 4))]
    expected = qd8_reference.concatenation(arrays, axis=1)
    out = output(expected.shape, expected.dtype)
    calls = float_copy.bind_concatenation(
        arrays, out, axis=1, activation="none", threads=threads
    )
    assert_same_bits(expected, run(calls, out))


@pytest.mark.parametrize(
    ("shape", "block", "paddings"),
    [
        ((2, 6, 8, 5), (2, 2), ((0, 0), (0, 0))),
        ((1, 5, 7, 17), (3, 2), ((1, 3), (0, 1))),
        ((3, 4, 2), (4,), ((2, 2),)),
        ((2, 2, 4, 6, 3), (1, 2, 3), ((0, 0), (1, 1), (0, 3))),
    ],
)
def test_space_to_batch_and_back(stored, threads, shape, block, paddings):
    """One to three spatial axes; what was padded is cropped again."""
    x = anything(9, *shape, dtype=stored)
    options = {"block_shape": block, "paddings": paddings}
    apart = qd8_reference.space_to_batch_nd(x, **options)
    check(apart, movement.bind_space_to_batch_nd, x, **options, threads=threads)
    options = {"block_shape": block, "crops": paddings}
    together = qd8_reference.batch_to_space_nd(apart, **options)
    assert_same_bits(x, together)
    check(x, movement.bind_batch_to_space_nd, apart, **options, threads=threads)


@pytest.mark.parametrize("size", [1, 2, 3])
def test_space_to_depth_and_back(stored, threads, size):
    """Blocks of pixels as channels."""
    x = anything(10, 2, 6, 12, 5, dtype=stored)
    options = {"block_size": size}
    deep = qd8_reference.space_to_depth(x, **options)
    check(deep, movement.bind_space_to_depth, x, **options, threads=threads)
    flat = qd8_reference.depth_to_space(deep, **options)
    check(flat, movement.bind_depth_to_space, deep, **options, threads=threads)


@pytest.mark.parametrize("dtype", [np.float32, np.float16, np.int32, np.int64])
@pytest.mark.parametrize(("start", "delta", "n"), [(3, 2, 7), (0, -1, 100), (1, 5, 0)])
def test_range(threads, dtype, start, delta, n):
    """Floats go from number to number: 0.1 is added, not multiplied."""
    if np.dtype(dtype).kind == "f":
        delta = delta / 10
    first, step = dtype(start), dtype(delta)
    limit = dtype(float(first) + (n - 0.5) * float(step)) if n else first
    if np.dtype(dtype).kind == "i":
        limit = dtype(start + n * delta)
    expected = qd8_reference.range(first, limit, step)
    assert n == len(expected)
    check(expected, movement.bind_range, start=first, delta=step, threads=threads)


@pytest.mark.parametrize("index_dtype", [np.int32, np.int64])
@pytest.mark.parametrize(
    ("shape", "places", "axis", "batch_dims"),
    [
        ((9, 20), (7,), 0, 0),
        ((9,), (4, 5), 0, 0),
        ((3, 9, 5), (2, 3), 1, 0),
        ((3, 9), (), 1, 0),
        ((2, 3, 9, 4), (2, 5), 2, 1),
        ((2, 3, 9), (2, 3, 4), -1, 2),
    ],
)
def test_gather(stored, threads, index_dtype, shape, places, axis, batch_dims):
    """Rows and elements, with common axes; an index outside finds nothing."""
    params = anything(11, *shape, dtype=stored)
    rng = np.random.default_rng(12)
    indices = np.asarray(rng.integers(-1, 10, places), index_dtype)
    options = {"axis": axis, "batch_dims": batch_dims}
    expected = qd8_reference.gather(params, indices, **options)
    check(expected, movement.bind_gather, params, indices, **options, threads=threads)


@pytest.mark.parametrize("index_dtype", [np.int32, np.int64])
@pytest.mark.parametrize(
    ("shape", "axis", "per_row"),
    [((50, 40), 0, True), ((50, 3), 0, False), ((3, 9, 17), 1, True), ((9,), 0, True)],
)
def test_gather_dequantizes(isa, dtype, threads, index_dtype, shape, axis, per_row):
    """int8 rows come out as floats (R27), rounded once more to float16."""
    rng = np.random.default_rng(13)
    params = rng.integers(-128, 128, shape, np.int8)
    channels = (shape[axis],) if per_row else ()
    scale = np.asarray(np.exp2(rng.normal(-20, 20, channels)), np.float32)
    zero_point = np.asarray(rng.integers(-128, 128, channels), np.int32)
    indices = rng.integers(-1, shape[axis] + 1, (2, 30)).astype(index_dtype)
    options = {"axis": axis, "scale": scale, "zero_point": zero_point}
    with np.errstate(over="ignore"):
        expected = qd8_reference.gather(params, indices, **options).astype(dtype)
    check(expected, movement.bind_gather, params, indices, **options, threads=threads)


@pytest.mark.parametrize("index_dtype", [np.int32, np.int64])
@pytest.mark.parametrize("axis", [0, 1, -1])
def test_one_hot(threads, dtype, index_dtype, axis):
    """Every place of the new axis; an index outside is nowhere on."""
    indices = np.random.default_rng(14).integers(-2, 7, (9, 5)).astype(index_dtype)
    for depth, on, off in [(5, 1, 0), (1, 2.5, -0.1), (0, 1, 0)]:
        options = {"depth": depth, "on": on, "off": off, "axis": axis}
        expected = qd8_reference.one_hot(indices, dtype=dtype, **options)
        check(expected, movement.bind_one_hot, indices, **options, threads=threads)
