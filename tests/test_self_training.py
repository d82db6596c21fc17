"""One self-training step: the teacher's average, what is frozen, whose labels, which losses, keyed chance."""

import copy
import math

import numpy as np
import pytest
import torch
from torch.testing import assert_close
from toy import CLASSES, NUM_PATCHES, POINT, roughen, toy_clouds, toy_model, toy_views

from modeling_crossmost import CrossMoSTForSelfTraining, CrossMoSTModel
from modeling_crossmost.data.keyed_random import object_keys
from modeling_crossmost.training.distributed import gather_batch, synchronize_batch_norm
from modeling_crossmost.training.losses import alignment_loss, fairness_loss, self_training_loss
from modeling_crossmost.training.self_training import (
    EMATeacher,
    SelfTrainingArguments,
    Settled,
    StudentPass,
    anchored,
    class_shares,
    ema_decay_at,
    freeze_for_self_training,
    make_pseudo_labels,
    masked_losses,
    self_training_step,
    settled_modality,
    step_statistics,
    student_inputs,
    teacher_logits,
    train_mode,
)


SIZE = 6
DECODERS = ("image_mask_token", "point_mask_token", "patch_layernorm", "pixel_decoder", "token_decoder")


def make_arguments(**overrides) -> SelfTrainingArguments:
    """Arguments that fit the toy's 32 px views, mask enough of 9 sub-clouds and keep labels of an untrained teacher."""
    fitting = {
        "image_mask_unit": 8,
        "image_mask_ratio": 0.3,
        "point_mask_ratio_min": 0.3,
        "point_mask_ratio_max": 0.4,
        "anchor": 0.0,  # a step alone has none
        "pseudo_label": "joint",
        "confidence_threshold": 0.4,
    }
    return SelfTrainingArguments(**{**fitting, **overrides})


def make_student(seed: int = 0, **fields) -> CrossMoSTForSelfTraining:
    return toy_model(CrossMoSTForSelfTraining, seed=seed, **fields)


def make_batch() -> dict[str, torch.Tensor]:
    return {
        "points": toy_clouds(SIZE),
        "weak_image": toy_views(SIZE, seed=1),
        "strong_image": toy_views(SIZE, seed=2),
    }


def make_keys(epoch: int = 0) -> torch.Tensor:
    return object_keys(0, epoch, torch.arange(SIZE))


def one_step(
    arguments: SelfTrainingArguments,
    student: CrossMoSTForSelfTraining | None = None,
    epoch: int = 0,
    chunk_size: int | None = None,
    settled: str | None = None,
    shares: torch.Tensor | None = None,
):
    """Student (with gradients) and terms of a step whose teacher has other weights than the student."""
    student = make_student() if student is None else student
    teacher = EMATeacher(make_student(seed=9))
    freeze_for_self_training(student, arguments, settled)
    train_mode(student, arguments, settled)
    wrapped = StudentPass(student, arguments, chunk_size)
    inputs = (make_batch(), make_keys(epoch), arguments, chunk_size)
    terms = self_training_step(wrapped, student, teacher, *inputs, shares=shares)
    return student, terms


@pytest.mark.parametrize("variant", ["paper", "official"])
@pytest.mark.parametrize("size", [1, 4])
def test_chunks_of_a_batch_give_the_gradients_and_terms_of_the_whole(variant, size):
    arguments = make_arguments(loss_variant=variant)
    (whole, terms), (parts, same) = one_step(arguments), one_step(arguments, chunk_size=size)
    for name, value in terms.items():
        assert_close(same[name], value, rtol=1e-5, atol=1e-6, equal_nan=True, msg=name)
    terms["loss"].backward()
    same["loss"].backward()
    ours, theirs = dict(whole.named_parameters()), dict(parts.named_parameters())
    assert sum(value.grad is not None for value in ours.values()) > 20
    largest = max(value.grad.abs().max().item() for value in ours.values() if value.grad is not None)
    for name, value in ours.items():
        assert (value.grad is None) == (theirs[name].grad is None), name
        if value.grad is not None:
            bound = 1e-5 * value.grad.abs().max().item() + 1e-7 * max(largest, 1.0)
            assert_close(theirs[name].grad, value.grad, rtol=1e-5, atol=bound, msg=name)


def test_repeated_passes_of_chunks_do_not_count_in_batch_norm():
    arguments, seen = make_arguments(freeze_point_tokenizer=False), []
    for backward in (False, True):
        student = synchronize_batch_norm(make_student())
        _, terms = one_step(arguments, student, chunk_size=2)
        if backward:
            terms["loss"].backward()
        norm = student.point_model.embeddings.tokenizer.first_norm
        seen.append((norm.running_mean.clone(), norm.running_var.clone(), norm.num_batches_tracked.clone()))
    start = make_student().point_model.embeddings.tokenizer.first_norm.num_batches_tracked
    assert seen[0][2] - start == SIZE // 2
    assert all(torch.equal(before, after) for before, after in zip(*seen, strict=True))


# --------------------------------------------------------------------------------------------------------------------
# Teacher
# --------------------------------------------------------------------------------------------------------------------


def test_the_decay_ramps_linearly_between_its_ends():
    recorded = {
        0: 0.99,
        1: 0.9900245,
        50: 0.991225,
        200: 0.9949,
        399: 0.9997755,
        400: 0.9998,
        401: 0.9998,
        5000: 0.9998,
    }
    assert {step: ema_decay_at(step) for step in recorded} == pytest.approx(recorded, rel=1e-12)
    assert ema_decay_at(3, 0.5, 0.9, 4) == pytest.approx(0.8)
    assert ema_decay_at(0, 0.5, 0.9, 0) == 0.9


def test_a_step_of_a_larger_batch_moves_the_teacher_as_far_as_the_steps_that_it_stands_for():
    distance, ratio = 1.0, 4
    for _ in range(ratio):
        distance *= ema_decay_at(10_000, 0.9, 0.99, 400)
    assert ema_decay_at(10_000, 0.9, 0.99, 400, ratio) == pytest.approx(distance)
    assert ema_decay_at(100, 0.9, 0.99, 400, ratio) == pytest.approx(distance)  # the ramp has a quarter of the steps
    assert ema_decay_at(50, 0.9, 0.99, 400, ratio) == pytest.approx(0.945**ratio)


def test_the_average_follows_its_closed_form():
    student, decays = make_student(), [0.9, 0.99, 0.5]
    teacher = EMATeacher(student)
    history = [copy.deepcopy(student.state_dict())]
    for index, decay in enumerate(decays):
        roughen(student, seed=20 + index)
        history.append(copy.deepcopy(student.state_dict()))
        teacher.update(student, decay)
    averaged = teacher.model.state_dict()
    for name, start in history[0].items():
        if not start.is_floating_point():
            continue
        # mu1 mu2 mu3 start + (1 - mu1) mu2 mu3 w1 + (1 - mu2) mu3 w2 + (1 - mu3) w3
        expected = start.double() * math.prod(decays)
        for index, decay in enumerate(decays):
            expected += (1 - decay) * math.prod(decays[index + 1 :]) * history[index + 1][name].double()
        assert_close(averaged[name].double(), expected, rtol=1e-5, atol=1e-6, msg=name)
    assert not torch.equal(averaged["logit_scale"], history[0]["logit_scale"])
    running = "point_model.embeddings.tokenizer.first_norm.running_var"
    assert not torch.equal(averaged[running], history[0][running]), "floating buffers are averaged too"


def test_integer_buffers_are_copied():
    student = make_student()
    teacher = EMATeacher(student)
    counter = "point_model.embeddings.tokenizer.first_norm.num_batches_tracked"
    student.state_dict()[counter].fill_(38)
    teacher.update(student, 0.99)
    assert teacher.model.state_dict()[counter].item() == 38


def test_the_extreme_decays():
    student, other = make_student(), make_student(seed=3)
    teacher = EMATeacher(student)
    teacher.update(other, 1.0)
    assert all(torch.equal(value, student.state_dict()[name]) for name, value in teacher.model.state_dict().items())
    teacher.update(other, 0.0)
    for name, value in teacher.model.state_dict().items():
        assert_close(value, other.state_dict()[name], rtol=1e-6, atol=1e-7, msg=name)


def test_the_teachers_towers_run_in_the_precision_of_the_run_and_its_logits_in_float32():
    teacher = EMATeacher(make_student(), lambda: torch.autocast("cpu", dtype=torch.bfloat16))
    seen = []
    for projection in (teacher.model.visual_projection, teacher.model.point_projection):
        projection.register_forward_hook(lambda module, inputs, output: seen.append(output.dtype))
    logits = teacher_logits(teacher, make_batch(), make_keys())
    assert seen == [torch.bfloat16] * 2 and [value.dtype for value in logits] == [torch.float32] * 2


def test_a_compiled_teacher_is_one_graph_and_says_the_same():
    graphs = []

    def backend(graph, inputs):
        graphs.append(graph)
        return graph.forward

    teacher = EMATeacher(make_student())
    plain = teacher_logits(teacher, make_batch(), make_keys())
    teacher.compile(backend=backend, fullgraph=True)
    assert_close(teacher_logits(teacher, make_batch(), make_keys()), plain)
    teacher_logits(teacher, make_batch(), make_keys(epoch=1))
    assert len(graphs) == 1  # for every step


def test_the_teacher_is_a_frozen_copy_in_evaluation_mode():
    student = make_student().train()
    teacher = EMATeacher(student)
    assert not any(module.training for module in teacher.model.modules())
    assert not any(value.requires_grad for value in teacher.model.parameters())
    assert student.training and student.classifier.weight.requires_grad
    before = teacher.model.classifier.weight.clone()
    roughen(student)
    assert torch.equal(teacher.model.classifier.weight, before)
    fresh = EMATeacher(student)
    fresh.model.load_state_dict(teacher.model.state_dict())
    assert all(torch.equal(value, teacher.model.state_dict()[name]) for name, value in fresh.model.state_dict().items())


# --------------------------------------------------------------------------------------------------------------------
# What trains
# --------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("freeze", [True, False])
def test_a_frozen_tokenizer_stands_still_with_its_statistics(freeze):
    student = make_student()
    tokenizer = student.point_model.embeddings.tokenizer
    before = copy.deepcopy(tokenizer.state_dict())
    _, terms = one_step(make_arguments(freeze_point_tokenizer=freeze), student)
    terms["loss"].backward()
    assert tokenizer.training != freeze and student.point_model.layers.training
    same = {name: torch.equal(value, before[name]) for name, value in tokenizer.state_dict().items()}
    statistics = [name for name in same if "running" in name or "num_batches" in name]
    assert len(statistics) == 6 and all(same[name] == freeze for name in statistics)
    assert all((value.grad is None) == freeze for value in tokenizer.parameters())


@pytest.mark.parametrize(
    ("overrides", "frozen"),
    [
        ({}, ("text_", "point_model.embeddings.tokenizer.")),
        ({"freeze_point_tokenizer": False}, ("text_",)),
        (
            {"freeze_image": True},
            ("text_", "point_model.embeddings.tokenizer.", "vision_model.", "visual_projection."),
        ),
        ({"masked_modeling": False}, ("text_", "point_model.embeddings.tokenizer.", *DECODERS)),
    ],
)
def test_exactly_what_trains_gets_a_gradient(overrides, frozen):
    student, terms = one_step(make_arguments(**overrides), make_student(text=True))
    terms["loss"].backward()
    for name, value in student.named_parameters():
        trains = not name.startswith(frozen)
        assert value.requires_grad == trains, name
        assert (value.grad is not None) == trains, name


@pytest.mark.parametrize(
    ("settled", "frozen", "tower"),
    [
        ("image", ("vision_model.", "visual_projection.", "image_mask_token", "pixel_decoder."), "vision_model"),
        ("point", ("point_", "token_decoder."), "point_model"),
    ],
)
@pytest.mark.parametrize("chunk_size", [None, 2])
def test_a_settled_modality_stands_still_with_the_classifier(settled, frozen, tower, chunk_size):
    arguments = make_arguments(freeze_point_tokenizer=False)
    student, terms = one_step(arguments, make_student(), settled=settled, chunk_size=chunk_size)
    terms["loss"].backward()
    frozen += ("classifier.", "logit_scale", *(["patch_layernorm."] if settled == "image" else []))
    for name, value in student.named_parameters():
        assert (value.grad is None) == (not value.requires_grad) == name.startswith(frozen), name
    assert not any(module.training for module in getattr(student, tower).modules())


@pytest.mark.parametrize(
    ("image", "point", "expected"),
    [(19, 11, "image"), (11, 20, "point"), (18, 18, None), (11, 18, None), (20, 20, None), (20, 10, None)],
)
def test_who_is_settled_in_closed_form(image, point, expected):
    # Of 20 objects both say class 0 together; a modality that says class 1 is outvoted by the other one's certainty.
    def opinion(right: int) -> torch.Tensor:
        said = [[0.999, 0.001]] * right + [[0.4, 0.6]] * (20 - right)
        return torch.tensor(said).log()

    anchors = torch.stack([opinion(image), opinion(point).flip(0)], dim=1)
    shares = {"image": image / 20, "point": point / 20}
    assert settled_modality(anchors) == (None if expected is None else Settled(expected, shares[expected]))


def test_freezing_again_forgets_the_last_time():
    student = make_student()
    freeze_for_self_training(student, make_arguments(freeze_image=True))
    freeze_for_self_training(student, make_arguments())
    assert student.vision_model.embeddings.class_embedding.requires_grad


# --------------------------------------------------------------------------------------------------------------------
# Pseudo-labels
# --------------------------------------------------------------------------------------------------------------------


def teacher_pair() -> tuple[torch.Tensor, torch.Tensor]:
    image = torch.tensor([[0.7, 0.3], [0.2, 0.8], [0.45, 0.55], [0.6, 0.4]]).log()
    point = torch.tensor([[0.1, 0.9], [0.3, 0.7], [0.52, 0.48], [0.75, 0.25]]).log()
    return image, point


@pytest.mark.parametrize(
    ("kind", "labels", "kept"),
    [
        ("joint", [1, 1, 1, 0], [True, True, False, True]),
        ("sum", [1, 1, 1, 0], [True, True, False, True]),
        ("image", [0, 1, 1, 0], [False, True, False, False]),
        ("point", [1, 1, 0, 0], [True, False, False, True]),
    ],
)
def test_whose_labels(kind, labels, kept):
    arguments = make_arguments(pseudo_label=kind, confidence_threshold=0.72)
    image, point = make_pseudo_labels(*teacher_pair(), torch.arange(4), arguments)
    assert image is point
    assert image.labels.tolist() == labels and image.kept.tolist() == kept


def test_own_labels_have_own_thresholds():
    arguments = make_arguments(
        pseudo_label="own", confidence_threshold=0.99, confidence_threshold_image=0.65, confidence_threshold_point=0.72
    )
    image, point = make_pseudo_labels(*teacher_pair(), torch.arange(4), arguments)
    assert image.labels.tolist() == [0, 1, 1, 0] and image.kept.tolist() == [True, True, False, False]
    assert point.labels.tolist() == [1, 1, 0, 0] and point.kept.tolist() == [True, False, False, True]
    shared = make_arguments(pseudo_label="own", confidence_threshold=0.72)
    image, point = make_pseudo_labels(*teacher_pair(), torch.arange(4), shared)
    assert image.kept.tolist() == [False, True, False, False] and point.kept.tolist() == [True, False, False, True]


@pytest.mark.parametrize("source", ["embeddings", "logits"])
def test_a_teacher_of_several_views_sees_them_as_the_evaluation_does(source):
    student = toy_model(CrossMoSTForSelfTraining, image_star_from=source)
    teacher, batch, keys = EMATeacher(student), make_batch(), make_keys()
    several = toy_views(SIZE, 3, seed=4)
    image, point = teacher_logits(teacher, {**batch, "weak_image": several}, keys)
    assert_close(image, CrossMoSTModel.forward(teacher.model, pixel_values=several).logits_per_image)
    assert_close(point, teacher_logits(teacher, batch, keys)[1])
    chunked = teacher_logits(teacher, {**batch, "weak_image": several}, keys, chunk_size=2)
    assert_close(chunked[0], image)


def test_random_labels_are_a_fair_keyed_coin():
    keys = object_keys(0, 0, torch.arange(2000))
    image, point = torch.tensor([[5.0, 0.0]]).expand(2000, 2), torch.tensor([[0.0, 1.0]]).expand(2000, 2)
    arguments = make_arguments(pseudo_label="random", confidence_threshold=0.0)
    labels, _ = make_pseudo_labels(image, point, keys, arguments)
    assert torch.equal(labels.from_image, labels.labels == 0)
    assert 900 < labels.from_image.sum() < 1100
    again, _ = make_pseudo_labels(image[:7], point[:7], keys[:7], arguments)
    assert torch.equal(again.labels, labels.labels[:7])


# --------------------------------------------------------------------------------------------------------------------
# Step
# --------------------------------------------------------------------------------------------------------------------


def test_the_loss_is_the_weighted_sum_of_its_terms():
    weights = {
        "align_weight": 0.5,
        "fairness_weight": 2.0,
        "masked_image_weight": 3.0,
        "masked_point_weight": 4.0,
        "global_local_weight": 0.7,
    }
    _, terms = one_step(make_arguments(**weights))
    expected = (
        terms["loss_cls_image"]
        + terms["loss_cls_point"]
        + 0.5 * terms["loss_align"]
        + 2.0 * terms["loss_fair"]
        + 3.0 * terms["loss_mim"]
        + 4.0 * terms["loss_mpm"]
        + 0.7 * terms["loss_global_local"]
    )
    assert_close(terms["loss"], expected)
    assert all(value.dim() == 0 and value.isfinite() for value in terms.values())
    assert all(terms[name] > 0 for name in ("loss_align", "loss_fair", "loss_mim", "loss_mpm", "loss_global_local"))


def test_the_clouds_own_terms_share_a_weight():
    def point_part(weight):
        return one_step(make_arguments(point_loss_weight=weight, align=False))[1]

    whole, without, triple = point_part(1.0), point_part(0.0), point_part(3.0)
    assert_close(triple["loss"] - without["loss"], 3 * (whole["loss"] - without["loss"]))
    assert without["loss"] < whole["loss"]


@pytest.mark.parametrize(
    ("switch", "silent"),
    [
        ("align", {"loss_align"}),
        ("fairness", {"loss_fair"}),
        ("masked_modeling", {"loss_mim", "loss_mpm", "loss_global_local"}),
    ],
)
def test_every_term_can_be_switched_off(switch, silent):
    _, terms = one_step(make_arguments(**{switch: False}))
    off = {name for name, value in terms.items() if name.startswith("loss_") and value.item() == 0.0}
    assert off - {"loss_cls_image", "loss_cls_point"} == silent


@pytest.mark.parametrize("soft", [False, True])
def test_the_step_uses_the_labels_of_the_weak_pass_and_the_paper_losses(soft):
    student, arguments = make_student(), make_arguments(pseudo_label="own", point_loss_weight=1.0, soft_labels=soft)
    teacher = EMATeacher(make_student(seed=9))
    batch, keys = make_batch(), make_keys()
    freeze_for_self_training(student, arguments)
    train_mode(student, arguments)
    terms = self_training_step(StudentPass(student, arguments), student, teacher, batch, keys, arguments)
    image_logits, point_logits = teacher_logits(teacher, batch, keys)
    assert_close(image_logits, CrossMoSTModel.forward(teacher.model, pixel_values=batch["weak_image"]).logits_per_image)
    image, point = make_pseudo_labels(image_logits, point_logits, keys, arguments)
    inputs = student_inputs(student, batch, keys, arguments)
    output = student(**vars(inputs))
    targets = [label.probabilities if soft else label.labels for label in (image, point)]
    expected = {
        "loss_cls_image": self_training_loss(output.logits_per_image, targets[0], image.kept),
        "loss_cls_point": self_training_loss(output.logits_per_point, targets[1], point.kept),
        "loss_fair": fairness_loss(output.logits_per_image) + fairness_loss(output.logits_per_point),
        "loss_align": alignment_loss(output.image_embeds, output.point_embeds, 1 / student.logit_scale.detach().exp()),
    }
    for name, value in expected.items():
        assert_close(terms[name], value, msg=name)
    mim, mpm, image_local, point_local = masked_losses(student, output, inputs, "paper")
    assert_close(terms["loss_mim"], mim)
    assert_close(terms["loss_mpm"], mpm)
    assert_close(terms["loss_global_local"], image_local + point_local)
    assert image.kept.any() and point.kept.any(), "the toy teacher keeps some labels"


def test_fairness_draws_to_the_shares_of_the_start():
    sure = torch.tensor([[0.8, 0.1, 0.1], [0.9, 0.05, 0.05]])  # of both modalities alike, whose product is what counts
    products = sure.square() / sure.square().sum(-1, keepdim=True)
    anchors = sure.log().unsqueeze(1).repeat(1, 2, 1)
    shares = class_shares(anchors)
    assert_close(shares, products.mean(0))
    balanced = torch.stack([anchors[0].roll(shift, dims=-1) for shift in range(3)] * 9)
    assert class_shares(balanced, "auto") is None and class_shares(anchors, "uniform") is None
    assert_close(class_shares(balanced), torch.full((3,), 1 / 3))
    assert class_shares(anchors[:1], "auto") is None, "one object says nothing against balanced classes"
    assert_close(class_shares(anchors.repeat(9, 1, 1), "auto"), shares)
    only_fair = {"align": False, "masked_modeling": False, "confidence_threshold": 1.0}
    student, terms = one_step(make_arguments(**only_fair), shares=shares)
    with torch.no_grad():
        inputs = student_inputs(student, make_batch(), make_keys(), make_arguments(**only_fair))
        output = student(**vars(inputs))
        expected = fairness_loss(output.logits_per_image, shares) + fairness_loss(output.logits_per_point, shares)
    assert_close(terms["loss_fair"], expected)
    assert not torch.allclose(terms["loss_fair"], one_step(make_arguments(**only_fair))[1]["loss_fair"])


def test_the_alignment_temperature_is_the_detached_logit_scale_or_a_number():
    only_align = {"fairness": False, "masked_modeling": False, "confidence_threshold": 1.0}
    student, terms = one_step(make_arguments(**only_align))
    scale = student.logit_scale.exp().item()
    assert terms["loss"].item() == pytest.approx(terms["loss_align"].item())
    terms["loss"].backward()
    assert student.logit_scale.grad.item() == 0.0
    _, fixed = one_step(make_arguments(**only_align, align_temperature=1 / scale))
    _, warm = one_step(make_arguments(**only_align, align_temperature=1.0))
    assert_close(fixed["loss_align"], terms["loss_align"], rtol=1e-4, atol=1e-6)
    assert not torch.allclose(warm["loss_align"], terms["loss_align"])


def test_nobody_confident_still_trains():
    student, terms = one_step(make_arguments(confidence_threshold=1.0))
    assert terms["confident_fraction"].item() == 0.0
    assert terms["loss_cls_image"].item() == terms["loss_cls_point"].item() == 0.0
    terms["loss"].backward()
    assert all(p.grad.isfinite().all() for p in student.parameters() if p.grad is not None)


def test_all_chance_is_keyed_by_object_and_epoch():
    state = torch.get_rng_state()
    student, first = one_step(make_arguments())
    torch.manual_seed(1234)
    _, second = one_step(make_arguments(), student)
    _, later = one_step(make_arguments(), student, epoch=1)
    torch.set_rng_state(state)
    assert all(torch.equal(value, second[name]) for name, value in first.items())
    assert not torch.equal(first["loss_mpm"], later["loss_mpm"])


def test_what_an_object_sees_does_not_depend_on_its_batch():
    student, batch, keys, arguments = make_student(), make_batch(), make_keys(), make_arguments()
    whole = student_inputs(student, batch, keys, arguments)
    part = student_inputs(student, {name: value[2:4] for name, value in batch.items()}, keys[2:4], arguments)
    for name in ("pixel_values", "bool_masked_pos", "point_bool_masked_pos", "dropout_noise"):
        assert torch.equal(getattr(part, name), getattr(whole, name)[2:4]), name
    assert torch.equal(part.groups.centers, whole.groups.centers[2:4])
    assert whole.bool_masked_pos.sum(1).tolist() == [math.ceil(0.3 * NUM_PATCHES)] * SIZE
    assert whole.dropout_noise.shape == (SIZE, POINT["num_hidden_layers"], 2)


def test_without_masks_and_drop_path_nothing_is_drawn_for_them():
    inputs = student_inputs(
        make_student(point_config={**POINT, "drop_path_rate": 0.0}),
        make_batch(),
        make_keys(),
        make_arguments(masked_modeling=False),
    )
    assert inputs.bool_masked_pos is inputs.point_bool_masked_pos is inputs.dropout_noise is None


def test_labels_in_the_batch_change_nothing():
    arguments = make_arguments()
    teacher = EMATeacher(make_student(seed=9))
    losses = []
    for label in (torch.zeros(SIZE, dtype=torch.long), torch.arange(SIZE) % len(CLASSES)):
        student = make_student()
        train_mode(student, arguments)
        batch = {**make_batch(), "label": label}
        losses.append(
            self_training_step(StudentPass(student, arguments), student, teacher, batch, make_keys(), arguments)["loss"]
        )
    assert torch.equal(*losses)


def test_statistics_in_numbers():
    image, point = teacher_pair()
    arguments = make_arguments(confidence_threshold=0.72)
    labels = make_pseudo_labels(image, point, torch.arange(4), arguments)
    statistics = step_statistics(image, point, labels)
    assert statistics["confident_fraction"].item() == 0.75
    assert statistics["modality_agreement"].item() == 0.5
    assert statistics["image_share"].item() == 0.5
    mean = image.softmax(-1).mean(0)
    assert_close(statistics["bias_image"], (mean * (2 * mean).log()).sum(), rtol=1e-4, atol=1e-6)
    entropy = (point.exp() * (2 * point.exp()).log()).sum(-1).mean()
    assert_close(statistics["entropy_point"], entropy, rtol=1e-4, atol=1e-6)
    own = make_pseudo_labels(image, point, torch.arange(4), make_arguments(pseudo_label="own"))
    assert step_statistics(image, point, own)["image_share"].isnan(), "only joint labels have a share"


def test_one_process_gathers_nothing():
    values = torch.ones(3)
    assert gather_batch(values) is values


def test_a_few_steps_bring_the_loss_down():
    student, arguments = make_student(), make_arguments()
    teacher = EMATeacher(make_student(seed=9))
    freeze_for_self_training(student, arguments)
    train_mode(student, arguments)
    optimizer = torch.optim.AdamW([p for p in student.parameters() if p.requires_grad], lr=3e-3)
    losses = []
    for _ in range(12):
        terms = self_training_step(
            StudentPass(student, arguments), student, teacher, make_batch(), make_keys(), arguments
        )
        optimizer.zero_grad()
        terms["loss"].backward()
        optimizer.step()
        losses.append(terms["loss"].item())
    assert losses[-1] < 0.8 * losses[0]


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("pseudo_label", "both", "pseudo_label must be one of joint, sum, image, point, random, own, got 'both'"),
        ("loss_variant", "ours", "loss_variant must be one of paper, official, got 'ours'"),
        ("confidence_threshold", 1.5, "confidence_threshold must lie between 0 and 1, got 1.5"),
        ("confidence_threshold_point", -0.1, "confidence_threshold_point must lie between 0 and 1, got -0.1"),
        ("align_temperature", 0.0, "align_temperature must be positive, got 0.0"),
        ("image_mask_ratio", 1.1, "image_mask_ratio must lie between 0 and 1, got 1.1"),
        ("point_mask_ratio_min", 0.5, "0 <= min <= max <= 1, got 0.5 and 0.15"),
        ("strong_dropout", 1.0, "dropout is 1.0"),
        ("strong_crop", [1.0, 0.5], "crop_size"),
    ],
)
def test_unusable_arguments_are_one_sentence(field, value, message):
    with pytest.raises(ValueError, match=message) as caught:
        SelfTrainingArguments(**{field: value})
    assert "\n" not in str(caught.value)


def test_anchored_logits_are_weighted_geometric_means_of_probabilities():
    rng = np.random.default_rng(0)
    sizes = ((5, 3), (5, 3), (5, 2, 3))
    image, point, start = (torch.from_numpy(rng.standard_normal(size).astype(np.float32)) for size in sizes)
    anchors = start.log_softmax(-1)
    for share in (0.0, 0.3, 1.0):
        found = anchored(image, point, anchors, share)
        for logits, teacher, other in zip(found, (image, point), anchors.unbind(1), strict=True):
            expected = teacher.softmax(-1) ** (1 - share) * other.exp() ** share
            assert_close(logits.softmax(-1), expected / expected.sum(-1, keepdim=True))
    assert anchored(image, point, None, 0.0) == (image, point)
    of_start, mixed = anchored(image, point, anchors, 0.3, "image")
    assert_close(of_start, anchors[:, 0])
    assert_close(mixed, anchored(image, point, anchors, 0.3)[1])
