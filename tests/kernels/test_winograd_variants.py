"""The matrices of Winograd: identities over the integers, and their bounds."""

import itertools

import numpy as np
import pytest

from qd8 import winograd
from qd8.kernels.winograd_memory import CHUNK
from qd8.kernels.winograd_variants import (
    STEPS,
    VARIANTS,
    WORD,
    Variant,
    variant_of,
)

EACH = pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.name)


@EACH
def test_both_axes_are_identities(variant: Variant) -> None:
    """sum_p A[i, p] G[p, k] B[p, j] is L / 2^e_i where j = s i + k, else 0."""
    for axis in (variant.y, variant.x):
        A, G, B = (np.array(m, object) for m in (axis.A, axis.G, axis.B))
        assert A.shape == (axis.outputs, axis.products)
        assert axis.inputs == axis.stride * (axis.outputs - 1) + axis.taps
        for i, j, k in itertools.product(
            *(range(n) for n in (axis.outputs, axis.inputs, axis.taps))
        ):
            found = 2 ** axis.e[i] * (A[i] * G[:, k] * B[:, j]).sum()
            assert found == (axis.L if j == axis.stride * i + k else 0)


def test_f43_is_the_textbooks() -> None:
    """Rows of G by 12, 6, 6, 24, 24, 3; the example that docs/kernels.md shows."""
    axis = VARIANTS[0].y
    assert axis.B[1] == (0, -4, -4, 1, 1, 0)
    assert (
        *((3, 0, 0), (-1, -1, -1), (-1, 1, -1)),
        *((1, 2, 4), (1, -2, 4), (0, 0, 3)),
    ) == axis.G
    assert axis.A[0] == (2, 4, 4, 1, 1, 0)
    assert (axis.L, axis.e) == (24, (0, 1, 2, 2))


@EACH
def test_transformed_inputs_fit_and_reach_their_bound(variant: Variant) -> None:
    """No image exceeds the bound; the one made of its row's signs has it."""
    assert variant.largest_input() <= WORD
    rows = np.kron(np.array(variant.y.B), np.array(variant.x.B))
    reached = max(
        abs(int((row * np.where(row > 0, high, high - STEPS)).sum()))
        for row in rows
        for high in (0, STEPS)
    )
    assert reached == variant.largest_input()
    rng = np.random.default_rng(0)
    for _ in range(2000):
        low = int(rng.integers(-STEPS, 1))
        d = rng.choice([low, low + STEPS, 0], rows.shape[1])
        assert np.abs(rows @ d).max() <= variant.largest_input()


@EACH
def test_transformed_weights_fit_and_reach_their_bound(variant: Variant) -> None:
    """|U| of every int8 weight fits int16, and a kernel of -128s and 127s is exact."""
    assert variant.largest_weight() <= WORD
    y, x = variant.y, variant.x
    rng = np.random.default_rng(1)
    patterns = [np.full((y.taps, x.taps), -128)]
    patterns += [rng.choice([-128, 127], (y.taps, x.taps)) for _ in range(20)]
    weight = np.moveaxis(np.array(patterns, np.int8), 0, 2)
    u = winograd.transformed(weight, variant)
    exact = np.array(y.G) @ np.array(patterns) @ np.array(x.G).T
    assert u.dtype == np.int16
    assert u.shape == (variant.positions, 1, len(patterns))
    assert (exact.reshape(len(patterns), -1) == u[:, 0].T).all()
    assert np.abs(u.astype(int)).max() == variant.largest_weight()
    # Pairs of products of int16 are added exactly by vpmaddwd.
    assert 2 * variant.largest_input() * variant.largest_weight() < 1 << 31


@EACH
def test_blocks_of_taps_are_shifted_kernels(variant: Variant) -> None:
    """Each block of a larger kernel is transformed by itself, beyond it zeros."""
    y, x = variant.y, variant.x
    rng = np.random.default_rng(2)
    kernel = (1 if y.taps == 1 else y.taps + 2, x.taps + 1)
    weight = rng.integers(-128, 128, (*kernel, 3, 5)).astype(np.int8)
    taps = variant.blocks(kernel)
    assert len(taps) == (2 if y.taps == 1 else 4)
    whole = np.zeros((2 * y.taps, 2 * x.taps, 3, 5), np.int8)
    whole[: kernel[0], : kernel[1]] = weight
    for t, (row, column) in enumerate(taps):
        block = whole[row : row + y.taps, column : column + x.taps]
        expected = winograd.transformed(block, variant)[:, 0]
        assert (winograd.transformed(weight, variant)[:, t] == expected).all()


@EACH
def test_accumulators_are_recovered_up_to_the_limit(variant: Variant) -> None:
    """The inverse and the shifts give back y, and beyond the limit something else."""
    extremes = np.array([-variant.limit, -1, 0, 1, variant.limit - 1], np.int64)
    wrong = False
    for e in (a + b for a in variant.y.e for b in variant.x.e):
        factor = variant.y.L * variant.x.L >> e

        def recovered(y: np.ndarray, factor: int = factor, e: int = e) -> np.ndarray:
            o = (y * factor * variant.inverse & 0xFFFFFFFF).astype(np.uint32)
            return o.view(np.int32) >> np.int32(variant.shift - e)

        assert (recovered(extremes.astype(object)) == extremes).all()
        wrong |= recovered(np.array([variant.limit], object))[0] != variant.limit
    assert wrong
    assert variant.limit > STEPS * 128 * 64 * CHUNK


def test_variants_are_found_by_kernel_stride_and_dilation() -> None:
    """Which convolutions have one; the others stay direct."""
    names = {
        ((3, 3), (1, 1), (2, 2)): ("4x4_3x3", False),
        ((5, 5), (1, 1), (1, 1)): ("4x4_3x3", False),
        ((1, 3), (1, 1), (1, 1)): ("1x4_1x3", False),
        ((3, 1), (1, 1), (1, 1)): ("1x4_1x3", True),
        ((1, 7), (1, 1), (1, 1)): ("1x5_1x4", False),
        ((7, 1), (1, 1), (1, 1)): ("1x5_1x4", True),
        ((3, 3), (2, 2), (1, 1)): ("4x4_3x3s2", False),
    }
    for arguments, (name, exchanged) in names.items():
        found = variant_of(*arguments)
        assert found is not None
        assert (VARIANTS[found[0]].name, found[1]) == (name, exchanged)
    for arguments in (
        ((1, 1), (1, 1), (1, 1)),
        ((9, 9), (1, 1), (1, 1)),
        ((3, 3), (2, 2), (2, 2)),
        ((3, 3), (1, 2), (1, 1)),
        ((5, 5), (2, 2), (1, 1)),
    ):
        assert variant_of(*arguments) is None
