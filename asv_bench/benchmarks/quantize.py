"""`qd8.quantize_rows`, `quantize_images` and `quantize_weights`."""

from functools import cache

import numpy as np

from . import measured


@cache
def prepared(shape: tuple[int, ...], dtype: str):
    """Return Gaussian numbers from a fixed seed."""
    numbers = np.random.default_rng(8).standard_normal(shape, np.float32)
    return numbers.astype(dtype)


def loaded(name: str):
    """Return the named function of qd8; a version without it has no such benchmark."""
    import qd8

    try:
        return getattr(qd8, name)
    except AttributeError as error:
        raise NotImplementedError(str(error)) from None


class Rows:
    """Activations of fully connected layers, each row by its own range."""

    version = "1"
    timeout = 600
    params = ([(1, 4096), (256, 1024), (3136, 64)], ["float32", "float16"], [1, 2])
    param_names = ("shape", "dtype", "threads")
    repeat = (10, 100, 0.5)
    rounds = 2
    warmup_time = 0.2

    def setup(self, shape, dtype, threads):
        measured.use_threads(threads)
        self.quantize, self.x = loaded("quantize_rows"), prepared(shape, dtype)
        self.quantize(self.x)

    def time_call(self, shape, dtype, threads):
        self.quantize(self.x)


class Images:
    """Activations of convolutions, each image by its own range."""

    version = "1"
    timeout = 600
    params = ([(1, 64, 64, 320), (1, 28, 28, 128)], ["float32", "float16"], [1, 2])
    param_names = ("shape", "dtype", "threads")
    repeat = (10, 100, 0.5)
    rounds = 2
    warmup_time = 0.2

    def setup(self, shape, dtype, threads):
        measured.use_threads(threads)
        self.quantize, self.x = loaded("quantize_images"), prepared(shape, dtype)
        self.quantize(self.x)

    def time_call(self, shape, dtype, threads):
        self.quantize(self.x)


class Weights:
    """Weights as they are loaded from a float model, by the converter's rule."""

    version = "1"
    timeout = 600
    params = ([(4096, 4096), (320, 3, 3, 320)],)
    param_names = ("shape",)
    repeat = (2, 10, 0.5)
    rounds = 2

    def setup(self, shape):
        self.quantize, self.weight = loaded("quantize_weights"), prepared(shape, "f4")

    def time_call(self, shape):
        self.quantize(self.weight)
