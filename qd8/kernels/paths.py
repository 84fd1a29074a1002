"""How sums of products may be computed, and the way that a test insists on."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

# "" leaves it to the schedule.
PATHS = ("direct", "winograd", "maddubs")
_forced: ContextVar[str] = ContextVar("qd8_path", default="")


@contextmanager
def forced(path: str) -> Iterator[None]:
    """Build operators within the block that take ``path`` wherever they can."""
    if path not in PATHS:
        raise ValueError(f"path is {path!r}; it must be one of {', '.join(PATHS)}")
    token = _forced.set(path)
    try:
        yield
    finally:
        _forced.reset(token)


def forced_path() -> str:
    """The path that operators built now must take, or ""."""
    return _forced.get()
