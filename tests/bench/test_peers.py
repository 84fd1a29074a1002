"""Every peer computes the layer that qd8 does, and the report says what happened."""

import math

import pytest

from asv_bench.benchmarks.layers import (
    FULLY_CONNECTED,
    ConvLayer,
    DepthwiseLayer,
    FullyConnectedLayer,
    operator,
    problem,
)
from asv_bench.peers import report, table, truth
from asv_bench.peers.engine import Unsupported
from asv_bench.peers.measure import Measured
from asv_bench.peers.qd8_float32 import operator as float32


def test_missing_peer_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is not installed is named with what pip calls it, once for each engine."""
    found = table.find_spec
    monkeypatch.setattr(
        table, "find_spec", lambda name: None if name == "ncnn" else found(name)
    )
    here, missing = table.available()
    assert "ncnn is missing: pip install ncnn" in missing
    assert "ncnn F(2,3) is missing: pip install ncnn" in missing
    assert "ncnn" not in [peer.name for peer in here]
    assert "NumPy sgemm" in [peer.name for peer in here]
    assert len(here) + len(missing) == len(table.PEERS)


SMALL = (
    FullyConnectedLayer("small", 7, 50, 33),
    ConvLayer("small_3x3", 11, 16, 24),
    ConvLayer("small_stride_2", 11, 16, 24, stride=2),
    ConvLayer("small_dilated", 12, 16, 24, dilation=2),
    ConvLayer("small_1x7", 9, 16, 24, kernel=(1, 7)),
    ConvLayer("small_1x1", 9, 16, 24, kernel=(1, 1)),
)


FLOAT = (
    FullyConnectedLayer("small_float32", 7, 50, 33, "float32"),
    ConvLayer("small_float32_3x3", 11, 16, 24, precision="float32"),
    ConvLayer("small_float32_stride_2", 11, 16, 24, stride=2, precision="float32"),
    DepthwiseLayer("small_float32_depthwise", 11, 20),
    DepthwiseLayer("small_float32_depthwise_stride_2", 12, 20, (5, 5), 2),
)


@pytest.mark.parametrize("layer", FLOAT, ids=lambda layer: layer.name)
@pytest.mark.parametrize(
    "peer",
    [peer for peer in table.PEERS if "float32" in peer.precisions],
    ids=lambda peer: peer.name,
)
def test_peer_computes_the_float32_layer(
    peer: table.Peer, layer: FullyConnectedLayer | ConvLayer | DepthwiseLayer
) -> None:
    """Every engine and qd8 are as near to float64 as sums of float32 are."""
    if peer not in table.available()[0]:
        pytest.skip(f"pip install {peer.package}")
    data = problem(layer)
    if peer.name == "NumPy sgemm" and isinstance(layer, DepthwiseLayer):
        with pytest.raises(Unsupported, match="no matrix product"):
            peer.build(data, 1)
        return
    engine = peer.build(data, 1)
    engine.invoke()
    exact, ours = truth.in_float64(data), float32(data, 1)(data.x)
    assert truth.sqnr(exact, engine.output()) > 120
    assert truth.sqnr(exact, ours) > 120
    assert exact.shape == ours.shape == engine.output().shape


CONVOLUTION_ONLY = ("onnxruntime static", "ncnn", "ncnn F(2,3)", "OpenVINO")


def has(peer: str, layer: FullyConnectedLayer | ConvLayer) -> bool:
    """Whether an engine has such an operator."""
    if isinstance(layer, FullyConnectedLayer):
        return peer not in CONVOLUTION_ONLY
    winograd = (layer.kernel, layer.stride, layer.dilation) == ((3, 3), 1, 1)
    return winograd or peer != "ncnn F(2,3)"


@pytest.mark.parametrize("layer", SMALL, ids=lambda layer: layer.name)
@pytest.mark.parametrize("peer", table.PEERS, ids=lambda peer: peer.name)
def test_peer_computes_the_layer(
    peer: table.Peer, layer: FullyConnectedLayer | ConvLayer
) -> None:
    """Every engine computes the layer that qd8 does: it is not a crippled peer."""
    if peer not in table.available()[0]:
        pytest.skip(f"pip install {peer.package}")
    data = problem(layer)
    if not has(peer.name, layer):
        with pytest.raises(Unsupported, match=r"\w"):
            peer.build(data, 1)
        return
    engine = peer.build(data, 1)
    engine.invoke()
    exact = truth.in_float64(data)
    assert truth.sqnr(exact, engine.output()) > 30
    assert truth.sqnr(exact, operator(data)(data.x)) > 35


def rows(unequal: int = 0) -> list[Measured]:
    """qd8 and two peers on two layers, one of which fails in one peer."""
    found = []
    for layer in FULLY_CONNECTED[:2]:
        about = (layer.name, layer.shape, layer.macs, 1, "avx2")
        quality = {"sqnr_db": 40.0, "unequal": unequal}
        found.append(Measured(*about, "qd8", 1e-3, 2e-3, 2e-3, **quality))
        found.append(
            Measured(*about, "XNNPACK", 2e-3, 3e-3, 2e-3, ratio=1.5, sqnr_db=40.0)
        )
    found.append(Measured(*about, "onnxruntime", failure="RuntimeError: no"))
    return found


def test_report_has_a_line_for_each_layer() -> None:
    """Ratios, their geometric mean, the share of the limit, and what failed."""
    limits = {("avx2", 1, "int8"): 100.0}
    (shown,) = report.tables(rows(), limits, "as on Haswell")
    text = repr(shown)
    assert "as on Haswell" in text
    assert len(shown) == 3
    assert text.count("1.50 (40.0)") == 2
    assert "failed" in text
    best = FULLY_CONNECTED[0].macs / 1e-3 / 1e9
    assert shown[0].share == pytest.approx(best / 100, rel=1e-12)
    assert report.failures(rows()) == [
        "onnxruntime on bert_base_ffn_128_tokens, 1 thread(s): RuntimeError: no"
    ]
    assert math.isclose(report.geometric_mean([2.0, 8.0]), 4.0)


def test_report_names_what_must_not_be() -> None:
    """Other bits than XNNPACK's, and an empty report, are problems."""
    assert report.problems(rows()) == []
    assert "3 elements have other bits" in report.problems(rows(unequal=3))[0]
    assert report.problems([]) == ["nothing was measured"]
