"""The digits classifier and its held-out images; see README in qd8/data/digits."""

import hashlib
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

import qd8

FOLDER = Path(qd8.__file__).parent / "data" / "digits"
FLOAT = FOLDER / "digits_fp32.tflite"
QUANTIZED = FOLDER / "digits_drq.tflite"
IMAGES = FOLDER / "digits.npz"


class HeldOut(NamedTuple):
    """Images that training never saw.

    ink : (n, 8, 8) uint8 in [0, 16], 0 is background
    labels : (n,) uint8
    x : (n, 1, 8, 8, 1) float32 in [0, 1]: each image as the model takes it
    """

    ink: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.uint8]
    x: npt.NDArray[np.float32]


def held_out(count: int | None = None) -> HeldOut:
    """Return the first ``count`` held-out images, or all 360.

    Raises
    ------
    ValueError
        If there are not so many.
    """
    with np.load(IMAGES) as file:
        mask = file["held_out"]
        ink, labels = file["images"][mask], file["labels"][mask]
    if count is not None and not 1 <= count <= len(ink):
        raise ValueError(f"{count} images were asked for; 1 to {len(ink)} are held out")
    ink, labels = ink[:count], labels[:count]
    x = ink.astype(np.float32)[:, np.newaxis, :, :, np.newaxis] / np.float32(16)
    return HeldOut(ink, labels, x)


def checksums() -> dict[str, str]:
    """Return the sha256 of the files that a result depends on."""
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in (FLOAT, QUANTIZED, IMAGES)
    }
