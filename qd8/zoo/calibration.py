"""Ranges that activations have on samples.

Full-integer inference fixes the scale of every activation when the file is written.
So a float model runs on samples of what it will be given, and the smallest and the
largest value of each tensor are kept, as TensorFlow's converter does.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from qd8 import tflite

from .affine import Range

SAMPLES = 8


def ranges(
    file: tflite.File, samples: Iterable[Mapping[str, npt.NDArray[Any]]]
) -> dict[int, Range]:
    """Run a float model on samples; return the range of each tensor it computes.

    Parameters
    ----------
    file : File
        Of float32.
    samples : {name of an input: array}, one for each run

    Returns
    -------
    {index of a tensor: Range}, inputs included

    Raises
    ------
    ValueError
        If there is no sample, or a tensor is not finite.
    """
    import qd8

    model = qd8.load(tflite.serialize(file), precision="fp32")
    place = {tensor.name: i for i, tensor in enumerate(model.graph.tensors)}
    found: dict[int, Range] = {}

    def note(index: int, x: npt.NDArray[Any]) -> None:
        seen = Range(float(x.min()), float(x.max()))
        if not np.isfinite(seen).all():
            raise ValueError(f"{file.main.tensors[index]} is not finite on a sample")
        found[index] = found.get(index, seen).union(seen)

    def watch(_: Any, given: Any, made: Mapping[str, npt.NDArray[Any]]) -> None:
        for name, x in made.items():
            note(place[name], x)

    for sample in samples:
        for name, x in sample.items():
            note(model.graph.inputs[name], np.asarray(x))
        model.run(sample, on_node=watch)
    if not found:
        raise ValueError("there are no samples to find ranges on")
    return found


def smooth_samples(file: tflite.File) -> Iterator[dict[str, npt.NDArray[Any]]]:
    """Yield inputs as benchmarks give them, but none of theirs, whose seed is 0."""
    from qd8.graph.names import find_signature, public_names, unique_names
    from qd8.graph.smooth import smooth_noise

    tensors = file.main.tensors
    said, names = find_signature(file, None), unique_names(tensors)
    inputs, _ = public_names(file.main, said, names)
    for seed in range(1, SAMPLES + 1):
        yield {
            name: smooth_noise(
                tensors[i].shape, tflite.DTYPES[tensors[i].dtype], seed=seed
            )
            for name, i in inputs.items()
        }
