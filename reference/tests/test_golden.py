"""C2 where LiteRT cannot run: its recorded answers (record_golden.py)."""

import json
import unittest
from pathlib import Path
from typing import Any

import numpy as np
import qd8_reference

from bits import BitsTestCase

RECORDS = json.loads(Path(__file__).with_name("golden.json").read_text())["records"]


def decode(value: Any) -> Any:
    """Return an array from its bits, a tuple from a list, anything else as it is."""
    if isinstance(value, dict):
        flat = np.frombuffer(bytes.fromhex(value["hex"]), value["dtype"])
        return flat.reshape(value["shape"])
    return tuple(value) if isinstance(value, list) else value


class GoldenTest(BitsTestCase):
    """Every recorded problem."""

    def test_reference_has_the_bits_of_litert(self) -> None:
        """The output equals what XNNPACK computed, in every element."""
        for record in RECORDS:
            with self.subTest(record["operator"], family=record["family"]):
                operator = getattr(qd8_reference, record["operator"])
                arguments = {k: decode(v) for k, v in record["arguments"].items()}
                self.assert_bits(decode(record["answer"]), operator(**arguments))

    def test_records_hold_every_family(self) -> None:
        """A recording that lost its families would pass the test above."""
        families = {(r["operator"], r["family"]) for r in RECORDS}
        for family in ("fma_tie", "zero_point_tie", "value_tie", "flushed_result"):
            self.assertIn(("fully_connected", family), families)
            self.assertIn(("conv2d", family), families)


if __name__ == "__main__":
    unittest.main()
