"""Files of visitors: how they come in, and when they go."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.data_classes import FileData


# Looked for every minute, deleted after a quarter of an hour; also what `delete_cache` of the page gets.
SWEEP_SECONDS, KEPT_SECONDS = 60, 900


def upload_component(label: str, **options: Any) -> gr.File:
    """A `gr.File` that takes uploads and nothing else: gradio's own also fetches any address that a request names.

    Its methods are replaced and not inherited, because gradio writes a stub file beside every subclass.
    """
    component = gr.File(label=label, **options)
    place = component.async_move_resource_to_block_cache

    async def place_uploads_only(name: str | Path | None) -> str | None:
        if "://" in str(name or ""):
            raise gr.Error("Upload the file itself: addresses are not fetched.", print_exception=False)
        return await place(name)

    def preprocess(payload: Any) -> str | None:
        """Where the upload is. The original leaves an empty file behind, and words its complaint about types itself."""
        return payload.path if isinstance(payload, FileData) else None

    component.async_move_resource_to_block_cache = place_uploads_only  # type: ignore[assignment, method-assign]
    component.preprocess = preprocess  # type: ignore[method-assign]
    return component


def sweep(folder: Path, age: float) -> None:
    """Deletes the files and empty folders below a folder that have been there for more than `age` seconds.

    `delete_cache` deletes what gradio remembers: not folders, and no uploads that broke off.
    """
    before = time.time() - age
    for path in sorted(folder.rglob("*"), reverse=True):  # what is in a folder before the folder
        try:
            if path.lstat().st_ctime >= before:
                continue
            if path.is_dir() and not path.is_symlink():
                path.rmdir()
            else:
                path.unlink()
        except OSError:  # a folder in use, or a file that somebody else deleted
            continue


def keep_swept(folder: Path) -> None:
    """Sweeps a folder as long as the process lives."""

    def run() -> None:
        while True:
            time.sleep(SWEEP_SECONDS)
            sweep(folder, KEPT_SECONDS)

    threading.Thread(target=run, name="sweeper", daemon=True).start()
