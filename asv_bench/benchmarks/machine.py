"""The machine itself, so that a line which moves can be told from a machine that did.

Neither number depends on qd8: both are the same work at every commit.
"""

from functools import cache
from statistics import median

import numpy as np

from .turns import seconds

CALLS = 20


@cache
def prepared():
    """Return two matrices of 1024 x 1024 and two vectors of 64 MiB, touched."""
    rng = np.random.default_rng(8)
    a, b = rng.standard_normal((2, 1024, 1024), np.float32)
    return a, b, np.ones(16 << 20, np.float32), np.ones(16 << 20, np.float32)


class Machine:
    """NumPy's float32 product (its own threads), and a copy."""

    version = "1"

    def setup(self):
        self.a, self.b, self.source, self.target = prepared()

    def track_sgemm_gmacs(self):
        times = [seconds(lambda: self.a @ self.b) for _ in range(CALLS)]
        return 1024**3 / median(times) / 1e9

    track_sgemm_gmacs.unit = "GMAC/s"

    def track_copy_gigabytes_per_second(self):
        times = [
            seconds(lambda: np.copyto(self.target, self.source)) for _ in range(CALLS)
        ]
        return 2 * self.source.nbytes / median(times) / 1e9

    track_copy_gigabytes_per_second.unit = "GB/s, read and written"
