"""What the graph knows about one kind of operator.

An operator is a record of plain functions, found by its TFLite name in
`qd8.graph.operators.OPERATORS`. Reading, shape checks, precision, plan, inspection
and the oracle ask this record; none of them knows an operator by name.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy.typing as npt

if TYPE_CHECKING:
    from qd8.kernels.launch import Call

Shape: TypeAlias = tuple[int, ...]
Array: TypeAlias = npt.NDArray[Any]
# An absent input is None; a packed weight is what `pack` made.
Arrays: TypeAlias = Sequence[Any]
Options: TypeAlias = dict[str, Any]


Bind: TypeAlias = Callable[[Arrays, Array, Options, int], "list[Call]"]


@dataclass(frozen=True, slots=True)
class Input:
    """One input of an operator.

    dtypes : TFLite names of what the file may hold here
    constant : the file must hold its value
    option : a constant that becomes a keyword (axes, paddings, a shape), read by
        ``decode``; it is no input of the node
    stays_float32 : a bias, which no precision rounds to float16 (R30)
    """

    name: str
    dtypes: tuple[str, ...] = ("FLOAT32",)
    optional: bool = False
    constant: bool = False
    option: bool = False
    stays_float32: bool = False


X = Input("x")
A, B = Input("a"), Input("b")
WEIGHT = Input("weight", dtypes=("FLOAT32", "INT8"), constant=True)
BIAS = Input("bias", optional=True, constant=True, stays_float32=True)


@dataclass(frozen=True, slots=True)
class Given:
    """What the file says about one call, for ``decode``.

    options : the options table, under TFLite's names
    constants : the inputs that become options, None where absent
    shapes : of the inputs that stay inputs, None where absent
    output : shape
    """

    options: Mapping[str, Any]
    constants: Mapping[str, Array | None]
    shapes: tuple[Shape | None, ...]
    output: Shape


@dataclass(frozen=True, slots=True)
class Quantized:
    """The dynamically quantized form of an operator with weights.

    reference : the function of qd8_reference, called with
        (x, weight, weight_scale, bias, **options)
    layer : (weight, weight_scale, bias, options) -> FullyConnected or Conv2D
    """

    reference: str
    layer: Callable[[Array, Array, Array | None, Options], Any]


def kernel(name: str, *dropped: str) -> "Bind":
    """Return a ``bind`` that calls ``qd8.kernels.<name>``.

    It is called as ``name(*arrays, out, **options, threads=threads)``, without the
    ``dropped`` options, which the shapes of the arrays say already. It is imported
    when the plan is made: reading and inspecting a file need no compiler.
    """
    module, _, function = name.rpartition(".")

    def bind(
        arrays: Arrays, out: Array, options: Options, threads: int
    ) -> "list[Call]":
        keywords = {k: v for k, v in options.items() if k not in dropped}
        found = getattr(import_module(f"qd8.kernels.{module}"), function)
        calls: list[Call] = found(*arrays, out, **keywords, threads=threads)
        return calls

    return bind


def _no_options(given: Given) -> Options:
    return {}


def _same(arrays: Arrays, options: Options) -> Arrays:
    return arrays


def _same_out(out: Array) -> Array:
    return out


def _no_macs(shapes: Sequence[Shape], output: Shape) -> int:
    return 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Operator:
    """One kind of operator. ValueErrors of its functions are given their place.

    name : TFLite's
    inputs : in TFLite's order; with ``variadic`` the last may occur any number
        of times, and the reference and ``bind`` take a list of arrays
    reference : the function of qd8_reference; it is called with the inputs in
        order and ``options`` as keywords
    shape : (Given, options) -> the output's shape; ValueError where they do not fit
    bind : (arrays, out, options, threads) -> calls of kernels on those very arrays
    decode : Given -> the reference's keywords; ValueError for what is unsupported
    view : (arrays, options) -> the inputs in the shapes that the reference and the
        kernels take; the reference's output is reshaped to what ``shape`` says
    view_out : the output in the shape that the kernels take
    pack : (weight, options) -> what ``bind`` takes in place of the weight; called
        once, at load, for a node that runs in float
    weight_axis : the axis of the output channels in input 1, for operators with
        weights
    quantized : its dynamically quantized form, if it has one
    fold : (data, scale, zero_point, axis) -> float32, for an operator that runs at
        load time on a constant
    macs : (shapes, output) -> multiply-accumulates
    """

    name: str
    inputs: tuple[Input, ...]
    reference: str
    shape: Callable[[Given, Options], Shape]
    bind: Bind
    decode: Callable[[Given], Options] = _no_options
    view: Callable[[Arrays, Options], Arrays] = _same
    view_out: Callable[[Array], Array] = _same_out
    pack: Callable[[Array, Options], Any] | None = None
    variadic: bool = False
    weight_axis: int | None = None
    quantized: Quantized | None = None
    fold: Callable[..., Array] | None = None
    macs: Callable[[Sequence[Any], Shape], int] = field(default=_no_macs)

    def __repr__(self) -> str:
        return f"<operator {self.name}>"
