"""Weights in panels: the layout that pack.py promises, and back."""

import numpy as np
import pytest

from qd8.kernels import weights
from qd8.kernels.isa import BY_NAME
from qd8.kernels.launch import run_once
from qd8.pack import pack
from qd8.workspace import address
from tests.checks import assert_same_bits

SUBNORMAL = np.float32(1e-40)


@pytest.mark.parametrize("groups", [1, 3])
@pytest.mark.parametrize("K", [1, 3, 16, 65, 130])
@pytest.mark.parametrize("N", [1, 7, 32, 33])
def test_panels_hold_what_is_promised(isa: str, groups: int, N: int, K: int) -> None:
    """ksum, weights in groups of KR, scales and flushed biases, all padded with 0."""
    rng = np.random.default_rng(N * K)
    weight = rng.integers(-128, 128, (groups * N, K)).astype(np.int8)
    scale = rng.random(groups * N, np.float32)
    bias = rng.standard_normal(groups * N, np.float32)
    bias[::3], bias[1::3] = SUBNORMAL, -SUBNORMAL
    tier = BY_NAME[isa]
    packed = pack(weight, scale, bias, tier, groups)
    assert_same_bits(weight, packed.weight())
    assert_same_bits(scale, packed.channels("weight_scale"))
    flushed = np.where(np.abs(bias) < 2.0**-126, np.copysign(np.float32(0), bias), bias)
    assert_same_bits(flushed, packed.channels("bias"))
    NR, KR, length = tier.NR, tier.KR, packed.blocks * tier.KB
    for p, panel in enumerate(packed.panels):
        group, first = p // packed.count, NR * (p % packed.count)
        rows = weight[group * N :][:N][first : first + NR]
        padded = np.zeros((NR, length), np.int8)
        padded[: len(rows), :K] = rows
        assert_same_bits(-padded.sum(1, dtype=np.int32), panel[: 4 * NR].view("i4"))
        found = panel[4 * NR :][: NR * length].view(np.int8).reshape(-1, NR, KR)
        assert_same_bits(padded, found.transpose(1, 0, 2).reshape(NR, length))
        rest = panel[4 * NR + NR * length :].view("i4").reshape(2, NR)
        assert not rest[:, len(rows) :].any()


def test_without_a_bias_there_are_zeros(isa: str) -> None:
    """A missing bias is +0.0 (R14)."""
    packed = pack(np.ones((5, 3), np.int8), np.ones(5, np.float32), None, BY_NAME[isa])
    assert_same_bits(np.zeros(5, np.float32), packed.channels("bias"))


@pytest.mark.parametrize("shape", [(1, 1, 1), (5, 9, 16), (3, 7, 50)])
def test_chunk_sums(shape: tuple[int, int, int]) -> None:
    """Positive and negative parts apart, -128 too, the last chunk being short."""
    O, taps, I = shape
    rng = np.random.default_rng(I)
    weight = rng.choice(np.array([-128, -3, 0, 127], np.int8), shape)
    chunks = -(-I // 16)
    found = np.empty((2, O, chunks), np.int32)
    words = [address(weight), address(found[0]), address(found[1]), O, taps, I]
    run_once(weights.chunk_sums, [16], words)
    wide = weight.astype(np.int32)
    for sign, actual in zip((1, -1), found, strict=True):
        parts = np.maximum(sign * wide, 0).sum(axis=1)
        expected = np.add.reduceat(parts, np.arange(0, I, 16), axis=1)
        assert_same_bits(expected.astype(np.int32), actual)
