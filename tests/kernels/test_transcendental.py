"""EXP, TANH, ELU, GELU and POW against the definition (R24, R31 to R34)."""

from importlib import import_module

import numpy as np
import pytest
import qd8_reference

from qd8.kernels import float_binary, float_functions, float_pow, float_unary
from tests.checks import assert_same_bits
from tests.kernels.float_values import output, run, wild

NAMES = ["exp", "tanh", "elu", "gelu", "gelu_approximate"]


def check(expected, bind, *inputs, **options):
    out = output(expected.shape, expected.dtype)
    assert_same_bits(expected, run(bind(*inputs, out, **options), out))


def unary(name, x, threads=1):
    """Compare an operator with its definition."""
    family, _, approximate = name.partition("_")
    options = {"approximate": bool(approximate)} if family == "gelu" else {}
    with np.errstate(all="ignore"):
        expected = getattr(qd8_reference, family)(x, **options)
    bind = getattr(float_unary, f"bind_{family}")
    check(expected, bind, x, **options, threads=threads)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("size", [1, 15, 16, 17, 1000])
def test_sizes(isa, dtype, threads, name, size):
    """All lanes and every rest; NaN, infinities and what overflows."""
    unary(name, wild(1, size, dtype=dtype), threads)


@pytest.mark.parametrize("name", NAMES)
def test_every_float16(isa, name):
    """All 65536 of them."""
    unary(name, np.arange(1 << 16, dtype=np.uint16).view(np.float16))


@pytest.mark.parametrize("name", NAMES)
def test_ranges(isa, name):
    """From where results underflow to where they overflow, and close to zero."""
    edges = [104.0, 89.0, 88.73, 87.33654, 32.0, 15.0, 12.9, 9.1, 4.0, 0.5]
    edges += [1e-4, 1e-38, 1e-45]
    near = np.concatenate([edges, np.nextafter(edges, 0), np.nextafter(edges, 200)])
    x = np.concatenate([np.linspace(0, 110, 20001), np.geomspace(1e-45, 110, 5000)])
    x = np.concatenate([x, near, [0.0, np.inf, np.nan]])
    unary(name, np.concatenate([x, -x]).astype(np.float32))


SPECIAL = [0.0, 0.5, 1.0, 2.0, 3.0, 1e-45, 1e-38, 2.5, 16777217.0, 3e38, np.inf, np.nan]
SPECIAL += [0.99999994, 1.0000001, 127.0, 128.0, 150.0, 2.0**-126]


def test_coefficients():
    """A wrong last term shows in one float32 of a million; it must not be there."""
    defined = import_module("qd8_reference.operators.pow")
    assert defined.LOG2_SERIES == float_pow.LOG2_SERIES
    assert defined.EXP_SERIES == float_pow.EXP_SERIES
    defined = import_module("qd8_reference.operators.gelu")
    assert_same_bits(np.array(defined.P), np.float32(float_functions.SHARE))


def test_pow_of_special_numbers(isa):
    """Each with each: zeros, infinities, NaN, odd and even and broken exponents."""
    numbers = np.array([*SPECIAL, *np.negative(SPECIAL)], np.float32)
    a, b = numbers[:, None].copy(), numbers[None].copy()
    check(qd8_reference.pow(a, b), float_binary.bind_pow, a, b, threads=1)


def test_pow(isa, dtype, threads):
    """Results over the whole range, and what is beyond it."""
    rng = np.random.default_rng(2)
    a = np.exp2(rng.uniform(-30, 30, 3000))
    b = rng.uniform(-150, 150, 3000) / np.log2(a)
    b[::3] = rng.integers(-9, 10, 1000)
    b[1::9], b[2::9] = 2, 0.5
    a = np.where(rng.random(3000) < 0.3, -a, a)
    with np.errstate(over="ignore"):
        a, b = a.astype(dtype), b.astype(dtype)
    check(qd8_reference.pow(a, b), float_binary.bind_pow, a, b, threads=threads)


@pytest.mark.parametrize(
    ("left", "right"), [((5, 20), ()), ((), (33,)), ((4, 1), (7,))]
)
def test_pow_broadcasts(isa, dtype, threads, left, right):
    """One exponent for all is the usual case."""
    a, b = wild(3, *left, dtype=dtype), wild(4, *right, dtype=dtype)
    check(qd8_reference.pow(a, b), float_binary.bind_pow, a, b, threads=threads)
