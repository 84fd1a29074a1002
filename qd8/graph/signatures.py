"""The signatures of a file: what each calls its inputs and outputs."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from qd8 import tflite

from .edges import TensorInfo


@dataclass(frozen=True, slots=True)
class SignatureInfo:
    """One signature.

    inputs, outputs : public name -> tensor
    subgraph : the graph of the file that it runs
    """

    key: str
    inputs: Mapping[str, TensorInfo]
    outputs: Mapping[str, TensorInfo]
    subgraph: int


def describe_signatures(file: tflite.File) -> dict[str, SignatureInfo]:
    """Return what a file's signatures say, by key."""
    return {
        each.key: SignatureInfo(
            each.key,
            _edges(file, each, each.inputs),
            _edges(file, each, each.outputs),
            each.subgraph,
        )
        for each in file.signatures
    }


def _edges(
    file: tflite.File, signature: tflite.Signature, names: Mapping[str, int]
) -> dict[str, TensorInfo]:
    tensors = file.subgraphs[signature.subgraph].tensors
    return {
        name: TensorInfo(
            name,
            tensors[i].shape,
            np.dtype(tflite.DTYPES.get(tensors[i].dtype, "V")),
            tensors[i].name,
            tensors[i].shape_signature or tensors[i].shape,
        )
        for name, i in names.items()
    }
