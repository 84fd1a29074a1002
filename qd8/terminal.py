"""What a person at a terminal sees: tables and progress, in rich where it can be shown.

Where output goes to a file, a pipe or a log it is plain text: tables as their repr,
progress as a line for each thing worth saying. Nothing here knows a model.
"""

import errno
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from pathlib import Path


class Printable(Protocol):
    """A table of results: `qd8.graph.table.Table`."""

    title: str
    note: str

    def _text(self) -> tuple[list[str], list[list[str]], list[bool]]: ...


def show(table: Printable) -> None:
    """Print a table on stdout: ruled to the terminal's width, or its repr."""
    if not sys.stdout.isatty():
        print(repr(table))
        return
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    heads, cells, right = table._text()
    shown = Table(
        title=table.title,
        title_justify="left",
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        pad_edge=False,
    )
    for head, to_right, *column in zip(heads, right, *cells, strict=True):
        # Numbers stay whole; heads, names and reasons fold where there is no room.
        words = [word for cell in column for word in cell.split()]
        word = min(max(map(len, words), default=0), 12)
        widest = max(map(len, column), default=0)
        shown.add_column(
            Text(head),
            justify="right" if to_right else "left",
            min_width=widest if to_right else word,
            overflow="fold",
        )
    for line in cells:
        shown.add_row(*(Text(cell) for cell in line))  # Text: "[" is no markup
    console = Console()
    # Narrower than this rich leaves columns out: better a line that wraps.
    needed = Console(width=10_000).measure(shown).minimum
    console.print(shown, width=max(needed, console.width), crop=False)
    if table.note:
        console.print(Text(table.note))


@contextmanager
def progress(what: str, total: int | None = None) -> Iterator[Callable[[str], None]]:
    """Show on stderr how far ``what`` is; yield ``step(note)``, called after each part.

    ``total`` is the number of parts, None if nobody knows. Where stderr is no
    terminal, each note that is not empty is a line, and there is nothing else.
    """
    if not sys.stderr.isatty():

        def plain(note: str) -> None:
            if note:
                print(f"qd8: {note}", file=sys.stderr)

        yield plain
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
    from rich.text import Text

    columns = [TextColumn("{task.description}", markup=False), BarColumn()]
    if total is not None:
        columns.append(MofNCompleteColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=total)

        def step(note: str) -> None:
            bar.advance(task)
            if note:
                bar.console.print(Text(f"qd8: {note}"))

        yield step


@contextmanager
def written(path: "Path") -> "Iterator[Path]":
    """Yield a temporary path beside ``path`` that takes its name at the end.

    So a file is there whole or not at all. If the block raises, what was there before
    stays.

    Raises
    ------
    OSError
        If the file cannot be written; it names ``path``.
    """
    import tempfile  # 3 ms that loading a model needs not

    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, "it is a folder, not a file", str(path))
    try:
        handle, name = tempfile.mkstemp(
            dir=path.parent, prefix=f".{path.name}.", suffix=path.suffix
        )
    except FileNotFoundError as error:
        text = f"there is no folder {path.parent} to write it to"
        raise FileNotFoundError(error.errno, text, str(path)) from None
    except OSError as error:
        text = f"it cannot be written: {error.strerror}"
        raise type(error)(error.errno, text, str(path)) from None
    os.close(handle)
    temporary = path.with_name(os.path.basename(name))
    try:
        yield temporary
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)  # mkstemp's files are the owner's alone
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
