"""float16 rows into float32 scratch: the tiles read float32 only (R4)."""

import numpy as np

from qd8.kernels.jit import njit
from qd8.kernels.vector import F16, F32, LANES, load, load_first, store, store_first


@njit
def widen(TIER, source, count, to):
    """Write ``count`` float16 at ``source`` as float32 at ``to``, exactly."""
    i = 0
    while i + LANES <= count:
        store(TIER, F32, to + i * 4, load(TIER, F16, source + i * 2))
        i += LANES
    if i < count:
        rest = load_first(TIER, F16, source + i * 2, count - i, np.float32(0))
        store_first(TIER, F32, to + i * 4, rest, count - i)
