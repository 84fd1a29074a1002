"""Where the time of a model goes, operator by operator."""

from dataclasses import dataclass, field
from typing import Any

from .graph import Graph
from .table import Table, shape_text


@dataclass(frozen=True, slots=True)
class ProfileRow:
    """The time of one operator: the median of several runs.

    time_us : microseconds
    share : of the whole run, 0 to 1
    fused : the operators of the file that it stands for, if there are several
    gmacs_per_s : 10^9 multiply-accumulates a second
    """

    index: int | None
    op: str
    name: str = field(metadata={"format": lambda s: s.split(";")[-1][-40:]})
    output: tuple[int, ...] = field(metadata={"format": shape_text})
    quantized: bool = field(metadata={"format": lambda b: "int8" if b else ""})
    fused: tuple[str, ...] = field(metadata={"format": ", ".join})
    time_us: float = field(metadata={"title": "us", "format": lambda t: f"{t:,.1f}"})
    share: float = field(metadata={"format": lambda s: f"{100 * s:.1f} %"})
    macs: int = field(metadata={"title": "MACs"})
    gmacs_per_s: float | None = field(metadata={"title": "GMAC/s"})


def profile_table(graph: Graph, runs: list[list[int]], title: str) -> Table[Any]:
    """Return a row for each node from the nanoseconds of several runs."""
    medians = [sorted(times)[len(times) // 2] for times in zip(*runs, strict=True)]
    total = max(sum(medians), 1)
    rows = []
    for node, time in zip(graph.nodes, medians, strict=True):
        tensor = graph.tensors[node.outputs[0]]
        macs = graph.macs(node)
        rows.append(
            ProfileRow(
                index=node.index,
                op=node.operator.name,
                name=tensor.name,
                output=tensor.shape,
                quantized=node.quantized,
                fused=tuple(part.operator.name for part in node.parts),
                time_us=time / 1000,
                share=time / total,
                macs=macs,
                gmacs_per_s=macs / time if macs and time else None,
            )
        )
    kinds: dict[str, int] = {}
    for row, time in zip(rows, medians, strict=True):
        kinds[row.op] = kinds.get(row.op, 0) + time
    by_kind = ", ".join(
        f"{op} {100 * time / total:.0f} %"
        for op, time in sorted(kinds.items(), key=lambda item: -item[1])
    )
    return Table(rows, title, f"total {total / 1000:,.1f} us: {by_kind}")
