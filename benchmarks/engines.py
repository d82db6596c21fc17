"""Prepares the same meshes on every engine, killing workers: `python -m benchmarks engines [--rows ROW ...]`.

Counts objects per second and the largest memory of a process, sampled twice a second, and compares the bytes with those
of the first row. `--kill S` kills a worker every S seconds in the rows whose names say so. Exit code 1 where a byte
differs.
"""

import argparse
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import psutil
import trimesh

from modeling_crossmost.utils.machine import available_cores

from .common import print_table


ROWS = ("pool", "ray", "pool-killed", "ray-killed", "ranks-killed")
SMALL = ["--num-views", "5", "--image-size", "64", "--num-points", "1024"]


def write_meshes(folder: Path, count: int) -> None:
    """`count` different boxes, cylinders and balls as binary STL, in two classes."""
    rng = np.random.default_rng(0)
    shapes = [trimesh.creation.box(), trimesh.creation.cylinder(0.5, 1.0), trimesh.creation.icosphere(2)]
    for number in range(count):
        mesh = shapes[number % len(shapes)].copy()
        mesh.vertices *= rng.uniform(0.4, 1.6, 3)
        path = folder / ("round", "other")[number % 2] / f"{number:06d}.stl"
        path.parent.mkdir(parents=True, exist_ok=True)
        mesh.export(path)


class Watch(threading.Thread):
    """Looks at a process and its children: the largest memory of one of them, and a victim now and then."""

    def __init__(self, process: psutil.Process, is_victim: Callable[[psutil.Process], bool], every: float | None):
        super().__init__(daemon=True)
        self.process, self.is_victim, self.every = process, is_victim, every
        self.peak, self.killed, self.over = 0.0, 0, threading.Event()

    def run(self) -> None:
        """Look until `over` is set."""
        rng, killed_at = random.Random(0), time.monotonic()
        while not self.over.wait(0.5):
            try:
                family = [self.process, *self.process.children(recursive=True)]
            except psutil.NoSuchProcess:
                continue
            for one in family:
                try:
                    self.peak = max(self.peak, one.memory_info().rss / 2**20)
                except psutil.NoSuchProcess:
                    continue
            if self.every is not None and time.monotonic() - killed_at > self.every:
                victims = [one for one in family if self._may_die(one)]
                if victims:
                    rng.choice(victims).kill()
                    self.killed, killed_at = self.killed + 1, time.monotonic()

    def _may_die(self, one: psutil.Process) -> bool:
        try:
            return one.is_running() and self.is_victim(one)
        except psutil.NoSuchProcess:
            return False


def prepare(
    source: Path, output: Path, is_victim: Callable[[psutil.Process], bool], every: float | None, *options: str
):
    """Run the command to its end, again and again where it was killed; return seconds, MiB and deaths."""
    command = [sys.executable, "-m", "dataset_scripts", "folder", "--source", str(source), "--output", str(output)]
    start, peak, killed = time.perf_counter(), 0.0, 0
    while True:
        process = subprocess.Popen([*command, *SMALL, *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        watch = Watch(psutil.Process(process.pid), is_victim, every)
        watch.start()
        code = process.wait()
        watch.over.set()
        watch.join()
        peak, killed = max(peak, watch.peak), killed + watch.killed
        if code == 0:
            return time.perf_counter() - start, peak, killed
        if not watch.killed:
            raise SystemExit(f"the command failed with {code}")


def by_ranks(source: Path, output: Path, every: float | None, size: int, at_once: int):
    """Make parts in random order, some at a time, each begun again where it was killed; then assemble."""
    order = list(range(size))
    random.Random(0).shuffle(order)
    start, found, lock = time.perf_counter(), [], threading.Lock()

    def work() -> None:
        while True:
            with lock:
                if not order:
                    return
                rank = order.pop()
            options = ("--rank", str(rank), "--world-size", str(size), "--num-proc", "1")
            found.append(prepare(source, output, lambda one: one.ppid() == os.getpid(), every, *options))

    threads = [threading.Thread(target=work) for _ in range(at_once)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found.append(prepare(source, output, lambda one: False, None, "--num-proc", "1"))
    return time.perf_counter() - start, max(row[1] for row in found), sum(row[2] for row in found)


def contents(folder: Path) -> dict[str, bytes]:
    """Return all files of a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def main(argv: list[str] | None = None) -> int:
    """Print a row for every engine."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--objects", type=int, default=20_000)
    parser.add_argument("--workers", type=int, default=available_cores())
    parser.add_argument("--rows", nargs="+", choices=ROWS, default=ROWS, metavar="ROW", help="by default all")
    parser.add_argument("--kill", type=float, default=60.0, metavar="S", help="seconds between deaths (%(default)s)")
    options = parser.parse_args(argv)
    workers, rows, same = options.workers, {}, True

    def in_pool(one: psutil.Process) -> bool:
        return "spawn_main" in " ".join(one.cmdline())

    def on_ray(one: psutil.Process) -> bool:
        return "_part_on_ray" in " ".join(one.cmdline())

    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        write_meshes(root / "meshes", options.objects)
        pool, ray = ("--num-proc", str(workers)), ("--executor", "ray", "--tasks", str(8 * workers))
        runs = {
            "pool": lambda out: prepare(root / "meshes", out, in_pool, None, *pool),
            "ray": lambda out: prepare(root / "meshes", out, on_ray, None, *ray),
            "pool-killed": lambda out: prepare(root / "meshes", out, in_pool, options.kill, *pool),
            "ray-killed": lambda out: prepare(root / "meshes", out, on_ray, options.kill, *ray),
            "ranks-killed": lambda out: by_ranks(root / "meshes", out, options.kill, 7, workers),
        }
        whole: dict[str, bytes] = {}
        for title in options.rows:
            output = root / title
            seconds, peak, killed = runs[title](output)
            found = contents(output)
            whole = whole or found
            same &= found == whole
            rows[title] = (
                f"{options.objects / seconds:6.1f} objects/s, {peak:5.0f} MiB at most, {killed} killed, "
                f"{'the same bytes' if found == whole else 'OTHER BYTES'}"
            )
            print(f"{title}: {rows[title]}", file=sys.stderr, flush=True)
    print_table(rows)
    return 0 if same else 1


if __name__ == "__main__":
    raise SystemExit(main())
