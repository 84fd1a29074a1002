"""Where the time of a model goes, operator by operator and by kind."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np

from .graph import Graph, Node
from .plan import Plan
from .table import Table, shape_text

if TYPE_CHECKING:
    from qd8.kernels.schedule import Explanation

_MICROSECONDS = {"title": "us", "format": lambda t: f"{t:,.1f}"}
_SHARE = {"format": lambda s: f"{100 * s:.1f} %"}


@dataclass(frozen=True, slots=True)
class ProfileRow:
    """The time of one operator: the median of several runs.

    dtype : "int8" if it runs dynamically quantized, else that of its output
    fused : the operators of the file that it stands for, if there are several
    kernel : of a quantized operator the name of its tile, else its ``steps``
    steps : names of the compiled functions that run one after the other
    tier, schedule : of a quantized operator, as its ``explain`` has them
    tasks : that its largest kernel is split into
    bytes : of its inputs, outputs and packed weights: what it must move at least
    time_us : microseconds
    share : of the sum of all operators, 0 to 1
    gmacs_per_s : 10^9 multiply-accumulates a second
    gbytes_per_s : 10^9 bytes a second
    """

    index: int | None
    op: str
    name: str = field(metadata={"format": lambda s: s.split(";")[-1][-40:]})
    output: tuple[int, ...] = field(metadata={"format": shape_text})
    dtype: str
    fused: tuple[str, ...] = field(metadata={"format": ", ".join})
    kernel: str
    steps: tuple[str, ...] = field(metadata={"hidden": True})
    tier: str = field(metadata={"hidden": True})
    schedule: str = field(metadata={"hidden": True})
    tasks: int
    time_us: float = field(metadata=_MICROSECONDS)
    share: float = field(metadata=_SHARE)
    macs: int = field(metadata={"title": "MACs"})
    gmacs_per_s: float | None = field(metadata={"title": "GMAC/s"})
    bytes: int
    gbytes_per_s: float | None = field(metadata={"title": "GB/s"})

    @property
    def quantized(self) -> bool:
        """Whether it runs dynamically quantized."""
        return self.dtype == "int8"


@dataclass(frozen=True, slots=True)
class KindRow:
    """All operators of a kind that compute in one dtype; units as in `ProfileRow`."""

    op: str
    dtype: str
    count: int
    time_us: float = field(metadata=_MICROSECONDS)
    share: float = field(metadata=_SHARE)
    macs: int = field(metadata={"title": "MACs"})
    gmacs_per_s: float | None = field(metadata={"title": "GMAC/s"})
    bytes: int
    gbytes_per_s: float | None = field(metadata={"title": "GB/s"})


class Profile(Table[ProfileRow]):
    """A row for each operator, in the order in which they run.

    Attributes
    ----------
    kinds : Table of KindRow, the slowest first
    whole_us : microseconds of an ordinary call of the model; None if none was timed
    outside : the share of a call that is not in its operators: copies of inputs and
        outputs, Python, and what lies between; None if no call was timed
    """

    def __init__(
        self,
        rows: Sequence[ProfileRow],
        title: str,
        whole_us: float | None = None,
        outside: float | None = None,
    ) -> None:
        note = f"operators {sum(row.time_us for row in rows):,.1f} us"
        if whole_us is not None and outside is not None:
            note += f"; a call of the model {whole_us:,.1f} us, "
            note += f"{100 * outside:.1f} % of it outside operators"
        super().__init__(rows, title, note)
        self.whole_us, self.outside = whole_us, outside
        self.kinds = Table(_kinds(rows), "By kind", note)

    def to_json(self, path: Any = None, **extra: Any) -> str:
        """Return the rows, the kinds and ``extra`` as JSON; write them if asked."""
        about = {"whole_us": self.whole_us, "outside": self.outside}
        kinds = [asdict(kind) for kind in self.kinds]
        return super().to_json(path, **about, kinds=kinds, **extra)

    def trace(self, path: Any) -> None:
        """Write a trace that chrome://tracing and ui.perfetto.dev open."""
        from .trace import write_trace

        write_trace(self, Path(path))

    def plot(self, path: Any) -> None:
        """Write a PNG: time by kind, and the operators on a line.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        from .profile_picture import write_picture

        write_picture(self, Path(path))


def profiled(
    plan: Plan,
    threads: int,
    runs: Sequence[Sequence[int]],
    title: str,
    whole: Sequence[int] = (),
) -> Profile:
    """Return the profile of several runs.

    Parameters
    ----------
    runs : nanoseconds of each node, run by run
    whole : nanoseconds of ordinary calls
    """
    from qd8.kernels import isa

    times = [median(of_node) for of_node in zip(*runs, strict=True)]
    total = max(sum(times), 1)
    tier = isa.current().name
    context = plan.take()
    calls = plan.bound(context, threads).calls
    plan.give_back(context)
    rows = []
    for place, (node, time) in enumerate(zip(plan.graph.nodes, times, strict=True)):
        tensor = plan.graph.tensors[node.outputs[0]]
        macs, moved = plan.graph.macs(node), _bytes(plan, place, bool(calls[place]))
        steps, said = _steps(calls[place]), _explained(plan, place, threads)
        rows.append(
            ProfileRow(
                index=node.index,
                op=node.operator.name,
                name=tensor.name,
                output=tensor.shape,
                dtype="int8" if node.quantized else str(tensor.dtype),
                fused=tuple(part.operator.name for part in node.parts),
                kernel=said.schedule.kernel if said else ", ".join(steps),
                steps=steps,
                tier=said.schedule.tier if said else tier,
                schedule=str(said or ""),
                tasks=max((call.tasks for call in calls[place]), default=0),
                time_us=time / 1000,
                share=time / total,
                macs=macs,
                gmacs_per_s=_rate(macs, time / 1000),
                bytes=moved,
                gbytes_per_s=_rate(moved, time / 1000),
            )
        )
    if not whole:
        return Profile(rows, title)
    # Turn by turn: whatever else the machine does meets both of a turn.
    outside = median(1 - sum(r) / w for r, w in zip(runs, whole, strict=True))
    return Profile(rows, title, median(whole) / 1000, outside)


def _kinds(rows: Sequence[ProfileRow]) -> list[KindRow]:
    groups: dict[tuple[str, str], list[ProfileRow]] = {}
    for row in rows:
        groups.setdefault((row.op, row.dtype), []).append(row)
    kinds = []
    for (op, dtype), some in groups.items():
        time, macs = sum(r.time_us for r in some), sum(r.macs for r in some)
        moved, share = sum(r.bytes for r in some), sum(r.share for r in some)
        speed = _rate(macs, time)
        about = (op, dtype, len(some), time, share, macs, speed)
        kinds.append(KindRow(*about, moved, _rate(moved, time)))
    return sorted(kinds, key=lambda kind: -kind.time_us)


def _rate(count: int, time_us: float) -> float | None:
    """10^9 a second; None of nothing, or in no time."""
    return count / time_us / 1000 if count and time_us > 0 else None


def _steps(calls: Sequence[Any]) -> tuple[str, ...]:
    """Names of the kernels that calls run, each once, in their order."""
    from qd8.kernels.cache import kernel_names

    names = kernel_names()
    return tuple(dict.fromkeys(names.get(call.address, "") for call in calls))


def _explained(plan: Plan, place: int, threads: int) -> "Explanation | None":
    """What a quantized layer says of its schedule, None if it says nothing."""
    from qd8.conv2d import Conv2D
    from qd8.fully_connected import FullyConnected
    from qd8.siblings import Siblings

    layer, shape = plan.packed[place].layer, _source(plan.graph, place)
    if isinstance(layer, FullyConnected | Siblings):
        said = layer.explain(max(1, int(np.prod(shape)) // layer.K), threads)
        tail = plan.graph.nodes[place].tail
        if tail is None or not tail.reads_halves:
            return said
        why = "its halves are gated where they are made"
        return replace(said, schedule=said.schedule.because(why))
    if isinstance(layer, Conv2D):
        return layer.explain(shape, threads)
    return None


def _source(graph: Graph, place: int) -> tuple[int, ...]:
    node: Node = graph.nodes[place]
    first = node.inputs[0]
    assert first is not None
    return graph.tensors[first].shape


def _bytes(plan: Plan, place: int, runs: bool) -> int:
    """Bytes that a node reads and writes at least once; a view moves none."""
    if not runs:
        return 0
    node, tensors = plan.graph.nodes[place], plan.graph.tensors
    used = {i for i in (*node.inputs, *node.outputs) if i is not None}
    packed = plan.packed[place]
    total = sum(
        int(np.prod(tensors[i].shape)) * tensors[i].dtype.itemsize
        for i in used
        if not (tensors[i].is_constant and packed.nbytes)
    )
    return total + packed.nbytes
