"""What runs a whole model: qd8, LiteRT with and without XNNPACK, OpenVINO."""

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from asv_bench.benchmarks.litert import quiet
from qd8.graph.smooth import smooth_noise

Array = npt.NDArray[Any]


class Loaded(NamedTuple):
    """A model that is loaded.

    set_inputs : makes its inputs and sets them; before the first call
    invoke : runs it; this is what is timed
    outputs : copies of its last results, in the file's order and in real units
    """

    set_inputs: Callable[[], None]
    invoke: Callable[[], object]
    outputs: Callable[[], list[Array]]


class Engine(NamedTuple):
    """One line of a table.

    name : as in the tables
    kind : of the file it is given, see `files.Files`
    module : what must be installed
    load : (path, threads) -> Loaded
    """

    name: str
    kind: str
    module: str
    load: Callable[[Path, int], Loaded]


def ours(precision: str, memory: str = "fast") -> Callable[[Path, int], Loaded]:
    """qd8: the whole Python call, inputs copied in, outputs the caller's to keep."""

    def load(path: Path, threads: int) -> Loaded:
        import qd8

        qd8.set_num_threads(threads)
        model = qd8.load(path, precision=precision, memory=memory)
        inputs: list[Array] = []
        last: list[Any] = [None]

        def set_inputs() -> None:
            inputs[:] = [smooth_noise(each.shape, each.dtype) for each in model.inputs]

        def invoke() -> None:
            last[0] = model(*inputs)

        def outputs() -> list[Array]:
            return [*last[0].values()] if isinstance(last[0], dict) else [last[0]]

        return Loaded(set_inputs, invoke, outputs)

    return load


def litert(delegate: bool) -> Callable[[Path, int], Loaded]:
    """LiteRT: `invoke` alone, inputs set once; None of XNNPACK if no delegate."""

    def load(path: Path, threads: int) -> Loaded:
        from ai_edge_litert.interpreter import Interpreter, OpResolverType

        none = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
        with quiet():
            interpreter = Interpreter(
                model_path=str(path),
                num_threads=threads,
                experimental_op_resolver_type=OpResolverType.AUTO if delegate else none,
            )
            interpreter.allocate_tensors()

        def set_inputs() -> None:
            for detail in interpreter.get_input_details():
                x = smooth_noise(tuple(detail["shape"]), np.float32)
                if detail["dtype"] is np.int8:
                    scale, zero = detail["quantization"]
                    x = np.clip(np.rint(x / scale) + zero, -128, 127)
                interpreter.set_tensor(detail["index"], x.astype(detail["dtype"]))

        made = [detail["index"] for detail in interpreter.get_output_details()]
        return Loaded(
            set_inputs,
            interpreter.invoke,
            lambda: in_real_units(path, [interpreter.get_tensor(i) for i in made]),
        )

    return load


def openvino(path: Path, threads: int) -> Loaded:
    """`InferRequest.infer` alone, inputs set once."""
    import openvino as ov

    settings = {
        "INFERENCE_NUM_THREADS": threads,
        "NUM_STREAMS": 1,
        "PERFORMANCE_HINT": "LATENCY",
        "ENABLE_CPU_PINNING": False,
        "INFERENCE_PRECISION_HINT": "f32",
    }
    core = ov.Core()
    compiled = core.compile_model(core.read_model(path), "CPU", settings)
    request = compiled.create_infer_request()

    def set_inputs() -> None:
        for i, port in enumerate(compiled.inputs):
            x = smooth_noise(tuple(port.shape), np.float32)
            dtype = port.element_type.to_dtype()
            if dtype == np.int8:
                x = np.rint(127 * x)
            request.set_input_tensor(i, ov.Tensor(x.astype(dtype)))

    outputs = range(len(compiled.outputs))
    return Loaded(
        set_inputs,
        request.infer,
        lambda: in_real_units(
            path, [request.get_output_tensor(i).data.copy() for i in outputs]
        ),
    )


def in_real_units(path: Path, answers: list[Array]) -> list[Array]:
    """Return what a file's outputs stand for: those of int8 as float32."""
    # Not before it is asked for: a peer's peak of memory is taken without qd8.
    from qd8 import tflite
    from qd8.zoo.affine import Affine

    graph = tflite.read(path).main
    found = []
    for i, x in zip(graph.outputs, answers, strict=True):
        said = graph.tensors[i].quantization
        if x.dtype == np.int8 and said is not None:
            x = Affine(said.scale[0], int(said.zero_point[0])).dequantize(x)
        found.append(x)
    return found


QD8_FP32, QD8, QD8_F16, SMALL = "qd8 FP32", "qd8 QD8-F32", "qd8 QD8-F16", "qd8 small"
LITERT_FP32, LITERT, LITERT_X = "LiteRT FP32", "LiteRT QD8", "LiteRT QD8 dw-float"
BUILTIN, LITERT_QS8, OPENVINO = "TFLite DQ kernels", "LiteRT QS8", "OpenVINO int8"

#: LiteRT with XNNPACK on each kind of file.
LITERT_ON = {
    "drq": LITERT,
    "drqx": LITERT_X,
    "fp32": LITERT_FP32,
    "int8": LITERT_QS8,
}
#: What runs, in the order in which they take turns.
ENGINES = (
    Engine(QD8, "drq", "qd8", ours("qd8-f32")),
    Engine(LITERT, "drq", "ai_edge_litert", litert(True)),
    Engine(LITERT_X, "drqx", "ai_edge_litert", litert(True)),
    Engine(QD8_F16, "drq", "qd8", ours("qd8-f16")),
    Engine(QD8_FP32, "fp32", "qd8", ours("fp32")),
    Engine(LITERT_FP32, "fp32", "ai_edge_litert", litert(True)),
    Engine(LITERT_QS8, "int8", "ai_edge_litert", litert(True)),
    Engine(OPENVINO, "int8", "openvino", openvino),
    Engine(BUILTIN, "drq", "ai_edge_litert", litert(False)),
    Engine(SMALL, "drq", "qd8", ours("qd8-f32", "small")),
)
BY_NAME = {engine.name: engine for engine in ENGINES}


def available() -> tuple[list[Engine], list[str]]:
    """Return the engines that can run here, and a line for each that cannot."""
    here = [each for each in ENGINES if find_spec(each.module)]
    missing = [
        f"{each.name} is missing: pip install {each.module.replace('_', '-')}"
        for each in ENGINES
        if each not in here
    ]
    return here, missing
