"""What each precision answers, how fast, and whether to the reference's bits."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np
import numpy.typing as npt

from qd8.graph.model import Model
from qd8.validation import run_reference

from .digits import HeldOut

Array = npt.NDArray[Any]
Run = Callable[[Array], Array]

BLOCK = 40


def _kilobytes(count: int) -> str:
    return f"{count / 1000:.0f}"


@dataclass(frozen=True, slots=True)
class Bits:
    """Whether every logit of so many images has the reference's bits."""

    equal: bool
    images: int

    def __str__(self) -> str:
        return f"{'equal' if self.equal else 'DIFFER'} on {self.images}"


@dataclass(frozen=True, slots=True)
class Accuracy:
    """Top-1 answers, with the 95 % interval of their share."""

    right: int
    images: int
    low: float
    high: float

    @property
    def share(self) -> float:
        """Right answers, 0 to 1."""
        return self.right / self.images

    def __str__(self) -> str:
        interval = f"{100 * self.low:.1f}-{100 * self.high:.1f}"
        return f"{self.right}/{self.images} {self.share:.2%} ({interval})"


@dataclass(frozen=True, slots=True)
class DemoRow:
    """One precision.

    agreement : the share of answers that are those of fp32, 0 to 1
    sqnr_db : of the logits, 10 log10 (sum of fp32^2 / sum of differences^2); None
        where nothing differs, as for fp32 itself
    latency_us : of one image on one thread, the median over all images
    speedup : the latency of our fp32 by this one
    litert_us : LiteRT's latency with the same file; None if it is not installed, or
        has no such precision
    file_bytes, packed_bytes : of the file, and of the weights as they are held to run
    """

    precision: str
    bits: Bits
    accuracy: Accuracy = field(metadata={"title": "top-1 (95 %)"})
    agreement: float = field(metadata={"title": "as fp32", "format": "{:.1%}".format})
    sqnr_db: float | None = field(
        metadata={"title": "SQNR dB", "format": "{:.1f}".format}
    )
    latency_us: float = field(metadata={"title": "us/image", "format": "{:.0f}".format})
    speedup: float = field(metadata={"title": "speed-up", "format": "{:.2f}x".format})
    litert_us: float | None = field(
        metadata={"title": "LiteRT", "format": "{:.0f}".format}
    )
    file_bytes: int = field(metadata={"title": "file kB", "format": _kilobytes})
    packed_bytes: int = field(metadata={"title": "packed kB", "format": _kilobytes})


def classify(
    runs: Mapping[str, Run], x: Array, done: Callable[[str], None]
) -> tuple[dict[str, Array], dict[str, float]]:
    """Run every image through every model, in turns of `BLOCK` images.

    In turns, so that what the machine does meanwhile meets all of them alike. Not
    image by image: each would find the caches full of the others' weights, and how
    many others there are would change its time (by a quarter, on a Xeon of 2 MB L2).

    Parameters
    ----------
    runs : {name: function from one image to its (1, 10) logits}
    x : (n, 1, 8, 8, 1) float32
    done : called after each image of each model

    Returns
    -------
    logits : {name: (n, 10) float32}
    latency : {name: median seconds of an image}
    """
    logits: dict[str, list[Array]] = {name: [] for name in runs}
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for start in range(0, len(x), BLOCK):
        for name, run in runs.items():
            for image in x[start : start + BLOCK]:
                before = perf_counter()
                answer = run(image)
                seconds[name].append(perf_counter() - before)
                logits[name].append(answer[0])
                done("")
    return (
        {name: np.array(answers) for name, answers in logits.items()},
        {name: median(times) for name, times in seconds.items()},
    )


def equals_reference(
    model: Model, x: Array, logits: Array, done: Callable[[str], None]
) -> bool:
    """Whether the logits of these images have the reference's bits.

    Two NaNs are equal whatever their payload; -0.0 and +0.0 are not (C1).
    """
    equal = True
    for image, got in zip(x, logits, strict=True):
        (expected,) = run_reference(model, image).values()
        same = expected[0].view(np.uint32) == got.view(np.uint32)
        equal &= bool(np.all(same | (np.isnan(expected[0]) & np.isnan(got))))
        done("")
    return equal


def row(
    precision: str,
    model: Model,
    images: HeldOut,
    logits: Mapping[str, Array],
    latency: Mapping[str, float],
    bits: Bits,
) -> DemoRow:
    """Put together what has been measured of one precision."""
    answers, ours = logits[precision].argmax(axis=1), logits["fp32"].argmax(axis=1)
    right, count = int((answers == images.labels).sum()), len(answers)
    litert = latency.get(f"LiteRT {precision}")
    return DemoRow(
        precision=precision,
        bits=bits,
        accuracy=Accuracy(right, count, *wilson(right, count)),
        agreement=float((answers == ours).mean()),
        sqnr_db=sqnr(logits["fp32"], logits[precision]),
        latency_us=1e6 * latency[precision],
        speedup=latency["fp32"] / latency[precision],
        litert_us=None if litert is None else 1e6 * litert,
        file_bytes=Path(model.name).stat().st_size,
        packed_bytes=packed_bytes(model.layers),
    )


def sqnr(signal: Array, noisy: Array) -> float | None:
    """Return the signal to quantization noise ratio in dB, summed in float64.

    None where there is no noise: infinity is no number in JSON.
    """
    signal = signal.astype(np.float64)
    noise = float(np.sum((noisy - signal) ** 2))
    return 10 * math.log10(float(np.sum(signal**2)) / noise) if noise else None


def wilson(right: int, count: int) -> tuple[float, float]:
    """Return the 95 % interval of a proportion.

    Source: E. B. Wilson, J. Amer. Statist. Assoc. 22 (1927). It stays within 0 and 1
    and is honest near them, where the normal interval is not.
    """
    z = 1.959963984540054
    share = right / count
    middle = (share + z * z / (2 * count)) / (1 + z * z / count)
    spread = math.sqrt(share * (1 - share) / count + (z / (2 * count)) ** 2)
    spread *= z / (1 + z * z / count)
    return max(0.0, middle - spread), min(1.0, middle + spread)


def packed_bytes(layers: Sequence[Any]) -> int:
    """Return the bytes of weights, scales and biases as they are held to run.

    Packed panels for what is quantized; for float layers the arrays, without the
    padding of their last panel.
    """
    total = 0
    for layer in layers:
        if layer.quantized:
            total += layer.operator.packed.nbytes
        else:
            held = (layer.weight, layer.bias)
            total += sum(array.nbytes for array in held if array is not None)
    return total
