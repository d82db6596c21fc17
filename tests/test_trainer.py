"""The model with transformers' `Trainer` and with PEFT's LoRA."""

import numpy as np
import pytest
import torch
from toy import CLASSES, toy_model
from transformers import Trainer, TrainingArguments

from modeling_crossmost import CrossMoSTModel


class Pairs(torch.utils.data.Dataset):
    """Objects whose class shows in the brightness of their view and the flatness of their cloud."""

    def __init__(self, count: int, fields=("point_values", "pixel_values", "labels")):
        generator = torch.Generator().manual_seed(0)
        self.items = []
        for number in range(count):
            label = number % len(CLASSES)
            cloud = torch.randn(64, 3, generator=generator) * torch.tensor([1.0, 0.2 + label, 1.0])
            view = torch.randn(3, 32, 32, generator=generator) * 0.1 + label - 1.0
            item = {"point_values": cloud / cloud.norm(dim=-1).max(), "pixel_values": view, "labels": label}
            self.items.append({name: item[name] for name in fields})

    def __len__(self):
        return len(self.items)

    def __getitem__(self, index):
        return self.items[index]


def options(folder, **changed) -> TrainingArguments:
    defaults = {
        "output_dir": str(folder),
        "per_device_train_batch_size": 8,
        "max_steps": 40,
        "learning_rate": 1e-2,
        "report_to": [],
        "use_cpu": True,
        "disable_tqdm": True,
        "save_strategy": "no",
        "logging_steps": 10,
        "seed": 0,
    }
    return TrainingArguments(**defaults | changed)


def accuracy(prediction) -> dict[str, float]:
    point, image = prediction.predictions[:2]
    labels = prediction.label_ids
    return {"point": np.mean(point.argmax(-1) == labels), "image": np.mean(image.argmax(-1) == labels)}


@pytest.mark.parametrize(
    "fields", [("point_values", "pixel_values", "labels"), ("pixel_values", "labels"), ("point_values", "labels")]
)
def test_trainer_lowers_the_loss_evaluates_and_saves(tmp_path, fields):
    model, data = toy_model(), Pairs(48, fields)
    both = len(fields) == 3
    trainer = Trainer(
        model, options(tmp_path), train_dataset=data, eval_dataset=data, compute_metrics=accuracy if both else None
    )
    before = trainer.evaluate()
    trainer.train()
    after = trainer.evaluate()
    assert after["eval_loss"] < (0.5 if "pixel_values" in fields else 0.95) * before["eval_loss"]
    if both:
        assert after["eval_image"] > 0.8
    trainer.save_model(tmp_path / "saved")
    again = CrossMoSTModel.from_pretrained(tmp_path / "saved")
    inputs = {name: torch.stack([data[row][name] for row in range(3)]) for name in fields if name != "labels"}
    with torch.no_grad():
        assert torch.equal(again.eval()(**inputs)[0], model.eval()(**inputs)[0])


def test_accumulated_batches_are_one_large_batch(tmp_path):
    weights = []
    for size, steps in ((8, 1), (4, 2)):
        model = toy_model()
        model.point_model.tokenizer.requires_grad_(False)
        changed = {"per_device_train_batch_size": size, "gradient_accumulation_steps": steps, "max_steps": 2}
        # SGD, as AdamW's first steps are of the gradient's sign alone.
        trainer = Trainer(
            model,
            options(tmp_path, optim="sgd", **changed),
            train_dataset=Pairs(16, ("pixel_values", "labels")),
        )
        trainer.train()
        weights.append(torch.cat([value.detach().flatten() for value in model.visual_projection.parameters()]))
    torch.testing.assert_close(*weights, rtol=1e-5, atol=1e-6)


def test_lora_trains_its_adapters_alone_and_merges(tmp_path):
    peft = pytest.importorskip("peft", reason="peft is not installed")
    model, data = toy_model(), Pairs(24)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    # The tokenizer's statistics follow the data in training, so its norms belong to what the adapter saves.
    norms = ["first_norm", "second_norm"]
    config = peft.LoraConfig(r=4, lora_alpha=8, target_modules=["q_proj", "v_proj", "qkv"], modules_to_save=norms)
    adapted = peft.get_peft_model(model, config)
    trainer = Trainer(adapted, options(tmp_path, max_steps=20), train_dataset=data, eval_dataset=data)
    start = trainer.evaluate()["eval_loss"]
    trainer.train()
    assert trainer.evaluate()["eval_loss"] < start
    inputs = {name: torch.stack([data[row][name] for row in range(3)]) for name in ("point_values", "pixel_values")}
    adapted.eval()
    with torch.no_grad():
        expected = adapted(**inputs)
    adapted.save_pretrained(tmp_path / "adapter")
    loaded = peft.PeftModel.from_pretrained(toy_model(), str(tmp_path / "adapter")).eval()
    merged = adapted.merge_and_unload().eval()
    for candidate in (loaded, merged):
        with torch.no_grad():
            found = candidate(**inputs)
        torch.testing.assert_close(found.logits_per_point, expected.logits_per_point, rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(found.logits_per_image, expected.logits_per_image, rtol=1e-4, atol=1e-4)
    changed = {name for name, value in merged.state_dict().items() if not torch.equal(value, before[name])}
    assert all(any(part in name for part in (".q_proj.", ".v_proj.", ".qkv.", "_norm.")) for name in changed)
    assert any(".qkv." in name for name in changed) and any(".q_proj." in name for name in changed)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (torch.tensor([0, 1, 3]), "labels must lie in 0 .. 2, got 0 .. 3"),
        (torch.tensor([0, -1, 2]), "labels must lie in 0 .. 2, got -1 .. 2"),
        (torch.tensor([0.0, 1.0, 2.0]), "whole numbers"),
        (torch.tensor([0, 1]), r"labels must be \(3,\) whole numbers, got \(2,\)"),
    ],
)
def test_labels_that_are_no_class_indices_are_refused(labels, message):
    with pytest.raises(ValueError, match=message):
        toy_model()(pixel_values=torch.rand(3, 3, 32, 32), labels=labels)


def test_the_loss_is_the_mean_of_the_modalities_cross_entropies():
    model, data = toy_model(), Pairs(3)
    inputs = {name: torch.stack([data[row][name] for row in range(3)]) for name in ("point_values", "pixel_values")}
    labels = torch.tensor([0, 1, 2])
    with torch.no_grad():
        both = model(**inputs, labels=labels)
        alone = [model(**{name: value}, labels=labels).loss for name, value in inputs.items()]
    by_hand = -both.logits_per_point.log_softmax(-1)[range(3), labels].mean()
    torch.testing.assert_close(alone[0], by_hand)
    torch.testing.assert_close(both.loss, (alone[0] + alone[1]) / 2)
    assert next(iter(both)) == "loss" and "loss" not in model(**inputs)
