"""Every operator against LiteRT's recorded answers (record_operators.py)."""

import json
import unittest
from pathlib import Path
from typing import Any

import qd8_reference

from bits import BitsTestCase, sqnr
from test_golden import decode

RECORDS = json.loads(Path(__file__).with_name("operators.json").read_text())["records"]
# Where TFLite's polynomials or sums are others than ours, which are R20 to R34.
SMALLEST_SQNR = 100.0


def argument(value: Any) -> Any:
    """Return one recorded argument: an array, a list of arrays, tuples of numbers."""
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return [decode(one) for one in value]
    if isinstance(value, list):
        return tuple(argument(one) for one in value)
    return decode(value)


class OperatorsGoldenTest(BitsTestCase):
    """Every recorded call."""

    def test_reference_gives_what_litert_gave(self) -> None:
        """Bits where the rule promises them, 100 dB and equal infinities elsewhere."""
        for number, record in enumerate(RECORDS):
            with self.subTest(record["operator"], number=number):
                arrays = [argument(x) for x in record["arrays"]]
                keywords = {k: argument(v) for k, v in record["keywords"].items()}
                got = getattr(qd8_reference, record["operator"])(*arrays, **keywords)
                answers = [decode(answer) for answer in record["answers"]]
                got = got if isinstance(got, list) else [got]
                for expected, one in zip(answers, got, strict=True):
                    if record["exact"]:
                        self.assert_bits(expected, one)
                    else:
                        self.assertGreaterEqual(sqnr(expected, one), SMALLEST_SQNR)

    def test_every_operator_is_recorded(self) -> None:
        """A new operator needs a record, or a reason here why it has none."""
        spine = {"average_pool_2d", "concatenation", "conv2d_float", "dequantize"}
        spine |= {"depthwise_conv2d", "fully_connected_float", "logistic", "relu"}
        spine |= {"max_pool_2d", "relu6", "reshape", "softmax", "conv2d"}
        spine |= {"fully_connected"}  # test_golden.py, tests/kernels, tests/graph
        no_operator = {"quantize_images", "quantize_rows", "quantize_weights"}
        recorded = {record["operator"] for record in RECORDS}
        functions = {
            name
            for name in qd8_reference.__all__
            if name.islower() and not name.endswith("_steps")
        }
        self.assertEqual(functions - spine - no_operator, recorded)


if __name__ == "__main__":
    unittest.main()
