"""What `read` says about files, and what it refuses to believe."""

import struct
from pathlib import Path

import numpy as np
import pytest
import tflite as accessors

from qd8 import tflite
from qd8.tflite import flatbuffer
from tests.checks import assert_same_bits

from .small import FILES, every_operator, two_edges
from .write import Op, T, write

ROOT = Path(__file__).parents[2]
DIGITS = ROOT / "qd8/data/digits/digits_drq.tflite"
MODELS = sorted((ROOT.parent / "shared/models").glob("*.tflite"))


def identity(**changes):
    """A file of one RELU on float32 (1, 4), its second tensor changed."""
    tensors = [T((1, 4)), T(**{"shape": (1, 4)} | changes)]
    return write(tensors, [Op("RELU", [0], [1])], [0], [1])


def test_records_hold_what_was_written():
    """Names, shapes, options, constants, quantization and edges."""
    file = tflite.read(two_edges(), "net")
    graph = file.main
    assert (file.name, file.version) == ("net", 3)
    assert graph.inputs == (0, 1)
    assert graph.outputs == (5, 9)
    assert [graph.tensors[i].name for i in graph.inputs] == ["left", "right"]
    assert graph.operators[2].op == "FULLY_CONNECTED"
    assert graph.operators[2].inputs == (2, 4, -1)
    assert graph.operators[2].options["keep_num_dims"] is True
    assert graph.operators[4].options["fused_activation_function"] == "RELU6"
    assert graph.tensors[6].quantization.zero_point.tolist() == [3]
    assert_same_bits(np.float32([0.02]), graph.tensors[6].quantization.scale)


def test_vector_options_are_tuples():
    """RESHAPE's new_shape, a vector inside an options table."""
    file = tflite.read(every_operator())
    (reshape,) = [o for o in file.main.operators if o.op == "RESHAPE"]
    assert reshape.options == {"new_shape": (-1, 16)}


def test_signature_names():
    """A signature maps public names to tensors."""
    (signature,) = tflite.read(every_operator()).signatures
    assert (signature.inputs, signature.outputs) == ({"image": 0}, {"odds": 29})


def test_constants_are_views_into_the_file():
    """Nothing is copied, not even what lies behind the flatbuffer."""
    file = tflite.read(two_edges())
    constants = [t.data for t in file.main.tensors if t.data is not None]
    assert len(constants) == 3
    assert all(np.shares_memory(data, file.data) for data in constants)


@pytest.mark.parametrize("path", [DIGITS, *MODELS], ids=lambda path: path.name)
def test_agrees_with_the_generated_accessors(path):
    """On undamaged files: every tensor and operator, as package tflite reads them."""
    content = path.read_bytes()
    graph = tflite.read(path).main
    other = accessors.Model.GetRootAs(content, 0).Subgraphs(0)
    assert other.TensorsLength() == len(graph.tensors)
    for i, tensor in enumerate(graph.tensors):
        twin = other.Tensors(i)
        assert twin.Name().decode() == tensor.name
        assert tuple(twin.Shape(k) for k in range(twin.ShapeLength())) == tensor.shape
        assert getattr(accessors.TensorType, tensor.dtype) == twin.Type()
        if tensor.quantization is not None:
            scale = twin.Quantization().ScaleAsNumpy()
            assert_same_bits(scale, tensor.quantization.scale)
    assert other.OperatorsLength() == len(graph.operators)
    for i, operator in enumerate(graph.operators):
        assert tuple(other.Operators(i).InputsAsNumpy()) == operator.inputs
        assert tuple(other.Operators(i).OutputsAsNumpy()) == operator.outputs


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "0 bytes"),
        (b"TFL3", "4 bytes"),
        (b"PK\3\4\0\0\0\0" * 9, "not a .tflite file: its bytes 4 to 8 are"),
        (struct.pack("<I4s", 0xFFFFFFF0, b"TFL3"), "bytes 4294967280 to"),
        (struct.pack("<I4s", 8, b"TFL3"), "the model table is damaged"),
        (write([], [], [], [], version=9), "schema version 9, not 3"),
    ],
)
def test_refuses_what_is_no_file(content, said):
    """Empty, short, of another kind, or pointing nowhere."""
    with pytest.raises(ValueError, match=f"^net .*{said}|^net.*{said}"):
        tflite.read(content, "net")


def test_refuses_an_empty_path(tmp_path):
    """An empty file cannot be mapped; it is named all the same."""
    path = tmp_path / "empty.tflite"
    path.touch()
    with pytest.raises(ValueError, match=r"empty\.tflite is empty"):
        tflite.read(path)
    with pytest.raises(FileNotFoundError):
        tflite.read(tmp_path / "absent.tflite")
    with pytest.raises(TypeError, match="not int"):
        tflite.read(3)


@pytest.mark.parametrize("name", FILES)
def test_every_truncation_is_refused(name):
    """A file cut anywhere before its last table is not believed."""
    content = FILES[name]()
    for size in range(0, len(content) - 16, 37):
        with pytest.raises(ValueError, match="net"):
            tflite.read(content[:size], "net")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"shape": (1, -4)}, r"tensor 1 \('t1'\).*shape is \(1, -4\)"),
        ({"shape": (1,) * 9}, "at most 8 extents"),
        ({"data": np.zeros(3, np.float32)}, "needs 16 bytes, its buffer has 12"),
        ({"shape": (2**30, 2**30), "data": np.zeros(4, np.float32)}, "needs 46116"),
        ({"scale": [1, 2, 3]}, r"3 scales and 3 zero points on axis 0 of shape \(1, 4"),
        ({"scale": [1, 2], "axis": 9}, "on axis 9"),
        ({"scale": [1], "zero_point": [0, 0]}, "1 scales and 2 zero points"),
    ],
)
def test_refuses_tensors_that_contradict_themselves(changes, said):
    """Shape, bytes and quantization must fit, and the tensor is named."""
    with pytest.raises(ValueError, match=said):
        tflite.read(identity(**changes))


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (Op("RELU", [7], [1]), r"operator 0 \(RELU\).*input 0 is tensor 7 of 2"),
        (Op("RELU", [-2], [1]), "input 0 is tensor -2 of 2"),
        (Op("RELU", [0], [-1]), "output 0 is tensor -1 of 2"),
    ],
)
def test_refuses_indices_outside(call, said):
    """An operator may only name tensors that exist."""
    with pytest.raises(ValueError, match=said):
        tflite.read(write([T((1, 4)), T((1, 4))], [call], [0], [1]))


def test_a_hostile_vector_length_is_not_looped_over():
    """A vector that claims 4294967280 entries costs nothing."""
    content = bytearray(identity())
    source = flatbuffer.Source(np.frombuffer(bytes(content), np.uint8), "net")
    (buffers,) = source.root().targets(4)
    content[buffers : buffers + 4] = struct.pack("<I", 4294967280)
    with pytest.raises(
        ValueError, match=r"net: the model table is damaged: bytes .* were asked"
    ):
        tflite.read(bytes(content), "net")


def test_tables_that_share_their_bytes_are_not_multiplied():
    """Offsets that all point to one table cannot make more than the file holds."""
    many = 50_000
    tensors = [T((1, 4)), T((many,), data=np.zeros(many, np.float32))]
    content = bytearray(write(tensors, [], [0], [0]))
    source = flatbuffer.Source(np.frombuffer(bytes(content), np.uint8), "net")
    subgraph = source.root().members(2, "subgraph")
    # The weights become a vector of offsets, all to one table without fields, which
    # stands at their end behind its vtable.
    length = content.find(struct.pack("<I", 4 * many))
    vtable = length + 4 * many - 4
    content[vtable : vtable + 8] = struct.pack("<HHi", 4, 4, 4)
    content[length : length + 4] = struct.pack("<I", many - 2)
    for place in range(length + 4, vtable, 4):
        content[place : place + 4] = struct.pack("<I", vtable + 4 - place)
    (field,) = subgraph.fields(0, 4)
    content[field : field + 4] = struct.pack("<I", length - field)
    with pytest.raises(ValueError, match=r"net: tensor [0-9]+ is damaged: .* overlap"):
        tflite.read(bytes(content), "net")
