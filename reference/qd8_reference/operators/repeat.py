"""BROADCAST_TO, TILE and REVERSE_V2."""

from collections.abc import Sequence

import numpy as np

from .. import tensors
from ..types import Tensor


def broadcast_to(x: Tensor, *, shape: Sequence[int]) -> Tensor:
    """Return ``x`` repeated along its axes of one element, to ``shape`` (R36)."""
    x = tensors.tensor("x", x)
    wanted = tensors.integers("shape", shape, at_least=0)
    if tensors.broadcast(x=x.shape, shape=wanted) != wanted:
        raise ValueError(f"x is {x.shape}; it does not broadcast to {wanted}")
    return np.broadcast_to(x, wanted).copy()


def tile(x: Tensor, *, multiples: Sequence[int]) -> Tensor:
    """Return ``x`` repeated as a whole ``multiples[i]`` times along axis i (R36)."""
    x = tensors.tensor("x", x)
    return np.tile(x, tensors.integers("multiples", multiples, x.ndim, at_least=0))


def reverse(x: Tensor, *, axes: Sequence[int]) -> Tensor:
    """Return ``x`` with the order along each of ``axes`` turned round (R36)."""
    x = tensors.tensor("x", x)
    return np.flip(x, tensors.axes(axes, x.ndim)).copy()
