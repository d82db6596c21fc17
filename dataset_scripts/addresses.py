"""Addresses that fsspec opens, such as `s3://bucket/meshes` or `hf://datasets/a/b`, and what stands for them here."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

from modeling_crossmost.utils.extras import importing


with importing("data"):
    import datasets.config
    import fsspec


def cache_root() -> Path:
    """Folder of what is made or copied on the way: `$CROSSMOST_CACHE`, else in the cache of `datasets`."""
    default = os.environ.get("CROSSMOST_CACHE") or Path(datasets.config.HF_DATASETS_CACHE) / "crossmost"
    return Path(default).expanduser()


def cached_folder(address: str, kind: str) -> Path:
    """Folder in the cache that stands for an address; it has the address's last name."""
    key = hashlib.sha256(address.rstrip("/").encode()).hexdigest()[:16]
    return cache_root() / kind / key / (address.rstrip("/").rsplit("/", 1)[-1] or "root")


def open_address(address: str) -> tuple[Any, str]:
    """Return the file system of an address, and the path there.

    Raises:
        ValueError: No such file system is installed.
    """
    # Object stores need no folders; a local file system creates missing ones only with `auto_mkdir`.
    options = {"auto_mkdir": True} if address.startswith(("file://", "local://")) else {}
    try:
        return fsspec.core.url_to_fs(address, **options)
    except (ImportError, ValueError) as error:
        raise ValueError(f"The address {address!r} cannot be opened: {reason_of(error)}.") from error


def reason_of(error: Exception) -> str:
    """Return an exception's text in one line."""
    return " ".join(str(error).split()).rstrip(".") or type(error).__name__
