"""The whole demo: load, classify, compare with the reference, write, judge."""

import platform
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import qd8
from qd8 import doctor
from qd8.graph.table import Table
from qd8.kernels import isa
from qd8.terminal import progress, show, written
from qd8.validation.litert import load_litert

from .digits import FLOAT, QUANTIZED, HeldOut, checksums, held_out
from .measure import Bits, DemoRow, Run, classify, equals_reference, row
from .picture import draw, write_png

SOURCES = {"fp32": FLOAT, "qd8-f32": QUANTIZED, "qd8-f16": QUANTIZED}
#: LiteRT runs a file as it is, so it has no counterpart of qd8-f16 here.
PEERS = {"fp32": FLOAT, "qd8-f32": QUANTIZED}
REFERENCE_IMAGES = 32
LOWEST_ACCURACY = 0.97


def run_demo(
    folder: Path, images: int | None = None, reference_images: int = REFERENCE_IMAGES
) -> list[str]:
    """Classify the held-out digits, print the table, write a picture and the table.

    Parameters
    ----------
    folder : Path
        Gets ``digits.png`` and ``demo.json``; it is made if it does not exist.
    images : int, optional
        The first so many of the 360.
    reference_images : int
        How many of them the reference computes too; it is slow.

    Returns
    -------
    list of str
        What is wrong: a bit that differs, an accuracy too low. Empty if all is well.

    Raises
    ------
    ValueError
        If there are not so many images.
    OSError
        If the folder cannot be written.
    """
    if reference_images < 1:
        raise ValueError(
            f"{reference_images} images for the reference; 1 or more are needed"
        )
    digits = held_out(images)
    folder.mkdir(parents=True, exist_ok=True)
    with qd8.threads(1):
        table, answers = _measure(digits, reference_images)
    show(table)
    print(doctor.fp16_sentence())
    with written(folder / "digits.png") as path:
        write_png(path, draw(digits, answers))
    with written(folder / "demo.json") as path:
        table.to_json(path, **_circumstances())
    print(
        f"{folder / 'digits.png'}: digits with the answers of qd8-f32; "
        "red is wrong, with the truth beside it"
    )
    print(f"{folder / 'demo.json'}: this table, and what it was measured on")
    return problems(table)


def problems(table: Table[DemoRow]) -> list[str]:
    """Return what must not be: a sentence for each, none if all is well."""
    found = []
    for each in table:
        if not each.bits.equal:
            found.append(f"{each.precision}: logits differ from the reference's bits")
        if not each.accuracy.share >= LOWEST_ACCURACY:
            found.append(
                f"{each.precision}: {each.accuracy} are right; "
                f"{100 * LOWEST_ACCURACY:.0f} % are needed"
            )
    return found


def _measure(digits: HeldOut, reference_images: int) -> tuple[Table[DemoRow], Any]:
    """Return the table, and the answers of qd8-f32."""
    models = {
        precision: qd8.load(path, precision=precision)
        for precision, path in SOURCES.items()
    }
    for model in models.values():
        qd8.warmup(model)
    runs: dict[str, Run] = dict(models)  # type: ignore[arg-type]
    for precision, path in PEERS.items():
        if peer := load_litert(path):
            runs[f"LiteRT {precision}"] = peer
            peer(digits.x[0])
    count = len(digits.x)
    with progress(f"classifying {count} digits", count * len(runs)) as done:
        logits, latency = classify(runs, digits.x, done)
    checked = min(reference_images, count)
    bits = {}
    with progress("computing the reference", checked * len(models)) as done:
        for precision, model in models.items():
            some = digits.x[:checked], logits[precision][:checked]
            bits[precision] = Bits(equals_reference(model, *some, done), checked)
    peers = "" if len(runs) > len(models) else " (ai-edge-litert is not installed)"
    rows = [
        row(p, model, digits, logits, latency, bits[p]) for p, model in models.items()
    ]
    title = f"{count} held-out handwritten digits, top-1 and time of one image"
    note = (
        f"bits: every logit against the reference, on the first {checked} images\n"
        "top-1: with Wilson's 95 % interval; as fp32: the same answer\n"
        f"us and LiteRT{peers}: median microseconds of an image on one thread, "
        f"{doctor.cpu_name()}, tier {isa.current().name}"
    )
    return Table(rows, title, note), logits["qd8-f32"].argmax(axis=1)


def _circumstances() -> dict[str, Any]:
    """Return what a number needs beside it to mean something."""
    versions = {"python": platform.python_version(), **doctor.packages()}
    return {
        "numerics_version": qd8.NUMERICS_VERSION,
        "qd8": qd8.__version__,
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "cpu": doctor.cpu_name(),
        "tier": isa.current().name,
        "native_fp16": doctor.native_fp16(),
        "threads": 1,
        "versions": {name: version for name, version in versions.items() if version},
        "sha256": checksums(),
    }
