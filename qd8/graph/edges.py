"""The inputs and outputs of a model: their records, and the check at the door."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from qd8.records import record

from .graph import Graph


@record(frozen=True, slots=True)
class TensorInfo:
    """One tensor as the interface shows it.

    name : the public name (of the signature, if the file has one)
    tensor : its name in the file
    shape_signature : the shape, -1 for an extent that a call may choose
    """

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    tensor: str
    shape_signature: tuple[int, ...] = ()

    def accepts(self, shape: tuple[int, ...]) -> bool:
        """Whether an array of a shape may be given for this tensor."""
        free = self.shape_signature or self.shape
        return len(shape) == len(self.shape) and all(
            n == m or (open_ == -1 and n > 0)
            for n, m, open_ in zip(shape, self.shape, free, strict=True)
        )

    def __str__(self) -> str:
        return f"{self.name} {self.shape} {self.dtype}"


def info(
    graph: Graph,
    i: int,
    name: str | None = None,
    shape_signature: tuple[int, ...] | None = None,
) -> TensorInfo:
    """Return the record of a tensor."""
    tensor = graph.tensors[i]
    free = shape_signature or ()
    return TensorInfo(
        name or tensor.name,
        tensor.shape,
        np.dtype(tensor.dtype.name),
        tensor.name,
        free if len(free) == len(tensor.shape) else tensor.shape,
    )


def collect_inputs(
    inputs: Sequence[TensorInfo], args: Sequence[Any], named: Mapping[str, Any]
) -> list[npt.NDArray[Any]]:
    """Return the checked input arrays in the model's order.

    Positions come first, names fill the rest; a name is public or the file's.

    Raises
    ------
    TypeError
        If inputs are missing, unknown or given twice, or a dtype is another.
    ValueError
        If a shape is another.
    """
    if len(args) > len(inputs):
        raise TypeError(
            f"{len(args)} inputs were given; the model has {_listed(inputs)}"
        )
    given: dict[str, Any] = {
        info.name: value for info, value in zip(inputs, args, strict=False)
    }
    public = {info.tensor: info.name for info in inputs}
    public |= {info.name: info.name for info in inputs}
    for name, value in named.items():
        if name not in public:
            raise TypeError(
                f"there is no input {name!r}{did_you_mean(name, public)}; "
                f"the model has {_listed(inputs)}"
            )
        if public[name] in given:
            raise TypeError(f"input {public[name]!r} was given twice")
        given[public[name]] = value
    missing = [info.name for info in inputs if info.name not in given]
    if missing:
        raise TypeError(
            f"input {', '.join(map(repr, missing))} is missing; "
            f"the model has {_listed(inputs)}"
        )
    return [check_input(info, given[info.name]) for info in inputs]


def _listed(inputs: Sequence[TensorInfo]) -> str:
    """Name what is needed; only for a message, since it takes 40 us in a call."""
    return ", ".join(map(str, inputs))


def check_input(info: TensorInfo, value: Any) -> npt.NDArray[Any]:
    """Return the array for an input, or say what it should have been.

    Strided, read-only and byte-swapped arrays are fine: they are copied in.
    """
    x = np.asarray(value)
    if x.dtype.newbyteorder("=") != info.dtype:
        raise TypeError(
            f"input {info.name!r} is {x.dtype}; {info.dtype} is needed: "
            f"x.astype(np.{info.dtype})"
        )
    if not info.accepts(x.shape):
        raise ValueError(
            f"input {info.name!r} is {x.shape}; {info.shape} is needed"
            f"{_shape_hint(x.shape, info.shape)}"
        )
    return x


def did_you_mean(name: str, known: Any) -> str:
    """Return `` (did you mean 'x'?)``, or nothing."""
    import difflib

    close = difflib.get_close_matches(str(name), list(known), n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""


def _shape_hint(given: tuple[int, ...], needed: tuple[int, ...]) -> str:
    """Name the mistake, where it is a common one."""
    if len(given) == 4 and tuple(given[i] for i in (0, 2, 3, 1)) == needed:
        return "; looks like NCHW: x.transpose(0, 2, 3, 1)"
    if (1, *given) == needed:
        return ": x[np.newaxis] adds the batch"
    if (*given, 1) == needed:
        return ": x[..., np.newaxis] adds the channel"
    if given[1:] == needed[1:] and needed[:1] == (1,):
        return ": the batch is 1; call the model once for each, or model.resize it"
    return ""
