"""Words of memory that several threads read and write: the atomics of C11.

Loads acquire and stores release: what a thread wrote before it stored a word is
seen by whoever loads that word.
"""

from qd8.kernels.jit import intrinsic, types
from qd8.kernels.simd import cgutils, i32, i64, ir, void


def _place(builder, address):
    return builder.inttoptr(address, i64.as_pointer())


@intrinsic
def load_word(typingctx, address):
    """The int64 at ``address``, a multiple of 8."""

    def codegen(context, builder, signature, args):
        return builder.load_atomic(_place(builder, args[0]), "acquire", 8)

    return types.int64(types.int64), codegen


@intrinsic
def store_word(typingctx, address, value):
    """Store an int64 at ``address``, a multiple of 8."""

    def codegen(context, builder, signature, args):
        builder.store_atomic(args[1], _place(builder, args[0]), "release", 8)
        return context.get_dummy_value()

    return types.none(types.int64, types.int64), codegen


@intrinsic
def add_word(typingctx, address, value):
    """Add to the int64 at ``address``, in one step."""

    def codegen(context, builder, signature, args):
        builder.atomic_rmw("add", _place(builder, args[0]), args[1], "acq_rel")
        return context.get_dummy_value()

    return types.none(types.int64, types.int64), codegen


@intrinsic
def replace_word(typingctx, address, old, new):
    """Store ``new`` if the int64 at ``address`` is ``old``; whether it was."""

    def codegen(context, builder, signature, args):
        found = builder.cmpxchg(
            _place(builder, args[0]), args[1], args[2], "acq_rel", "acquire"
        )
        return builder.extract_value(found, 1)

    return types.boolean(*[types.int64] * 3), codegen


@intrinsic
def pause(typingctx):
    """Let a core rest for a moment within a loop that waits."""
    from numba.core.registry import cpu_target  # the triple decides, not the host

    def codegen(context, builder, signature, args):
        triple = cpu_target.target_context.codegen().magic_tuple()[0]
        if triple.startswith(("x86_64", "i686")):
            name, arguments = "llvm.x86.sse2.pause", []
        elif triple.startswith(("aarch64", "arm64")):
            # As long as x86's pause; "yield" does nothing on most.
            name, arguments = "llvm.aarch64.isb", [i32(15)]
        else:
            return context.get_dummy_value()
        type_ = ir.FunctionType(void, [a.type for a in arguments])
        function = cgutils.get_or_insert_function(builder.module, type_, name)
        builder.call(function, arguments)
        return context.get_dummy_value()

    return types.none(), codegen


@intrinsic
def yield_thread(typingctx, function):
    """Call C's ``int function(void)``, by which a thread lets others run."""

    def codegen(context, builder, signature, args):
        type_ = ir.FunctionType(i32, [])
        builder.call(builder.inttoptr(args[0], type_.as_pointer()), [])
        return context.get_dummy_value()

    return types.none(types.int64), codegen
