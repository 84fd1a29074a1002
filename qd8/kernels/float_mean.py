"""The reductions of float_reduce.py under their older name."""

from qd8.kernels.float_reduce import bind_mean, bind_reduce_max, bind_sum

__all__ = ["bind_mean", "bind_reduce_max", "bind_sum"]
