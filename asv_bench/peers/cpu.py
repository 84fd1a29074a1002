"""A program on this CPU as on an older one: CPUID answers without the newer features.

    python -m asv_bench.peers.cpu avx2 script.py arguments...
    python -m asv_bench.peers.cpu avx2 -m asv_bench.peers.measure

Engines choose their kernels by CPUID. Where Linux can make that instruction trap
(`cpuid_fault` in /proc/cpuinfo, Intel since Ivy Bridge) a signal handler executes it
in their place and clears bits of the answer; so the fastest kernels for AVX2 of every
engine can be timed side by side on a CPU that has AMX. Done before NumPy and Numba are
imported, it holds for them too, and qd8 finds the tier by itself.

What it does not change: cache sizes, clock rate, execution ports, XGETBV, and what the
C library chose before (memcpy). A child process made by exec sees the real CPU.
Source: man 2 arch_prctl, ARCH_SET_CPUID; Linux arch/x86/kernel/process.c, the flag
TIF_NOCPUID, which threads inherit; bits from Intel's Instruction Set Extensions
Programming Reference, table 1-3.
"""

import ctypes
import faulthandler
import os
import runpy
import sys
from typing import NamedTuple

ARCH_PRCTL, ARCH_SET_CPUID = 158, 0x1012
SIGSEGV, SIG_DFL = 11, 0
OPCODE = int.from_bytes(b"\x0f\xa2", "little")  # CPUID
SA_SIGINFO, SA_NODEFER, SA_ONSTACK = 0x4, 0x40000000, 0x08000000
# Registers of a ucontext_t: uc_flags, uc_link and uc_stack are 40 bytes, then come
# R8-R15, RDI, RSI, RBP, RBX, RDX, RAX, RCX, RSP, RIP (sys/ucontext.h).
EBX, EDX, EAX, ECX, RIP = (40 + 8 * place for place in (11, 12, 13, 14, 16))


class Hidden(NamedTuple):
    """Bits of a register that CPUID answers for a leaf and subleaf."""

    leaf: int
    subleaf: int
    register: int  # as an offset into ucontext_t
    bits: tuple[int, ...]


# AMX: tile, int8, bf16, fp16. Then what Ice Lake has not: avx512_fp16, serialize and
# so on are kept where no kernel is chosen by them.
_NEWER = (
    Hidden(7, 0, EDX, (22, 23, 24, 25)),  # amx_bf16, avx512_fp16, amx_tile, amx_int8
    Hidden(7, 1, EAX, (4, 5, 21, 23)),  # avx_vnni, avx512_bf16, amx_fp16, avx_ifma
    Hidden(7, 1, EDX, (4, 5, 8, 10, 19)),  # vnni_int8, ne_convert, complex, int16, 10
)
_AVX512 = (
    Hidden(7, 0, EBX, (16, 17, 21, 26, 27, 28, 30, 31)),  # f dq ifma pf er cd bw vl
    Hidden(7, 0, ECX, (1, 6, 8, 11, 12, 14)),  # vbmi vbmi2 gfni vnni bitalg popcnt
    Hidden(7, 0, EDX, (2, 3, 8)),  # 4vnniw, 4fmaps, vp2intersect
)
#: By the name of the tier that qd8 then finds: Haswell's instructions, Ice Lake's.
CPUS = {"avx2": (*_NEWER, *_AVX512), "avx512vnni": _NEWER}
#: OpenBLAS and oneDNN look at the model's number too, so they are told by name.
TOLD = {
    "avx2": {"OPENBLAS_CORETYPE": "Haswell", "ONEDNN_MAX_CPU_ISA": "AVX2"},
    "avx512vnni": {
        "OPENBLAS_CORETYPE": "SkylakeX",
        "ONEDNN_MAX_CPU_ISA": "AVX512_CORE_VNNI",
    },
}

_kept: list[object] = []  # the compiled handler lives as long as the process


def pretend(cpu: str) -> None:
    """Hide from this thread, and those it starts, what `CPUS[cpu]` lists.

    Raises
    ------
    OSError
        If the system cannot make CPUID trap: no x86-64 Linux, or no such CPU.
    RuntimeError
        If NumPy or Numba has been imported: they have seen the real CPU.
    """
    if early := {"numpy", "numba"} & {*sys.modules}:
        raise RuntimeError(f"{', '.join(sorted(early))} has seen the real CPU already")
    if sys.platform != "linux" or os.uname().machine != "x86_64":
        raise OSError("CPUID can be made to trap on x86-64 Linux only")
    os.environ.update(TOLD[cpu])
    libc = ctypes.CDLL(None, use_errno=True)
    faulthandler.enable = _not_enabled
    _install(libc, _handler(CPUS[cpu]))
    if libc.syscall(ARCH_PRCTL, ARCH_SET_CPUID, 0):
        why = os.strerror(ctypes.get_errno())
        raise OSError(f"CPUID cannot be made to trap here: {why}")


def sentence(cpu: str | None) -> str:
    """Say which CPU the engines saw."""
    if cpu is None:
        return "every engine uses whatever the CPU has"
    return f"every engine saw a CPU of {cpu} (asv_bench/peers/cpu.py)"


def _not_enabled(*_: object, **__: object) -> None:
    """In place of faulthandler.enable, which pytest calls: it would take the signal."""


class _Action(ctypes.Structure):
    """struct sigaction of glibc on x86-64."""

    _fields_ = (
        ("handler", ctypes.c_void_p),
        ("mask", ctypes.c_ulong * 16),
        ("flags", ctypes.c_int),
        ("restorer", ctypes.c_void_p),
    )


def _install(libc: ctypes.CDLL, handler: int) -> None:
    action = _Action(handler, flags=SA_SIGINFO | SA_NODEFER | SA_ONSTACK)
    if libc.sigaction(SIGSEGV, ctypes.byref(action), None):
        raise OSError(os.strerror(ctypes.get_errno()))


def _handler(hidden: tuple[Hidden, ...]) -> int:
    """Compile ``void handler(int signal, void *info, void *context)``; its address.

    The compiler is llvmlite alone, told to compile for any x86-64: Numba would ask for
    the CPU's name while it can still be seen.
    """
    from llvmlite import binding as llvm

    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    llvm.initialize_native_asmparser()
    module = llvm.parse_assembly(_source(hidden))
    triple = llvm.Target.from_triple("x86_64-unknown-linux-gnu")
    engine = llvm.create_mcjit_compiler(
        module, triple.create_target_machine(cpu="x86-64")
    )
    engine.finalize_object()
    _kept.append(engine)
    return engine.get_function_address("handler")


def _source(hidden: tuple[Hidden, ...]) -> str:
    """The handler as LLVM IR.

    A fault at a CPUID (bytes 0F A2): let it run, run it, let it trap again, clear the
    hidden bits, skip it. Any other fault: restore the default and let it happen again.
    """
    answers = {EAX: "%a", EBX: "%b", ECX: "%c", EDX: "%d"}
    clear = []
    for n, each in enumerate(hidden):
        old, new = answers[each.register], f"%masked{n}"
        kept = ~sum(1 << bit for bit in each.bits)
        clear.append(f"""
  %leaf{n} = icmp eq i32 %leaf, {each.leaf}
  %subleaf{n} = icmp eq i32 %subleaf, {each.subleaf}
  %both{n} = and i1 %leaf{n}, %subleaf{n}
  %cleared{n} = and i32 {old}, {kept}
  {new} = select i1 %both{n}, i32 %cleared{n}, i32 {old}""")
        answers[each.register] = new
    write = []
    for n, (place, answer) in enumerate(answers.items()):
        write.append(f"""
  %wide{n} = zext i32 {answer} to i64
  %at{n} = getelementptr i8, ptr %context, i64 {place}
  store i64 %wide{n}, ptr %at{n}""")
    trap = '"syscall", "={rax},{rax},{rdi},{rsi},~{rcx},~{r11},~{memory}"'
    call = f"call i64 asm sideeffect {trap}(i64 {ARCH_PRCTL}, i64 {ARCH_SET_CPUID}, "
    cpuid = '"cpuid", "={eax},={ebx},={ecx},={edx},{eax},{ecx}"'
    four = "{ i32, i32, i32, i32 }"
    return f"""
declare ptr @signal(i32, ptr)

define void @handler(i32 %signal, ptr %info, ptr %context) {{
  %rip_at = getelementptr i8, ptr %context, i64 {RIP}
  %rip = load i64, ptr %rip_at
  %code = inttoptr i64 %rip to ptr
  %opcode = load i16, ptr %code, align 1
  %is_cpuid = icmp eq i16 %opcode, {OPCODE}
  br i1 %is_cpuid, label %answer, label %fault

fault:
  %before = call ptr @signal(i32 {SIGSEGV}, ptr inttoptr (i64 {SIG_DFL} to ptr))
  ret void

answer:
  %leaf_at = getelementptr i8, ptr %context, i64 {EAX}
  %subleaf_at = getelementptr i8, ptr %context, i64 {ECX}
  %leaf = load i32, ptr %leaf_at
  %subleaf = load i32, ptr %subleaf_at
  %allowed = {call}i64 1)
  %all = call {four} asm sideeffect {cpuid}(i32 %leaf, i32 %subleaf)
  %refused = {call}i64 0)
  %a = extractvalue {four} %all, 0
  %b = extractvalue {four} %all, 1
  %c = extractvalue {four} %all, 2
  %d = extractvalue {four} %all, 3
{"".join(clear)}
{"".join(write)}
  %next = add i64 %rip, 2
  store i64 %next, ptr %rip_at
  ret void
}}
"""


def main() -> None:
    """Run a script, or a module after ``-m``, as Python would."""
    if len(sys.argv) < 3 or sys.argv[1] not in CPUS:
        what = f"{' | '.join(CPUS)} (script.py | -m module) [argument ...]"
        raise SystemExit(f"usage: python -m asv_bench.peers.cpu {what}")
    cpu, program = sys.argv[1], sys.argv[2:]
    pretend(cpu)
    if program[0] == "-m":
        sys.argv = program[1:]
        runpy.run_module(program[1], run_name="__main__", alter_sys=True)
    else:
        sys.argv = program
        sys.path[0] = os.path.dirname(os.path.abspath(program[0]))
        runpy.run_path(program[0], run_name="__main__")


if __name__ == "__main__":
    main()
