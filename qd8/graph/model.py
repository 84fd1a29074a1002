"""`Model`: a file that runs."""

from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from qd8 import tflite
from qd8.settings import get_num_threads

from .build import build
from .edges import TensorInfo, collect_inputs, did_you_mean
from .graph import Graph
from .layers import Layer, Layers, describe, info
from .plan import Plan
from .precision import apply_precision
from .profile import profile_table
from .run import run_plan
from .table import Table

Array = npt.NDArray[Any]


class Model:
    """A model that runs; made by `qd8.load`.

    Several threads may call one model at once.

    Attributes
    ----------
    inputs, outputs : tuple of TensorInfo      name, shape, dtype
    layers : sequence of Layer                 by position or by name
    precision : str
    name : str                                 the file
    """

    def __init__(
        self, file: tflite.File, *, precision: str | None = None, memory: str = "fast"
    ) -> None:
        self._file = file
        self._graph, self.precision = apply_precision(build(file), precision)
        self.memory = memory
        self.name = file.name
        graph = self._graph
        self.inputs = tuple(info(graph, i, name) for name, i in graph.inputs.items())
        self.outputs = tuple(info(graph, i, name) for name, i in graph.outputs.items())

    @cached_property
    def _plan(self) -> Plan:
        return Plan(self._graph, self._file.data.size, self.memory)

    @cached_property
    def _described(self) -> list[Layer]:
        """Every node of the graph, those of passes included."""
        nodes, plan = self._graph.nodes, self._plan
        return [
            describe(self._graph, node, operator)
            for node, operator in zip(nodes, plan.layers, strict=True)
        ]

    @cached_property
    def layers(self) -> Layers:
        """The operators of the file, in the order in which they run."""
        return Layers([layer for layer in self._described if layer.index is not None])

    @property
    def graph(self) -> Graph:
        """The graph that runs, after the precision pass."""
        return self._graph

    def __call__(self, *inputs: Any, **named: Any) -> Array | dict[str, Array]:
        """Run the model: inputs by position or name.

        Returns
        -------
        The output, or a dict of outputs by name if there are several.
        """
        arrays = collect_inputs(self.inputs, inputs, named)
        found = run_plan(self._plan, arrays, get_num_threads())
        outputs = {name: found[i] for name, i in self._graph.outputs.items()}
        return next(iter(outputs.values())) if len(outputs) == 1 else outputs

    def run(
        self,
        inputs: Mapping[str, Any],
        *,
        keep: Iterable[str] | Literal["all"] = (),
        on_node: Callable[[Layer, dict[str, Array], dict[str, Array]], Any]
        | None = None,
        profile: bool = False,
    ) -> "Results":
        """Run the model and return the outputs, and more if asked, by name.

        Parameters
        ----------
        inputs : {name: array}
        keep : names of tensors to return too, or "all"
        on_node : function (layer, inputs, outputs), optional
            Called after each node with copies of its arrays by tensor name.
        profile : bool
            Time each node; the result's ``profile`` is the table.

        Returns
        -------
        Results
            A dict by name: the outputs, then the kept tensors.
        """
        arrays = collect_inputs(self.inputs, (), inputs)
        kept = kept_tensors(self._graph, keep)
        times: list[int] | None = [] if profile else None
        watch = None
        if on_node is not None:
            described, call = self._described, on_node

            def watch(i: int, given: dict[str, Array], made: dict[str, Array]) -> None:
                call(described[i], given, made)

        found = run_plan(
            self._plan, arrays, get_num_threads(), list(kept.values()), watch, times
        )
        names = {**self._graph.outputs, **kept}
        results = Results({name: found[i] for name, i in names.items()})
        if times is not None:
            results.profile = profile_table(self._graph, [times], repr(self))
        return results

    def profile(self, *inputs: Any, runs: int = 10, **named: Any) -> Table[Any]:
        """Return where the time goes: a row for each operator, medians of ``runs``.

        Without inputs the model is given smooth noise.
        """
        if not inputs and not named:
            inputs = tuple(_smooth(each) for each in self.inputs)
        arrays = collect_inputs(self.inputs, inputs, named)
        threads = get_num_threads()
        collected: list[list[int]] = []
        for _ in range(runs + 1):
            times: list[int] = []
            run_plan(self._plan, arrays, threads, times=times)
            collected.append(times)
        title = f"{self!r}, {threads} thread{'s' if threads > 1 else ''}"
        return profile_table(self._graph, collected[1:], title)  # the first warms up

    def clone(self) -> "Model":
        """Return another model that shares the packed weights, not the arenas."""
        other = object.__new__(Model)
        other.__dict__.update(self.__dict__)
        other.__dict__["_plan"] = self._plan.clone()
        return other

    def __reduce__(self) -> tuple[Any, ...]:
        data = self._file.data.tobytes()
        return _restore, (data, self.name, self.precision, self.memory)

    def __repr__(self) -> str:
        quantized = sum(node.quantized for node in self._graph.nodes)
        count = sum(node.index is not None for node in self._graph.nodes)
        inputs = ", ".join(map(str, self.inputs))
        outputs = ", ".join(map(str, self.outputs))
        return (
            f"<qd8.Model {Path(self.name).name}, {self.precision}, {count} operators, "
            f"{quantized} dynamically quantized: {inputs} -> {outputs}>"
        )


class Results(dict[str, Array]):
    """Arrays by name; ``profile`` is the table of times if it was asked for."""

    profile: Table[Any] | None = None


def kept_tensors(graph: Graph, keep: Iterable[str] | str) -> dict[str, int]:
    """Return the tensors that ``keep`` names, as {name: index}.

    "all" are all that are computed. An input or output may be called by its public
    name too.
    """
    computed = {t.name: i for i, t in _computed(graph).items()}
    if isinstance(keep, str):
        if keep == "all":
            edges = {*graph.inputs.values(), *graph.outputs.values()}
            inner = {name: i for name, i in computed.items() if i not in edges}
            return {**graph.inputs, **inner}
        keep = (keep,)
    known = {**computed, **graph.inputs, **graph.outputs}
    for name in keep:
        if name not in known:
            raise KeyError(f"no node computes {name!r}{did_you_mean(name, known)}")
    return {name: known[name] for name in keep}


def _computed(graph: Graph) -> dict[int, Any]:
    """Return the tensors that have a value while the graph runs."""
    indices = [*graph.inputs.values()]
    indices += [i for node in graph.nodes for i in node.outputs]
    return {i: graph.tensors[i] for i in indices}


def _smooth(each: TensorInfo) -> Array:
    """Return low-frequency noise in [-1, 1], as images are."""
    total = int(np.prod(each.shape))
    wave = np.sin(np.arange(total) * 0.01) * np.cos(np.arange(total) * 0.003)
    found: Array = wave.astype(each.dtype).reshape(each.shape)
    return found


def _restore(data: bytes, name: str, precision: str, memory: str) -> Model:
    """Unpickle: read the bytes again and pack for the machine that this is."""
    model = Model(tflite.read(data, name), precision=precision, memory=memory)
    model._plan  # noqa: B018
    return model
