"""Element-wise operators as one program: what is computed, of which operands.

A program is for an output of any shape, seen as rows of ``period`` elements::

    operand     its element for output i = row * period + channel
    SAME        i
    CHANNEL     channel
    IMAGE       (row / rows) * period + channel       ``rows`` of an image share it
    ROW         row
    SCALAR      0
    PIECE       row * pitch + start + channel             a piece of longer rows

Its links run in order on sixteen lanes in registers; each is an operator of `OPERATORS`
whose arguments are operands or results of earlier links, the last result is the output.
A kernel is compiled for the structure alone - the words of `encoded` - so layers of all
sizes share it; sizes and addresses are arguments (chain.py).
Nothing here needs a compiler.
"""

from collections.abc import Sequence
from typing import NamedTuple

SAME, CHANNEL, IMAGE, ROW, SCALAR, PIECE = range(6)
MOST_LINKS, MOST_OPERANDS = 12, 12  # what the words of `encoded` hold
LINK_WORDS, _IN_WORD, _LINK_BITS = 4, 3, 20
_NAME_BITS, _PLACE_BITS, _KIND_BITS = 6, 6, 3


class Place(NamedTuple):
    """Where an argument comes from: an operand, or the result of a link."""

    is_result: bool
    index: int


class Link(NamedTuple):
    """One operator: its name, and its one or two arguments."""

    name: str
    arguments: tuple[Place, ...]


class Program(NamedTuple):
    """Links over operands.

    kinds : of each operand; of a tail, operand 0 is what the kernel before it made, or
        all pieces are halves of it
    period, rows : elements of a row; rows that share a row of an IMAGE operand
    pitch : elements from one row of a PIECE operand to the next
    starts : of each operand, where a PIECE begins; empty if there is none
    """

    links: tuple[Link, ...]
    kinds: tuple[int, ...]
    period: int
    rows: int = 1
    pitch: int = 0
    starts: tuple[int, ...] = ()

    @property
    def reads_halves(self) -> bool:
        """Whether operand 0 is half of longer rows, as is every other piece."""
        if self.kinds[0] != PIECE:
            return False
        starts = self.starts or (0,) * len(self.kinds)
        pieces = [
            s for s, kind in zip(starts, self.kinds, strict=True) if kind == PIECE
        ]
        return {*pieces} <= {0, self.period} and self.pitch == 2 * self.period

    @property
    def made(self) -> int:
        """Of a tail, how many operands are what the kernel before it made."""
        return self.kinds.count(PIECE) if self.reads_halves else 1


# name -> how many arguments; chain.py emits them.
OPERATORS = dict.fromkeys(
    ("add", "sub", "mul", "div", "maximum", "minimum", "squared_difference"), 2
)
OPERATORS |= dict.fromkeys(
    (
        *("abs", "neg", "square", "sqrt", "rsqrt", "floor"),
        *("relu", "relu6", "relu_n1_to_1", "hard_swish", "elu"),
        *("exp", "logistic", "tanh", "gelu", "gelu_approximate"),
    ),
    1,
)
_NAMES = tuple(OPERATORS)


def encoded(program: Program) -> tuple[int, ...]:
    """Return the structure of a program: LINK_WORDS integers, and one of its kinds.

    Numba finds a compiled kernel again by the integers that it closes over.
    """
    words = [0] * LINK_WORDS
    for n, link in enumerate(program.links):
        code = 1 + _NAMES.index(link.name)
        for k, place in enumerate(link.arguments):
            value = 1 + 2 * place.index + place.is_result
            code |= value << (_NAME_BITS + k * _PLACE_BITS)
        words[n // _IN_WORD] |= code << (n % _IN_WORD * _LINK_BITS)
    return (*words, _packed([kind + 1 for kind in program.kinds]))


def decoded(words: Sequence[int]) -> tuple[list[Link], list[int]]:
    """Return the links and the kinds of operands that `encoded` made words of."""
    links = []
    for word in words[:LINK_WORDS]:
        for n in range(_IN_WORD):
            code = word >> (n * _LINK_BITS) & ((1 << _LINK_BITS) - 1)
            if not code:
                break
            name = _NAMES[(code & ((1 << _NAME_BITS) - 1)) - 1]
            places = []
            for k in range(OPERATORS[name]):
                value = code >> (_NAME_BITS + k * _PLACE_BITS)
                value = (value & ((1 << _PLACE_BITS) - 1)) - 1
                places.append(Place(bool(value % 2), value // 2))
            links.append(Link(name, tuple(places)))
    return links, _unpacked(words[LINK_WORDS])


def _packed(codes: Sequence[int]) -> int:
    return sum(code << (n * _KIND_BITS) for n, code in enumerate(codes))


def _unpacked(word: int) -> list[int]:
    kinds = []
    while word:
        kinds.append((word & ((1 << _KIND_BITS) - 1)) - 1)
        word >>= _KIND_BITS
    return kinds
