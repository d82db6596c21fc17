"""Parity with the official code, from recorded numbers of a whole training step (all sizes come from the recording)."""

import copy

import pytest
import torch
from golden import GoldenSet, official_arguments, shared_directory
from torch.testing import assert_close

from modeling_crossmost.modeling_crossmost import CrossMoSTModel
from modeling_crossmost.point_ops_crossmost import farthest_point_sample, gather_points, nearest_neighbors
from modeling_crossmost.training.losses import global_local_loss, masked_image_loss, masked_point_loss, patchify
from modeling_crossmost.training.optimization import parameter_groups, set_learning_rate
from modeling_crossmost.training.self_training import (
    EMATeacher,
    StudentInputs,
    ema_decay_at,
    freeze_for_self_training,
    make_pseudo_labels,
    reduce_output,
    student_losses,
)


@pytest.fixture(scope="module")
def golden() -> GoldenSet:
    return GoldenSet(shared_directory() / "reference" / "golden")


@pytest.fixture(scope="module")
def inputs(golden) -> dict[str, torch.Tensor]:
    return golden.tensors("inputs_other", "inputs_images_weak", "inputs_images_strong")


def features(values: torch.Tensor, expected: torch.Tensor) -> None:
    assert_close(values, expected, rtol=0, atol=1e-5 * max(1.0, expected.abs().max().item()))


def masked_pass(model, inputs, tokenizer_training: bool | None):
    """The student's masked forward; `None` evaluates, else training mode with the tokenizer's BatchNorm as told."""
    model = copy.deepcopy(model)
    model.train(tokenizer_training is not None)
    model.point_model.embeddings.tokenizer.train(bool(tokenizer_training))
    student = StudentInputs(
        pixel_values=inputs["images_strong"],
        groups=model.point_model.group(inputs["points_strong"]),
        bool_masked_pos=inputs["image_mask"].flatten(1).bool(),
        point_bool_masked_pos=inputs["point_mask"],
        dropout_noise=None,
    )
    output = model(
        pixel_values=student.pixel_values,
        groups=student.groups,
        bool_masked_pos=student.bool_masked_pos,
        point_bool_masked_pos=student.point_bool_masked_pos,
    )
    return model, student, output


@pytest.mark.parametrize(("who", "which"), [("student", "strong"), ("teacher", "weak")])
def test_every_stage_in_evaluation(golden, inputs, who, which):
    expected = golden.tensors(f"out_eval_{who}_{which}")
    model, points = golden.model(f"state_{who}"), inputs[f"points_{which}"]
    picked = farthest_point_sample(points, golden.sizes["groups"])
    assert torch.equal(picked, expected["pc.fps_idx"])
    centers = gather_points(points, picked)
    neighbors = nearest_neighbors(points, centers, golden.sizes["gsize"])
    assert torch.equal(neighbors.sort(-1).values, expected["pc.knn_idx_sorted_by_distance"].sort(-1).values)
    with torch.no_grad():
        groups = model.point_model.group(points)
        features(groups.neighborhoods, expected["pc.neighborhood"])
        features(model.point_model.embeddings.tokenizer(groups.neighborhoods), expected["pc.mini_pointnet"])
        _, tokens, positions = model.point_model.embeddings(groups)
        features(tokens, expected["pc.group_tokens"])
        features(positions[:, 1:], expected["pc.pos_embed"])
        output = CrossMoSTModel.forward(
            model, point_values=points, pixel_values=inputs[f"images_{which}"], return_tower_outputs=True
        )
    features(output.point_model_output.last_hidden_state, expected["pc.tokens_normed"])
    features(output.point_model_output.pooler_output, expected["pc.concat_feature"])
    features(output.vision_model_output.last_hidden_state, expected["img.transformer_out"])
    features(output.vision_model_output.pooler_output, expected["img.cls_feature"])
    features(output.point_embeds, expected["pc.feature"])
    features(output.image_embeds, expected["img.feature"])
    assert_close(output.logits_per_point, expected["point_logits"], rtol=0, atol=1e-4)
    assert_close(output.logits_per_image, expected["image_logits"], rtol=0, atol=1e-4)


@pytest.mark.parametrize(("name", "training"), [("eval", None), ("bn_train", True), ("bn_eval", False)])
def test_masked_forward_and_losses(golden, inputs, name, training):
    expected = golden.tensors(f"out_masked_{name}")
    model, student, output = masked_pass(golden.model("state_student"), inputs, training)
    assert_close(output.logits_per_point, expected["point_logits"], rtol=0, atol=1e-4)
    assert_close(output.logits_per_image, expected["image_logits"], rtol=0, atol=1e-4)
    features(output.token_predictions, expected["pc.lm_head_out"])
    features(output.pixel_predictions, patchify(expected["img.reconstruction"], golden.sizes["patch"]))
    mask, point_mask = student.bool_masked_pos, student.point_bool_masked_pos
    mim = masked_image_loss(output.pixel_predictions, student.pixel_values, mask, "official")
    mask_tokens = model.point_mask_token.expand_as(output.token_predictions)
    mpm = masked_point_loss(output.token_predictions, mask_tokens, point_mask, "official")
    assert_close(mim, expected["mim_loss_image"], rtol=1e-5, atol=0)
    assert_close(mpm, expected["mpm_loss_point"], rtol=1e-5, atol=0)
    image_local = global_local_loss(output.image_embeds, output.image_local_embeds, mask)
    point_local = global_local_loss(output.point_global_embeds, output.point_local_embeds, point_mask)
    assert_close(image_local, expected["gl_align_image_per_token"].mean(), rtol=1e-5, atol=0)
    assert_close(point_local, expected["gl_align_point_per_token"].mean(), rtol=1e-5, atol=0)


def official_step(golden, inputs, name):
    """Losses and gradients of the recorded step in the official variants."""
    arguments = official_arguments(freeze_point_tokenizer=False)
    teacher = golden.model("state_teacher")
    with torch.no_grad():
        image_logits = teacher.classify(teacher.get_image_features(inputs["images_weak"]))
        point_logits = teacher.classify(teacher.get_point_features(inputs["points_weak"]))
    labels = make_pseudo_labels(image_logits, point_logits, torch.arange(len(image_logits)), arguments)
    student = golden.model("state_student")
    freeze_for_self_training(student, arguments)
    student, seen, output = masked_pass(student, inputs, name == "bn_train")
    terms = student_losses(student, reduce_output(student, output, seen, arguments), labels, arguments)
    return student, teacher, labels, terms


@pytest.mark.parametrize("name", ["bn_train", "bn_eval"])
def test_engine_step(golden, inputs, name):
    expected = golden.tensors(f"engine_{name}")
    _, _, labels, terms = official_step(golden, inputs, name)
    assert torch.equal(labels[0].labels, expected["combined_targets"])
    assert torch.equal(labels[0].kept, expected["conf_mask_image"])
    assert_close(labels[0].confidence, expected["combined_scores"], rtol=0, atol=1e-5)
    pairs = {
        "loss": expected["loss"],
        "loss_cls_image": expected["loss_st_image"],
        "loss_cls_point": expected["loss_st_pc"],
        "loss_fair": expected["loss_fair_image"] + expected["loss_fair_pc"],
        "loss_align": expected["loss_pc_image_align"] + expected["loss_image_pc_align"],
        "loss_mim": expected["loss_mim_image"],
        "loss_mpm": expected["loss_mim_pc"],
        "loss_global_local": expected["loss_align_image"] + expected["loss_align_pc"],
    }
    for term, value in pairs.items():
        assert_close(terms[term], value, rtol=1e-5, atol=1e-6, msg=lambda m, t=term: f"{t}: {m}")


@pytest.mark.parametrize(("name", "tolerance"), [("bn_train", 1e-3), ("bn_eval", 1e-4)])
def test_gradients_optimizer_step_and_ema(golden, inputs, name, tolerance):
    student, teacher, _, terms = official_step(golden, inputs, name)
    terms["loss"].backward()
    gradients = {n: p.grad for n, p in student.named_parameters() if p.grad is not None}
    expected = golden.ours(golden.tensors(f"grads_{name}"))
    for parameter, value in expected.items():
        scale = value.abs().max().item()
        ours = gradients.get(parameter, torch.zeros_like(value))
        assert_close(ours, value, rtol=0, atol=tolerance * scale + 1e-6, msg=lambda m, p=parameter: f"{p}: {m}")
    # The script freezes the tokenizer's parameters, so the recorded step leaves them.
    student.point_model.embeddings.tokenizer.requires_grad_(False)
    rate = golden.sizes["lr"]
    groups = parameter_groups(student, golden.sizes["vl"], weight_decay=0.05, layer_decay=0.65, official=True)
    optimizer = torch.optim.AdamW(groups, betas=(0.9, 0.999), eps=1e-8)
    set_learning_rate(optimizer, rate)
    scales = {id(p): group["lr_scale"] for group in groups for p in group["params"]}
    optimizer.step()
    after = golden.ours(golden.state(f"step_{name}_student_after"))
    for parameter, weight in student.named_parameters():
        moved = gradients.get(parameter)
        if moved is None or id(weight) not in scales:
            continue
        error = (weight - after[parameter]).abs()
        clear = expected[parameter].abs() > 1e-6
        assert error[clear].le(1e-5 + 0.01 * rate).all(), parameter
        assert error.le(2.1 * rate * scales[id(weight)]).all(), parameter
    follower = EMATeacher(teacher)
    recorded = copy.deepcopy(student)
    recorded.load_state_dict(after, strict=False)
    follower.update(recorded, ema_decay_at(golden.sizes["start"]))
    averaged = golden.ours(golden.state(f"step_{name}_ema_after"))
    for parameter, weight in follower.model.state_dict().items():
        if weight.is_floating_point():
            assert_close(weight, averaged[parameter], rtol=1e-6, atol=1e-6, msg=lambda m, p=parameter: f"{p}: {m}")


def test_views_fused_like_the_official_multiview_class(golden, inputs):
    expected = golden.tensors("multiview_eval")
    strong, weak = inputs["images_strong"][:3], inputs["images_weak"][:3]
    views = torch.stack([strong, weak, strong.flip(-1), 0.5 * weak], dim=1)
    model = golden.model("state_student")
    model.config.image_star_from = "logits"
    with torch.no_grad():
        output = CrossMoSTModel.forward(model, point_values=inputs["points_strong"][:3], pixel_values=views)
    assert_close(output.logits_per_image, expected["image_logits"], rtol=0, atol=1e-4)
    assert_close(output.logits_per_point, expected["point_logits"], rtol=0, atol=1e-4)
