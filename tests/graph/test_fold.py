"""What constants and shapes alone say is computed when the graph is built."""

import numpy as np
import pytest

import qd8
from qd8.graph.fold import SMALL
from qd8.graph.model import Model
from qd8.tflite import read
from tests.checks import assert_same_bits
from tests.tflite.net import Net
from tests.tflite.operators import arithmetic_on_shapes, tables
from tests.tflite.write import T


def test_arithmetic_on_shapes_is_gone():
    """SHAPE, STRIDED_SLICE, PACK, FILL and RANGE leave no node."""
    model = qd8.load(arithmetic_on_shapes())
    assert [layer.op for layer in model.layers] == ["RESHAPE", "ADD", "MUL"]
    x = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    found = model(x)
    steps = np.arange(12, dtype=np.float32) / 2
    assert_same_bits((x.reshape(2, 12) + np.float32(0.5)) * steps, found["t16"])
    assert_same_bits(steps, found["t14"])  # an output that is a constant


def test_inspect_says_what_is_gone():
    """The rows of the file are all its operators; folded inputs are not computed."""
    rows = qd8.inspect(arithmetic_on_shapes())
    assert [row.op for row in rows][:3] == ["SHAPE", "STRIDED_SLICE", "PACK"]
    assert rows[1].inputs == rows[2].inputs == ()


@pytest.mark.parametrize(("rows", "ops"), [(2, ["ADD"]), (SMALL, ["FILL", "ADD"])])
def test_folding_does_not_let_a_file_grow(rows, ops):
    """A small constant is kept, a large one is made by each run."""
    net = Net()
    x = net.input(rows, 1)
    ones = net.add("FILL", [[rows, 1], np.float32(1.5)], (rows, 1))
    model = qd8.load(net.finish(net.add("ADD", [x, ones], (rows, 1))))
    assert [layer.op for layer in model.layers] == ops
    found = model(np.ones((rows, 1), np.float32))
    assert_same_bits(np.full((rows, 1), np.float32(2.5)), found)


def test_rows_of_an_int8_table_are_dequantized_as_they_are_read():
    """The DEQUANTIZE behind is gone; an index outside gives NaN."""
    model = qd8.load(tables())
    assert [layer.op for layer in model.layers][:2] == ["GATHER", "EMBEDDING_LOOKUP"]
    given = {i.name: np.zeros(i.shape, i.dtype) for i in model.inputs}
    given["t0"][1, 2] = 4
    rows = next(iter(model.run(given).values()))
    table = next(t for t in read(tables()).main.tensors if t.dtype == "INT8")
    assert_same_bits(table.data[0].astype("f4") * np.float32(0.02), rows[0, 0])
    assert np.isnan(rows[1, 2]).all()


def test_a_constant_without_elements_is_one():
    """The shape of a scalar has no bytes, and looks like no constant."""
    net = Net()
    shape = net.tensor(T((0,), "INT32"))
    model = qd8.load(net.finish(net.add("RESHAPE", [net.input(1, 1), shape], ())))
    assert model(np.float32([[7]])).shape == ()


def test_what_is_computed_is_no_option():
    """An axis that depends on an input is refused by name."""
    net = Net()
    x, axis = net.input(2, 3), net.input(1, dtype="INT32")
    content = net.finish(net.add("SUM", [x, axis], (2,)))
    with pytest.raises(NotImplementedError, match=r"SUM.*its input axes, .*constant"):
        Model(read(content, "net.tflite"))
