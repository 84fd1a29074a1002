"""The names of tensors: unique inside a graph, public at its edges."""

from collections.abc import Mapping

from qd8 import tflite


def unique_names(tensors: tuple[tflite.Tensor, ...]) -> list[str]:
    """Name each tensor; one whose name is empty or taken gets its index behind it."""
    taken: set[str] = set()
    names = []
    for tensor in tensors:
        name = tensor.name
        while not name or name in taken:
            name = f"{name}#{tensor.index}"
        taken.add(name)
        names.append(name)
    return names


def find_signature(file: tflite.File, key: str | None) -> tflite.Signature | None:
    """Return the signature of a key; without one, the first of the main subgraph.

    Raises
    ------
    ValueError
        If the file has no signature of this key.
    """
    for signature in file.signatures:
        if signature.key == key or (key is None and signature.subgraph == 0):
            return signature
    if key is None:
        return None
    keys = ", ".join(repr(each.key) for each in file.signatures) or "none"
    raise ValueError(f"{file.name} has no signature {key!r}; it has {keys}")


def public_names(
    graph: tflite.Subgraph, signature: tflite.Signature | None, names: list[str]
) -> tuple[dict[str, int], dict[str, int]]:
    """Return the names of the inputs and outputs: the signature's if it has them.

    names : of all tensors, unique
    """
    inputs = {names[i]: i for i in graph.inputs}
    outputs = {names[i]: i for i in graph.outputs}
    if signature is not None:
        inputs = _renamed(inputs, signature.inputs, names)
        outputs = _renamed(outputs, signature.outputs, names)
    return inputs, outputs


def _renamed(
    edges: dict[str, int], signature: Mapping[str, int], names: list[str]
) -> dict[str, int]:
    """Give edges their names in a signature, unless another tensor is called so."""
    public = {tensor: name for name, tensor in signature.items()}
    if len(public) != len(signature) or not set(edges.values()) <= set(public):
        return edges
    taken = {name for i, name in enumerate(names) if i not in public}
    if taken & set(signature) or "" in signature:
        return edges
    return {public[i]: i for i in edges.values()}
