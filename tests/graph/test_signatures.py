"""Files with several signatures: names, subgraphs, and which of them runs."""

from dataclasses import replace

import numpy as np
import pytest

import qd8
from qd8 import tflite
from tests.checks import assert_same_bits
from tests.tflite.net import Net


def doubling(op):
    """Return the records of a net of one operator on two vectors."""
    net = Net()
    left, right = net.input(3, name="a"), net.input(3, name="b")
    return tflite.read(net.finish(net.add(op, [left, right], (3,))))


def two_signatures():
    """Write one file that adds under one key and multiplies under another."""
    add, mul = doubling("ADD"), doubling("MUL")
    signatures = (
        tflite.Signature("sum", 0, {"x": 0, "y": 1}, {"total": 2}),
        tflite.Signature("product", 1, {"left": 0, "right": 1}, {"area": 2}),
    )
    subgraphs = (add.main, replace(mul.main, index=1))
    file = replace(add, subgraphs=subgraphs, signatures=signatures)
    return tflite.serialize(file)


def test_each_signature_is_described():
    """Public name to tensor, of all subgraphs."""
    model = qd8.load(two_signatures())
    assert list(model.signatures) == ["sum", "product"]
    product = model.signatures["product"]
    assert list(product.inputs) == ["left", "right"]
    assert (product.outputs["area"].shape, product.subgraph) == ((3,), 1)
    assert product.inputs["right"].tensor == "b"


def test_each_signature_runs():
    """The first of the main subgraph if none is named."""
    x, y = np.float32([1, 2, 3]), np.float32([4, 5, 6])
    content = two_signatures()
    assert qd8.load(content).signature == "sum"
    assert_same_bits(x + y, qd8.load(content)(x=x, y=y))
    model = qd8.load(content, signature="product")
    assert model.signature == "product"
    assert_same_bits(x * y, model.run({"left": x, "right": y})["area"])


def test_an_unknown_signature_is_refused():
    """With those that there are."""
    with pytest.raises(ValueError, match=r"no signature 'x'; it has 'sum', 'product'"):
        qd8.load(two_signatures(), signature="x")
