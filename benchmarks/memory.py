"""Measures a training step's peak memory: `python -m benchmarks memory [--size full] [--gradient-checkpointing]`.

The static state is what stays between steps: weights, teacher, gradients and AdamW's moments. What a step needs on top
of it are activations, batches and temporary tensors.
"""

import ctypes
import gc
from pathlib import Path

import torch

from modeling_crossmost.training.setup import checkpoint_activations

from .common import parse, print_table
from .machine import write_figures
from .step import DTYPES, Step, step_parser


M_MMAP_THRESHOLD = -3  # malloc.h


def resident(field: str) -> int:
    """Bytes of this process that Linux counts under `VmRSS` (now) or `VmHWM` (at most, since the last reset)."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith(f"{field}:"))) << 10


def peak_of_step(step: Step, device: torch.device) -> tuple[int, int]:
    """Bytes that are allocated before a step, and at most during it, once AdamW's moments exist."""
    step.run()
    gc.collect()
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
        before = torch.cuda.memory_allocated(device)
        step.run()
        return before, torch.cuda.max_memory_allocated(device)
    ctypes.CDLL(None).malloc_trim(0)  # else what glibc kept of the first step's temporary memory counts as static
    Path("/proc/self/clear_refs").write_text("5")  # resets VmHWM
    before = resident("VmRSS")
    step.run()
    return before, resident("VmHWM")


def main(argv: list[str] | None = None) -> int:
    """Print the static state and the peak above it."""
    parser = step_parser(__doc__, repeats=1)
    parser.add_argument("--gradient-checkpointing", action="store_true", help="recompute blocks in the backward pass")
    options = parse(parser, argv)
    if options.device.type == "cpu":
        # glibc must give large blocks back at once, or holes between them count too: they made a step with gradient
        # checkpointing look larger than one without.
        ctypes.CDLL(None).mallopt(M_MMAP_THRESHOLD, 1 << 20)
    step = Step(options.size, options.batch, options.points, options.device, DTYPES[options.dtype])
    if options.gradient_checkpointing:
        checkpoint_activations(step.model)
    before, peak = peak_of_step(step, options.device)
    before += sum(value.nbytes for value in step.model.parameters() if value.requires_grad)  # gradients, freed between
    rows = {"static": {"bytes": before}, "peak": {"bytes": peak}, "peak above static": {"bytes": peak - before}}
    print_table({name: f"{row['bytes'] / 1e9:8.3f} GB" for name, row in rows.items()})
    write_figures(options.output, rows, options.device, DTYPES[options.dtype])
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
