"""THE table of peers: what is compared, and what must be installed for it.

Engines are imported when they are built: what is missing is reported, never skipped
silently, and never needed for the others.
"""

from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec

from asv_bench.benchmarks.layers import Problem
from asv_bench.peers.engine import Engine, Peer


def _from(name: str) -> Callable[[Problem, int], Engine]:
    """``module.function`` of this folder, imported at the first call."""
    module, function = name.split(".")

    def build(data: Problem, threads: int) -> Engine:
        return getattr(import_module(f"asv_bench.peers.{module}"), function)(
            data, threads
        )

    return build


XNNPACK = "XNNPACK"
BOTH = ("int8", "float32")
PEERS = (
    Peer(
        XNNPACK,
        "ai-edge-litert",
        "ai_edge_litert",
        _from("litert.xnnpack"),
        "LiteRT with its default delegate, invoke() alone",
        BOTH,
    ),
    Peer(
        "LiteRT kernels",
        "ai-edge-litert",
        "ai_edge_litert",
        _from("litert.builtin"),
        "LiteRT without delegate, invoke() alone",
        BOTH,
    ),
    Peer(
        "onnxruntime",
        "onnxruntime onnx",
        "onnxruntime onnx",
        _from("onnxruntime_int8.dynamic"),
        "dynamic, per tensor; convolution as ConvInteger",
    ),
    Peer(
        "onnxruntime static",
        "onnxruntime onnx",
        "onnxruntime onnx",
        _from("onnxruntime_int8.static"),
        "QLinearConv: scales known beforehand, output quantized too",
    ),
    Peer(
        "ncnn",
        "ncnn",
        "ncnn",
        _from("ncnn_int8.fastest"),
        "int8 convolution, input scale known beforehand",
    ),
    Peer(
        "ncnn F(2,3)",
        "ncnn",
        "ncnn",
        _from("ncnn_int8.exact"),
        "the same, F(4,3) switched off: exact",
    ),
    Peer(
        "OpenVINO",
        "openvino",
        "openvino",
        _from("openvino_int8.convolution"),
        "int8 convolution, input scale known beforehand",
    ),
    Peer(
        "NumPy sgemm",
        "numpy",
        "numpy",
        _from("sgemm.sgemm"),
        "float32 product alone; a convolution's patches laid out beforehand",
        BOTH,
    ),
)


def available() -> tuple[list[Peer], list[str]]:
    """Return the peers that can run here, and a line for each that cannot."""
    here, missing = [], []
    for peer in PEERS:
        absent = [name for name in peer.module.split() if find_spec(name) is None]
        if absent:
            missing.append(f"{peer.name} is missing: pip install {peer.package}")
        else:
            here.append(peer)
    return here, missing
