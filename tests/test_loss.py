"""Pseudo-labels and losses against literal closed forms, in the paper's and the official variant."""

import math

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from modeling_crossmost.training.losses import (
    alignment_loss,
    fairness_loss,
    global_local_loss,
    joint_pseudo_labels,
    masked_image_loss,
    masked_point_loss,
    own_pseudo_labels,
    patchify,
    self_training_loss,
    summed_pseudo_labels,
)


def logits_of(*probabilities: list[float]) -> torch.Tensor:
    """Logits whose softmax is exactly the given probabilities, up to rounding."""
    return torch.tensor(probabilities, dtype=torch.float64).log().float()


def normal(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def softmax(values: np.ndarray) -> np.ndarray:
    exponential = np.exp(values - values.max(-1, keepdims=True))
    return exponential / exponential.sum(-1, keepdims=True)


# --------------------------------------------------------------------------------------------------------------------
# Pseudo-labels
# --------------------------------------------------------------------------------------------------------------------


def test_joint_labels_come_from_the_more_confident_modality():
    image = logits_of([0.7, 0.2, 0.1], [0.1, 0.5, 0.4], [0.3, 0.3, 0.4])
    point = logits_of([0.1, 0.6, 0.3], [0.9, 0.05, 0.05], [0.2, 0.35, 0.45])
    labels = joint_pseudo_labels(image, point, threshold=0.6)
    assert labels.labels.tolist() == [0, 0, 2]
    assert labels.from_image.tolist() == [True, False, False]
    assert_close(labels.confidence, torch.tensor([0.7, 0.9, 0.45]))
    assert_close(labels.probabilities, torch.tensor([[0.7, 0.2, 0.1], [0.9, 0.05, 0.05], [0.2, 0.35, 0.45]]))
    assert labels.kept.tolist() == [True, True, False]


def test_the_point_weight_counts_in_the_comparison_and_at_the_threshold():
    image, point = logits_of([0.7, 0.3], [0.6, 0.4]), logits_of([0.25, 0.75], [0.1, 0.9])
    labels = joint_pseudo_labels(image, point, threshold=0.82, point_weight=0.9)
    assert labels.from_image.tolist() == [True, False]  # 0.7 > 0.675, 0.6 < 0.81
    assert_close(labels.confidence, torch.tensor([0.7, 0.81]))
    assert labels.kept.tolist() == [False, False]  # the cloud's 0.9 alone would pass 0.82


def test_summed_labels_are_those_of_the_product_of_probabilities():
    image = logits_of([0.7, 0.2, 0.1], [0.5, 0.4, 0.1], [0.05, 0.9, 0.05])
    point = logits_of([0.1, 0.6, 0.3], [0.1, 0.4, 0.5], [0.3, 0.4, 0.3])
    labels = summed_pseudo_labels(image, point, threshold=0.5)
    products = torch.tensor([[0.07, 0.12, 0.03], [0.05, 0.16, 0.05], [0.015, 0.36, 0.015]])
    assert_close(labels.probabilities, products / products.sum(-1, keepdim=True))
    assert_close(labels.confidence, labels.probabilities.amax(-1))
    assert labels.labels.tolist() == [1, 1, 1], "neither modality says so alone in the second"
    assert labels.kept.tolist() == [True, True, True] and labels.from_image.tolist() == [True, True, True]
    sure = summed_pseudo_labels(image, point, threshold=float(labels.confidence[1]))
    assert sure.kept.tolist() == [False, False, True], "r_b > T"
    shifted = summed_pseudo_labels(image + 3.0, point - 7.0, threshold=0.5)
    assert_close(shifted.confidence, labels.confidence)


def test_ties_go_to_the_image():
    image, point = torch.tensor([[1.0, 0.0, 0.0]]), torch.tensor([[0.0, 0.0, 1.0]])
    labels = joint_pseudo_labels(image, point, threshold=0.0)
    assert labels.labels.tolist() == [0] and labels.from_image.tolist() == [True]


def test_thresholds_at_equality():
    logits = torch.zeros(1, 2)  # a confidence of exactly 0.5
    assert joint_pseudo_labels(logits, logits, threshold=0.5).kept.tolist() == [False]  # r_b > T
    assert own_pseudo_labels(logits, 0.5, True).kept.tolist() == [True]  # q >= T
    assert own_pseudo_labels(logits, 0.5, True, "official").kept.tolist() == [False]
    assert joint_pseudo_labels(logits, logits, threshold=0.499999).kept.tolist() == [True]


def test_own_labels_look_at_one_modality():
    logits = logits_of([0.1, 0.9], [0.6, 0.4])
    for from_image in (True, False):
        labels = own_pseudo_labels(logits, 0.8, from_image)
        assert labels.labels.tolist() == [1, 0] and labels.kept.tolist() == [True, False]
        assert labels.from_image.tolist() == [from_image] * 2
        assert_close(labels.probabilities, torch.tensor([[0.1, 0.9], [0.6, 0.4]]))


def test_the_choice_can_be_overridden():
    image, point = logits_of([0.9, 0.1], [0.9, 0.1]), logits_of([0.2, 0.8], [0.2, 0.8])
    choose = torch.tensor([True, False])
    labels = joint_pseudo_labels(image, point, 0.85, choose_image=choose)
    assert labels.labels.tolist() == [0, 1] and labels.kept.tolist() == [True, False]
    assert torch.equal(labels.from_image, choose)


def test_one_class_and_a_batch_of_one():
    one = normal(3, 1)
    labels = joint_pseudo_labels(one, 2 * one, threshold=0.84)
    assert labels.labels.tolist() == [0, 0, 0] and labels.kept.all() and labels.from_image.all()
    assert self_training_loss(one, labels.labels, labels.kept).item() == 0.0
    assert fairness_loss(one).item() == 0.0
    single = joint_pseudo_labels(logits_of([0.1, 0.9]), logits_of([0.8, 0.2]), threshold=0.84)
    assert single.labels.tolist() == [1] and single.kept.tolist() == [True]


def test_labels_carry_no_gradient():
    logits = normal(4, 3).requires_grad_()
    for labels in (joint_pseudo_labels(logits, logits, 0.1), own_pseudo_labels(logits, 0.1, True)):
        assert not labels.confidence.requires_grad


# --------------------------------------------------------------------------------------------------------------------
# Classification, alignment, fairness
# --------------------------------------------------------------------------------------------------------------------


def test_self_training_loss_in_numbers():
    logits = logits_of([0.5, 0.25, 0.25], [0.1, 0.8, 0.1], [0.2, 0.2, 0.6], [0.3, 0.3, 0.4])
    labels, kept = torch.tensor([0, 1, 0, 2]), torch.tensor([True, False, True, False])
    total = -math.log(0.5) - math.log(0.2)
    assert self_training_loss(logits, labels, kept).item() == pytest.approx(total / 4, rel=1e-6)
    assert self_training_loss(logits, labels, kept, "official").item() == pytest.approx(total / 2, rel=1e-6)


def test_who_says_what_a_soft_label_says_has_nothing_to_learn():
    wanted, kept = torch.tensor([[0.5, 0.3, 0.2], [0.1, 0.8, 0.1]]), torch.tensor([True, True])
    logits = (wanted.log() + torch.tensor([[2.0], [-1.0]])).requires_grad_()
    loss = self_training_loss(logits, wanted, kept)
    loss.backward()
    assert loss.item() == pytest.approx(-(wanted * wanted.log()).sum().item() / 2, rel=1e-6), "the labels' entropy"
    assert logits.grad.abs().max() < 1e-6
    hard = torch.nn.functional.one_hot(torch.tensor([0, 1]), 3).float()
    assert_close(self_training_loss(logits, hard, kept), self_training_loss(logits, hard.argmax(-1), kept))


@pytest.mark.parametrize("variant", ["paper", "official"])
def test_nobody_kept_is_zero_with_a_gradient(variant):
    logits = normal(5, 3).requires_grad_()
    loss = self_training_loss(logits, torch.zeros(5, dtype=torch.long), torch.zeros(5, dtype=torch.bool), variant)
    loss.backward()
    assert loss.item() == 0.0
    assert torch.equal(logits.grad, torch.zeros(5, 3))


def test_only_kept_samples_get_a_gradient():
    logits, kept = normal(4, 3).requires_grad_(), torch.tensor([True, False, False, True])
    self_training_loss(logits, torch.tensor([0, 1, 2, 1]), kept).backward()
    assert torch.equal(logits.grad.abs().sum(1) > 0, kept)


@pytest.mark.parametrize("temperature", [1.0, 0.07])
def test_alignment_loss_in_numpy(temperature):
    image, point = normal(6, 5), normal(6, 5, seed=1)
    similarity = image.numpy() @ point.numpy().T
    similarity /= np.linalg.norm(image.numpy(), axis=1)[:, None] * np.linalg.norm(point.numpy(), axis=1)[None]
    rows, columns = softmax(similarity / temperature), softmax(similarity.T / temperature)
    directions = -np.log(np.diag(rows)).mean() - np.log(np.diag(columns)).mean()
    assert alignment_loss(image, point, temperature).item() == pytest.approx(directions / 2, rel=1e-5)
    assert alignment_loss(image, point, temperature, "official").item() == pytest.approx(directions, rel=1e-5)
    tensor = torch.tensor(temperature)
    assert_close(alignment_loss(image, point, tensor), alignment_loss(image, point, temperature))


def test_alignment_of_orthogonal_pairs_and_of_one_pair():
    pairs = torch.eye(2)
    expected = math.log(1 + math.exp(-1 / 0.5))
    assert alignment_loss(pairs, pairs, 0.5).item() == pytest.approx(expected, rel=1e-6)
    assert alignment_loss(normal(1, 4), normal(1, 4, seed=1), 0.1).item() == 0.0
    assert_close(alignment_loss(3 * pairs, 7 * pairs, 0.5).item(), expected, rtol=1e-6, atol=0)


def test_fairness_loss_in_numbers():
    logits = logits_of([0.5, 0.5], [0.1, 0.9])
    expected = -(math.log(0.3) + math.log(0.7)) / 2
    assert fairness_loss(logits).item() == pytest.approx(expected, rel=1e-6)
    assert fairness_loss(torch.zeros(3, 4)).item() == pytest.approx(math.log(4), rel=1e-6)
    certain = torch.eye(4) * 100  # everybody certain, all classes alike: also uniform in the mean
    assert fairness_loss(certain).item() == pytest.approx(math.log(4), rel=1e-6)


def test_fairness_to_other_shares_in_numbers():
    logits, shares = logits_of([0.5, 0.5], [0.1, 0.9]), torch.tensor([0.25, 0.75])
    expected = -0.25 * math.log(0.3) - 0.75 * math.log(0.7)
    assert fairness_loss(logits, shares).item() == pytest.approx(expected, rel=1e-6)
    assert fairness_loss(logits, torch.full((2,), 0.5)).item() == pytest.approx(fairness_loss(logits).item())
    fair = (shares.log() + torch.tensor([[1.0], [2.0]])).requires_grad_()
    fairness_loss(fair, shares).backward()
    assert fair.grad.abs().max() < 1e-6, "the mean prediction equals the shares"


def test_fairness_of_a_class_that_nobody_predicts_is_large_and_finite():
    logits = torch.tensor([[200.0, 0.0], [200.0, 0.0]], requires_grad=True)
    loss = fairness_loss(logits)
    loss.backward()
    assert loss.item() == pytest.approx(100.0) and logits.grad.isfinite().all()


# --------------------------------------------------------------------------------------------------------------------
# Masked modeling
# --------------------------------------------------------------------------------------------------------------------


def test_patches_are_rows_of_channel_row_column():
    image = torch.arange(2 * 3 * 4 * 6, dtype=torch.float32).view(2, 3, 4, 6)
    patches = patchify(image, 2)
    assert patches.shape == (2, 6, 12)
    # the second row of patches, the third column of patches
    assert torch.equal(patches[1, 5], image[1, :, 2:4, 4:6].flatten())


def masked_case() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    mask = torch.tensor([[True, False, True, False], [False, False, True, False], [False] * 4])
    return normal(3, 4, 12), normal(3, 3, 4, 4, seed=1), mask


def test_masked_image_loss_in_numpy():
    predictions, views, mask = masked_case()
    target = np.empty((3, 4, 12), np.float32)
    for place, (row, column) in enumerate([(0, 0), (0, 2), (2, 0), (2, 2)]):
        target[:, place] = views.numpy()[:, :, row : row + 2, column : column + 2].reshape(3, 12)
    total = np.abs(predictions.numpy() - target)[mask.numpy()].sum()
    assert masked_image_loss(predictions, views, mask).item() == pytest.approx(total / 3 / 12, rel=1e-5)
    official = total / (3 * 4) / (4 + 1)  # masked pixels, then tokens with the class token
    assert masked_image_loss(predictions, views, mask, "official").item() == pytest.approx(official, rel=1e-5)


def test_masked_point_loss_in_numpy():
    predictions, targets = normal(3, 4, 12), normal(3, 4, 12, seed=2)
    mask = masked_case()[2]
    total = np.abs(predictions.numpy() - targets.numpy())[mask.numpy()].sum()
    assert masked_point_loss(predictions, targets, mask).item() == pytest.approx(total / 3 / 12, rel=1e-5)
    official = total / 3 / 3  # masked tokens, then objects
    assert masked_point_loss(predictions, targets, mask, "official").item() == pytest.approx(official, rel=1e-5)


def test_the_papers_targets_get_no_gradient_and_the_official_mask_token_does():
    predictions, mask = normal(3, 4, 12), masked_case()[2]
    for variant, has_gradient in (("paper", False), ("official", True)):
        token = torch.zeros(12, requires_grad=True)
        loss = masked_point_loss(predictions.requires_grad_(), token.expand(3, 4, 12), mask, variant)
        loss.backward()
        assert (token.grad is not None) == has_gradient


def test_global_local_loss_in_numbers():
    objects = torch.tensor([[1.0, 0.0], [0.0, 1.0]], requires_grad=True)
    local = torch.tensor([[[0.0, 1.0], [1.0, 0.0]], [[0.6, 0.8], [0.0, -1.0]]], requires_grad=True)
    mask = torch.tensor([[True, True], [True, False]])
    loss = global_local_loss(objects, local, mask)
    loss.backward()
    assert loss.item() == pytest.approx((2.0 + 0.0 + (0.36 + 0.04)) / 3, rel=1e-6)
    assert objects.grad.any() and local.grad[0].any() and not local.grad[1, 1].any()


@pytest.mark.parametrize("variant", ["paper", "official"])
def test_parts_of_a_batch_add_up(variant):
    predictions, views, mask = masked_case()
    targets, local, objects = normal(3, 4, 12, seed=2), normal(3, 4, 5, seed=3), normal(3, 5, seed=4)
    count = mask.sum()
    image = point = near = 0.0
    for part in (slice(0, 1), slice(1, 3)):
        image += masked_image_loss(predictions[part], views[part], mask[part], variant, count)
        point += masked_point_loss(predictions[part], targets[part], mask[part], variant, count, batch_size=3)
        near += global_local_loss(objects[part], local[part], mask[part], count)
    assert_close(image, masked_image_loss(predictions, views, mask, variant))
    assert_close(point, masked_point_loss(predictions, targets, mask, variant))
    assert_close(near, global_local_loss(objects, local, mask))


@pytest.mark.parametrize("variant", ["paper", "official"])
def test_empty_masks_give_zero_with_a_gradient(variant):
    predictions, views, _ = masked_case()
    predictions.requires_grad_()
    empty = torch.zeros(3, 4, dtype=torch.bool)
    losses = (
        masked_image_loss(predictions, views, empty, variant),
        masked_point_loss(predictions, torch.zeros(3, 4, 12), empty, variant),
        global_local_loss(predictions[:, 0], predictions, empty),
        masked_image_loss(predictions, views, empty, variant, num_masked=torch.tensor(0)),
    )
    assert [loss.item() for loss in losses] == [0.0] * 4
    sum(losses).backward()
    assert torch.equal(predictions.grad, torch.zeros_like(predictions))


def test_unknown_variants_are_one_sentence():
    logits, labels, kept = torch.zeros(2, 3), torch.zeros(2, dtype=torch.long), torch.ones(2, dtype=torch.bool)
    predictions, views, mask = masked_case()
    for call in (
        lambda: own_pseudo_labels(logits, 0.5, True, "ours"),
        lambda: self_training_loss(logits, labels, kept, "ours"),
        lambda: alignment_loss(logits, logits, 1.0, "ours"),
        lambda: masked_image_loss(predictions, views, mask, "ours"),
        lambda: masked_point_loss(predictions, predictions, mask, "ours"),
    ):
        with pytest.raises(ValueError, match="variant must be one of paper, official, got 'ours'"):
            call()
