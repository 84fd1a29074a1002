"""Run a plan once: copy inputs in, walk the calls, hand results over or copy them."""

from collections.abc import Callable, Mapping, Sequence
from time import perf_counter_ns
from typing import Any

import numpy as np
import numpy.typing as npt

from .graph import Graph
from .plan import Plan

Array = npt.NDArray[Any]
EMPTY_RUNS = 101
# (position of the node, its inputs and its outputs by tensor name)
Watch = Callable[[int, dict[str, Array], dict[str, Array]], None]


def run_plan(
    plan: Plan,
    inputs: Sequence[Array],
    threads: int,
    keep: Sequence[int] = (),
    watch: Watch | None = None,
    times: list[int] | None = None,
) -> dict[int, Array]:
    """Return the outputs and the kept tensors of one run, by tensor index.

    Parameters
    ----------
    inputs : arrays in the order of ``plan.graph.inputs``, checked
    keep : tensors to return besides the outputs
    watch : called after each node, with copies
    times : filled with the nanoseconds of each node
    """
    context = plan.take()
    try:
        graph, bound = plan.graph, plan.bound(context, threads)
        for i, value in zip(graph.inputs.values(), inputs, strict=True):
            np.copyto(context.arrays[i], value)
        if keep or watch is not None or times is not None:
            kept = _walk(graph, context.arrays, bound.each, keep, watch, times)
        else:
            bound.whole.run()
            kept = {}
        for i in graph.outputs.values():
            if i in plan.handed:
                kept[i] = context.answer.lend(i)
            else:
                kept[i] = context.arrays[i].copy()
        return kept
    finally:
        plan.give_back(context)


def time_runs(
    plan: Plan, inputs: Sequence[Array], threads: int, runs: int
) -> tuple[list[list[int]], list[int]]:
    """Return nanoseconds of each node, run by run, and of ordinary runs in between.

    What starting and timing a node costs, 0.5 us or so, is taken off.
    """
    from qd8.kernels.launch import Linked

    nothing, empty = Linked([]), []
    for _ in range(EMPTY_RUNS):
        start = perf_counter_ns()
        nothing.run()
        empty.append(perf_counter_ns() - start)
    overhead = sorted(empty)[EMPTY_RUNS // 2]
    collected: list[list[int]] = []
    whole: list[int] = []
    for _ in range(runs + 1):
        times: list[int] = []
        run_plan(plan, inputs, threads, times=times)
        collected.append([max(time - overhead, 0) for time in times])
        start = perf_counter_ns()
        run_plan(plan, inputs, threads)
        whole.append(perf_counter_ns() - start)
    return collected[1:], whole[1:]  # the first warms up


def _walk(
    graph: Graph,
    arrays: Mapping[int, Array],
    calls: Sequence[Any],
    keep: Sequence[int],
    watch: Watch | None,
    times: list[int] | None,
) -> dict[int, Array]:
    """Run node by node; a tensor's place may be reused once its readers have run."""
    wanted = set(keep)
    kept = {i: arrays[i].copy() for i in graph.inputs.values() if i in wanted}
    kept |= {i: arrays[i].copy() for i in wanted if graph.tensors[i].is_constant}
    for position, node in enumerate(graph.nodes):
        given = {}
        if watch is not None:  # before it runs: it may write over its input
            given = {
                graph.tensors[i].name: arrays[i].copy()
                for i in node.inputs
                if i is not None and not graph.tensors[i].is_constant
            }
        start = perf_counter_ns()
        calls[position].run()
        if times is not None:
            times.append(perf_counter_ns() - start)
        for i in node.outputs:
            if i in wanted:
                kept[i] = arrays[i].copy()
        if watch is not None:
            made = {graph.tensors[i].name: arrays[i].copy() for i in node.outputs}
            watch(position, given, made)
    return kept
