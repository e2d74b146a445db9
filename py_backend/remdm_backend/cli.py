"""This module is the console script ``remdm-backend``: ``serve``, ``convert`` and ``doctor``.

``serve`` answers calls for a checkpoint, ``convert`` writes one in another format, ``doctor``
examines the installation. Only the standard library is imported here: ``doctor`` must run where the
rest is missing.
"""

from __future__ import annotations

import argparse
import faulthandler
import gc
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from remdm_backend import __version__
from remdm_backend.errors import BackendError
from remdm_backend.failures import as_backend_error
from remdm_backend.host.allocator import keep_few_kernels, keep_freed_memory
from remdm_backend.host.lifetime import leave_terminal_to_parent
from remdm_backend.log import log, log_fatal

if TYPE_CHECKING:
    from remdm_backend.engine.models import Model

EXIT_OTHER = 1
EXIT_USAGE = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code. ``serve`` ends the process itself."""
    options = _parser().parse_args(arguments)
    if options.command == "doctor":
        return _doctor(as_json=options.json)
    if options.command == "convert":
        return _convert(options)
    return _serve(options)


class _Parser(argparse.ArgumentParser):
    """A usage error ends like every other: with the line that the SDK reads."""

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        sys.stderr.flush()
        log_fatal(BackendError("option_invalid", f"{message}.", "The usage stands above."))
        sys.exit(EXIT_USAGE)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="remdm-backend", description="The PyTorch backend of remdm.")
    parser.add_argument("--version", action="version", version=f"remdm-backend {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, parser_class=_Parser)

    serve = commands.add_parser("serve", help="answer calls for one checkpoint")
    serve.add_argument("--checkpoint", required=True, type=Path, metavar="PATH")
    serve.add_argument("--endpoint", required=True, metavar="ipc://PATH")
    serve.add_argument("--device", default="auto", help="auto (default), cpu, cuda, cuda:N or mps")
    serve.add_argument("--dtype", default="float32", choices=("float32", "bfloat16"))
    serve.add_argument(
        "--judge", action="store_true", help="hold a causal language model that judges texts"
    )
    serve.add_argument("--raw-weights", action="store_true", help="not the averaged (EMA) ones")
    serve.add_argument(
        "--max-batch", type=_positive, default=64, metavar="N", help="sequences in one forward"
    )
    serve.add_argument("--threads", type=_positive, metavar="N", help="of the CPU, for one forward")
    serve.add_argument(
        "--managed",
        action="store_true",
        help="end when standard input ends; leave Ctrl-C to the parent process",
    )
    serve.add_argument(
        "--own-directory",
        action="store_true",
        help="the endpoint's directory (mode 0700) is this server's: remove it at the end",
    )

    convert = commands.add_parser("convert", help="write a checkpoint as safetensors and a card")
    convert.add_argument("--checkpoint", required=True, type=Path, metavar="PATH")
    convert.add_argument("--out", required=True, type=Path, metavar="DIR")
    convert.add_argument(
        "--weights", choices=("ema", "raw"), help="default: ema where there is one"
    )
    convert.add_argument("--dtype", default="float32", choices=("float32", "float16", "bfloat16"))
    convert.add_argument("--force", action="store_true", help="replace a checkpoint in DIR")
    convert.add_argument("--managed", action="store_true", help="as for serve")

    doctor = commands.add_parser("doctor", help="say what is installed and what is missing")
    doctor.add_argument("--json", action="store_true", help="print one JSON object")
    return parser


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be a whole number of at least 1; got {text!r}")
    return int(text)


def _serve(options: argparse.Namespace) -> NoReturn:
    if options.managed:
        leave_terminal_to_parent()
    if sys.stderr is not None:
        faulthandler.enable()  # where it was, should native code crash
    keep_freed_memory()
    keep_few_kernels()
    # What is imported stays: looking for garbage among it takes a fifth of the time to the start.
    gc.disable()
    try:
        from remdm_backend.chat.renderer import ChatRenderer
        from remdm_backend.serving import process
    except ImportError as error:
        log_fatal(as_backend_error(error))
        os._exit(EXIT_OTHER)

    def load() -> Model:
        """On the device thread; imports PyTorch."""
        log(f"loading {options.checkpoint.name}")
        from remdm_backend.checkpoint.load import load_network
        from remdm_backend.host.threads import give_way, limit_threads
        from remdm_backend.judging.load import load_judge

        limit_threads(options.threads)
        give_way(options.device)
        load_model = load_judge if options.judge else load_network
        model = load_model(
            options.checkpoint,
            device=options.device,
            dtype=options.dtype,
            raw_weights=options.raw_weights,
        )
        gc.freeze()
        gc.enable()
        return model

    process.run(
        process.ServeOptions(
            endpoint=options.endpoint,
            managed=options.managed,
            own_directory=options.own_directory,
            max_batch=options.max_batch,
        ),
        load,
        None if options.judge else ChatRenderer(options.checkpoint.expanduser()),
    )


def _convert(options: argparse.Namespace) -> int:
    """Progress goes to standard output, a JSON object a line; the last one is ``finished``."""
    from remdm_backend.host.lifetime import exit_on_signals

    exit_on_signals(managed=options.managed)

    def say(**facts: object) -> None:
        print(json.dumps(facts), flush=True)

    try:
        from remdm_backend.checkpoint.convert import convert

        convert(
            options.checkpoint,
            options.out,
            weights=options.weights,
            dtype=options.dtype,
            force=options.force,
            progress=lambda done, total: say(done=done, total=total),
        )
    except SystemExit as end:  # a signal; all is tidy, and PyTorch's own end takes its time
        os._exit(end.code if isinstance(end.code, int) else EXIT_OTHER)
    except Exception as error:
        log_fatal(as_backend_error(error))
        return EXIT_OTHER
    say(finished=True)
    return 0


def _doctor(*, as_json: bool) -> int:
    from remdm_backend.doctor import describe, examine

    report = examine()
    print(json.dumps(report.as_json(), indent=2) if as_json else describe(report))
    return 0 if report.ok else EXIT_OTHER
