"""Times `prepare`: `python -m benchmarks prepare`.

Meshes of about 5000 faces to twelve encoded views of 224 px and a cloud, with and without anti-aliasing, as whole
commands; the largest memory of a process is that of the command and its workers so far.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import trimesh

from modeling_crossmost.utils.machine import available_cores

from .common import print_table, seconds_of


def write_meshes(folder: Path, count: int) -> None:
    """`count` different ellipsoids of 5120 faces as binary PLY."""
    folder.mkdir()
    ball = trimesh.creation.icosphere(subdivisions=4)
    rng = np.random.default_rng(0)
    for number in range(count):
        mesh = ball.copy()
        mesh.vertices *= rng.uniform(0.4, 1.6, 3)
        mesh.export(folder / f"{number:05d}.ply")


def main(argv: list[str] | None = None) -> int:
    """Print meshes per second and the largest memory of a process."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--meshes", type=int, default=256)
    parser.add_argument("--num-proc", type=int, default=available_cores())
    options = parser.parse_args(argv)
    rows = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_meshes(folder / "meshes", options.meshes)
        for rays in (2, 1):
            command = [sys.executable, "-m", "dataset_scripts", "folder", "--source", str(folder / "meshes")]
            command += ["--output", str(folder / f"pairs{rays}"), "--supersample", str(rays)]
            command += ["--num-proc", str(options.num_proc)]
            seconds = seconds_of(lambda c=command: subprocess.run(c, check=True, stdout=subprocess.DEVNULL))
            memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
            speed = options.meshes / seconds
            rows[f"{rays} x {rays} rays a pixel"] = f"{speed:5.1f} meshes/s, {memory:5.0f} MiB at most"
    print_table(rows)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
