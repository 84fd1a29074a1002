"""What the suite asks of every quantized layer.

The classes are abstract, so asv takes them for no benchmarks of their own.
"""

from abc import ABC, abstractmethod
from functools import cache

from . import measured
from .layers import BY_NAME, Problem, operator, problem


@cache
def prepared(name: str, dtype: str):
    """Return (problem, operator, x), called once: compiled, packed, in memory."""
    data: Problem = problem(BY_NAME[name])
    layer, x = operator(data), data.x.astype(dtype)
    layer(x)
    return data, layer, x


class Call(ABC):
    """The whole call."""

    version = "1"
    timeout = 600
    param_names = ("layer", "dtype", "threads")
    repeat = (10, 100, 0.5)
    rounds = 2
    warmup_time = 0.2

    @property
    @abstractmethod
    def params(self):
        """Lists of the values of each parameter."""

    def setup(self, name, dtype, threads):
        if dtype == "float16" and threads > 1:
            raise NotImplementedError("float16 is timed on one thread")
        measured.use_threads(threads)
        _, self.layer, self.x = prepared(name, dtype)

    def time_call(self, name, dtype, threads):
        self.layer(self.x)


class Build(ABC):
    """Validate and pack the weights."""

    version = "1"
    timeout = 600
    param_names = ("layer",)
    repeat = (3, 20, 0.5)
    rounds = 2

    @property
    @abstractmethod
    def params(self):
        """Lists of the values of each parameter."""

    def setup(self, name):
        self.data, *_ = prepared(name, "float32")

    def time_build(self, name):
        operator(self.data)


class Layer(ABC):
    """What one thread reaches, what it costs in memory, and whether it is right."""

    version = "1"
    timeout = 600
    param_names = ("layer",)

    @property
    @abstractmethod
    def params(self):
        """Lists of the values of each parameter."""

    def setup(self, name):
        measured.use_threads(1)
        self.data, self.layer, self.x = prepared(name, "float32")

    def track_gmacs(self, name):
        return measured.gmacs(lambda: self.layer(self.x), self.data.layer.macs)

    track_gmacs.unit = "GMAC/s"

    def track_packed_bytes(self, name):
        return self.layer.packed.nbytes

    track_packed_bytes.unit = "bytes"

    def track_ratio_to_xnnpack(self, name):
        return measured.ratio_to_xnnpack(self.data, lambda: self.layer(self.x), 1)

    track_ratio_to_xnnpack.unit = "XNNPACK's time / qd8's"

    def track_unequal_bits(self, name):
        return measured.unequal_bits(self.data, self.layer(self.x))

    track_unequal_bits.unit = "elements"
