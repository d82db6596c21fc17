"""What one of several processes does in `test_two_processes.py`; the test itself calls it as the only process.

python -m torch.distributed.run --standalone --nproc_per_node 2 tests/two_process_worker.py FOLDER
"""

import itertools
import json
import os
import signal
import sys
from pathlib import Path
from unittest import mock

import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState, PartialState
from safetensors.torch import save_file
from torch import nn


if __name__ == "__main__":  # torch's launcher puts this folder on the path, but not the repository's root
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import toy

import train
from modeling_crossmost.training import sharding
from modeling_crossmost.training.arguments import parse_arguments
from modeling_crossmost.training.batches import make_batches
from modeling_crossmost.training.distributed import synchronize_batch_norm
from modeling_crossmost.training.methods import SelfTraining
from modeling_crossmost.training.run_log import RunningMeans
from modeling_crossmost.training.self_training import EMATeacher
from modeling_crossmost.training.setup import load_model_and_processor


GLOBAL_BATCH = 8
FREE = {"freeze_image": False, "freeze_text": False, "freeze_point_tokenizer": False}
CASES = {
    "crossmost": {"method": "crossmost", "pseudo_label": "joint", "anchor": 0.0, "confidence_threshold": 0.7},
    "random": {"method": "crossmost", "pseudo_label": "random", "anchor": 0.0, "confidence_threshold": 0.6},
    "baseline": {"method": "baseline", "confidence_threshold": 0.6, "freeze_point_tokenizer": False},
    "pretrain": {"method": "pretrain", "label_smoothing": 0.1, "occlusion": 0.3, **FREE},
}
RUNS = {
    "crossmost": {"gradient_accumulation_steps": 2},
    "baseline": {"method": "baseline"},
    "anchored": {"anchor": 0.5, "pseudo_label": "sum"},
    "pretrain": {"method": "pretrain", "ema_decay_start": 0.5, "ema_decay": 0.5},  # trains the tokenizer too
    "supervised": {"method": "supervised"},
    "pointcmt": {
        "method": "pointcmt",
        "image_epochs": 1,
        "image_views": 2,
        "generator_epochs": 1,
        "generated_points": 32,
    },
}


FSDP = {"ACCELERATE_USE_FSDP": "true", "FSDP_VERSION": "2"}  # what accelerate's launcher sets
# Runs of two processes, each with what it adds to the options, and whether FSDP divides the weights.
WIDE = {
    "ddp": ({"max_grad_norm": 0.5}, False),
    "fsdp": ({"max_grad_norm": 0.5, "gradient_checkpointing": True}, True),
    "fsdp_pretrain": ({"method": "pretrain"}, True),
    "ddp_pretrain": ({"method": "pretrain"}, False),
    "fsdp_from_ddp": ({"max_grad_norm": 0.5, "gradient_checkpointing": True, "resume": "ddp"}, True),
    "ddp_from_fsdp": ({"max_grad_norm": 0.5, "resume": "fsdp"}, False),
}


def options(folder: Path, processes: int, **changed) -> list[str]:
    """Return flags that give every number of processes the same global batch."""
    return toy.flags(
        dataset=folder / "data",
        model_name_or_path=folder / "model",
        per_device_train_batch_size=GLOBAL_BATCH // processes,
        **changed,
    )


def gradients(folder: Path, case: str) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor], dict[str, float]]:
    """Gradients of the second global batch, BatchNorm's statistics after it, and the logged terms of all processes."""
    accelerator = Accelerator(cpu=True)
    arguments = parse_arguments(options(folder, accelerator.num_processes, eval_split="none", **CASES[case]))
    torch.manual_seed(0)  # of the new decoders
    model, processor = load_model_and_processor(arguments, accelerator)
    method = train.make_method(arguments, processor, toy.CLASSES, None)
    batches = make_batches(arguments, accelerator, processor, method)
    method.freeze(model)
    teacher = EMATeacher(model)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():  # a student that has left its teacher
        for parameter in model.parameters():
            parameter.add_(0.02 * torch.randn(parameter.shape, generator=generator))
    wrapped = accelerator.prepare(method.trainable(model))
    method.train_mode(model)
    terms = method.step(wrapped, model, teacher, next(batches.start_at(1)))
    accelerator.backward(terms["loss"])
    means = RunningMeans()
    means.add(terms)
    found = {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}
    return found, {name: b.clone() for name, b in model.named_buffers() if "running" in name}, means.pop()


def normalized(start: int, end: int) -> dict[str, torch.Tensor]:
    """BatchNorm's output, gradients and statistics for rows `start` to `end` of a batch of 12 far from the origin."""
    generator = torch.Generator().manual_seed(2)
    features, gradient = torch.randn(2, 12, 5, generator=generator)
    mine = (30 + 3 * features)[start:end].requires_grad_()
    norm = synchronize_batch_norm(nn.BatchNorm1d(5))
    with torch.no_grad():
        norm.weight.copy_(torch.linspace(-1, 1, 5))
    output = norm(mine)
    output.backward(gradient[start:end])
    return {"output": output.detach(), "features": mine.grad, "weight": norm.weight.grad, "bias": norm.bias.grad} | {
        name: value.clone() for name, value in norm.named_buffers()
    }


def train_wide(folder: Path, name: str) -> float:
    """Train 20 steps, or from a checkpoint at step 10 on; return the share of the weights that this process holds."""
    changed, divided = WIDE[name]
    changed = {"max_steps": 20, "checkpointing_steps": 10, "output_dir": folder / name} | changed
    if (other := changed.pop("resume", None)) is not None:
        changed["resume_from_checkpoint"] = folder / other / "checkpoints" / "step_10"
    shares = [1.0]

    def shard(model, blocks, device_type):
        whole = sum(value.numel() for value in model.parameters())
        divide(model, blocks, device_type)
        shares.append(sum(sharding.local(value).numel() for value in model.parameters()) / whole)

    divide = sharding.shard
    AcceleratorState._reset_state()  # it remembers the environment
    with mock.patch.dict(os.environ, FSDP if divided else {}), mock.patch.object(sharding, "shard", shard):
        assert train.main(options(folder, 2, **changed)) == 0
    return shares[-1]


def signaled(folder: Path, rank: int) -> int:
    """Train with a SIGTERM that the second process alone gets, in its second step; return the exit code."""
    original, count = SelfTraining.step, itertools.count(1)

    def step(self, *arguments):
        if next(count) == 2 and rank == 1:
            os.kill(os.getpid(), signal.SIGTERM)
        return original(self, *arguments)

    with mock.patch.object(SelfTraining, "step", step):
        return train.main(options(folder, 2, max_steps=20, eval_split="none", output_dir=folder / f"signal_two_{rank}"))


def main(folder: Path) -> None:
    """Write this process's gradients, terms and exit code, and train into folders with its rank in the name."""
    state = PartialState(cpu=True)
    rank = state.process_index
    for case in CASES:
        found, statistics, terms = gradients(folder, case)
        save_file(statistics, folder / f"{case}_{rank}_statistics.safetensors")
        save_file(found, folder / f"{case}_{rank}.safetensors")
        (folder / f"{case}_{rank}.json").write_text(json.dumps(terms))
    save_file(normalized(*((0, 8), (8, 12))[rank]), folder / f"norm_{rank}.safetensors")
    # The processes stay connected for the next run, and nobody looks at pictures.
    pictures = mock.patch("modeling_crossmost.training.finish.plot_all", return_value=[])
    for name, changed in RUNS.items():
        output = folder / f"{name}_two_{rank}"
        with pictures, mock.patch.object(Accelerator, "end_training"):
            assert train.main(options(folder, 2, max_steps=4, output_dir=output, **changed)) == 0
    with pictures, mock.patch.object(Accelerator, "end_training"):
        shares = {name: train_wide(folder, name) for name in WIDE}
    (folder / f"shares_{rank}.json").write_text(json.dumps(shares))
    with mock.patch.object(Accelerator, "end_training"):
        (folder / f"signal_{rank}.json").write_text(json.dumps(signaled(folder, rank)))
    state.destroy_process_group()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
