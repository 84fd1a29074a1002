"""LiteRT: XNNPACK, whose bits qd8 has, and its own kernels without a delegate."""

from asv_bench.benchmarks.layers import Problem
from asv_bench.benchmarks.litert import interpreter
from asv_bench.peers.engine import Engine


def xnnpack(data: Problem, threads: int) -> Engine:
    """`Interpreter.invoke` alone: the input is set once."""
    return Engine(*interpreter(data, threads))


def builtin(data: Problem, threads: int) -> Engine:
    """The same, with LiteRT's own hybrid kernels."""
    return Engine(*interpreter(data, threads, delegate=False))
