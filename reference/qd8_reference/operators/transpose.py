"""TRANSPOSE."""

from collections.abc import Sequence

from .. import tensors
from ..types import Tensor


def transpose(x: Tensor, *, perm: Sequence[int]) -> Tensor:
    """Return ``x`` with axis ``perm[i]`` at place ``i`` (R36).

    Parameters
    ----------
    x : any stored dtype
    perm : every axis once, negative ones counting from the end
    """
    x = tensors.tensor("x", x)
    order = [n % x.ndim for n in tensors.integers("perm", perm, x.ndim)]
    if sorted(order) != [*range(x.ndim)] or any(abs(n + 0.5) > x.ndim for n in perm):
        raise ValueError(f"perm is {perm!r}; it must name each of {x.ndim} axes once")
    return x.transpose(order).copy()
