"""What Numba compiles for is remembered for exactly this CPU as the process sees it."""

import os
import platform
import sys

import pytest

from qd8.kernels import disk, host

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or platform.machine() != "x86_64",
    reason="nothing is remembered here",
)


def test_cpuid_names_the_vendor_that_the_system_names() -> None:
    """Leaf 0 holds the vendor in EBX, EDX and ECX."""
    _, b, c, d = host.cpuid()[:4]
    vendor = b"".join(n.to_bytes(4, "little") for n in (b, d, c)).decode()
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        assert f": {vendor}\n" in file.read()


def test_cpuid_is_the_same_on_every_core() -> None:
    """What names a core is left out, else every core would ask LLVM again."""
    allowed = os.sched_getaffinity(0)
    answers = set()
    try:
        for core in allowed:
            os.sched_setaffinity(0, {core})
            answers.add(tuple(host.cpuid()))
    finally:
        os.sched_setaffinity(0, allowed)
    assert len(answers) == 1


def test_another_answer_is_another_cpu(
    monkeypatch: pytest.MonkeyPatch, tmp_path: object
) -> None:
    """/proc stays as it is where a supervisor hides instructions."""
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    asked: list[str] = []

    def ask(cpu: str) -> host.Target:
        asked.append(cpu)
        return "triple", cpu, "+avx2"

    assert host.remembered(lambda: ask("old"))[1] == "old"
    assert host.remembered(lambda: ask("never"))[1] == "old"
    monkeypatch.setattr(host, "cpuid", lambda: [1, 2, 3])
    assert host.remembered(lambda: ask("new"))[1] == "new"
    assert asked == ["old", "new"]
    assert os.path.exists(next(disk.folders()))
