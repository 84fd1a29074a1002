"""Batch matrix multiplication by int8 matrices, each row of the other one quantized."""

from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from qd8 import arguments, settings
from qd8.fully_connected import FullyConnected, Steps
from qd8.kernels import launch
from qd8.kernels.boxes import contiguous_strides
from qd8.kernels.strided_copy import bind_box
from qd8.workspace import aligned

Shape = tuple[int, ...]


class BatchMatMul:
    """``a @ (b * b_scale)`` with int8 ``b``: a fully connected for each matrix of it.

    Parameters
    ----------
    b : (..., K, N) int8, or (..., N, K) with ``adj_y``; leading axes broadcast
    b_scale : (N,), (1,) or () float32; real units per step
    bias : None; there is none, the quantized operators are all built with one
    adj_x : the calls' ``a`` is (..., K, M)

    Raises
    ------
    TypeError, ValueError
        If an argument has another dtype, shape or an impossible value.

    Notes
    -----
    R39 of docs/numerics.md: R5 to R14 for each row of ``a``, a bias of 0, no clamp.
    """

    def __init__(
        self,
        b: npt.NDArray[np.int8],
        b_scale: npt.NDArray[np.float32],
        bias: None = None,
        *,
        adj_x: bool = False,
        adj_y: bool = False,
    ) -> None:
        b = arguments.array("b", b, (np.int8,))
        if b.ndim < 2 or 0 in b.shape:
            raise ValueError(
                f"b has shape {b.shape}; it must be (..., K, N), none of them 0"
            )
        if bias is not None:
            raise ValueError("bias is given; a batch matmul has none")
        self.adj_x, self.adj_y = bool(adj_x), bool(adj_y)
        weight = b if adj_y else b.swapaxes(-1, -2)
        self.N, self.K = weight.shape[-2:]
        self.batch: Shape = weight.shape[:-2]
        matrices = np.ascontiguousarray(weight).reshape(-1, self.N, self.K)
        self.layers = [FullyConnected(matrix, b_scale) for matrix in matrices]

    def __call__(
        self, a: npt.NDArray[Any], out: npt.NDArray[Any] | None = None
    ) -> npt.NDArray[Any]:
        """Multiply (..., M, K) float32 or float16; (..., M, N) of the same dtype."""
        a = self._checked(a)
        out = arguments.output(out, self.output_shape(a.shape), a.dtype, a)
        if out.size:
            launch.run(self.bind(a, out, settings.get_num_threads()))
        return out

    def steps(self, a: npt.NDArray[Any]) -> Steps:
        """Return what happens inside for ``a``: every intermediate, then the output."""
        a = self._checked(a)
        rows = np.ascontiguousarray(a.swapaxes(-1, -2)) if self.adj_x else a
        shape = self.output_shape(a.shape)
        out, accumulator = np.empty(shape, a.dtype), np.empty(shape, np.int32)
        for layer, x, y, acc in self._products(rows, out, accumulator):
            layer.run(x, y, acc)
        return Steps(*self.layers[0].steps(rows)[:3], accumulator, out)

    def output_shape(self, shape: Shape) -> Shape:
        """(..., M, N) for ``a`` of ``shape``."""
        M = shape[-1] if self.adj_x else shape[-2]
        return (*np.broadcast_shapes(shape[:-2], self.batch), M, self.N)

    def scratch_bytes(self, a: npt.NDArray[Any], threads: int) -> int:
        """Bytes of scratch that multiplying ``a`` needs."""
        rows = a.swapaxes(-1, -2) if self.adj_x else a
        if len(self.layers) > 1:
            rows = rows.reshape(-1, *rows.shape[-2:])[0]
        return self.layers[0].scratch_bytes(rows, threads)

    def bind(
        self,
        a: npt.NDArray[Any],
        out: npt.NDArray[Any],
        threads: int,
        room: npt.NDArray[np.uint8] | None = None,
    ) -> list[launch.Call]:
        """Calls that compute ``out`` from ``a``, both C-contiguous and checked."""
        calls: list[launch.Call] = []
        rows = a
        if self.adj_x:
            rows = np.empty((*a.shape[:-2], a.shape[-1], a.shape[-2]), a.dtype)
            *outer, row, column = contiguous_strides(a.shape)
            strides = (*outer, column, row)
            calls += bind_box(
                a,
                rows,
                rows.shape,
                strides,
                contiguous_strides(rows.shape),
                threads=threads,
            )
        if room is None:
            room = aligned(self.scratch_bytes(a, threads))
        for layer, x, y, _ in self._products(rows, out, None):
            calls += layer.bind(x, y, threads, room)
        return calls

    def _products(
        self,
        rows: npt.NDArray[Any],
        out: npt.NDArray[Any],
        accumulator: npt.NDArray[np.int32] | None,
    ) -> list[tuple[FullyConnected, Any, Any, Any]]:
        """(layer, rows, output, accumulator) of each matrix product."""
        if len(self.layers) == 1 and rows.shape[:-2] == out.shape[:-2]:
            return [(self.layers[0], rows, out, accumulator)]
        batch = out.shape[:-2]
        which = np.arange(len(self.layers)).reshape(self.batch)
        each = np.broadcast_to(which, batch).reshape(-1)
        given = np.arange(prod(rows.shape[:-2])).reshape(rows.shape[:-2])
        taken = np.broadcast_to(given, batch).reshape(-1)
        x = rows.reshape(-1, *rows.shape[-2:])
        y = out.reshape(-1, *out.shape[-2:])
        acc = None if accumulator is None else accumulator.reshape(y.shape)
        return [
            (self.layers[j], x[i], y[k], None if acc is None else acc[k])
            for k, (i, j) in enumerate(zip(taken, each, strict=True))
        ]

    def _checked(self, a: npt.NDArray[Any]) -> npt.NDArray[Any]:
        a = arguments.activations("a", a)
        wanted = f"(..., {self.K}, M)" if self.adj_x else f"(..., M, {self.K})"
        if a.ndim < 2 or a.shape[-2 if self.adj_x else -1] != self.K:
            raise ValueError(f"a has shape {a.shape}; it must be {wanted}")
        try:
            np.broadcast_shapes(a.shape[:-2], self.batch)
        except ValueError:
            raise ValueError(
                f"a has shape {a.shape}; its leading axes do not broadcast with "
                f"{self.batch} of b"
            ) from None
        return a
