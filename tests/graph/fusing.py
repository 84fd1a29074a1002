"""What a fused graph must keep, and every tensor that it computes."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

import qd8
from qd8.graph.edges import collect_inputs
from qd8.graph.model import Model
from qd8.graph.passes.rewrite import flattened
from qd8.graph.run import run_plan
from qd8.validation import run_reference
from tests.checks import assert_same_bits


def assert_nothing_lost(model: Model) -> None:
    """Every node of the graph is in one fused node; each runs when its inputs are."""
    graph = model.fused_graph
    assert Counter(flattened(graph.nodes)) == Counter(model.graph.nodes)
    known = {*graph.inputs.values()}
    for node in graph.nodes:
        for i in node.inputs:
            assert i is None or i in known or graph.tensors[i].is_constant, node
        known.update(node.outputs)
        read = {i for part in node.parts for i in part.inputs if i is not None}
        made = {i for part in node.parts for i in part.outputs}
        assert read - made <= {*node.inputs} or not node.parts, node
    for i in graph.outputs.values():
        assert i in known or graph.tensors[i].is_constant


def computed_when_fused(
    model: Model, inputs: Mapping[str, npt.NDArray[Any]], threads: int = 1
) -> dict[str, npt.NDArray[Any]]:
    """Run the fused plan node by node and return what each node makes, by name."""
    graph = model.fused_graph
    arrays = collect_inputs(model.inputs, (), inputs)
    keep = [i for node in graph.nodes for i in node.outputs]
    found = run_plan(model._plan, arrays, threads, keep)
    public = {i: name for name, i in graph.outputs.items()}
    return {public.get(i, graph.tensors[i].name): x for i, x in found.items()}


def assert_fused_bits(
    model: Model,
    inputs: Mapping[str, npt.NDArray[Any]],
    threads: Sequence[int] = (1, 2),
) -> None:
    """Every tensor that the fused plan makes is the reference's; so are the answers."""
    with np.errstate(all="ignore"):
        expected = run_reference(model, inputs, keep="all")
    for count in threads:
        for name, found in computed_when_fused(model, inputs, count).items():
            assert_same_bits(expected[name], found, f"{name}, {count} threads")
        with qd8.threads(count):
            for name, found in model.run(inputs).items():
                assert_same_bits(expected[name], found, f"{name}, {count} threads")
