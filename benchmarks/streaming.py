"""Streams training rows over HTTP and counts what is read: `python -m benchmarks streaming [--objects N]`.

Prepares meshes with twelve views of 224 px, serves the folder on this machine, and reads one epoch in batches of 32:
with the drawn views alone, as training does, and with whole rows. The minimum is what a step uses: the drawn views and
the clouds, as they are stored.
"""

import argparse
import re
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import torch
import trimesh

from dataset_scripts.prepare import main as prepare
from modeling_crossmost.data.datasets import PairDataset, PairReader
from modeling_crossmost.data.keyed_random import object_keys
from modeling_crossmost.data.parquet_rows import ParquetRows

from .common import print_table
from .machine import write_figures


BATCH = 32


@contextmanager
def serve(folder: Path) -> Iterator[tuple[str, Counter]]:
    """Serve a folder, parts of files too; yields its address and a counter of "bytes" and "requests"."""
    sent: Counter = Counter()
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *arguments):
            pass

        def do_HEAD(self):
            self._answer(body=False)

        def do_GET(self):
            self._answer(body=True)

        def _answer(self, body: bool):
            path = folder / self.path.lstrip("/")
            if not path.is_file():
                self.send_error(404)
                return
            size = path.stat().st_size
            asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
            first, last = (int(asked[1]), min(int(asked[2] or size), size - 1)) if asked else (0, size - 1)
            self.send_response(206 if asked else 200)
            self.send_header("Accept-Ranges", "bytes")
            if asked:
                self.send_header("Content-Range", f"bytes {first}-{last}/{size}")
            self.send_header("Content-Length", str(last - first + 1))
            self.end_headers()
            if body:
                with path.open("rb") as file:
                    file.seek(first)
                    part = file.read(last - first + 1)
                with lock:
                    sent.update(bytes=len(part), requests=1)
                self.wfile.write(part)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", sent
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def least(files: list[Path], rows: ParquetRows, reader: PairReader) -> int:
    """Return the bytes of the clouds and of the views that an epoch draws, as they are stored."""
    count = 0
    for file in files:
        footer = pq.read_metadata(file)
        groups = [footer.row_group(number) for number in range(footer.num_row_groups)]
        columns = [group.column(number) for group in groups for number in range(footer.num_columns)]
        count += sum(each.total_compressed_size for each in columns if each.path_in_schema.startswith("points"))
    sizes = [[len(view["bytes"]) for view in views] for views in rows[range(len(rows))]["views"].to_pylist()]
    drawn = reader.draw_views(object_keys(reader.seed, 0, torch.arange(len(rows))), [len(row) for row in sizes])
    return count + sum(row[view] for row, views in zip(sizes, drawn, strict=True) for view in views)


def pixels(image, seed: int) -> torch.Tensor:
    """Return an image as it is."""
    return torch.from_numpy(np.asarray(image.convert("RGB")).copy())


def write_meshes(folder: Path, count: int) -> None:
    """`count` shapes with many small faces, whose shaded views are as large as those of scanned objects."""
    rng = np.random.default_rng(0)
    for number in range(count):
        ball = trimesh.creation.icosphere(subdivisions=4)
        ball.vertices *= rng.uniform(0.4, 1.0, 3) + rng.normal(0, 0.02, (len(ball.vertices), 1))
        folder.mkdir(parents=True, exist_ok=True)
        ball.export(folder / f"{number:05d}.stl")


def main(argv: list[str] | None = None) -> int:
    """Print bytes, requests and seconds of an epoch with drawn views and with whole rows, per step of 32 pairs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--objects", type=int, default=512)
    parser.add_argument("--output", help="also write the figures to this JSON file")
    options = parser.parse_args(argv)
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(temporary)
        write_meshes(root / "meshes", options.objects)
        if code := prepare(["folder", "--source", str(root / "meshes"), "--output", str(root / "pairs")]):
            return code
        files = sorted((root / "pairs" / "data").glob("train-*.parquet"))
        reader = PairReader(weak_transform=pixels, strong_transform=None)
        minimum = least(files, ParquetRows([str(file) for file in files]), reader)
        figures: dict[str, dict[str, float]] = {}
        for name in ("drawn views", "whole rows"):
            with serve(root / "pairs" / "data") as (address, sent):
                rows = ParquetRows([f"{address}/{file.name}" for file in files])
                if name == "whole rows":
                    rows._places = None
                dataset, steps = PairDataset(rows, reader), range(0, len(rows), BATCH)
                sent.clear()
                start = time.perf_counter()
                for step in steps:
                    dataset.__getitems__([(0, row) for row in range(step, min(step + BATCH, len(rows)))])
                seconds = time.perf_counter() - start
                figures[name] = {
                    "bytes_per_step": sent["bytes"] / len(steps),
                    "times_the_minimum": sent["bytes"] / minimum,
                    "requests_per_step": sent["requests"] / len(steps),
                    "milliseconds_per_step": 1000 * seconds / len(steps),
                }
    shown = "{bytes_per_step:10,.0f} bytes  {times_the_minimum:5.2f} x  {requests_per_step:5.1f} requests"
    print(f"per step of {BATCH} pairs of {len(rows)}; the minimum is {minimum / len(steps):,.0f} bytes")
    print_table({name: (shown + "  {milliseconds_per_step:6.0f} ms").format(**row) for name, row in figures.items()})
    write_figures(options.output, figures)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
