"""Exact vpmaddubsw has the reference's bits, with weights and inputs at their worst."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pytest

import qd8
from qd8 import maddubs
from qd8.kernels import gemm, gemm_memory, isa, paths
from qd8.kernels.compiler import compiled
from qd8.kernels.tile_maddubs import TURN
from qd8.kernels.vector import F32
from qd8.pack import pack
from tests.checks import assert_same_bits
from tests.judgement import assert_kernel_is_reference
from tests.kernels.test_assembly import ON_STACK, innermost_loops
from tests.problems import (
    NON_FINITE,
    ConvProblem,
    FullyConnectedProblem,
    conv_families,
    fully_connected_families,
)
from tests.strategies import HALF

FLOAT = np.dtype(np.float32)
SEEDS = range(8)
TIER = isa.BY_NAME["avx2"]
KINDS = ("worst", "gaussian", "tails", "uniform", "some -128")


@pytest.fixture(autouse=True)
def forced() -> Iterator[None]:
    """Build the operators of each test on the tier that has them, on this path."""
    if TIER.name not in isa.runnable():
        pytest.skip(f"{TIER.name} does not run here: {isa.obstacle(TIER.name)}")
    with isa.forced(TIER.name), paths.forced("maddubs"):
        yield


@pytest.fixture
def chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the path to the schedule, as on a CPU without AVX-VNNI."""
    paths._forced.set("")
    monkeypatch.setattr(maddubs, "fused", lambda: False)


def worst_weights(N: int, K: int) -> npt.NDArray[np.int8]:
    """(N, K) weights, a pattern a row: extremes, alternating, one-sided, tails."""
    rng, k = np.random.default_rng(K), np.arange(K)
    tails = np.clip(rng.standard_t(2, K) * 20, -128, 127)
    patterns = (
        np.full(K, -128),
        np.full(K, 127),
        np.where(k % 2, 127, -128),
        np.where(k // 2 % 2, 127, -128),
        np.where(k % 2, 1, -128),
        rng.choice([-128, 127], K),
        rng.choice([-128, 0, 127], K),
        rng.integers(-128, 128, K),
        np.where(k % 4 == 1, -128, 64),
        np.rint(tails),
        np.full(K, 64),
        np.full(K, 0),
    )
    order = rng.integers(0, len(patterns), N)
    return np.stack([patterns[i] for i in order]).astype(np.int8)


def worst_rows(M: int, K: int, rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """(M, K) inputs, quantized to all 0, all 255, both, one side, one value."""
    kinds = (
        np.full(K, -1.0),
        np.full(K, 1.0),
        rng.choice([-1.0, 1.0], K),
        np.abs(rng.standard_normal(K)),
        -np.abs(rng.standard_normal(K)),
        np.zeros(K),
        np.where(np.arange(K) % 2, 1.0, -1.0),
        rng.standard_normal(K),
    )
    return np.stack([kinds[m % len(kinds)] for m in range(M)]).astype(np.float32)


def problem(
    M: int, N: int, K: int, weight: npt.NDArray[np.int8] | None = None
) -> FullyConnectedProblem:
    """A fully connected of worst inputs and, if none are given, worst weights."""
    rng = np.random.default_rng([M, N, K])
    weight = worst_weights(N, K) if weight is None else weight
    scale = (10.0 ** rng.uniform(-4, 0, N)).astype(np.float32)
    bias = rng.standard_normal(N).astype(np.float32)
    x = worst_rows(M, K, rng)
    return FullyConnectedProblem(x, weight, scale, bias, "none", "worst", 0)


@pytest.mark.parametrize("dtype", [FLOAT, HALF], ids=str)
@pytest.mark.parametrize("family", [*fully_connected_families(FLOAT), NON_FINITE])
def test_fully_connected_of_each_family(family: str, dtype: np.dtype) -> None:
    """Fixed problems of each family: output and every step."""
    if dtype == HALF and family not in (*fully_connected_families(HALF), NON_FINITE):
        pytest.skip(f"{family} is of float32 alone")
    for seed in SEEDS:
        assert_kernel_is_reference(
            FullyConnectedProblem.generate(seed, family, dtype=dtype)
        )


@pytest.mark.parametrize("dtype", [FLOAT, HALF], ids=str)
@pytest.mark.parametrize("family", [*conv_families(FLOAT), NON_FINITE])
def test_conv2d_of_each_family(family: str, dtype: np.dtype) -> None:
    """Fixed problems of each family, with explicit padding too."""
    if dtype == HALF and family not in (*conv_families(HALF), NON_FINITE):
        pytest.skip(f"{family} is of float32 alone")
    for seed in SEEDS[:4]:
        conv = ConvProblem.generate(seed, family, dtype=dtype)
        assert_kernel_is_reference(conv)
        assert_kernel_is_reference(conv.with_explicit_padding())


@pytest.mark.parametrize("channels", [1, 3, 4, 16, 17, 32])
@pytest.mark.parametrize("size", range(1, 9))
def test_conv2d_of_worst_weights(size: int, channels: int) -> None:
    """Runs of bytes that are whole chunks of 16 and that are not; groups; strides."""
    rng = np.random.default_rng([size, channels])
    x = worst_rows(2, size * 7 * 2 * channels, rng).reshape(2, size, 7, 2 * channels)
    for groups, kernel, stride in ((1, (3, 3), 1), (2, (2, 5), 2), (1, (1, 1), 2)):
        depth = kernel[0] * kernel[1] * 2 * channels // groups
        weight = worst_weights(18, depth).reshape(18, *kernel, -1)
        scale = np.full(18, 0.01, np.float32)
        conv = ConvProblem(
            x, weight, scale, None, "none", "worst", size, (stride, stride),
            groups=groups,
        )  # fmt: skip
        assert_kernel_is_reference(conv)


@pytest.mark.parametrize("M", [*range(1, 14), 23, 24, 25])
def test_worst_weights_and_inputs(M: int) -> None:
    """Every number of rows of a tile; K and N below, at and above their blocks."""
    for K in (1, 2, 3, 4, 5, 15, 16, 17, 64, 129, 300):
        for N in (1, 7, 8, 9, 15, 16, 17, 40):
            assert_kernel_is_reference(problem(M, N, K))


@pytest.mark.parametrize("kind", KINDS)
def test_kinds_of_weights(kind: str) -> None:
    """Complements, residuals and bins of every size, as these weights have them."""
    for N, K in ((24, 64), (40, 260), (17, 1023)):
        assert_kernel_is_reference(problem(19, N, K, drawn(kind, N, K)))


def test_sums_wrap_as_the_definition_says() -> None:
    """R13: 80,000 products of 255 * 128 leave int32."""
    for value in (-128, 127):
        weight = np.full((9, 80_000), value, np.int8)
        weight[3, ::2] = -1
        assert_kernel_is_reference(problem(7, 9, 80_000, weight))


def test_blocks_of_rows_and_shares_of_threads() -> None:
    """Blocks end within an operator, and tasks begin within it."""
    for threads in (1, 2, 3):
        with qd8.threads(threads):
            assert_kernel_is_reference(problem(131, 200, 520))


@pytest.mark.parametrize("K", [4, 64, 260, 1024])
@pytest.mark.parametrize("kind", KINDS)
def test_steps_are_the_weights_and_cannot_saturate(kind: str, K: int) -> None:
    """What is stored adds up to the weights, turned back where it is complemented."""
    weight = drawn(kind, 48, K)
    steps = maddubs.steps_of(weight)
    total = np.zeros((6, K // 4, 2, 8, 2), np.int64)
    np.add.at(total, (steps.stream, steps.quad), steps.weight)
    back = total.transpose(0, 3, 1, 2, 4).reshape(48, K)
    assert_same_bits(weight.astype(np.int64), back)
    part = maddubs.Part.of(weight, TIER.MR)
    assert part.proven()
    assert part.counts @ maddubs.BINS == pytest.approx(np.bincount(steps.stream))
    # Independently of the packer: every element that a sum of four, two or one takes.
    at = 0
    for counts in part.counts:
        for size, count in zip(maddubs.BINS, counts, strict=True):
            for _ in range(count):
                lanes = part.weights[at : at + size].reshape(size, 16, 2).astype(int)
                assert 255 * np.maximum(lanes, 0).sum(axis=(0, 2)).max() <= 32767
                assert 255 * np.minimum(lanes, 0).sum(axis=(0, 2)).min() >= -32768
                at += size


def drawn(kind: str, N: int, K: int) -> npt.NDArray[np.int8]:
    """(N, K) weights, quantized by the channel's maximum unless they are the worst."""
    if kind == "worst":
        return worst_weights(N, K)
    rng = np.random.default_rng(K)
    w = rng.standard_normal((N, K))
    if kind == "tails":
        w = rng.standard_t(3, (N, K))
    if kind == "uniform":
        w = rng.uniform(-1, 1, (N, K))
    steps = np.rint(w / np.abs(w).max(axis=1, keepdims=True) * 127).astype(np.int8)
    if kind == "some -128":
        steps[rng.random((N, K)) < 0.03] = -128
    return steps


@pytest.mark.parametrize(
    ("name", "planted"),
    [
        ("no residual", lambda s: maddubs.Steps(*(field[::2] for field in s))),
        ("another quad", lambda s: s._replace(quad=s.quad[::-1])),
        ("another weight", lambda s: s._replace(weight=s.weight[..., ::-1])),
    ],
)
def test_planted_mistakes_are_seen(
    name: str, planted: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A step that is lost or misplaced changes bits."""
    steps_of = maddubs.steps_of
    monkeypatch.setattr(maddubs, "steps_of", lambda weight: planted(steps_of(weight)))
    with pytest.raises(AssertionError, match="elements differ"):
        assert_kernel_is_reference(problem(8, 24, 64))


def test_without_the_proof_sums_would_saturate(monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit is needed: beyond it bits differ, and the proof refuses to pack."""
    monkeypatch.setattr(maddubs.Part, "proven", lambda part: True)
    monkeypatch.setattr(maddubs, "LIMIT", 140)
    with pytest.raises(AssertionError, match="elements differ"):
        assert_kernel_is_reference(problem(8, 24, 64))
    monkeypatch.undo()
    part = maddubs.Part.of(worst_weights(24, 64), TIER.MR)
    part.weights[part.weights[:, 0] != 0, 0] = 127
    assert not part.proven()


def test_a_wrong_correction_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Complemented weights add 255 w to the accumulators' start."""
    of = maddubs.Part.of

    def without_correction(*given: object) -> maddubs.Part:
        part = of(*given)
        return part._replace(correction=np.zeros_like(part.correction))

    monkeypatch.setattr(maddubs.Part, "of", without_correction)
    with pytest.raises(AssertionError, match="elements differ"):
        assert_kernel_is_reference(problem(8, 24, 64, drawn("gaussian", 24, 64)))


def test_hot_loops_multiply_in_registers() -> None:
    """Bins of every size for every number of rows, off the stack."""
    tier = isa.with_maddubs(TIER)
    kernel = compiled(gemm.fully_connected, *gemm_memory.constants(tier), F32)
    loops = innermost_loops(kernel.assembly)
    hot = [loop for loop in loops if any("vpmaddubsw" in line for line in loop)]
    products = [sum("vpmaddubsw" in line for line in loop) for loop in hot]
    sums = [sum("vpaddw" in line for line in loop) for loop in hot]
    assert len(hot) >= tier.MR * len(maddubs.BINS)
    assert max(products) == tier.MR * max(maddubs.BINS) * TURN
    # All products of a bin but one are added in int16.
    sizes = {b / (b - a) for a, b in zip(sums, products, strict=True)}
    assert sizes == {*maddubs.BINS}
    for loop in hot:
        assert [line for line in loop if ON_STACK.search(line)] == []


def test_the_path_is_chosen_by_rows_weights_and_memory(
    chosen: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A tile of rows or more, weights that gain, and room for them."""
    gaussian, uniform = drawn("gaussian", 256, 256), drawn("uniform", 256, 256)
    scale = np.float32(0.01)
    with paths.forced("direct"):
        direct = qd8.FullyConnected(gaussian, scale)
    fast, declined = (qd8.FullyConnected(w, scale) for w in (gaussian, uniform))
    with qd8.options(memory="small"):
        small = qd8.FullyConnected(gaussian, scale)
    before = direct.packed.nbytes
    for layer, M, kernel in (
        (direct, 64, "gemm_6x16c2"),
        (fast, 5, "gemm_6x16c2"),
        (fast, 6, "gemm_maddubs_6x16c4"),
        (declined, 64, "gemm_6x16c2"),
        (small, 64, "gemm_6x16c2"),
    ):
        assert kernel in layer.explain(M).schedule.kernel
    assert "vpmaddubsw would take" in declined.explain(64).schedule.why
    assert before == small.packed.nbytes == direct.packed.nbytes
    assert fast.explain(64).packed_bytes == fast.packed.nbytes > before
    assert declined.packed.nbytes < before + 100
    x = np.random.default_rng(0).standard_normal((64, 256)).astype(np.float32)
    assert_same_bits(direct(x), fast(x))
    monkeypatch.setattr(maddubs, "fused", lambda: True)
    with_vnni = qd8.FullyConnected(gaussian, scale).explain(64).schedule
    assert "gemm_6x16c2" in with_vnni.kernel


def test_convolutions_choose_between_three_paths(chosen: None) -> None:
    """Winograd where it is ahead, then this one; the image is bytes for this one."""
    rng = np.random.default_rng(1)
    weight = rng.standard_normal((96, 3, 3, 64)).astype(np.float32)
    even = rng.uniform(-1, 1, weight.shape).astype(np.float32)
    for weights, stride, kernel in (
        (weight, 1, "winograd"),
        (even, 2, "winograd"),
        (weight, 2, "igemm_maddubs"),
        (weight, 3, "igemm_maddubs"),
    ):
        layer = qd8.Conv2D.from_float(weights, stride=(stride, stride))
        assert kernel in layer.explain((1, 40, 40, 64)).schedule.kernel
    with paths.forced("direct"):
        direct = qd8.Conv2D.from_float(weight, stride=(3, 3))
    x = rng.standard_normal((1, 40, 40, 64)).astype(np.float32)
    assert "igemm_6x16c2" in direct.explain(x.shape).schedule.kernel
    assert_same_bits(direct(x), layer(x))
    assert layer.scratch_bytes(x, 1) != direct.scratch_bytes(x, 1)


def test_pixels_report_their_streams() -> None:
    """A 1x1 convolution is a fully connected, and counts its bytes."""
    layer = qd8.Conv2D(drawn("gaussian", 64, 64).reshape(64, 1, 1, 64), np.float32(1))
    before = layer.packed.nbytes
    layer(np.ones((1, 5, 5, 64), np.float32))
    assert layer.packed.nbytes > before + 64 * 64
    assert layer.explain((1, 5, 5, 64)).packed_bytes == layer.packed.nbytes


def test_other_tiers_have_no_such_path() -> None:
    """Forcing it there changes nothing."""
    with isa.forced("generic"):
        layer = qd8.FullyConnected(np.ones((4, 4), np.int8), np.float32(1))
    assert "maddubs" not in layer.explain(100).schedule.kernel
    packed = pack(np.ones((4, 4), np.int8), np.ones(4, "f4"), None, isa.TIERS[0])
    assert maddubs.choose(packed, 100, "maddubs", "fast") == (
        packed,
        isa.TIERS[0],
        "",
    )
