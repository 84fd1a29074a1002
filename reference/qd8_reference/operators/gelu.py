"""GELU, by the error function or by its approximation with tanh."""

import numpy as np

from .. import arguments
from ..activation import minimum
from ..exponential import exponential, sigmoid
from ..float16 import store, widen
from ..fma import fma
from ..types import F32, Float

# Twice sqrt(2 / pi), and that times 0.044715: tanh's argument doubled is sigmoid's.
LINEAR = np.float32(1.5957691216057308)
CUBIC = np.float32(0.07135481282553094)

# Beyond it the share of the normal distribution counts as 0; at it, it is 2.2e-38.
FAR = np.float32(12.9)

# The share of the normal distribution below -c is exp(-c^2 / 2) P(u) / (c + 4) with
# u = (c - 4) / (c + 4), for 0 <= c <= 15; highest power first. The relative error of P
# is at most 3.3e-8. Found by least squares, reweighted towards the largest error.
P = [
    np.float32(-0.00013419498),
    np.float32(0.00017465997),
    np.float32(0.001568406),
    np.float32(-0.003510212),
    np.float32(-0.0075240033),
    np.float32(0.06040349),
    np.float32(-0.18652366),
    np.float32(0.3871369),
    np.float32(-0.60789657),
    np.float32(0.75528514),
]


def gelu(x: Float, *, approximate: bool = False) -> Float:
    """Return ``x`` times the share of the normal distribution below ``x`` (R33).

    Parameters
    ----------
    x : float32 or float16
        Minus infinity gives NaN, as -infinity * 0 does.
    approximate : bool
        ``x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2`` instead, which is ``x``
        times a sigmoid.
    """
    x = arguments.activations("x", x)
    wide = widen(x)
    with np.errstate(all="ignore"):
        if approximate:
            share = sigmoid(wide * fma(wide * wide, CUBIC, LINEAR))  # R33
        else:
            below = _share_below(np.abs(wide))
            share = np.where(wide < 0, below, np.float32(1) - below)
        return store(wide * share, x.dtype)


def _share_below(distance: F32) -> F32:
    """Return the share of the normal distribution below ``-distance`` (R33)."""
    c = minimum(distance, FAR)
    s = np.float32(1) / (c + np.float32(4))
    u = (c - np.float32(4)) * s
    p = np.full_like(u, P[0])
    for coefficient in P[1:]:
        p = fma(p, u, coefficient)
    square = c * c
    rest = fma(c, c, -square)  # what rounding the square left out
    e = exponential(np.float32(-0.5) * square)
    e = fma(e, np.float32(-0.5) * rest, e)
    share: F32 = np.where(distance > FAR, np.float32(0), p * s * e)
    return share
