"""What the benchmarks share: options, timing, and rows of a table."""

import argparse
import statistics
import time
from collections.abc import Callable, Mapping

import torch


CPU = torch.device("cpu")


def make_parser(description: str | None, repeats: int, threads: int = 1) -> argparse.ArgumentParser:
    """Options of every benchmark that times calls.

    Args:
        description: of the benchmark.
        repeats: timed calls by default.
        threads: CPU threads by default.
    """
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--threads", type=int, default=threads, help="CPU threads of torch (%(default)s)")
    parser.add_argument("--repeats", type=int, default=repeats, help="timed calls per row (%(default)s)")
    parser.add_argument("--output", help="also write the figures to this JSON file")
    return parser


def add_device(parser: argparse.ArgumentParser) -> None:
    """Add the option of benchmarks that also run on an accelerator."""
    parser.add_argument("--device", type=torch.device, default=CPU, help="cpu or cuda (%(default)s)")


def parse(parser: argparse.ArgumentParser, argv: list[str] | None) -> argparse.Namespace:
    """Return the options and give torch its threads."""
    options = parser.parse_args(argv)
    torch.set_num_threads(options.threads)
    return options


def seconds_of(function: Callable[[], object], device: torch.device = CPU) -> float:
    """Time of one call, with what it leaves to an accelerator."""

    def wait() -> None:
        if device.type == "cuda":
            torch.cuda.synchronize(device)

    wait()
    start = time.perf_counter()
    function()
    wait()
    return time.perf_counter() - start


def milliseconds(function: Callable[[], object], repeats: int, device: torch.device = CPU) -> float:
    """Median time of a call after one that warms up."""
    function()
    return 1000 * statistics.median(seconds_of(function, device) for _ in range(repeats))


def print_table(rows: Mapping[str, str]) -> None:
    """Print names, right-aligned, and what was measured beside them."""
    width = max(map(len, rows))
    for name, measured in rows.items():
        print(f"{name:>{width}}  {measured}")


def randn(*shape: int, seed: int = 0) -> torch.Tensor:
    """Return standard normal numbers that are the same on every machine."""
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))
