"""Compile ahead what a first call would compile, and say so while it lasts."""

from typing import Any

import numpy as np

from qd8 import settings
from qd8.conv2d import Conv2D
from qd8.fully_connected import FullyConnected
from qd8.graph.model import Model
from qd8.kernels import cache, launch
from qd8.terminal import progress


def warmup(model_or_operator: Model | FullyConnected | Conv2D) -> None:
    """Compile what the first call would compile, for the threads of this moment.

    Kernels come from the cache on disk if an earlier process has compiled them;
    otherwise stderr says which are compiled: a moving bar on a terminal, else a line
    for each.

    Parameters
    ----------
    model_or_operator : Model, FullyConnected or Conv2D
        A model is bound and run once on zeros; an operator runs once on float32 and
        once on float16 zeros.

    Raises
    ------
    TypeError
        If it is neither.
    """
    if not isinstance(model_or_operator, (Model, FullyConnected, Conv2D)):
        raise TypeError(
            f"warmup was given {_named(model_or_operator)}; "
            "a qd8.Model, qd8.FullyConnected or qd8.Conv2D is needed"
        )
    with progress("compiling kernels for this CPU") as step:

        def compiled(name: str, seconds: float) -> None:
            step(f"compiled {name} in {seconds:.1f} s")

        cache.listeners.append(compiled)
        try:
            if isinstance(model_or_operator, Model):
                zeros = [np.zeros(i.shape, i.dtype) for i in model_or_operator.inputs]
                model_or_operator(*zeros)
            else:
                model_or_operator.warmup()
            launch.prepare(settings.get_num_threads())
        finally:
            cache.listeners.remove(compiled)


def _named(thing: Any) -> str:
    """Name what was given: a class is a mistake of its own."""
    if isinstance(thing, type):
        return f"the class {thing.__name__}"
    return f"an instance of {type(thing).__name__}"
