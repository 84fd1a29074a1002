"""Direct or Winograd: a pure function of integers, tested without compiling."""

import itertools
from dataclasses import replace

import numpy as np
import pytest

from qd8 import winograd
from qd8.kernels import isa, paths, schedule, winograd_schedule
from qd8.kernels.winograd_schedule import Extents, Layer, WinogradSchedule, choose
from qd8.kernels.winograd_variants import VARIANTS

LARGE = Layer(1, 64, 64, 320, 320, (3, 3), (1, 1), 0, False, (20,))
SHAPES = [
    LARGE,
    Layer(1, 1, 1, 1, 1, (3, 3), (1, 1), 0, False, (1,)),
    Layer(3, 13, 5, 40, 33, (3, 3), (2, 3), 0, False, (1, 3)),
    Layer(1, 16, 16, 1280, 1280, (3, 3), (1, 1), 0, False, (30, 60, 80)),
    Layer(8, 7, 7, 512, 512, (3, 3), (1, 1), 0, False, (32,)),
    Layer(1, 112, 112, 32, 32, (3, 3), (1, 1), 0, False, (2,)),
    Layer(1, 35, 35, 48, 64, (5, 5), (1, 1), 0, False, (3,)),
    Layer(1, 17, 17, 192, 192, (1, 7), (1, 1), 2, False, (12,)),
    Layer(2, 17, 9, 192, 192, (7, 1), (3, 2), 2, True, (5, 12)),
    Layer(1, 8, 8, 384, 384, (3, 1), (1, 1), 1, True, (24,)),
    Layer(1, 28, 28, 64, 128, (3, 3), (1, 1), 3, False, (4,)),
]


def chosen(
    layer: Layer, tier: str, path: str = "", memory: str = "fast", threads: int = 1
) -> schedule.Schedule:
    """Choose for a layer as Conv2D does."""
    row = isa.BY_NAME[tier]
    K, pixels = layer.kernel[0] * layer.kernel[1] * layer.C, layer.OH * layer.OW
    direct = schedule.convolution(layer.images, pixels, K, layer.N, threads, row)
    return choose(layer, direct, threads, row, path, memory)


@pytest.mark.parametrize("layer", SHAPES, ids=str)
@pytest.mark.parametrize("tier", isa.BY_NAME)
def test_tiles_and_panels_have_one_task_each(layer: Layer, tier: str) -> None:
    """The grid never has more tasks than threads, tiles or panels."""
    row = isa.BY_NAME[tier]
    tiles = layer.images * layer.tiles[0] * layer.tiles[1]
    count = -(-layer.N // Extents.of(row).NR)
    for threads in (1, 2, 3, 16):
        plan = winograd_schedule.winograd(layer, threads, row)
        assert 1 <= plan.tasks <= threads
        assert plan.grid_rows <= tiles
        assert plan.grid_columns <= count
        assert 1 <= plan.block_rows <= tiles
        whole = plan.block_rows % Extents.of(row).MR == 0
        assert whole or plan.block_rows == -(-tiles // plan.grid_rows)
        assert 1 <= plan.together <= count


@pytest.mark.parametrize("layer", SHAPES, ids=str)
@pytest.mark.parametrize("tier", isa.BY_NAME)
def test_scratch_holds_inputs_and_products(layer: Layer, tier: str) -> None:
    """A task's scratch is whole cache lines and holds V and M of a block."""
    row = isa.BY_NAME[tier]
    plan = winograd_schedule.winograd(layer, 2, row)
    v = 2 * layer.products * plan.block_rows
    m = layer.form.positions * 4 * Extents.of(row).NR * plan.together * plan.block_rows
    assert plan.scratch_bytes >= v + m
    assert plan.scratch_bytes % 64 == 0


@pytest.mark.parametrize("dilation", [(1, 1), (2, 3)])
def test_tiles_cover_every_output(dilation: tuple[int, int]) -> None:
    """Tiles of each phase of a dilation reach the last output, and none is spare."""
    forms = itertools.product(range(len(VARIANTS)), (False, True), range(1, 30))
    for variant, exchanged, size in forms:
        layer = LARGE._replace(OH=size, OW=30 - size, dilation=dilation)
        layer = layer._replace(variant=variant, exchanged=exchanged)
        covered = zip(
            *(layer.axes, layer.tiles, layer.outputs),
            *((size, 30 - size), dilation),
            strict=True,
        )
        for axis, tiles, outputs, needed, d in covered:
            m = axis.outputs
            assert tiles % d == 0
            assert outputs == tiles * m
            rows = {
                phase + d * (m * t + i)
                for phase in range(d)
                for t in range(tiles // d)
                for i in range(m)
            }
            assert set(range(needed)) <= rows == set(range(outputs))
            assert outputs - needed < m * d


@pytest.mark.parametrize(
    ("layer", "tier", "winograd_wins"),
    [
        (LARGE, "generic", True),
        (LARGE, "avx2", True),
        (LARGE, "avx512vnni", True),
        (LARGE, "amx", False),
        (LARGE._replace(C=3, N=32, ends=(1,)), "avx2", False),
        (LARGE._replace(OH=1, OW=1), "avx2", False),
        (LARGE._replace(OH=1, OW=1), "avx512vnni", False),
        *((SHAPES[i], "avx2", True) for i in (6, 7, 9, 10)),
        *((SHAPES[i], "generic", True) for i in (6, 7, 9, 10)),
        # Each phase of a dilation has tiles of its own: here half of their outputs.
        (SHAPES[8], "avx2", False),
        # Windows and products of many channels leave L2.
        (SHAPES[10]._replace(OH=17, OW=17, C=288, N=384, ends=(18,)), "avx2", False),
        (SHAPES[10], "avx512vnni", False),
        *((layer, "amx", False) for layer in SHAPES[6:11]),
    ],
)
def test_time_decides(layer: Layer, tier: str, winograd_wins: bool) -> None:
    """Winograd where its estimated cycles are fewer; the reason has the numbers."""
    plan = chosen(layer, tier)
    assert isinstance(plan, WinogradSchedule) == winograd_wins
    assert ("winograd: " if winograd_wins else "direct: ") in plan.why


def test_few_tiles_split_the_panels() -> None:
    """A task with few tiles would read all weights for them; many tiles split."""
    for layer, by_panels in ((SHAPES[3], True), (LARGE, False), (SHAPES[5], False)):
        plan = winograd_schedule.winograd(layer, 2, isa.BY_NAME["avx2"])
        assert (plan.grid_columns > 1) == by_panels
        assert plan.tasks == 2


def test_memory_and_force_decide_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """memory="small" and a byte budget keep direct; a forced path is taken."""
    assert not isinstance(chosen(LARGE, "avx2", memory="small"), WinogradSchedule)
    assert not isinstance(chosen(LARGE, "avx2", "direct"), WinogradSchedule)
    tiny = LARGE._replace(C=1, N=1, ends=(1,))
    assert isinstance(chosen(tiny, "amx", "winograd", "small"), WinogradSchedule)
    monkeypatch.setattr(winograd_schedule, "BUDGET", 1 << 20)
    assert "exceed" in chosen(LARGE, "avx2").why


def test_explanation_counts_tiles() -> None:
    """People read the unit, the blocks and the bytes of what is packed."""
    plan = chosen(SHAPES[3], "avx2", "winograd")
    text = str(schedule.Explanation(plan, 9, 1))
    assert f"blocks of {plan.block_rows} tiles" in text
    assert "3 blocks of input channels" in text
    assert isinstance(plan, WinogradSchedule)
    assert plan.weight_bytes == 36 * 2 * 1280 * 1280 + 8 * 1280
    assert "rows" in str(schedule.Explanation(chosen(LARGE, "amx"), 9, 1))


def test_blocks_of_input_channels_are_proved_and_fewest() -> None:
    """Each block is below the limit; each with one chunk more is not."""
    rng = np.random.default_rng(0)
    for draw in range(20):
        C = int(rng.integers(1, 400))
        weight = rng.integers(-128, 128, (7, 3, 3, C)).astype(np.int8)
        if draw % 3:
            weight[draw % 7] = np.where(weight[draw % 7] < 0, -128, 127)
            weight[0] = -128

        def bound(first: int, last: int, weight: np.ndarray = weight) -> int:
            some = weight[..., 16 * first : 16 * last].astype(np.int64)
            sums = [np.maximum(s * some, 0).sum(axis=(1, 2, 3)) for s in (1, -1)]
            return int(255 * np.max(sums))

        ends = winograd.proven_ends(weight, 0)
        starts = (0, *ends[:-1])
        assert ends[-1] == -(-C // 16)
        for first, last in zip(starts, ends, strict=True):
            assert first < last
            assert bound(first, last) < 1 << 25
            assert last == ends[-1] or bound(first, last + 1) >= 1 << 25


def test_forcing_is_undone() -> None:
    """The context leaves nothing behind, and refuses other names."""
    with paths.forced("winograd"):
        with paths.forced("direct"):
            assert paths.forced_path() == "direct"
        assert paths.forced_path() == "winograd"
    assert paths.forced_path() == ""
    plan = replace(chosen(LARGE, "avx2"), why="")
    assert plan.unit == "tiles"
