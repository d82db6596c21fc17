"""Times `classify`: `python -m benchmarks classify`.

The whole command from its start to its first result, then a warm classifier: one mesh of 10 000 faces at a time (read
in the sandbox, 1024 points, 12 views, both towers), and many of them as a stream.
"""

import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import trimesh

from modeling_crossmost.serving.classifier import Classification, Classifier

from .common import make_parser, parse, print_table, seconds_of
from .machine import write_figures


VIEWS = 12
START_LIMIT, WARM_LIMIT = 10.0, 1.0  # seconds


def write_meshes(folder: Path, count: int) -> list[str]:
    """`count` different bodies of 10 000 faces as colored GLB."""
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
    """Print seconds; return 1 where the start or a warm file takes longer than promised."""
    parser = make_parser(__doc__, repeats=5, threads=2)
    parser.add_argument("--model", help="Hub id or folder (the bundled checkpoint)")
    parser.add_argument("--files", type=int, default=32, help="files of the stream")
    options = parse(parser, argv)
    with tempfile.TemporaryDirectory() as name:
        paths = write_meshes(Path(name), options.files)
        model = ["--model", options.model] if options.model else []
        command = [sys.executable, "-m", "modeling_crossmost", "classify", paths[0], "--json", *model]
        start = seconds_of(lambda: subprocess.run(command, check=True, stdout=subprocess.DEVNULL))
        with Classifier.from_pretrained(options.model, device="cpu") as classifier:
            results: list[Classification] = []

            def classify(*files: str) -> None:
                results[:] = classifier(files, num_views=VIEWS)

            classify(paths[0])
            warm = statistics.median(seconds_of(lambda p=path: classify(p)) for path in paths[1 : 1 + options.repeats])
            (result,) = results
            assert result.error is None and result.prepared is not None, result.error
            stream = seconds_of(lambda: classify(*paths)) / len(paths)
    print_table(
        {
            "command, start to first result": f"{start:6.2f} s   (limit {START_LIMIT:g})",
            f"one file, warm, {result.prepared.num_faces} faces": f"{warm:6.2f} s   (limit {WARM_LIMIT:g})",
            "of it in the sandbox": f"{result.prepared.seconds:6.2f} s",
            f"per file of {len(paths)}": f"{stream:6.2f} s",
        }
    )
    figures = {"start": {"seconds": start}, "warm": {"seconds": warm}, "stream": {"seconds": stream}}
    write_figures(options.output, figures)
    return int(start > START_LIMIT or warm > WARM_LIMIT)


if __name__ == "__main__":
    raise SystemExit(main())
