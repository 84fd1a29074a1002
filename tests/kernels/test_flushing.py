"""R2 where only a bias that cancels makes an output tiny (epilogue.never_tiny)."""

import numpy as np
import qd8_reference
from qd8_reference.quantize import quantize_rows

import qd8
from tests.checks import assert_same_bits

COLUMNS = 64
SMALLEST = -127  # exponent of the last place of the finest products


def cancelling(seed):
    """One row, and columns whose outputs are the last places of their products.

    With an odd 24-bit m of the row's scale there is a 24-bit n with m n = r modulo
    2^24 for any odd r: the product of scale and weight scale is a float32, the bias,
    and r times its own last place, which is all that is left.
    """
    rng = np.random.default_rng(seed)
    while True:
        top = np.float32(rng.uniform(1, 2))
        x = np.array([[0, top / np.float32(255), top]], np.float32)
        mantissa, exponent = np.frexp(quantize_rows(x).scale.item())
        m = int(mantissa * 2**24)
        if m % 2:
            break
    last = int(exponent) - 24
    weight_scale, bias = [], []
    while len(bias) < COLUMNS:
        r = int(rng.integers(0, 16)) * 2 + 1
        n = r * pow(m, -1, 1 << 24) % (1 << 24)
        if n < 1 << 23:
            continue
        # Around the threshold: the output is r times 2^place.
        place = SMALLEST - r.bit_length() + 1 + int(rng.integers(0, 2))
        weight_scale.append(n * 2.0 ** (place - last))
        bias.append(-((m * n - r) >> 24) * 2.0 ** (place + 24))
    weight = np.tile(np.array([0, 1, 0], np.int8), (COLUMNS, 1))
    return x, weight, np.array(weight_scale, np.float32), np.array(bias, np.float32)


def test_what_a_bias_leaves_is_flushed(isa):
    """Products near 2^-80, where the kernels still ask whether outputs are tiny."""
    flushed = 0
    for seed in range(8):
        x, weight, weight_scale, bias = cancelling(seed)
        expected = qd8_reference.fully_connected(x, weight, weight_scale, bias)
        flushed += np.count_nonzero(expected == 0)
        assert np.count_nonzero(expected) > 0
        found = qd8.FullyConnected(weight, weight_scale, bias)(x)
        assert_same_bits(expected, found)
    assert flushed > 0
