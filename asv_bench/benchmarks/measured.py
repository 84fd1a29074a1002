"""What the suite reports of an operator beside its time."""

from statistics import median
from time import perf_counter

import numpy as np
import numpy.typing as npt

from .layers import FullyConnectedLayer, Problem
from .turns import Call, alternate, in_blocks, seconds

ENOUGH = 0.5  # seconds of calls
FEWEST, MOST = 10, 200
PAIRS = 30
BLOCKS, CALLS = 7, 5


def use_threads(count: int) -> None:
    """Set qd8's threads; a version without the setting has no such benchmark."""
    import qd8

    try:
        qd8.set_num_threads(count)
    except AttributeError as error:
        raise NotImplementedError(str(error)) from None


def not_applicable(why: str) -> Exception:
    """Return what asv takes for "not applicable" when a benchmark raises it.

    In `setup` any NotImplementedError is that; in the benchmark itself only this one.
    """
    from asv_runner.benchmarks.mark import SkipNotImplemented

    return SkipNotImplemented(why)


def gmacs(call: Call, macs: int) -> float:
    """1e9 multiply-adds a second, by the median call."""
    call()
    times: list[float] = []
    start = perf_counter()
    while len(times) < FEWEST or (
        perf_counter() - start < ENOUGH and len(times) < MOST
    ):
        times.append(seconds(call))
    return macs / median(times) / 1e9


def ratio_to_xnnpack(data: Problem, call: Call, threads: int) -> float:
    """XNNPACK's time (`invoke` alone) by ours (the whole call), in turns."""
    try:
        from .litert import interpreter

        peer = interpreter(data, threads).invoke
    except ImportError as error:  # no ai-edge-litert here: nothing to compare with
        raise not_applicable(str(error)) from None
    if threads == 1:
        return alternate(call, peer, PAIRS).ratio
    return in_blocks(call, peer, BLOCKS, CALLS).ratio


def unequal_bits(data: Problem, output: npt.NDArray[np.float32]) -> int:
    """Elements with other bits than the reference's, or than XNNPACK's if it is here.

    Two NaNs are equal whatever their payload; -0.0 and +0.0 are not (C1).
    """
    expected = [reference(data)]
    try:
        from .litert import interpreter

        peer = interpreter(data, 1)
        peer.invoke()
        expected.append(peer.output())
    except ImportError:
        pass
    return max(count_unequal(each, output) for each in expected)


def count_unequal(
    expected: npt.NDArray[np.float32], actual: npt.NDArray[np.float32]
) -> int:
    """Elements whose bits differ, two NaNs aside."""
    same = expected.view(np.uint32) == actual.view(np.uint32)
    return int(np.sum(~(same | (np.isnan(expected) & np.isnan(actual)))))


def reference(data: Problem) -> npt.NDArray[np.float32]:
    """Return the definition's answer."""
    import qd8_reference

    layer, weights = data.layer, (data.values, data.scale, data.bias)
    if isinstance(layer, FullyConnectedLayer):
        return qd8_reference.fully_connected(data.x, *weights)
    return qd8_reference.conv2d(
        data.x,
        *weights,
        stride=(layer.stride, layer.stride),
        dilation=(layer.dilation, layer.dilation),
    )
