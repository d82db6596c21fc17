"""`python -m benchmarks NAME [options]`: runs one benchmark; without a name, lists them."""

import sys
from importlib import import_module


BENCHMARKS = {
    "step": "a whole training step, its parts, and its fraction of what the machine can do",
    "memory": "peak memory of a training step above weights, teacher, gradients and optimizer",
    "faults": "killed, spoiled and damaged runs that must end as if nothing had happened",
    "scaling": "train.py with one process and with two, and how long it waits for data",
    "inference": "both towers and a whole object at several batch sizes",
    "data": "rendering, reading and augmenting a pair",
    "point_ops": "farthest point sampling and grouping",
    "distances": "earth mover's, Sinkhorn and chamfer distance of clouds",
    "prepare": "whole prepare commands",
    "engines": "the same meshes prepared by a pool, Ray and ranks, with workers killed",
    "streaming": "bytes and requests of a streamed epoch, against what its steps use",
    "classify": "the classify command, cold and warm",
}


def main(argv: list[str]) -> int:
    """Run the benchmark that is named first."""
    if not argv or argv[0] not in BENCHMARKS:
        for name, what in BENCHMARKS.items():
            print(f"{name:16} {what}")
        return 0 if not argv else 2
    return import_module(f"benchmarks.{argv[0]}").main(argv[1:])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
