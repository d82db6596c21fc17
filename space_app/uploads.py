"""Visitors' files: how they are uploaded and when they are deleted."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.data_classes import FileData


# Uploads are deleted after 15 minutes; old ones are looked for every minute. Also used for the page's `delete_cache`.
SWEEP_SECONDS, KEPT_SECONDS = 60, 900


def upload_component(label: str, **options: Any) -> gr.File:
    """Create a `gr.File` that only accepts uploads: Gradio's own also fetches any URL that a request names.

    The methods are replaced on the instance, because Gradio writes a stub file next to every subclass.
    """
    component = gr.File(label=label, **options)
    place = component.async_move_resource_to_block_cache

    async def place_uploads_only(name: str | Path | None) -> str | None:
        if "://" in str(name or ""):
            raise gr.Error("URLs are not fetched: upload the file itself.", print_exception=False)
        return await place(name)

    def preprocess(payload: Any) -> str | None:
        """Return the upload's path. The original leaves an empty file behind and checks types with its own message."""
        return payload.path if isinstance(payload, FileData) else None

    component.async_move_resource_to_block_cache = place_uploads_only  # type: ignore[assignment, method-assign]
    component.preprocess = preprocess  # type: ignore[method-assign]
    return component


def sweep(folder: Path, age: float) -> None:
    """Delete the files and empty folders below a folder that are older than `age` seconds.

    `delete_cache` only deletes what Gradio has recorded: neither folders nor interrupted uploads.
    """
    before = time.time() - age
    for path in sorted(folder.rglob("*"), reverse=True):  # the contents of a folder before the folder
        try:
            # Not st_mtime, which copying and moving may preserve.
            if path.lstat().st_ctime >= before:
                continue
            if path.is_dir() and not path.is_symlink():
                path.rmdir()
            else:
                path.unlink()
        except OSError:  # a folder that is not empty, or a file deleted in the meantime
            continue


def keep_swept(folder: Path) -> None:
    """Sweep a folder for the lifetime of the process."""

    def run() -> None:
        while True:
            time.sleep(SWEEP_SECONDS)
            sweep(folder, KEPT_SECONDS)

    threading.Thread(target=run, name="sweeper", daemon=True).start()
