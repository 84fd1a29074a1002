"""Outputs whose memory the caller gets: never written to while anybody has it."""

import threading
from importlib import import_module

import numpy as np
import pytest
from hypothesis import given

import qd8
from qd8.graph.handover import MOST, handed_over
from qd8.validation import run_reference
from tests.checks import assert_same_bits
from tests.graph.test_arena import graphs
from tests.tflite.net import Net
from tests.tflite.small import int8, normal, scales
from tests.tflite.write import T

handover = import_module("qd8.graph.handover")
ROWS, K, N = 5, 16, 24


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    """Let small outputs be large."""
    monkeypatch.setattr(handover, "LEAST", 1)


def layer(net, x, outputs=N):
    """Add a quantized fully connected."""
    weight = T((outputs, K), "INT8", int8(outputs, K, seed=outputs), scales(outputs))
    return net.add("FULLY_CONNECTED", [x, net.tensor(weight)], (ROWS, outputs))


def one(net, x):
    """An output that a layer writes, and a view of it."""
    return [net.add("RESHAPE", [layer(net, x), [N, ROWS]], (N, ROWS))]


def in_place(net, x):
    """An output that is made over what a layer wrote."""
    made = layer(net, x)
    return [net.add("SOFTMAX", [net.add("TANH", [made], (ROWS, N))], (ROWS, N), Beta=1)]


def two(net, x):
    """Two outputs, of which one is made of the other."""
    made = layer(net, x)
    return [made, net.add("NEG", [made], (ROWS, N))]


def joined(net, x):
    """Channels written where CONCATENATION would copy them."""
    parts = [layer(net, x), layer(net, net.add("NEG", [x], (ROWS, K)), 8)]
    return [net.add("CONCATENATION", parts, (ROWS, N + 8), Axis=1)]


KINDS = {"one": one, "in place": in_place, "two": two, "joined": joined}


def loaded(kind, **options):
    """Return a model, inputs, and what the reference makes of each."""
    net = Net()
    model = qd8.load(net.finish(*KINDS[kind](net, net.input(ROWS, K))), **options)
    name, inputs = model.inputs[0].name, [normal(ROWS, K, seed=i) for i in range(9)]
    return model, [(x, run_reference(model, {name: x})) for x in inputs]


def answers(model, x):
    """Return the outputs by name."""
    made = model(x)
    return made if isinstance(made, dict) else {model.outputs[0].name: made}


@pytest.mark.parametrize("passes", [None, ()])
@pytest.mark.parametrize("kind", KINDS)
def test_what_is_kept_stays_as_it_was(kind, passes):
    """More answers than are lent, on one thread and two, each the reference's."""
    model, cases = loaded(kind, passes=passes)
    assert model._plan.handed == {*model.fused_graph.outputs.values()}
    kept = []
    for turn, (x, _) in enumerate(cases):
        with qd8.threads(1 + turn % 2):
            kept.append(answers(model, x))
    assert len(kept) > MOST + 1
    for found, (_, expected) in zip(kept, cases, strict=True):
        for name, value in expected.items():
            assert_same_bits(value, found[name], name)


def test_memory_goes_round_in_a_loop():
    """The last answer is held while the next is made: two, and no third."""
    model, cases = loaded("one")
    places = set()
    for x, expected in cases:
        y = model(x)
        places.add(y.ctypes.data)
        assert_same_bits(*expected.values(), y)
    assert len(places) == 2


def test_who_holds_all_gets_copies():
    """One more answer than are lent is enough, however many are held."""
    model, cases = loaded("one")
    held = [model(x) for x, _ in cases]
    (context,) = model._plan._pool
    assert len(context.answers) == MOST + 1
    assert [y.base is None for y in held] == [i >= MOST for i in range(len(held))]
    del held
    assert model(cases[0][0]).base is not None


@pytest.mark.parametrize(
    "part", [lambda y: y[1:, ::2], np.ravel, memoryview, lambda y: y.view("u1")]
)
def test_a_part_holds_the_whole(part):
    """Whoever has any view of an answer has the answer."""
    model, cases = loaded("one")
    (x, expected), *others = cases
    held = part(model(x))
    for other, _ in others:
        model(other)
    assert_same_bits(np.asarray(part(*expected.values())), np.asarray(held))


def test_an_answer_may_be_written_to():
    """It is the caller's; what is written there is in no later answer."""
    model, cases = loaded("in place")
    for x, expected in cases:
        y = model(x)
        assert_same_bits(*expected.values(), y)
        y[:] = np.nan


def test_one_output_of_two_is_enough():
    """Both lie in one answer, so who holds one holds the answer."""
    model, cases = loaded("two")
    held = [list(answers(model, x).values())[1] for x, _ in cases]
    for found, (_, expected) in zip(held, cases, strict=True):
        assert_same_bits(list(expected.values())[1], found)


def test_an_input_is_not_handed_over():
    """A view of an input lies where the next call's input is copied to."""
    net = Net()
    x = net.input(ROWS, K)
    y = net.add("RESHAPE", [x, [K, ROWS]], (K, ROWS))
    model = qd8.load(net.finish(y))
    assert model._plan.handed == frozenset()
    first, second = normal(ROWS, K), normal(ROWS, K, seed=1)
    held = model(first)
    model(second)
    assert_same_bits(first.reshape(K, ROWS), held)


def test_threads_keep_their_own():
    """Answers made at once, and held, do not meet."""
    model, cases = loaded("in place")
    failures, start = [], threading.Barrier(4)

    def work():
        start.wait()
        held = [model(x) for _ in range(5) for x, _ in cases[:2]]
        for turn, found in enumerate(held):
            if found.tobytes() != next(iter(cases[turn % 2][1].values())).tobytes():
                failures.append(turn)

    workers = [threading.Thread(target=work) for _ in range(4)]
    for each in workers:
        each.start()
    for each in workers:
        each.join()
    assert failures == []


@given(graphs())
def test_nothing_else_lies_where_an_output_does(graph):
    """Places are handed over as a whole, and never an input's."""
    owner = import_module("qd8.graph.arena").owners(graph)
    outputs, tensors = handed_over(graph, owner)
    places = {owner[i] for i in outputs}
    assert tensors == {i for i in owner if owner[i] in places}
    assert places.isdisjoint({owner[i] for i in graph.inputs.values()})
    assert outputs <= {*graph.outputs.values()}
