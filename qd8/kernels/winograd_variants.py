"""Short convolutions with few products, as integer matrices for Winograd's kernel.

Along one axis, m outputs of a convolution with r taps and a stride s are bilinear:

    2^-e_i L sum_k d[s i + k] w[k]  =  sum_p A[i, p] (G w)[p] (B d)[p]

with n products instead of m r. A, B and G are whole, so over integers modulo 2^32 it
is an identity; :func:`toom_cook` makes the matrices of it from n points, and the tests
check it entry by entry. Two axes make a variant, by the tensor product.

The points of F(4, 3) are 0, 1, -1, 2, -2 and infinity. Rows of G hold the odd part of
L over the Lagrange denominator, columns of A the power of two; and powers of two that
the columns of a row of A have in common are left out of it: its e_i.

Source: Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks" (2015);
homogeneous points (p : q) as in Toom and Cook, so that 1/2 needs no fractions.
"""

from collections.abc import Sequence
from math import gcd, lcm, prod
from typing import NamedTuple

import numpy as np

STEPS = 255  # the length of the interval of differences d, which contains 0
WORD = (1 << 15) - 1  # the largest magnitude that a transformed value may have

Matrix = tuple[tuple[int, ...], ...]
Rows = Sequence[tuple[int, ...]]


class Axis(NamedTuple):
    """Products of one axis. B (n, inputs), G (n, r), A (m, n), L, e (m,)."""

    stride: int
    B: Matrix
    G: Matrix
    A: Matrix
    L: int
    e: tuple[int, ...]

    @property
    def outputs(self) -> int:
        """m, outputs of a tile."""
        return len(self.A)

    @property
    def taps(self) -> int:
        """r, taps of a block of the kernel."""
        return len(self.G[0])

    @property
    def inputs(self) -> int:
        """Inputs that a tile and a block of taps read."""
        return len(self.B[0])

    @property
    def products(self) -> int:
        """n, positions of the transformed domain."""
        return len(self.B)


def toom_cook(points: tuple[tuple[int, int], ...], outputs: int) -> Axis:
    """F(outputs, len(points) + 1 - outputs) from points p/q given as (p, q).

    Row p of B is the polynomial that vanishes at all other points; (1, 0) is infinity.
    """
    taps = len(points) + 1 - outputs
    B, values = [], []
    for p, q in points:
        row, value = [1], 1
        for other, under in points:
            if (other, under) != (p, q):
                row = [
                    under * a - other * b
                    for a, b in zip([0, *row], [*row, 0], strict=True)
                ]
                value *= under * p - other * q
        # Of both signs the one that ends in a positive coefficient.
        sign = 1 if [a for a in row if a][-1] > 0 else -1
        B.append(tuple(sign * a for a in row))
        values.append(sign * value)
    L = lcm(*values)
    G, columns = [], []
    for (p, q), value in zip(points, values, strict=True):
        factor = L // value
        two = factor & -factor
        G.append(tuple(factor // two * p**k * q ** (taps - 1 - k) for k in range(taps)))
        columns.append([two * p**i * q ** (outputs - 1 - i) for i in range(outputs)])
    return _reduced(1, B, G, list(zip(*columns, strict=True)), L)


def strided(even: Axis, odd_taps: int) -> Axis:
    """Stride 2: taps 0, 2, ... by ``even``, tap 1 by plain products.

    The outputs of both phases are added in the ring, so both carry the factor L.
    """
    if odd_taps != 1 or any(even.e):
        raise ValueError("only one odd tap, and no power of two left out, is built")
    m, inputs = even.outputs, 2 * even.inputs - 1
    B = [_spread(row, 0, inputs) for row in even.B]
    B += [tuple(int(j == 2 * i + 1) for j in range(inputs)) for i in range(m)]
    G = [_spread(row, 0, 2 * even.taps - 1) for row in even.G]
    G += [_spread((even.L,), 1, 2 * even.taps - 1)] * m
    A = [(*row, *(int(i == j) for j in range(m))) for i, row in enumerate(even.A)]
    return _reduced(2, B, G, A, even.L)


def _spread(row: tuple[int, ...], first: int, size: int) -> tuple[int, ...]:
    out = [0] * size
    out[first : first + 2 * len(row) - 1 : 2] = row
    return tuple(out)


def _reduced(stride: int, B: Rows, G: Rows, A: Rows, L: int) -> Axis:
    """Leave the powers of two that a row of A has in common out of it."""
    e = [(gcd(*row) & -gcd(*row)).bit_length() - 1 for row in A]
    reduced = [tuple(a >> n for a in row) for row, n in zip(A, e, strict=True)]
    return Axis(stride, tuple(B), tuple(G), tuple(reduced), L, tuple(e))


class Variant(NamedTuple):
    """Two axes. A kernel's taps are cut into blocks of ``y.taps`` by ``x.taps``."""

    name: str
    y: Axis
    x: Axis

    @property
    def positions(self) -> int:
        """Products of a tile and a block of taps, of one input and output channel."""
        return self.y.products * self.x.products

    @property
    def inverse(self) -> int:
        """Of the odd part of L^2, modulo 2^32."""
        return pow(self._factor >> self.shift, -1, 1 << 32)

    @property
    def shift(self) -> int:
        """The power of two in L^2."""
        return (self._factor & -self._factor).bit_length() - 1

    @property
    def limit(self) -> int:
        """Magnitudes of accumulators below it are recovered exactly."""
        return 1 << (31 - self.shift + min(self.y.e) + min(self.x.e))

    @property
    def _factor(self) -> int:
        return self.y.L * self.x.L

    def blocks(self, kernel: tuple[int, int]) -> tuple[tuple[int, int], ...]:
        """The first tap (row, column) of every block of a kernel's taps."""
        y, x = self.y.taps, self.x.taps
        columns = range(0, kernel[1], x)
        return tuple((i, j) for i in range(0, kernel[0], y) for j in columns)

    def largest_input(self) -> int:
        """The largest |V| that inputs of any image can have.

        Differences lie in an interval of length 255 that contains 0, so a sum of
        them is at most 255 times the sum of its positive coefficients, or of its
        negative ones.
        """
        rows = np.kron(np.array(self.y.B), np.array(self.x.B))
        up, down = np.maximum(rows, 0).sum(1), np.maximum(-rows, 0).sum(1)
        return STEPS * int(max(up.max(), down.max()))

    def largest_weight(self) -> int:
        """The largest |U| that int8 weights can have."""
        sums = (np.abs(axis.G).sum(1).max() for axis in (self.y, self.x))
        return 128 * int(prod(sums))


_ZERO, _INFINITY = (0, 1), (1, 0)
_FIVE = (_ZERO, (1, 1), (-1, 1), (2, 1), _INFINITY)
_SIX = (*_FIVE[:4], (-2, 1), _INFINITY)
_EIGHT = (*_SIX[:5], (1, 2), (-1, 2), _INFINITY)

ONE = Axis(1, ((1,),), ((1,),), ((1,),), 1, (0,))
F43, F54 = toom_cook(_SIX, 4), toom_cook(_EIGHT, 5)
F43_2 = strided(toom_cook(_FIVE, 4), 1)

VARIANTS = (  # the kernels close over an index
    Variant("4x4_3x3", F43, F43),
    Variant("1x4_1x3", ONE, F43),
    Variant("1x5_1x4", ONE, F54),
    Variant("4x4_3x3s2", F43_2, F43_2),
)


def variant_of(
    kernel: tuple[int, int], stride: tuple[int, int], dilation: tuple[int, int]
) -> tuple[int, bool] | None:
    """Index of the variant for a convolution, and whether its axes are exchanged.

    None where there is none: kernels of one tap, of so many that a chunk of channels
    could exceed the limit, strides other than those above.
    """
    if kernel[0] * kernel[1] > 64:
        return None
    if stride == (2, 2) and kernel == (3, 3) and dilation == (1, 1):
        return 3, False
    if stride != (1, 1) or kernel == (1, 1):
        return None
    if 1 not in kernel:
        return 0, False
    return (1 if max(kernel) <= 3 else 2), kernel[1] == 1
