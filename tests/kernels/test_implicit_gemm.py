"""Tiles that read the padded image where it lies: bits, and when they are chosen."""

import numpy as np
import pytest
import qd8_reference

import qd8
from qd8.kernels import implicit_schedule, isa, schedule
from qd8.kernels.implicit_schedule import ImplicitSchedule, Layer, Runs
from tests.checks import assert_same_bits

AMX = isa.BY_NAME["amx"]

# images, H, W, C, O, kernel, stride, dilation, padding, groups: rows that go on into
# the next, rows of whole registers, an odd number of registers, pixels of 16 to 640
# bytes, padded runs, taps apart, groups, fewer pixels than a register, a last panel
# of up to 16 columns, pixels of 3 bytes whose runs are mostly padding; padding that
# rows share, more of it before than after a row and the other way round, and windows
# that do not reach the end of a row.
CASES = (
    (2, 17, 17, 64, 40, (7, 1), (1, 1), (1, 1), "SAME", 1),
    (1, 35, 35, 48, 64, (5, 5), (1, 1), (1, 1), "SAME", 1),
    (1, 19, 41, 64, 33, (3, 3), (2, 2), (1, 1), "SAME", 1),
    (1, 9, 70, 32, 16, (3, 3), (1, 2), (1, 1), ((0, 2), (1, 0)), 1),
    (2, 13, 15, 64, 80, (3, 3), (1, 1), (2, 2), "SAME", 1),
    (1, 20, 20, 128, 64, (3, 3), (1, 1), (1, 1), "VALID", 2),
    (1, 3, 5, 64, 32, (3, 3), (1, 1), (1, 1), "VALID", 1),
    (3, 40, 33, 16, 24, (3, 3), (1, 1), (1, 1), "SAME", 1),
    (1, 33, 64, 64, 48, (1, 1), (1, 2), (1, 1), "SAME", 1),
    (2, 33, 47, 3, 32, (3, 3), (2, 2), (1, 1), "SAME", 1),
    (1, 30, 37, 3, 70, (7, 7), (2, 2), (1, 1), "SAME", 1),
    (1, 24, 25, 24, 24, (3, 3), (1, 1), (1, 1), "SAME", 1),
    (2, 17, 17, 64, 32, (1, 7), (1, 1), (1, 1), "SAME", 1),
    (1, 11, 18, 64, 32, (1, 5), (1, 1), (1, 1), ((0, 0), (4, 1)), 1),
    (1, 11, 18, 64, 32, (2, 5), (1, 1), (1, 1), ((0, 1), (1, 4)), 1),
    (2, 12, 20, 64, 32, (3, 2), (2, 2), (1, 2), ((1, 0), (3, 0)), 1),
)


@pytest.mark.parametrize("dtype", [np.float32, np.float16])
@pytest.mark.parametrize("case", CASES, ids=str)
def test_its_bits_are_the_definitions(case: tuple, dtype: type, monkeypatch) -> None:
    """Outputs and accumulators of every way to count rows, on one thread and two."""
    if why := isa.obstacle("amx"):
        pytest.skip(f"amx does not run here: {why}")
    chosen = []

    def always(layer, gathered, threads, tier):
        # Gathering is never cheap, so that narrow images take tiles too.
        monkeypatch.setattr(implicit_schedule, "COPY", 1 << 20)
        chosen.append(choose(layer, gathered, threads, tier))
        return chosen[-1]

    choose = implicit_schedule.choose
    monkeypatch.setattr(implicit_schedule, "choose", always)
    n, H, W, C, O, kernel, stride, dilation, padding, groups = case
    rng = np.random.default_rng(O + W)
    x = rng.standard_normal((n, H, W, C)).astype(dtype)
    weight = rng.integers(-128, 128, (O, *kernel, C // groups)).astype(np.int8)
    given = weight, rng.uniform(1e-3, 0.1, O).astype(np.float32)
    given = *given, rng.standard_normal(O).astype(np.float32)
    options = {"stride": stride, "dilation": dilation, "padding": padding}
    options |= {"groups": groups, "activation": "relu" if O % 32 else "none"}
    expected = qd8_reference.conv2d_steps(x, *given, **options)
    with isa.forced("amx"):
        layer = qd8.Conv2D(*given, **options)
    for threads in (1, 2):
        with qd8.threads(threads):
            assert_same_bits(expected.output, layer(x))
            assert_same_bits(expected.accumulator, layer.steps(x).accumulator)
    assert_same_bits(weight, layer.weight)
    assert chosen
    assert all(isinstance(plan, ImplicitSchedule) for plan in chosen)


def test_runs_are_padded_only_where_that_is_worth_it() -> None:
    """Not where many panels multiply the zeros, and never for ``memory="small"``."""
    assert Runs(3, 96).step(AMX, "", 3) == 128
    assert Runs(3, 144).step(AMX, "", 6) == 192
    assert Runs(3, 72).step(AMX, "", 3) == 128
    assert Runs(3, 72).step(AMX, "", 40) == 72
    assert Runs(3, 9).step(AMX, "", 1) == 64
    assert Runs(3, 96).step(AMX, "small", 3) == 96
    assert Runs(3, 192).step(AMX, "small", 99) == 192
    assert Runs(3, 96).step(isa.BY_NAME["avx2"], "", 3) == 96


def test_rows_are_counted_in_the_shorter_way() -> None:
    """On into the next row where little is between them, else by whole registers."""
    gathered = schedule.convolution(1, 35 * 35, 576, 96, 1, AMX)
    narrow = Layer(1, 35, 35, 96, 1, 37, 64, Runs(3, 192), 9)
    plan = implicit_schedule.choose(narrow, gathered, 1, AMX)
    assert isinstance(plan, ImplicitSchedule)
    assert plan.row_pixels == 37
    wide = narrow._replace(OH=32, OW=32, row_steps=66)
    plan = implicit_schedule.choose(wide, gathered, 1, AMX)
    assert isinstance(plan, ImplicitSchedule)
    assert plan.row_pixels == 32


def test_narrow_images_of_many_channels_are_gathered() -> None:
    """Half-empty registers times many panels cost more than copies."""
    layer = Layer(1, 8, 8, 320, 1, 17, 384, Runs(3, 576), 27)
    gathered = schedule.convolution(1, 64, 1728, 320, 1, AMX)
    assert implicit_schedule.choose(layer, gathered, 1, AMX) is gathered


def test_an_image_that_stays_in_l2_meets_large_weights_once() -> None:
    """One block where the image is small beside weights that leave L2; else even ones,
    of whole tiles."""

    def plan(H, C, N, threads=1):
        layer = Layer(1, H, H, N, 1, H + 2, C, Runs(3, 3 * C), 9 * C // 64)
        gathered = schedule.convolution(1, H * H, 9 * C, N, threads, AMX)
        found = implicit_schedule.choose(layer, gathered, threads, AMX)
        assert isinstance(found, ImplicitSchedule)
        return found.block_rows, found.row_pixels * (H - 1) + H

    for H, C, N in ((16, 2560, 1280), (32, 1280, 1280), (32, 640, 640)):
        block, pixels = plan(H, C, N)
        assert pixels <= block < pixels + 32
    for H, C, N in ((64, 640, 640), (32, 1920, 640)):
        block, pixels = plan(H, C, N)
        blocks = -(-pixels // block)
        assert block % 32 == 0
        assert 64 < block < 1000
        assert block * blocks - pixels < 32 * blocks
    block, pixels = plan(32, 1280, 1280, threads=2)
    assert pixels <= 2 * block < pixels + 64


def test_a_panel_meets_as_many_tiles_as_l2_has_room_for_their_outputs() -> None:
    """Even blocks of 128 KiB of outputs; of fewer tiles where all panels are in L1."""

    def block(H, C, N):
        layer = Layer(1, H, H, N, 1, H + 1, C, Runs(3, 3 * C), 9 * C // 64)
        gathered = schedule.convolution(1, H * H, 9 * C, N, 1, AMX)
        return implicit_schedule.choose(layer, gathered, 1, AMX).block_rows

    assert block(64, 320, 320) == 96
    assert block(28, 128, 128) == 224
    assert block(56, 64, 64) == 480
    assert block(112, 64, 32) == 992
    assert block(112, 32, 64) < 256
