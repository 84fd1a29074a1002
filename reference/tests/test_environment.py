"""The answer does not depend on the caller's surroundings."""

import ctypes
import mmap
import platform
import subprocess
import sys
import unittest
import warnings

import numpy as np
import qd8_reference as qd8

from bits import BitsTestCase, f32

FLUSH, DENORMALS_ARE_ZERO, TOWARDS_ZERO, DEFAULT = 0x8000, 0x40, 0x6000, 0x1F80


class ControlWord:
    """``ldmxcsr [rdi]; ret`` in a page of its own: Python cannot set FTZ itself."""

    def __init__(self) -> None:
        protection = mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC
        self.page = mmap.mmap(-1, mmap.PAGESIZE, prot=protection)
        self.page.write(b"\x0f\xae\x17\xc3")
        self.bytes = ctypes.c_char.from_buffer(self.page)
        prototype = ctypes.CFUNCTYPE(None, ctypes.POINTER(ctypes.c_uint32))
        self.call = prototype(ctypes.addressof(self.bytes))

    def load(self, word: int) -> None:
        """Set the control word of this thread."""
        self.call(ctypes.byref(ctypes.c_uint32(word)))


class EnvironmentTest(BitsTestCase):
    """Warnings, error state, control word, imports."""

    @unittest.skipUnless(
        platform.machine() == "x86_64" and sys.platform == "linux",
        "sets the control word by x86-64 machine code",
    )
    def test_refuses_where_arithmetic_is_not_ieee754(self) -> None:
        """FTZ, DAZ or another rounding is an error, not another answer."""
        word, x = ControlWord(), f32(1, 2)
        weight = np.ones((1, 2), np.int8)
        for changed in (FLUSH, DENORMALS_ARE_ZERO, TOWARDS_ZERO):
            caught = None
            word.load(DEFAULT | changed)
            try:
                qd8.fully_connected(x, weight, f32(1))
            except RuntimeError as error:
                caught = error
            finally:
                word.load(DEFAULT)
            self.assertRegex(str(caught), "IEEE 754")
        qd8.fully_connected(x, weight, f32(1))

    def test_caller_may_turn_warnings_into_errors(self) -> None:
        """Overflow and invalid operations of the rules stay inside."""
        huge = f32(3e38, -3e38, 1)
        rows = np.stack([huge, f32(0, 1e-37, 0), f32(np.nan, 1, 2), f32(3e38, 0, 0)])
        weight = np.full((2, 3), -128, np.int8)
        quiet = qd8.fully_connected(rows, weight, f32(3e38), activation="relu6")
        with np.errstate(all="raise"), warnings.catch_warnings():
            warnings.simplefilter("error")
            loud = qd8.fully_connected(rows, weight, f32(3e38), activation="relu6")
            qd8.mean(rows, axes=(0,))
            qd8.mean(rows, axes=(1,))
            qd8.fully_connected_float(rows, rows)
            for function in (qd8.exp, qd8.logistic, qd8.softmax, qd8.cast):
                function(rows)
        self.assert_bits(quiet, loud)

    def test_inputs_are_left_alone(self) -> None:
        """No operator writes into its arguments."""
        x = f32(1e-39, 2, -3).reshape(1, 1, 1, 3)
        weight, bias = np.ones((1, 3), np.int8), f32(1e-39)
        before = [a.tobytes() for a in (x, weight, bias)]
        qd8.fully_connected(x, weight, f32(1), bias)
        qd8.relu(x), qd8.pad(x, paddings=((0, 0),) * 4), qd8.mean(x, axes=(0,))
        self.assertEqual(before, [a.tobytes() for a in (x, weight, bias)])
        self.assertFalse(np.shares_memory(x, qd8.reshape(x, shape=(3,))))

    def test_imports_numpy_only(self) -> None:
        """The definition must not lean on what it defines."""
        code = (
            "import sys, numpy; before = set(sys.modules); import qd8_reference;"
            "new = {m.split('.')[0] for m in set(sys.modules) - before};"
            "print(sorted(new - {'qd8_reference', 'numpy'} - sys.stdlib_module_names))"
        )
        run = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        )
        self.assertEqual("[]", run.stdout.strip())


if __name__ == "__main__":
    unittest.main()
