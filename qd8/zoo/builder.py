"""Tensors and operators appended one by one, with constants drawn from a seed.

What a file needs and no architecture: indices, names, shared constants, and weights
stored as the converter stores them. The layers are in `net`.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from qd8 import tflite
from qd8.tflite import Tensor

WEIGHTS = ("float32", "int8")
# The converter's own limit, below which it leaves weights in float.
# Source: tensorflow/lite/tools/optimize/quantize_weights.cc, kWeightsMinNumElements.
MIN_ELEMENTS = 1024
# Of the logarithm of the weights' magnitude, from one output channel to another: about
# what trained networks have, and what makes per-channel scales worth their while.
SPREAD = 0.3
IMAGE_POWER = 0.1  # mean square of a smooth image in [-1, 1]
SHARED_BYTES = 256  # constants up to this size are stored once: shapes, axes, epsilons
TYPES = {np.dtype(dtype): name for name, dtype in tflite.DTYPES.items()}


class Builder:
    """A graph under construction.

    Parameters
    ----------
    description : str
        What the file says that it is.
    seed : int or None
        The same seed gives the same bytes. None draws nothing: every weight is zero
        and takes no memory, for the structure alone.
    weights : "float32" or "int8"
        "int8" is what the converter makes of a float model with
        ``optimizations=[DEFAULT]``: weights of 1024 elements and more in int8 with one
        scale per output channel.
    float_depthwise : bool
        Keep depthwise weights in float32: LiteRT's XNNPACK does not take them in int8,
        and cuts its graph around each.
    bias : float
        Standard deviation of biases, where activations have about 1.
    """

    def __init__(
        self,
        description: str,
        *,
        seed: int | None = 0,
        weights: str = "float32",
        float_depthwise: bool = False,
        bias: float = 0.1,
    ) -> None:
        if weights not in WEIGHTS:
            raise ValueError(f"weights is {weights!r}; it must be one of {WEIGHTS}")
        self.description = description
        self.seed = seed
        self.int8 = weights == "int8"
        self.float_depthwise = float_depthwise
        self.bias = bias
        self.inputs: dict[str, int] = {}
        #: Estimated mean square of each activation, which weights are drawn for.
        self.power: dict[int, float] = {}
        self._tensors: list[Tensor] = []
        self._operators: list[tflite.Operator] = []
        self._scopes: list[str] = []
        self._names: dict[str, int] = {}
        self._shared: dict[tuple[Any, ...], Tensor] = {}
        self._drawn = 0

    @contextmanager
    def scope(self, name: str) -> Iterator[None]:
        """Put ``name`` before the names of what is appended inside."""
        self._scopes.append(name)
        yield
        self._scopes.pop()

    def input(
        self,
        name: str,
        shape: Sequence[int],
        dtype: str = "FLOAT32",
        power: float = IMAGE_POWER,
    ) -> Tensor:
        """Append an input of the model; ``power`` is what to expect of it."""
        x = self._tensor(name, shape, dtype, power=power)
        self.inputs[name] = x.index
        return x

    def operator(
        self,
        op: str,
        inputs: Sequence[Tensor | None],
        shape: Sequence[int],
        *,
        dtype: str = "FLOAT32",
        version: int = 1,
        power: float = 1.0,
        **options: Any,
    ) -> Tensor:
        """Append an operator and return its output.

        Parameters
        ----------
        op : str
            TFLite's name.
        inputs : tensors, None for an absent one
        shape, dtype, power : of the output
        options : by the names of schema.fbs
        """
        name = "/".join((*self._scopes, op.lower()))
        out = self._tensor(name, shape, dtype, power=power)
        places = tuple(-1 if x is None else x.index for x in inputs)
        index = len(self._operators)
        self._operators.append(
            tflite.Operator(index, op, version, places, (out.index,), options)
        )
        return out

    def constant(
        self, value: npt.ArrayLike, dtype: npt.DTypeLike | None = None
    ) -> Tensor:
        """Append a constant; small equal ones are one tensor, as the converter's."""
        data = np.asarray(value, dtype)
        key = (data.dtype, data.shape, data.tobytes())
        if data.nbytes <= SHARED_BYTES and key in self._shared:
            return self._shared[key]
        tensor = self._tensor("constant", data.shape, TYPES[data.dtype], data)
        if data.nbytes <= SHARED_BYTES:
            self._shared[key] = tensor
        return tensor

    def integers(self, *values: int) -> Tensor:
        """Append an int32 vector, such as a shape or axes."""
        return self.constant(values, np.int32)

    def weight(
        self,
        shape: Sequence[int],
        *,
        deviation: float,
        axis: int | None = 0,
        int8: bool = True,
    ) -> Tensor:
        """Draw a weight: normal, times a lognormal factor per output channel.

        Parameters
        ----------
        shape : of the weight
        deviation : standard deviation of all its elements
        axis : of the output channels; None for one scale and no channels
        int8 : whether the converter would quantize it at all
        """
        shape = tuple(shape)
        quantized = self.int8 and int8 and math.prod(shape) >= MIN_ELEMENTS
        rng = self._rng()
        if rng is None:
            return self._blank(shape, axis, quantized)
        data = rng.standard_normal(shape, np.float32)
        data *= np.float32(deviation)
        if axis is not None:
            along = [1] * len(shape)
            along[axis] = shape[axis]
            # The mean of exp(2 s) is 1 for s ~ normal(-SPREAD^2, SPREAD).
            data *= np.exp(rng.normal(-(SPREAD**2), SPREAD, along)).astype(np.float32)
        if not quantized:
            return self._tensor("weight", shape, "FLOAT32", data)
        from qd8.quantize import quantize_weights

        per = "tensor" if axis is None else "channel"
        values, scale = quantize_weights(data, axis=axis or 0, per=per)
        return self._tensor("weight", shape, "INT8", values, scale, axis or 0)

    def vector(self, shape: Sequence[int], *, mean: float = 0.0) -> Tensor:
        """Draw a bias, or the factor of a normalization with ``mean=1``."""
        rng = self._rng()
        if rng is None:
            data = np.broadcast_to(np.float32(mean), tuple(shape))
        else:
            data = rng.normal(mean, self.bias, tuple(shape)).astype(np.float32)
        return self._tensor("vector", shape, "FLOAT32", data)

    def finish(self, outputs: Mapping[str, Tensor]) -> tflite.File:
        """Return the file; ``outputs`` are the public names of what it computes."""
        last = {name: tensor.index for name, tensor in outputs.items()}
        places = tuple(self.inputs.values()), tuple(last.values())
        tensors, operators = tuple(self._tensors), self._of_one_version()
        return tflite.File(
            name=self.description,
            version=3,
            description=self.description,
            subgraphs=(tflite.Subgraph(0, "main", tensors, operators, *places),),
            signatures=(tflite.Signature("serving_default", 0, self.inputs, last),),
            data=np.empty(0, np.uint8),
        )

    def _of_one_version(self) -> tuple[tflite.Operator, ...]:
        """Give each kind of operator the newest version that any of them needs.

        The converter has one code for a kind in a file.
        """
        newest: dict[str, int] = {}
        for each in self._operators:
            newest[each.op] = max(each.version, newest.get(each.op, 1))
        return tuple(replace(each, version=newest[each.op]) for each in self._operators)

    def _rng(self) -> np.random.Generator | None:
        """Return the generator of the next constant, which no other one disturbs."""
        self._drawn += 1
        if self.seed is None:
            return None
        return np.random.default_rng([self.seed, self._drawn])

    def _blank(
        self, shape: tuple[int, ...], axis: int | None, quantized: bool
    ) -> Tensor:
        """Append a weight of zeros that takes no memory."""
        if not quantized:
            data = np.broadcast_to(np.float32(0), shape)
            return self._tensor("weight", shape, "FLOAT32", data)
        scale = np.ones(1 if axis is None else shape[axis], np.float32)
        zeros = np.broadcast_to(np.int8(0), shape)
        return self._tensor("weight", shape, "INT8", zeros, scale, axis or 0)

    def _tensor(
        self,
        name: str,
        shape: Sequence[int],
        dtype: str,
        data: npt.NDArray[Any] | None = None,
        scale: npt.NDArray[np.float32] | None = None,
        axis: int = 0,
        power: float | None = None,
    ) -> Tensor:
        if data is not None:
            name = "/".join((*self._scopes, name))
        self._names[name] = count = self._names.get(name, 0) + 1
        name = name if count == 1 else f"{name}_{count}"
        quantization = None
        if scale is not None:
            zero_point = np.zeros(scale.size, np.int64)
            quantization = tflite.Quantization(scale, zero_point, axis)
        index = len(self._tensors)
        tensor = Tensor(index, name, tuple(shape), (), dtype, quantization, data)
        self._tensors.append(tensor)
        if power is not None:
            self.power[index] = power
        return tensor
