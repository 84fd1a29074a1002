"""The range of an image (R5) found while it is made, not read again for it.

A tensor beyond the second-level cache would come back from the third only for its
least and greatest element. A *range tail* is a tail (chain.py) that has another tail,
if there is one, finish a piece of the outputs, and then looks at it in the nearest
cache. What it has seen is a `state`: sixteen lanes of least and sixteen of greatest
elements, begun before the first output and folded where the range is needed. Minimum
and maximum are exact, so their order cannot matter; but one thread writes the state.
"""

import numpy as np
import numpy.typing as npt

from qd8.kernels import cache, isa, launch
from qd8.kernels.calls import call_kernel
from qd8.kernels.float_arguments import Float, address, aligned, kind
from qd8.kernels.ranges import (
    ZERO,
    greatest_lane,
    higher,
    least_lane,
    lower,
    range_vectors,
)
from qd8.kernels.scalars import store_scalar, word
from qd8.kernels.tail import NO_TAIL, Tail
from qd8.kernels.vector import F16, F32, define, f32x16, load, splat, store

State = npt.NDArray[np.float32]
LANES = 16
PIECE = 1 << 11  # elements that a tail finishes and that then are looked at
PART = 12  # bytes of a partial range (quantize.image_ranges)

_lower = define(f32x16, (f32x16, f32x16), lower)
_higher = define(f32x16, (f32x16, f32x16), higher)


def _range_tail_factory(source, TIER, KIND):
    size = 2 if KIND == F16 else 4

    def range_tail(first, count, args):
        source  # noqa: B018
        tail, tail_arguments = word(args, 0), word(args, 1)
        at, state = word(args, 2) + first * size, word(args, 3)
        least, greatest = load(TIER, F32, state), load(TIER, F32, state + 64)
        done = 0
        while done < count:
            n = min(PIECE, count - done)
            if tail != 0:
                call_kernel(tail, first + done, n, tail_arguments)
            lo, hi = range_vectors(TIER, KIND, at + done * size, n)
            least, greatest = _lower(TIER, least, lo), _higher(TIER, greatest, hi)
            done += n
        store(TIER, F32, state, least)
        store(TIER, F32, state + 64, greatest)

    return range_tail


def _range_begin_factory(source, TIER):
    def range_begin(task, tasks, args):
        source  # noqa: B018
        state = word(args, 0)
        store(TIER, F32, state, splat(-ZERO))
        store(TIER, F32, state + 64, splat(ZERO))

    return range_begin


def _range_end_factory(source, TIER):
    def range_end(task, tasks, args):
        source  # noqa: B018
        state, ranges, parts = word(args, 0), word(args, 1), word(args, 2)
        least = least_lane(TIER, load(TIER, F32, state))
        greatest = greatest_lane(TIER, load(TIER, F32, state + 64))
        store_scalar(ranges, least)
        store_scalar(ranges + 4, greatest)
        store_scalar(ranges + 8, (greatest - least) * ZERO)
        for part in range(1, parts):  # the others have seen nothing
            for n in range(3):
                store_scalar(ranges + PART * part + 4 * n, ZERO)

    return range_end


def new_state() -> State:
    """Return memory for what is seen of one image."""
    return aligned((2 * LANES,))


def bind_range_tail(tail: Tail | None, out: Float, state: State) -> Tail:
    """Bind a tail that does what ``tail`` does and sees all that is in ``out`` then.

    Parameters
    ----------
    out : C-contiguous float32 or float16, which one thread makes
    """
    kernel = cache.kernel(_range_tail_factory, isa.current().id, kind(out))
    words = (*(NO_TAIL if tail is None else tail.words), address(out), address(state))
    return Tail(kernel.address, np.array(words, np.int64), (tail, out, state))


def bind_begin(state: State) -> launch.Call:
    """A call that forgets what was seen: before an image is made."""
    kernel = cache.kernel(_range_begin_factory, isa.current().id)
    return launch.bind(kernel, (address(state),), 1, state)


def with_state(calls: list[launch.Call], state: State) -> list[launch.Call]:
    """The calls of a quantized convolution of one image, without its `image_ranges`.

    Parameters
    ----------
    calls : the first of them finds the range of the image
    state : of the tensor that it reads
    """
    find, *others = calls
    _, ranges, images, _, parts = (int(each) for each in find.arguments)
    assert images == 1
    kernel = cache.kernel(_range_end_factory, isa.current().id)
    words = address(state), ranges, parts
    return [launch.bind(kernel, words, 1, *find.keep, state), *others]
