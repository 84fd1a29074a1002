"""Winograd's bits are the reference's: accumulators, outputs, every weight and size."""

import numpy as np
import pytest
import qd8_reference

import qd8
from qd8 import winograd
from qd8.kernels import isa as isa_table
from qd8.kernels import paths
from qd8.kernels.winograd_variants import variant_of
from qd8.winograd import PackedTwice
from tests.checks import assert_same_bits, assert_same_fields
from tests.kernels.winograd_problems import KERNELS, Problem, problems, worst_weights
from tests.problems import ConvProblem

# Of every kind a few; `python -m tests.deep --path winograd` counts thousands.
SEEDS = range(16)

# Kernels, strides, input channels whose worst weights need at least so many blocks.
LARGE_SUMS = [
    ((3, 3), 1, 1280, 12),
    ((5, 5), 1, 1280, 31),
    ((1, 3), 1, 2816, 2),
    ((1, 7), 1, 1280, 2),
    ((7, 1), 1, 1280, 2),
    ((3, 3), 2, 1888, 2),
]


def assert_winograd_is_reference(
    problem: Problem | ConvProblem, path: str = "winograd"
) -> None:
    """Output and steps of a forced path have the reference's bits."""
    with paths.forced(path), qd8.threads(1 + problem.seed % 2):
        layer = qd8.Conv2D(**problem.arguments)
        output, steps = layer(problem.x), layer.steps(problem.x)
    expected = qd8_reference.conv2d_steps(problem.x, **problem.arguments)
    assert isinstance(layer.packed, PackedTwice) == (path == "winograd")
    assert_same_bits(expected.output, output, repr(problem))
    assert_same_fields(expected, steps)


@pytest.mark.parametrize("kind", KERNELS)
@pytest.mark.parametrize("dtype", [np.float32, np.float16], ids=["float32", "float16"])
def test_drawn_problems(isa: str, dtype: type, kind: str) -> None:
    """Kernels, sizes, paddings, dilations, images and weights as they are drawn."""
    for problem in problems(SEEDS, dtype, kind):
        assert_winograd_is_reference(problem)


@pytest.mark.parametrize("kind", KERNELS)
def test_drawn_problems_split_into_many_blocks(
    isa: str, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """A smaller bound to prove cuts the input channels; the sums stay the same."""
    monkeypatch.setattr(winograd, "proof_limit", lambda variant: 1 << 19)
    blocks = set()
    for problem in problems(SEEDS, np.float32, kind):
        blocks.add(len(winograd.proven_ends(problem.weight, 0)))
        assert_winograd_is_reference(problem)
    assert {1, 2, 3} <= blocks


@pytest.mark.parametrize("size", range(1, 14))
def test_every_small_size(isa: str, size: int) -> None:
    """All heights from 1 to 13 against widths below, at and above a tile."""
    rng = np.random.default_rng(size)
    weight = rng.integers(-128, 128, (9, 3, 3, 17)).astype(np.int8)
    for W in (1, 2, 3, 4, 5, 8, 9, 12, 13):
        x = rng.standard_normal((2, size, W, 17)).astype(np.float32)
        assert_winograd_is_reference(Problem(W, x, weight))


@pytest.mark.parametrize("channels", [(1, 1), (15, 7), (16, 8), (17, 9), (31, 15)])
def test_channels_at_the_edges(isa: str, channels: tuple[int, int]) -> None:
    """Chunks of 16 input channels; vectors and panels of 4 to 32 output channels."""
    rng = np.random.default_rng(channels[0])
    for more in (0, 1, 16, 17, 33):
        C, O = channels[0] + more, channels[1] + more
        x = rng.standard_normal((1, 6, 7, C)).astype(np.float32)
        weight = rng.integers(-128, 128, (O, 3, 3, C)).astype(np.int8)
        assert_winograd_is_reference(Problem(more, x, weight))


@pytest.mark.parametrize("images", ["bright", "dark", "alternating"])
@pytest.mark.parametrize(("kernel", "stride", "C", "blocks"), LARGE_SUMS)
def test_worst_weights_of_many_channels(
    isa: str, images: str, kernel: tuple[int, int], stride: int, C: int, blocks: int
) -> None:
    """Sums far beyond the limit are cut into proven blocks and wrap as R13 says."""
    x = np.ones((1, 5, 6, C), np.float32)
    if images == "dark":
        x = -x
    if images == "alternating":
        x[..., ::2] = -1
    problem = Problem(1, x, worst_weights(12, C, kernel), stride=stride)
    assert len(proven(problem)) >= blocks
    assert_winograd_is_reference(problem)


@pytest.mark.parametrize(("kernel", "stride", "C", "blocks"), LARGE_SUMS)
def test_without_the_split_those_weights_would_be_wrong(
    isa: str,
    monkeypatch: pytest.MonkeyPatch,
    kernel: tuple[int, int],
    stride: int,
    C: int,
    blocks: int,
) -> None:
    """The proof is needed: what it refuses does come out wrong."""
    monkeypatch.setattr(winograd, "proof_limit", lambda variant: 1 << 40)
    x = np.ones((1, 9, 9, C), np.float32)
    problem = Problem(1, x, worst_weights(12, C, kernel), stride=stride)
    assert proven(problem) == (-(-C // 16),)
    with pytest.raises(AssertionError, match="elements differ"):
        assert_winograd_is_reference(problem)


def proven(problem: Problem) -> tuple[int, ...]:
    """Where the blocks of input channels end."""
    stride = (problem.stride, problem.stride)
    found = variant_of(problem.weight.shape[1:3], stride, (1, 1))
    assert found is not None
    return winograd.proven_ends(problem.weight, found[0])


def test_tiny_outputs_are_flushed(isa: str) -> None:
    """Scales and biases near 2^-126 leave the shortcut of the epilogue (R2)."""
    rng = np.random.default_rng(5)
    x = (rng.standard_normal((2, 9, 9, 16)) * 2.0**-60).astype(np.float32)
    weight = rng.integers(-3, 4, (20, 3, 3, 16)).astype(np.int8)
    scale = (2.0 ** rng.uniform(-64, -54, 20)).astype(np.float32)
    for spread in (0.0, 2.0**-122, 2.0**-97, 2.0**-80):
        bias = (rng.standard_normal(20) * spread).astype(np.float32)
        problem = Problem(0, x, weight, scale=scale, bias=bias)
        expected = qd8_reference.conv2d(x, **problem.arguments)
        assert (np.abs(expected) < 2.0**-80).any()
        assert_winograd_is_reference(problem)


def test_images_without_a_finite_range_are_nan(isa: str) -> None:
    """R10: all of such an image is NaN, and its neighbours are untouched."""
    rng = np.random.default_rng(6)
    x = rng.standard_normal((3, 6, 6, 16)).astype(np.float32)
    x[1, 2, 3, 4] = np.nan
    x[2, 0, 0, 0] = np.inf
    weight = rng.integers(-128, 128, (5, 3, 3, 16)).astype(np.int8)
    for activation in ("none", "relu6"):
        problem = Problem(0, x, weight, activation=activation)
        with paths.forced("winograd"):
            output = qd8.Conv2D(**problem.arguments)(x)
        assert np.isnan(output[1:]).all()
        assert not np.isnan(output[0]).any()
        assert_winograd_is_reference(problem)


def test_xnnpacks_float16_scale(isa: str) -> None:
    """R16 changes how the image is quantized, before any transform."""
    for problem in problems(range(6), np.float16):
        arguments = problem.arguments | {"f16_scale": "xnnpack"}
        expected = qd8_reference.conv2d_steps(problem.x, **arguments)
        with paths.forced("winograd"):
            assert_same_fields(expected, qd8.Conv2D(**arguments).steps(problem.x))


def test_direct_and_winograd_are_forced(isa: str) -> None:
    """Each path is what explain says it is, also of layers that outlive the block."""
    weight = np.ones((16, 3, 3, 16), np.int8)
    for path in ("direct", "winograd"):
        with paths.forced(path):
            layer = qd8.Conv2D(weight, np.float32(1))
        kernel = layer.explain((1, 8, 8, 16)).schedule.kernel
        assert ("winograd" in kernel) == (path == "winograd")
        assert ("gemm" in kernel) == (path == "direct")
    with pytest.raises(ValueError, match="path is 'fft'"):
        paths.forced("fft").__enter__()


def test_bytes_are_reported_and_small_memory_keeps_direct() -> None:
    """explain counts what will be packed, packed.nbytes what is; "small" adds none."""
    weight = np.ones((64, 3, 3, 64), np.int8)
    x = np.zeros((1, 28, 28, 64), np.float32)
    with isa_table.forced("generic"), qd8.threads(1):
        fast = qd8.Conv2D(weight, np.float32(1))
        with qd8.options(memory="small"):
            small = qd8.Conv2D(weight, np.float32(1))
    before = fast.packed.nbytes
    told = fast.explain(x.shape).packed_bytes
    assert_same_bits(small(x), fast(x))
    assert fast.packed.nbytes == told > before + 8 * weight.size
    assert small.packed.nbytes == before == small.explain(x.shape).packed_bytes


def test_more_threads_than_work(isa: str) -> None:
    """Any split of tiles or panels gives the same bits."""
    problem = next(problems([3], np.float32))
    expected = qd8_reference.conv2d_steps(problem.x, **problem.arguments)
    with paths.forced("winograd"):
        layer = qd8.Conv2D(**problem.arguments)
    for threads in (1, 2, 3, 7, 64):
        with qd8.threads(threads):
            assert_same_fields(expected, layer.steps(problem.x))
