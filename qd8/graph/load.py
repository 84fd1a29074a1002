"""`qd8.load`: from a file to a model that runs."""

import os
from collections.abc import Collection

from qd8 import tflite

from .model import Model

MEMORY = ("fast", "small")


def load(
    path_or_bytes: str | os.PathLike[str] | bytes,
    *,
    precision: str | None = None,
    memory: str = "fast",
    signature: str | None = None,
    passes: Collection[str] | None = None,
) -> "Model":
    """Load a `.tflite` file; its weights are packed once, here.

    Parameters
    ----------
    path_or_bytes : path or bytes
        A path is mapped into memory: the file must not change while it is used.
    precision : "fp32", "qd8-f32", "qd8-f16" or "fp16", optional
        None is as the file says: "qd8-f32" if it holds int8 weights, else "fp32".
        A float file in a "qd8" precision has its weights of 1024 elements and more
        quantized by the converter's rule.
    memory : "fast" or "small"
        What packing may trade.
    signature : str, optional
        The key of the signature to run, of a file with several; its subgraph and its
        names. None is the main subgraph.
    passes : collection of names, optional
        Which passes over the graph are made, of `qd8.graph.passes.PASSES`; None is
        all, () none. They make it faster and change no bit.

    Raises
    ------
    ValueError
        If the file is damaged or is none, or if there is no such pass.
    NotImplementedError
        If it needs an operator or a type that qd8 does not have.
    """
    if memory not in MEMORY:
        raise ValueError(f"memory is {memory!r}; 'fast' or 'small' is needed")
    file = tflite.read(path_or_bytes)
    model = Model(
        file, precision=precision, memory=memory, signature=signature, passes=passes
    )
    model._plan  # noqa: B018  packs now, so that what is wrong is said now
    return model
