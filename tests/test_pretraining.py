"""Contrastive pre-training: the loss in closed form, what is frozen, which pairs take part, keyed chance."""

import copy
import math

import numpy as np
import pytest
import torch
from torch.testing import assert_close
from toy import IMAGE_SIZE, NUM_PATCHES, PATCH_SIZE, toy_clouds, toy_model, toy_tokenizer, toy_views

from modeling_crossmost.data.augmentation import CloudAugmentation
from modeling_crossmost.data.keyed_random import object_keys
from modeling_crossmost.training.pretraining import (
    MAX_LOGIT_SCALE,
    ContrastiveModel,
    PretrainingArguments,
    bound_logit_scale,
    contrastive_loss,
    features_of_patches,
    freeze_for_pretraining,
    pretraining_clouds,
    pretraining_mode,
    pretraining_step,
)


CAPTIONS = ["a chair", "a bed", "a chair", "a lamp"]
SIZE = len(CAPTIONS)


def make_batch() -> dict[str, torch.Tensor]:
    tokens = toy_tokenizer()(CAPTIONS, padding="max_length", max_length=24, return_tensors="pt")
    return {"points": toy_clouds(SIZE), "strong_image": toy_views(SIZE), **tokens}


def make_keys(epoch: int = 0) -> torch.Tensor:
    return object_keys(0, epoch, torch.arange(SIZE))


def one_step(arguments: PretrainingArguments, epoch: int = 0):
    model = toy_model(text=True)
    freeze_for_pretraining(model, arguments)
    pretraining_mode(model, arguments)
    terms = pretraining_step(ContrastiveModel(model, arguments), model, make_batch(), make_keys(epoch), arguments)
    return model, terms


def log_softmax(values: np.ndarray) -> np.ndarray:
    values = values - values.max(-1, keepdims=True)
    return values - np.log(np.exp(values).sum(-1, keepdims=True))


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_contrastive_loss_in_numpy(smoothing):
    generator = torch.Generator().manual_seed(0)
    queries, targets = torch.randn(5, 4, generator=generator), torch.randn(5, 4, generator=generator)
    positives = np.eye(5)
    positives[0, 3] = positives[3, 0] = 1.0
    logits = 2.0 * queries.numpy() @ targets.numpy().T
    target = positives / positives.sum(1, keepdims=True)
    target = (1 - smoothing) * target + smoothing / 5
    expected = -((target * log_softmax(logits)).sum() + (target * log_softmax(logits.T)).sum()) / 5 / 2
    mask = torch.from_numpy(positives).bool()
    assert contrastive_loss(queries, targets, 2.0, mask, smoothing).item() == pytest.approx(expected, rel=1e-5)


def test_contrastive_loss_of_orthogonal_pairs():
    pairs = torch.eye(3)
    expected = math.log(math.exp(4.0) + 2) - 4.0
    assert contrastive_loss(pairs, pairs, 4.0).item() == pytest.approx(expected, rel=1e-5)
    everything = torch.ones(3, 3, dtype=torch.bool)
    assert contrastive_loss(pairs, pairs, 0.0, everything).item() == pytest.approx(math.log(3), rel=1e-6)


@pytest.mark.parametrize(
    ("overrides", "trained"),
    [
        ({}, ("logit_scale", "point_model.", "point_projection.")),
        ({"freeze_image": False}, ("logit_scale", "point_", "vision_model.", "visual_projection.")),
        (
            {"freeze_image": False, "freeze_text": False, "freeze_point": True},
            ("logit_scale", "vision_model.", "visual_projection.", "text_model.", "text_projection."),
        ),
    ],
)
def test_exactly_what_trains_gets_a_gradient(overrides, trained):
    arguments = PretrainingArguments(**overrides)
    model, terms = one_step(arguments)
    terms["loss"].backward()
    for name, value in model.named_parameters():
        assert value.requires_grad == name.startswith(trained), name
        assert (value.grad is not None) == value.requires_grad, name


@pytest.mark.parametrize(
    ("overrides", "stands"),
    [({}, False), ({"freeze_point_tokenizer": True}, True), ({"freeze_point": True, "freeze_text": False}, True)],
)
def test_the_tokenizer_trains_with_its_statistics_or_stands_still(overrides, stands):
    arguments = PretrainingArguments(**overrides)
    before = copy.deepcopy(toy_model(text=True).point_model.embeddings.tokenizer.state_dict())
    model, _ = one_step(arguments)
    tokenizer = model.point_model.embeddings.tokenizer
    changed = [name for name, value in tokenizer.state_dict().items() if not torch.equal(value, before[name])]
    assert tokenizer.training != stands and (not changed) == stands
    if "freeze_point_tokenizer" in overrides:
        assert not any(value.requires_grad for value in tokenizer.parameters())


@pytest.mark.parametrize(
    ("overrides", "names"),
    [
        ({}, {"loss_point_text", "loss_point_image"}),
        ({"freeze_image": False}, {"loss_image_text", "loss_point_text", "loss_point_image"}),
        ({"freeze_text": False}, {"loss_image_text", "loss_point_text", "loss_point_image"}),
        ({"freeze_image": False, "freeze_text": False, "freeze_point": True}, {"loss_image_text"}),
    ],
)
def test_pairs_of_modalities_of_which_one_trains(overrides, names):
    _, terms = one_step(PretrainingArguments(**overrides))
    losses = {name for name in terms if name.startswith("loss_")}
    assert losses == names
    assert_close(terms["loss"], sum(terms[name] for name in losses))
    assert all(value.dim() == 0 and value.isfinite() for value in terms.values())
    assert 0.0 <= terms["retrieval"].item() <= 1.0


def test_image_text_loss_counts_equal_captions_as_right():
    arguments = PretrainingArguments(freeze_image=False, freeze_text=False, freeze_point=True)
    model, terms = one_step(arguments)
    batch = make_batch()
    with torch.no_grad():
        image = model.get_image_features(batch["strong_image"])
        text = model.get_text_features(batch["input_ids"], batch["attention_mask"])
        same = torch.tensor([[first == second for first in CAPTIONS] for second in CAPTIONS])
        expected = contrastive_loss(image, text, model.logit_scale.exp(), same)
    assert_close(terms["loss_image_text"], expected, rtol=1e-5, atol=1e-6)
    nearest = (image @ text.T).argmax(-1).tolist()
    hits = [CAPTIONS[index] == caption for index, caption in zip(nearest, CAPTIONS, strict=True)]
    assert terms["retrieval"].item() == pytest.approx(sum(hits) / SIZE)


def test_chunks_of_a_batch_give_the_gradients_of_the_whole():
    found = []
    for size in (None, 3, 1):
        model = toy_model(text=True)
        arguments = PretrainingArguments(freeze_image=False, freeze_text=False, freeze_point_tokenizer=True)
        freeze_for_pretraining(model, arguments)
        pretraining_mode(model, arguments)
        wrapped = ContrastiveModel(model, arguments, size)
        terms = pretraining_step(wrapped, model, make_batch(), make_keys(), arguments)
        terms["loss"].backward()
        found.append(
            {name: p.grad for name, p in model.named_parameters() if p.grad is not None} | {"loss": terms["loss"]}
        )
    rounding = 1e-7 * max(value.abs().max().item() for value in found[0].values())  # all there is of a key's bias
    for other in found[1:]:
        assert other.keys() == found[0].keys()
        for name, value in found[0].items():
            assert_close(other[name], value, rtol=1e-5, atol=1e-5 * value.abs().max().item() + rounding, msg=name)


def test_a_logit_scale_at_its_bound_still_learns_and_stays_in_bounds():
    model = toy_model(text=True)
    with torch.no_grad():
        model.logit_scale.fill_(math.log(MAX_LOGIT_SCALE))
    arguments = PretrainingArguments(freeze_point=True, freeze_text=False)
    batch = make_batch()
    inputs = {name: batch[name] for name in ("input_ids", "attention_mask")}
    embeds = ContrastiveModel(model, arguments)(**inputs, pixel_values=batch["strong_image"])
    assert "point" not in embeds
    embeds["scale"].backward()
    assert model.logit_scale.grad.item() == pytest.approx(MAX_LOGIT_SCALE)
    with torch.no_grad():
        model.logit_scale.fill_(9.0)
    bound_logit_scale(model)
    assert model.logit_scale.exp().item() == pytest.approx(MAX_LOGIT_SCALE)


def test_clouds_are_normalised_keyed_and_stretched_in_bounds():
    arguments = PretrainingArguments(occlusion=0.4, floor=0.3, stretch=1.5)
    clouds = toy_clouds(SIZE, 200)
    made = pretraining_clouds(clouds, make_keys(), arguments)
    assert made.shape == clouds.shape
    assert_close(made.mean(1), torch.zeros(SIZE, 3), rtol=0, atol=1e-6)
    assert_close(made.norm(dim=-1).amax(1), torch.ones(SIZE))
    assert_close(pretraining_clouds(clouds[1:3], make_keys()[1:3], arguments), made[1:3])
    assert not torch.equal(pretraining_clouds(clouds, make_keys(epoch=1), arguments), made)


def test_stretching_changes_proportions_by_at_most_its_factor():
    still = CloudAugmentation(
        strong_scale=(1.0, 1.0), strong_turn=0.0, strong_shift=0.0, jitter_std=0.0, dropout=0.0, crop_size=(1.0, 1.0)
    )
    keys = object_keys(0, 0, torch.arange(300))
    clouds = toy_clouds(1, 50).expand(300, -1, -1)
    made = pretraining_clouds(clouds, keys, PretrainingArguments(clouds=still, stretch=1.4))
    plain = pretraining_clouds(clouds, keys, PretrainingArguments(clouds=still))
    factors = (made.amax(1) - made.amin(1)) / (plain.amax(1) - plain.amin(1))  # per axis, up to one common scale
    proportion = factors.amax(1) / factors.amin(1)
    assert 1.0 < proportion.min() < 1.2 and 1.6 < proportion.max() <= 1.4**2 * 1.0001


def test_chance_is_keyed_by_object_and_epoch():
    _, first = one_step(PretrainingArguments(occlusion=0.3))
    torch.manual_seed(99)
    _, second = one_step(PretrainingArguments(occlusion=0.3))
    _, later = one_step(PretrainingArguments(occlusion=0.3), epoch=1)
    assert all(torch.equal(value, second[name]) for name, value in first.items())
    assert not torch.equal(first["loss_point_text"], later["loss_point_text"])


def test_all_patches_in_order_are_the_image_features():
    model, views = toy_model(text=True), toy_views(SIZE)
    every = torch.arange(NUM_PATCHES).expand(SIZE, -1)
    with torch.no_grad():
        whole = model.get_image_features(views)
        assert torch.equal(features_of_patches(model, views, every), whole)
        assert_close(features_of_patches(model, views, every.flip(1)), whole)  # the positions go with their patches
        some = features_of_patches(model, views, every[:, ::2])
        others = views.clone()
        others.unflatten(3, (-1, PATCH_SIZE))[..., 1::2, :] = 0.0  # odd columns of patches, none of which is kept
        assert not torch.equal(others, views)
        assert_close(features_of_patches(model, others, every[:, ::2]), some)
    assert_close(some.norm(dim=-1), torch.ones(SIZE))
    assert (some - whole).abs().amax(1).min() > 1e-3


DROPPING = {"freeze_image": False, "freeze_point": True, "patch_dropout": 0.5}


def test_dropped_patches_are_keyed_by_object_and_epoch():
    _, first = one_step(PretrainingArguments(**DROPPING))
    torch.manual_seed(99)
    _, again = one_step(PretrainingArguments(**DROPPING))
    _, later = one_step(PretrainingArguments(**DROPPING), epoch=1)
    _, whole = one_step(PretrainingArguments(**{**DROPPING, "patch_dropout": 0.0}))
    assert torch.equal(first["loss"], again["loss"])
    assert len({terms["loss"].item() for terms in (first, later, whole)}) == 3


def test_what_patches_an_object_keeps_does_not_depend_on_its_batch():
    arguments, batch, seen = PretrainingArguments(**DROPPING), make_batch(), []
    model = toy_model(text=True)

    class Spy(ContrastiveModel):
        def forward(self, *inputs, **named):
            seen.append(named["kept_patches"])
            return super().forward(*inputs, **named)

    for rows in (slice(None), slice(1, 3)):
        part = {name: value[rows] for name, value in batch.items()}
        pretraining_step(Spy(model, arguments), model, part, make_keys()[rows], arguments)
    whole, part = seen
    assert whole.shape == (SIZE, NUM_PATCHES // 2) and torch.equal(whole[1:3], part)
    assert all(len(set(row)) == NUM_PATCHES // 2 and set(row) <= set(range(NUM_PATCHES)) for row in whole.tolist())
    assert len({tuple(sorted(row)) for row in whole.tolist()}) == SIZE


def test_the_image_tower_trains_on_the_patches_that_are_left():
    model, terms = one_step(PretrainingArguments(**DROPPING))
    terms["loss"].backward()
    tower = dict(model.vision_model.named_parameters())
    assert all(value.grad is not None and value.grad.abs().sum() > 0 for value in tower.values())


@pytest.mark.parametrize("overrides", [{}, {"freeze_text": False}])
def test_a_frozen_image_tower_sees_all_patches(overrides):
    _, plain = one_step(PretrainingArguments(**overrides))
    _, dropping = one_step(PretrainingArguments(**overrides, patch_dropout=0.5))
    assert all(torch.equal(value, dropping[name]) for name, value in plain.items())


def test_a_few_steps_bring_the_loss_down():
    model, arguments = toy_model(text=True), PretrainingArguments()
    freeze_for_pretraining(model, arguments)
    pretraining_mode(model, arguments)
    wrapped = ContrastiveModel(model, arguments)
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=5e-3)
    losses = []
    for _ in range(20):
        terms = pretraining_step(wrapped, model, make_batch(), make_keys(), arguments)
        optimizer.zero_grad()
        terms["loss"].backward()
        optimizer.step()
        losses.append(terms["loss"].item())
    assert losses[-1] < 0.7 * losses[0]
    assert make_batch()["strong_image"].shape == (SIZE, 3, IMAGE_SIZE, IMAGE_SIZE)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"freeze_point": True}, "leave nothing to train"),
        ({"patch_dropout": 1.0}, r"patch_dropout must lie in \[0, 1\), got 1.0"),
        ({"occlusion": 1.0}, r"occlusion must lie in \[0, 1\), got 1.0"),
        ({"floor": -0.1}, r"floor must lie in \[0, 1\), got -0.1"),
        ({"stretch": 0.5}, "stretch must be at least 1, got 0.5"),
    ],
)
def test_unusable_arguments_are_one_sentence(fields, message):
    with pytest.raises(ValueError, match=message) as caught:
        PretrainingArguments(**fields)
    assert "\n" not in str(caught.value)


def test_caption_contrast_trains_the_text_tower_alone():
    arguments = PretrainingArguments(freeze_text=False, freeze_point=True, caption_contrast=True)
    model = toy_model(text=True)
    freeze_for_pretraining(model, arguments)
    others = toy_tokenizer()(
        ["a seat", "a cot", "a stool", "a light"], padding="max_length", max_length=24, return_tensors="pt"
    )
    batch = make_batch() | {f"other_{name}": value for name, value in others.items()}
    del batch["strong_image"], batch["points"]
    terms = pretraining_step(ContrastiveModel(model, arguments), model, batch, make_keys(), arguments)
    with torch.no_grad():
        text = model.get_text_features(batch["input_ids"], batch["attention_mask"])
        other = model.get_text_features(batch["other_input_ids"], batch["other_attention_mask"])
        same = (others["input_ids"].unsqueeze(1) == others["input_ids"].unsqueeze(0)).all(-1)
        expected = contrastive_loss(text, other, model.logit_scale.exp(), same)
    assert terms["loss"].item() == pytest.approx(expected.item(), rel=1e-6)
    terms["loss"].backward()
    assert all((p.grad is not None) == n.startswith(("text_", "logit_scale")) for n, p in model.named_parameters())
