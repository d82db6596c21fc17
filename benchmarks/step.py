"""Times a whole self-training step and its parts: `python -m benchmarks step [--size full] [--dtype bf16]`.

Teacher, augmentation, grouping, student, losses, backward pass, AdamW and EMA, as `train.py` runs them. The limit is
the time that the step's matrix products would take at the rate that this machine reaches for large ones.
"""

import argparse
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode, sdpa_backward_flop_count, sdpa_flop_count

from modeling_crossmost import CrossMoSTConfig, CrossMoSTForSelfTraining
from modeling_crossmost.data.keyed_random import object_keys
from modeling_crossmost.training.attention import fastest_attention
from modeling_crossmost.training.optimization import parameter_groups
from modeling_crossmost.training.self_training import (
    EMATeacher,
    SelfTrainingArguments,
    StudentPass,
    count_masks,
    freeze_for_self_training,
    make_pseudo_labels,
    student_inputs,
    student_losses,
    teacher_logits,
    train_mode,
)

from .common import add_device, make_parser, parse, print_table, randn, seconds_of
from .machine import measure_limits, write_report


# full: ViT-B/16, 384-wide 12-block Point-BERT, D = 512; random weights in both.
BUNDLED = Path(__file__).resolve().parent.parent / "assets" / "crossmost-mini"
CONFIGS: dict[str, Callable[[], CrossMoSTConfig]] = {
    "mini": partial(CrossMoSTConfig.from_pretrained, BUNDLED),
    "full": CrossMoSTConfig,
}
DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}

# What torch's counter does not count by itself: attention on a CPU.
_ATTENTION = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu
_ATTENTION_BACKWARD = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu_backward
CPU_ATTENTION: dict[Any, Callable[..., int]] = {
    _ATTENTION: lambda query, key, value, *_, **__: sdpa_flop_count(query, key, value),
    _ATTENTION_BACKWARD: lambda grad, query, key, value, *_, **__: sdpa_backward_flop_count(grad, query, key, value),
}


class Step:
    """One training step on random pairs, in parts that can be timed one by one."""

    def __init__(self, size: str, batch: int, points: int, device: torch.device, dtype: torch.dtype):
        torch.manual_seed(0)
        self.model = CrossMoSTForSelfTraining(CONFIGS[size]()).to(device)
        self.model.set_attn_implementation(fastest_attention(device, "bf16" if dtype == torch.bfloat16 else "no"))
        vision = self.model.config.vision_config
        self.arguments = SelfTrainingArguments(image_mask_unit=2 * vision.patch_size, anchor=0.0)
        freeze_for_self_training(self.model, self.arguments)
        train_mode(self.model, self.arguments)
        self.autocast: Callable[[], AbstractContextManager] = nullcontext
        if dtype != torch.float32:
            self.autocast = partial(torch.autocast, device.type, dtype=dtype)
        self.ema = EMATeacher(self.model, self.autocast)
        self.student = StudentPass(self.model, self.arguments)
        groups = parameter_groups(self.model, vision.num_hidden_layers)
        self.optimizer = torch.optim.AdamW(groups, lr=1e-6, fused=True)
        views = [randn(batch, 3, vision.image_size, vision.image_size, seed=seed) for seed in (1, 2)]
        made = {"points": randn(batch, points, 3), "weak_image": views[0], "strong_image": views[1]}
        self.batch = {name: value.to(device) for name, value in made.items()}
        self.keys = object_keys(0, 0, torch.arange(batch, device=device))

    def compile(self) -> None:
        """Compile the student's pass and the teacher's, as `train.py` does under `--dynamo_backend inductor`."""
        self.student = torch.compile(self.student)  # type: ignore[assignment]
        self.ema.compile()

    def parts(self) -> dict[str, Callable[[], None]]:
        """Return the parts of a step in their order; each uses what the ones before it left."""
        return {
            "teacher and labels": self.label,
            "augmentation, grouping, masks": self.augment,
            "student": self.forward,
            "losses": self.lose,
            "backward": lambda: self.loss.backward(),
            "AdamW": self.update,
            "EMA": lambda: self.ema.update(self.model, 0.99),
        }

    def label(self) -> None:
        """Run the teacher and make the pseudo-labels."""
        logits = teacher_logits(self.ema, self.batch, self.keys)
        self.labels = make_pseudo_labels(*logits, self.keys, self.arguments)

    def augment(self) -> None:
        """Make the student's inputs."""
        self.inputs = student_inputs(self.model, self.batch, self.keys, self.arguments)

    def forward(self) -> None:
        """Run the student up to the losses of its masked tokens."""
        with self.autocast():
            self.output = self.student(counts=count_masks(self.inputs), **vars(self.inputs))

    def lose(self) -> None:
        """Compute the losses of the whole batch."""
        output = {name: value.float() for name, value in self.output.items()}
        self.loss = student_losses(self.model, output, self.labels, self.arguments)["loss"]

    def update(self) -> None:
        """Take the optimizer's step."""
        self.optimizer.step()
        self.optimizer.zero_grad()

    def run(self) -> None:
        """Run the whole step."""
        for part in self.parts().values():
            part()


def step_parser(description: str | None, repeats: int) -> argparse.ArgumentParser:
    """Options of the benchmarks that run whole training steps."""
    parser = make_parser(description, repeats)
    add_device(parser)
    parser.add_argument("--size", choices=CONFIGS, default="mini", help="towers to build (%(default)s)")
    parser.add_argument("--batch", type=int, default=8, help="objects per batch (%(default)s)")
    parser.add_argument("--points", type=int, default=1024, help="points per cloud (%(default)s)")
    parser.add_argument("--dtype", choices=DTYPES, default="fp32", help="precision of the towers (%(default)s)")
    return parser


def main(argv: list[str] | None = None) -> int:
    """Print seconds of a step and of its parts, and the fraction of the limit that it reaches."""
    parser = step_parser(__doc__, repeats=5)
    parser.add_argument("--compile", action="store_true", help="compile student and teacher (takes minutes first)")
    options = parse(parser, argv)
    step = Step(options.size, options.batch, options.points, options.device, DTYPES[options.dtype])
    with FlopCounterMode(display=False, custom_mapping=CPU_ATTENTION) as counter:
        step.run()
    flops = counter.get_total_flops()
    if options.compile:
        step.compile()
        step.run()
    times: dict[str, list[float]] = {}
    for _ in range(options.repeats):
        for name, part in step.parts().items():
            times.setdefault(name, []).append(seconds_of(part, options.device))
    limits = measure_limits(options.device, DTYPES[options.dtype])
    best = {name: min(values) for name, values in times.items()}
    whole, limit = sum(best.values()), flops / limits.matmul
    print(
        f"{options.size}, {options.batch} pairs, {options.dtype}, {limits.name}, {limits.threads} thread(s): "
        f"{limits.matmul / 1e9:.0f} GFLOP/s in large products, {limits.bandwidth / 1e9:.0f} GB/s in copies"
    )
    rows = {name: {"seconds": value, "share": value / whole} for name, value in best.items()}
    print_table({name: f"{row['seconds']:8.3f} s  {row['share']:5.1%}" for name, row in rows.items()})
    print(f"step {whole:.3f} s, {options.batch / whole:.1f} pairs/s; limit {limit:.3f} s: {limit / whole:.2f} of it")
    rows["step"] = {"seconds": whole, "flops": flops, "limit_seconds": limit, "of_limit": limit / whole}
    write_report(options.output, limits, rows)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
