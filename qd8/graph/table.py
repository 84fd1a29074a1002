"""Results as a sequence of frozen rows that prints as a table.

A row class is a frozen dataclass; a field's metadata may hold ``format``, a
function from its value to text, ``title``, and ``hidden``, of what only JSON shows.
"""

import dataclasses
import html
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Generic, TypeVar, overload

import numpy as np

Row = TypeVar("Row")


class Table(Sequence[Row], Generic[Row]):
    """Rows of one frozen dataclass, with a table as repr and a note below it.

    Parameters
    ----------
    rows : iterable of instances of one frozen dataclass
    title : str, optional
        Stands above the table.
    note : str, optional
        Stands below it.
    """

    def __init__(self, rows: Iterable[Row], title: str = "", note: str = "") -> None:
        self._rows = tuple(rows)
        self.title = title
        self.note = note

    @overload
    def __getitem__(self, index: int) -> Row: ...
    @overload
    def __getitem__(self, index: slice) -> "Table[Row]": ...
    def __getitem__(self, index: int | slice) -> "Row | Table[Row]":
        if isinstance(index, slice):
            return Table(self._rows[index], self.title)
        return self._rows[index]

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[Row]:
        return iter(self._rows)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Table) and self._rows == other._rows

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        heads, cells, right = self._text()
        widths = [max(map(len, column)) for column in zip(heads, *cells, strict=True)]
        lines = [self.title] if self.title else []
        for line in (heads, ["-" * width for width in widths], *cells):
            padded = [
                cell.rjust(width) if to_right else cell.ljust(width)
                for cell, width, to_right in zip(line, widths, right, strict=True)
            ]
            lines.append("  ".join(padded).rstrip())
        return "\n".join([*lines, self.note] if self.note else lines)

    def _repr_html_(self) -> str:
        heads, cells, right = self._text()
        aligns = [
            f' style="text-align: {"right" if to_right else "left"}"'
            for to_right in right
        ]

        def line(tag: str, texts: Sequence[str]) -> str:
            return "".join(
                f"<{tag}{align}>{html.escape(text)}</{tag}>"
                for text, align in zip(texts, aligns, strict=True)
            )

        body = "".join(f"<tr>{line('td', each)}</tr>" for each in cells)
        title = f"<caption>{html.escape(self.title)}</caption>" if self.title else ""
        note = f"<p>{html.escape(self.note)}</p>" if self.note else ""
        return (
            f"<table>{title}<thead><tr>{line('th', heads)}</tr></thead>"
            f"<tbody>{body}</tbody></table>{note}"
        )

    def to_json(self, path: Any = None, **extra: Any) -> str:
        """Return title, note and rows as JSON, with ``extra``; write it if asked."""
        content = {"title": self.title, "note": self.note, **extra}
        content["rows"] = [dataclasses.asdict(row) for row in self._rows]  # type: ignore[call-overload]
        text = json.dumps(content, indent=1, default=_plain)
        if path is not None:
            Path(path).write_text(text + "\n", encoding="utf-8")
        return text

    def _text(self) -> tuple[list[str], list[list[str]], list[bool]]:
        """Return headings, cells, and which columns stand to the right."""
        if not self._rows:
            return ["(no rows)"], [], [False]
        fields = [
            f
            for f in dataclasses.fields(self._rows[0])  # type: ignore[arg-type]
            if not f.metadata.get("hidden")
        ]
        heads = [f.metadata.get("title", f.name.replace("_", " ")) for f in fields]
        cells = [
            [_cell(getattr(row, f.name), f.metadata) for f in fields]
            for row in self._rows
        ]
        right = [
            all(
                value is None
                or (isinstance(value, (int, float)) and not isinstance(value, bool))
                for value in (getattr(row, f.name) for row in self._rows)
            )
            for f in fields
        ]
        return heads, cells, right


def shape_text(shape: Sequence[int]) -> str:
    """Write a shape as ``1x8x8x24``, a scalar as ``()``."""
    return "x".join(map(str, shape)) or "()"


def _cell(value: Any, metadata: Mapping[str, Any]) -> str:
    """Write one value."""
    if value is None:
        return ""
    if "format" in metadata:
        return str(metadata["format"](value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, int):
        return f"{value:,}"
    return str(value)


def _plain(value: Any) -> Any:
    """Turn what JSON does not know into what it does."""
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, Mapping):
        return dict(value)
    return str(value)
