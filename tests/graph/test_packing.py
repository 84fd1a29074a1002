"""Panels are filled together, before anybody can read them."""

import threading

import numpy as np
import pytest

import qd8
from qd8 import tflite, zoo
from qd8.graph.build import build
from qd8.graph.packing import Packing
from qd8.graph.precision import apply_precision
from qd8.kernels import launch
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


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_layers_before_an_error_are_filled(isa: str, error: type) -> None:
    """They may be remembered, so an interrupt leaves none of them empty."""
    alone, made = qd8.FullyConnected(WEIGHT, SCALE), []

    def packs() -> None:
        with together():
            made.append(qd8.FullyConnected(WEIGHT, SCALE))
            raise error("now")

    with pytest.raises(error, match="now"):
        packs()
    assert_same_bits(alone.packed.panels, made[0].packed.panels)


def test_an_interrupted_fill_is_done_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing that waits is forgotten before it is filled."""
    alone, made, run = qd8.FullyConnected(WEIGHT, SCALE), [], launch.run

    def interrupted(calls: list[launch.Call]) -> None:
        monkeypatch.setattr(launch, "run", run)
        raise KeyboardInterrupt

    def packs() -> None:
        with together() as waiting:
            made.append(qd8.FullyConnected(WEIGHT, SCALE))
            monkeypatch.setattr(launch, "run", interrupted)
            waiting.fill()

    with pytest.raises(KeyboardInterrupt):
        packs()
    assert_same_bits(alone.packed.panels, made[0].packed.panels)


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
