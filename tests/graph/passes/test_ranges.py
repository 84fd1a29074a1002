"""Ranges found by who makes an image: the bits, and who must not be asked for one."""

from importlib import import_module

import numpy as np
import pytest

import qd8
from qd8.kernels import paths
from tests.graph.fusing import assert_fused_bits, assert_nothing_lost
from tests.graph.passes.test_bands import C, H, Images, W
from tests.tflite.small import VALID, normal


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    """Let small tensors be large, and bands a few rows."""
    for name in ("ranges", "bands"):
        module = import_module(f"qd8.graph.passes.{name}")
        monkeypatch.setattr(module, "LARGE", 1)
    monkeypatch.setattr(import_module("qd8.graph.bands"), "ROOM", 16 << 10)


class Gated(Images):
    """Images with what becomes a tail."""

    def swish(self):
        """Multiply by the logistic function."""
        shape = (1, *self.size, self.channels)
        gate = self.add("LOGISTIC", [self.last], shape)
        self.last = self.add("MUL", [self.last, gate], shape)
        return self


def residual():
    """A convolution with a tail of two operands between two others."""
    net = Gated()
    first = net.conv(24, 3).last
    return net.conv(24, 3).swish().plus(first).conv(8, 3)


# A net, and how many of its nodes find a range.
NETS = {
    "convolutions": (lambda: Images().conv(33, 3).conv(16, 3, 2).conv(7, 3), 2),
    "pixels": (lambda: Images().conv(33, 1).conv(16, 3), 1),
    "float": (lambda: Gated().conv(7, 3, quantized=False).swish().conv(8, 3), 1),
    "residual": (residual, 2),
    "bands": (lambda: Images().conv(40, 3).pool("MAX", 3, 2, VALID).conv(8, 3), 0),
    "bands of pixels": (
        lambda: Images().conv(24, 3).pool("MAX", 3).conv(9, 1).conv(8, 3).depthwise(3),
        1,
    ),
    "depthwise": (lambda: Images().depthwise(3).conv(8, 3), 1),
}


def images(shape):
    """Ordinary, then of the least range, of one sign, and with what is not finite."""
    ordinary = normal(*shape)
    tiny = np.zeros(shape, np.float32)
    tiny[0, 3, 2, 1] = 1e-30
    yield from (100 * ordinary, tiny, -abs(ordinary))
    for bad in (np.nan, np.inf, -np.inf):
        x = ordinary.copy()
        x[0, 5, 3, 2] = bad
        yield x
    yield ordinary


@pytest.mark.parametrize("path", ["direct", "winograd"])
@pytest.mark.parametrize("precision", ["qd8-f32", "qd8-f16"])
@pytest.mark.parametrize("name", NETS)
def test_bits_are_the_reference_s(isa, precision, name, path):
    """Image after image: nothing is kept of the one before."""
    make, count = NETS[name]
    net = make()
    with paths.forced(path):
        model = qd8.load(net.finish(net.last), precision=precision)
    assert sum(node.ranged for node in model.fused_graph.nodes) == count
    assert_nothing_lost(model)
    (x_,) = model.inputs
    for x in images(x_.shape):
        assert_fused_bits(model, {x_.name: x})


def test_one_thread_reads_no_image_twice():
    """Its range is there when it is quantized; several threads find it as before."""
    net = Images().conv(33, 3).conv(16, 3).conv(16, 3)
    model = qd8.load(net.finish(net.last))
    x = normal(1, H, W, C)
    found = {}
    for threads in (1, 2):
        with qd8.threads(threads):
            model(x)
            rows = model.profile(runs=1)
        found[threads] = [
            (step.startswith("range_end"), step.startswith("image_ranges"))
            for row in rows
            for step in row.steps
        ]
    ends, reads = np.sum(found[1], 0)
    assert (ends, reads) == (2, 1)  # the input of the model is nobody's output
    assert np.sum(found[2], 0)[0] == 0


def test_who_is_not_asked():
    """Pixels find their own; a view, several images and a slice have no one maker."""
    pixels = Images().conv(16, 3).conv(8, 1)
    several = Images()
    several.last = several.input(2, H, W, C)
    two = several.add("RELU", [several.last], (2, H, W, C))
    for content in (pixels.finish(pixels.last), several.finish(two)):
        model = qd8.load(content, passes=["ranges"])
        assert not any(node.ranged for node in model.fused_graph.nodes)


def test_small_tensors_stay(monkeypatch):
    """What the second-level cache holds is read from there."""
    module = import_module("qd8.graph.passes.ranges")
    for limit, count in ((4 * H * W * 33, 1), (4 * H * W * 33 + 1, 0)):
        monkeypatch.setattr(module, "LARGE", limit)
        net = Images().conv(33, 3).conv(16, 3)
        nodes = qd8.load(net.finish(net.last)).fused_graph.nodes
        assert sum(node.ranged for node in nodes) == count
