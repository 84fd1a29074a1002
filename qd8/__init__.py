"""qd8: dynamically quantized neural networks with one answer everywhere.

int8 weights prepared beforehand, activations quantized to int8 row by row while the
model runs, int32 accumulation, float32 or float16 results: XNNPACK's dynamic range
quantization, bit for bit, on every CPU, for any number of threads and any batch. The
definition is the package ``qd8_reference``; docs/numerics.md states its rules.

Names are imported when first used, so ``import qd8`` is cheap and compiles nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING

__version__ = "0.1.0"
#: Travels with every saved result; changes with any rule of docs/numerics.md (C5).
NUMERICS_VERSION = 2

if TYPE_CHECKING:
    from qd8 import zoo
    from qd8.conv2d import Conv2D
    from qd8.doctor import show_versions
    from qd8.fully_connected import FullyConnected, Steps
    from qd8.graph.inspect import inspect
    from qd8.graph.load import load
    from qd8.graph.model import Model
    from qd8.graph.save import save
    from qd8.quantize import (
        QuantizedRows,
        QuantizedWeights,
        quantize_images,
        quantize_rows,
        quantize_weights,
    )
    from qd8.settings import get_num_threads, options, set_num_threads, threads
    from qd8.warming import warmup

_HOMES = {
    "Conv2D": "qd8.conv2d",
    "FullyConnected": "qd8.fully_connected",
    "Model": "qd8.graph.model",
    "QuantizedRows": "qd8.quantize",
    "QuantizedWeights": "qd8.quantize",
    "Steps": "qd8.fully_connected",
    "get_num_threads": "qd8.settings",
    "inspect": "qd8.graph.inspect",
    "load": "qd8.graph.load",
    "options": "qd8.settings",
    "quantize_images": "qd8.quantize",
    "quantize_rows": "qd8.quantize",
    "quantize_weights": "qd8.quantize",
    "save": "qd8.graph.save",
    "set_num_threads": "qd8.settings",
    "show_versions": "qd8.doctor",
    "threads": "qd8.settings",
    "warmup": "qd8.warming",
}
_ROOMS = ("zoo",)

__all__ = [
    "NUMERICS_VERSION",
    "Conv2D",
    "FullyConnected",
    "Model",
    "QuantizedRows",
    "QuantizedWeights",
    "Steps",
    "get_num_threads",
    "inspect",
    "load",
    "options",
    "quantize_images",
    "quantize_rows",
    "quantize_weights",
    "save",
    "set_num_threads",
    "show_versions",
    "threads",
    "warmup",
    "zoo",
]


def __getattr__(name: str) -> object:
    if name in _HOMES:
        value = getattr(import_module(_HOMES[name]), name)
        globals()[name] = value
        return value
    if name in _ROOMS:
        return import_module(f"qd8.{name}")
    raise AttributeError(f"module 'qd8' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES, *_ROOMS])
