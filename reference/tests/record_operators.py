"""Ask LiteRT for every case of operator_cases.py and record it: operators.json.

    PYTHONPATH=reference python reference/tests/record_operators.py [--check]

Run in the root of the qd8 repository, where ai-edge-litert is. Prints how the
reference compares; with ``--check`` it writes nothing.
"""

import importlib.metadata
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import qd8_reference
from ai_edge_litert import schema_py_generated as schema

import litert_operator
from bits import sqnr
from operator_cases import Case, Constant, cases
from record_golden import encode

Array = npt.NDArray[Any]
VERSION = importlib.metadata.version("ai-edge-litert")


def ask(case: Case, shapes: list[tuple[tuple[int, ...], np.dtype]]) -> tuple[Any, bool]:
    """Return LiteRT's outputs, and whether XNNPACK computed them."""
    given = case.arrays if case.inputs is None else case.inputs
    inputs = [
        litert_operator.Constant(one.values, one.scale)
        if isinstance(one, Constant)
        else one
        for one in given
    ]
    options = dict(case.options)
    if case.tflite == "CAST":
        code = litert_operator.TENSOR_TYPE
        options["inDataType"] = code[case.arrays[0].dtype]
        options["outDataType"] = code[np.dtype(case.keywords["dtype"])]
    if case.tflite == "ARG_MAX":
        options["outputType"] = schema.TensorType.INT32
    if case.tflite == "SHAPE":
        options["outType"] = schema.TensorType.INT32
    return litert_operator.run(
        case.tflite,
        inputs,
        shapes,
        options,
        options_name=case.table,
        version=case.version,
        delegate=case.delegate,
    )


def main() -> None:
    """Compare, and write operators.json beside this file."""
    records, wrong = [], 0
    for case in cases():
        mine = getattr(qd8_reference, case.operator)(*case.arrays, **case.keywords)
        mine = mine if isinstance(mine, list) else [mine]
        theirs, delegated = ask(case, [(y.shape, y.dtype) for y in mine])
        equal = all(
            a.dtype == b.dtype and a.tobytes() == np.asarray(b).tobytes()
            for a, b in zip(mine, theirs, strict=True)
        )
        ratio = min(sqnr(np.asarray(b), a) for a, b in zip(mine, theirs, strict=True))
        good = equal if case.exact else ratio >= 100
        wrong += not good
        told = "bits" if equal else f"{ratio:.0f} dB"
        by = "XNNPACK" if delegated else "TFLite"
        print(f"{'' if good else 'WRONG '}{case.operator:28}{by:9}{told}")
        records.append(
            {
                "operator": case.operator,
                "exact": case.exact,
                "arrays": [
                    [encode(one) for one in x] if isinstance(x, list) else encode(x)
                    for x in case.arrays
                ],
                "keywords": {k: encode(v) for k, v in case.keywords.items()},
                "answers": [encode(np.asarray(y)) for y in theirs],
            }
        )
    print(f"{len(records)} cases, {wrong} wrong")
    if wrong or "--check" in sys.argv:
        sys.exit(wrong > 0)
    target = Path(__file__).with_name("operators.json")
    lines = ",\n".join(json.dumps(record) for record in records)
    target.write_text(
        f'{{"judge": "ai-edge-litert {VERSION}", "records": [\n{lines}\n]}}\n'
    )
    print(f"{target}: {target.stat().st_size} bytes")


if __name__ == "__main__":
    main()
