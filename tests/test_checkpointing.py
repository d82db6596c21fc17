"""Checkpoints: bit-exact round trips, and one sentence for damage and for another run's files."""

import copy
import json
import threading
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from toy import toy_model

from modeling_crossmost import CrossMoSTForSelfTraining
from modeling_crossmost.training.checkpoints import (
    STATE_FILE,
    CheckpointFolderError,
    CheckpointWriter,
    checkpoints_of,
    find_checkpoint,
    load_checkpoint,
    read_state,
    save_checkpoint,
)
from modeling_crossmost.training.optimization import parameter_groups
from modeling_crossmost.training.self_training import EMATeacher


RUN = {"seed": 0, "method": "crossmost", "learning_rate": 0.002, "total_steps": 9}


class Toy:
    """Student, teacher and optimizer, trained on nothing in particular for some steps."""

    def __init__(self, seed: int = 0, freeze_image: bool = False, **fields):
        self.model = toy_model(CrossMoSTForSelfTraining, seed=seed, **fields)
        self.model.vision_model.requires_grad_(not freeze_image)
        self.model.classifier.weight.requires_grad_(True)
        self.teacher = EMATeacher(self.model)
        self.optimizer = torch.optim.AdamW(parameter_groups(self.model, 2), lr=1e-2, betas=(0.9, 0.999))

    def train(self, steps: int, start: int = 0) -> "Toy":
        for step in range(start, start + steps):
            generator = torch.Generator().manual_seed(step)
            for parameter in self.model.parameters():
                if parameter.requires_grad:
                    parameter.grad = torch.randn(parameter.shape, generator=generator)
            self.optimizer.step()
            self.model.point_model.embeddings.tokenizer.first_norm.num_batches_tracked.add_(1)
            self.teacher.update(self.model, 0.9)
        return self

    def save(self, folder: Path, step: int, limit: int = 2) -> Path:
        return save_checkpoint(folder, step, self.model, self.teacher, self.optimizer, RUN, limit)()

    def load(self, folder: Path, run: dict = RUN) -> int:
        return load_checkpoint(folder, self.model, self.teacher, self.optimizer, run)

    def assert_equal(self, other: "Toy") -> None:
        for ours, theirs in ((self.model, other.model), (self.teacher.model, other.teacher.model)):
            assert ours.state_dict().keys() == theirs.state_dict().keys()
            for name, value in theirs.state_dict().items():
                assert torch.equal(ours.state_dict()[name], value), name
        ours, theirs = self.optimizer.state_dict(), other.optimizer.state_dict()
        assert ours["param_groups"] == theirs["param_groups"] and ours["state"].keys() == theirs["state"].keys()
        for index, slots in theirs["state"].items():
            for name, value in slots.items():
                restored = ours["state"][index][name]
                assert restored.dtype == value.dtype and torch.equal(restored, value), (index, name)


def refused(call, message: str) -> None:
    with pytest.raises(CheckpointFolderError, match=message) as caught:
        call()
    assert "\n" not in str(caught.value)


# --------------------------------------------------------------------------------------------------------------------
# Round trip
# --------------------------------------------------------------------------------------------------------------------


def test_a_resumed_run_equals_an_uninterrupted_one_bit_for_bit(tmp_path):
    folder = Toy().train(3).save(tmp_path, 3)
    resumed = Toy(seed=5)
    assert resumed.load(folder) == 3
    resumed.assert_equal(Toy().train(3))
    resumed.train(4, start=3).assert_equal(Toy().train(7))


def test_a_checkpoint_before_the_first_step(tmp_path):
    resumed = Toy(seed=5)
    assert resumed.load(Toy().save(tmp_path, 0)) == 0
    resumed.train(2).assert_equal(Toy().train(2))


def test_nothing_is_pickled_and_nothing_temporary_is_left(tmp_path):
    folder = Toy().train(1).save(tmp_path, 1)
    assert sorted(path.name for path in folder.iterdir()) == [
        "model.safetensors",
        "optimizer.safetensors",
        "teacher.safetensors",
        STATE_FILE,
    ]
    assert [path.name for path in folder.parent.iterdir()] == ["step_1"]
    assert json.loads((folder / STATE_FILE).read_text())["run"] == RUN


def test_what_is_saved_is_not_what_goes_on_training(tmp_path):
    toy = Toy().train(2)
    kept = copy.deepcopy(toy.model.state_dict())
    folder = toy.save(tmp_path, 2)
    toy.train(2, start=2)
    saved = load_file(folder / "model.safetensors")
    assert all(torch.equal(saved[name], value) for name, value in kept.items())


def test_only_the_newest_are_kept_and_numbers_are_ordered_as_numbers(tmp_path):
    toy = Toy()
    for step in (2, 9, 10, 11):
        toy.save(tmp_path, step, limit=3)
    assert [path.name for path in checkpoints_of(tmp_path)] == ["step_9", "step_10", "step_11"]
    assert find_checkpoint("latest", tmp_path).name == "step_11"
    assert find_checkpoint(str(tmp_path / "checkpoints" / "step_9"), tmp_path).name == "step_9"


def test_the_same_step_is_replaced(tmp_path):
    Toy().train(1).save(tmp_path, 4)
    newer = Toy().train(2)
    resumed = Toy(seed=5)
    resumed.load(newer.save(tmp_path, 4))
    resumed.assert_equal(newer)


def test_later_checkpoints_of_an_earlier_run_are_removed(tmp_path):
    toy = Toy()
    for step in (6, 9, 3):
        toy.save(tmp_path, step, limit=5)
    assert [path.name for path in checkpoints_of(tmp_path)] == ["step_3"]


def test_incomplete_folders_do_not_count(tmp_path):
    folder = Toy().save(tmp_path, 3)
    (folder.parent / "step_8").mkdir()
    (folder.parent / "step_x").mkdir()
    (folder.parent / ".step_9.1.tmp").mkdir()
    assert checkpoints_of(tmp_path) == [folder]


def test_a_failure_while_writing_leaves_the_older_checkpoint(tmp_path, monkeypatch):
    toy = Toy().train(1)
    folder = toy.save(tmp_path, 1)

    def fail(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("modeling_crossmost.training.checkpoints.save_file", fail)
    refused(lambda: toy.save(tmp_path, 2), r"step_2 cannot be written \(.*No space left on device\): make room, then")
    assert [path.name for path in folder.parent.iterdir()] == ["step_1"]
    assert Toy(seed=5).load(folder) == 1


def test_frozen_weights_are_not_written_and_must_be_those_of_the_run(tmp_path):
    folder = Toy(freeze_image=True).train(2).save(tmp_path, 2)
    for name in ("model", "teacher"):
        written = load_file(folder / f"{name}.safetensors")
        assert not any(key.startswith("vision_model.") for key in written)
        assert "classifier.weight" in written and "point_model.embeddings.tokenizer.first_norm.running_mean" in written
    resumed = Toy(freeze_image=True)
    resumed.load(folder)
    resumed.assert_equal(Toy(freeze_image=True).train(2))
    other = Toy(freeze_image=True)
    with torch.no_grad():
        other.model.vision_model.post_layernorm.weight[0] += 1.0
    refused(lambda: other.load(folder), "other frozen weights: .*--model_name_or_path")


def test_a_checkpoint_with_frozen_weights_from_an_earlier_version(tmp_path):
    toy = Toy(freeze_image=True).train(2)
    folder = toy.save(tmp_path, 2)
    for name, module in (("model", toy.model), ("teacher", toy.teacher.model)):
        save_file(module.state_dict(), folder / f"{name}.safetensors")
    content = json.loads((folder / STATE_FILE).read_text())
    (folder / STATE_FILE).write_text(json.dumps({name: content[name] for name in ("step", "run", "progress")}))
    resumed = Toy(freeze_image=True)
    assert resumed.load(folder) == 2
    resumed.assert_equal(toy)


# --------------------------------------------------------------------------------------------------------------------
# What is refused
# --------------------------------------------------------------------------------------------------------------------


def test_nothing_to_resume_from(tmp_path):
    refused(lambda: find_checkpoint("latest", tmp_path), "There is no checkpoint under .*checkpointing_steps")
    refused(lambda: find_checkpoint(str(tmp_path), tmp_path), "is not a checkpoint folder")


@pytest.mark.parametrize("name", ["model.safetensors", "teacher.safetensors", "optimizer.safetensors", STATE_FILE])
@pytest.mark.parametrize("damage", ["cut", "empty", "absent", "noise"])
def test_a_damaged_file(tmp_path, name, damage):
    folder = Toy().train(1).save(tmp_path, 1)
    whole = (folder / name).read_bytes()
    if damage == "absent":
        (folder / name).unlink()
    else:
        made = {"cut": whole[: len(whole) // 2], "empty": b"", "noise": b"\xff" * 64}[damage]
        (folder / name).write_bytes(made)
    untouched = Toy(seed=5)
    refused(lambda: untouched.load(folder), f"The checkpoint {folder} is damaged or belongs to another model")
    untouched.assert_equal(Toy(seed=5))


@pytest.mark.parametrize("name", ["model.safetensors", "teacher.safetensors", "optimizer.safetensors", STATE_FILE])
def test_one_flipped_bit_is_refused_and_the_checkpoint_before_is_taken(tmp_path, name):
    toy, said = Toy(), []
    older, newer = toy.train(1).save(tmp_path, 1), toy.train(1, start=1).save(tmp_path, 2)
    content = bytearray((newer / name).read_bytes())
    content[-40] ^= 1  # within the last tensor, or within the state's digest
    (newer / name).write_bytes(content)
    refused(lambda: Toy(seed=5).load(newer), f"{newer} is damaged .*{name} does not have the SHA-256")
    assert find_checkpoint("latest", tmp_path, said.append) == older
    (sentence,) = said
    assert sentence.startswith(f"warning: The checkpoint {newer} is damaged")
    (older / name).unlink()
    if name == STATE_FILE:  # then it is no checkpoint at all
        refused(lambda: find_checkpoint("latest", tmp_path), f"{newer} is damaged")
    else:
        refused(lambda: find_checkpoint("latest", tmp_path), f"{older} is damaged")


def test_a_checkpoint_of_an_earlier_version_has_no_digests(tmp_path):
    folder = Toy().train(1).save(tmp_path, 1)
    content = json.loads((folder / STATE_FILE).read_text())
    assert set(content.pop("files")) == {f"{part}.safetensors" for part in ("model", "teacher", "optimizer")}
    del content["sha256"]
    (folder / STATE_FILE).write_text(json.dumps(content))
    assert find_checkpoint("latest", tmp_path) == folder and Toy(seed=5).load(folder) == 1


def test_what_a_killed_process_left_is_removed(tmp_path):
    for name in (".step_1.77.tmp", ".step_9.1234.tmp"):
        (tmp_path / "checkpoints" / name).mkdir(parents=True)
        (tmp_path / "checkpoints" / name / "model.safetensors").write_bytes(b"half")
    folder = Toy().save(tmp_path, 3)
    assert list((tmp_path / "checkpoints").iterdir()) == [folder]


def test_a_checkpoint_is_written_beside_the_training(tmp_path):
    toy, writer, expected = Toy().train(1), CheckpointWriter(), Toy().train(1)
    held = threading.Event()
    write = save_checkpoint(tmp_path, 1, toy.model, toy.teacher, toy.optimizer, RUN, 2)
    writer.submit(lambda: held.wait(60.0) and write())
    toy.train(3, start=1)  # goes on, and changes nothing of what is to be written
    assert checkpoints_of(tmp_path) == []
    held.set()
    writer.wait()
    resumed = Toy(seed=5)
    assert resumed.load(tmp_path / "checkpoints" / "step_1") == 1
    resumed.assert_equal(expected)


def test_the_writer_reports_what_went_wrong_before_the_next_one(tmp_path):
    writer, toy = CheckpointWriter(), Toy()
    (tmp_path / "checkpoints").write_text("a file in the way")
    write = save_checkpoint(tmp_path, 1, toy.model, toy.teacher, toy.optimizer, RUN, 2)
    writer.submit(write)
    refused(lambda: writer.submit(write), "step_1 cannot be written .*make room")


@pytest.mark.parametrize("content", ["[]", "{}", '{"step": 1}', '{"step": "x", "run": {}}', '{"step": 1, "run": []}'])
def test_a_state_file_of_another_kind(tmp_path, content):
    folder = Toy().train(1).save(tmp_path, 1)
    (folder / STATE_FILE).write_text(content)
    refused(lambda: Toy().load(folder), "is damaged or belongs to another model")


def test_another_runs_checkpoint(tmp_path):
    folder = Toy().train(1).save(tmp_path, 1)
    untouched = Toy(seed=5)
    for name, value in (("seed", 1), ("method", "baseline"), ("new_option", True)):
        saved = RUN.get(name)
        message = f"was made with {name} = {saved!r}, this run has {value!r}: resume with the same options"
        refused(lambda name=name, value=value: untouched.load(folder, {**RUN, name: value}), message)
        refused(lambda name=name, value=value: read_state(folder, {**RUN, name: value}), message)
    untouched.assert_equal(Toy(seed=5))
    assert read_state(folder, RUN)["step"] == 1


def test_an_option_that_came_later_stood_for_its_default(tmp_path):
    folder = Toy().save(tmp_path, 1)
    assert read_state(folder, {**RUN, "patch_dropout": 0.0})["step"] == 1
    with pytest.raises(CheckpointFolderError, match=r"made with patch_dropout = 0\.0, this run has 0\.5"):
        read_state(folder, {**RUN, "patch_dropout": 0.5})


def test_another_models_checkpoint(tmp_path):
    folder = Toy().train(1).save(tmp_path, 1)
    refused(lambda: Toy(projection_dim=4).load(folder), "is damaged or belongs to another model .*size mismatch")
    refused(lambda: Toy(class_names=["a", "b"]).load(folder), "classifier.weight")


def test_an_optimizer_of_other_trained_parts(tmp_path):
    folder = Toy().train(1).save(tmp_path, 1)
    refused(lambda: Toy(freeze_image=True).load(folder), "other frozen weights")
    content = json.loads((folder / STATE_FILE).read_text())  # an earlier version's does not say what was frozen
    (folder / STATE_FILE).write_text(json.dumps({name: content[name] for name in ("step", "run", "progress")}))
    refused(lambda: Toy(freeze_image=True).load(folder), "the optimizer's state belongs to other trained parameters")


def test_missing_and_surplus_weights(tmp_path):
    for change in (lambda state: state.pop("logit_scale"), lambda state: state.update(extra=torch.zeros(1))):
        folder = Toy().train(1).save(tmp_path, 1)
        state = load_file(folder / "model.safetensors")
        change(state)
        save_file(state, folder / "model.safetensors")
        refused(lambda folder=folder: Toy().load(folder), "is damaged or belongs to another model")
