"""What a kernel calls for the outputs that it has just stored (chain.py)."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from qd8.kernels.addresses import address


class Tail(NamedTuple):
    """A chain bound to the output of another kernel: what that kernel must call."""

    address: int
    arguments: npt.NDArray[np.int64]
    keep: tuple[Any, ...]

    @property
    def words(self) -> tuple[int, int]:
        """The two words of another kernel's arguments."""
        return self.address, address(self.arguments)


NO_TAIL = (0, 0)  # the two words where there is none
