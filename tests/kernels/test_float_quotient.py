"""Quotients without a division, where they come closest to rounding wrongly."""

import numpy as np

from qd8.kernels import cache, launch
from qd8.kernels import isa as tiers
from qd8.kernels.float_arguments import address, aligned
from qd8.kernels.float_quotient import quotient
from qd8.kernels.kinds import LANES
from qd8.kernels.scalars import word
from qd8.kernels.vector import F32, load, splat, store
from tests.checks import assert_same_bits

DIVISORS = 20_000
BITS = 24


def _factory(source, TIER):
    def quotients(task, tasks, args):
        source  # noqa: B018
        a, b, out = word(args, 0), word(args, 1), word(args, 2)
        one = splat(np.float32(1))
        for at in range(0, 4 * word(args, 3), 4 * LANES):
            divisor = load(TIER, F32, b + at)
            reciprocal = one / divisor
            power = load(TIER, F32, a + at)
            y = quotient(TIER, power, divisor, reciprocal)
            store(TIER, F32, out + at, y)

    return quotients


def beside_ties():
    """Integers (a, b) of 24 bits: a / b is as near to a tie as any quotient can be.

    2^k a - m b = j with small j and m of 25 bits, odd: m = -j / b modulo 2^k.
    """
    rng = np.random.default_rng(0)
    ends = np.concatenate([np.arange(1, 512), 2**23 - np.arange(1, 512)])
    b = np.concatenate([ends, rng.integers(0, 2**23, DIVISORS)]).astype(np.uint64)
    b = (b + np.uint64(2**23)) | np.uint64(1)
    inverse = b.copy()
    for _ in range(5):  # Newton's iteration, modulo 2^64
        inverse *= np.uint64(2) - b * inverse
    found = []
    for k in (BITS, BITS + 1):
        mask = np.uint64(2**k - 1)
        for j in (-3, -2, -1, 1, 2, 3):
            m = (np.uint64(-j % 2**64) * inverse) & mask
            for turn in (0, 2**k):
                n = m + np.uint64(turn)
                a = (n * b + np.uint64(j % 2**64)) >> np.uint64(k)
                inside = (n & np.uint64(1) == 1) & (n >> np.uint64(BITS) == 1)
                inside &= a >> np.uint64(BITS - 1) == 1
                found.append(np.stack([a[inside], b[inside]]))
    return np.concatenate(found, axis=1)


def test_quotients_beside_ties(isa):
    """Scaled as a softmax has them, the remainder decides: fl(a / b) all the same."""
    a, b = beside_ties()
    count = a.size // LANES * LANES
    assert count > DIVISORS
    operands = [aligned((count,)) for _ in range(3)]
    operands[0][:] = a[:count].astype(np.float32) * np.float32(2.0**20)
    operands[1][:] = b[:count].astype(np.float32) * np.float32(2.0**42)
    kernel = cache.kernel(_factory, tiers.current().id)
    words = (*map(address, operands), count)
    launch.run([launch.bind(kernel, words, 1, *operands)])
    assert_same_bits(operands[0] / operands[1], operands[2])
    once = operands[0] * (np.float32(1) / operands[1])
    assert (once != operands[2]).mean() > 0.2  # they are hard
