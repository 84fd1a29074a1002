"""A loaded model is resident once: packed; not as it lies in the file, nor between."""

import pickle
import re
import sys

import numpy as np
import pytest

import qd8
from qd8.graph import file_state, packing
from qd8.tflite import read
from tests.checks import assert_same_bits
from tests.tflite.net import Net
from tests.tflite.small import int8, scales
from tests.tflite.write import T

N = 4096
WEIGHTS = N * N  # bytes of int8


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    """A file of one large fully connected."""
    net = Net()
    weight = net.tensor(T((N, N), "INT8", int8(N, N), scales(N), outside=True))
    content = net.finish(net.add("FULLY_CONNECTED", [net.input(1, N), weight], (1, N)))
    path = tmp_path_factory.mktemp("large") / "large.tflite"
    path.write_bytes(content)
    return path


def resident(path):
    """Return how many bytes of a mapped file are in this process's memory."""
    with open("/proc/self/smaps", encoding="utf-8") as file:
        maps = file.read()
    found = re.findall(rf"{re.escape(str(path))}\n(?:.*\n)*?Rss: +(\d+) kB", maps)
    return sum(int(n) for n in found) * 1024


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
@pytest.mark.parametrize("precision", ["qd8-f32", "fp32", "fp16"])
def test_the_pages_of_packed_weights_go_back(path, precision):
    """What was read to be packed is not resident; asking for it reads it again."""
    model = qd8.load(path, precision=precision)
    assert resident(path) < WEIGHTS / 8
    weight = model.layers[0].weight
    assert weight.shape == (N, N)
    if precision == "qd8-f32":
        assert_same_bits(int8(N, N), weight)
        assert resident(path) > WEIGHTS / 2


def test_no_converted_weight_stays(path):
    """Dequantized weights are made for the packing, and for whoever asks."""
    model = qd8.load(path, precision="fp32")
    first, second = model.layers[0].weight, model.layers[0].weight
    assert first is not second
    assert_same_bits(first, second)
    held = [array for array in model._plan.constants.values() if array.size >= WEIGHTS]
    assert held == []


def test_forgetting_what_is_not_mapped_is_harmless(path):
    """Bytes in memory stay; so do arrays of elsewhere."""
    file = read(path.read_bytes())
    file.forget([file.main.tensors[0].data])
    mapped = read(path)
    mapped.forget([np.zeros(10 * N, np.int8)])
    mapped.forget([])
    assert mapped.main.tensors[0].data is not None


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
def test_weights_are_forgotten_a_megabyte_at_a_time(tmp_path):
    """Small ones too, those after the last whole megabyte among them."""
    net, n = Net(), 512
    x = net.input(1, n)
    for _ in range(10):
        weight = T((n, n), "INT8", int8(n, n), scales(n), outside=True)
        x = net.add("FULLY_CONNECTED", [x, net.tensor(weight)], (1, n))
    path = tmp_path / "small.tflite"
    path.write_bytes(net.finish(x))
    for tensor in read(path).main.tensors:
        assert tensor.data is None or tensor.data.nbytes < packing.FORGOTTEN
    model = qd8.load(path)
    assert resident(path) < 10 * n * n / 8
    assert_same_bits(int8(n, n), model.layers[-1].weight)


def test_a_huge_file_is_pickled_by_its_path(path, monkeypatch):
    """A pickle of gigabytes helps nobody; another file in its place is refused."""
    monkeypatch.setattr(file_state, "HUGE", 2**20)
    model = qd8.load(path)
    pickled = pickle.dumps(model)
    assert len(pickled) < 10_000
    x = np.random.default_rng(0).standard_normal((1, N)).astype("f4")
    assert_same_bits(model(x), pickle.loads(pickled)(x))
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    changed = path.with_name("other.tflite")
    changed.write_bytes(content)
    with pytest.raises(ValueError, match=r"other\.tflite is not the file"):
        pickle.loads(pickled.replace(b"large.tflite", b"other.tflite"))


def test_thread_counts_share_an_arena():
    """One context serves any number of threads, and its memory is taken once."""
    net = Net()
    model = qd8.load(net.finish(net.add("TANH", [net.input(8, 8)], (8, 8))))
    x = np.ones((8, 8), np.float32)
    for threads in (1, 2, 1):
        with qd8.threads(threads):
            model(x)
    (context,) = model._plan._pool
    assert sorted(context.bound) == [1, 2]
