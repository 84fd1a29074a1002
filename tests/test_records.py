"""A record is what a frozen dataclass would be, in all that qd8 uses of one."""

import copy
import dataclasses
import pickle
from collections.abc import Callable
from typing import Any, ClassVar

import pytest

from qd8.records import field, record

OPTIONS = [{}, {"slots": True}, {"eq": False}, {"slots": True, "eq": False}]


def defined(by: Callable[..., Any], **options: bool) -> tuple[type, type]:
    """Define the same two classes by `record` or `dataclasses.dataclass`."""

    @by(frozen=True, **options)
    class Row:
        """A row."""

        name: str
        shape: tuple[int, ...] = ()
        more: list[int] = field(default_factory=list, repr=False)
        unit: ClassVar[str] = "rows"

        @property
        def rank(self) -> int:
            return len(self.shape)

    class_options = {"slots": options.get("slots", False)}

    @by(frozen=True, **class_options)
    class Wider(Row):
        """A row with a keyword of its own."""

        width: int = field(kw_only=True)

    return Row, Wider


def told(cls: type, *args: Any, **named: Any) -> list[Any]:
    """Tell what can be seen of an instance."""
    one, other = cls(*args, **named), cls(*args, **named)
    changed = dataclasses.replace(one, name="changed")
    return [
        [f.name for f in dataclasses.fields(cls)],
        repr(one),
        one == other,
        one == changed,
        one in [other],
        dataclasses.asdict(changed),
        dataclasses.asdict(copy.copy(one)),
        (one.rank, one.unit),
        hasattr(one, "__dict__"),
    ]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_a_record_is_a_frozen_dataclass(options: dict[str, bool]) -> None:
    """Fields, repr, comparison, replace, copies and subclasses are the same."""
    expected = defined(dataclasses.dataclass, **options)
    actual = defined(record, **options)
    for theirs, ours in zip(expected, actual, strict=True):
        more = {} if "width" not in theirs.__annotations__ else {"width": 3}
        given: list[tuple[Any, ...]] = [("a",), ("a", (1, 2)), ("a", (), [5])]
        for args in given:
            assert told(theirs, *args, **more) == told(ours, *args, **more)


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_fields_cannot_be_changed(options: dict[str, bool]) -> None:
    """Setting and deleting raise what a frozen dataclass raises."""
    row = defined(record, **options)[0]("a")
    with pytest.raises(dataclasses.FrozenInstanceError):
        row.name = "b"
    with pytest.raises(dataclasses.FrozenInstanceError):
        del row.name
    assert row.name == "a"


@record(frozen=True, slots=True)
class Kept:
    """At the top of a module, where pickle finds it."""

    name: str
    shape: tuple[int, ...] = ()


def test_records_are_hashed_and_pickled_by_value() -> None:
    """Equal ones are one key, and a pickle is equal to what was put in."""
    kept = Kept("a", (1,))
    assert {kept: 1}[Kept("a", (1,))] == 1
    assert pickle.loads(pickle.dumps(kept)) == kept
    assert Kept("a", (2,)) != kept
