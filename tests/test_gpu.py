"""Whole runs of train.py on a GPU: the losses of the CPU, every precision, compiled, resumed, on two GPUs.

Each run is a process of its own, launched as a user launches it.
"""

import json
import math
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import toy
from safetensors.torch import load_file


ROOT = Path(__file__).resolve().parent.parent
BATCH = 8
LOSSES = ("loss", "loss_cls_image", "loss_cls_point", "loss_align", "loss_mim", "loss_mpm")

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU"),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("gpu")
    toy.make_dataset(folder / "data", train=20)
    toy.make_model(folder / "model")
    return folder


def launch(folder: Path, name: str, environment: dict | None = None, processes: int = 1, **options) -> Path:
    """Run train.py and return its output folder."""
    argv = toy.flags(
        dataset=folder / "data",
        model_name_or_path=folder / "model",
        output_dir=folder / name,
        per_device_train_batch_size=BATCH // processes,
        confidence_threshold=0.6,
        **{"max_steps": 4, "logging_steps": 1, "eval_split": "none", **options},
    )
    distributed = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node", str(processes)]
    command = [sys.executable, *(distributed if processes > 1 else []), str(ROOT / "train.py"), *argv]
    own = os.environ | {"HF_DATASETS_CACHE": str(folder / "cache"), "OMP_NUM_THREADS": "1"} | (environment or {})
    done = subprocess.run(command, cwd=ROOT, env=own, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr[-3000:]
    return folder / name


def first_line(output: Path) -> dict[str, float]:
    """The losses of the first step, before any update could magnify rounding."""
    return json.loads((output / "metrics.jsonl").read_text().splitlines()[0])


def assert_close(output: Path, reference: Path, tolerance: float) -> None:
    ours, theirs = first_line(output), first_line(reference)
    for name in LOSSES:
        assert math.isclose(ours[name], theirs[name], rel_tol=tolerance, abs_tol=tolerance / 10), name


@pytest.fixture(scope="module")
def on_cpu(folder) -> Path:
    return launch(folder, "cpu", {"ACCELERATE_USE_CPU": "true", "CUDA_VISIBLE_DEVICES": ""})


@pytest.mark.parametrize(
    ("precision", "tolerance"), [("no", 1e-3), ("bf16", 0.05), ("fp16", 0.02)], ids=lambda value: str(value)
)
def test_the_losses_are_those_of_the_cpu(folder, on_cpu, precision, tolerance):
    output = launch(folder, precision, {"ACCELERATE_MIXED_PRECISION": precision})
    assert_close(output, on_cpu, tolerance)
    assert all(value.isfinite().all() for value in load_file(output / "model.safetensors").values())


def test_the_losses_of_a_compiled_model_are_those_of_the_cpu(folder, on_cpu):
    assert_close(launch(folder, "compiled", {"ACCELERATE_DYNAMO_BACKEND": "inductor"}), on_cpu, 1e-3)


@pytest.mark.parametrize("precision", ["no", "bf16", "fp16"])
def test_a_resumed_run_equals_an_uninterrupted_one_with_deterministic_kernels(folder, precision):
    environment = {"ACCELERATE_MIXED_PRECISION": precision}
    options = {"deterministic": True, "checkpointing_steps": 2}
    whole = launch(folder, f"whole_{precision}", environment, **options)
    parts = f"parts_{precision}"
    launch(folder, parts, environment, stop_after_steps=2, **options)
    launch(folder, parts, environment, resume_from_checkpoint="latest", **options)
    ours, theirs = load_file(whole / "model.safetensors"), load_file(folder / parts / "model.safetensors")
    assert all(torch.equal(value, theirs[name]) for name, value in ours.items())


@pytest.mark.skipif(torch.cuda.device_count() < 2, reason="needs two GPUs")
def test_two_gpus_compute_what_one_computes(folder):
    options = {"freeze_point_tokenizer": False}
    one = launch(folder, "one", {"CUDA_VISIBLE_DEVICES": "0"}, **options)
    assert_close(launch(folder, "two", processes=2, **options), one, 1e-3)
