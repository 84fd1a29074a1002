"""What two revisions are compared on: calls to time, and answers to hash."""

import hashlib
from collections.abc import Callable, Iterator
from importlib.resources import files
from typing import NamedTuple

import numpy as np

from asv_bench.benchmarks.layers import (
    BY_NAME,
    CONV2D,
    FULLY_CONNECTED,
    operator,
    problem,
)
from asv_bench.benchmarks.models import ZOO, from_zoo

#: Layers also timed in float16 and on two threads: one a kind of schedule.
MORE = (
    "bert_large_projection_256_tokens",
    "resnet50_conv2_expand_56x56",
    "sd_unet_down2_32x32",
    "googlenet_3a_1x1_28x28",
)
DIGITS = {"fp32": "fp32", "qd8-f32": "drq", "qd8-f16": "drq"}


class Case(NamedTuple):
    """operation.subject.dtype.threads; ``timed`` False: its bits alone matter."""

    operation: str
    subject: str
    dtype: str
    threads: int
    timed: bool = True

    @property
    def name(self) -> str:
        return f"{self.operation}.{self.subject}.{self.dtype}.{self.threads}t"


class Ready(NamedTuple):
    """call : what is timed; answers : arrays whose bits are compared."""

    call: Callable[[], object]
    answers: Callable[[], Iterator[np.ndarray]]


def cases() -> list[Case]:
    """Return all cases; their names are unique."""
    found = []
    for operation, layers in (("fully_connected", FULLY_CONNECTED), ("conv2d", CONV2D)):
        for name in (layer.name for layer in layers):
            found.append(Case(operation, name, "float32", 1))
            if name in MORE:
                found.append(Case(operation, name, "float16", 1))
                found.append(Case(operation, name, "float32", 2))
    for dtype in ("float32", "float16"):
        found.append(Case("quantize_rows", "256x1024", dtype, 1))
        found.append(Case("quantize_images", "1x64x64x320", dtype, 1))
        found.append(Case("fully_connected", "edges", dtype, 1, timed=False))
        found.append(Case("conv2d", "edges", dtype, 1, timed=False))
    for precision in DIGITS:
        found.append(Case("model", "digits", precision, 1))
    for name in ZOO:
        for precision in ("fp32", "qd8-f32"):
            found.append(Case("model", name, precision, 1))
    return found


def prepare(case: Case) -> Ready:
    """Make a case ready with the qd8 that this process imports."""
    import qd8

    qd8.set_num_threads(case.threads)
    if case.operation == "model":
        return (_digits if case.subject == "digits" else _zoo)(case)
    if case.operation.startswith("quantize_"):
        shape = tuple(map(int, case.subject.split("x")))
        numbers = np.random.default_rng(8).standard_normal(shape, np.float32)
        x, quantize = numbers.astype(case.dtype), getattr(qd8, case.operation)
        return Ready(lambda: quantize(x), lambda: iter(quantize(x)))
    if case.subject == "edges":
        edges = _products if case.operation == "fully_connected" else _convolutions
        return Ready(lambda: None, lambda: edges(case.dtype))
    data = problem(BY_NAME[case.subject])
    layer, x = operator(data), data.x.astype(case.dtype)
    # steps are the same tile's: an accumulator too small to show in the output does.
    return Ready(lambda: layer(x), lambda: iter((layer(x), layer.steps(x).accumulator)))


def digest(answers: Iterator[np.ndarray]) -> str:
    """Hash of the bits of all arrays, in order."""
    total = hashlib.sha256()
    for array in answers:
        total.update(repr((array.shape, array.dtype.str)).encode())
        total.update(np.ascontiguousarray(array).tobytes())
    return total.hexdigest()


def _zoo(case: Case) -> Ready:
    _, model, inputs = from_zoo(case.subject, case.dtype)

    def answers() -> Iterator[np.ndarray]:
        found = model(*inputs)
        return iter(found.values() if isinstance(found, dict) else [found])

    return Ready(lambda: model(*inputs), answers)


def _digits(case: Case) -> Ready:
    import qd8

    precision = case.dtype
    folder = files("qd8") / "data" / "digits"
    model = qd8.load(
        str(folder / f"digits_{DIGITS[precision]}.tflite"), precision=precision
    )
    data = np.load(str(folder / "digits.npz"))
    images = data["images"][data["held_out"]][:20]
    x = images[:, None, :, :, None].astype(np.float32) / np.float32(16)
    return Ready(lambda: model(x[0]), lambda: (model(image) for image in x))


def _weights(rng, shape):
    values = rng.integers(-128, 128, shape, np.int8)
    n = shape[0]
    scale = rng.uniform(0.001, 0.1, n).astype(np.float32)
    return values, scale, rng.standard_normal(n, np.float32)


def _products(dtype: str) -> Iterator[np.ndarray]:
    """Every number of rows of a register tile, and K and N beside its edges."""
    import qd8

    rng = np.random.default_rng(88)
    for K, N in ((1, 1), (15, 17), (64, 32), (100, 33), (600, 65)):
        layer = qd8.FullyConnected(*_weights(rng, (N, K)), activation="relu6")
        for M in (*range(1, 36), 64, 65):
            x = rng.standard_normal((M, K), np.float32).astype(dtype)
            steps = layer.steps(x)
            yield from (steps.accumulator, steps.output)


def _convolutions(dtype: str) -> Iterator[np.ndarray]:
    """Strides, dilations, groups and paddings on images that no tile divides."""
    import qd8

    rng = np.random.default_rng(888)
    options = (
        {},
        {"stride": (2, 2)},
        {"dilation": (2, 1), "padding": "VALID"},
        {"groups": 2},
        {"padding": ((2, 0), (1, 3)), "activation": "relu"},
    )
    for kernel in ((1, 1), (3, 3), (1, 7), (5, 5)):
        for given in options:
            weights = _weights(rng, (34, *kernel, 18 // given.get("groups", 1)))
            layer = qd8.Conv2D(*weights, **given)
            x = rng.standard_normal((2, 11, 13, 18), np.float32).astype(dtype)
            steps = layer.steps(x)
            yield from (steps.accumulator, steps.output)
