"""Panels are filled together, before anybody can read them."""

import threading

import numpy as np
import pytest

import qd8
from qd8 import tflite, zoo
from qd8.graph.build import build
from qd8.graph.packing import Packing
from qd8.graph.precision import apply_precision
from qd8.pack import Waiting, together
from tests.checks import assert_same_bits
from tests.zoo.small import SMALL

WEIGHT = np.arange(-120, 120, dtype=np.int8).reshape(40, 6)
SCALE = np.linspace(0.1, 0.2, 40, dtype=np.float32)


@pytest.mark.parametrize("threads", [1, 2])
def test_waiting_layers_hold_their_weights(isa: str, threads: int) -> None:
    """Layers that waited are those that did not, also where tasks share the panels."""
    bias = np.linspace(-1, 1, 40, dtype=np.float32)
    alone = qd8.FullyConnected(WEIGHT, SCALE, bias)
    with qd8.threads(threads), together() as waiting:
        first = qd8.FullyConnected(WEIGHT, SCALE, bias)
        waiting.fill()
        assert_same_bits(alone.packed.panels, first.packed.panels)
        # Their arguments may be gone when the panels are filled.
        second = qd8.FullyConnected(WEIGHT.copy(), SCALE.copy(), bias.copy())
    assert_same_bits(alone.packed.panels, second.packed.panels)


def test_what_failed_is_not_filled(monkeypatch: pytest.MonkeyPatch) -> None:
    """An error within the block is the error that is raised."""
    filled: list[Waiting] = []
    monkeypatch.setattr(Waiting, "fill", filled.append)
    with pytest.raises(ValueError, match="weight_scale"), together():
        qd8.FullyConnected(WEIGHT, -SCALE)
    assert filled == []


def test_nobody_finds_panels_that_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second thread that packs the same file waits until the first has filled."""
    content = zoo.build("inception_v3", weights="int8", **SMALL["inception_v3"])
    file = tflite.read(content)
    graph, _ = apply_precision(build(file), None)
    packing, found, fill = Packing(file, "fast"), [], Waiting.fill
    other = threading.Thread(target=lambda: found.append(packing.pack(graph)))

    def slow(waiting: Waiting) -> None:
        if not other.ident:
            other.start()
            other.join(0.1)
            assert not found
        fill(waiting)

    monkeypatch.setattr(Waiting, "fill", slow)
    mine = packing.pack(graph)
    other.join()
    assert [each.layer for each in found[0]] == [each.layer for each in mine]
