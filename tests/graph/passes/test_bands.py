"""Chains of convolutions and pools in bands of rows: the bits, and what is cut."""

from importlib import import_module

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import qd8
from qd8.graph.band_rows import Rows, bands_within, cut, held_rows
from qd8.kernels import paths
from qd8.validation import run_reference
from tests.checks import assert_same_bits
from tests.graph.fusing import assert_fused_bits, assert_nothing_lost
from tests.tflite.net import Net
from tests.tflite.small import RELU6, SAME, VALID, int8, normal, scales
from tests.tflite.write import T

H, W, C = 23, 11, 16


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    """Let small tensors be large, and the buffers hold a few rows of them."""
    monkeypatch.setattr(import_module("qd8.graph.passes.bands"), "LARGE", 1)
    monkeypatch.setattr(import_module("qd8.graph.bands"), "ROOM", 16 << 10)


def extent(n, kernel, stride, padding):
    """R17."""
    return -(-n // stride) if padding == SAME else (n - kernel) // stride + 1


class Images(Net):
    """A net of images of one height and width after the other."""

    def __init__(self, *size):
        super().__init__()
        self.size = size or (H, W)
        self.last = self.input(1, *self.size, C)
        self.channels = C

    def _add(self, op, inputs, outputs, kernel, stride, padding, **options):
        self.size = tuple(extent(n, kernel, stride, padding) for n in self.size)
        self.channels = outputs
        options |= {"StrideH": stride, "StrideW": stride, "Padding": padding}
        self.last = self.add(
            op, [self.last, *inputs], (1, *self.size, outputs), **options
        )
        return self

    def conv(self, outputs, kernel, stride=1, padding=SAME, *, quantized=True):
        """Add a convolution with bias."""
        shape = (outputs, kernel, kernel, self.channels)
        weight = T(shape, "INT8", int8(*shape, seed=outputs), scales(outputs))
        if not quantized:
            weight = T(shape, data=normal(*shape, seed=outputs))
        inputs = self.tensor(weight), normal(outputs, seed=1)
        return self._add("CONV_2D", inputs, outputs, kernel, stride, padding)

    def depthwise(self, kernel, stride=1, padding=SAME):
        """Add a depthwise convolution with bias and a clamp."""
        inputs = normal(1, kernel, kernel, self.channels), normal(self.channels)
        options = {"FusedActivationFunction": RELU6, "DepthMultiplier": 1}
        name, outputs = "DEPTHWISE_CONV_2D", self.channels
        return self._add(name, inputs, outputs, kernel, stride, padding, **options)

    def pool(self, kind, kernel, stride=1, padding=SAME):
        """Add a pool."""
        options = {"FilterHeight": kernel, "FilterWidth": kernel}
        name, outputs = f"{kind}_POOL_2D", self.channels
        return self._add(name, [], outputs, kernel, stride, padding, **options)

    def plus(self, other):
        """Add another tensor of the same shape."""
        shape = (1, *self.size, self.channels)
        self.last = self.add("ADD", [self.last, other], shape)
        return self


def residual():
    """Expand, depthwise, project, and what went in."""
    net = Images()
    first = net.conv(24, 1).last
    return net.conv(40, 1).depthwise(3).conv(24, 1).plus(first)


NETS = {
    "pool after 3x3": (lambda: Images().conv(40, 3).pool("MAX", 3, 2, VALID), [2]),
    "stride 2": (lambda: Images().conv(33, 3, 2).depthwise(5, 2).conv(7, 1), [3]),
    "valid": (lambda: Images().conv(16, 3, 1, VALID).pool("AVERAGE", 3, 1, VALID), [2]),
    "mean before 1x1": (lambda: Images().pool("AVERAGE", 3).conv(40, 1), [2]),
    "residual": (residual, [3]),
    "light float": (
        lambda: Images().conv(8, 1, quantized=False).depthwise(3).conv(16, 1),
        [3],
    ),
    "two of images": (
        lambda: Images().conv(8, 3).pool("MAX", 2, 2).conv(24, 3).depthwise(3),
        [2, 2],
    ),
    "gaps": (lambda: Images().conv(8, 3).pool("MAX", 1, 3).conv(24, 1), [3]),
}


@pytest.mark.parametrize("path", ["direct", "winograd"])
@pytest.mark.parametrize("precision", ["qd8-f32", "qd8-f16"])
@pytest.mark.parametrize("name", NETS)
def test_bits_are_the_reference_s(isa, precision, name, path):
    """Borders, strides, rows of two bands, tails, an image that is not finite."""
    make, chains = NETS[name]
    net = make()
    with paths.forced(path):
        model = qd8.load(net.finish(net.last), precision=precision)
    found = [len(node.stages) for node in model.fused_graph.nodes if node.stages]
    assert found == chains
    assert_nothing_lost(model)
    (x_,) = model.inputs
    for bad in (False, True):
        x = normal(*x_.shape)
        if bad:
            x[0, 5, 3, 2] = np.nan
        assert_fused_bits(model, {x_.name: x}, threads=(1, 3))


def test_what_stays_as_it_is():
    """Another reader, an output of the net, several images, a later range."""
    net = Images()
    middle = net.conv(16, 3).last
    net.pool("MAX", 3, 2)
    both = net.finish(middle, net.last)
    net = Images()
    net.conv(16, 3).conv(16, 3).conv(16, 3, 2)
    ranges = net.finish(net.last)
    for content in (both, ranges):
        nodes = qd8.load(content).fused_graph.nodes
        assert not any(node.stages for node in nodes)
    net = Images()
    model = qd8.load(net.conv(16, 3).pool("MAX", 3, 2).finish(net.last))
    assert any(node.stages for node in model.fused_graph.nodes)


def test_equal_bands_share_the_calls_between_buffers():
    """Only what reads or writes the whole image is bound for each band."""
    net = Images(64, 11)
    net.conv(32, 1).depthwise(3).conv(16, 1)
    model = qd8.load(net.finish(net.last))
    x = normal(*model.inputs[0].shape)
    with qd8.threads(1):
        y = model(x)
    (context,) = model._plan._pool
    (calls,) = context.bound[1].calls
    kinds = {call.address for call in calls}
    bands = sum(call.address == calls[0].address for call in calls) // 2
    assert bands > 6
    assert len({id(call) for call in calls}) < 2 * bands + 4 * (len(kinds) - 1)
    assert_same_bits(*run_reference(model, {model.inputs[0].name: x}).values(), y)


def test_profile_names_the_stages():
    """One row, with its operators and their products."""
    net = Images()
    model = qd8.load(net.conv(16, 3).pool("MAX", 3, 2).finish(net.last))
    (row,) = model.profile(runs=1)
    assert (row.op, row.fused) == ("BANDS", ("CONV_2D", "MAX_POOL_2D"))
    assert row.macs == H * W * 16 * 9 * C


rows_of = st.tuples(st.integers(1, 5), st.integers(1, 3), st.booleans())


@given(
    st.lists(rows_of, min_size=2, max_size=5),
    st.integers(1, 60),
    st.integers(1, 20),
    st.integers(0, 2),
)
@example([(1, 1, False), (1, 1, False), (3, 1, True)], 3, 1, 0)
def test_every_row_is_there_when_it_is_read(windows, size, height, part):
    """Held rows are what they should be, wherever a thread's rows begin."""
    stages, outputs = [], size
    for kernel, stride, same in windows:
        made = -(-outputs // stride) if same else (outputs - kernel) // stride + 1
        if made < 1:
            break
        total = max((made - 1) * stride + kernel - outputs, 0) if same else 0
        stages.append(Rows(kernel, stride, total // 2, outputs))
        outputs = made
    if len(stages) < 2:
        return
    begin = outputs * part // 3
    bands = cut(stages, begin, outputs, height)
    room = held_rows(bands)
    buffers = [np.full(n, -1) for n in room]
    written = []
    for band in bands:
        for i, (piece, rows) in enumerate(zip(band, stages, strict=True)):
            if piece.kept:
                assert piece.kept <= piece.held  # no row is moved onto another
                moved = buffers[i][piece.held : piece.held + piece.kept].copy()
                buffers[i][: piece.kept] = moved
            if piece.first == piece.last:
                continue
            low, high = piece.read
            tops = range(piece.first, piece.last)
            needed = {
                t * rows.stride - rows.top + k for t in tops for k in range(rows.kernel)
            }
            assert {n for n in needed if 0 <= n < rows.inputs} <= {*range(low, high)}
            assert piece.padding == (
                sum(n < 0 for n in needed), sum(n >= rows.inputs for n in needed)
            )  # fmt: skip
            if i:
                base = band[i - 1].base
                assert list(buffers[i - 1][low - base : high - base]) == [
                    *range(low, high)
                ]
            if i < len(stages) - 1:
                at = slice(piece.first - piece.base, piece.last - piece.base)
                buffers[i][at] = tops
            else:
                written += tops
    assert written == [*range(begin, outputs)]


def test_fewest_bands_that_fit():
    """One where all fits, more with less room, two rows at least."""
    stages = [Rows(1, 1, 0, 32), Rows(3, 1, 1, 32)]
    whole = bands_within(stages, 0, 32, [100], 3200)
    assert [len(whole), held_rows(whole)] == [1, [32]]
    some = bands_within(stages, 0, 32, [100], 1100)
    assert [len(some), held_rows(some)] == [4, [10]]
    least = bands_within(stages, 0, 32, [100], 1)
    assert [len(least), held_rows(least)] == [16, [4]]
