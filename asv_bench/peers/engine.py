"""What an engine is: a layer, ready to run, and the answer it gives."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from asv_bench.benchmarks.layers import Problem

Array = npt.NDArray[Any]


class Engine(NamedTuple):
    """One layer in one engine.

    invoke : runs it once; this is what is timed
    output : its last result as float32, (M, N) or (1, OH, OW, O); not timed
    """

    invoke: Callable[[], object]
    output: Callable[[], npt.NDArray[np.float32]]


class Unsupported(Exception):
    """The engine has no such operator; the message says which."""


class Peer(NamedTuple):
    """An engine that may or may not be installed.

    name : as in the table
    package : as pip calls it
    module : as Python imports it
    build : (problem, threads) -> Engine; raises Unsupported
    what : what is timed, and what is not the same as in qd8
    precisions : of the layers' weights that it is compared on
    """

    name: str
    package: str
    module: str
    build: Callable[[Problem, int], Engine]
    what: str
    precisions: tuple[str, ...] = ("int8",)
