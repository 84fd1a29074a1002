"""What each operator of a chain does to sixteen lanes in registers: one rule each."""

from qd8.kernels.activation import BOUNDS
from qd8.kernels.chain_program import OPERATORS
from qd8.kernels.elementwise_operators import GROUPS
from qd8.kernels.float_exp import (
    emit_logistic,
    emit_logistic_of,
    emit_logistic_power,
)


def _clamp(name):
    lo, hi = BOUNDS[name]
    return lambda e, x: e.clamp(x, e.const(x.type, lo), e.const(x.type, hi))


def _from_groups(name):
    lanes = next(group[name] for group in GROUPS if name in group)
    return lambda e, *values: lanes.emit(e, *values, None, None)


# name -> emit(emitter, *lanes) -> lanes
EMIT = {
    "add": lambda e, a, b: e.b.fadd(a, b),
    "sub": lambda e, a, b: e.b.fsub(a, b),
    "mul": lambda e, a, b: e.b.fmul(a, b),
    "div": lambda e, a, b: e.b.fdiv(a, b),
    "neg": lambda e, x: e.b.fmul(x, e.const(x.type, -1.0)),
    "square": lambda e, x: e.b.fmul(x, x),
    "logistic": emit_logistic,
}
EMIT |= {name: _clamp(name) for name in ("relu", "relu6", "relu_n1_to_1")}
EMIT |= {name: _from_groups(name) for name in OPERATORS if name not in EMIT}

# name -> (emit(e, x), emit(e, x, first)): the halves of operators that are one long
# chain of instructions, each of which waits for the one before it (chain_loop.py).
HALVED = {"logistic": (emit_logistic_power, emit_logistic_of)}
