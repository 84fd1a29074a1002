"""`Model`: a file that runs."""

import os
import weakref
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy.typing as npt

from qd8 import tflite
from qd8.settings import get_num_threads

from .build import build
from .edges import collect_inputs, info
from .graph import Graph
from .names import find_signature
from .packing import Packing
from .passes import apply_passes, pass_names
from .plan import Plan
from .precision import apply_precision
from .resize import Resized, wanted_shapes
from .run import run_plan, time_runs

# What only some callers ask for is imported when they do (10 ms in all).
if TYPE_CHECKING:
    from .file_state import FileState
    from .layers import Layer, Layers
    from .profile import Profile
    from .signatures import SignatureInfo

Array = npt.NDArray[Any]
Shape = tuple[int, ...]


class Model:
    """A model that runs; made by `qd8.load`.

    Several threads may call one model at once.

    Attributes
    ----------
    inputs, outputs : tuple of TensorInfo      name, shape, dtype
    layers : sequence of Layer                 by position or by name
    signatures : {key: SignatureInfo}          of the file
    signature : str or None                    the one that runs
    precision : str
    passes : tuple of str                      the passes over its graph
    name : str                                 the file
    """

    def __init__(
        self,
        file: tflite.File,
        *,
        precision: str | None = None,
        memory: str = "fast",
        signature: str | None = None,
        passes: Collection[str] | None = None,
    ) -> None:
        self._file = file
        self.memory = memory
        self.passes = pass_names(passes)
        self.name = file.name
        said = find_signature(file, signature)
        self.signature = None if said is None else said.key
        self._subgraph = file.subgraphs[said.subgraph] if said else file.main
        self._packing = Packing(file, memory)
        self._build(precision, {})
        self._resized = Resized()
        self._base: weakref.ref[Model] | None = None

    def _build(self, precision: str | None, shapes: Mapping[int, Shape]) -> None:
        built = build(self._file, self.signature, shapes)
        self._graph, self.precision = apply_precision(built, precision)
        self._fused = apply_passes(self._graph, self.passes)
        graph, tensors = self._graph, self._subgraph.tensors
        self.inputs = tuple(
            info(graph, i, name, tensors[i].shape_signature)
            for name, i in graph.inputs.items()
        )
        self.outputs = tuple(
            info(graph, i, name, tensors[i].shape_signature)
            for name, i in graph.outputs.items()
        )

    @cached_property
    def _plan(self) -> Plan:
        return Plan(self._fused, self._packing)

    @cached_property
    def _unfused_plan(self) -> Plan:
        """What computes every tensor of the graph; it shares the packed weights."""
        if not any(node.parts for node in self._fused.nodes):
            return self._plan
        return Plan(self._graph, self._packing)

    @cached_property
    def signatures(self) -> "dict[str, SignatureInfo]":
        """What each signature of the file calls its inputs and outputs."""
        from .signatures import describe_signatures

        return describe_signatures(self._file)

    @cached_property
    def _described(self) -> "list[Layer]":
        """Every node of the unfused graph, those of the precision pass included."""
        from .layers import describe

        nodes, packed = self._graph.nodes, self._packing.pack(self._graph)
        return [
            describe(self._graph, node, each.layer)
            for node, each in zip(nodes, packed, strict=True)
        ]

    @cached_property
    def layers(self) -> "Layers":
        """The operators of the file, in the order in which they run."""
        from .layers import Layers

        return Layers([layer for layer in self._described if layer.index is not None])

    @property
    def graph(self) -> Graph:
        """The graph after the precision pass, unfused: what the model computes."""
        return self._graph

    @property
    def fused_graph(self) -> Graph:
        """The graph that runs, after the passes."""
        return self._fused

    def __call__(self, *inputs: Any, **named: Any) -> Array | dict[str, Array]:
        """Run the model: inputs by position or name.

        Returns
        -------
        The output, or a dict of outputs by name if there are several; the arrays are
        the caller's, no later call writes to them.
        """
        arrays = collect_inputs(self.inputs, inputs, named)
        found = run_plan(self._fitting(arrays)._plan, arrays, get_num_threads())
        outputs = {name: found[i] for name, i in self._graph.outputs.items()}
        return next(iter(outputs.values())) if len(outputs) == 1 else outputs

    def run(
        self,
        inputs: Mapping[str, Any],
        *,
        keep: Iterable[str] | Literal["all"] = (),
        on_node: Callable[["Layer", dict[str, Array], dict[str, Array]], Any]
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

        Notes
        -----
        With ``keep`` or ``on_node`` every operator runs for itself: a pass may have
        left out a tensor that is asked for. The bits are the same.
        """
        arrays = collect_inputs(self.inputs, (), inputs)
        if (other := self._fitting(arrays)) is not self:
            return other.run(inputs, keep=keep, on_node=on_node, profile=profile)
        from .keep import kept_tensors

        kept = kept_tensors(self._graph, keep)
        times: list[int] | None = [] if profile else None
        watch = None
        if on_node is not None:
            described, call = self._described, on_node

            def watch(i: int, given: dict[str, Array], made: dict[str, Array]) -> None:
                call(described[i], given, made)

        plan = self._plan if not kept and watch is None else self._unfused_plan
        found = run_plan(
            plan, arrays, get_num_threads(), list(kept.values()), watch, times
        )
        names = {**self._graph.outputs, **kept}
        results = Results({name: found[i] for name, i in names.items()})
        if times is not None:
            from .profile import profiled

            results.profile = profiled(plan, get_num_threads(), [times], repr(self))
        return results

    def resize(self, shapes: Mapping[str | int, Sequence[int]]) -> "Model":
        """Return the model for other input shapes; it shares the packed weights.

        Parameters
        ----------
        shapes : {name or position of an input: shape}

        Raises
        ------
        KeyError
            If there is no such input.
        ValueError
            If an operator does not take the shapes that follow; it is named.
        """
        wanted = wanted_shapes(self._graph, self.inputs, shapes)
        if [*wanted.values()] == [each.shape for each in self.inputs]:
            return self
        # The base knows the others; they know it weakly, so that a model and its
        # gigabytes go when nobody uses them, not when garbage is collected.
        if self._base is not None and (base := self._base()) is not None:
            return base.resize(dict(enumerate(wanted.values())))
        found: Model | None = self._resized.get([*wanted.values()])
        if found is None:
            found = self._copy()
            for cached in ("_plan", "_unfused_plan", "_described", "layers"):
                found.__dict__.pop(cached, None)
            found._build(self.precision, wanted)
            found._plan  # noqa: B018  what does not fit is said now
            found._base = weakref.ref(self)
            self._resized.add([*wanted.values()], found)
        return found

    def _copy(self) -> "Model":
        """Return another object with the same parts."""
        other = object.__new__(Model)
        other.__dict__.update(self.__dict__)
        other._resized, other._base = Resized(), None
        return other

    def _fitting(self, arrays: Sequence[Array]) -> "Model":
        """Return the model for arrays whose extents the file leaves open."""
        shapes = [x.shape for x in arrays]
        if all(s == i.shape for s, i in zip(shapes, self.inputs, strict=True)):
            return self
        return self.resize(dict(enumerate(shapes)))

    def profile(self, *inputs: Any, runs: int = 10, **named: Any) -> "Profile":
        """Return where the time goes: a row for each operator, medians of ``runs``.

        Without inputs the model is given smooth noise. Ordinary calls are timed in
        between; what they take beyond the operators is in the table's note.
        """
        from .profile import profiled
        from .smooth import smooth_noise

        if not inputs and not named:
            inputs = tuple(smooth_noise(i.shape, i.dtype) for i in self.inputs)
        arrays = collect_inputs(self.inputs, inputs, named)
        if (other := self._fitting(arrays)) is not self:
            return other.profile(*arrays, runs=runs)
        threads = get_num_threads()
        collected, whole = time_runs(self._plan, arrays, threads, runs)
        title = f"{self!r}, {threads} thread{'s' if threads > 1 else ''}"
        return profiled(self._plan, threads, collected, title, whole)

    def clone(self) -> "Model":
        """Return another model that shares the packed weights, not the arenas."""
        other = self._copy()
        other.__dict__["_plan"] = self._plan.clone()
        other.__dict__.pop("_unfused_plan", None)  # made again if it is asked for
        return other

    def __reduce__(self) -> tuple[Any, ...]:
        from .file_state import FileState

        shapes = [each.shape for each in self.inputs]
        source = FileState.of(self._file)
        settings = (self.precision, self.memory, self.signature, self.passes)
        return _restore, (source, settings, shapes)

    def __repr__(self) -> str:
        quantized = sum(node.quantized for node in self._graph.nodes)
        count = sum(node.index is not None for node in self._graph.nodes)
        inputs = ", ".join(map(str, self.inputs))
        outputs = ", ".join(map(str, self.outputs))
        name = os.path.basename(self.name)
        return (
            f"<qd8.Model {name}, {self.precision}, {count} operators, {quantized} "
            f"dynamically quantized: {inputs} -> {outputs}>"
        )


class Results(dict[str, Array]):
    """Arrays by name; ``profile`` is the table of times if it was asked for."""

    profile: "Profile | None" = None


def _restore(
    source: "FileState",
    settings: tuple[str, str, str | None, tuple[str, ...]],
    shapes: list[Shape],
) -> Model:
    """Unpickle: read the file again and pack for the machine that this is."""
    precision, memory, signature, passes = settings
    file = source.read()
    model = Model(
        file, precision=precision, memory=memory, signature=signature, passes=passes
    )
    return model.resize(dict(enumerate(shapes)))
