"""Masks of image patches and of sub-clouds for masked modeling (paper section 3.2), and dropout, keyed by object."""

import math
from typing import Any

import torch

from ..data.keyed_random import Stream, keyed_integers, keyed_order, keyed_uniform, substream


def check_mask_unit(image_size: int, patch_size: int, mask_unit: int) -> None:
    """Check that squares of `mask_unit` pixels tile the image and that patches tile the squares.

    Raises:
        ValueError: if `mask_unit` is not a multiple of `patch_size` or does not divide `image_size`.
    """
    if patch_size < 1 or mask_unit < patch_size or mask_unit % patch_size:
        raise ValueError(
            f"The mask unit of {mask_unit} px is not a multiple of the patch size of {patch_size} px; "
            f"choose mask_unit as one of {patch_size}, {2 * patch_size}, {4 * patch_size}."
        )
    if image_size < mask_unit or image_size % mask_unit:
        raise ValueError(
            f"The mask unit of {mask_unit} px does not divide the image size of {image_size} px; "
            f"choose a divisor of {image_size} that is a multiple of the patch size of {patch_size} px."
        )


def default_mask_unit(image_size: int, patch_size: int) -> int:
    """Return the side in pixels of the masked squares: a seventh of the view's, as in the paper (32 of 224 px).

    The result is the nearest multiple of `patch_size` that divides `image_size`.

    Args:
        image_size: side of the square view in pixels.
        patch_size: side of a patch in pixels; divides `image_size`.
    """
    units = [unit for unit in range(patch_size, image_size + 1, patch_size) if image_size % unit == 0]
    return min(units, key=lambda unit: abs(unit - image_size / 7), default=patch_size)


def image_patch_mask(
    keys: torch.Tensor, image_size: int, patch_size: int, mask_unit: int | None = None, ratio: float = 0.3
) -> torch.Tensor:
    """Draw patch-aligned masks: whole squares of `mask_unit` pixels, the same number in every image.

    With the paper's 224 px, 16 px patches and 32 px units, 15 of 49 units (60 of 196 patches) are masked.

    Args:
        keys: `(B,)` int64 keys of `object_keys`.
        image_size: side of the square image in pixels.
        patch_size: side of a patch of the image tower in pixels.
        mask_unit: side of a masked square in pixels; default [`default_mask_unit`].
        ratio: fraction of the units to mask; their number is rounded up.

    Returns:
        `(B, (image_size // patch_size) ** 2)` bool, true at masked patches, row by row from the top.

    Raises:
        ValueError: if the units do not fit patches and image, or `ratio` is outside 0 .. 1.
    """
    mask_unit = default_mask_unit(image_size, patch_size) if mask_unit is None else mask_unit
    check_mask_unit(image_size, patch_size, mask_unit)
    if not 0.0 <= ratio <= 1.0:
        raise ValueError(f"The image mask ratio is {ratio}; give a share between 0 and 1.")
    side, scale = image_size // mask_unit, mask_unit // patch_size
    # In floating point 0.07 * 100 is slightly above 7, but must mask 7 units and not 8.
    masked = math.ceil(ratio * side * side - 1e-9)
    order = keyed_order(keys, side * side, Stream.IMAGE_MASK)
    units = torch.zeros_like(order, dtype=torch.bool).scatter_(1, order[:, :masked], True).reshape(-1, side, side)
    return units.repeat_interleave(scale, dim=1).repeat_interleave(scale, dim=2).flatten(1)


def block_point_mask(centers: torch.Tensor, center_index: torch.Tensor, ratio: torch.Tensor) -> torch.Tensor:
    """Mask blocks of sub-clouds: a given center and its nearest neighbors.

    Args:
        centers: `(B, G, 3)` centers of the sub-clouds.
        center_index: `(B,)` int64, the center in the middle of each block.
        ratio: `(B,)` fraction of the centers to mask. `int(ratio * G)` is computed in the tensor's own precision;
            float64 gives the official code's counts.

    Returns:
        `(B, G)` bool, true at the `int(ratio * G)` centers nearest to the given one, itself included. Of equally
        distant centers the one with the smaller index comes first.
    """
    groups = centers.shape[1]
    index = center_index[:, None]
    middle = centers.gather(1, index[:, :, None].expand(-1, -1, 3))
    distance = (centers - middle).square().sum(-1)
    # Another center may coincide with the given one, which must still come first.
    distance = distance.scatter(1, index, -1.0)
    rank = torch.empty_like(distance, dtype=torch.int64)
    rank.scatter_(1, distance.argsort(dim=1, stable=True), torch.arange(groups, device=rank.device).expand_as(rank))
    masked = (ratio * groups).to(torch.int64)
    return rank < masked[:, None]


def random_point_mask(centers: torch.Tensor, keys: torch.Tensor, low: float = 0.3, high: float = 0.4) -> torch.Tensor:
    """Mask blocks at random centers, with a fraction drawn from `[low, high)` for every cloud.

    Args:
        centers: `(B, G, 3)` centers of the sub-clouds.
        keys: `(B,)` int64 keys of `object_keys`.
        low, high: range of the masked fraction.

    Returns:
        `(B, G)` bool, true at masked sub-clouds; their number differs between clouds.

    Raises:
        ValueError: unless `0 <= low <= high <= 1`.
    """
    if not 0.0 <= low <= high <= 1.0:
        raise ValueError(f"The point mask ratio runs from {low} to {high}; give 0 <= low <= high <= 1.")
    ratio = keyed_uniform(keys, (), Stream.POINT_MASK, low, high)
    index = keyed_integers(keys, centers.shape[1], (), substream(Stream.POINT_MASK, 1))
    return block_point_mask(centers, index, ratio)


def tower_noise(config: Any, keys: torch.Tensor) -> dict[str, torch.Tensor]:
    """Draw `dropout_noise` (B, ...) as a `CrossMoSTPointConfig` asks for; empty where its tower drops nothing."""
    shape = config.dropout_shape
    return {} if shape is None else {"dropout_noise": keyed_uniform(keys, shape, Stream.DROP_PATH)}
