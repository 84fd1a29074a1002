"""What the graph knows about one kind of operator.

An operator is a record of plain functions, found by its TFLite name in
`qd8.graph.operators.OPERATORS`. Reading, shape checks, precision, plan, inspection
and the oracle ask this record; none of them knows an operator by name.
"""

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy.typing as npt

from qd8.records import field, record

if TYPE_CHECKING:
    from qd8.kernels.launch import Call

Shape: TypeAlias = tuple[int, ...]
Array: TypeAlias = npt.NDArray[Any]
# An absent input is None; a packed weight is what `pack` made.
Arrays: TypeAlias = Sequence[Any]
Options: TypeAlias = dict[str, Any]
# (arrays, output, options, threads): a list of outputs where there are ``several``.
Bind: TypeAlias = Callable[[Arrays, Any, Options, int], "list[Call]"]


@record(frozen=True, slots=True)
class Input:
    """One input of an operator.

    dtypes : TFLite names of what the file may hold here
    constant : the file must hold its value
    option : a constant that becomes a keyword (axes, paddings, a shape), read by
        ``decode``; it is no input of the node
    stays_float32 : a bias, which no precision rounds to float16 (R30)
    table : int8 elements are dequantized when they are read (R27), in any precision
    """

    name: str
    dtypes: tuple[str, ...] = ("FLOAT32",)
    optional: bool = False
    constant: bool = False
    option: bool = False
    stays_float32: bool = False
    table: bool = False


#: The reference of an operator that only passes make: its node's parts define it.
defined_by_parts = ""

INTEGERS = ("INT32", "INT64")
NUMBERS = ("FLOAT32", *INTEGERS)
STORED = (*NUMBERS, "BOOL")  # what an activation may be

X = Input("x")
A, B = Input("a"), Input("b")
# The same of any type: what moves elements, and what compares or counts.
ANY_X = Input("x", dtypes=STORED)
NUMBER_X = Input("x", dtypes=NUMBERS)
NUMBER_A, NUMBER_B = Input("a", dtypes=NUMBERS), Input("b", dtypes=NUMBERS)
WEIGHT = Input("weight", dtypes=("FLOAT32", "INT8"), constant=True)
BIAS = Input("bias", optional=True, constant=True, stays_float32=True)


@record(frozen=True, slots=True)
class Given:
    """What the file says about one call, for ``decode``.

    options : the options table, under TFLite's names
    constants : the inputs that become options, None where absent
    shapes, dtypes : of the inputs that stay inputs, None where absent
    output : the shape that the file gives the first output
    output_dtype : what the file says that the first output is, by TFLite's name
    count : the number of outputs
    """

    options: Mapping[str, Any]
    constants: Mapping[str, Array | None]
    shapes: tuple[Shape | None, ...]
    dtypes: tuple[str | None, ...]
    output: Shape
    output_dtype: str
    count: int = 1

    @property
    def x(self) -> Shape:
        """The shape of the first input, which is there."""
        found = self.shapes[0]
        assert found is not None
        return found


@record(frozen=True, slots=True)
class Quantized:
    """The dynamically quantized form of an operator with weights.

    reference : the function of qd8_reference, called with
        (x, weight, weight_scale, *further inputs, **options)
    layer : (weight, weight_scale, bias, options) -> FullyConnected, Conv2D, ...
    from_float : a precision may quantize float weights of a file (R12, R30)
    takes_tail : the layer's ``bind`` takes a tail
    """

    reference: str
    layer: Callable[[Array, Array, Array | None, Options], Any]
    from_float: bool = False
    takes_tail: bool = False


def kernel(name: str, *dropped: str) -> "Bind":
    """Return a ``bind`` that calls ``qd8.kernels.<name>``.

    It is called as ``name(*arrays, out, **options, threads=threads)``, without the
    ``dropped`` options, which the shapes of the arrays say already. It is imported
    when the plan is made: reading and inspecting a file need no compiler.
    """
    module, _, function = name.rpartition(".")

    def bind(arrays: Arrays, out: Any, options: Options, threads: int) -> "list[Call]":
        keywords = {k: v for k, v in options.items() if k not in dropped}
        found = getattr(import_module(f"qd8.kernels.{module}"), function)
        calls: list[Call] = found(*arrays, out, **keywords, threads=threads)
        return calls

    return bind


def same_shape(given: Given, options: Options) -> Shape:
    """Return the shape of the first input, which many outputs have."""
    return given.x


def as_first(given: Given, options: Options) -> str:
    """Return the dtype of the first input, which most outputs have."""
    found = given.dtypes[0]
    assert found is not None
    return found


def as_declared(given: Given, options: Options) -> str:
    """Return the dtype that the file gives the output, where an operator may choose."""
    return given.output_dtype


def _no_options(given: Given) -> Options:
    return {}


def _same(arrays: Arrays, options: Options) -> Arrays:
    return arrays


def _same_out(out: Array) -> Array:
    return out


def _no_macs(shapes: Sequence[Shape], output: Shape) -> int:
    return 0


def _no_bind(arrays: Arrays, out: Any, options: Options, threads: int) -> "list[Call]":
    raise AssertionError("this operator is gone before anything is bound")


@record(frozen=True, slots=True, kw_only=True)
class Operator:
    """One kind of operator. ValueErrors of its functions are given their place.

    name : TFLite's
    inputs : in TFLite's order; with ``variadic`` the last may occur any number
        of times, and the reference and ``bind`` take a list of arrays
    order : the places among ``inputs`` in the order of the reference's arguments,
        where it differs
    reference : the function of qd8_reference; it is called with the inputs in
        order and ``options`` as keywords
    typed : the reference is also given ``dtype``, the dtype of its output
    shape : (Given, options) -> the output's shape; ValueError where they do not fit
    several : there is a list of outputs, also for the reference and ``bind``, and
        ``shape`` returns a list of shapes
    dtype : (Given, options) -> TFLite's name of the outputs' dtype
    bind : (arrays, out, options, threads) -> calls of kernels on those very arrays
    decode : Given -> the reference's keywords; ValueError for what is unsupported
    view : (arrays, options) -> the inputs in the shapes that the reference and the
        kernels take; the reference's output is reshaped to what ``shape`` says
    view_out : the output in the shape that the kernels take
    pack : (weight, options) -> what ``bind`` takes in place of the weight; called
        once, at load, for a node that runs in float
    weight_axis : the axis of the output channels in input 1, for operators with
        weights; or a function (options, rank of the weight) -> axis
    quantized : its dynamically quantized form, if it has one
    fold : (data, scale, zero_point, axis) -> float32, for an operator that only
        unpacks a constant; it is folded when the graph is built
    value : (Given, options, dtype) -> the output, where shapes alone say it
    is_view : the output holds the input's elements in their order: it shares its
        memory, and there is nothing to run
    in_place : the kernel may write its output over an input of the same shape
    takes_tail : ``bind`` takes a tail (kernels/chain.py) as the option of that name
    narrows : ``bind`` takes a float32 first input for a float16 output, and has it
        rounded in place
    widens : ``bind`` takes a float32 output for a float16 input: its float16 results
    of_parts : the layers of a node's parts -> its own layer, for an operator that a
        pass makes of quantized ones
    macs : (shapes, output) -> multiply-accumulates
    """

    name: str
    inputs: tuple[Input, ...]
    reference: str
    shape: Callable[[Given, Options], Any]
    bind: Bind = _no_bind
    order: tuple[int, ...] | None = None
    typed: bool = False
    several: bool = False
    dtype: Callable[[Given, Options], str] = as_first
    decode: Callable[[Given], Options] = _no_options
    view: Callable[[Arrays, Options], Arrays] = _same
    view_out: Callable[[Array], Array] = _same_out
    pack: Callable[[Array, Options], Any] | None = None
    variadic: bool = False
    weight_axis: int | Callable[[Mapping[str, Any], int], int] | None = None
    quantized: Quantized | None = None
    fold: Callable[..., Array] | None = None
    value: Callable[[Given, Options, str], Array] | None = None
    is_view: bool = False
    in_place: bool = False
    takes_tail: bool = False
    narrows: bool = False
    widens: bool = False
    of_parts: Callable[[Sequence[Any]], Any] | None = None
    macs: Callable[[Sequence[Any], Shape], int] = field(default=_no_macs)

    @property
    def kept(self) -> tuple[Input, ...]:
        """The inputs that stay inputs of a node, in the reference's order."""
        places = self.order or range(len(self.inputs))
        return tuple(self.inputs[i] for i in places if not self.inputs[i].option)

    def channel_axis(self, options: Mapping[str, Any], rank: int) -> int | None:
        """Return the axis of a weight's output channels, None without weights."""
        if callable(self.weight_axis):
            return self.weight_axis(options, rank)
        return self.weight_axis

    def __repr__(self) -> str:
        return f"<operator {self.name}>"
