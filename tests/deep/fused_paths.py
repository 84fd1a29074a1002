"""Layers that do what stood before them, as paths: the parts' definitions judge."""

from typing import Any

import numpy as np
import qd8_reference

import qd8
from qd8.kernels import isa, paths
from qd8.scaled import Scaled
from tests.deep import drawn
from tests.kernels.float_values import floats, output, run, wild
from tests.problems import FullyConnectedProblem


def _factors(given: FullyConnectedProblem) -> Any:
    """(images, 1, 1, K): of each image of the rows, or of all rows."""
    M, K = given.x.shape
    rng = np.random.default_rng(given.seed)
    images = int(rng.choice([n for n in (1, 2, 3, 5) if M % n == 0]))
    draw = floats if given.seed % 3 else wild
    return draw(8 * given.seed, images, 1, 1, K, dtype=given.x.dtype)


def scaled(given: FullyConnectedProblem) -> tuple[Any, ...]:
    """Multiply, then the fully connected layer, by the definition."""
    factors, K = _factors(given), given.x.shape[-1]
    with np.errstate(all="ignore"):
        rows = qd8_reference.mul(given.x.reshape(len(factors), -1, 1, K), factors)
        x = rows.reshape(given.x.shape)
        return (qd8_reference.fully_connected(x, **given.arguments),)


def scaled_by_kernels(given: FullyConnectedProblem) -> tuple[Any, ...]:
    """The same by one kernel; on avx2 every other one with complemented copies."""
    copied = isa.current().name == "avx2" and given.seed % 2
    with paths.forced("maddubs" if copied else "direct"):
        layer = qd8.FullyConnected(**given.arguments)
        out = output((len(given.x), layer.N), given.x.dtype)
        calls = Scaled(layer, _factors(given)).bind(given.x, out, 1 + given.seed % 3)
        return (run(calls, out),)


PATHS = {"scaled gemm": (drawn.rows(), scaled, scaled_by_kernels)}
