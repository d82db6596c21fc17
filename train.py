"""Trains and evaluates: `accelerate launch train.py [RECIPE.yaml] [--field value ...]`.

The order is that of every Accelerate script: options, accelerator, model, data, optimiser, `prepare`, resume, steps,
evaluation, files. The maths is in `modeling_crossmost/` (`self_training.py`, `pretraining.py`, `loss_crossmost.py`).
"""

import os
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import torch
from accelerate import Accelerator
from accelerate.utils import set_seed
from tqdm import tqdm

from modeling_crossmost.arguments import Arguments, ArgumentsError, parse_arguments
from modeling_crossmost.augmentation_crossmost import StrongImageTransform, WeakImageTransform, image_transform_options
from modeling_crossmost.checkpointing import find_checkpoint, load_checkpoint, save_checkpoint
from modeling_crossmost.data_crossmost import (
    PairDataset,
    StreamingPairDataset,
    TwoViewBatchSampler,
    training_loader,
)
from modeling_crossmost.methods import Method, Pretraining, SelfTraining
from modeling_crossmost.modeling_crossmost import CrossMoSTModel
from modeling_crossmost.optimization import learning_rate_at, parameter_groups, set_learning_rate
from modeling_crossmost.run_files import JsonLines, RunningMeans, write_yaml
from modeling_crossmost.self_training import EMATeacher, ema_decay_at
from modeling_crossmost.training_setup import (
    Evaluator,
    finish_run,
    load_model_and_processor,
    load_split,
    resolve_classes,
)


LIVE = {"loss": "loss", "confident_fraction": "confident", "modality_agreement": "agree", "retrieval": "retrieval"}


@dataclass
class Batches:
    """Endless training batches that can start anywhere.

    Attributes:
        dataset: map-style or streamed pairs, without labels.
        sampler: global batches of a map-style data set; `None` for a stream.
        loader: yields this process's part of them.
        per_epoch: micro-batches per epoch; `None` for a stream.
    """

    dataset: PairDataset | StreamingPairDataset
    sampler: TwoViewBatchSampler | None
    loader: torch.utils.data.DataLoader
    per_epoch: int | None

    def start_at(self, micro_step: int) -> Iterator[dict[str, torch.Tensor]]:
        """Batches from a micro-step of the whole run on; a stream reads and drops what comes before."""
        epoch, skip = divmod(micro_step, self.per_epoch) if self.per_epoch else (0, micro_step)
        while True:
            self.dataset.set_epoch(epoch)
            if self.sampler is not None:
                self.sampler.set_epoch(epoch, skip)
                yield from self.loader
            else:
                yield from islice(self.loader, skip, None)
            epoch, skip = epoch + 1, 0


def make_batches(arguments: Arguments, accelerator: Accelerator, processor, method: Method) -> Batches:
    """Training data of this process; labels are dropped on loading and never reach it."""
    data, train, options = arguments.data, arguments.train, image_transform_options(processor.image_processor)
    rand_augment = "" if arguments.method.rand_augment == "none" else arguments.method.rand_augment
    crop = tuple(arguments.method.strong_image_crop)
    common = {
        "weak_transform": WeakImageTransform(**options) if method.needs_weak_views else None,
        "strong_transform": StrongImageTransform(**options, scale=crop, rand_augment=rand_augment),
        "seed": train.seed,
        "num_views": data.num_views,
        "tokenizer": processor.tokenizer if method.needs_captions else None,
    }
    rows = load_split(arguments, data.train_split, streaming=data.streaming, image_size=options["image_size"])
    size, processes, rank = train.per_device_train_batch_size, accelerator.num_processes, accelerator.process_index
    workers, pin = data.dataloader_num_workers, accelerator.device.type == "cuda"
    if data.streaming:
        stream = StreamingPairDataset(rows, **common, num_processes=processes, process_index=rank)
        loader = training_loader(stream, batch_size=size, num_workers=workers, pin_memory=pin)
        return Batches(stream, None, loader, None)
    pairs = PairDataset(rows, **common)
    sampler = TwoViewBatchSampler(len(pairs), size, processes, rank, seed=train.seed)
    loader = training_loader(pairs, sampler, num_workers=workers, pin_memory=pin)
    return Batches(pairs, sampler, loader, sampler.batches_per_epoch)


def count_steps(arguments: Arguments, batches: Batches) -> tuple[int, int]:
    """Optimiser steps of the run and of its warm-up."""
    train = arguments.train
    if batches.per_epoch is None:
        if train.max_steps <= 0:
            raise ArgumentsError("a stream has no length: give --max_steps with --streaming.")
        return train.max_steps, min(train.max_steps // 20 + 1, train.max_steps)
    per_epoch = max(batches.per_epoch // train.gradient_accumulation_steps, 1)
    total = train.max_steps if train.max_steps > 0 else train.num_train_epochs * per_epoch
    return total, min(round(train.warmup_epochs * per_epoch), total)


class Loop:
    """The optimisation loop of one run: student, EMA teacher, optimiser and progress."""

    def __init__(self, arguments: Arguments, accelerator: Accelerator, method: Method, model, batches, evaluator):
        self.arguments, self.accelerator, self.method = arguments, accelerator, method
        self.model, self.batches, self.evaluator = model, batches, evaluator
        train = arguments.train
        self.output_dir = Path(train.output_dir)
        method.freeze(model)
        self.teacher = EMATeacher(model)
        groups = parameter_groups(
            model,
            model.config.vision_config.num_hidden_layers,
            train.weight_decay,
            train.layer_decay,
            train.official_parameter_groups,
        )
        optimizer = torch.optim.AdamW(groups, lr=0.0, betas=(0.9, 0.999), eps=1e-8)
        self.total_steps, self.warmup_steps = count_steps(arguments, batches)
        self.global_batch = (
            train.per_device_train_batch_size * accelerator.num_processes * train.gradient_accumulation_steps
        )
        self.wrapped, self.optimizer = accelerator.prepare(method.trainable(model), optimizer)
        self.step = self._resume(optimizer)
        self.means = RunningMeans()

    def _identity(self) -> dict:
        """What must agree for a resumed run to equal an uninterrupted one."""
        names = ("seed", "method", "learning_rate", "weight_decay", "layer_decay")
        train = self.arguments.train
        return {name: getattr(train, name) for name in names} | {
            "total_steps": self.total_steps,
            "global_batch": self.global_batch,
            "dataset": self.arguments.data.dataset,
        }

    def _resume(self, optimizer: torch.optim.Optimizer) -> int:
        resume = self.arguments.train.resume_from_checkpoint
        if resume is None:
            return 0
        folder = find_checkpoint(resume, self.output_dir)
        step = load_checkpoint(folder, self.model, self.teacher, optimizer, self._identity())
        self.accelerator.print(f"resuming from {folder} at step {step} of {self.total_steps}")
        return step

    def run(self) -> float:
        """Trains to the end (or to `stop_after_steps`); returns pairs per second."""
        train, main = self.arguments.train, self.accelerator.is_main_process
        self.log = JsonLines(self.output_dir / "metrics.jsonl", self.step if self.step else None, main)
        self.history = JsonLines(self.output_dir / "eval_history.jsonl", self.step if self.step else None, main)
        last = min(self.total_steps, train.stop_after_steps or self.total_steps)
        if self.step == 0:
            self._evaluate()
        self.method.train_mode(self.model)
        batches = self.batches.start_at(self.step * train.gradient_accumulation_steps)
        bar = tqdm(
            total=self.total_steps, initial=self.step, desc=train.method, unit="step", disable=not main, mininterval=1.0
        )
        seconds, self.marked_step, self.marked_time, first = 0.0, self.step, time.perf_counter(), self.step
        while self.step < last:
            began = time.perf_counter()
            decay, rate = self._optimizer_step(batches)
            self.step += 1
            bar.update()
            if self.step % train.logging_steps == 0 or self.step == last:
                self._write_metrics(bar, decay, rate)
            seconds += time.perf_counter() - began
            self._evaluate_or_save(last)
        bar.close()
        return self.global_batch * (self.step - first) / max(seconds, 1e-9)

    def _optimizer_step(self, batches: Iterator[dict[str, torch.Tensor]]) -> tuple[float, float]:
        train = self.arguments.train
        scale = self.global_batch / 256
        rate = learning_rate_at(
            self.step, self.total_steps, self.warmup_steps, train.learning_rate * scale, train.min_learning_rate * scale
        )
        set_learning_rate(self.optimizer, rate)
        for _ in range(train.gradient_accumulation_steps):
            batch = next(batches)
            batch = {name: value.to(self.accelerator.device, non_blocking=True) for name, value in batch.items()}
            with self.accelerator.accumulate(self.wrapped):
                terms = self.method.step(self.wrapped, self.model, self.teacher, batch)
                self.accelerator.backward(terms["loss"])
                if train.max_grad_norm is not None and self.accelerator.sync_gradients:
                    self.accelerator.clip_grad_norm_(self.wrapped.parameters(), train.max_grad_norm)
                self.optimizer.step()
                self.optimizer.zero_grad()
            self.means.add(terms)
        decay = ema_decay_at(self.step, train.ema_decay_start, train.ema_decay, train.ema_ramp_steps)
        self.teacher.update(self.model, decay)
        return decay, rate

    def _write_metrics(self, bar: tqdm, decay: float, rate: float) -> None:
        means = self.means.pop()  # waits for the device
        now = time.perf_counter()
        speed = self.global_batch * (self.step - self.marked_step) / max(now - self.marked_time, 1e-9)
        self.marked_step, self.marked_time = self.step, now
        line = means | {"learning_rate": rate, "ema_decay": decay, "pairs_per_second": speed}
        self.log.append({"step": self.step, **line})
        self.accelerator.log(line, step=self.step)
        shown = {short: f"{means[name]:.3g}" for name, short in LIVE.items() if name in means}
        bar.set_postfix(shown | {"pairs/s": f"{speed:.0f}"})

    def _evaluate_or_save(self, last: int) -> None:
        train, main = self.arguments.train, self.accelerator.is_main_process
        every = train.eval_steps if train.eval_steps is not None else max(self.total_steps // 8, 1)
        if every and (self.step % every == 0 or self.step == self.total_steps):
            self._evaluate()
        steps = train.checkpointing_steps
        if steps == "epoch":
            steps = max((self.batches.per_epoch or self.total_steps) // train.gradient_accumulation_steps, 1)
        interrupted = self.step == last < self.total_steps
        if main and (interrupted or (steps and self.step % int(steps) == 0)):
            save_checkpoint(
                self.output_dir,
                self.step,
                self.model,
                self.teacher,
                self.optimizer,
                self._identity(),
                train.checkpoints_total_limit,
            )

    def _evaluate(self) -> None:
        """A quick look (first view and cloud) at teacher and student; nothing is chosen by it."""
        if self.evaluator is None or self.arguments.train.eval_steps == 0:
            return
        began = time.perf_counter()
        teacher, student = (self.evaluator.quick(self.method, model) for model in (self.teacher.model, self.model))
        self.method.train_mode(self.model)
        self.history.append({"step": self.step, "teacher": teacher, "student": student})
        if hasattr(self, "marked_time"):
            self.marked_time += time.perf_counter() - began


def make_method(arguments: Arguments, processor, names: list[str], templates: list[str] | None) -> Method:
    """The object behind `--method`."""
    if arguments.train.method != "pretrain":
        return SelfTraining(arguments)

    def set_classes(model: CrossMoSTModel) -> None:
        model.set_classes(names, templates, tokenizer=processor.tokenizer)

    return Pretraining(arguments, set_classes)


def run(arguments: Arguments) -> None:
    """One run from options to files."""
    train = arguments.train
    trackers = [name.strip() for name in train.report_to.split(",")] if train.report_to else None
    accelerator = Accelerator(
        gradient_accumulation_steps=train.gradient_accumulation_steps,
        log_with=trackers,
        project_dir=train.output_dir if trackers else None,
        cpu=not torch.cuda.is_available(),
    )
    set_seed(train.seed)
    started = time.perf_counter()
    model, processor = load_model_and_processor(arguments)
    evaluator = Evaluator.load(arguments, accelerator, processor)
    names, templates = resolve_classes(arguments, model, processor, evaluator)
    method = make_method(arguments, processor, names, templates)
    only_evaluate = train.eval_only or train.method == "zero_shot"
    batches = None if only_evaluate else make_batches(arguments, accelerator, processor, method)
    model.to(accelerator.device)
    if accelerator.is_main_process:
        write_yaml(Path(train.output_dir) / "args.yaml", arguments.to_dict())
    if trackers:
        accelerator.init_trackers(
            "crossmost", {k: v for k, v in arguments.to_dict().items() if v is not None and not isinstance(v, list)}
        )
    zero_shot = evaluator.full(method, model) if evaluator else None
    teacher, steps, speed = model, 0, None
    if batches is not None:
        loop = Loop(arguments, accelerator, method, model, batches, evaluator)
        speed = loop.run()
        teacher, steps = loop.teacher.model, loop.step
    if steps < (loop.total_steps if batches is not None else 0):
        accelerator.print(f"stopped at step {steps}: continue with --resume_from_checkpoint latest")
        return
    seconds = round(time.perf_counter() - started, 1)
    summary = {"steps": steps, "wall_seconds": seconds, "pairs_per_second": speed and round(speed, 1)}
    finish_run(arguments, accelerator, processor, method, evaluator, zero_shot, (teacher, model), summary)
    accelerator.end_training()


def main(argv: list[str] | None = None) -> int:
    """Command line; returns the exit code: 2 with one sentence on stderr for anything that is wrong with the input."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    try:
        run(parse_arguments(sys.argv[1:] if argv is None else argv))
    except (ValueError, FileNotFoundError) as error:
        if os.environ.get("CROSSMOST_TRACEBACK"):
            raise
        # A worker's error arrives with its traceback around it; the last line is the sentence.
        sentence = str(error).strip().splitlines()[-1].removeprefix("ValueError: ")
        print(f"error: {sentence}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
