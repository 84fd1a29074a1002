"""Digits with the answers they got, as a PNG, written with the standard library."""

import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from .digits import HeldOut

Array = npt.NDArray[Any]

COLUMNS, ROWS = 12, 6
TILE = 8 * 8  # each pixel of an image is 8x8 here
ANSWER = 3 * 7 + 8  # the line below it: glyphs three times their size, and room
MARGIN = 10
PAPER, INK, RIGHT, WRONG = (250, 248, 244), (24, 24, 32), (96, 104, 112), (208, 16, 32)

# 5x7 pixels: one string of seven rows of five bits for each digit.
GLYPHS = (
    "01110 10001 10011 10101 11001 10001 01110",
    "00100 01100 00100 00100 00100 00100 01110",
    "01110 10001 00001 00010 00100 01000 11111",
    "11111 00010 00100 00010 00001 10001 01110",
    "00010 00110 01010 10010 11111 00010 00010",
    "11111 10000 11110 00001 00001 10001 01110",
    "00110 01000 10000 11110 10001 10001 01110",
    "11111 00001 00010 00100 01000 01000 01000",
    "01110 10001 10001 01110 10001 10001 01110",
    "01110 10001 10001 01111 00001 00010 01100",
)


def draw(images: HeldOut, answers: Array) -> npt.NDArray[np.uint8]:
    """Return a picture of sample digits, each with its answer below.

    A wrong one has a red frame, a red answer and, beside it in grey, the truth. All
    wrong ones are in the picture, as far as there is room; they stand last.

    Parameters
    ----------
    images : HeldOut
    answers : (n,) int

    Returns
    -------
    (height, width, 3) uint8
    """
    wrong = np.flatnonzero(answers != images.labels)[: COLUMNS * ROWS]
    good = np.flatnonzero(answers == images.labels)[: COLUMNS * ROWS - len(wrong)]
    chosen = [*good, *wrong]
    rows = -(-len(chosen) // COLUMNS)
    height, width = TILE + ANSWER + MARGIN, TILE + MARGIN
    picture = np.empty((rows * height + MARGIN, COLUMNS * width + MARGIN, 3), np.uint8)
    picture[:] = PAPER
    for place, i in enumerate(chosen):
        top = MARGIN + place // COLUMNS * height
        left = MARGIN + place % COLUMNS * width
        tile = picture[top : top + TILE + ANSWER, left : left + TILE]
        _draw_digit(tile, images.ink[i], int(answers[i]), int(images.labels[i]))
        if answers[i] != images.labels[i]:
            _frame(picture[top - 3 : top + TILE + 3, left - 3 : left + TILE + 3])
    return picture


def write_png(path: Path, picture: npt.NDArray[np.uint8]) -> None:
    """Write (height, width, 3) uint8 RGB as a PNG file.

    Source: W3C PNG specification, third edition: colour type 2, filter 0 in each row.
    """
    height, width, _ = picture.shape
    rows = np.zeros((height, 1 + 3 * width), np.uint8)
    rows[:, 1:] = picture.reshape(height, -1)
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + _chunk(b"IHDR", header)
        + _chunk(b"IDAT", zlib.compress(rows.tobytes(), 9))
        + _chunk(b"IEND", b"")
    )


def _chunk(kind: bytes, data: bytes) -> bytes:
    checksum = zlib.crc32(kind + data)
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", checksum)


def _draw_digit(tile: Array, ink: Array, answer: int, label: int) -> None:
    """Draw one image and the line below it into its (TILE + ANSWER, TILE) place."""
    share = np.kron(ink, np.ones((8, 8)))[..., np.newaxis] / 16
    white = np.full(3, 255)
    tile[:TILE] = np.rint(white + share * (np.array(INK) - white)).astype(np.uint8)
    if answer == label:
        _write(tile, TILE // 2 - 7, answer, RIGHT)
    else:
        _write(tile, 11, answer, WRONG)
        _write(tile, 38, label, RIGHT)


def _write(tile: Array, left: int, digit: int, colour: tuple[int, int, int]) -> None:
    """Write a digit below the image."""
    bits = np.array([[int(b) for b in line] for line in GLYPHS[digit].split()])
    glyph = np.kron(bits, np.ones((3, 3), int)).astype(bool)
    top = TILE + 6
    tile[top : top + glyph.shape[0], left : left + glyph.shape[1]][glyph] = colour


def _frame(place: Array) -> None:
    """Draw a red frame of 3 pixels along the edge."""
    for edge in (place[:3], place[-3:], place[:, :3], place[:, -3:]):
        edge[:] = WRONG
