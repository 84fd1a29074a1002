"""The models' files: those of a folder where they are, else the zoo's, else derived.

A dynamically quantized file is all that is needed. With its weights put back to
float32 it is the float file; with those of DEPTHWISE_CONV_2D alone put back it is the
file that LiteRT runs fastest, because XNNPACK takes no int8 depthwise weights beside
float activations and the graph is cut around each. And with that float file calibrated
it is the full-integer file, of the same int8 weights.
"""

import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from asv_bench.revision import ROOT
from qd8 import tflite, zoo
from qd8.terminal import written
from qd8.zoo import full_integer
from qd8.zoo.calibration import smooth_samples
from qd8.zoo.full_integer import RULES

#: Where the repository's shared files are, if they are anywhere.
SHARED = ROOT.parent / "shared" / "models"
MADE = ROOT / ".asv" / "models"
DEPTHWISE = "DEPTHWISE_CONV_2D"


class Architecture(NamedTuple):
    """stem : of the files' names in a folder, ``stem_kind.tflite``; zoo : there"""

    name: str
    stem: str
    zoo: str


ARCHITECTURES = (
    Architecture("EfficientNetV2-B0", "effnetv2b0", "efficientnet_v2_b0"),
    Architecture("EfficientNetV2-S", "effnetv2s", "efficientnet_v2_s"),
    Architecture("Inception-v3", "inceptionv3", "inception_v3"),
    Architecture("DeepLab-v3", "deeplabv3_mnv2_257", "deeplab_v3"),
    Architecture("SD UNet", "sdunet", "sd_unet"),
)


class Files(NamedTuple):
    """The files of a model; None where there is none, and nothing to make it from.

    drqx : None if no depthwise weights are int8, so that it would be drq itself
    int8 : quantized in full; None if an operator has no integer form
    source : where drq is from, for the reader
    """

    drq: Path
    fp32: Path
    drqx: Path | None
    int8: Path | None
    source: str


def find(model: Architecture, folder: Path, unet_width: float) -> Files:
    """Return the files of a model, made under .asv/models if they must be."""
    drq, source = folder / f"{model.stem}_drq.tflite", str(folder)
    if not drq.exists():
        width = {"width": unet_width} if model.zoo == "sd_unet" else {}
        about = f"{model.zoo}{''.join(f'_{v:g}' for v in width.values())}"
        drq, source = _from_zoo(model.zoo, about, width), f"qd8.zoo, {about}"
    around = {kind: drq.with_name(f"{model.stem}_{kind}.tflite") for kind in _DERIVED}
    kept = {kind: path for kind, path in around.items() if path.exists()}
    fp32 = kept.get("fp32") or _derived(drq, "fp32")
    return Files(
        drq,
        fp32,
        kept.get("drqx") or (_derived(drq, "drqx") if _quantized(drq) else None),
        kept.get("int8") or (_derived(fp32, "int8") if _has_integers(fp32) else None),
        source,
    )


def _quantized(path: Path) -> bool:
    """Whether a file has depthwise weights of int8."""
    file = tflite.read(path)
    return any(file.main.tensors[i].dtype == "INT8" for i in _weights(file, DEPTHWISE))


def _has_integers(path: Path) -> bool:
    """Whether all of a float file can be written in integers."""
    return {call.op for call in tflite.read(path).main.operators} <= RULES.keys()


def _weights(file: tflite.File, op: str = "") -> set[int]:
    """Indices of the int8 constants that operators (of one kind) read."""
    tensors = file.main.tensors
    return {
        i
        for call in file.main.operators
        if op in ("", call.op)
        for i in call.inputs
        if i >= 0 and tensors[i].data is not None and tensors[i].dtype == "INT8"
    }


def calibrated(file: tflite.File) -> tflite.File:
    """Return the full-integer file of a float file, calibrated on smooth images."""
    return full_integer.quantize(file, smooth_samples(file))


def dequantized(file: tflite.File, op: str = "") -> tflite.File:
    """Return the file with int8 weights (of one kind of operator) as float32."""
    tensors = list(file.main.tensors)
    for i in _weights(file, op):
        old = tensors[i]
        assert old.data is not None
        assert old.quantization is not None
        scale, axis = old.quantization.scale, old.quantization.axis
        along = [1] * len(old.shape)
        along[axis] = scale.size if scale.size > 1 else 1
        values = old.data.reshape(old.shape).astype(np.float32) * scale.reshape(along)
        tensors[i] = replace(old, dtype="FLOAT32", quantization=None, data=values)
    main = replace(file.main, tensors=tuple(tensors))
    return replace(file, subgraphs=(main, *file.subgraphs[1:]))


_DERIVED: dict[str, Callable[[tflite.File], tflite.File]] = {
    "fp32": dequantized,
    "drqx": lambda file: dequantized(file, DEPTHWISE),
    "int8": calibrated,
}


def _derived(source: Path, kind: str) -> Path:
    """A file made of another; made anew as soon as that or the zoo changes."""
    stat = source.stat()
    key = zlib.crc32(f"{source} {stat.st_size} {stat.st_mtime_ns}".encode(), _zoo())
    path = MADE / f"{source.stem}-{key:08x}_{kind}.tflite"
    return _once(path, lambda to: tflite.write(_DERIVED[kind](tflite.read(source)), to))


def _zoo() -> int:
    """A checksum of the zoo's source."""
    key = 0
    for source in sorted(Path(zoo.__file__).parent.glob("*.py")):
        key = zlib.crc32(source.read_bytes(), key)
    return key


def _from_zoo(name: str, about: str, options: dict[str, float]) -> Path:
    """The zoo's dynamic range file of a name."""
    path = MADE / f"{about}-{_zoo():08x}.tflite"
    return _once(path, lambda to: zoo.write(name, to, weights="int8", **options))


def _once(path: Path, write: Callable[[Path], None]) -> Path:
    """Write a file unless it is there; whole or not at all."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        with written(path) as partial:
            write(partial)
    return path
