"""Facts about the machine and what is installed on it."""

import ctypes
import os
import sys
from pathlib import Path


def available_cores() -> int:
    """Return the number of CPU cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def environment_with_packages() -> dict[str, str]:
    """Return the environment for a Python process that is to find this project's packages, wherever it starts."""
    root = str(Path(__file__).resolve().parent.parent.parent)
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))}


def return_free_memory() -> None:
    """Give freed memory that the C library keeps back to the system, where it is glibc."""
    if sys.platform == "linux" and hasattr(library := ctypes.CDLL(None), "malloc_trim"):
        library.malloc_trim(0)


def cpu_precision() -> str:
    """Mixed precision, as Accelerate names it, that pays on this CPU: "bf16", or "no" where bf16 is emulated.

    Without its instructions a bf16 matrix product is some fifty times slower than an fp32 one.
    """
    import torch

    native = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return "bf16" if native else "no"
