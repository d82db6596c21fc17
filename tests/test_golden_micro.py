"""Parity with the official code on the compact recordings that travel with the repository."""

import json

import pytest
import torch
from golden import FIXTURES, official_arguments
from safetensors.torch import load_file
from torch.testing import assert_close

from modeling_crossmost.modeling_crossmost import CrossMoSTModel, prompt_ensemble
from modeling_crossmost.official.checkpoints import load_official_checkpoint
from modeling_crossmost.official.models import convert_crossmost
from modeling_crossmost.training.losses import alignment_loss, fairness_loss, self_training_loss
from modeling_crossmost.training.self_training import make_pseudo_labels


CASES = json.loads((FIXTURES / "engine_cases.json").read_text())
OUT_OF_SCOPE = {"agreement_pseudolabels", "only_pc", "only_image", "trans_pcl_img", "trans_img_pcl"}
IN_SCOPE = [n for n, c in CASES.items() if not OUT_OF_SCOPE & set(c["overrides"]) and n.startswith("case")]
WEIGHTS = {
    "w_fair_image": 1.0,
    "w_fair_pc": 1.0,
    "w_mim_image": 1.0,
    "w_mim_pc": 1.0,
    "w_align_image": 0.2,
    "w_align_pc": 0.2,
    "w_image_pc_align": 1.0,
}


def load_case(name: str) -> tuple[dict, dict]:
    tensors = load_file(FIXTURES / "engine_cases.safetensors")
    parts = {"in": {}, "out": {}}
    for key, value in tensors.items():
        case, part, field = key.split(".", 2)
        if case == name:
            parts[part][field] = value
    return parts["in"], parts["out"]


def labels_of(given: dict, recipe: str, **overrides):
    keys = torch.arange(len(given["teacher_image_logits"]))
    arguments = official_arguments(recipe, **overrides)
    return make_pseudo_labels(given["teacher_image_logits"], given["teacher_point_logits"], keys, arguments)


@pytest.mark.parametrize("name", IN_SCOPE)
def test_engine_case(name):
    case, (given, expected) = CASES[name], load_case(name)
    image, point = labels_of(given, case["config"])
    assert torch.equal(image.kept, expected["conf_mask_image"])
    assert torch.equal(point.kept, expected["conf_mask_pc"])
    if image is point:
        assert torch.equal(image.labels, expected["combined_targets"])
        assert_close(image.confidence, expected["combined_scores"])
    else:
        assert torch.equal(image.labels, expected["pseudo_targets_image"])
        assert torch.equal(point.labels, expected["pseudo_targets_pc"])

    weights = {**WEIGHTS, **case["overrides"]}
    image_logits = given["student_image_logits"].requires_grad_()
    point_logits = given["student_point_logits"].requires_grad_()
    image_terms = {
        "loss_st_image": (1.0, self_training_loss(image_logits, image.labels, image.kept, "official")),
        "loss_fair_image": (weights["w_fair_image"], fairness_loss(image_logits)),
    }
    point_terms = {
        "loss_st_pc": (1.0, self_training_loss(point_logits, point.labels, point.kept, "official")),
        "loss_fair_pc": (weights["w_fair_pc"], fairness_loss(point_logits)),
    }
    if case["masked"]:
        image_terms["loss_mim_image"] = (weights["w_mim_image"], given["mim_loss_image"])
        image_terms["loss_align_image"] = (weights["w_align_image"], given["gl_align_image"].mean())
        point_terms["loss_mim_pc"] = (weights["w_mim_pc"], given["mpm_loss_point"])
        point_terms["loss_align_pc"] = (weights["w_align_pc"], given["gl_align_point"].mean())
    for term, (_, value) in {**image_terms, **point_terms}.items():
        assert_close(value, expected[term], rtol=1e-5, atol=1e-6)
    total = sum(w * v for w, v in image_terms.values()) + case["pc_loss_weight"] * sum(
        w * v for w, v in point_terms.values()
    )
    if "loss_pc_image_align" in expected:
        align = alignment_loss(given["student_image_features"], given["student_point_features"], 1.0, "official")
        assert_close(align, expected["loss_pc_image_align"] + expected["loss_image_pc_align"], rtol=1e-5, atol=1e-6)
        if image is point:  # the baselines record the term and do not use it
            total = total + weights["w_image_pc_align"] * align
    assert_close(total, expected["loss"], rtol=1e-5, atol=1e-6)
    total.backward()
    for logits, field in ((image_logits, "image"), (point_logits, "point")):
        gradient = expected[f"grad_student_{field}_logits"]
        assert_close(logits.grad, gradient, rtol=0, atol=1e-4 * gradient.abs().max().item())


def test_tie_goes_to_the_image_where_the_official_code_adds_two_class_indices():
    given, recorded = load_case("tie")
    labels, _ = labels_of(given, "scobj_crossmost", confidence_threshold=0.0)
    image, point = given["teacher_image_logits"].softmax(-1), given["teacher_point_logits"].softmax(-1)
    tied = image.max(-1).values == point.max(-1).values
    assert tied.any()
    assert torch.equal(labels.labels[tied], image.argmax(-1)[tied])
    assert not torch.equal(recorded["combined_targets"][tied], labels.labels[tied]), "the recording holds the bug"


def test_nobody_confident_gives_zero_and_a_gradient():
    given, _ = load_case("none_confident")
    labels, _ = labels_of(given, "modelnet40_crossmost")
    assert not labels.kept.any()
    for variant in ("paper", "official"):
        logits = given["student_image_logits"].clone().requires_grad_()
        loss = self_training_loss(logits, labels.labels, labels.kept, variant)
        loss.backward()
        assert loss.item() == 0.0 and torch.equal(logits.grad, torch.zeros_like(logits))


@pytest.mark.parametrize(("weights", "prefix"), [("model", ""), ("model_ema", "ema_")])
def test_converted_micro_checkpoint(weights, prefix):
    recorded = load_file(FIXTURES / "micro_io.safetensors")
    content = load_official_checkpoint(FIXTURES / "checkpoint-best_micro.pth")
    model, report = convert_crossmost(
        content, weights=weights, image_heads=2, point_heads=2, point_groups=8, group_size=4
    )
    assert report.missing == [] and report.unexpected == []
    with torch.no_grad():
        output = CrossMoSTModel.forward(model, point_values=recorded["points"], pixel_values=recorded["images"])
    assert_close(output.logits_per_image, recorded[f"{prefix}image_logits"], rtol=0, atol=1e-4)
    assert_close(output.logits_per_point, recorded[f"{prefix}point_logits"], rtol=0, atol=1e-4)


def test_prompt_ensemble():
    recorded = load_file(FIXTURES / "text_ensemble.safetensors")
    assert_close(prompt_ensemble(recorded["prompt_embeddings"]).T, recorded["classifier"], rtol=0, atol=1e-6)
