"""LiteRT as a peer: the same file, run by Google's interpreter with XNNPACK."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


def load_litert(path: Path, threads: int = 1) -> Callable[[Array], Array] | None:
    """Return a function that runs a file with one input and one output in LiteRT.

    None where the package ``ai-edge-litert`` is not installed. LiteRT runs the file
    as it is and with its own defaults, XNNPACK included.
    """
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError:
        return None
    with _quiet():
        interpreter = Interpreter(model_path=str(path), num_threads=threads)
        interpreter.allocate_tensors()
    (given,) = interpreter.get_input_details()
    (made,) = interpreter.get_output_details()

    def run(x: Array) -> Array:
        interpreter.set_tensor(given["index"], x)
        interpreter.invoke()
        return np.asarray(interpreter.get_tensor(made["index"]))

    return run


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep what LiteRT's C++ says about its delegates out of a table or a progress bar.

    It writes to file descriptor 2 itself, past sys.stderr.
    """
    sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
