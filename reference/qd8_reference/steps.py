"""What the ``_steps`` forms of the quantized operators return."""

from typing import NamedTuple

from .types import F32, I8, I32, Float


class Steps(NamedTuple):
    """What happened inside a quantized operator.

    values : int8, of the shape of ``x``      quantized activations
    zero_point : int32                        one for each row (R11)
    scale : float32                           real units per step, one for each row
    accumulator : int32                       of the shape of ``output``
    output : float32 or float16, as ``x``
    """

    values: I8
    zero_point: I32
    scale: F32
    accumulator: I32
    output: Float
