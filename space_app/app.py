"""The page and its API: `python space_app/app.py [--model ID] [--port P]`, or `crossmost space` with the same options.

On the Hub the package and the bundled checkpoint lie beside this file (`crossmost push space`), in a clone one folder up.
"""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path


HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(folder) for folder in (HERE, HERE.parent) if (folder / "modeling_crossmost").is_dir()]

os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")


def serve(model: str | None, port: int | None, scratch: Path) -> None:
    """Shows the page until it is interrupted.

    Args:
        model: Hub id or folder; by default the bundled checkpoint.
        port: of the page; by default the first free one from 7860 on.
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
    with open_classifier(model) as classifier:
        page = build_page(classifier, write_examples(scratch / "examples"))
        try:
            _, address, _ = page.launch(server_port=port, prevent_thread_lock=True, quiet=True, **LAUNCH_OPTIONS)
            print(f"The page is at {address}", flush=True)
            threading.Event().wait()
        finally:
            page.close(verbose=False)


if __name__ == "__main__":
    from modeling_crossmost.commands.space import main

    sys.exit(main(serve=serve))
