"""Trains and evaluates: `accelerate launch train.py [RECIPE.yaml] [--field value ...]`.

The order is that of every Accelerate script: options, accelerator, model, data, optimizer, `prepare`, resume, steps,
evaluation, files. The maths is in `modeling_crossmost/training/` (`self_training.py`, `pretraining.py`, `losses.py`).
"""

import copy
import os
import signal
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from modeling_crossmost.utils.extras import exit_without


if __name__ == "__main__":
    exit_without("train")

import torch
from accelerate import Accelerator
from accelerate.utils import DynamoBackend, set_seed
from torch import nn
from tqdm import tqdm
from transformers.utils import logging as transformers_logging

from dataset_scripts.furniture.pairs import resolve_dataset
from modeling_crossmost.data.loaders import join_batches
from modeling_crossmost.evaluation.parts import remove_parts
from modeling_crossmost.hub.push import warn_without_token
from modeling_crossmost.modeling_crossmost import CrossMoSTModel
from modeling_crossmost.training import sharding
from modeling_crossmost.training.arguments import LABELED, Arguments, parse_arguments
from modeling_crossmost.training.batches import Batches, count_steps, labeled_classes, make_batches
from modeling_crossmost.training.checkpoints import (
    CheckpointWriter,
    find_checkpoint,
    load_checkpoint,
    read_state,
    save_checkpoint,
)
from modeling_crossmost.training.evaluator import KEPT_FOLDER, Evaluator, kept_folder, load_split, quick_columns
from modeling_crossmost.training.finish import finish_run
from modeling_crossmost.training.guard import FiniteGuard, check_finite
from modeling_crossmost.training.label_free import LabelFree, opinions, report_of
from modeling_crossmost.training.methods import Method, Pretraining, SelfTraining, Supervised
from modeling_crossmost.training.optimization import (
    count_image_layers,
    learning_rate_at,
    parameter_groups,
    scaled_learning_rate,
    set_learning_rate,
)
from modeling_crossmost.training.preemption import StopRequest
from modeling_crossmost.training.run_log import JsonLines, RunningMeans, write_yaml
from modeling_crossmost.training.self_training import EMATeacher, ema_decay_at
from modeling_crossmost.training.setup import (
    checkpoint_activations,
    load_model_and_processor,
    make_accelerator,
    resolve_classes,
    set_numerics,
)
from modeling_crossmost.training.stages import PointCMTStages, last_stage_arguments
from modeling_crossmost.utils.atomic import remove_stale
from modeling_crossmost.utils.command_line import exit_code


LIVE = {"loss": "loss", "confident_fraction": "confident", "modality_agreement": "agree", "retrieval": "retrieval"}
LIVE |= {"accuracy_image": "image", "accuracy_point": "point", "point_distance": "distance"}
# Fewer labels than this share in so many steps: the run learns nearly nothing from them, and says so.
UNCONFIDENT_SHARE, UNCONFIDENT_STEPS = 0.01, 100


class Loop:
    """The optimization loop of one run: student, EMA teacher, optimizer and progress.

    It is made before anything is computed, so that options that do not fit are told at once; `begin` touches the model.
    """

    def __init__(
        self,
        arguments: Arguments,
        accelerator: Accelerator,
        method: Method,
        model: Any,  # a CrossMoSTModel, but for two stages of PointCMT
        batches: Batches,
        evaluator: Evaluator | None,
        classes: list[str],
    ):
        self.arguments, self.accelerator, self.method = arguments, accelerator, method
        self.model, self.batches, self.evaluator, self.classes = model, batches, evaluator, classes
        train = arguments.train
        self.output_dir = Path(train.output_dir)
        for remark in method.check(model):
            accelerator.print(f"note: {remark}")
        if sharding.asked_for():
            sharding.check_options(accelerator, train.method, train.gradient_accumulation_steps)
        self.total_steps, self.warmup_steps = count_steps(arguments, batches)
        self.global_batch = (
            train.per_device_train_batch_size * accelerator.num_processes * train.gradient_accumulation_steps
        )
        self.checkpoint: Path | None = None
        if train.resume_from_checkpoint is not None:
            self.checkpoint = find_checkpoint(train.resume_from_checkpoint, self.output_dir, accelerator.print)
            read_state(self.checkpoint, self._identity())

    def begin(self, zero_shot: dict[str, Any] | None = None) -> None:
        """Freeze what is not trained, make optimizer and teacher, and continue from the checkpoint if there is one.

        Args:
            zero_shot: what the evaluator has found of the model as it is.
        """
        train, accelerator, method, model = self.arguments.train, self.accelerator, self.method, self.model
        self.zero_shot = zero_shot
        method.freeze(model)
        if train.gradient_checkpointing:
            checkpoint_activations(model)
        # Names of what FSDP divides, where it was asked for.
        self.blocks = sharding.trained_blocks(model) if sharding.asked_for() else None
        trainable, averaged = method.trainable(model), None
        if self.blocks is not None:
            averaged = copy.deepcopy(model)  # before: what is divided cannot be copied
            for each in (model, averaged):
                sharding.shard(each, self.blocks, accelerator.device.type)
        groups = parameter_groups(
            model,
            count_image_layers(model),
            train.weight_decay,
            train.layer_decay,
            train.official_parameter_groups,
        )
        groups = sharding.localize(groups)
        self.parameters = [parameter for group in groups for parameter in group["params"]]
        optimizer = torch.optim.AdamW(groups, lr=0.0, betas=(0.9, 0.999), eps=1e-8, fused=True)
        if self.blocks is None:
            self.wrapped, self.optimizer = accelerator.prepare(trainable, optimizer)
        else:
            self.wrapped, self.optimizer = trainable, accelerator.prepare_optimizer(optimizer)
        # After `prepare`, which gives the model of several processes new buffers: the teacher has to follow those.
        self.teacher = EMATeacher(model, accelerator.autocast, averaged)
        compiler = accelerator.state.dynamo_plugin  # which `prepare` has used for the student
        if compiler.backend != DynamoBackend.NO:
            self.teacher.compile(**compiler.to_kwargs())
        self.guard = FiniteGuard(model, self.optimizer, train.max_nonfinite_steps)
        self.step, self.means = 0, RunningMeans()
        self.held_steps = 0  # which the gradient scaler of fp16 left out: schedule and teacher stood still
        self.unconfident_steps, self.warned = 0, False
        self.paused = 0.0  # seconds of evaluations and checkpoints
        self.waited = 0.0  # seconds for the loader, since the last line of metrics
        self.writer = CheckpointWriter()
        self._resume()

    def _identity(self) -> dict:
        """Return what must agree for a resumed run to equal an uninterrupted one."""
        batch = self.arguments.train.per_device_train_batch_size * self.accelerator.num_processes
        sizes = {"total_steps": self.total_steps, "batch": batch, "classes": self.classes, "data": self.batches.data}
        return sizes | self.arguments.resume_fingerprint()

    def _resume(self) -> None:
        """Continue from the checkpoint that `resume_from_checkpoint` means, if it means one."""
        if self.checkpoint is None:
            return
        identity = self._identity()
        self.step = load_checkpoint(self.checkpoint, self.model, self.teacher, self.optimizer, identity)
        progress = read_state(self.checkpoint, identity)["progress"]
        self.means.load_state_dict(progress, self.accelerator.device)
        self.guard.load_state_dict(progress.get("guard", {}))
        self.held_steps = progress.get("held_steps", 0)
        if self.accelerator.scaler is not None and "scaler" in progress:
            self.accelerator.scaler.load_state_dict(progress["scaler"])
        self.accelerator.print(f"resuming from {self.checkpoint} at step {self.step} of {self.total_steps}")

    def run(self, stop: StopRequest) -> float:
        """Train to the end, to `stop_after_steps` or to a signal; return pairs per second."""
        train, main = self.arguments.train, self.accelerator.is_main_process
        self.log = JsonLines(self.output_dir / "metrics.jsonl", self.step or None, main)
        self.history = JsonLines(self.output_dir / "eval_history.jsonl", self.step or None, main)
        last = min(self.total_steps, train.stop_after_steps or self.total_steps)
        if self.step == 0:
            self._evaluate()
        self.method.train_mode(self.model)
        batches = self.batches.start_at(self.step * train.gradient_accumulation_steps)
        first, began = self.step, self._clock()
        self.marked = (first, began)
        bar = tqdm(
            total=self.total_steps, initial=first, desc=train.method, unit="step", disable=not main, mininterval=1.0
        )
        with bar, self.writer:
            while self.step < last:
                rate, decay = self._optimizer_step(batches)
                self.step += 1
                bar.update()
                if self._is_due(train.logging_steps):
                    self._write_metrics(bar, rate, decay)
                if stop.agreed():
                    last = self.step
                pause = time.perf_counter()
                self._evaluate_or_save(interrupted=self.step == last < self.total_steps)
                self.paused += time.perf_counter() - pause
        self.writer.wait()
        self._check_finite()
        return self.global_batch * (self.step - first) / max(self._clock() - began, 1e-9)

    def _clock(self) -> float:
        """Seconds on a clock that stands still during evaluations and checkpoints."""
        return time.perf_counter() - self.paused

    def _is_due(self, every: int) -> bool:
        return self.step % every == 0 or self.step == self.total_steps

    def _optimizer_step(self, batches: Iterator[dict[str, torch.Tensor]]) -> tuple[float, float]:
        """One update of student and teacher; returns the learning rate and the teacher's decay."""
        train, step = self.arguments.train, self.step - self.held_steps
        reference, ratio = train.reference_batch_size, self.global_batch / train.reference_batch_size
        peak, least = (
            scaled_learning_rate(base, self.global_batch, reference, train.learning_rate_scaling)
            for base in (train.learning_rate, train.min_learning_rate)
        )
        rate = learning_rate_at(step, self.total_steps, self.warmup_steps, peak, least)
        decay = ema_decay_at(step, train.ema_decay_start, train.ema_decay, train.ema_ramp_steps, ratio)
        set_learning_rate(self.optimizer, rate)
        self.guard.begin()
        batch = self._next_batch(batches)
        terms = self.method.step(self.wrapped, self.model, self.teacher, batch)
        self.accelerator.backward(terms["loss"])
        norm, clip = None, self.accelerator.clip_grad_norm_
        if self.blocks is not None:
            sharding.share_gradients(self.parameters)
            clip = sharding.clip_gradients
        if train.max_grad_norm is not None:
            norm = clip(self.parameters, train.max_grad_norm)
        self.guard.judge(terms["loss"], norm)
        self.optimizer.step()
        self.optimizer.zero_grad()
        self.means.add(terms)
        if self.accelerator.optimizer_step_was_skipped:
            self.held_steps += 1
        else:
            self.method.after_step(self.model)
            self.teacher.update(self.model, decay)
        return rate, decay

    def _next_batch(self, batches: Iterator[dict[str, torch.Tensor]]) -> dict[str, torch.Tensor]:
        """Return this process's part of the global batch, on the device; accumulated micro-batches become one."""
        began = time.perf_counter()
        parts = [next(batches) for _ in range(self.arguments.train.gradient_accumulation_steps)]
        self.waited += time.perf_counter() - began
        device = self.accelerator.device
        moved = [{name: value.to(device, non_blocking=True) for name, value in part.items()} for part in parts]
        return moved[0] if len(moved) == 1 else join_batches(moved)

    def _write_metrics(self, bar: tqdm, rate: float, decay: float) -> None:
        means = self.means.pop()  # waits for the device
        means["skipped_steps"] = float(self.guard.check())
        now, (marked_step, marked_time) = self._clock(), self.marked
        seconds = max(now - marked_time, 1e-9)
        speed, waiting = self.global_batch * (self.step - marked_step) / seconds, self.waited / seconds
        self._warn_if_unconfident(means.get("confident_fraction"), self.step - marked_step)
        self.marked, self.waited = (self.step, now), 0.0
        line = means | {"learning_rate": rate, "ema_decay": decay}
        line |= {"pairs_per_second": speed, "data_wait": waiting}
        self.log.append({"step": self.step, **line})
        self.accelerator.log(line, step=self.step)
        shown = {short: f"{means[name]:.3g}" for name, short in LIVE.items() if name in means}
        bar.set_postfix(shown | {"pairs/s": f"{speed:.0f}"})

    def _warn_if_unconfident(self, fraction: float | None, steps: int) -> None:
        """Say once, when the teacher has been sure of nearly nothing for long, which flag changes that."""
        few = fraction is not None and fraction < UNCONFIDENT_SHARE
        self.unconfident_steps = self.unconfident_steps + steps if few else 0
        if self.unconfident_steps >= UNCONFIDENT_STEPS and not self.warned and self.accelerator.is_main_process:
            self.warned = True
            tqdm.write(
                f"warning: for {self.unconfident_steps} steps fewer than {UNCONFIDENT_SHARE:.0%} of the pseudo-labels "
                f"were confident: lower --confidence_threshold (now {self.arguments.method.confidence_threshold}).",
                file=sys.stderr,
            )

    def _evaluate_or_save(self, interrupted: bool) -> None:
        train = self.arguments.train
        quarter = -(-self.total_steps // 4)  # rounded up, so that the fourth is the end
        every = quarter if train.eval_steps is None else train.eval_steps
        if every and self._is_due(every):
            self._evaluate()
        every = 0
        if train.checkpointing_steps == "epoch":
            every = max(self.batches.per_epoch // train.gradient_accumulation_steps, 1)
        elif train.checkpointing_steps is not None:
            every = int(train.checkpointing_steps)
        if interrupted or (every and self.step % every == 0):
            self._save()

    def _evaluate(self) -> None:
        """Take a quick look (first view and cloud) at teacher and student; nothing is chosen by it."""
        if self.evaluator is None or self.arguments.train.eval_steps == 0:
            return
        if self.step == self.total_steps:
            return  # `record_end` has what is measured over all views
        if self.step == 0 and self.zero_shot is not None:  # both are the start
            teacher = student = quick_columns(self.zero_shot)
        else:
            teacher, student = (self.evaluator.quick(self.method, model) for model in self.models())
            self.method.train_mode(self.model)
        self.history.append({"step": self.step, "teacher": teacher, "student": student})

    def record_end(self, teacher: dict[str, Any], student: dict[str, Any]) -> None:
        """Add the summaries of teacher and student at the end to the curve."""
        if self.arguments.train.eval_steps != 0:
            columns = {"teacher": quick_columns(teacher), "student": quick_columns(student)}
            self.history.append({"step": self.step, **columns})

    def models(self) -> tuple[Any, Any]:
        """Return teacher and student, as ordinary models also where FSDP divides them."""
        return sharding.whole_model(self.teacher.model), sharding.whole_model(self.model)

    def _check_finite(self) -> None:
        self.guard.check()
        check_finite(self.model, "The student")
        check_finite(self.teacher.model, "The teacher")

    def save_end(self) -> None:
        """Save a checkpoint at the end, from which a resumed run sees that this stage is complete."""
        self._save()
        self.writer.wait()

    def _save(self) -> None:
        self._check_finite()
        progress = self.means.state_dict()  # on every process
        progress |= {"guard": self.guard.state_dict(), "held_steps": self.held_steps}
        if self.accelerator.scaler is not None:
            progress["scaler"] = self.accelerator.scaler.state_dict()
        main = self.accelerator.is_main_process
        if main or self.blocks is not None:  # divided tensors are put together by all
            limit = self.arguments.train.checkpoints_total_limit
            state = (self.model, self.teacher, self.optimizer, self._identity(), limit, progress)
            write = save_checkpoint(self.output_dir, self.step, *state)
            if main:
                self.writer.submit(write)


def make_method(arguments: Arguments, processor, names: list[str], templates: list[str] | None) -> Method:
    """Return the object behind `--method`."""
    if arguments.train.method in LABELED:
        return Supervised(arguments, names)
    if arguments.train.method != "pretrain":
        return SelfTraining(arguments)

    def set_classes(model: CrossMoSTModel) -> None:
        model.set_classes(names, templates, tokenizer=processor.tokenizer)

    return Pretraining(arguments, set_classes)


class Run:
    """One run from options to files.

    Args:
        arguments: of the run.
    """

    def __init__(self, arguments: Arguments):
        train = arguments.train
        self.arguments, self.code, self.steps_before = arguments, 0, 0
        self.trackers = [name.strip() for name in train.report_to.split(",")] if train.report_to else None
        self.accelerator = make_accelerator(train.ddp_timeout, self.trackers, train.output_dir)
        set_numerics(train.tf32, train.deterministic)  # afterwards: with a compiler, accelerate allows TF32 by itself
        if train.push_to_hub and self.accelerator.is_main_process:
            warn_without_token()
        set_seed(train.seed)
        self.started = time.perf_counter()
        self.model, self.processor = load_model_and_processor(arguments, self.accelerator)
        self.model.to(self.accelerator.device)
        self.only_evaluate = train.eval_only or train.method == "zero_shot"
        with self.accelerator.main_process_first():  # one process fills the data set's cache, the others read it
            arguments.source = resolve_dataset(arguments.data.dataset, arguments.data.dataset_config)
            self.evaluator = self._evaluator()
            classes = None if self.only_evaluate else classes_to_teach(arguments)
            self.names, templates = resolve_classes(arguments, self.model, self.processor, self.evaluator, classes)
        self.method = make_method(arguments, self.processor, self.names, templates)
        self.fuses, self.selects = train.fusion == "label_free", train.select == "label_free" and not self.only_evaluate
        looks = self.fuses or self.selects
        self.label_free = LabelFree(arguments, self.accelerator, self.processor) if looks else None
        self.start: CrossMoSTModel | None = None  # the model before training, where it may be kept
        self.seen: dict[str, Any] = {}  # what it said of unlabeled objects

    def _evaluator(self) -> Evaluator | None:
        data = self.arguments.data
        if data.eval_split == "none":
            return None
        return Evaluator.load(self.arguments, self.accelerator, self.processor, data.eval_split, data.streaming)

    def __call__(self) -> int:
        """Evaluate, train, evaluate and write; return the exit code."""
        extra: dict[str, Any] = {}
        loop = zero_shot = None
        if self.arguments.train.method == "pointcmt" and not self.only_evaluate:
            stages = PointCMTStages(
                self.arguments,
                self.accelerator,
                self.processor,
                self.model,
                self.names,
                self.evaluator,
                self.train_stage,
            )
            zero_shot = self._zero_shot(self.model)
            prepared = stages.run()
            if prepared is None:
                return self._end()
            self.model, self.method, extra = prepared
            self.arguments = last_stage_arguments(self.arguments, self.steps_before)
        if not self.only_evaluate:
            loop = self._loop(self.arguments, self.method, self.model, self.evaluator)
        zero_shot = zero_shot or self._zero_shot(self.model)
        if loop is not None:
            self._before_training()
            # Before the last stage of PointCMT the student has got a classifier since.
            loop.begin(None if self.arguments.train.method == "pointcmt" else zero_shot)
        self._begin_files()
        if loop is None:
            self._finish(None, {"steps": 0, "pairs_per_second": None}, zero_shot)
        elif (speed := self._train(loop)) is not None:
            summary = {"steps": loop.step, "pairs_per_second": speed, **extra}
            self._finish(loop, summary, zero_shot)
        return self._end()

    def _zero_shot(self, model: CrossMoSTModel) -> dict | None:
        # All that is looked at before training is kept: a run that was cut, or an evaluation, goes on behind it.
        if self.label_free is not None:
            self.seen = self._look(model, kept_folder(self.arguments, "label_free"))
            if self.selects:
                self.start = copy.deepcopy(model)
        folder = kept_folder(self.arguments, "zero_shot")
        return self.evaluator.full(self.method, model, folder) if self.evaluator else None

    def _look(self, model: CrossMoSTModel, folder: Path | None = None) -> dict[str, Any]:
        """Return what a model says of unlabeled objects, after choosing its fusion weight if it is asked for."""
        assert self.label_free is not None  # for the type checker
        found = self.label_free.look(self.method, model, folder)
        if self.fuses:
            self.label_free.choose_fusion(model, found)
        return found

    def _before_training(self) -> None:
        """Let the method see what the model says of the training split, and say if it will not be worth training."""
        self.method.before_training(
            partial(opinions, self.arguments, self.accelerator, self.processor, self.method, self.model)
        )
        if self.method.settled is not None:
            self.accelerator.print(f"note: {self.method.settled}")
        if shares := self._class_shares():
            found = sorted((share, name) for name, share in shares.items())
            few, many = (f"{share:.1%} {name}" for share, name in (found[0], found[-1]))
            self.accelerator.print(
                f"note: before training the model finds {few} and {many}: fairness draws to such shares"
            )
        if self.label_free is not None and self.selects:
            self.label_free.warn(report_of(self.seen, self.seen), self.method.settled)

    def _class_shares(self) -> dict[str, float]:
        """Shares of the classes that fairness draws to; empty where it draws to uniform ones."""
        if self.method.shares is None:
            return {}
        return {name: round(share, 4) for name, share in zip(self.names, self.method.shares.tolist(), strict=True)}

    def _loop(self, arguments: Arguments, method: Method, model: nn.Module, evaluator: Evaluator | None) -> Loop:
        with self.accelerator.main_process_first():
            batches = make_batches(arguments, self.accelerator, self.processor, method)
        return Loop(arguments, self.accelerator, method, model, batches, evaluator, self.names)

    def _begin_files(self) -> None:
        """Write the options: whatever can be wrong with the input has been said by now."""
        values = self.arguments.to_dict()
        if self.accelerator.is_main_process:
            remove_stale(self.arguments.train.output_dir)
            write_yaml(Path(self.arguments.train.output_dir) / "args.yaml", values)
        if self.trackers:
            shown = {name: v for name, v in values.items() if v is not None and not isinstance(v, list)}
            self.accelerator.init_trackers("crossmost", shown)

    def _train(self, loop: Loop, stage: str = "") -> float | None:
        """Run a loop; return pairs per second, or `None` where it was stopped before its end."""
        with StopRequest() as stop:
            speed = round(loop.run(stop), 1)
        if loop.step == loop.total_steps:
            return speed
        why = f" by {signal.Signals(stop.number).name}" if stop.number else ""
        self.accelerator.print(
            f"stopped{why} at step {loop.step}{stage}: continue with --resume_from_checkpoint latest"
        )
        self.code = 128 + stop.number if stop.number else 0  # as a shell reports a process that a signal ended
        return None

    def train_stage(self, arguments: Arguments, method: Method, model: nn.Module) -> nn.Module | None:
        """Train a stage before the last in its own folder; see [`stages.TrainStage`]."""
        limit, name = arguments.train.stop_after_steps, Path(arguments.train.output_dir).name
        if limit is not None:
            arguments.train.stop_after_steps = limit - self.steps_before
            if arguments.train.stop_after_steps <= 0:
                self.accelerator.print(f"stopped before {name}: continue with --resume_from_checkpoint latest")
                return None
        loop = self._loop(arguments, method, model, None)
        loop.begin()
        if self._train(loop, f" of {name}") is None:
            return None
        loop.save_end()
        self.steps_before += loop.step
        return loop.teacher.model

    def _finish(self, loop: Loop | None, summary: dict, zero_shot: dict | None) -> None:
        """Measure what came of it, choose, and write everything."""
        summary["wall_seconds"] = round(time.perf_counter() - self.started, 1)
        if self.method.settled is not None:
            summary["settled"] = self.method.settled._asdict()
        if shares := self._class_shares():
            summary["class_shares"] = shares
        teacher = self.model
        summaries: dict[str, dict[str, Any] | None] = dict.fromkeys(("zero_shot", "teacher", "student"), zero_shot)
        if loop is not None:
            teacher, student = loop.models()
            if self.label_free is not None:
                summary |= self._choose(self.label_free, teacher, student)
            if self.evaluator is not None:
                ends = [self.evaluator.full(self.method, model) for model in (teacher, student)]
                loop.record_end(*ends)
                summaries |= {"teacher": ends[0], "student": ends[1]}
        if self.start is not None and summary["label_free"]["reason"] is not None:
            teacher, summaries["teacher"] = self.start, zero_shot
        finish_run(
            self.arguments,
            self.accelerator,
            self.processor,
            self.method,
            self.evaluator,
            summaries,
            teacher,
            summary,
        )
        self.accelerator.wait_for_everyone()
        # Those of a process whose disk the first one does not see.
        remove_parts(Path(self.arguments.train.output_dir) / KEPT_FOLDER)

    def _choose(self, label_free: LabelFree, teacher: CrossMoSTModel, student: CrossMoSTModel) -> dict[str, Any]:
        """Look at teacher and student without labels: choose fusion weights, and the teacher or the start."""
        found = self._look(teacher)
        if self.fuses:
            self._look(student)
        if self.start is None:
            return {}
        before, after = report_of(self.seen, self.seen), report_of(found, self.seen)
        doubt = label_free.choose_weights(before, after, self.method.settled)
        chosen = "teacher" if doubt is None else "zero_shot"
        report = {"before": before._asdict(), "after": after._asdict(), "selected": chosen, "reason": doubt}
        return {"label_free": report}

    def _end(self) -> int:
        self.accelerator.end_training()
        return self.code


def classes_to_teach(arguments: Arguments) -> list[str] | None:
    """Return the classes of a labeled training split for the methods that learn from labels, else `None`."""
    if arguments.train.method not in LABELED:
        return None
    split = arguments.data.train_split
    return labeled_classes(load_split(arguments, split, streaming=arguments.data.streaming), split)


def main(argv: list[str] | None = None) -> int:
    """Run the program; return its exit code: 2 with one sentence on stderr where the input is wrong."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    transformers_logging.disable_progress_bar()
    return exit_code(lambda: Run(parse_arguments(sys.argv[1:] if argv is None else argv))())


if __name__ == "__main__":
    sys.exit(main())
