"""Settings for all tests (one thread: several are slower on shared cores; quiet libraries), and the real data."""

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import fsspec
import pytest
import torch
import toy
from transformers.utils import logging

from dataset_scripts import plan, pool


os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
torch.set_num_threads(1)
logging.disable_progress_bar()

SHARED = Path(os.environ.get("CROSSMOST_SHARED") or Path(__file__).resolve().parents[2] / "shared")


@pytest.fixture
def shared_data():
    if not (SHARED / "data").is_dir():
        pytest.skip("real 3D data is absent: set CROSSMOST_SHARED, or put a folder shared/ beside the checkout")
    return SHARED / "data"


@pytest.fixture
def own_cache(monkeypatch, tmp_path_factory):
    """Keep the copies that `load_dataset` makes with the tests, not in the cache of whoever runs them."""
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path_factory.getbasetemp() / "datasets")


@pytest.fixture(scope="module")
def work(tmp_path_factory) -> Path:
    """A folder with the toy data set in `data` and the toy model in `model`."""
    folder = tmp_path_factory.mktemp("work")
    toy.make_dataset(folder / "data")
    toy.make_model(folder / "model")
    return folder


@pytest.fixture
def small_shards(monkeypatch):
    """Preparation in shards of three objects, by as many processes as are asked for."""
    monkeypatch.setattr(plan, "OBJECTS_PER_SHARD", 3)
    monkeypatch.setattr(pool, "OBJECTS_PER_PROCESS", 1)


@pytest.fixture(scope="session")
def bucket():
    """Address of a bucket of a real S3 server on this machine."""
    pytest.importorskip("moto")
    pytest.importorskip("s3fs")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    names = {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x", "AWS_DEFAULT_REGION": "us-east-1"}
    names["AWS_ENDPOINT_URL"] = f"http://127.0.0.1:{port}"
    before = {name: os.environ.get(name) for name in names}
    os.environ.update(names)
    try:
        for _ in range(300):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        fsspec.filesystem("s3").mkdir("pairs")
        yield "s3://pairs"
    finally:
        server.kill()
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})
