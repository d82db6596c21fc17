"""`crossmost space`: serves the page where visitors upload a mesh. `crossmost push space` uploads it instead."""

import argparse
import os
import signal
import sys
import tempfile
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path

from ..utils.command_line import ERRORS, Parser, UsageError, run_command


FOLDER = Path(__file__).parents[2] / "space_app"
Serve = Callable[[str | None, int | None, Path], None]


def make_parser() -> Parser:
    """Return the command's options."""
    parser = Parser(
        "crossmost space", "Says what meshes and point clouds are, in a browser.", "crossmost space --port 8000"
    )
    parser.add_argument("--model", metavar="ID", help="Hub id or folder (the bundled assets/crossmost-mini)")
    parser.add_argument("--port", metavar="P", type=int, help="of the page (the first free one from 7860 on)")
    return parser


def find_app() -> Serve:
    """`serve` of `space_app/app.py`.

    Raises:
        ValueError: the package was installed without the repository.
    """
    if not (FOLDER / "app.py").is_file():
        raise ValueError(
            "the page is part of the repository and not of the installed package: call `crossmost space` from a clone, "
            "installed with pip install -e '.[space]'."
        )
    sys.path.insert(0, str(FOLDER))  # its modules import each other by their own names, as a Space does
    return import_module("app").serve


def run(arguments: argparse.Namespace, serve: Serve | None = None) -> None:
    """Serve the page until it is interrupted.

    Args:
        arguments: the options. A Space passes none: there the variable `CROSSMOST_MODEL` names another model.
        serve: what shows the page; by default found in the repository.

    Raises:
        ValueError: an unusable option or model, or no page.
        OSError: the port is taken.
    """
    if arguments.port is not None and not 1 <= arguments.port <= 65535:
        raise UsageError(f"--port must lie between 1 and 65535, got {arguments.port}.")
    model = arguments.model or os.environ.get("CROSSMOST_MODEL") or None
    serve = serve or find_app()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # else nobody would remove the files
    try:
        with tempfile.TemporaryDirectory(prefix="crossmost-space-", ignore_cleanup_errors=True) as scratch:
            serve(model, arguments.port, Path(scratch))
    except KeyboardInterrupt:  # how a server ends
        return


def main(argv: Sequence[str] | None = None, serve: Serve | None = None) -> int:
    """Run the command; return its exit code."""
    return run_command(make_parser(), lambda arguments: run(arguments, serve), argv, (*ERRORS, RuntimeError))
