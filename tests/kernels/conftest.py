"""Fixtures of the float kernels: how many tasks, and which storage."""

from importlib import import_module

import numpy as np
import pytest

FAMILIES = ["binary", "group_sum", "layer_norm", "matmul", "reduce"]
FAMILIES += ["resize", "schedule", "softmax", "sum", "unary", "window"]
MODULES = [f"float_{family}" for family in FAMILIES]
MODULES += ["attention", "chain", "elementwise", "gather", "resize_nearest"]
MODULES += ["scans", "strided_copy"]


@pytest.fixture(params=[1, 3], ids=["serial", "three tasks"])
def threads(request, monkeypatch):
    """Task counts; no operator is too small to be shared out."""
    for name in MODULES:
        module = import_module(f"qd8.kernels.{name}")
        monkeypatch.setattr(module, "GRAIN", 1)
        monkeypatch.setattr(module, "LOGISTIC_GRAIN", 1, raising=False)
    return request.param


@pytest.fixture(params=[np.float32, np.float16], ids=["float32", "float16"])
def dtype(request):
    """Both storages."""
    return request.param
