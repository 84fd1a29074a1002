"""A signature of a file as a function: arrays by name in, arrays by name out."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .details import Details

if TYPE_CHECKING:
    from .interpreter import Interpreter


class SignatureRunner:
    """A function of a signature's inputs, made by `Interpreter.get_signature_runner`.

    It resizes inputs to the arrays that it is given.
    """

    def __init__(self, interpreter: "Interpreter", signature_key: str) -> None:
        if not signature_key:
            raise ValueError("None signature_key provided.")
        found = {each.key: each for each in interpreter._file.signatures}
        if signature_key not in found:
            raise ValueError(f'Invalid signature_key provided: "{signature_key}".')
        signature = found[signature_key]
        self._interpreter = interpreter
        self._place = signature.subgraph
        self._inputs = dict(sorted(signature.inputs.items()))
        self._outputs = dict(sorted(signature.outputs.items()))

    def __call__(self, **kwargs: Any) -> dict[str, Any]:
        """Run the signature: arrays by input name -> arrays by output name.

        Raises
        ------
        ValueError
            If an input is missing or unknown, or has another type.
        RuntimeError
            If the model does not take these shapes.
        """
        if len(kwargs) != len(self._inputs):
            raise ValueError(
                "Invalid number of inputs provided for running a SignatureDef, "
                f"expected {len(self._inputs)} vs provided {len(kwargs)}"
            )
        for name in kwargs:
            if name not in self._inputs:
                raise ValueError(f"Invalid Input name ({name}) for SignatureDef")
        subgraph = self._interpreter._subgraphs[self._place]
        for name, value in kwargs.items():
            subgraph.resize(self._inputs[name], value.shape)
        subgraph.allocate()
        for name, value in kwargs.items():
            subgraph.set(self._inputs[name], value)
        self._interpreter._invoke(self._place)
        return {name: subgraph.get(i).copy()[()] for name, i in self._outputs.items()}

    def get_input_details(self) -> dict[str, Details]:
        """Return the details of the inputs by name."""
        return self._details(self._inputs)

    def get_output_details(self) -> dict[str, Details]:
        """Return the details of the outputs by name."""
        return self._details(self._outputs)

    def _details(self, names: Mapping[str, int]) -> dict[str, Details]:
        found, place = self._interpreter._get_tensor_details, self._place
        return {name: found(i, place) for name, i in names.items()}
