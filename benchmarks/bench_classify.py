"""Times `classify`: `python -m benchmarks.bench_classify`.

The whole command from its start to its first result, then a warm classifier: one mesh of 10 000 faces at a time (read
in the sandbox, 1024 points, 12 views, both towers), and many of them as a stream.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
import trimesh

from modeling_crossmost.serving.classifier import Classifier


VIEWS = 12
START_LIMIT, WARM_LIMIT = 10.0, 1.0  # seconds


def write_meshes(folder: Path, count: int) -> list[str]:
    """`count` different bodies of 10 000 faces as coloured GLB."""
    rng = np.random.default_rng(0)
    body = trimesh.creation.capsule(count=(50, 100))
    body.update_faces(np.arange(10_000) % len(body.faces))
    paths = []
    for number in range(count):
        mesh = body.copy()
        mesh.vertices *= rng.uniform(0.4, 1.6, 3)
        mesh.visual.vertex_colors = rng.integers(0, 256, (len(mesh.vertices), 4)).astype(np.uint8)
        paths.append(str(folder / f"{number}.glb"))
        mesh.export(paths[-1])
    return paths


def main(argv: list[str] | None = None) -> int:
    """Prints seconds; returns 1 where the start or a warm file takes longer than promised."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", help="Hub id or folder (the bundled checkpoint)")
    parser.add_argument("--threads", type=int, default=2, help="CPU threads of torch")
    parser.add_argument("--files", type=int, default=32, help="files of the stream")
    parser.add_argument("--repeats", type=int, default=5, help="timed single files")
    arguments = parser.parse_args(argv)
    torch.set_num_threads(arguments.threads)
    with tempfile.TemporaryDirectory() as name:
        paths = write_meshes(Path(name), arguments.files)
        model = ["--model", arguments.model] if arguments.model else []
        began = time.perf_counter()
        command = [sys.executable, "-m", "modeling_crossmost", "classify", paths[0], "--json", *model]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        start = time.perf_counter() - began
        with Classifier.from_pretrained(arguments.model, device="cpu") as classifier:
            classifier(paths[:1], num_views=VIEWS)
            singles = []
            for path in paths[1 : 1 + arguments.repeats]:
                began = time.perf_counter()
                (result,) = classifier([path], num_views=VIEWS)
                singles.append(time.perf_counter() - began)
                assert result.error is None and result.prepared is not None, result.error
            reading = result.prepared.seconds
            began = time.perf_counter()
            classifier(paths, num_views=VIEWS)
            stream = (time.perf_counter() - began) / len(paths)
    warm = statistics.median(singles)
    print(f"{'command, start to first result':>34}  {start:6.2f} s   (limit {START_LIMIT:g})")
    print(f"{f'one file, warm, {result.prepared.num_faces} faces':>34}  {warm:6.2f} s   (limit {WARM_LIMIT:g})")
    print(f"{'of it in the sandbox':>34}  {reading:6.2f} s")
    print(f"{f'per file of {len(paths)}':>34}  {stream:6.2f} s")
    return int(start > START_LIMIT or warm > WARM_LIMIT)


if __name__ == "__main__":
    raise SystemExit(main())
