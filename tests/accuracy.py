"""`python -m tests.accuracy MODEL ...`: whole files beside LiteRT, in dB.

Over sixteen smooth inputs, powers summed. A float file: SQNR of LiteRT's outputs to
ours in fp32. A dynamic-range file: each engine against the same file with its weights
dequantized. Exits non-zero where a float file is below 80 dB, qd8-f32 more than 0.5 dB
below LiteRT, or qd8-f16 more than 1 dB below qd8-f32.
"""

import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from ai_edge_litert.interpreter import Interpreter

import qd8

Array = npt.NDArray[Any]
INPUTS = 16
KNOTS = 9  # of the smooth images, along each side


def smooth(shape: tuple[int, ...], seed: int) -> Array:
    """An image of low-frequency noise in [-1, 1]; ordinary noise of other ranks."""
    rng = np.random.default_rng(seed)
    if len(shape) != 4:
        return rng.normal(size=shape).astype(np.float32)
    images, H, W, C = shape
    x: Array = rng.normal(size=(images, KNOTS, KNOTS, C))
    for axis, size in ((1, H), (2, W)):
        at = np.linspace(0, KNOTS - 1.001, size)
        low = at.astype(int)
        part = (at - low).reshape([-1 if i == axis else 1 for i in range(4)])
        x = x.take(low, axis) * (1 - part) + x.take(low + 1, axis) * part
    return np.clip(x / 2, -1, 1).astype(np.float32)


def ours(path: str, precision: str, inputs: Sequence[dict[str, Array]]) -> list[Array]:
    """First outputs of qd8 in a precision."""
    model = qd8.load(path, precision=precision)
    return [next(iter(model.run(each).values())) for each in inputs]


def litert(path: str, inputs: Sequence[dict[str, Array]]) -> list[Array]:
    """First outputs of LiteRT with XNNPACK."""
    interpreter = Interpreter(path)
    interpreter.allocate_tensors()
    (key,) = interpreter.get_signature_list() or (None,)
    runner = interpreter.get_signature_runner(key) if key else None
    found = []
    for each in inputs:
        if runner is not None:
            found.append(next(iter(runner(**each).values())))
            continue
        for detail in interpreter.get_input_details():
            interpreter.set_tensor(detail["index"], each[detail["name"]])
        interpreter.invoke()
        index = interpreter.get_output_details()[0]["index"]
        found.append(interpreter.get_tensor(index))
    return found


def sqnr(truth: Sequence[Array], found: Sequence[Array]) -> float:
    """Signal to noise in dB, powers summed over all inputs."""
    signal = sum(float(np.square(t, dtype=np.float64).sum()) for t in truth)
    noise = sum(
        float(np.square(t.astype(np.float64) - f).sum())
        for t, f in zip(truth, found, strict=True)
    )
    return 10 * float(np.log10(signal / noise))


def report(path: str) -> bool:
    """Print one file's figures; whether they are good enough."""
    model = qd8.load(path)
    inputs = [
        {
            info.name: smooth(info.shape, 100 * n + i)
            for i, info in enumerate(model.inputs)
        }
        for n in range(INPUTS)
    ]
    exact = ours(path, "fp32", inputs)
    if model.precision == "fp32":
        level = sqnr(litert(path, inputs), exact)
        print(f"{path}: fp32 {level:.1f} dB to LiteRT", flush=True)
        return level >= 80
    theirs = sqnr(exact, litert(path, inputs))
    f32, f16 = (sqnr(exact, ours(path, p, inputs)) for p in ("qd8-f32", "qd8-f16"))
    print(
        f"{path}: LiteRT {theirs:.2f}, qd8-f32 {f32:.2f}, qd8-f16 {f16:.2f} dB "
        "to the file dequantized",
        flush=True,
    )
    return f32 >= theirs - 0.5 and f16 >= f32 - 1


if __name__ == "__main__":
    good = [report(path) for path in sys.argv[1:]]
    sys.exit(not all(good))
