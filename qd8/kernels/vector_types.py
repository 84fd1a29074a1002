"""The types of vectors, and Python's operators on them: what Numba must know of them.

Imported when the first kernel that computes with vectors is compiled (vector.py).
"""

import operator

from numba import types
from numba.extending import intrinsic, models, overload, register_model

from qd8.kernels import simd
from qd8.kernels.kinds import LANES


class Vector(types.Type):
    """Sixteen float32, int32 or booleans in registers."""

    def __init__(self, element: str):
        self.element = element
        super().__init__(name=f"Vector({element})")


f32x16, i32x16, boolx16 = (Vector(element) for element in ("f32", "i32", "bool"))


@register_model(Vector)
class _VectorModel(models.PrimitiveModel):
    def __init__(self, manager, vector):
        element = {"f32": simd.f32, "i32": simd.i32, "bool": simd.i1}[vector.element]
        super().__init__(manager, vector, simd.ir_vector(element, LANES))


def _operation(python_operator, name, types_):
    """Give vectors of ``types_`` a Python operator that is one LLVM instruction."""

    @intrinsic
    def instruction(typingctx, a, b):
        def codegen(context, builder, signature, args):
            return getattr(builder, name)(*args)

        return a(a, b), codegen

    @overload(python_operator, inline="never")
    def implementation(a, b):
        if a == b and a in types_:
            return lambda a, b: instruction(a, b)
        return None


_operation(operator.add, "fadd", (f32x16,))
_operation(operator.sub, "fsub", (f32x16,))
_operation(operator.mul, "fmul", (f32x16,))
_operation(operator.truediv, "fdiv", (f32x16,))
_operation(operator.add, "add", (i32x16,))
_operation(operator.sub, "sub", (i32x16,))
_operation(operator.mul, "mul", (i32x16,))
_operation(operator.and_, "and_", (i32x16, boolx16))
_operation(operator.or_, "or_", (i32x16, boolx16))
_operation(operator.lshift, "shl", (i32x16,))
_operation(operator.rshift, "ashr", (i32x16,))
