"""Calls of kernels through their addresses, and the control word they run under."""

from qd8.kernels import isa
from qd8.kernels.jit import cgutils, intrinsic, types
from qd8.kernels.simd import Emitter, i8, i32, i64, void


@intrinsic
def call_task(typingctx, address, task, tasks, arguments):
    """Call a kernel through its address, under the default control word.

    x86: MXCSR 0x1F80 (exceptions masked, round to nearest, no FTZ, no DAZ).
    AArch64: FPCR 0. Elsewhere the word is left alone.
    """
    from numba.core.registry import cpu_target  # the triple decides, not the host

    def codegen(context, builder, signature, args):
        triple = cpu_target.target_context.codegen().magic_tuple()[0]
        e = Emitter(builder, isa.TIERS[0])
        restore = _default_control_word(e, triple)
        e.call_address(args[0], *args[1:])
        restore()
        return context.get_dummy_value()

    return types.none(*[types.int64] * 4), codegen


@intrinsic
def call_kernel(typingctx, address, first, count, arguments):
    """Call a kernel through its address; the control word stays the caller's."""

    def codegen(context, builder, signature, args):
        Emitter(builder, isa.TIERS[0]).call_address(args[0], *args[1:])
        return context.get_dummy_value()

    return types.none(*[types.int64] * 4), codegen


def _default_control_word(e, triple):
    """Emit the switch to the default control word; return what emits the way back."""
    if triple.startswith(("x86_64", "i686")):
        old, new = (cgutils.alloca_once(e.b, i32) for _ in range(2))
        old, new = (e.b.bitcast(word, i8.as_pointer()) for word in (old, new))
        e.call("llvm.x86.sse.stmxcsr", void, old)
        e.store(i32(0x1F80), new)
        e.call("llvm.x86.sse.ldmxcsr", void, new)
        return lambda: e.call("llvm.x86.sse.ldmxcsr", void, old)
    if triple.startswith(("aarch64", "arm64")):
        old = e.call("llvm.aarch64.get.fpcr", i64)
        e.call("llvm.aarch64.set.fpcr", void, i64(0))
        return lambda: e.call("llvm.aarch64.set.fpcr", void, old)
    return lambda: None
