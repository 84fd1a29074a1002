"""Element-wise programs against the definitions of their operators, in order."""

from operator import itemgetter

import numpy as np
import pytest
import qd8_reference
from hypothesis import given, settings
from hypothesis import strategies as st

from qd8.kernels import chain
from qd8.kernels import isa as tiers
from qd8.kernels.chain_loop import AHEAD
from qd8.kernels.chain_program import (
    CHANNEL,
    IMAGE,
    MOST_LINKS,
    MOST_OPERANDS,
    OPERATORS,
    ROW,
    SAME,
    SCALAR,
    Link,
    Place,
    Program,
    decoded,
    encoded,
)
from qd8.kernels.tail import NO_TAIL
from qd8.kernels.vector import LANES
from tests.checks import assert_same_bits
from tests.kernels.float_values import output, run, wild
from tests.processes import run_python

SHAPES = [(2, 3, 4, 19), (1, 2, 2, 16), (3, 1, 5, 40), (2, 2, 1, 1), (1, 1, 1, 7)]


def operand(n):
    """Name operand n."""
    return Place(False, n)


def result(n):
    """Name the result of link n."""
    return Place(True, n)


def defined(program, operands):
    """Compute a program by the functions of the definition."""
    results = []
    for link in program.links:
        values = [
            (results if place.is_result else operands)[place.index]
            for place in link.arguments
        ]
        name, options = link.name, {}
        if name.startswith("gelu"):
            name, options = "gelu", {"approximate": name != "gelu"}
        results.append(getattr(qd8_reference, name)(*values, **options))
    return results[-1]


def shaped(kind, shape):
    """Return the shape of an operand of an output (N, H, W, C)."""
    n, h, w, c = shape
    return {
        SAME: shape,
        CHANNEL: (c,),
        IMAGE: (n, 1, 1, c),
        ROW: (n, h, w, 1),
        SCALAR: (),
    }[kind]


def check(program, shape, dtype, threads):
    """Run a program alone and hold it to the definition."""
    operands = [
        wild(n, *shaped(kind, shape), dtype=dtype)
        for n, kind in enumerate(program.kinds)
    ]
    out = output(shape, dtype)
    calls = chain.bind_chain(*operands, out, program=program, threads=threads)
    with np.errstate(all="ignore"):
        found = run(calls, out)
        # Links that all read narrow operands make a narrow result, repeated.
        expected = np.broadcast_to(defined(program, operands), found.shape)
        assert_same_bits(expected, found)


def sized(links, kinds, shape):
    """Make a program for an output of a shape."""
    return Program(tuple(links), tuple(kinds), shape[3], shape[1] * shape[2])


def alone(name):
    """Make a program of one operator, of arrays of its output's shape."""
    operands = tuple(operand(n) for n in range(OPERATORS[name]))
    return Program((Link(name, operands),), (SAME,) * len(operands), 1 << 62)


@pytest.mark.parametrize("name", OPERATORS)
def test_every_operator(isa, dtype, threads, name):
    """Alone, on whole vectors and rests."""
    for shape in SHAPES:
        check(alone(name), shape, dtype, threads)


@pytest.mark.parametrize("kind", [SAME, CHANNEL, IMAGE, ROW, SCALAR])
@pytest.mark.parametrize("shape", SHAPES)
def test_every_kind_of_operand(isa, dtype, threads, kind, shape):
    """As the first and as the second argument."""
    links = Link("sub", (operand(0), operand(1))), Link("div", (operand(1), result(0)))
    check(sized(links, (SAME, kind), shape), shape, dtype, threads)


GELU = [
    Link("mul", (operand(0), operand(2))),
    Link("mul", (operand(1), operand(3))),
    Link("mul", (result(0), operand(1))),
    Link("square", (operand(1),)),
    Link("mul", (result(3), operand(4))),
    Link("add", (result(4), operand(5))),
    Link("mul", (result(1), result(5))),
    Link("tanh", (result(6),)),
    Link("add", (result(7), operand(5))),
    Link("mul", (result(2), result(8))),
]


def test_a_gated_gelu(isa, dtype, threads):
    """Results that are used several links later."""
    kinds = SAME, SAME, SCALAR, SCALAR, SCALAR, SCALAR
    check(sized(GELU, kinds, SHAPES[0]), SHAPES[0], dtype, threads)


@st.composite
def programs(draw):
    """Draw programs of cheap operators, over every kind of operand."""
    kinds = [SAME, *draw(st.lists(st.sampled_from(range(5)), max_size=4))]
    links = []
    for n in range(draw(st.integers(1, MOST_LINKS))):
        name = draw(st.sampled_from(["add", "sub", "mul", "maximum", "relu6", "abs"]))
        places = [operand(k) for k in range(len(kinds))] + [result(k) for k in range(n)]
        arguments = [draw(st.sampled_from(places)) for _ in range(OPERATORS[name])]
        links.append(Link(name, tuple(arguments)))
    return tuple(links), tuple(kinds)


@given(programs())
def test_words_say_everything(program):
    """The integers that a kernel is found by are the program."""
    links, kinds = program
    found = decoded(encoded(Program(links, kinds, 1)))
    assert (tuple(found[0]), tuple(found[1])) == program


def test_the_longest_program_fits_its_words():
    """Each word is a positive int64 that Numba takes as a literal."""
    last = list(OPERATORS)[-1]
    highest = Place(True, MOST_LINKS - 1)
    links = tuple(Link(last, (highest,)) for _ in range(MOST_LINKS))
    program = Program(links, (SCALAR,) * MOST_OPERANDS, 1)
    assert all(0 <= word < 2**63 for word in encoded(program))
    assert decoded(encoded(program)) == (list(links), [SCALAR] * MOST_OPERANDS)


@settings(max_examples=4, deadline=None)
@given(
    programs(), st.sampled_from(SHAPES[:3]), st.sampled_from([np.float32, np.float16])
)
def test_drawn_programs(program, shape, dtype):
    """Whatever is drawn equals the definition."""
    check(sized(*program, shape), shape, dtype, threads=1)


@pytest.mark.parametrize("kind", [SAME, CHANNEL, IMAGE, ROW])
def test_a_tail_finishes_pieces_in_place(isa, dtype, kind):
    """Pieces of rows, in any order, are the whole; nothing else is touched."""
    shape = (2, 3, 4, 37)
    links = Link("logistic", (operand(0),)), Link("mul", (result(0), operand(0)))
    links += (Link("add", (operand(1), result(1))),)
    program = sized(links, (SAME, kind), shape)
    x = wild(1, *shape, dtype=dtype)
    other = wild(2, *shaped(kind, shape), dtype=dtype)
    expected = defined(program, [x, other])
    out = output(shape, dtype)
    tail = chain.bind_tail(program, [other], out)
    for stride, columns in ((37, [(0, 37)]), (37, [(16, 37), (0, 16)]), (37, [(5, 6)])):
        out[...] = x
        for first, last in columns:
            chain_rows(tail, first, 24, last - first, stride)
        done = np.zeros(shape, bool)
        for first, last in columns:
            done[..., first:last] = True
        assert_same_bits(np.where(done, expected, x), out)


def chain_rows(tail, first, rows, count, stride):
    """Call ``apply_tail`` as a kernel would."""
    chain.apply_tail(*tail.words, first, rows, count, stride)


X, Y = operand(0), operand(1)
WITH_LOGISTIC = [
    [Link("logistic", (X,)), Link("mul", (X, result(0)))],
    [Link("add", (X, Y)), Link("logistic", (Y,)), Link("sub", (result(0), result(1)))],
    # Of a result it is not in halves, nor where there are two.
    [Link("neg", (Y,)), Link("logistic", (result(0),))],
    [
        Link("logistic", (X,)),
        Link("logistic", (Y,)),
        Link("sub", (result(0), result(1))),
    ],
]
COUNTS = [2 * AHEAD - 1, 2 * AHEAD, 2 * AHEAD + 1, 5 * AHEAD + 3]


@pytest.mark.parametrize("links", WITH_LOGISTIC, ids=range(len(WITH_LOGISTIC)))
def test_a_logistic_function_in_halves(isa, dtype, links):
    """However many vectors wait between them; over its own operand, and with a rest."""
    for count in COUNTS:
        length = count * LANES + 5
        program = Program(tuple(links), (SAME, CHANNEL), length)
        x, other = wild(1, 2, length, dtype=dtype), wild(2, length, dtype=dtype)
        out = output(x.shape, dtype)
        out[...] = x
        with np.errstate(all="ignore"):
            expected = np.broadcast_to(defined(program, [x, other]), x.shape)
        tail = chain.bind_tail(program, [other], out)
        chain.apply_tail(*tail.words, 0, 1, out.size, out.size)
        assert_same_bits(expected, out)


def test_no_tail_is_nothing():
    """Address 0 is called by nobody."""
    chain.apply_tail(*NO_TAIL, 0, 3, 5, 5)


@pytest.mark.parametrize(
    "tier", [t for t in tiers.TIERS if t.features], ids=itemgetter(0)
)
def test_a_tier_needs_its_own_features_only(tier):
    """LLVM would abort the process on an instruction that the target lacks."""
    if tier.name not in tiers.runnable():
        pytest.skip(f"{tier.name} does not run here: {tiers.obstacle(tier.name)}")
    features = ",".join(f"+{name}" for name in tier.features)
    target = {"NUMBA_CPU_NAME": "x86-64", "NUMBA_CPU_FEATURES": features}
    ended = run_python(EVERY_OPERATOR, QD8_ISA=tier.name, **target)
    assert ended.returncode == 0, ended.stderr


EVERY_OPERATOR = """
import numpy as np
from qd8.kernels import chain
from tests.kernels.test_chain import OPERATORS, alone

x = np.ones(16, np.float32)
for name, count in OPERATORS.items():
    chain.bind_chain(*[x] * count, x, program=alone(name), threads=1)
"""
