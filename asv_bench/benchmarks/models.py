"""Whole models: the digits classifier that qd8 ships."""

from functools import cache
from importlib.resources import files

import numpy as np

from . import measured
from .turns import alternate

FILES = {"fp32": "fp32", "qd8-f32": "drq", "qd8-f16": "drq"}
CHECKED = 4  # images that the reference computes


@cache
def prepared(precision: str):
    """Return (path, model, images (n, 1, 8, 8, 1) float32), the model called once."""
    import qd8

    folder = files("qd8") / "data" / "digits"
    path = str(folder / f"digits_{FILES[precision]}.tflite")
    try:
        model = qd8.load(path, precision=precision)
        data = np.load(str(folder / "digits.npz"))
        images = data["images"][data["held_out"]]
    except (AttributeError, OSError, KeyError) as error:  # an older qd8
        raise NotImplementedError(str(error)) from None
    x = images[:, None, :, :, None].astype(np.float32) / np.float32(16)
    model(x[0])
    return path, model, x


class Digits:
    """One image of handwritten digits: EfficientNetV2 in small."""

    version = "1"
    timeout = 600
    params = (list(FILES), [1, 2])
    param_names = ("precision", "threads")
    repeat = (10, 200, 0.5)
    rounds = 2
    warmup_time = 0.2

    def setup(self, precision, threads):
        measured.use_threads(threads)
        _, self.model, x = prepared(precision)
        self.x = x[0]

    def time_call(self, precision, threads):
        self.model(self.x)


class DigitsFile:
    """Beside LiteRT with the same file; and whether the reference agrees."""

    version = "1"
    timeout = 600
    params = (list(FILES),)
    param_names = ("precision",)

    def setup(self, precision):
        measured.use_threads(1)
        self.path, self.model, self.images = prepared(precision)

    def track_ratio_to_xnnpack(self, precision):
        if precision == "qd8-f16":
            why = "LiteRT runs a file as it is, in float32"
            raise measured.not_applicable(why)
        try:
            from ai_edge_litert.interpreter import Interpreter
        except ImportError as error:
            raise measured.not_applicable(str(error)) from None
        from .litert import quiet

        with quiet():
            litert = Interpreter(model_path=self.path, num_threads=1)
            litert.allocate_tensors()
        image = self.images[0]
        litert.set_tensor(litert.get_input_details()[0]["index"], image)
        return alternate(lambda: self.model(image), litert.invoke, 200).ratio

    track_ratio_to_xnnpack.unit = "XNNPACK's time / qd8's"

    def track_unequal_bits(self, precision):
        from qd8.validation import run_reference

        unequal = 0
        for image in self.images[:CHECKED]:
            (expected,) = run_reference(self.model, image).values()
            unequal += measured.count_unequal(
                expected.astype(np.float32), self.model(image).astype(np.float32)
            )
        return unequal

    track_unequal_bits.unit = "elements"
