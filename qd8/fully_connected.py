"""The fully connected operator: validate, pack once, call."""

from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt

from qd8 import arguments, settings
from qd8.deferred import Deferred
from qd8.kernels import cache, gemm_memory, isa, launch
from qd8.kernels.launch import (
    ACCUMULATOR,
    GAP,
    OUT,
    SCRATCH,
    TAIL,
    TAIL_ARGUMENTS,
    At,
    X,
)
from qd8.pack import pack
from qd8.packed_layer import PackedLayer, packing
from qd8.workspace import address

# What packs needs none of these: whoever binds a call imports them.
if TYPE_CHECKING:
    from qd8 import maddubs, quantize
    from qd8.kernels import schedule
else:
    maddubs, quantize = Deferred("qd8.maddubs"), Deferred("qd8.quantize")
    schedule = Deferred("qd8.kernels.schedule")


class Steps(NamedTuple):
    """What happened inside a quantized operator.

    values int8 as ``x``; zero_point int32 and scale float32, one a row (or image);
    accumulator int32 and output, as the result. The accumulators come from the same
    tile as the output.
    """

    values: npt.NDArray[np.int8]
    zero_point: npt.NDArray[np.int32]
    scale: npt.NDArray[np.float32]
    accumulator: npt.NDArray[np.int32]
    output: npt.NDArray[Any]


def float_bits(value: float) -> int:
    """A float32 as an argument word."""
    return int(np.float32(value).view(np.int32))


class FullyConnected(PackedLayer):
    """``x @ weight.T + bias`` with int8 weights, quantizing each row of ``x``.

    Parameters
    ----------
    weight : (N, K) int8
    weight_scale : (N,), (1,) or () float32; real units per step
    bias : (N,) float32 or None
    activation : "none", "relu", "relu6" or "relu_n1_to_1"

    Raises
    ------
    TypeError, ValueError
        If an argument has another dtype, shape or an impossible value.

    Notes
    -----
    R5 to R15 of docs/numerics.md. The result is the same for every tier, number of
    threads and split of the rows. Packed for ``isa.current()`` when built. On the
    tier ``avx2`` weights for exact ``vpmaddubsw``, somewhat larger, are packed beside
    them when the first number of rows that gains by them is bound, and never under
    ``qd8.options(memory="small")``.
    """

    def __init__(
        self,
        weight: npt.NDArray[np.int8],
        weight_scale: npt.NDArray[np.float32],
        bias: npt.NDArray[np.float32] | None = None,
        *,
        activation: str = "none",
    ) -> None:
        super().__init__()
        weight = arguments.weights(weight, 2, "(N, K)")
        scale = arguments.weight_scales(weight_scale, len(weight))
        bias = arguments.biases(bias, len(weight))
        self.bounds = arguments.activation(activation)
        self.activation = activation
        self.has_bias = bias is not None
        self.packed = pack(weight, scale, bias, isa.current())

    @classmethod
    def from_float(
        cls,
        weight: npt.NDArray[np.float32],
        bias: npt.NDArray[np.float32] | None = None,
        *,
        activation: str = "none",
    ) -> Self:
        """Quantize (N, K) float32 weights by the converter's rule, per channel.

        ``torch.nn.Linear.weight`` has this layout as it is.
        """
        weight = arguments.float_weights(weight, 2, "(N, K)")
        values, scale = quantize.quantize_weights(weight)
        return cls(values, scale, bias, activation=activation)

    @cached_property
    def K(self) -> int:
        """Input channels."""
        return self.packed.K

    @cached_property
    def N(self) -> int:
        """Output channels."""
        return self.packed.N

    @property
    def weight(self) -> npt.NDArray[np.int8]:
        """(N, K) int8, unpacked from the panels."""
        return self.packed.weight()

    @property
    def weight_scale(self) -> npt.NDArray[np.float32]:
        """(N,) float32, real units per step."""
        return self.packed.channels("weight_scale")

    @property
    def bias(self) -> npt.NDArray[np.float32] | None:
        """(N,) float32, subnormals flushed, or None."""
        return self.packed.channels("bias") if self.has_bias else None

    def __call__(
        self, x: npt.NDArray[Any], out: npt.NDArray[Any] | None = None
    ) -> npt.NDArray[Any]:
        """Apply the operator to rows.

        Parameters
        ----------
        x : (..., K) float32 or float16
        out : (..., N) of the dtype of ``x``, C-contiguous; made if not given

        Returns
        -------
        (..., N) of the dtype of ``x``; a row whose range is not finite is all NaN
        """
        x = self._checked(x)
        out = arguments.output(out, (*x.shape[:-1], self.N), x.dtype, x)
        self.run(x, out, None)
        return out

    def steps(self, x: npt.NDArray[Any]) -> Steps:
        """Return what happens inside for ``x``: every intermediate, then the output."""
        x = self._checked(x)
        out = np.empty((*x.shape[:-1], self.N), x.dtype)
        accumulator = np.empty(out.shape, np.int32)
        self.run(x, out, accumulator)
        return Steps(*quantize.quantize_rows(x), accumulator, out)

    def _checked(self, x: npt.NDArray[Any]) -> npt.NDArray[Any]:
        x = arguments.activations("x", x)
        if x.shape[-1] != self.K:
            raise ValueError(
                f"x has {x.shape[-1]} input channels (shape {x.shape}); "
                f"weight is ({self.N}, {self.K}) and needs {self.K}"
            )
        return x

    def _made(self, x: npt.NDArray[Any], threads: int) -> launch.Program:
        M = x.size // self.K
        plan = self._schedule(M, threads)
        tier = isa.with_tile(self.packed.tier, plan.tile)
        constants, panels = gemm_memory.constants(tier), self.packed.panels_of(tier)
        words: tuple[int | At, ...] = (
            *(At(X), At(ACCUMULATOR), M, self.K),
            *(self.packed.blocks, panels.strides[0]),
            *(plan.block_rows, plan.grid_rows, plan.grid_columns),
            *(At(SCRATCH), plan.scratch_bytes, 1, *gemm_memory.NO_FACTORS),
            *(address(panels), At(OUT), self.N),
            *(float_bits(bound) for bound in self.bounds),
            *(At(TAIL), At(TAIL_ARGUMENTS), At(GAP, self.N)),
        )
        kernel = cache.kernel(
            "gemm.fully_connected", *constants, quantize.kind(x.dtype)
        )
        steps = [launch.Step(kernel, words, plan.tasks)]
        return launch.Program(steps, plan.tasks * plan.scratch_bytes)

    def _schedule(self, M: int, threads: int) -> "schedule.Schedule":
        """The schedule of ``M`` rows; weights are packed for it."""
        with packing:
            self.packed, tier, why = maddubs.choose(
                self.packed, M, self._path, self._memory
            )
        return schedule.fully_connected(M, self.K, self.N, threads, tier).because(why)

    def warmup(self) -> None:
        """Compile what the first call would compile."""
        for dtype in (np.float32, np.float16):
            self(np.zeros((1, self.K), dtype))

    def explain(self, M: int, threads: int | None = None) -> "schedule.Explanation":
        """Say which kernel, tile and schedule ``M`` rows get, and why.

        Packs the weights as a call would, since what pays depends on them.
        """
        if M < 1:
            raise ValueError(f"M is {M}; it must be 1 or more rows")
        plan = self._schedule(M, threads or settings.get_num_threads())
        return schedule.Explanation(plan, self.packed.nbytes, self.N * self.K)

    def __getstate__(self) -> dict[str, Any]:
        return {
            "weight": self.weight,
            "weight_scale": self.weight_scale,
            "bias": self.bias,
            "activation": self.activation,
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        # Repacked for the tier of the process that loads it.
        self.__init__(  # type: ignore[misc]
            state["weight"],
            state["weight_scale"],
            state["bias"],
            activation=state["activation"],
        )

    def __repr__(self) -> str:
        bias = "bias" if self.has_bias else "no bias"
        tier = self.packed.tier
        return (
            f"FullyConnected({self.K} -> {self.N}, int8 weights per channel, {bias}, "
            f"activation {self.activation!r}, tier {tier.name}, "
            f"kernel {self._schedule(1, 1).kernel}, "
            f"{self.packed.nbytes} packed bytes)"
        )
