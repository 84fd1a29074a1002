"""Whole models: the digits classifier that qd8 ships, and the zoo at reduced size."""

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


def litert_invoke(file: bytes, inputs: list[np.ndarray]):
    """Return LiteRT's `invoke` for a model, its inputs set, on one thread."""
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError as error:
        raise measured.not_applicable(str(error)) from None
    from .litert import quiet

    with quiet():
        litert = Interpreter(model_content=file, num_threads=1)
        litert.allocate_tensors()
    for detail, x in zip(litert.get_input_details(), inputs, strict=True):
        litert.set_tensor(detail["index"], x)
    return litert.invoke


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
        with open(self.path, "rb") as file:
            invoke = litert_invoke(file.read(), [self.images[0]])
        return alternate(lambda: self.model(self.images[0]), invoke, 200).ratio

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


#: Small enough for a hundred calls. Append-only, as the layers. Depthwise
#: weights are float32: that is LiteRT at its best, and qd8 computes them so anyway.
ZOO = {
    "efficientnet_v2_b0": {"width": 0.5, "resolution": 96, "float_depthwise": True},
    "inception_v3": {"width": 0.5, "resolution": 139},
    "deeplab_v3": {"width": 0.5, "resolution": 129, "float_depthwise": True},
    "sd_unet": {"width": 0.2, "resolution": 16},
    "mobilebert": {"layers": 4, "tokens": 128, "vocabulary": 1000},
    "efficientnet_v2_s": {"width": 0.5, "resolution": 96, "float_depthwise": True},
}


@cache
def from_zoo(name: str, precision: str):
    """Return (file, model, inputs), the model called once."""
    import qd8

    try:
        from qd8 import zoo
    except ImportError as error:  # an older qd8
        raise NotImplementedError(str(error)) from None
    weights = "float32" if precision == "fp32" else "int8"
    options = dict(ZOO[name])
    if precision == "fp32":
        options.pop("float_depthwise", None)
    file = zoo.build(name, weights=weights, **options)
    model = qd8.load(file, precision=precision)
    rng = np.random.default_rng(8)
    inputs = [
        rng.standard_normal(tensor.shape, np.float32)
        if np.dtype(tensor.dtype).kind == "f"
        else np.ones(tensor.shape, tensor.dtype)
        for tensor in model.inputs
    ]
    model(*inputs)
    return file, model, inputs


class Zoo:
    """A call of a reduced architecture."""

    version = "1"
    timeout = 600
    params = (list(ZOO), list(FILES), [1, 2])
    param_names = ("model", "precision", "threads")
    repeat = (5, 100, 0.5)
    rounds = 2
    warmup_time = 0.1

    def setup(self, name, precision, threads):
        measured.use_threads(threads)
        _, self.model, self.inputs = from_zoo(name, precision)

    def time_call(self, name, precision, threads):
        self.model(*self.inputs)


class ZooFile:
    """Beside LiteRT with the same file, one thread."""

    version = "1"
    timeout = 600
    params = (list(ZOO), ["fp32", "qd8-f32"])
    param_names = ("model", "precision")

    def setup(self, name, precision):
        measured.use_threads(1)
        self.file, self.model, self.inputs = from_zoo(name, precision)

    def track_ratio_to_xnnpack(self, name, precision):
        invoke = litert_invoke(self.file, self.inputs)
        return alternate(lambda: self.model(*self.inputs), invoke, 20).ratio

    track_ratio_to_xnnpack.unit = "XNNPACK's time / qd8's"


class ZooMemory:
    """What a reduced architecture holds while it runs, by qd8's own account."""

    version = "1"
    timeout = 600
    params = (list(ZOO), list(FILES))
    param_names = ("model", "precision")

    def setup(self, name, precision):
        measured.use_threads(1)
        _, model, _ = from_zoo(name, precision)
        self.plan = getattr(model, "_plan", None)
        if not hasattr(self.plan, "packed"):
            raise NotImplementedError("an older qd8")

    def track_arena_bytes(self, name, precision):
        return self.plan.arena_bytes

    track_arena_bytes.unit = "bytes"

    def track_packed_bytes(self, name, precision):
        try:
            return sum(each.nbytes for each in self.plan.packed)
        except AttributeError as error:  # an older qd8
            raise measured.not_applicable(str(error)) from None

    track_packed_bytes.unit = "bytes"
