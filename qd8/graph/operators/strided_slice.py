"""STRIDED_SLICE: ``x[begin:end:strides]`` in TensorFlow's notation (R36).

The masks say what an entry means: no begin, no end, all axes that no other entry
names, a new axis, one element of an axis that then goes.
"""

import math
from typing import Any

from . import fields
from .operator import (
    ANY_X,
    INTEGERS,
    Array,
    Arrays,
    Given,
    Input,
    Operator,
    Options,
    Shape,
    kernel,
)

MASKS = (
    "begin_mask",
    "end_mask",
    "ellipsis_mask",
    "new_axis_mask",
    "shrink_axis_mask",
)
INPUTS = tuple(
    Input(name, dtypes=INTEGERS, constant=True, option=True)
    for name in ("begin", "end", "strides")
)


def decode(given: Given) -> Options:
    parts = {name: fields.needed(given, name) for name in ("begin", "end", "strides")}
    lengths = {len(values) for values in parts.values()}
    if len(lengths) != 1:
        raise ValueError(f"its begin, end and strides are of lengths {lengths}")
    if 0 in parts["strides"]:
        raise ValueError(f"its strides are {parts['strides']}; 0 leads nowhere")
    options: Options = {
        **parts,
        **{name: int(given.options.get(name, 0)) for name in MASKS},
        "offset": bool(given.options.get("offset", False)),
    }
    entries(given.x, options)  # what does not fit is said now
    return options


def entries(x: Shape, options: Options) -> list[Any]:
    """Return the index: slices resolved within ``x``, None for a new axis, an int
    for one element of an axis that goes."""
    count = len(options["begin"])

    def marked(mask: str, i: int) -> bool:
        return bool(options[mask] >> i & 1)

    ellipses = [i for i in range(count) if marked("ellipsis_mask", i)]
    if len(ellipses) > 1:
        raise ValueError(f"its ellipsis_mask is {options['ellipsis_mask']:#b}")
    named = sum(
        i not in ellipses and not marked("new_axis_mask", i) for i in range(count)
    )
    if named > len(x):
        raise ValueError(f"its begin names {named} axes; its input is {x}")
    found: list[Any] = []
    axis = 0
    for i in range(count):
        if i in ellipses:
            for n in x[axis : axis + len(x) - named]:
                found.append(slice(0, n, 1))
            axis += len(x) - named
            continue
        if marked("new_axis_mask", i):
            found.append(None)
            continue
        n, first, last = x[axis], options["begin"][i], options["end"][i]
        axis += 1
        if options["offset"]:
            first += n if first < 0 else 0
            last += first
        if marked("shrink_axis_mask", i):
            if not -n <= first < n:
                raise ValueError(f"its begin is {options['begin']}; its input is {x}")
            found.append(first % n)
            continue
        begin = None if marked("begin_mask", i) else first
        end = None if marked("end_mask", i) else last
        # Python's own rule is TensorFlow's: negative counts from the end, once.
        found.append(slice(*slice(begin, end, options["strides"][i]).indices(n)))
    found += [slice(0, n, 1) for n in x[axis:]]
    return found


def _length(part: slice) -> int:
    return len(range(part.start, part.stop, part.step))


def shape(given: Given, options: Options) -> Shape:
    index = entries(given.x, options)
    return tuple(
        1 if part is None else _length(part)
        for part in index
        if not isinstance(part, int)
    )


def bind(arrays: Arrays, out: Array, options: Options, threads: int) -> list[Any]:
    x = arrays[0]
    parts = [part for part in entries(x.shape, options) if part is not None]
    begin = [part if isinstance(part, int) else part.start for part in parts]
    strides = [1 if isinstance(part, int) else part.step for part in parts]
    sizes = [1 if isinstance(part, int) else _length(part) for part in parts]
    assert math.prod(sizes) == out.size
    resolved = {"begin": begin, "strides": strides}
    return bind_resolved(arrays, out.reshape(sizes), resolved, threads)


bind_resolved = kernel("movement.bind_strided_slice")

STRIDED_SLICE = Operator(
    name="STRIDED_SLICE",
    inputs=(ANY_X, *INPUTS),
    reference="strided_slice",
    decode=decode,
    shape=shape,
    bind=bind,
)
