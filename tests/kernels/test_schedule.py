"""Schedules are pure functions: tested without compiling anything."""

import itertools

import pytest

from qd8.kernels import gemm, isa, schedule

# Those of the table, and avx2's with its other tiles.
TIERS = [*isa.TIERS, isa.with_maddubs(isa.BY_NAME["avx2"])]


def named(tier: isa.Tier) -> str:
    """Name a tier and its tiles."""
    return f"{tier.name}-{tier.tile}"


SHAPES = [
    (1, 1, 1),
    (1, 4096, 4096),
    (3, 7, 5),
    (16, 1024, 4096),
    (256, 1024, 1024),
    (1024, 1024, 1024),
    (3136, 64, 256),
    (100_000, 3, 1),
]


@pytest.mark.parametrize("tier", TIERS, ids=named)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_every_row_and_panel_has_one_task(tier: isa.Tier, shape: tuple) -> None:
    """The grid's shares cover the rows and the panels exactly once."""
    M, K, N = shape
    for threads in (1, 2, 3, 16):
        plan = schedule.fully_connected(M, K, N, threads, tier)
        assert 1 <= plan.tasks <= threads
        shares = plan.grid_rows
        rows = [0]
        for i in range(shares):
            first, last = gemm.row_share.py_func(tier.MR, M, i, shares)
            assert first == rows[-1]
            # No share has more tiles than one of whole tiles would have.
            tiles = -(-M // tier.MR)
            assert -(-(last - first) // tier.MR) <= -(-tiles // shares)
            rows.append(last)
        count = -(-N // tier.NR)
        panels = [count * j // plan.grid_columns for j in range(plan.grid_columns + 1)]
        for cuts, end in ((rows, M), (panels, count)):
            assert cuts[0] == 0
            assert cuts[-1] == end
            assert all(a < b for a, b in itertools.pairwise(cuts))


@pytest.mark.parametrize("tier", TIERS, ids=named)
def test_blocks_are_whole_tiles_and_fit_their_scratch(tier: isa.Tier) -> None:
    """A block is a multiple of MR, and its packed rows fit the scratch."""
    for M, K, N in SHAPES:
        plan = schedule.fully_connected(M, K, N, 2, tier)
        width = {"madd": 2, "maddubs": 4}.get(tier.tile, 1)
        assert plan.block_rows % tier.MR == 0
        padded = -(-K // tier.KB) * tier.KB
        assert plan.scratch_bytes >= plan.block_rows * (width * padded + 8)
        assert plan.scratch_bytes % 64 == 0


@pytest.mark.parametrize("tier", TIERS, ids=named)
def test_convolution_schedule_keeps_scratch_aligned(tier: isa.Tier) -> None:
    """Task scratch begins at cache lines, and small work stays on one thread."""
    for pixels, K, N in ((1, 9, 1), (49, 27, 32), (3136, 576, 64)):
        plan = schedule.convolution(2, pixels, K, N, 2, tier)
        assert plan.scratch_bytes % 64 == 0
        assert plan.block_rows % tier.MR == 0
    assert schedule.convolution(1, 1, 9, 1, 8, tier).tasks == 1


def test_larger_share_decides_the_split() -> None:
    """Few rows split the panels; many rows split the rows; the reason is stated."""
    tier = isa.BY_NAME["avx2"]
    few = schedule.fully_connected(1, 4096, 4096, 2, tier)
    many = schedule.fully_connected(4096, 320, 320, 2, tier)
    assert (few.grid_rows, few.grid_columns) == (1, 2)
    assert (many.grid_rows, many.grid_columns) == (2, 1)
    assert "panels split" in few.why
    assert "rows split" in many.why


@pytest.mark.parametrize("tier", TIERS, ids=named)
def test_large_weights_are_read_once_where_all_rows_fit(tier: isa.Tier) -> None:
    """Rows up to three quarters of L2 are one block for four times as many weights."""
    l2 = tier.l2_bytes
    for total, weights, once in (
        (l2 * 3 // 4, 3 * l2, True),
        (l2 * 3 // 4 + 1, 9 * l2, False),
        (l2 // 2, 2 * l2 - 1, False),
        (l2 // 2, 2 * l2, True),
    ):
        assert (schedule.far_room(tier, total, weights) == total) == once
        assert schedule.far_room(tier, total, weights) <= l2 * 3 // 4
