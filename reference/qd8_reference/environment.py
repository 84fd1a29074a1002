"""Refusal to compute where IEEE 754 arithmetic has been switched off.

NumPy inherits the floating-point control word of the calling thread: a library
compiled with -ffast-math, or a caller who sets FTZ or DAZ, changes what ``a * b``
means. NumPy cannot set the word back, but it can notice, and a definition that
would answer something else had better not answer.
"""

import numpy as np

# Arrays, so that the arithmetic below is done by the machine when it is asked for.
_ONE = np.ones(1, np.float32)
# From its bits: a thread that flushes would read 1e-40 as zero.
_SUBNORMAL = np.full(1, 71362, np.int32).view(np.float32)
_BELOW_HALF_STEP = np.full(1, 2.0**-26, np.float32)


def require_ieee754() -> None:
    """Raise RuntimeError if this thread flushes subnormals or rounds otherwise."""
    with np.errstate(all="ignore"):
        if not (_SUBNORMAL * _ONE).view(np.int32)[0]:
            raise RuntimeError(
                "this thread flushes subnormal numbers to zero (FTZ or DAZ is set); "
                "the reference needs plain IEEE 754 arithmetic: call it elsewhere"
            )
        up, down = _ONE + _BELOW_HALF_STEP, _ONE - _BELOW_HALF_STEP
    if up[0] != 1 or down[0] != 1:
        raise RuntimeError(
            "this thread does not round to nearest; "
            "the reference needs plain IEEE 754 arithmetic: call it elsewhere"
        )
