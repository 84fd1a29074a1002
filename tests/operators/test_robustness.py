"""What must never happen: an abort, a hang, another bit under another environment."""

import os
import pickle
import shutil
import sys
from pathlib import Path

import pytest

from qd8.kernels import isa as tiers
from tests.judgement import layer
from tests.problems import FullyConnectedProblem
from tests.processes import ROOT, assert_prints, run_python

COMPARE = """
for p in (problem, conv, half):
    assert_kernel_is_reference(p)
"""
needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")


@pytest.mark.parametrize("tier", [tier.name for tier in tiers.TIERS])
def test_qd8_isa_forces_a_tier_or_says_why_not(tier: str) -> None:
    """A runnable tier runs with the reference's bits; another is an error."""
    code = f"{COMPARE}print('tier {tier},' in repr(layer(problem)))"
    if tier in tiers.runnable():
        assert_prints("True", code, QD8_ISA=tier)
        return
    result = run_python(code, QD8_ISA=tier)
    assert result.returncode == 1
    assert f"QD8_ISA asks for the tier {tier!r}" in result.stderr


def test_an_unknown_tier_is_an_error() -> None:
    """The message names the tier and the known ones, and nothing aborts."""
    result = run_python(COMPARE, QD8_ISA="avx3")
    assert result.returncode == 1
    assert "ValueError: QD8_ISA names the tier 'avx3'" in result.stderr
    assert all(tier.name in result.stderr for tier in tiers.TIERS)


@pytest.mark.parametrize("tier", [t.name for t in tiers.TIERS if t.features])
def test_a_tier_that_numba_does_not_compile_for_is_an_error(tier: str) -> None:
    """What the CPU could do does not matter: LLVM would abort on the target."""
    result = run_python(COMPARE, QD8_ISA=tier, NUMBA_CPU_NAME="generic")
    assert result.returncode == 1
    assert f"RuntimeError: QD8_ISA asks for the tier {tier!r}" in result.stderr
    assert "generic" in result.stderr


def test_the_most_generic_target() -> None:
    """No AVX, no FMA, no F16C: the same bits, accumulators included."""
    code = """
from tests.problems import conv_families, fully_connected_families
for dtype in (np.dtype("float32"), np.dtype("float16")):
    for family in (*fully_connected_families(dtype), "non_finite"):
        assert_kernel_is_reference(
            FullyConnectedProblem.generate(1, family, dtype=dtype)
        )
    for family in (*conv_families(dtype), "non_finite"):
        assert_kernel_is_reference(ConvProblem.generate(1, family, dtype=dtype))
assert_kernel_is_reference(
    ConvProblem.generate(4, "small_range", dtype=np.float16), f16_scale="xnnpack"
)
from qd8.kernels import isa
print(*isa.runnable())
"""
    assert_prints("generic", code, NUMBA_CPU_NAME="generic")


@needs_fork
def test_a_forked_child_computes_the_same() -> None:
    """After a parallel call a child neither hangs, nor is killed, nor differs."""
    code = """
import os, threading, warnings
warnings.simplefilter("ignore", DeprecationWarning)  # fork beside threads: our point
expected = reference_output(problem)
with qd8.threads(2):
    operator = layer(problem)
    assert_same_bits(expected, operator(problem.x))
    child = os.fork()
    if child == 0:
        try:
            assert_same_bits(expected, operator(problem.x))
            assert_kernel_is_reference(conv)
            with qd8.threads(3):
                assert_same_bits(expected, layer(problem)(problem.x))
            assert threading.active_count() > 1  # threads of its own
        except BaseException:
            faulthandler.dump_traceback()
            os._exit(1)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert_same_bits(expected, operator(problem.x))  # and the parent goes on
print(os.waitstatus_to_exitcode(status))
"""
    assert_prints("0", code, NUMBA_NUM_THREADS="3")


@pytest.mark.parametrize("cores", ["1", "2", "16"])
def test_eight_threads_at_once(cores: str) -> None:
    """Python threads share layers and cores, and each gets its answer."""
    code = """
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
qd8.set_num_threads(2)
operators = [(layer(p), p, reference_output(p)) for p in (problem, conv, half)]
barrier = Barrier(8)
def work(i):
    barrier.wait()
    for repeat in range(20):
        operator, p, expected = operators[(i + repeat) % 3]
        assert_same_bits(expected, operator(p.x))
    return qd8.get_num_threads()
with ThreadPoolExecutor(8) as pool:
    print(set(pool.map(work, range(8))))
"""
    assert_prints("{2}", code, NUMBA_NUM_THREADS=cores)


def test_threads_may_compile_at_once() -> None:
    """Eight first calls at once, each of another kernel or of the same one."""
    code = """
from concurrent.futures import ThreadPoolExecutor
with ThreadPoolExecutor(8) as pool:
    list(pool.map(assert_kernel_is_reference, [problem, conv, half] * 3))
print("done")
"""
    assert_prints("done", code)


@pytest.mark.skipif(sys.platform == "win32", reason="needs setitimer")
def test_keyboard_interrupt_leaves_everything_usable() -> None:
    """An interrupted loop of calls raises, and the next call is right."""
    code = """
import signal
expected = reference_output(problem)
qd8.set_num_threads(2)
operator = layer(problem)
def interrupt(*_):
    raise KeyboardInterrupt
signal.signal(signal.SIGALRM, interrupt)
caught = 0
for delay in (0.01, 0.03, 0.05, 0.07):
    try:
        operator(problem.x)
        signal.setitimer(signal.ITIMER_REAL, delay)
        while True:
            operator(problem.x)
    except KeyboardInterrupt:
        caught += 1
    assert_same_bits(expected, operator(problem.x))
print(caught)
"""
    assert_prints("4", code)


def test_pickles_cross_processes_and_tiers(tmp_path: Path) -> None:
    """A layer pickled here answers with the same bits under every tier elsewhere."""
    problem = FullyConnectedProblem.generate(1, "gaussian", M=67, N=130, K=257)
    file = tmp_path / "layer.pickle"
    for here in tiers.runnable():
        with tiers.forced(here):
            file.write_bytes(pickle.dumps(layer(problem)))
        code = """
import os, pathlib, pickle
operator = pickle.loads(pathlib.Path(os.environ["FILE"]).read_bytes())
assert_same_bits(reference_output(problem), operator(problem.x))
print(os.environ["QD8_ISA"] in repr(operator))
"""
        for there in tiers.runnable():
            assert_prints("True", code, QD8_ISA=there, FILE=str(file))


# MXCSR by llvmlite: FTZ is bit 15, DAZ bit 6, rounding bits 13-14, exceptions 0-5.
CONTROL_WORD = """
import ctypes
from llvmlite import binding
binding.initialize_native_target()
binding.initialize_native_asmprinter()
module = binding.parse_assembly('''
declare void @llvm.x86.sse.ldmxcsr(ptr)
declare void @llvm.x86.sse.stmxcsr(ptr)
define i32 @get() {
  %p = alloca i32
  call void @llvm.x86.sse.stmxcsr(ptr %p)
  %v = load i32, ptr %p
  ret i32 %v
}
define void @set(i32 %v) {
  %p = alloca i32
  store i32 %v, ptr %p
  call void @llvm.x86.sse.ldmxcsr(ptr %p)
  ret void
}
''')
machine = binding.Target.from_default_triple().create_target_machine()
engine = binding.create_mcjit_compiler(module, machine)
engine.finalize_object()
get = ctypes.CFUNCTYPE(ctypes.c_uint32)(engine.get_function_address("get"))
set = ctypes.CFUNCTYPE(None, ctypes.c_uint32)(engine.get_function_address("set"))
"""


@pytest.mark.skipif(
    "x86_64" not in tiers.target()[0], reason="the control word is MXCSR's"
)
@pytest.mark.parametrize("tier", tiers.runnable())
@pytest.mark.parametrize("threads", ["1", "2"])
@pytest.mark.parametrize(
    "word", ["0x9fc0", "0x3f80", "0xffc0"], ids=["ftz-daz", "round-down", "both"]
)
def test_the_callers_control_word(tier: str, threads: str, word: str) -> None:
    """Flushing or another rounding set by the caller changes no bit and stays set."""
    code = (
        CONTROL_WORD
        + f"""
word = {word}
work = []
for dtype in (np.float32, np.float16):
    for family in ("subnormal", "gaussian", "value_tie", "constant"):
        for p in (
            FullyConnectedProblem.generate(5, family, dtype=dtype, M=33, N=40, K=65),
            ConvProblem.generate(5, family, dtype=dtype),
        ):
            work.append((layer(p), p, reference_output(p)))
work += [
    (layer(p), p, reference_output(p))
    for p in map(
        lambda family: FullyConnectedProblem.generate(6, family, M=20),
        ("flushed_range", "flushed_result", "fma_tie"),
    )
]
qd8.set_num_threads({threads})
before = get()
for operator, p, expected in work:
    set(word)
    actual = operator(p.x)
    after = get()
    set(before)
    assert_same_bits(expected, actual, repr(p))
    assert after & ~0x3F == word, hex(after)
set(word)
steps = [operator.steps(p.x) for operator, p, _ in work]
rows = [qd8.quantize_rows(p.x) for _, p, _ in work]
set(before)
from tests.judgement import assert_same_steps, reference_steps
from tests.checks import assert_same_fields
import qd8_reference
for (_, p, _), actual, row in zip(work, steps, rows):
    assert_same_steps(p, reference_steps(p), actual)
    assert_same_fields(qd8_reference.quantize_rows(p.x), row)
print("same")
"""
    )
    assert_prints("same", code, QD8_ISA=tier)


def test_the_cache_notices_an_edit(tmp_path: Path) -> None:
    """A second start compiles nothing; an edited source of a kernel compiles anew."""
    ignore = shutil.ignore_patterns("__pycache__", "data")
    copy = shutil.copytree(ROOT / "qd8", tmp_path / "qd8", ignore=ignore)
    options = {"path": tmp_path, "NUMBA_CACHE_DIR": str(tmp_path / "cache")}
    code = "assert_kernel_is_reference(problem)\nprint(qd8.__file__)\n"
    place = str(copy / "__init__.py")
    assert "compiling" in assert_prints(place, code, **options)
    assert "compiling" not in assert_prints(place, code, **options)
    vector = copy / "kernels" / "vector.py"
    vector.write_text(vector.read_text() + "\n# an edit\n")
    assert "compiling" in assert_prints(place, code, **options)


def test_nowhere_to_cache_is_no_obstacle(tmp_path: Path) -> None:
    """Where no folder can be written, kernels are compiled and the answer is right."""
    ignore = shutil.ignore_patterns("__pycache__", "data")
    copy = shutil.copytree(ROOT / "qd8", tmp_path / "qd8", ignore=ignore)
    # Files where folders should be, because a superuser may write anywhere else.
    blocked = tmp_path / "blocked"
    for file in (blocked, copy / "__pycache__", copy / "kernels" / "__pycache__"):
        file.write_text("no folder")
    nowhere = dict.fromkeys(("HOME", "XDG_CACHE_HOME", "NUMBA_CACHE_DIR"), str(blocked))
    code = "assert_kernel_is_reference(half)\nprint('done')"
    assert "compiling" in assert_prints("done", code, path=tmp_path, **nowhere)
