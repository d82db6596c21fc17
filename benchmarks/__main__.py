"""`python -m benchmarks NAME [options]`: runs one benchmark; without a name, lists them."""

import sys
from importlib import import_module


BENCHMARKS = {
    "step": "a whole training step, its parts, and its fraction of what the machine can do",
    "memory": "peak memory of a training step above weights, teacher, gradients and optimizer",
    "faults": "killed, spoiled and damaged runs that must end as if nothing had happened",
    "bench_data": "rendering, reading and augmenting a pair",
    "bench_point_ops": "farthest point sampling and grouping",
    "bench_prepare": "whole prepare commands",
    "bench_classify": "the classify command, cold and warm",
}


def main(argv: list[str]) -> int:
    """Runs the benchmark that is named first."""
    if not argv or argv[0] not in BENCHMARKS:
        for name, what in BENCHMARKS.items():
            print(f"{name:16} {what}")
        return 0 if not argv else 2
    return import_module(f"benchmarks.{argv[0]}").main(argv[1:])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
