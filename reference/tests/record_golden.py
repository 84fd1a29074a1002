"""Record answers of LiteRT for machines that have NumPy only: golden.json.

    PYTHONPATH=.:reference python reference/tests/record_golden.py

Run in the root of the qd8 repository, where ai-edge-litert is. The problems are
small ones of the repository's adversarial families; test_golden.py reads the file.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from tests import litert
from tests.judgement import litert_judges
from tests.problems import (
    ConvProblem,
    FullyConnectedProblem,
    conv_families,
    fully_connected_families,
)

EACH = 2
LARGEST = 400  # elements of the largest array of a recorded problem


def encode(value: Any) -> Any:
    """Return arrays as their bits in hexadecimal, everything else as it is."""
    if not isinstance(value, np.ndarray | np.generic):
        return value
    array = np.asarray(value)
    return {
        "dtype": array.dtype.name,
        "shape": list(array.shape),
        "hex": array.tobytes().hex(),
    }


def fully_connected(dtype: npt.DTypeLike) -> Iterator[dict[str, Any]]:
    """Record fully connected problems of every family that is small."""
    for family in fully_connected_families(dtype):
        if family == "wrap":
            continue
        for seed in range(EACH):
            problem = FullyConnectedProblem.generate(
                seed, family, dtype=dtype, M=2, N=5, K=7
            )
            yield record("fully_connected", problem, litert.fully_connected(problem))


def conv2d(dtype: npt.DTypeLike) -> Iterator[dict[str, Any]]:
    """Record convolutions of every family, searching small ones."""
    for family in conv_families(dtype):
        found = 0
        for seed in range(2000 if family != "wrap" else 0):
            problem = ConvProblem.generate(seed, family, dtype=dtype)
            sizes = problem.x.size, problem.weight.size, np.prod(problem.output_shape)
            if max(sizes) > LARGEST or not litert_judges(problem):
                continue
            if dtype == np.float16:
                answer = litert.conv2d_force_fp16(problem)
            else:
                answer = litert.conv2d(problem)
            yield record("conv2d", problem, answer)
            found += 1
            if found == EACH:
                break


def record(operator: str, problem: Any, answer: npt.NDArray[Any]) -> dict[str, Any]:
    """Return one problem and LiteRT's answer, ready for JSON."""
    arguments = {"x": problem.x, **problem.arguments}
    if operator == "conv2d" and problem.x.dtype == np.float16:
        arguments["f16_scale"] = "xnnpack"
    return {
        "operator": operator,
        "family": problem.family,
        "arguments": {name: encode(value) for name, value in arguments.items()},
        "answer": encode(answer),
    }


def main() -> None:
    """Write golden.json beside this file."""
    records = [
        record
        for dtype in (np.float32, np.float16)
        for operator in (fully_connected, conv2d)
        for record in operator(dtype)
    ]
    target = Path(__file__).with_name("golden.json")
    lines = ",\n".join(json.dumps(record) for record in records)
    target.write_text(
        f'{{"judge": "ai-edge-litert {litert.VERSION}", "records": [\n{lines}\n]}}\n'
    )
    print(f"{target}: {len(records)} records, {target.stat().st_size} bytes")


if __name__ == "__main__":
    main()
