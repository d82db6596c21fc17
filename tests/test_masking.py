"""Patch and sub-cloud masks: the official code's draws, exact counts, block structure, keyed randomness."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from modeling_crossmost.data.keyed_random import object_keys
from modeling_crossmost.training.masking import block_point_mask, default_mask_unit, image_patch_mask, random_point_mask


FIXTURE = Path(__file__).parent / "fixtures" / "block_mask.safetensors"


def make_keys(count: int) -> torch.Tensor:
    return object_keys(0, 0, torch.arange(count))


def test_official_block_masks():
    case = load_file(FIXTURE)
    mask = block_point_mask(case["center"], case["draw_index"], case["draw_ratio"])
    assert torch.equal(mask, case["mask"])


def test_block_mask_holds_the_nearest_centers():
    generator = torch.Generator().manual_seed(0)
    centers = torch.randn(50, 40, 3, generator=generator)
    index = torch.randint(40, (50,), generator=generator)
    ratio = torch.rand(50, generator=generator, dtype=torch.float64)
    mask = block_point_mask(centers, index, ratio)
    for cloud, middle, share, row in zip(centers.numpy(), index.tolist(), ratio.tolist(), mask.numpy(), strict=True):
        distance = np.linalg.norm(cloud - cloud[middle], axis=1)
        assert set(np.flatnonzero(row)) == set(np.argsort(distance)[: int(share * 40)])


def test_block_mask_takes_the_drawn_center_among_equal_ones():
    mask = block_point_mask(torch.zeros(1, 8, 3), torch.tensor([5]), torch.tensor([0.25]))
    assert mask[0].nonzero().flatten().tolist() == [0, 5]


def test_random_point_mask_counts_and_independence_of_the_batch():
    keys = make_keys(400)
    centers = torch.randn(400, 64, 3, generator=torch.Generator().manual_seed(1))
    mask = random_point_mask(centers, keys)
    counts = mask.sum(1)
    # int(0.3 * 64) .. int(0.4 * 64)
    assert counts.min() == 19 and counts.max() == 25
    assert torch.equal(random_point_mask(centers[7:9], keys[7:9]), mask[7:9])
    assert not torch.equal(random_point_mask(centers, object_keys(0, 1, torch.arange(400))), mask)


@pytest.mark.parametrize(("low", "high"), [(-0.1, 0.4), (0.5, 0.4), (0.5, 1.1)])
def test_random_point_mask_refuses_impossible_shares(low, high):
    with pytest.raises(ValueError, match="point mask ratio"):
        random_point_mask(torch.zeros(1, 4, 3), make_keys(1), low, high)


@pytest.mark.parametrize(
    ("image_size", "patch_size", "unit", "ratio"),
    [(224, 16, 32, 0.3), (224, 32, 32, 0.3), (64, 8, 16, 0.5), (48, 16, 16, 0.07), (64, 8, 64, 0.1), (80, 8, 8, 0.07)],
)
def test_image_mask_masks_whole_units(image_size, patch_size, unit, ratio):
    mask = image_patch_mask(make_keys(30), image_size, patch_size, unit, ratio)
    side, scale = image_size // unit, unit // patch_size
    assert mask.shape == (30, (image_size // patch_size) ** 2) and mask.dtype == torch.bool
    units = mask.reshape(30, side, scale, side, scale)
    assert torch.equal(units.any(4).any(2), units.all(4).all(2))
    expected = math.ceil(round(ratio * side * side, 6))
    assert (units.all(4).all(2).sum((1, 2)) == expected).all()


def test_image_mask_has_the_paper_size_and_covers_every_unit_equally():
    mask = image_patch_mask(make_keys(2000), 224, 16)
    assert (mask.sum(1) == 60).all()
    share = mask.float().mean(0)
    assert (share - 15 / 49).abs().max() < 5 * math.sqrt(15 / 49 * 34 / 49 / 2000)


def test_image_mask_does_not_depend_on_the_batch():
    keys = make_keys(20)
    assert torch.equal(image_patch_mask(keys[3:5], 224, 16), image_patch_mask(keys, 224, 16)[3:5])


def test_image_mask_limits():
    assert not image_patch_mask(make_keys(2), 64, 8, 16, 0.0).any()
    assert image_patch_mask(make_keys(2), 64, 8, 16, 1.0).all()


@pytest.mark.parametrize(
    ("image_size", "patch_size", "unit", "ratio", "message"),
    [
        (224, 16, 24, 0.3, "not a multiple of the patch size of 16 px"),
        (224, 16, 8, 0.3, "not a multiple of the patch size"),
        (80, 16, 32, 0.3, "does not divide the image size of 80 px"),
        (224, 16, 32, 1.3, "image mask ratio is 1.3"),
    ],
)
def test_image_mask_says_what_does_not_fit(image_size, patch_size, unit, ratio, message):
    with pytest.raises(ValueError, match=message):
        image_patch_mask(make_keys(1), image_size, patch_size, unit, ratio)


@pytest.mark.parametrize(
    ("image_size", "patch_size", "unit"),
    [(224, 16, 32), (64, 8, 8), (64, 16, 16), (336, 14, 42), (32, 32, 32), (8, 8, 8)],
)
def test_masked_squares_are_a_seventh_of_the_view_by_default(image_size, patch_size, unit):
    assert default_mask_unit(image_size, patch_size) == unit
    explicit = image_patch_mask(make_keys(5), image_size, patch_size, unit, 0.5)
    assert torch.equal(image_patch_mask(make_keys(5), image_size, patch_size, ratio=0.5), explicit)
