"""LiteRT's Python interface to qd8: a script runs by changing one import.

``from qd8.interpreter import Interpreter`` instead of
``from ai_edge_litert.interpreter import Interpreter``: the same constructor, methods,
dictionaries, exception types and, where they say what is wrong, the same messages.

A tensor is called by its index in the file. Inputs and outputs have a buffer each,
which ``set_tensor`` and ``get_tensor`` copy and ``tensor`` shows; ``invoke`` gives the
input buffers to a `qd8.Model` and stores what it answers.

What differs, on purpose:

* after ``allocate_tensors`` there are no unnamed temporaries among the tensors, and
  buffers hold zeros, not what lay in memory;
* a constant cannot be written to (LiteRT: a segmentation fault);
* byte-swapped arrays are understood (LiteRT: taken as they lie, silently);
* what stays inside a model is there if all tensors are preserved, else never;
* there are no delegates and no custom operators.

Source: ai-edge-litert 2.3.0, interpreter.py; messages of its C++ wrapper as it
prints them.
"""

from .interpreter import Interpreter, OpResolverType, load_delegate
from .signature import SignatureRunner

__all__ = ["Interpreter", "OpResolverType", "SignatureRunner", "load_delegate"]
