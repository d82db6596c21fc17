"""Whole runs of train.py on a toy: files, resuming, no labels, options, and one sentence for every wrong input."""

import gc
import itertools
import json
import math
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
import toy
import yaml
from PIL import Image as PILImage
from safetensors.torch import load_file, save_file

import train
from modeling_crossmost import CrossMoSTModel, CrossMoSTProcessor
from modeling_crossmost.data import loaders
from modeling_crossmost.evaluation import parts, predict
from modeling_crossmost.training.checkpoints import CheckpointWriter
from modeling_crossmost.training.methods import SelfTraining


ROOT = Path(__file__).resolve().parent.parent
COLUMNS = {"image", "image_star", "point", "fused"}

pytestmark = pytest.mark.usefixtures("own_cache")
METRICS = {
    *("step", "loss", "loss_cls_image", "loss_cls_point", "loss_align", "loss_fair", "loss_mim", "loss_mpm"),
    *("loss_global_local", "confident_fraction", "modality_agreement", "image_share", "entropy_image"),
    *("entropy_point", "bias_image", "bias_point", "learning_rate", "ema_decay", "pairs_per_second", "skipped_steps"),
    "data_wait",
}
RESULTS = {
    *("method", "dataset", "split", "num_objects", "seed", "zero_shot", "teacher", "student", "per_class"),
    *("mean_class", "steps", "wall_seconds", "pairs_per_second", "versions"),
}


@pytest.fixture
def start(work, tmp_path, monkeypatch, request) -> Callable[..., Path]:
    """Run train.py with options over the toy's and return its output folder; only the smoke test draws pictures."""
    if "smoke" not in request.node.name:
        monkeypatch.setattr("modeling_crossmost.training.finish.plot_all", lambda folder: [])

    def run(name: str = "output", **options) -> Path:
        paths = {"dataset": work / "data", "model_name_or_path": work / "model", "output_dir": tmp_path / name}
        assert train.main(toy.flags(**{**paths, **options})) == 0
        return Path({**paths, **options}["output_dir"])

    return run


def lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def assert_same_tensors(first: Path, second: Path) -> None:
    ours, theirs = load_file(first), load_file(second)
    assert ours.keys() == theirs.keys()
    assert [name for name in ours if not torch.equal(ours[name], theirs[name])] == []


def changed_tensors(first: Path, second: Path) -> list[str]:
    ours, theirs = load_file(first), load_file(second)
    return [name for name in ours if not torch.equal(ours[name], theirs[name])]


# The whole way


def test_smoke_stop_resume_evaluate_reload(start, work):
    options = {"max_steps": 4, "eval_steps": 2}
    output = start(stop_after_steps=2, **options)
    assert [path.name for path in (output / "checkpoints").iterdir()] == ["step_2"]
    assert not (output / "results.json").exists() and not (output / "model.safetensors").exists()

    start(resume_from_checkpoint="latest", **options)
    pictures = {"accuracy.png", "pseudo_labels.png", "entropy_bias.png", "confusion.png"}
    files = {"results.json", "metrics.jsonl", "args.yaml", "README.md", "config.json", "model.safetensors"}
    present = {path.name for path in output.iterdir()}
    assert pictures | files | {"processor_config.json", "tokenizer.json", "checkpoints"} <= present
    assert not [name for name in present if name.startswith(".")]
    for name in pictures:
        with PILImage.open(output / name) as picture:
            picture.verify()
    results, metrics = json.loads((output / "results.json").read_text()), lines(output / "metrics.jsonl")
    assert results.keys() >= RESULTS
    for name in ("zero_shot", "teacher", "student", "mean_class", *results["per_class"]):
        columns = results.get(name) or results["per_class"][name]
        assert columns.keys() == COLUMNS and all(0 <= value <= 100 for value in columns.values())
    assert list(results["per_class"]) == toy.CLASSES
    assert (results["steps"], results["num_objects"], results["split"]) == (4, 9, "test")
    assert [line["step"] for line in metrics] == [1, 2, 3, 4]
    assert all(line.keys() >= METRICS and math.isfinite(line["loss"]) for line in metrics)
    curve = lines(output / "eval_history.jsonl")
    assert [line["step"] for line in curve] == [0, 2, 4]
    for name in ("image", "point"):
        assert curve[0]["teacher"][name] == curve[0]["student"][name] == results["zero_shot"][name]
        assert all(curve[-1][who][name] == results[who][name] for who in ("teacher", "student"))
    options = yaml.safe_load((output / "args.yaml").read_text())
    assert options["max_steps"] == 4 and options["dataset"] == str(work / "data")

    model, processor = CrossMoSTModel.from_pretrained(output), CrossMoSTProcessor.from_pretrained(output)
    inputs = processor(points=np.random.default_rng(0).standard_normal((100, 3)), return_tensors="pt")
    assert model.eval()(**inputs).logits_per_point.shape == (1, 3)
    assert model.config.class_names == toy.CLASSES
    again = start("again", model_name_or_path=output, eval_only=True)
    assert json.loads((again / "results.json").read_text())["zero_shot"] == results["teacher"]


@pytest.mark.parametrize("change", [None, "objects", "processor"])
def test_an_evaluation_that_is_killed_goes_on(start, monkeypatch, capfd, work, tmp_path, change):
    options = {"eval_only": True, "per_device_eval_batch_size": 2}
    whole = start("whole", **options)
    monkeypatch.setattr(parts, "BATCHES_PER_FILE", 1)
    predict_batch, seen = predict._predict_batch, []

    def dying(model, batch, *rest):
        if len(seen) == 2:
            raise KeyboardInterrupt
        seen.append(batch["index"].tolist())
        return predict_batch(model, batch, *rest)

    monkeypatch.setattr(predict, "_predict_batch", dying)
    paths = {"dataset": work / "data", "model_name_or_path": work / "model", "output_dir": tmp_path / "cut"}
    assert train.main(toy.flags(**paths, **options)) == 130
    seen.clear()
    monkeypatch.setattr(
        predict, "_predict_batch", lambda *a: (seen.append(a[1]["index"].tolist()), predict_batch(*a))[1]
    )
    if change == "objects":
        toy.write_split(tmp_path / "other", "train", toy.toy_rows(14, 0))
        toy.write_split(tmp_path / "other", "test", toy.toy_rows(9, 2))
        paths["dataset"] = tmp_path / "other"
    if change == "processor":
        paths["model_name_or_path"] = shutil.copytree(work / "model", tmp_path / "model")
        processor = CrossMoSTProcessor.from_pretrained(work / "model")
        processor.image_processor.image_mean = [0.1, 0.2, 0.3]
        processor.save_pretrained(tmp_path / "model")
    assert train.main(toy.flags(**paths, **options)) == 0
    assert seen == [[0, 1], [2, 3], [4, 5], [6, 7], [8]][2 if change is None else 0 :]
    said = capfd.readouterr()
    assert ("4 objects were evaluated before" in said.out) == (change is None) and "Evaluating:" in said.err
    assert ("of other weights, objects, options" in said.out) == (change is not None)
    assert not (tmp_path / "cut" / "evaluation").exists()
    if change is None:
        one, other = (json.loads((path / "results.json").read_text()) for path in (whole, tmp_path / "cut"))
        assert one["zero_shot"] == other["zero_shot"] and one["per_class"] == other["per_class"]


def test_a_resumed_run_does_not_look_again_at_what_it_saw_before_training(start, monkeypatch, capfd):
    options = {"max_steps": 4, "eval_steps": 0, "fusion": "label_free"}
    output = start("cut", **options, stop_after_steps=2)
    kept = {path.name for path in (output / "evaluation").iterdir()}
    assert kept == {"zero_shot", "label_free", "anchor"}
    with monkeypatch.context() as patch:
        patch.setattr(predict, "_predict_batch", lambda *_: pytest.fail("looked again"))
        start("cut", **options, stop_after_steps=3, resume_from_checkpoint="latest")
    assert capfd.readouterr().out.count("were evaluated before") == 3
    start("cut", **options, resume_from_checkpoint="latest")
    assert not (output / "evaluation").exists()
    whole = start("whole", **options)
    assert (whole / "model.safetensors").read_bytes() == (output / "model.safetensors").read_bytes()
    one, other = (json.loads((path / "results.json").read_text()) for path in (whole, output))
    assert one["zero_shot"] == other["zero_shot"] and one["teacher"] == other["teacher"]


def test_a_folder_in_the_way_of_an_evaluation_is_left_alone(work, tmp_path, capsys):
    mine = tmp_path / "output" / "evaluation" / "zero_shot" / "mine.txt"
    mine.parent.mkdir(parents=True)
    mine.write_text("precious")
    paths = {"dataset": work / "data", "model_name_or_path": work / "model", "output_dir": tmp_path / "output"}
    assert train.main(toy.flags(**paths, eval_only=True)) == 2
    assert "holds 'mine.txt': move that" in capsys.readouterr().err
    assert mine.read_text() == "precious"


def test_a_damaged_part_of_an_evaluation_is_made_again(tmp_path, monkeypatch):
    monkeypatch.setattr(parts, "BATCHES_PER_FILE", 1)
    batches = [{"index": np.arange(2) + 2 * number} for number in range(4)]
    kept = parts.KeptParts(tmp_path / "kept", "key")
    assert kept.load() == []
    for batch in batches:
        kept.add(batch)
    (tmp_path / "kept" / "0-000001.safetensors").write_bytes(b"half")
    again = parts.KeptParts(tmp_path / "kept", "key")
    assert [part["index"].tolist() for part in again.load()] == [[0, 1]]
    for batch in batches[1:]:
        again.add(batch)
    found = parts.KeptParts(tmp_path / "kept", "key").load()
    assert [part["index"].tolist() for part in found] == [[0, 1], [2, 3], [4, 5], [6, 7]]


def test_training_changes_what_it_should(start, work):
    output = start(max_steps=4)
    changed = changed_tensors(work / "model" / "model.safetensors", output / "model.safetensors")
    assert any(name.startswith("vision_model") for name in changed)
    assert any(name.startswith("point_model.layers") for name in changed)
    assert {"classifier.weight", "logit_scale", "point_projection.weight", "visual_projection.weight"} <= set(changed)
    assert not any(name.startswith(("text_", "point_model.embeddings.tokenizer")) for name in changed)


# Resuming


@pytest.mark.parametrize(
    ("method", "workers"),
    [("crossmost", 0), ("crossmost", 1), ("baseline", 0), ("baseline", 1), ("pretrain", 0), ("pretrain", 1)],
)
def test_resume_equals_uninterrupted(start, method, workers):
    # 3 batches an epoch and 2 a step: step 2 ends within the second epoch and within a logging interval.
    options = {
        **{"method": method, "dataloader_num_workers": workers, "gradient_accumulation_steps": 2, "max_steps": 6},
        **{"checkpointing_steps": 6, "logging_steps": 3, "eval_steps": 3},
        "eval_split": "none" if workers else "test",
    }
    whole = start("whole", **options)
    parts = start("parts", stop_after_steps=2, **options)
    assert lines(parts / "metrics.jsonl") == []
    start("parts", resume_from_checkpoint="latest", **options)
    assert_same_tensors(whole / "model.safetensors", parts / "model.safetensors")
    for part in ("model", "teacher", "optimizer"):
        file = f"checkpoints/step_6/{part}.safetensors"
        assert_same_tensors(whole / file, parts / file)
    ours, theirs = (
        [{**line, "pairs_per_second": 0, "data_wait": 0} for line in lines(run / "metrics.jsonl")]
        for run in (whole, parts)
    )
    assert ours == theirs and [line["step"] for line in ours] == [3, 6]
    assert lines(whole / "eval_history.jsonl") == lines(parts / "eval_history.jsonl")


def test_deterministic_kernels_give_the_same_weights_on_a_cpu(start, monkeypatch):
    # torch then also fills memory that nothing was written to with NaN: a step that read some would show it.
    asked = []
    with_step(monkeypatch, lambda number, terms: asked.append(torch.are_deterministic_algorithms_enabled()))
    plain = start("plain", max_steps=3, eval_split="none")
    try:
        strict = start("strict", max_steps=3, eval_split="none", deterministic=True)
    finally:
        torch.use_deterministic_algorithms(False)
    assert asked == [False] * 3 + [True] * 3
    assert_same_tensors(plain / "model.safetensors", strict / "model.safetensors")


def with_step(monkeypatch, change: Callable[[int, dict], object]) -> None:
    """Has `change(number, terms)` called after the losses of each step, counted from 1 over all runs of the test."""
    original, count = SelfTraining.step, itertools.count(1)

    def step(self, *arguments):
        terms = original(self, *arguments)
        change(next(count), terms)
        return terms

    monkeypatch.setattr(SelfTraining, "step", step)


def spoil(*numbers: int) -> Callable[[int, dict], None]:
    def change(number: int, terms: dict) -> None:
        if number in numbers:
            terms["loss"] = terms["loss"] * math.nan

    return change


def test_a_step_that_is_not_finite_is_left_out_and_counted(start, monkeypatch):
    options = {"max_steps": 5, "checkpointing_steps": 1, "checkpoints_total_limit": 9, "freeze_point_tokenizer": False}
    with_step(monkeypatch, spoil(3, 8))
    output = start(eval_split="none", **options)
    assert [line["skipped_steps"] for line in lines(output / "metrics.jsonl")] == [0, 0, 1, 1, 1]
    before, after = output / "checkpoints" / "step_2", output / "checkpoints" / "step_3"
    assert changed_tensors(before / "optimizer.safetensors", after / "optimizer.safetensors") == []
    changed = changed_tensors(before / "model.safetensors", after / "model.safetensors")
    assert all(name.endswith("num_batches_tracked") for name in changed)
    assert changed_tensors(after / "model.safetensors", output / "checkpoints" / "step_4" / "model.safetensors")
    assert all(value.isfinite().all() for value in load_file(output / "model.safetensors").values())
    # The same spoiled step again, with an interruption after it: the counts travel too.
    start("parts", eval_split="none", stop_after_steps=4, **options)
    parts = start("parts", eval_split="none", resume_from_checkpoint="latest", **options)
    assert_same_tensors(output / "model.safetensors", parts / "model.safetensors")
    assert [line["skipped_steps"] for line in lines(parts / "metrics.jsonl")] == [0, 0, 1, 1, 1]


def test_a_run_that_is_not_finite_for_long_ends_with_one_sentence(work, tmp_path, capfd, monkeypatch):
    with_step(monkeypatch, spoil(*range(3, 99)))
    submit = CheckpointWriter.submit  # to a slow disk
    monkeypatch.setattr(
        CheckpointWriter, "submit", lambda self, write: submit(self, lambda: (time.sleep(1), write())[1])
    )
    paths = {"dataset": work / "data", "model_name_or_path": work / "model", "output_dir": tmp_path / "output"}
    options = {"max_steps": 40, "checkpointing_steps": 2, "max_nonfinite_steps": 4, "eval_split": "none"}
    assert train.main(toy.flags(**paths, **options)) == 2
    assert {path.name for path in (tmp_path / "output" / "checkpoints").iterdir()} == {"step_2", "step_4"}
    error = capfd.readouterr().err.splitlines()[-1]
    assert error.startswith("error: the loss or its gradient was not finite in 4 steps in a row: lower --learning_rate")
    for path in (tmp_path / "output").rglob("*.safetensors"):
        assert all(value.isfinite().all() for value in load_file(path).values()), path
    assert not (tmp_path / "output" / "model.safetensors").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1], ids=lambda number: number.name)
def test_a_signal_saves_and_ends_the_run(start, work, tmp_path, monkeypatch, capsys, number):
    options = {"max_steps": 5, "eval_split": "none"}
    whole = start("whole", **options)
    handler = signal.getsignal(number)
    with_step(monkeypatch, lambda step, terms: os.kill(os.getpid(), number) if step == 3 else None)
    paths = {"dataset": work / "data", "model_name_or_path": work / "model", "output_dir": tmp_path / "parts"}
    assert train.main(toy.flags(**paths, **options)) == 128 + number
    assert f"stopped by {number.name} at step 3: continue with --resume_from" in capsys.readouterr().out
    assert signal.getsignal(number) == handler
    parts = start("parts", resume_from_checkpoint="latest", **options)
    assert_same_tensors(whole / "model.safetensors", parts / "model.safetensors")


def test_a_stream_resumes_beyond_its_first_epoch(start):
    options = {"streaming": True, "max_steps": 8, "eval_split": "none"}
    whole = start("whole", **options)
    start("parts", stop_after_steps=5, **options)
    parts = start("parts", resume_from_checkpoint="latest", **options)
    assert_same_tensors(whole / "model.safetensors", parts / "model.safetensors")
    losses = [line["loss"] for line in lines(whole / "metrics.jsonl")]
    assert losses == [line["loss"] for line in lines(parts / "metrics.jsonl")] and len(set(losses)) == 8


def test_resuming_an_older_checkpoint_forgets_the_later_ones(start):
    options = {"max_steps": 6, "checkpointing_steps": 2, "eval_split": "none"}
    output = start(**options, checkpoints_total_limit=3)
    assert {path.name for path in (output / "checkpoints").iterdir()} == {"step_2", "step_4", "step_6"}
    first = output / "checkpoints" / "step_2"
    with (output / "metrics.jsonl").open("a") as file:
        file.write('{"step": 7, "lo')  # a killed run's last words
    start(**options, resume_from_checkpoint=first, stop_after_steps=4, checkpoints_total_limit=3)
    assert {path.name for path in (output / "checkpoints").iterdir()} == {"step_2", "step_4"}
    assert [line["step"] for line in lines(output / "metrics.jsonl")] == [1, 2, 3, 4]


def test_checkpoints_every_epoch(start):
    output = start(checkpointing_steps="epoch", eval_split="none", num_train_epochs=3)
    assert {path.name for path in (output / "checkpoints").iterdir()} == {"step_6", "step_9"}


# Labels


@pytest.mark.parametrize(
    "options", [{"method": "crossmost"}, {"method": "baseline"}, {"anchor": 0.5, "pseudo_label": "sum"}], ids=str
)
def test_labels_and_object_ids_change_no_weight(start, work, tmp_path, options):
    rows = toy.toy_rows(14, 0)
    order = np.random.default_rng(0).permutation(14)
    shuffled = [
        {**row, "label": rows[other]["label"], "object_id": rows[other]["object_id"]}
        for row, other in zip(rows, order, strict=True)
    ]
    assert [row["label"] for row in shuffled] != [row["label"] for row in rows]
    outputs = [start("plain", **options, max_steps=4)]
    for name, variant in {"shuffled": shuffled, "bare": toy.without(rows, "label", "object_id")}.items():
        toy.write_split(tmp_path / name / "data", "train", variant)
        toy.write_split(tmp_path / name / "data", "test", variant[:3])
        outputs.append(start(name, **options, max_steps=4, dataset=tmp_path / name / "data"))
    for output in outputs[1:]:
        assert_same_tensors(outputs[0] / "model.safetensors", output / "model.safetensors")


@pytest.mark.parametrize("streaming", [False, True])
def test_batches_hold_no_label(start, monkeypatch, streaming):
    seen = set()
    collate = loaders.collate_pairs

    def spy(items):
        seen.update(*items)
        return collate(items)

    monkeypatch.setattr(loaders, "collate_pairs", spy)
    start(max_steps=1, eval_split="none", streaming=streaming)
    assert seen == {"index", "key", "points", "weak_image", "strong_image"}


def test_label_accuracy_is_a_separate_pass_that_changes_nothing(start, work, tmp_path):
    plain = start("plain", max_steps=3)
    measured = start("measured", max_steps=3, pseudo_label_accuracy=True)
    assert_same_tensors(plain / "model.safetensors", measured / "model.safetensors")
    accuracy = json.loads((measured / "results.json").read_text())["pseudo_label_accuracy"]
    assert 0 <= accuracy["accuracy"] <= 100 and accuracy["kept"] == 100
    assert "pseudo_label_accuracy" not in json.loads((plain / "results.json").read_text())

    folder = tmp_path / "reversed"  # the training split numbers its classes the other way round
    rows = [{**row, "label": 2 - row["label"]} for row in toy.toy_rows(14, 0)]
    toy.write_split(folder, "train", rows, class_names=toy.CLASSES[::-1])
    other = start("other", max_steps=3, pseudo_label_accuracy=True, dataset=folder, eval_split="none")
    assert json.loads((other / "results.json").read_text())["pseudo_label_accuracy"] == accuracy


# Options


def test_a_teacher_of_several_views_trains_and_resumes_bit_for_bit(start, tmp_path):
    options = {"teacher_views": 2, "pseudo_label": "sum", "eval_split": "none", "max_steps": 4}
    whole = start("whole", **options)
    cut = start("cut", **options, stop_after_steps=2)
    assert not (cut / "model.safetensors").exists()
    start("cut", **options, resume_from_checkpoint="latest")
    assert_same_tensors(whole / "model.safetensors", cut / "model.safetensors")
    one = start("one", **{**options, "teacher_views": 1})
    assert changed_tensors(whole / "model.safetensors", one / "model.safetensors")


def test_labels_anchored_in_the_start_resume_bit_for_bit(start, capfd):
    options = {"anchor": 0.5, "pseudo_label": "sum", "eval_split": "none", "max_steps": 4}
    whole = start("whole", **options)
    start("cut", **options, stop_after_steps=2)
    cut = start("cut", **options, resume_from_checkpoint="latest")
    assert_same_tensors(whole / "model.safetensors", cut / "model.safetensors")
    free = start("free", **{**options, "anchor": 0.0})
    assert changed_tensors(whole / "model.safetensors", free / "model.safetensors")
    assert "all views of 14 training objects" in capfd.readouterr().out


@pytest.mark.parametrize("choice", ["joint", "sum", "image", "point", "random", "own"])
def test_pseudo_labels_of_every_kind(start, choice):
    (line,) = lines(start(pseudo_label=choice, max_steps=1, eval_split="none") / "metrics.jsonl")
    assert math.isfinite(line["loss"])
    share = {"image": 1.0, "point": 0.0, "own": None}
    assert line["image_share"] == share[choice] if choice in share else 0 <= line["image_share"] <= 1


@pytest.mark.parametrize(
    ("switch", "terms"),
    [
        ("align", {"loss_align"}),
        ("fairness", {"loss_fair"}),
        ("masked_modeling", {"loss_mim", "loss_mpm", "loss_global_local"}),
    ],
)
def test_terms_can_be_switched_off(start, switch, terms):
    (line,) = lines(start(max_steps=1, eval_split="none", **{switch: False}) / "metrics.jsonl")
    every = {"loss_align", "loss_fair", "loss_mim", "loss_mpm", "loss_global_local"}
    assert {name for name in every if line[name] == 0} == terms


def test_rate_and_teacher_follow_the_batch(start):
    options = {"max_steps": 1, "warmup_epochs": 0.0, "learning_rate": 0.01, "eval_split": "none"}
    options |= {"ema_decay_start": 0.9, "ema_decay": 0.9, "reference_batch_size": 16}  # the toy's batch is 4
    (linear,) = lines(start("linear", **options) / "metrics.jsonl")
    assert linear["learning_rate"] == pytest.approx(0.01 * 4 / 256)
    assert linear["ema_decay"] == pytest.approx(0.9**0.25)
    (root,) = lines(start("root", learning_rate_scaling="sqrt", **options) / "metrics.jsonl")
    assert root["learning_rate"] == pytest.approx(0.01 * 16 / 256 / 2)


def test_clipping_bounds_the_update(start, work):
    options = {"max_steps": 3, "eval_split": "none", "weight_decay": 0.0, "ema_decay_start": 0.0, "ema_decay": 0.0}
    free, clipped = start("free", **options), start("clipped", max_grad_norm=1e-12, **options)
    before = load_file(work / "model" / "model.safetensors")
    for run, moves in ((free, True), (clipped, False)):
        after = load_file(run / "model.safetensors")
        change = max((after[name] - before[name]).abs().max().item() for name in before)
        assert (change > 1e-4) == moves and (change < 1e-6) != moves


def test_one_view_means_the_first(start, work, tmp_path):
    rows = toy.toy_rows(14, 0)
    blank = toy.encode(np.full((toy.IMAGE_SIZE, toy.IMAGE_SIZE, 3), 200, np.uint8))
    toy.write_split(tmp_path / "blank", "train", [{**row, "views": [row["views"][0], blank, blank]} for row in rows])
    options = {"max_steps": 3, "eval_split": "none"}
    one = [start(f"one_{d.name}", dataset=d, num_views=1, **options) for d in (work / "data", tmp_path / "blank")]
    assert_same_tensors(*(run / "model.safetensors" for run in one))
    all_ = start("all", dataset=tmp_path / "blank", **options)
    assert changed_tensors(one[0] / "model.safetensors", all_ / "model.safetensors")


def test_tf32_is_as_asked_whatever_accelerate_sets(start, monkeypatch):
    def allowing(*arguments, make=train.make_accelerator):
        made = make(*arguments)
        # As accelerate does on a GPU where a compiler is asked for and mixed precision is not.
        torch.backends.cuda.matmul.allow_tf32 = True
        return made

    monkeypatch.setattr(train, "make_accelerator", allowing)
    for asked in (True, False):
        start(method="zero_shot", tf32=asked)
        assert torch.backends.cuda.matmul.allow_tf32 is asked


def test_classes_and_prompts_make_the_classifier(start, work):
    def classifier(folder: Path) -> tuple[torch.Tensor, list[str], list[str]]:
        model = CrossMoSTModel.from_pretrained(folder)
        return model.classifier.weight.detach(), model.config.class_names, model.config.prompt_templates

    options = {"method": "zero_shot", "eval_split": "none"}
    weight, _, templates = classifier(work / "model")
    same, names, _ = classifier(start("same", class_names=["tube", "box", "ball"], **options))
    assert torch.equal(weight, same) and names == toy.CLASSES  # the classes that it knows: its own classifier stays
    fewer, names, kept = classifier(start("fewer", class_names=["tube", "box"], **options))
    assert names == ["tube", "box"] and kept == templates
    torch.testing.assert_close(fewer, weight[[2, 0]])
    other, names, prompts = classifier(start("other", prompts="modelnet", **options))
    assert names == toy.CLASSES and prompts != templates and not torch.allclose(other, weight, atol=1e-3)


def test_trackers_get_the_metrics(start):
    pytest.importorskip("tensorboard", reason="tensorboard is not installed")
    output = start(max_steps=2, eval_split="none", report_to="tensorboard")
    assert any(b"confident_fraction" in events.read_bytes() for events in output.rglob("events.out.tfevents.*"))


def test_a_run_without_evaluation_leaves_the_accuracies_out(start):
    output = start(max_steps=2, eval_split="none")
    results = json.loads((output / "results.json").read_text())
    assert results["teacher"] == results["zero_shot"] == results["mean_class"] == dict.fromkeys(COLUMNS)
    assert results["num_objects"] == 0 and results["per_class"] == {} and results["steps"] == 2
    assert (output / "README.md").is_file() and lines(output / "eval_history.jsonl") == []


def test_pretraining_freezes_what_it_is_told(start, work):
    output = start(method="pretrain", max_steps=3, eval_split="none", freeze_image=False, freeze_point=True)
    # The text tower stays frozen, and so do clouds; the classifier follows from the text.
    changed = changed_tensors(work / "model" / "model.safetensors", output / "model.safetensors")
    assert any(name.startswith("vision_model") for name in changed) and "logit_scale" in changed
    assert not any(name.startswith(("text_", "point_")) for name in changed)


# No confident label


def test_an_unsure_teacher_gives_finite_losses_and_one_warning(start, capsys, monkeypatch):
    monkeypatch.setattr(train, "UNCONFIDENT_STEPS", 4)
    options = {"max_steps": 12, "logging_steps": 2, "eval_split": "none"}
    metrics = lines(start("unsure", confidence_threshold=1.0, **options) / "metrics.jsonl")
    assert all(line["confident_fraction"] == line["loss_cls_image"] == line["loss_cls_point"] == 0 for line in metrics)
    assert all(math.isfinite(line["loss"]) for line in metrics)
    warnings = [line for line in capsys.readouterr().err.replace("\r", "\n").splitlines() if "warning:" in line]
    assert len(warnings) == 1 and "--confidence_threshold" in warnings[0]
    start("sure", **options)
    assert "warning:" not in capsys.readouterr().err


# Wrong input


def changed_copy(folder: Path, source: Path, **files: bytes | None) -> Path:
    """A copy of a folder with some files replaced (`model_safetensors=b"..."`), or removed by `None`."""
    shutil.copytree(source, folder)
    for name, content in files.items():
        path = folder / name.replace("_safetensors", ".safetensors")
        if content is None:
            path.unlink()
        else:
            path.write_bytes(content)
    return folder


def half(path: Path) -> bytes:
    content = path.read_bytes()
    return content[: len(content) // 2]


def incomplete_model(work: Path, folder: Path) -> Path:
    changed_copy(folder, work / "model")
    weights = load_file(folder / "model.safetensors")
    del weights["point_projection.weight"]
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


def bad_split(folder: Path, split: str = "train", count: int = 8, **change) -> Path:
    """A training split of which the last row is changed (a value), or all rows lack a column (`None`)."""
    rows = toy.toy_rows(count, 0)
    rows[-1] |= {name: value for name, value in change.items() if value is not None}
    toy.write_split(folder, split, toy.without(rows, *(name for name, value in change.items() if value is None)))
    return folder


def recipe(folder: Path, text: str) -> list[str]:
    folder.mkdir(exist_ok=True)
    (folder / "recipe.yaml").write_text(text)
    return [str(folder / "recipe.yaml")]


def expect_error(capfd, argv: list[str], sentence: str) -> None:
    """Exit code 2 and, after whatever progress bars say, exactly one line that starts with "error:"."""
    capfd.readouterr()
    assert train.main(argv) == 2
    captured = capfd.readouterr()
    printed = captured.err.replace("\r", "\n").strip().splitlines()
    assert [line for line in printed if line.startswith("error: ")] == printed[-1:]
    assert sentence in printed[-1] and "Traceback" not in captured.err + captured.out


WRONG_OPTIONS = {
    "unknown flag": ({"learning_rat": 1}, "unknown option --learning_rat"),
    "unknown method": ({"method": "magic"}, "invalid choice: 'magic'"),
    "wrong type": ({"seed": "many"}, "invalid int value: 'many'"),
    "not a switch": ({"align": "perhaps"}, "align"),
    "no such split": ({"train_split": "nope"}, "no loadable split 'nope'"),
    "no such evaluation split": ({"eval_split": "nope"}, "no loadable split 'nope'"),
    "no such data set": ({"dataset": "/nowhere/at/all"}, "does not exist"),
    "no such model": ({"model_name_or_path": "/nowhere/at/all"}, "'/nowhere/at/all' cannot be loaded"),
    "no such configuration": ({"dataset_config": "nope"}, "nope"),
    "one class": ({"class_names": "box"}, "at least two classes"),
    "other classes": ({"class_names": ["box", "ball"]}, "has the class 'tube', which is not among the classes"),
    "unknown prompts": ({"prompts": "nope"}, "nope"),
    "batch too large": ({"per_device_train_batch_size": 15}, "fewer than one global batch of 15"),
    "mask unit": ({"image_mask_unit": 24}, "mask unit of 24 px does not divide"),
    "stream of one batch": (
        {"streaming": True, "per_device_train_batch_size": 15},
        "fewer than one global batch of 15",
    ),
    "anchor beyond one": ({"anchor": 1.5}, "anchor must lie between 0 and 1"),
    "nothing to resume": ({"resume_from_checkpoint": "latest"}, "no checkpoint under"),
    "not a checkpoint": ({"resume_from_checkpoint": "/nowhere"}, "/nowhere is not a checkpoint"),
    "nothing to train": ({"method": "pretrain", "freeze_point": True}, "leave nothing to train"),
    "no views": ({"num_views": 0}, "num_views is 0"),
}


@pytest.mark.parametrize("case", WRONG_OPTIONS)
def test_wrong_options(work, tmp_path, capfd, case):
    options, sentence = WRONG_OPTIONS[case]
    paths = {"dataset": work / "data", "model_name_or_path": work / "model", "output_dir": tmp_path / "output"}
    expect_error(capfd, toy.flags(**{**paths, **options}), sentence)
    assert not (tmp_path / "output").exists()


WRONG_RECIPES = {
    "not YAML": ("a: [1", "is not YAML"),
    "a list": ("- a\n- b", "holds a list"),
    "unknown key": ("learning_rate: 0.1\nlearning_rat: 1", "unknown keys: learning_rat"),
    "wrong type": ("num_train_epochs: many", "invalid int value: 'many'"),
    "one class": ("class_names: [box]", "at least two classes"),
}


@pytest.mark.parametrize("case", [*WRONG_RECIPES, "no such file"])
def test_wrong_recipes(work, tmp_path, capfd, case):
    text, sentence = WRONG_RECIPES.get(case, ("", "cannot be read"))
    argv = recipe(tmp_path / "recipes", text) if text else [str(tmp_path / "nowhere.yaml")]
    model, output = work / "model", tmp_path / "output"
    argv += ["--dataset", str(work / "data"), "--model_name_or_path", str(model), "--output_dir", str(output)]
    expect_error(capfd, argv, sentence)
    assert not output.exists()


def one_class(folder: Path) -> None:
    for split in ("train", "test"):
        toy.write_split(folder, split, [{**row, "label": 0} for row in toy.toy_rows(4, 0)], class_names=["box"])


def bad_test_split(folder: Path) -> None:
    toy.write_split(folder, "train", toy.toy_rows(8, 0))
    bad_split(folder, "test", points=NAN)


NAN = np.full((toy.NUM_POINTS, 3), np.nan, np.float32)
WRONG_DATA = {
    "no views": (lambda folder: bad_split(folder, views=None), "none", "lacks the column views"),
    "no points": (lambda folder: bad_split(folder, points=None), "none", "lacks the column points"),
    "no captions": (lambda folder: bad_split(folder, captions=None), "none", "has no captions"),
    "no objects": (lambda folder: toy.write_split(folder, "train", []), "none", "has no objects"),
    "no files": (lambda folder: folder.mkdir(), "none", "no loadable split"),
    "a broken file": (lambda folder: toy_file(folder, b"PAR1 and then nothing"), "none", "no loadable split"),
    "small views": (lambda folder: toy.write_split(folder, "train", toy.toy_rows(8, 0, 12)), "none", "too small"),
    "NaN in the evaluation": (bad_test_split, "test", "row 7 has coordinates that are not finite"),
    "one labeled class": (one_class, "test", "at least two classes"),
}


def toy_file(folder: Path, content: bytes) -> None:
    folder.mkdir()
    (folder / "train-00000-of-00001.parquet").write_bytes(content)


@pytest.mark.parametrize("case", WRONG_DATA)
def test_wrong_data(work, tmp_path, capfd, case):
    make, split, sentence = WRONG_DATA[case]
    make(tmp_path / "data")
    paths = {"dataset": tmp_path / "data", "model_name_or_path": work / "model", "output_dir": tmp_path / "output"}
    method = "pretrain" if case == "no captions" else "crossmost"
    expect_error(capfd, toy.flags(**paths, eval_split=split, method=method), sentence)
    assert not (tmp_path / "output").exists()


@pytest.mark.parametrize(
    ("change", "workers", "sentence"),
    [
        ({"points": NAN}, 1, "The cloud of row 7 has coordinates that are not finite"),
        ({"views": [{"bytes": b"no image", "path": None}]}, 0, "View 0 of row 7 is not a readable image"),
        ({"views": []}, 0, "The object of row 7 has no views"),
    ],
)
def test_a_bad_object_that_training_meets(work, tmp_path, capfd, monkeypatch, change, workers, sentence):
    folder = bad_split(tmp_path / "data", **change)
    paths = {"dataset": folder, "model_name_or_path": work / "model", "output_dir": tmp_path / "output"}
    monkeypatch.setattr(torch.utils.data._utils, "MP_STATUS_CHECK_INTERVAL", 0.1)  # else 5 s until the worker ends
    nothing_before = {"eval_split": "none", "anchor": 0.0, "fairness_target": "uniform"}
    expect_error(capfd, toy.flags(**paths, **nothing_before, dataloader_num_workers=workers), sentence)
    gc.collect()  # the error's traceback keeps the loader, and so its worker, alive
    # It may come up after hours of training: what stands there then is complete, and no result.
    assert {path.name for path in (tmp_path / "output").iterdir()} <= {
        "args.yaml",
        "metrics.jsonl",
        "eval_history.jsonl",
    }


WRONG_MODELS = {
    "corrupt weights": lambda w, d: changed_copy(d, w / "model", model_safetensors=half(w / "model/model.safetensors")),
    "no weights": lambda w, d: changed_copy(d, w / "model", model_safetensors=None),
    "missing weights": incomplete_model,
    "an empty folder": lambda w, d: d.mkdir(),
}


@pytest.mark.parametrize("case", WRONG_MODELS)
def test_wrong_models(work, tmp_path, capfd, case):
    WRONG_MODELS[case](work, tmp_path / "model")
    paths = {"dataset": work / "data", "model_name_or_path": tmp_path / "model", "output_dir": tmp_path / "output"}
    expect_error(capfd, toy.flags(**paths), f"{str(tmp_path / 'model')!r}")
    assert not (tmp_path / "output").exists()


def test_wrong_checkpoints(start, work, tmp_path, capfd):
    options = {"max_steps": 4, "eval_split": "none"}
    output = start(stop_after_steps=2, **options)
    step = output / "checkpoints" / "step_2"
    paths = {"dataset": work / "data", "model_name_or_path": work / "model", "output_dir": output}

    def contents() -> dict[str, bytes]:
        return {str(path): path.read_bytes() for path in sorted(output.rglob("*")) if path.is_file()}

    def refuse(sentence: str, **changed) -> None:
        before = contents()
        expect_error(capfd, toy.flags(**{**paths, **options, "resume_from_checkpoint": "latest", **changed}), sentence)
        assert contents() == before

    refuse("was made with seed = 0, this run has 1", seed=1)
    refuse("was made with confidence_threshold = 0.3, this run has 0.5", confidence_threshold=0.5)
    refuse("was made with total_steps = 4, this run has 5", max_steps=5)
    refuse("was made with batch = 4, this run has 2", per_device_train_batch_size=2)
    for name in ("model.safetensors", "teacher.safetensors", "optimizer.safetensors", "trainer_state.json"):
        content = (step / name).read_bytes()
        (step / name).write_bytes(content[: len(content) // 2])
        refuse("is damaged")
        (step / name).write_bytes(content)
    start(resume_from_checkpoint="latest", **options)


def test_the_program_exits_with_2(tmp_path):
    command = [sys.executable, str(ROOT / "train.py"), "--output_dir", str(tmp_path / "output"), "--nonsense", "1"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 2
    assert done.stderr == "error: unknown option --nonsense: see train.py --help.\n" and done.stdout == ""
    assert not (tmp_path / "output").exists()
