"""Times train.py with one process and with several: `python -m benchmarks scaling [--processes 2]`.

The bundled model trains on random pairs with the same global batch; every process has one thread and, on Linux, one
core of its own, which its loader's worker shares. Also shown: the share of the time in which the step waits for data.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch

from modeling_crossmost.utils.machine import available_cores

from .common import print_table
from .data import pairs_on_disk
from .machine import write_figures
from .step import BUNDLED


ROOT = Path(__file__).resolve().parent.parent
PINNED = 'cores=($CORES); exec taskset --cpu-list "${cores[LOCAL_RANK]}" "$@"'
POINTS, WARM_LINES = 1024, 2  # the first lines of metrics hold starts of workers and caches


def train(processes: int, data: Path, output: Path, options: argparse.Namespace) -> dict[str, float]:
    """Run train.py and return the medians of "pairs_per_second" and "data_wait" after the first lines."""
    fields = {
        "dataset": data,
        "model_name_or_path": BUNDLED,
        "output_dir": output,
        "eval_split": "none",
        "class_names": "chair table",
        "max_steps": options.steps,
        "logging_steps": 10,
        "per_device_train_batch_size": options.batch // processes,
        "freeze_point_tokenizer": "false",
    }
    flags = [text for name, value in fields.items() for text in (f"--{name}", *str(value).split())]
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", str(processes)]
    environment = os.environ | {"ACCELERATE_USE_CPU": "true", "OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}
    script = ["train.py"]
    if sys.platform == "linux":
        environment["CORES"] = " ".join(map(str, sorted(os.sched_getaffinity(0))))
        script = ["--no-python", "bash", "-c", PINNED, "bash", sys.executable, "train.py"]
    subprocess.run([*launch, *script, *flags], check=True, cwd=ROOT, env=environment)
    lines = [json.loads(line) for line in (output / "metrics.jsonl").read_text().splitlines()][WARM_LINES:]
    return {name: statistics.median(line[name] for line in lines) for name in ("pairs_per_second", "data_wait")}


def main(argv: list[str] | None = None) -> int:
    """Print pairs per second of one process and of several, and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--processes", type=int, default=2, help="processes to compare with one (%(default)s)")
    parser.add_argument("--batch", type=int, default=32, help="pairs per global batch (%(default)s)")
    parser.add_argument("--steps", type=int, default=80, help="optimizer steps of a run (%(default)s)")
    parser.add_argument("--output", help="also write the figures to this JSON file")
    options = parser.parse_args(argv)
    if options.processes > available_cores() or options.batch % options.processes:
        parser.error(f"{options.processes} processes need as many cores and a batch that they divide")
    size = 64
    views = np.random.default_rng(0).integers(0, 256, (4, size, size, 3), dtype=np.uint8)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        pairs_on_disk(folder / "pairs", views, rows=8 * options.batch, points=POINTS)
        rows = {
            f"{processes} process(es)": train(processes, folder / "pairs", folder / str(processes), options)
            for processes in (1, options.processes)
        }
    one, several = rows.values()
    print_table(
        {
            process: f"{row['pairs_per_second']:7.1f} pairs/s, waits for data {row['data_wait']:.1%} of the time"
            for process, row in rows.items()
        }
    )
    ratio = several["pairs_per_second"] / one["pairs_per_second"]
    print(f"{options.processes} processes are {ratio:.2f} times as fast as one")
    torch.set_num_threads(1)
    write_figures(options.output, rows)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
