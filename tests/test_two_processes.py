"""Two gloo processes compute what one process computes with the same global batch."""

import itertools
import json
import math
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import datasets
import pytest
import torch
import toy
import two_process_worker as worker
from accelerate.utils import DynamoBackend
from safetensors.torch import load_file

import train
from modeling_crossmost.training import sharding


ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """The toy, and what two processes wrote: gradients, terms and runs."""
    folder = tmp_path_factory.mktemp("two")
    toy.make_dataset(folder / "data", train=20)
    toy.make_model(folder / "model")
    launch = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "HF_DATASETS_CACHE": str(folder / "cache")}
    done = subprocess.run(
        [sys.executable, *launch, str(ROOT / "tests" / "two_process_worker.py"), str(folder)],
        **{"cwd": ROOT, "env": environment, "capture_output": True, "text": True, "timeout": 400},
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return folder


@pytest.fixture(autouse=True)
def _own_cache(folder, monkeypatch):
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", folder / "cache")


@pytest.mark.parametrize("case", worker.CASES)
def test_gradients_are_those_of_one_process(folder, case):
    one, statistics, terms = worker.gradients(folder, case)
    assert "confident_fraction" not in terms or 0.1 < terms["confident_fraction"] < 0.95  # the case says something
    for rank in (0, 1):
        two = load_file(folder / f"{case}_{rank}.safetensors")
        assert two.keys() == one.keys()
        for name, gradient in one.items():
            error, scale = (gradient - two[name]).abs().max().item(), gradient.abs().max().item()
            # The gradient of a bias before softmax (of keys) or before BatchNorm is zero but for rounding, which grows
            # with the gradient of its weights.
            weights = one.get(name.removesuffix("bias") + "weight", gradient).abs().max().item()
            scale = max(scale, weights) if name.endswith("bias") else scale
            assert scale > 0 and error <= max(1e-4 * scale, 1e-6), (name, error, scale)
        shared = load_file(folder / f"{case}_{rank}_statistics.safetensors")
        assert shared.keys() == statistics.keys() and len(shared) == 4
        for name, value in statistics.items():
            assert torch.allclose(shared[name], value, rtol=1e-5, atol=1e-6), name
        logged = json.loads((folder / f"{case}_{rank}.json").read_text())
        assert logged.keys() == terms.keys()
        for name, value in terms.items():
            assert logged[name] == pytest.approx(value, rel=1e-4, abs=1e-6, nan_ok=True), name


def test_batch_norm_is_over_the_global_batch_of_uneven_parts(folder):
    parts, whole = [load_file(folder / f"norm_{rank}.safetensors") for rank in (0, 1)], worker.normalized(0, 12)
    found = {name: torch.cat([part[name] for part in parts]) for name in ("output", "features")}
    found |= {name: parts[0][name] + parts[1][name] for name in ("weight", "bias")}
    for name, value in found.items():
        torch.testing.assert_close(value, whole[name], rtol=1e-5, atol=1e-5)
    for part, name in itertools.product(parts, ("running_mean", "running_var", "num_batches_tracked")):
        torch.testing.assert_close(part[name], whole[name], rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("name", worker.RUNS)
def test_runs_log_the_same_and_only_the_first_process_writes(folder, tmp_path, monkeypatch, name):
    monkeypatch.setattr("modeling_crossmost.training.finish.plot_all", lambda folder: [])
    output = tmp_path / "one"
    assert train.main(worker.options(folder, 1, max_steps=4, output_dir=output, **worker.RUNS[name])) == 0
    assert not list((folder / f"{name}_two_1").glob("*"))
    one, two = (
        [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
        for run in (output, folder / f"{name}_two_0")
    )
    assert [line["step"] for line in one] == [line["step"] for line in two] == [1, 2, 3, 4]
    for ours, theirs in zip(one, two, strict=True):
        for key, value in ours.items():
            if key in ("pairs_per_second", "data_wait"):
                continue
            # An optimizer step magnifies rounding: AdamW divides by the gradient's size.
            tolerance = 1e-4 if ours["step"] <= 2 else 1e-2
            assert (value is None and theirs[key] is None) or math.isclose(
                value, theirs[key], rel_tol=tolerance, abs_tol=tolerance / 10
            ), (ours["step"], key, value, theirs[key])
    weights = [load_file(run / "model.safetensors") for run in (output, folder / f"{name}_two_0")]
    for key in (key for key in weights[0] if "running_" in key):  # the teacher follows BatchNorm's statistics too
        assert torch.allclose(weights[1][key], weights[0][key], rtol=1e-2, atol=1e-3), key
    results = [json.loads((run / "results.json").read_text()) for run in (output, folder / f"{name}_two_0")]
    assert results[0]["zero_shot"] == results[1]["zero_shot"] and results[1]["num_objects"] == 9


def logged(run: Path) -> list[dict]:
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


@pytest.mark.parametrize(
    ("ddp", "fsdp"), [("ddp", "fsdp"), ("ddp", "fsdp_from_ddp"), ("ddp_from_fsdp", "fsdp"), ("ddp_pretrain",) * 2]
)
def test_fsdp_trains_as_ddp_and_reads_its_checkpoints(folder, ddp, fsdp):
    fsdp = fsdp.replace("ddp_pretrain", "fsdp_pretrain")
    one, two = ({line["step"]: line["loss"] for line in logged(folder / name)} for name in (ddp, fsdp))
    steps = one.keys() & two.keys()
    assert steps == set(range(11 if "from" in ddp + fsdp else 1, 21))
    for step in steps:
        assert two[step] == pytest.approx(one[step], rel=1e-5), step
    weights = [load_file(folder / name / "model.safetensors") for name in (ddp, fsdp)]
    assert weights[0].keys() == weights[1].keys()
    for name, value in weights[0].items():
        assert torch.allclose(weights[1][name], value, rtol=1e-3, atol=1e-3), name


def test_fsdp_divides_what_the_blocks_hold(folder):
    for rank in (0, 1):
        shares = json.loads((folder / f"shares_{rank}.json").read_text())
        for name, share in shares.items():
            assert share < 0.9 if name.startswith("fsdp") else share == 1.0, name  # much of the toy is no block


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"environment": {"FSDP_VERSION": "1"}}, "fsdp_version: 2"),
        ({"environment": {"FSDP_OFFLOAD_PARAMS": "true"}}, "fsdp_offload_params"),
        ({"precision": "fp16"}, "bf16 or no, not fp16"),
        ({"backend": DynamoBackend.INDUCTOR}, "dynamo_backend"),
        ({"method": "pointcmt"}, "--multi_gpu"),
        ({"accumulation": 2}, "gradient_accumulation_steps"),
    ],
)
def test_what_does_not_go_with_fsdp_is_refused_in_a_sentence(monkeypatch, changed, says):
    for name, value in (worker.FSDP | changed.get("environment", {})).items():
        monkeypatch.setenv(name, value)
    state = SimpleNamespace(dynamo_plugin=SimpleNamespace(backend=changed.get("backend", DynamoBackend.NO)))
    accelerator = SimpleNamespace(mixed_precision=changed.get("precision", "bf16"), state=state)
    with pytest.raises(ValueError, match=says):
        sharding.check_options(accelerator, changed.get("method", "crossmost"), changed.get("accumulation", 1))
    model = toy.toy_model().requires_grad_(False)
    with pytest.raises(ValueError, match="trains none"):
        sharding.trained_blocks(model)


def test_a_signal_to_one_process_stops_all_of_them_at_the_same_step(folder):
    assert [json.loads((folder / f"signal_{rank}.json").read_text()) for rank in (0, 1)] == [128 + signal.SIGTERM] * 2
    saved = [path.name for path in (folder / "signal_two_0" / "checkpoints").iterdir()]
    assert saved == ["step_3"]  # the second learned of it one step later
    assert not (folder / "signal_two_1" / "checkpoints").exists()
