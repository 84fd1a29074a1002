"""Arrays from files for a model, and its answers to files."""

import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

import qd8
from qd8.terminal import written

#: Stands beside the outputs in a .npz file (C5); a .npy file has no room for it.
VERSION_KEY = "qd8_numerics_version"


def read_inputs(given: Sequence[str], names: Sequence[str]) -> dict[str, Any]:
    """Return the arrays that ``NAME=FILE`` or ``FILE`` arguments name.

    Parameters
    ----------
    given : the arguments; one without a name is the only input of its model
    names : the model's inputs

    Raises
    ------
    ValueError
        If a file is no .npy file, a name is needed, or one is given twice.
    OSError
        If a file cannot be read.
    """
    arrays: dict[str, Any] = {}
    for text in given:
        name, path = _split(text)
        if name is None:
            if len(names) != 1 or len(given) != 1:
                raise ValueError(
                    f"--input {text} does not say which input it is; "
                    f"the model has {', '.join(names)}: --input {names[0]}={path}"
                )
            name = names[0]
        if name in arrays:
            raise ValueError(f"--input {name} was given twice")
        arrays[name] = _read(path)
    return arrays


def write_outputs(path: Path, outputs: Mapping[str, npt.NDArray[Any]]) -> None:
    """Write one array as .npy, or all by name as .npz if the path ends so.

    The file is there whole or not at all.
    """
    with written(path) as temporary, temporary.open("wb") as file:
        if path.suffix != ".npz":
            (array,) = outputs.values()
            np.save(file, array, allow_pickle=False)
            return
        # Not np.savez: it takes names as keywords, and one may be called "file".
        arrays = {VERSION_KEY: np.array(qd8.NUMERICS_VERSION), **outputs}
        with zipfile.ZipFile(file, "w") as archive:
            for name, array in arrays.items():
                with archive.open(f"{name}.npy", "w", force_zip64=True) as entry:
                    np.lib.format.write_array(entry, array, allow_pickle=False)


def _split(text: str) -> tuple[str | None, Path]:
    """Return the name, if there is one, and the path; a file's own "=" is no name."""
    name, equals, path = text.partition("=")
    if not equals or Path(text).exists():
        return None, Path(text)
    return name, Path(path)


def _read(path: Path) -> npt.NDArray[Any]:
    """Return the array of a .npy file, never unpickling anything."""
    with path.open("rb") as file:
        if (start := file.read(6)) != b"\x93NUMPY":
            what = "a .npz archive" if start[:2] == b"PK" else f"it begins {start!r}"
            raise ValueError(f"{path} is not a .npy file: {what}; np.save writes one")
        file.seek(0)
        try:
            found = np.lib.format.read_array(file, allow_pickle=False)
        except ValueError as error:
            raise ValueError(f"{path} is not a readable .npy file: {error}") from None
    return np.asarray(found)
