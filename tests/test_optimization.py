"""Parameter groups, layer decay and the schedule: by rule, and against the official code's recorded values."""

import json

import pytest
import torch
from golden import shared_directory
from toy import toy_model

from modeling_crossmost import CrossMoSTConfig, CrossMoSTForSelfTraining
from modeling_crossmost.official.names import rename_official_key
from modeling_crossmost.training.optimization import (
    decays,
    layer_index,
    learning_rate_at,
    parameter_groups,
    scaled_learning_rate,
    set_learning_rate,
)
from modeling_crossmost.training.self_training import SelfTrainingArguments, freeze_for_self_training


def grouped(model: torch.nn.Module, groups: list[dict]) -> dict[str, dict]:
    """Group of every parameter name."""
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    return {names[id(parameter)]: group for group in groups for parameter in group["params"]}


def ours(official: str) -> list[str]:
    """Our names of an official parameter; query, key and value are one tensor there."""
    name = rename_official_key(official)
    if ".self_attn.in_proj_" not in name:
        return [name]
    return [name.replace("in_proj_", f"{part}_proj.") for part in "qkv"]


def test_official_groups_are_the_recorded_ones():
    recorded = json.loads((shared_directory() / "reference" / "param_groups_full.json").read_text())
    with torch.device("meta"):
        model = CrossMoSTForSelfTraining(CrossMoSTConfig(point_local_projection=True))
    freeze_for_self_training(model, SelfTrainingArguments())
    groups = parameter_groups(model, 12, weight_decay=0.05, layer_decay=0.65, official=True)
    found = grouped(model, groups)
    expected = {name: values for key, values in recorded["parameters"].items() for name in ours(key)}
    assert found.keys() == expected.keys()
    for name, values in expected.items():
        group = found[name]
        assert group["name"] == values["group"], name
        assert group["weight_decay"] == values["weight_decay"], name
        assert group["lr_scale"] == pytest.approx(values["lr_scale"], rel=1e-12), name
    assert len(groups) == len({values["group"] for values in expected.values()}) == 28
    frozen = {name for key in recorded["frozen"] for name in ours(key)}
    assert frozen == {name for name, value in model.named_parameters() if not value.requires_grad}


def test_by_default_only_matrices_decay():
    model = toy_model(CrossMoSTForSelfTraining, text=True, point_local_projection=True)
    groups = parameter_groups(model, 2, weight_decay=0.1, layer_decay=0.5)
    found = grouped(model, groups)
    assert found.keys() == {name for name, _ in model.named_parameters()}, "every parameter is in one group"
    undecayed = {name for name, group in found.items() if group["weight_decay"] == 0.0}
    assert {group["weight_decay"] for group in groups} == {0.0, 0.1}
    for name, parameter in model.named_parameters():
        is_bias_or_norm = name.endswith("bias") or "norm" in name or "layrnorm" in name
        is_token = any(part in name for part in ("mask_token", "class_embedding", "class_position", "token_embedding"))
        is_position = "position_embedding" in name
        left_out = is_bias_or_norm or is_token or is_position or name == "logit_scale"
        assert (name in undecayed) == left_out, name
        assert decays(name, parameter) != left_out
    for name in ("classifier.weight", "point_projection.weight", "vision_model.embeddings.patch_embedding.weight"):
        assert name not in undecayed


def test_layer_decay_touches_the_image_tower_only():
    model = toy_model(CrossMoSTForSelfTraining, text=True)
    found = grouped(model, parameter_groups(model, 2, layer_decay=0.5))
    scales = {name: group["lr_scale"] for name, group in found.items()}
    assert scales["vision_model.embeddings.class_embedding"] == scales["image_mask_token"] == 0.125
    assert scales["vision_model.pre_layrnorm.weight"] == 0.125
    assert scales["vision_model.encoder.layers.0.mlp.fc1.weight"] == 0.25
    assert scales["vision_model.encoder.layers.1.mlp.fc1.bias"] == 0.5
    image = ("vision_model.embeddings", "vision_model.pre_layrnorm", "vision_model.encoder", "image_mask_token")
    assert {scale for name, scale in scales.items() if not name.startswith(image)} == {1.0}
    assert layer_index("vision_model.encoder.layers.10.mlp.fc1.weight", 12) == 11
    assert layer_index("vision_model.post_layernorm.weight", 12) == layer_index("logit_scale", 12) == 13


def test_frozen_parameters_are_in_no_group():
    model = toy_model(CrossMoSTForSelfTraining)
    model.vision_model.requires_grad_(False)
    found = grouped(model, parameter_groups(model, 2))
    assert found and not any(name.startswith("vision_model") for name in found)


def test_the_rate_is_scaled_by_group():
    model = toy_model(CrossMoSTForSelfTraining)
    optimizer = torch.optim.AdamW(parameter_groups(model, 2, layer_decay=0.5), lr=0.0)
    set_learning_rate(optimizer, 0.8)
    assert {group["lr"] for group in optimizer.param_groups} == {0.1, 0.2, 0.4, 0.8}
    plain = torch.optim.SGD(model.parameters(), lr=0.0)
    set_learning_rate(plain, 0.3)
    assert plain.param_groups[0]["lr"] == 0.3


def test_the_schedule_is_the_recorded_one():
    schedules = json.loads((shared_directory() / "reference" / "schedules.json").read_text())["schedules"]
    for name, schedule in schedules.items():
        warmup = schedule["iterations_per_epoch"]
        total = warmup * schedule["epochs"]
        rates = [learning_rate_at(step, total, warmup, schedule["lr"], schedule["min_lr"]) for step in range(total)]
        assert total == schedule["n"]
        assert rates == pytest.approx(schedule["all"], rel=1e-9, abs=1e-18), name


def test_the_schedule_in_numbers():
    rates = [learning_rate_at(step, 8, 3, 1.0, 0.2) for step in range(10)]
    assert rates[:4] == pytest.approx([0.0, 0.5, 1.0, 1.0])
    assert rates[4] == pytest.approx(0.2 + 0.4 * (1 + 0.8090169943749475))  # cos(pi / 5)
    assert rates[8] == rates[9] == pytest.approx(0.2), "the minimum holds after the end"
    assert learning_rate_at(0, 5, 0, 1.0) == 1.0, "no warm-up starts at the peak"
    assert learning_rate_at(0, 5, 1, 1.0) == 0.0
    assert learning_rate_at(0, 3, 3, 1.0) == 0.0 and learning_rate_at(2, 3, 3, 1.0) == 1.0


def test_the_rate_grows_like_the_batch_or_like_its_root_from_the_reference_on():
    assert scaled_learning_rate(2e-5, 512, 32) == pytest.approx(4e-5)
    assert scaled_learning_rate(2e-5, 128, 32) == pytest.approx(1e-5)
    assert scaled_learning_rate(3.2e-3, 32, 32, "sqrt") == pytest.approx(4e-4)  # the reference: as linear
    assert scaled_learning_rate(3.2e-3, 128, 32, "sqrt") == pytest.approx(8e-4)
