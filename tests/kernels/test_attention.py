"""Attention in one kernel against the definitions of the operators it stands for."""

import numpy as np
import pytest
import qd8_reference

from qd8.kernels.attention import CHUNK, bind_attention
from qd8.kernels.attention_pack import Matrices
from tests.checks import assert_same_bits
from tests.kernels.float_values import floats, output, run, wild

SCALE = np.float32(0.3535)  # no power of two: the products round


def expected(q, k, v, scale=SCALE):
    """Run the operators of the unfused graph, each of which stores its result."""
    dtype = q.dtype
    with np.errstate(all="ignore"):
        scores = qd8_reference.batch_matmul(q, k)
        scores = qd8_reference.mul(scores, np.asarray(scale, dtype))
        weights = qd8_reference.softmax(scores, beta=1.0)
        return qd8_reference.batch_matmul(weights, v)


def rows(shape):
    """Say where matrices lie that follow upon each other."""
    *outer, M, N = shape
    strides = [M * N * int(np.prod(outer[i + 1 :])) for i in range(len(outer))]
    return Matrices((*strides, N, 1))


def attend(q, k, v, *, threads=1, scale=SCALE, **places):
    """Run the kernel; where operands lie otherwise, ``places`` say."""
    *batch, T, K = q.shape
    S, N = v.shape[-2:]
    shapes = {"queries": q, "keys": k, "values": v}
    steps = {name: rows(x.shape) for name, x in shapes.items()}
    out = output((*batch, T, N), q.dtype)
    calls = bind_attention(
        q,
        k,
        v,
        out,
        **{**steps, "outputs": rows(out.shape), **places},
        batch=tuple(batch),
        sizes=(T, S, K, N),
        scale=float(np.asarray(scale, q.dtype)),
        threads=threads,
    )
    return run(calls, out)


def problem(seed, T, S, K, N, *, dtype=np.float32, make=floats, batch=(2,)):
    """Draw queries, transposed keys and values."""
    return (
        make(seed, *batch, T, K, dtype=dtype),
        make(seed + 1, *batch, K, S, dtype=dtype),
        make(seed + 2, *batch, S, N, dtype=dtype),
    )


@pytest.mark.parametrize("T", [1, 15, 16, 17, 31, 32, 33, 70])
def test_queries(isa, dtype, threads, T):
    """Every rest of a block of queries."""
    given = problem(T, T, 9, 5, 10, dtype=dtype)
    assert_same_bits(expected(*given), attend(*given, threads=threads))


@pytest.mark.parametrize("S", [1, 2, 11, 12, 13, 23, 31, CHUNK - 1, CHUNK + 1, 300])
def test_keys(isa, dtype, S):
    """Every rest of a panel, of the sixteen sums, and of a chunk of weights."""
    given = problem(S, 19, S, 4, 9, dtype=dtype)
    assert_same_bits(expected(*given), attend(*given))


@pytest.mark.parametrize("K", [1, 3, 8, 40])
@pytest.mark.parametrize("N", [1, 6, 7, 8, 13, 24, 25, 40])
def test_widths_of_a_head(isa, K, N):
    """Every number of rows that the tiles of outputs must make up."""
    given = problem(K, 33, 21, K, N)
    assert_same_bits(expected(*given), attend(*given))


def test_special_values(isa, dtype, threads):
    """NaN and infinities of a query spoil that query, of a value one column."""
    for seed in range(4):
        q, k, v = problem(seed, 40, 37, 3, 9, dtype=dtype, batch=(1, 3))
        q = wild(seed, *q.shape, dtype=dtype)
        v[0, 1, 7, 5] = np.nan
        found = attend(q, k, v, threads=threads)
        assert_same_bits(expected(q, k, v), found)
        assert np.isnan(found[0, 1, :, 5]).all()
        assert 0 < np.isnan(found[0, 0]).mean() < 1
    given = problem(9, 40, 37, 3, 9, dtype=dtype, make=wild)
    assert_same_bits(expected(*given), attend(*given, threads=threads))


def test_infinite_scores(isa):
    """-inf is a weight of 0, as a mask wants it; nothing but -inf, or +inf, is NaN."""
    q, k, v = np.ones((1, 48, 1), np.float32), floats(1, 1, 1, 20), floats(2, 1, 20, 8)
    k[0, 0, 3:9] = -np.inf
    q[0, 5], q[0, 6] = -1, 0
    found = attend(q, k, v)
    assert_same_bits(expected(q, k, v), found)
    assert np.isnan(found[0, 5:7]).all()
    assert np.isfinite(found[0, 7:]).all()
    k[0, 0] = -np.inf
    assert_same_bits(expected(q, k, v), attend(q, k, v))


@pytest.mark.parametrize("reach", [1, 30, 100, 300])
def test_quotients_are_those_of_a_division(isa, reach):
    """Weights down to 2^-126 and below, where they are 0; no value hides them."""
    S = 96
    rng = np.random.default_rng(reach)
    q, k = np.ones((1, 64, 1), np.float32), rng.random((1, 1, S), np.float32)
    q *= rng.random((1, 64, 1), np.float32) * reach
    v = np.eye(S, dtype=np.float32)[None]
    found = attend(q, k, v, scale=1)
    assert_same_bits(expected(q, k, v, 1), found)
    tiny = found[(found > 0) & (found < 2.0**-100)]
    assert (reach < 60) == (tiny.size == 0)


def test_heads_read_and_written_where_they_lie(isa, dtype, threads):
    """Queries, keys, values and outputs as rows of (tokens, heads, width)."""
    T, S, heads, width = 37, 29, 3, 10
    q, k, v = (
        floats(n, count, heads, width, dtype=dtype) for n, count in enumerate((T, S, S))
    )
    out = output((T, heads, width), dtype)
    at = Matrices((width, heads * width, 1))
    calls = bind_attention(
        q,
        k,
        v,
        out,
        queries=at,
        keys=Matrices((width, 1, heads * width)),
        values=at,
        outputs=at,
        batch=(heads,),
        sizes=(T, S, width, width),
        scale=1.0,
        threads=threads,
    )
    q, k, v = (np.ascontiguousarray(x.transpose(1, 0, 2)) for x in (q, k, v))
    keys = np.ascontiguousarray(k.transpose(0, 2, 1))
    wanted = expected(q, keys, v, 1.0).transpose(1, 0, 2)
    assert_same_bits(np.ascontiguousarray(wanted), run(calls, out))


def test_shared_keys_and_values(isa):
    """One matrix for several queries, by a stride of 0."""
    q, k, v = problem(7, 18, 14, 6, 5)
    places = {"keys": Matrices((0, 14, 1)), "values": Matrices((0, 5, 1))}
    assert_same_bits(expected(q, k[:1], v[:1]), attend(q, k[:1], v[:1], **places))
