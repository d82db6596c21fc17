"""Times farthest point sampling and grouping: `python -m benchmarks.bench_point_ops [--device cuda]`."""

import argparse
import statistics
import time
from collections.abc import Callable

import torch

from modeling_crossmost.point_ops_crossmost import farthest_point_sample, group_points


# (clouds, points, centres): the size that the paper's models see, the mini model's, and a dense one.
SIZES = ((32, 8192, 64), (64, 1024, 64), (32, 8192, 512))
LIMIT_MS = 120.0  # farthest point sampling of the first size on one CPU thread


def milliseconds(function: Callable[[], object], repeats: int, device: torch.device) -> float:
    """Median time of a call after one that warms up.

    Args:
        function: what is timed.
        repeats: timed calls.
        device: where it runs; an accelerator is waited for.
    """

    def wait() -> None:
        if device.type == "cuda":
            torch.cuda.synchronize(device)

    function()
    times = []
    for _ in range(repeats):
        wait()
        start = time.perf_counter()
        function()
        wait()
        times.append(1000 * (time.perf_counter() - start))
    return statistics.median(times)


def main(argv: list[str] | None = None) -> int:
    """Prints a table; returns 1 where the first size takes longer than its limit on a CPU."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads")
    parser.add_argument("--repeats", type=int, default=5, help="timed calls per row")
    parser.add_argument("--group-size", type=int, default=32, help="points per sub-cloud")
    arguments = parser.parse_args(argv)
    torch.set_num_threads(arguments.threads)
    device = torch.device(arguments.device)
    too_slow = False
    print(f"{'clouds x points -> centres':>28}  {'sampling':>10}  {'grouping':>10}   ({device}, median)")
    for row, (batch, points, centers) in enumerate(SIZES):
        generator = torch.Generator().manual_seed(row)
        clouds = torch.randn(batch, points, 3, generator=generator).to(device)
        sampling = milliseconds(lambda c=clouds, g=centers: farthest_point_sample(c, g), arguments.repeats, device)
        grouping = milliseconds(
            lambda c=clouds, g=centers: group_points(c, g, arguments.group_size), arguments.repeats, device
        )
        print(f"{f'{batch} x {points} -> {centers}':>28}  {sampling:7.1f} ms  {grouping:7.1f} ms")
        too_slow |= row == 0 and device.type == "cpu" and sampling > LIMIT_MS
    if too_slow:
        print(f"the first row should take at most {LIMIT_MS:.0f} ms")
    return int(too_slow)


if __name__ == "__main__":
    raise SystemExit(main())
