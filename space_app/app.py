"""Serve the page and its API: `python space_app/app.py [--model ID] [--port P]`.

On the Hub, the package and the bundled checkpoint are beside this file (`python -m modeling_crossmost.hub.push space`),
in a clone one folder up. A Space passes no options; there, the variable `CROSSMOST_MODEL` selects another model.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn


HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(folder) for folder in (HERE, HERE.parent) if (folder / "modeling_crossmost").is_dir()]

os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")


class _OneSentenceParser(argparse.ArgumentParser):
    """A parser that reports errors in one sentence, without the usage that argparse adds."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"error: {message}\n")


def parse_arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse the options; exit with code 2 if they are invalid."""
    parser = _OneSentenceParser("python space_app/app.py", description="Classify meshes and point clouds in a browser.")
    parser.add_argument("--model", metavar="ID", help="Hub id or folder (default: the bundled assets/crossmost-mini)")
    parser.add_argument("--port", metavar="P", type=int, help="port of the page (default: first free one from 7860)")
    arguments = parser.parse_args(argv)
    if arguments.port is not None and not 1 <= arguments.port <= 65535:
        parser.error(f"--port must lie between 1 and 65535, got {arguments.port}.")
    arguments.model = arguments.model or os.environ.get("CROSSMOST_MODEL") or None
    return arguments


def serve(arguments: argparse.Namespace, scratch: Path) -> None:
    """Serve the page until it is interrupted.

    Args:
        arguments: from `parse_arguments`.
        scratch: folder for uploads and pictures; the caller removes it.

    Raises:
        ValueError: an unusable model.
        OSError: the port is taken.
        KeyboardInterrupt: the end.
        SandboxError: no process can be started to read files in.
    """
    cache = scratch / "cache"
    os.environ["GRADIO_TEMP_DIR"] = str(cache)
    from answers import open_classifier
    from examples import write_examples
    from page import LAUNCH_OPTIONS, build_page
    from uploads import keep_swept

    keep_swept(cache)
    with open_classifier(arguments.model) as classifier:
        page = build_page(classifier, write_examples(scratch / "examples"))
        try:
            _, address, _ = page.launch(
                server_port=arguments.port, prevent_thread_lock=True, quiet=True, **LAUNCH_OPTIONS
            )
            print(f"The page is at {address}", flush=True)
            threading.Event().wait()
        finally:
            page.close(verbose=False)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the server and return the exit code."""
    arguments = parse_arguments(argv)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that the temporary folder is removed
    try:
        with tempfile.TemporaryDirectory(prefix="crossmost-space-", ignore_cleanup_errors=True) as scratch:
            serve(arguments, Path(scratch))
    except (ValueError, OSError, ImportError, RuntimeError) as error:
        if os.environ.get("CROSSMOST_TRACEBACK"):
            raise
        print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        pass
    return 0


if __name__ == "__main__":
    sys.exit(main())
