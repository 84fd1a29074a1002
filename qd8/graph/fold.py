"""Constant folding: what is known when the graph is built is computed then, once.

So the arithmetic on shapes that converters write (SHAPE, STRIDED_SLICE, PACK, ...)
is gone before a run, and an axis or a shape may be computed. A node runs through the
kernels that it would run through later, so folding changes no bit.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from qd8.workspace import aligned

from .graph import Node, Tensor, keywords

Array = npt.NDArray[Any]
# Folding may not let a small file grow: what is larger than this, and than a few
# times what it is made from, is computed by each run instead.
SMALL = 2**20
TIMES_INPUTS = 4


def is_foldable(
    node: Node, inputs: Sequence[Tensor], outputs: Sequence[Tensor]
) -> bool:
    """Whether a node is a constant that is worth keeping.

    A node with weights is left alone: a precision may decide how it computes.
    """
    if node.operator.weight_axis is not None:
        return False
    if not all(tensor.is_constant for tensor in inputs):
        return False
    given = sum(t.constant.nbytes for t in inputs if t.constant)
    made = sum(math.prod(t.shape) * t.dtype.itemsize for t in outputs)
    return made <= max(SMALL, TIMES_INPUTS * given)


def evaluate(
    node: Node, inputs: Sequence[Tensor | None], outputs: Sequence[Tensor]
) -> list[Array]:
    """Run one node on constants and return its outputs."""
    arrays = [None if t is None else _ready(t) for t in inputs]
    made = [_empty(t) for t in outputs]
    if all(out.size for out in made):
        from qd8.kernels.launch import run

        options = keywords(node, inputs)
        given = list(node.operator.view(arrays, options))
        views = [node.operator.view_out(out) for out in made]
        target = views if node.operator.several else views[0]
        run(node.operator.bind(given, target, options, 1))
    return made


def _ready(tensor: Tensor) -> Array:
    """Return a constant as kernels take it: aligned, in order, of this machine."""
    data = tensor.data
    assert data is not None
    return np.require(data, data.dtype.newbyteorder("="), ["C", "A"])


def _empty(tensor: Tensor) -> Array:
    size = math.prod(tensor.shape)
    room = aligned(max(size, 1) * tensor.dtype.itemsize)
    return room.view(tensor.dtype)[:size].reshape(tensor.shape)
