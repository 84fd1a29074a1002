"""The CPU that peers see, and what it could do at most."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from asv_bench.peers import cpu, port_limit
from qd8.kernels import isa, launch
from qd8.kernels.compiler import compiled
from qd8.kernels.float_tile import TILES
from tests.kernels.test_assembly import DOTS, innermost_loops

ROOT = Path(__file__).parents[2]


SEEN = """
import json
from qd8.kernels import isa  # imports NumPy and Numba: after CPUID has been told
from asv_bench.benchmarks.layers import FullyConnectedLayer, operator, problem
from asv_bench.peers.litert import xnnpack
import numpy as np

data = problem(FullyConnectedLayer("small", 7, 50, 33))
peer = xnnpack(data, 1)
peer.invoke()
same = np.array_equal(peer.output().view("u4"), operator(data)(data.x).view("u4"))
features = np._core._multiarray_umath.__cpu_features__
wide = bool(features["AVX512F"])
print(json.dumps([isa.current().name, wide, bool(features["AVX2"]), same]))
"""


def cpuid_can_trap() -> bool:
    """Whether Linux can take CPUID from a process here."""
    cpuinfo = Path("/proc/cpuinfo")
    return cpuinfo.exists() and "cpuid_fault" in cpuinfo.read_text()


@pytest.mark.skipif(not cpuid_can_trap(), reason="CPUID cannot be made to trap")
@pytest.mark.parametrize("name", [n for n in cpu.CPUS if n in isa.runnable()])
def test_engines_see_an_older_cpu(name: str, tmp_path: Path) -> None:
    """qd8 finds the tier by itself, NumPy no AVX-512 on avx2, and bits stay."""
    pytest.importorskip("ai_edge_litert")
    script = tmp_path / "seen.py"
    script.write_text(SEEN)
    command = [sys.executable, "-m", "asv_bench.peers.cpu", name, str(script)]
    kept = {k: v for k, v in os.environ.items() if k != "QD8_ISA"}
    env = kept | {"PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "reference")))}
    found = subprocess.run(command, env=env, capture_output=True, text=True)
    assert found.returncode == 0, found.stderr
    wide = name != "avx2"
    assert json.loads(found.stdout.splitlines()[-1]) == [name, wide, True, True]


@pytest.mark.skipif(not cpuid_can_trap(), reason="CPUID cannot be made to trap")
def test_a_fault_handler_of_python_does_not_take_the_signal(tmp_path: Path) -> None:
    """Pytest enables one: the next CPUID, NumPy's, would end the process."""
    script = tmp_path / "handled.py"
    script.write_text("import faulthandler\nfaulthandler.enable()\nimport numpy\n")
    command = [sys.executable, "-m", "asv_bench.peers.cpu", "avx2", str(script)]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, timeout=60)
    assert found.returncode == 0, found.stderr


@pytest.mark.skipif(not cpuid_can_trap(), reason="CPUID cannot be made to trap")
def test_a_real_fault_still_kills(tmp_path: Path) -> None:
    """Only CPUID is answered: any other segmentation fault ends the process."""
    script = tmp_path / "fault.py"
    script.write_text("import ctypes\nctypes.string_at(0)\n")
    command = [sys.executable, "-m", "asv_bench.peers.cpu", "avx2", str(script)]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, timeout=60)
    assert found.returncode == -signal.SIGSEGV


def test_the_cpu_is_not_hidden_too_late() -> None:
    """What NumPy has seen cannot be taken back."""
    with pytest.raises(RuntimeError, match="numpy has seen the real CPU"):
        cpu.pretend("avx2")


@pytest.mark.parametrize("name", isa.runnable())
def test_port_limit_does_its_work(name: str) -> None:
    """Every dot product of the loop is computed: the sums prove it."""
    tier, turns = isa.BY_NAME[name], 1000
    with isa.forced(name):
        call, out = port_limit.bound(2, turns)
        launch.run([call])
        assert port_limit.measure(1, calls=1, turns=turns).gmacs > 0
    if tier.tile != "amx":  # tile registers hold zeros
        each = tier.KR if tier.tile == "madd" else 1  # bytes 1, 0, 0, 0 times the same
        expected = turns * port_limit.CHAINS * each
        assert (out[:, : tier.lanes] == expected).all()


@pytest.mark.parametrize("name", isa.runnable())
def test_float_port_limit_does_its_work(name: str) -> None:
    """Every fused multiply-add of the loop is computed."""
    with isa.forced(name):
        call, out = port_limit.bound(2, 1000, "float32")
        launch.run([call])
        found = port_limit.measure(1, "float32", calls=1, turns=1000)
    assert found.gmacs > 0
    assert found.precision == "float32"
    lanes = TILES[name].lanes
    assert (out.view(np.float32)[:, :lanes] == 1000 * port_limit.CHAINS).all()


@pytest.mark.parametrize("name", sorted(set(DOTS) & set(isa.runnable())))
def test_port_limit_is_dot_products_alone(name: str) -> None:
    """The loop loads and stores nothing."""
    tier = isa.BY_NAME[name]
    kernel = compiled(port_limit.dots, tier.id, int(tier.tile == "amx"))
    loops = innermost_loops(kernel.assembly)
    hot = [
        loop
        for loop in loops
        if sum(bool(re.search(DOTS[name], line)) for line in loop) >= 4
    ]
    assert hot
    for loop in hot:
        assert [line for line in loop if "(%" in line] == []
