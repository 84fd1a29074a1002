"""The class that scripts use."""

import enum
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from typing import Any, NoReturn
from weakref import WeakSet

import numpy as np
import numpy.typing as npt

import qd8

from .details import NUMPY_TYPES, Details, operator_details, tensor_details
from .signature import SignatureRunner
from .subgraph import Subgraph, View

Array = npt.NDArray[Any]


@enum.unique
class OpResolverType(enum.Enum):
    """LiteRT's choices of kernels. qd8 has one answer, so each gives the same."""

    AUTO = 0
    BUILTIN = 1
    BUILTIN_REF = 2
    BUILTIN_WITHOUT_DEFAULT_DELEGATES = 3


def load_delegate(library: str, options: Mapping[str, Any] | None = None) -> NoReturn:
    """Refuse, with the ValueError on which scripts fall back to the CPU."""
    raise ValueError(f"Failed to load delegate from {library}\nqd8 has no delegates")


class Interpreter:
    """Run a `.tflite` file through LiteRT's interface.

    Parameters
    ----------
    model_path, model_content : path, bytes
        One of them.
    num_threads : int, optional
        Threads of ``invoke``; None is qd8's own setting (`qd8.set_num_threads`).
    experimental_op_resolver_type : OpResolverType
        Either this one or LiteRT's.
    experimental_preserve_all_tensors : bool
        Keep every computed tensor, for ``get_tensor``.
    experimental_compress_quantization_zero_points : bool
        Show equal zero points of channels as one.
    experimental_delegates : None or empty
    precision : str, optional
        qd8's own: see `qd8.load`. Inputs and outputs keep the file's types.

    The other experimental flags steer delegates, so they change nothing here.

    Raises
    ------
    ValueError
        If there is no file, it is damaged, or an argument makes no sense.
    NotImplementedError
        If it needs what qd8 does not have.
    """

    def __init__(
        self,
        model_path: str | bytes | os.PathLike[Any] | None = None,
        model_content: bytes | None = None,
        experimental_delegates: Sequence[Any] | None = None,
        num_threads: int | None = None,
        experimental_op_resolver_type: Any = OpResolverType.AUTO,
        experimental_preserve_all_tensors: bool = False,
        experimental_disable_delegate_clustering: bool = False,
        experimental_default_delegate_latest_features: bool = False,
        experimental_compress_quantization_zero_points: bool = False,
        experimental_disable_delegate_node_fusion: bool = False,
        experimental_force_delegate_node_profiling: bool = False,
        *,
        precision: str | None = None,
    ) -> None:
        kind = experimental_op_resolver_type
        if getattr(kind, "name", None) not in OpResolverType.__members__:
            raise ValueError(f"Unrecognized passed in op resolver type: {kind}")
        if num_threads is not None:
            if not isinstance(num_threads, int):
                raise ValueError("type of num_threads should be int")
            if num_threads < 1:
                raise ValueError("num_threads should >= 1")
        if experimental_delegates:
            raise ValueError(
                f"experimental_delegates is {experimental_delegates!r}; qd8 has no "
                "delegates: leave it out"
            )
        self._threads = None if num_threads is None else int(num_threads)
        self._compress = bool(experimental_compress_quantization_zero_points)
        model = _load(model_path, model_content, precision)
        self._file = file = model._file
        keys = {each.subgraph: each.key for each in reversed(file.signatures)}
        self._subgraphs = [
            Subgraph(model, keys.get(k), k, experimental_preserve_all_tensors)
            for k in range(len(file.subgraphs))
        ]
        self._views: WeakSet[View] = WeakSet()

    def allocate_tensors(self) -> None:
        """Make room for the tensors at the shapes that the inputs have now.

        Raises
        ------
        RuntimeError
            If the model does not take these shapes, or a view of a tensor is held.
        """
        self._ensure_safe()
        self._subgraphs[0].allocate()

    def invoke(self) -> None:
        """Run the model on what the inputs hold.

        Raises
        ------
        RuntimeError
            Before ``allocate_tensors``, or if a view of a tensor is held.
        """
        self._ensure_safe()
        self._invoke(0)

    def set_tensor(self, tensor_index: int, value: Any) -> None:
        """Copy an array of the same type and shape into a tensor.

        Raises
        ------
        ValueError
            If type, shape or index is another, or the tensor has no buffer (yet).
        """
        self._subgraphs[0].set(tensor_index, value)

    def get_tensor(self, tensor_index: int, subgraph_index: int = 0) -> Any:
        """Return a copy of a tensor; of a 0-d one its element.

        Raises
        ------
        ValueError
            If there is no such tensor, or it holds nothing (yet).
        """
        return self._subgraph(subgraph_index).get(tensor_index).copy()[()]

    def tensor(self, tensor_index: int) -> Callable[[], Array]:
        """Return a function that returns a view of a tensor.

        Hold the function, not the view: while a view lives, ``invoke``,
        ``allocate_tensors`` and ``resize_tensor_input`` refuse.
        """

        def view() -> Array:
            found = View(self._subgraphs[0].get(tensor_index))
            self._views.add(found)
            return np.asarray(found)

        return view

    def resize_tensor_input(
        self, input_index: int, tensor_size: Any, strict: bool = False
    ) -> None:
        """Give an input another shape, from the next ``allocate_tensors`` on.

        The shape of any other tensor follows from the inputs; what is said about it
        here lasts until then.

        Parameters
        ----------
        strict : bool
            Allow it only where the ``shape_signature`` says -1.

        Raises
        ------
        RuntimeError
            If there is no such tensor, it is a constant, or ``strict`` forbids it.
        """
        self._ensure_safe()
        self._subgraphs[0].resize(input_index, tensor_size, strict)

    def reset_all_variables(self) -> None:
        """Do nothing: the operators that have variables are refused at load."""

    def get_input_details(self) -> list[Details]:
        """Return the details of the inputs, in the file's order."""
        inputs = self._file.main.inputs
        return [self._get_tensor_details(i, 0) for i in inputs]

    def get_output_details(self) -> list[Details]:
        """Return the details of the outputs, in the file's order."""
        outputs = self._file.main.outputs
        return [self._get_tensor_details(i, 0) for i in outputs]

    def get_tensor_details(self, subgraph_index: int = 0) -> list[Details]:
        """Return the details of every tensor of a subgraph, constants included."""
        count = self.num_subgraphs()
        if not 0 <= subgraph_index < count:
            raise ValueError(
                f"subgraph_index is out of range: {subgraph_index} for the model,"
                f" which has {count} subgraphs."
            )
        tensors = self._file.subgraphs[subgraph_index].tensors
        return [
            self._get_tensor_details(tensor.index, subgraph_index)
            for tensor in tensors
            if tensor.dtype in NUMPY_TYPES
        ]

    def num_subgraphs(self) -> int:
        """Return how many subgraphs the file has."""
        return len(self._file.subgraphs)

    def get_signature_list(self) -> dict[str, dict[str, list[str]]]:
        """Return the names of the inputs and outputs of each signature."""
        return {
            key: {side: list(names) for side, names in sides.items()}
            for key, sides in self._get_full_signature_list().items()
        }

    def get_signature_runner(self, signature_key: str | None = None) -> SignatureRunner:
        """Return a function of a signature's inputs; None is the only signature.

        Raises
        ------
        ValueError
            If there is no such signature, or None and not exactly one.
        """
        if signature_key is None:
            keys = [each.key for each in self._file.signatures]
            if len(keys) != 1:
                raise ValueError(
                    f"SignatureDef signature_key is None and model has {len(keys)} "
                    "Signatures. None is only allowed when the model has 1 SignatureDef"
                )
            signature_key = keys[0]
        return SignatureRunner(self, signature_key)

    @property
    def experimental_compress_quantization_zero_points(self) -> bool:
        """Whether equal zero points of channels are shown as one."""
        return self._compress

    def _get_full_signature_list(self) -> dict[str, dict[str, dict[str, int]]]:
        """Return {key: {"inputs": {name: index}, "outputs": ...}}, names sorted."""
        return {
            each.key: {
                "inputs": dict(sorted(each.inputs.items())),
                "outputs": dict(sorted(each.outputs.items())),
            }
            for each in self._file.signatures
        }

    def _get_ops_details(self) -> list[Details]:
        """Return index, name, tensors and their types of each operator of the file."""
        count = len(self._file.main.operators)
        return [self._get_op_details(i) for i in range(count)]

    def _get_op_details(self, op_index: int) -> Details:
        graph = self._file.main
        if not 0 <= op_index < len(graph.operators):
            raise ValueError("Invalid node index")
        return operator_details(graph.operators[op_index], graph.tensors)

    def _get_tensor_details(self, tensor_index: int, subgraph_index: int) -> Details:
        subgraph = self._subgraph(int(subgraph_index))
        i = subgraph.checked(int(tensor_index))
        return tensor_details(subgraph.tensors[i], subgraph.shapes[i], self._compress)

    def _subgraph(self, subgraph_index: int) -> Subgraph:
        count = len(self._subgraphs)
        if not 0 <= subgraph_index < count:
            raise ValueError(
                f"Invalid subgraph index {subgraph_index} exceeds max subgraph index "
                f"{count}"
            )
        return self._subgraphs[subgraph_index]

    def _invoke(self, subgraph_index: int) -> None:
        limit = nullcontext() if self._threads is None else qd8.threads(self._threads)
        with limit:
            self._subgraphs[subgraph_index].invoke()

    def _ensure_safe(self) -> None:
        # Here a view would stay valid; but a script that is written against this
        # interface must fail here as it does there.
        if self._views:
            raise RuntimeError(
                "There is at least 1 reference to internal data in the interpreter in "
                "the form of a numpy array or slice. Be sure to only hold the function "
                "returned from tensor() if you are using raw data access."
            )


def _load(path: Any, content: bytes | None, precision: str | None) -> "qd8.Model":
    """Load the model from one of both, with LiteRT's exceptions."""
    if not path and not content:
        raise ValueError("`model_path` or `model_content` must be specified.")
    if path and content:
        raise ValueError("Can't both provide `model_path` and `model_content`")
    if content:
        if not isinstance(content, bytes):
            name = type(content).__name__
            raise TypeError(f"model_content is {name}; bytes are needed")
        return qd8.load(content, precision=precision)
    name = os.fsdecode(path)
    try:
        return qd8.load(name, precision=precision)
    except OSError as error:
        raise ValueError(f"Could not open '{name}'. {error}") from error
