"""Facts about the machine and what is installed on it."""

import os


def available_cores() -> int:
    """Return the number of CPU cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def cpu_precision() -> str:
    """Mixed precision, as Accelerate names it, that pays on this CPU: "bf16", or "no" where bf16 is emulated.

    Without its instructions a bf16 matrix product is some fifty times slower than an fp32 one.
    """
    import torch

    native = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return "bf16" if native else "no"
