"""The command `qd8`: demo, run, inspect, profile, doctor.

Exit codes: 0; 1 for an error, said in one line on stderr; 2 for a wrong command line.
Tables and results go to stdout, everything else to stderr.
"""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import qd8

# What the library raises on purpose: the file, the input or the machine is at fault.
# Anything else is a mistake of qd8's own, and is called that.
EXPECTED = (
    *(ValueError, TypeError, KeyError),
    *(NotImplementedError, RuntimeError, OSError, MemoryError),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    parser = _parser()
    options = parser.parse_args(arguments)
    command: Callable[[argparse.Namespace], int] = options.command
    try:
        code = command(options)
        sys.stdout.flush()
    except KeyboardInterrupt:
        print("qd8: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # The reader (`head`) has gone. Python would complain once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:
        if options.debug:
            raise
        print(f"qd8: error: {_sentence(error)}", file=sys.stderr)
        return 1
    return code


def demo(options: argparse.Namespace) -> int:
    """Classify handwritten digits in three precisions."""
    from qd8.demo import run_demo

    found = run_demo(options.out, options.images, options.reference_images)
    for problem in found:
        print(f"qd8: error: {problem}", file=sys.stderr)
    return 1 if found else 0


def run(options: argparse.Namespace) -> int:
    """Run a model on arrays from files and write what it answers."""
    from qd8.arrays import read_inputs, write_outputs

    model = qd8.load(options.model, precision=options.precision)
    if len(model.outputs) > 1 and options.output.suffix != ".npz":
        names = ", ".join(output.name for output in model.outputs)
        raise ValueError(
            f"{options.model} has {len(model.outputs)} outputs ({names}); "
            f"--output {options.output} must end in .npz"
        )
    inputs = read_inputs(options.input, [each.name for each in model.inputs])
    with _threads(options):
        try:
            outputs = model.run(inputs)
        except (TypeError, ValueError) as error:
            raise type(error)(f"{options.model}: {error}") from None
    write_outputs(options.output, outputs)
    shapes = ", ".join(f"{n} {x.shape} {x.dtype}" for n, x in outputs.items())
    print(
        f"{options.output}: {shapes} "
        f"({model.precision}, numerics version {qd8.NUMERICS_VERSION})"
    )
    return 0


def inspect(options: argparse.Namespace) -> int:
    """Show the operators of a file, its weights, and what is dynamically quantized."""
    from qd8.graph.inspect import inspect_passes
    from qd8.terminal import show

    subject: Any = options.model
    if options.precision is not None or options.passes:
        subject = qd8.load(options.model, precision=options.precision)
    table: Any = inspect_passes(subject) if options.passes else qd8.inspect(subject)
    if options.json:
        print(table.to_json(numerics_version=qd8.NUMERICS_VERSION))
    else:
        show(table)
    return 0


def profile(options: argparse.Namespace) -> int:
    """Show where the time of a model goes."""
    from qd8.terminal import show, written

    if options.sizes:
        from qd8.validation.sizes import sizes

        show(sizes(options.model))
        print()
    model = qd8.load(options.model, precision=options.precision)
    with _threads(options):
        qd8.warmup(model)
        table = model.profile(runs=options.repeat)
    if options.json is not None:
        with written(options.json) as path:
            table.to_json(path, **_circumstances(options, model.precision))
    if options.trace is not None:
        table.trace(options.trace)
    if options.png is not None:
        try:
            table.plot(options.png)
        except ImportError as error:
            raise RuntimeError(f"--png: {error}; pip install matplotlib") from None
    show(table)
    print()
    show(table.kinds)
    return 0


def doctor(options: argparse.Namespace) -> int:
    """Print what decides how qd8 runs here."""
    qd8.show_versions(json=options.json)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="qd8", description="Run dynamically quantized models with one answer."
    )
    parser.add_argument("--version", action="version", version=f"qd8 {qd8.__version__}")
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument(
        "--debug", action="store_true", help="show the traceback of an error"
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(command: Callable[[argparse.Namespace], int]) -> argparse.ArgumentParser:
        text = command.__doc__ or ""
        found = commands.add_parser(
            command.__name__, help=text.rstrip("."), description=text, parents=[common]
        )
        found.set_defaults(command=command)
        return found

    _add_demo(add(demo))
    _add_run(add(run))
    _add_inspect(add(inspect))
    _add_profile(add(profile))
    doctor_parser = add(doctor)
    doctor_parser.add_argument("--json", action="store_true", help="print JSON")
    return parser


def _add_demo(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("demo-output"),
        metavar="DIR",
        help="gets digits.png and demo.json (default: %(default)s)",
    )
    parser.add_argument(
        "--images", type=_count, metavar="N", help="only the first N of the 360"
    )
    parser.add_argument(
        "--reference-images",
        type=_count,
        default=32,
        metavar="N",
        help="how many the slow reference computes too (default: %(default)s)",
    )


def _add_run(parser: argparse.ArgumentParser) -> None:
    _add_model(parser)
    _add_threads(parser)
    parser.add_argument(
        "--input",
        action="append",
        required=True,
        metavar="[NAME=]FILE.npy",
        help="an input; once for each, with its name where the model has several",
    )
    parser.add_argument(
        "--output",
        type=Path,
        required=True,
        metavar="FILE",
        help="gets the output as .npy, or all outputs by name as .npz",
    )


def _add_inspect(parser: argparse.ArgumentParser) -> None:
    _add_model(parser)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument(
        "--passes",
        action="store_true",
        help="show what each pass over the graph makes of it instead",
    )


def _add_profile(parser: argparse.ArgumentParser) -> None:
    _add_model(parser)
    _add_threads(parser)
    parser.add_argument(
        "--repeat",
        type=_count,
        default=20,
        metavar="R",
        help="take medians of R runs (default: %(default)s)",
    )
    parser.add_argument(
        "--json", type=Path, metavar="FILE", help="write the tables there as JSON too"
    )
    parser.add_argument(
        "--trace",
        type=Path,
        metavar="FILE",
        help="write a trace for chrome://tracing and ui.perfetto.dev",
    )
    parser.add_argument(
        "--png", type=Path, metavar="FILE", help="draw it (needs matplotlib)"
    )
    parser.add_argument(
        "--sizes",
        action="store_true",
        help="show first what each precision takes in memory, beside LiteRT",
    )


def _add_model(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", metavar="MODEL", help="a .tflite file")
    parser.add_argument(
        "--precision",
        metavar="P",
        help="fp32, qd8-f32, qd8-f16 or fp16 (default: as the file says)",
    )


def _add_threads(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--threads", type=_count, metavar="N", help="(default: all)")


def _count(text: str) -> int:
    """Read a number of 1 or more."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of 1 or more")
    return int(text)


def _threads(options: argparse.Namespace) -> Any:
    return nullcontext() if options.threads is None else qd8.threads(options.threads)


def _circumstances(options: argparse.Namespace, precision: str) -> dict[str, Any]:
    """Return what a time needs beside it to mean something."""
    from qd8.doctor import cpu_name, packages
    from qd8.kernels import isa

    return {
        "numerics_version": qd8.NUMERICS_VERSION,
        "qd8": qd8.__version__,
        "model": options.model,
        "precision": precision,
        "cpu": cpu_name(),
        "tier": isa.current().name,
        "threads": options.threads or qd8.get_num_threads(),
        "runs": options.repeat,
        "versions": packages(),
    }


def _sentence(error: Exception) -> str:
    """Return an error as one line that says what was wrong and with what."""
    if isinstance(error, OSError) and error.filename is not None:
        text = f"{error.filename}: {error.strerror}"
    elif isinstance(error, KeyError) and error.args:
        text = str(error.args[0])  # str(KeyError) would be its repr
    else:
        text = str(error)
    line = " ".join(text.split())
    if isinstance(error, EXPECTED) and line:
        return line
    kind = type(error).__name__
    return f"{kind}: {line} (a mistake in qd8; --debug shows where)"


if __name__ == "__main__":
    sys.exit(main())
