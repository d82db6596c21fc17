"""The page and its API: `python space_app/app.py [--model ID] [--port P]`.

On the Hub the package and the bundled checkpoint lie beside this file (`python -m modeling_crossmost.hub.push space`),
in a clone one folder up. A Space passes no options: there the variable `CROSSMOST_MODEL` names another model.
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
    """argparse prints its usage with every error; one sentence is enough."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"error: {message}\n")


def parse_arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The options; ends the process with exit code 2 where they are unusable."""
    parser = _OneSentenceParser("python space_app/app.py", description="Says what meshes and clouds are, in a browser.")
    parser.add_argument("--model", metavar="ID", help="Hub id or folder (the bundled assets/crossmost-mini)")
    parser.add_argument("--port", metavar="P", type=int, help="of the page (the first free one from 7860 on)")
    arguments = parser.parse_args(argv)
    if arguments.port is not None and not 1 <= arguments.port <= 65535:
        parser.error(f"--port must lie between 1 and 65535, got {arguments.port}.")
    arguments.model = arguments.model or os.environ.get("CROSSMOST_MODEL") or None
    return arguments


def serve(arguments: argparse.Namespace, scratch: Path) -> None:
    """Shows the page until it is interrupted.

    Args:
        arguments: of `parse_arguments`.
        scratch: folder for uploads and pictures; whoever made it removes it.

    Raises:
        ValueError: an unusable model.
        OSError: the port is taken.
        ImportError: Gradio is not installed.
        KeyboardInterrupt: the end.
        SandboxError: no process can be started to read files in.
    """
    from modeling_crossmost.utils.extras import require

    require("space")
    cache = scratch / "cache"
    os.environ["GRADIO_TEMP_DIR"] = str(cache)
    from examples import write_examples
    from inference import open_classifier
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
    """Runs the server; returns the exit code."""
    arguments = parse_arguments(argv)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # else nobody would remove the files
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
