"""Measure the peak rates of this machine, so that a benchmark can report a fraction of a limit."""

import json
import platform
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from modeling_crossmost.utils.atomic import write_text

from .common import CPU, seconds_of


@dataclass
class Limits:
    """Rates of one device with the threads that the benchmark uses.

    Attributes:
        name: of the device.
        threads: CPU threads of torch.
        dtype: of the matrices.
        matmul: FLOP/s of the fastest of some products of large square matrices.
        bandwidth: bytes/s read and written by a copy that no cache holds.
    """

    name: str
    threads: int
    dtype: str
    matmul: float
    bandwidth: float


def device_name(device: torch.device) -> str:
    """Name of a GPU, or of this computer's CPU."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    lines = Path("/proc/cpuinfo").read_text().splitlines() if sys.platform == "linux" else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def measure_limits(device: torch.device, dtype: torch.dtype, repeats: int = 7) -> Limits:
    """Measure a device's matrix product and copy rates.

    The best time counts: a limit that another process disturbed would flatter what is compared with it.
    """
    size = 8192 if device.type == "cuda" else 1536
    first, second = (torch.randn(size, size, device=device, dtype=dtype) for _ in range(2))
    product = min(seconds_of(lambda: first @ second, device) for _ in range(repeats))
    source = torch.ones(1 << (30 if device.type == "cuda" else 26), dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    copy = min(seconds_of(lambda: target.copy_(source), device) for _ in range(repeats))
    name = str(dtype).removeprefix("torch.")
    return Limits(device_name(device), torch.get_num_threads(), name, 2 * size**3 / product, 2 * source.nbytes / copy)


def write_figures(
    path: str | None,
    rows: dict[str, dict[str, float]],
    device: torch.device = CPU,
    dtype: torch.dtype = torch.float32,
) -> None:
    """Measure the limits and write them with the figures, where a path is given."""
    if path is not None:
        write_report(path, measure_limits(device, dtype), rows)


def write_report(path: str | None, limits: Limits, rows: dict[str, dict[str, float]]) -> None:
    """Write figures and limits as JSON, where a path is given."""
    if path is not None:
        report = {"machine": asdict(limits), "torch": torch.__version__, "rows": rows}
        write_text(path, json.dumps(report, indent=2) + "\n")
