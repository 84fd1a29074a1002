"""Element-wise operators of every dtype against the definition (R28, R29)."""

import operator

import numpy as np
import pytest
import qd8_reference

from qd8.kernels import casts, comparison, float_binary, float_unary, integers
from tests.checks import assert_same_bits
from tests.kernels.float_values import anything, output, run, wild
from tests.kernels.test_float_elementwise import SHAPES

FLOATS, INTEGERS = [np.float32, np.float16], [np.int32, np.int64]
STORED = [*FLOATS, *INTEGERS, np.bool_, np.uint8, np.int8]
SIZES = [1, 15, 16, 17, 33, 100]
FEW = [SHAPES[1], *SHAPES[7:12]]  # all operators of a kernel broadcast by one loop


def check(expected, bind, *inputs, **options):
    out = output(expected.shape, expected.dtype)
    assert_same_bits(expected, run(bind(*inputs, out, **options), out))


def define(name, *inputs):
    """What the definition answers; what NumPy warns of is part of it."""
    with np.errstate(all="ignore"):
        return getattr(qd8_reference, name)(*inputs)


def pair(seed, left, right, dtype):
    """Two arrays of which many elements are equal."""
    a, b = anything(seed, *left, dtype=dtype), anything(seed + 1, *right, dtype=dtype)
    spread = np.broadcast_to(a, np.broadcast_shapes(left, right))
    if spread.shape == tuple(right):
        b = np.where(np.random.default_rng(seed).random(right) < 0.3, spread, b)
    return a, np.asarray(b, dtype)


BINARY = ["div", "maximum", "minimum", "squared_difference"]


@pytest.mark.parametrize("name", BINARY)
@pytest.mark.parametrize(("left", "right"), SHAPES)
def test_float_binary(isa, dtype, threads, name, left, right):
    """Every way of broadcasting, walked by one and by three tasks."""
    a, b = pair(1, left, right, dtype)
    expected = define(name, a, b)
    bind = getattr(float_binary, f"bind_{name}")
    check(expected, bind, a, b, threads=threads)


@pytest.mark.parametrize("activation", ["relu", "relu6", "relu_n1_to_1"])
def test_division_and_its_activation(isa, dtype, activation):
    """The clamp follows the quotient."""
    a, b = wild(3, 200, dtype=dtype), wild(4, 200, dtype=dtype)
    options = {"activation": activation}
    expected = qd8_reference.div(a, b, **options)
    check(expected, float_binary.bind_div, a, b, **options, threads=1)


@pytest.mark.parametrize("shape", [(20,), (1,), (3, 5, 20), (5, 1), ()])
def test_prelu(isa, dtype, threads, shape):
    """A slope for each channel, pixel, or one for all."""
    x, alpha = wild(5, 3, 5, 20, dtype=dtype), wild(6, *shape, dtype=dtype)
    expected = qd8_reference.prelu(x, alpha)
    check(expected, float_binary.bind_prelu, x, alpha, threads=threads)


@pytest.mark.parametrize("alpha", [0.2, -0.0, 3.0])
def test_leaky_relu(isa, dtype, threads, alpha):
    """The slope is float32 also where x is float16."""
    x = wild(7, 333, dtype=dtype)
    expected = qd8_reference.leaky_relu(x, alpha=alpha)
    check(expected, float_unary.bind_leaky_relu, x, alpha=alpha, threads=threads)


UNARY = ["abs", "neg", "square", "floor", "sqrt", "rsqrt", "hard_swish", "relu_n1_to_1"]


@pytest.mark.parametrize("name", UNARY)
@pytest.mark.parametrize("size", SIZES)
def test_float_unary(isa, dtype, threads, name, size):
    """All lanes and every rest."""
    x = wild(8, size, dtype=dtype)
    expected = define(name, x)
    check(expected, getattr(float_unary, f"bind_{name}"), x, threads=threads)


@pytest.mark.parametrize("name", UNARY)
def test_unary_of_every_float16(isa, name):
    """All 65536 of them."""
    x = np.arange(1 << 16, dtype=np.uint16).view(np.float16)
    expected = define(name, x)
    check(expected, getattr(float_unary, f"bind_{name}"), x, threads=1)


@pytest.mark.parametrize("integer", INTEGERS)
@pytest.mark.parametrize("name", ["add", "sub", "mul", "div", "maximum", "minimum"])
@pytest.mark.parametrize(("left", "right"), FEW)
def test_integer_binary(isa, threads, integer, name, left, right):
    """Wrapping, and division by zero and of the smallest by -1."""
    a, b = pair(9, left, right, integer)
    b = np.asarray(np.where(b == 1, -1, b), integer)
    expected = define(name, a, b)
    bind = getattr(float_binary, f"bind_{name}")
    check(expected, bind, a, b, threads=threads)


@pytest.mark.parametrize("integer", INTEGERS)
@pytest.mark.parametrize("name", ["add", "sub", "mul"])
def test_integer_names(isa, integer, name):
    """integers.py and float_binary.py lead to the same."""
    a, b = anything(10, 100, dtype=integer), anything(11, 100, dtype=integer)
    expected = getattr(operator, name)(a, b)
    check(expected, getattr(integers, f"bind_{name}"), a, b, threads=1)


@pytest.mark.parametrize("integer", INTEGERS)
@pytest.mark.parametrize("name", ["abs", "neg"])
def test_integer_unary(isa, threads, integer, name):
    """The smallest stays."""
    x = anything(12, 100, dtype=integer)
    expected = define(name, x)
    check(expected, getattr(float_unary, f"bind_{name}"), x, threads=threads)


COMPARISONS = ["less", "less_equal", "greater", "greater_equal", "equal", "not_equal"]


@pytest.mark.parametrize("name", COMPARISONS)
@pytest.mark.parametrize("number", [*FLOATS, *INTEGERS])
def test_comparison(isa, threads, number, name):
    """NaN is unequal to all, -0.0 is equal to +0.0."""
    for left, right in FEW:
        a, b = pair(13, left, right, number)
        expected = define(name, a, b)
        bind = getattr(comparison, f"bind_{name}")
        check(expected, bind, a, b, threads=threads)


@pytest.mark.parametrize("name", ["equal", "not_equal", "logical_and", "logical_or"])
@pytest.mark.parametrize(("left", "right"), SHAPES)
def test_booleans(isa, threads, name, left, right):
    """Every way of broadcasting."""
    a, b = (anything(n, *s, dtype=np.bool_) for n, s in ((14, left), (15, right)))
    expected = define(name, a, b)
    bind = getattr(comparison, f"bind_{name}")
    check(expected, bind, a, b, threads=threads)


@pytest.mark.parametrize("size", SIZES)
def test_logical_not(isa, threads, size):
    """One stays one byte of 0 or 1."""
    x = anything(16, size, dtype=np.bool_)
    expected = qd8_reference.logical_not(x)
    check(expected, comparison.bind_logical_not, x, threads=threads)


@pytest.mark.parametrize("stored", STORED)
@pytest.mark.parametrize(
    ("condition", "left", "right"),
    [
        ((100,), (100,), (100,)),
        ((), (33,), (33,)),
        ((4, 1), (4, 20), (1, 20)),
        ((3, 1, 20), (1, 4, 1), (3, 4, 20)),
        ((5,), (2, 5), ()),
    ],
)
def test_select(isa, threads, stored, condition, left, right):
    """Bits are moved, whatever they mean, and all three broadcast."""
    condition = anything(17, *condition, dtype=np.bool_)
    a, b = anything(18, *left, dtype=stored), anything(19, *right, dtype=stored)
    expected = qd8_reference.select(condition, a, b)
    check(expected, comparison.bind_select, condition, a, b, threads=threads)


@pytest.mark.parametrize("to", STORED)
@pytest.mark.parametrize("stored", STORED)
def test_cast(isa, threads, stored, to):
    """Every pair of dtypes: ties, ends of the ranges, NaN and what is beyond."""
    x = anything(20, 301, dtype=stored)
    if np.dtype(stored).kind == "f":
        ends = [2.0**n + d for n in (7, 8, 31, 63) for d in (-1, -0.5, 0, 0.5, 1)]
        with np.errstate(over="ignore"):
            more = np.array([*ends, *np.negative(ends), 0.5, 1.5, -0.9]).astype(stored)
        x = np.concatenate([x, more])
    expected = qd8_reference.cast(x, dtype=to)
    check(expected, casts.bind_cast, x, threads=threads)


def test_in_place(isa, dtype, threads):
    """An operator may write over what it reads: full lanes, rest, and tasks."""
    x = wild(21, 333, dtype=dtype)
    for name in ["abs", "rsqrt", "hard_swish", "tanh", "neg", "square"]:
        out = output(x.shape, dtype)
        out[:] = x
        calls = getattr(float_unary, f"bind_{name}")(out, out, threads=threads)
        assert_same_bits(define(name, x), run(calls, out))
    for name in ["squared_difference", "div"]:
        out = output(x.shape, dtype)
        out[:] = x
        calls = getattr(float_binary, f"bind_{name}")(out, x, out, threads=threads)
        assert_same_bits(define(name, x, x), run(calls, out))
