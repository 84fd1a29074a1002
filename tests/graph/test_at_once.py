"""Several models, clones and Python threads at once: each answers as it does alone."""

import threading

import numpy as np
import pytest

import qd8
from qd8 import zoo
from tests.checks import assert_same_bits
from tests.zoo.small import SMALL, values

NAMES = ("inception_v3", "efficientnet_v2_b0")


@pytest.fixture(scope="module", name="models")
def _models():
    """Two models, with two inputs and the answers of a lone thread each."""
    made = []
    for name in NAMES:
        model = qd8.load(zoo.build(name, weights="int8", **SMALL[name]))
        (given,) = model.inputs
        inputs = [values(f"{name} {i}", given.shape, given.dtype) for i in range(2)]
        with qd8.threads(1):
            made.append((model, [(x, model(x)) for x in inputs]))
    return made


def test_a_clone_shares_weights_not_memory(models):
    """The same packed layers; arenas and bound calls of its own."""
    for model, ((x, expected), _) in models:
        clone = model.clone()
        assert_same_bits(expected, clone(x))
        mine, theirs = model._plan, clone._plan
        assert mine is not theirs
        for a, b in zip(mine.packed, theirs.packed, strict=True):
            assert a is b
        (context,), (other,) = mine._pool[:1], theirs._pool
        for i in mine.offsets:
            assert not np.shares_memory(context.arrays[i], other.arrays[i])


@pytest.mark.parametrize("count", [1, 2])
def test_threads_models_and_clones_at_once(models, count):
    """Eight threads, half of them on clones, change models and inputs each turn."""
    failures, start = [], threading.Barrier(8)

    def work(mine):
        try:
            own = [model.clone() if mine % 2 else model for model, _ in models]
            start.wait()
            for turn in range(12):
                which = (mine + turn) % len(models)
                x, expected = models[which][1][turn % 2]
                with qd8.threads(count):
                    assert_same_bits(expected, own[which](x), NAMES[which])
        except BaseException as error:
            failures.append(error)
            start.abort()

    workers = [threading.Thread(target=work, args=(i,)) for i in range(8)]
    for each in workers:
        each.start()
    for each in workers:
        each.join()
    assert failures == []
