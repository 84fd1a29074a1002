"""Float kernels keep subnormals, whatever control word the caller has set."""

import platform

import numpy as np
import pytest
import qd8_reference
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

from qd8.kernels import float_binary, float_gemm, float_mean, float_unary
from tests.checks import assert_same_bits
from tests.kernels.float_values import floats, output, run

FLUSHING = 0x1F80 | 0x8000 | 0x0040  # MXCSR: default, FTZ, DAZ

pytestmark = pytest.mark.skipif(
    platform.machine() not in ("x86_64", "AMD64"), reason="MXCSR is x86"
)


@intrinsic
def exchange_mxcsr(typingctx, new):
    """Set MXCSR, return what it was."""

    def codegen(context, builder, signature, args):
        pointer = ir.IntType(8).as_pointer()
        type_ = ir.FunctionType(ir.VoidType(), [pointer])
        room = cgutils.alloca_once(builder, ir.IntType(32))
        at = builder.bitcast(room, pointer)
        for name in ("llvm.x86.sse.stmxcsr", "llvm.x86.sse.ldmxcsr"):
            function = cgutils.get_or_insert_function(builder.module, type_, name)
            if name.endswith("ldmxcsr"):
                old = builder.load(room)
                builder.store(args[0], room)
            builder.call(function, [at])
        return old

    return types.uint32(types.uint32), codegen


@njit
def exchange(new):
    return exchange_mxcsr(new)


@pytest.fixture
def flushing():
    """Run a function with subnormals flushed in the calling thread."""

    def call(function):
        before = exchange(np.uint32(FLUSHING))
        try:
            function()
        finally:
            after = exchange(np.uint32(before))
        assert after & FLUSHING == FLUSHING, "the caller's control word was changed"

    return call


def test_flushing_is_real(flushing):
    """The fixture does what the other tests rely on: NumPy's sum is flushed."""
    tiny = np.full(8, 1e-45, np.float32)
    out = np.empty_like(tiny)
    flushing(lambda: np.add(tiny, tiny, out=out))
    assert not out.any()


@pytest.mark.parametrize("operator", ["add", "gemm", "mean", "exp"])
def test_subnormals_are_kept(isa, threads, flushing, operator):
    """Subnormal inputs and results, in the caller's thread and in workers."""
    tiny = np.finfo(np.float32).smallest_normal
    a, b = floats(1, 40, 20) * tiny, floats(2, 40, 20) * tiny
    if operator == "add":
        expected = qd8_reference.add(a, b)
        out = output(expected.shape, np.float32)
        calls = float_binary.bind_add(a, b, out, activation="none", threads=threads)
    elif operator == "gemm":
        weight = floats(3, 33, 20)
        expected = qd8_reference.fully_connected_float(a, weight)
        out = output(expected.shape, np.float32)
        calls = float_gemm.bind_fully_connected_float(
            a, weight, None, out, activation="none", threads=threads
        )
    elif operator == "mean":
        expected = qd8_reference.mean(a, axes=(0,))
        out = output(expected.shape, np.float32)
        calls = float_mean.bind_mean(a, out, axes=(0,), threads=threads)
    else:
        x = np.linspace(0, -103, 800, dtype=np.float32).reshape(40, 20)
        expected = qd8_reference.exp(x)
        out = output(expected.shape, np.float32)
        calls = float_unary.bind_exp(x, out, threads=threads)
    assert (np.abs(expected[expected != 0]) < tiny).any()
    flushing(lambda: run(calls, out))
    assert_same_bits(expected, out)
