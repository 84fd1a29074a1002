"""SPACE_TO_BATCH_ND and BATCH_TO_SPACE_ND: how older files write a dilation."""

from collections.abc import Sequence

import numpy as np

from .. import tensors
from ..types import Pair, Tensor


def space_to_batch_nd(
    x: Tensor, *, block_shape: Sequence[int], paddings: Sequence[Pair]
) -> Tensor:
    """Return every ``block_shape``-th element as an image of its own (R36).

    Parameters
    ----------
    x : (N, spatial..., C...) of any stored dtype
    block_shape : one integer of at least 1 for each of M spatial axes, 1 to M of ``x``
    paddings : (before, after) for each of them, of zeros; the padded extent must
        divide by the block

    Returns
    -------
    (block * N, spatial / block..., C...)
        Image ``b * N + n``, b counting positions in the block in row-major order.
    """
    x = tensors.tensor("x", x)
    block, sides = _spatial(x, block_shape, paddings, "paddings")
    m = len(block)
    others = [(0, 0)] * (x.ndim - m - 1)
    x = np.pad(x, [(0, 0), *sides, *others])
    for n, size in zip(x.shape[1:], block, strict=False):
        if n % size:
            raise ValueError(
                f"x is {x.shape} when padded; it does not divide into {block_shape!r}"
            )
    spatial = [
        extent
        for n, size in zip(x.shape[1:], block, strict=False)
        for extent in (n // size, size)
    ]
    parts = x.reshape(x.shape[0], *spatial, *x.shape[m + 1 :])
    within, between = [*range(2, 2 * m + 1, 2)], [*range(1, 2 * m, 2)]
    rest = [*range(2 * m + 1, parts.ndim)]
    moved = parts.transpose(*within, 0, *between, *rest)
    outer = [parts.shape[i] for i in between]
    return moved.reshape(-1, *outer, *x.shape[m + 1 :]).copy()


def batch_to_space_nd(
    x: Tensor, *, block_shape: Sequence[int], crops: Sequence[Pair]
) -> Tensor:
    """Return what ``space_to_batch_nd`` took apart, without ``crops`` (R36).

    Parameters
    ----------
    x : (block * N, spatial..., C...) of any stored dtype
    block_shape : one integer of at least 1 for each of M spatial axes, 1 to M of ``x``
    crops : (before, after) for each of them, how many elements to leave out
    """
    x = tensors.tensor("x", x)
    block, sides = _spatial(x, block_shape, crops, "crops")
    m, positions = len(block), int(np.prod(block))
    if x.shape[0] % positions:
        raise ValueError(
            f"x is {x.shape}; its {x.shape[0]} images do not divide into "
            f"the {positions} positions of {block_shape!r}"
        )
    parts = x.reshape(*block, x.shape[0] // positions, *x.shape[1:])
    order = [m]
    for i in range(m):
        order += [m + 1 + i, i]
    order += [*range(2 * m + 1, parts.ndim)]
    spatial = [n * size for n, size in zip(x.shape[1:], block, strict=False)]
    whole = parts.transpose(order).reshape(-1, *spatial, *x.shape[m + 1 :])
    for n, (before, after) in zip(spatial, sides, strict=True):
        if before + after > n:
            raise ValueError(f"crops is {crops!r}, more than there is of {spatial}")
    kept = [
        slice(before, n - after)
        for n, (before, after) in zip(spatial, sides, strict=True)
    ]
    return whole[:, *kept].copy()


def _spatial(
    x: Tensor, block_shape: object, sides: object, name: str
) -> tuple[tuple[int, ...], list[Pair]]:
    """Return the block and what surrounds it, checked against each other and ``x``."""
    block = tensors.integers("block_shape", block_shape, at_least=1)
    if not 1 <= len(block) < x.ndim:
        raise ValueError(f"block_shape is {block_shape!r} but x is {x.shape}")
    if not isinstance(sides, tuple | list) or len(sides) != len(block):
        raise ValueError(f"{name} is {sides!r}; it must be {len(block)} pairs")
    pairs = [tensors.integers(name, side, 2, at_least=0) for side in sides]
    return block, [(before, after) for before, after in pairs]
