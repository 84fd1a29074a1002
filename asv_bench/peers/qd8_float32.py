"""qd8's float32 kernels on a layer, bound once as a model binds them."""

from collections.abc import Callable

import numpy as np

from asv_bench.benchmarks.layers import DepthwiseLayer, FullyConnectedLayer, Problem
from asv_bench.benchmarks.litert import kernel
from asv_bench.peers.engine import Array
from asv_bench.peers.truth import output_shape
from qd8.kernels import float_depthwise, float_gemm, launch
from qd8.kernels.float_pack import pack_conv2d_float, pack_fully_connected_float
from qd8.workspace import aligned


def operator(data: Problem, threads: int) -> Callable[[Array], Array]:
    """A function of the layer's own input; its result is overwritten by every call.

    There is no public float operator: a model runs these calls, its weights packed
    and its arrays bound when it is loaded, on cache lines of their own as in its arena.
    """
    layer, x = data.layer, _aligned(data.x.shape)
    x[...] = data.x
    out = _aligned(output_shape(data))
    given = {"activation": "none", "threads": threads}
    if isinstance(layer, FullyConnectedLayer):
        packed = pack_fully_connected_float(data.weight)
        calls = float_gemm.bind_fully_connected_float(
            x, packed, data.bias, out, **given
        )
    else:
        geometry = layer.dense if isinstance(layer, DepthwiseLayer) else layer
        dilation = (geometry.dilation, geometry.dilation)
        given |= {"stride": (layer.stride, layer.stride), "dilation": dilation}
        given |= {"padding": geometry.padding}
        if isinstance(layer, DepthwiseLayer):
            taps = float_depthwise.pack_depthwise_conv2d(kernel(data))
            calls = float_depthwise.bind_depthwise_conv2d(
                x, taps, data.bias, out, **given
            )
        else:
            dense = pack_conv2d_float(data.weight)
            calls = float_gemm.bind_conv2d_float(
                x, dense, data.bias, out, groups=1, **given
            )

    linked = launch.Linked(calls)

    def call(same: Array) -> Array:
        assert same is data.x
        linked.run()
        return out

    return call


def _aligned(shape: tuple[int, ...]) -> Array:
    return aligned(4 * int(np.prod(shape))).view(np.float32).reshape(shape)
