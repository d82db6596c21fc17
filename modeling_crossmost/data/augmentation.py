"""Weak and strong augmentation of clouds (batched, on their device) and of images (one PIL image at a time).

The teacher sees weakly augmented inputs and the student strongly augmented ones (paper section 3.1). Every draw is
keyed: clouds by the keys of `keyed_random.object_keys`, images by an integer seed. Global random state is neither read
nor changed.
"""

import functools
import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import torch
from PIL import Image

from ..geometry_crossmost import MODEL_AXES
from ..utils.extras import importing
from .keyed_random import Stream, keyed_integers, keyed_normal, keyed_order, keyed_uniform, substream


CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)
CLIP_STD = (0.26862954, 0.26130258, 0.27577711)
RAND_AUGMENT = "rand-m9-mstd0.5-inc1"
FILLS = ("resample", "first")


@dataclass(frozen=True)
class CloudAugmentation:
    """Strengths of the cloud augmentation.

    The defaults are those of the official code, except for `crop_size`: the official crop never removes a point.
    Lengths are in units of the normalized cloud's radius, angles in radians.

    Attributes:
        weak_scale: range of the teacher's scale factor.
        weak_angle_std, weak_angle_clip: standard deviation and bound of the teacher's three rotation angles.
        strong_scale: range of the student's scale factor.
        strong_turn: the student's rotation about the up axis is uniform in `[0, strong_turn)`.
        strong_shift: the translation along each axis is uniform within plus or minus this fraction of the extent.
        jitter_std, jitter_clip: standard deviation and bound of the noise added to every coordinate.
        dropout: the fraction of dropped points is uniform in `[0, dropout)`.
        crop_size: range of the crop box's edges as fractions of the cloud's extents; `(1, 1)` never crops.
        crop_keep: a crop that would leave less than this fraction of the points is skipped.
        fill: what replaces dropped and cropped points: `"resample"` draws from the remaining points with replacement,
            `"first"` repeats the first remaining point, as the official code does after its dropout.

    Raises:
        ValueError: if a range is reversed or a strength is out of bounds.
    """

    weak_scale: tuple[float, float] = (0.9, 1.1)
    weak_angle_std: float = 0.06
    weak_angle_clip: float = 0.18
    strong_scale: tuple[float, float] = (0.5, 2.0)
    strong_turn: float = 2.0 * math.pi
    strong_shift: float = 0.5
    jitter_std: float = 0.01
    jitter_clip: float = 0.05
    dropout: float = 0.875
    crop_size: tuple[float, float] = (0.6, 1.0)
    crop_keep: float = 0.5
    fill: str = "resample"

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name in ("weak_scale", "strong_scale", "crop_size"):
                if len(value) != 2 or not 0.0 < value[0] <= value[1]:
                    raise ValueError(f"{field.name} is {value}; give two positive numbers, the smaller one first.")
            elif field.name != "fill" and not value >= 0.0:  # "not >=" also rejects NaN
                raise ValueError(f"{field.name} is {value}; give a number that is not negative.")
        if self.crop_size[1] > 1.0 or self.crop_keep > 1.0:
            raise ValueError(f"crop_size {self.crop_size} and crop_keep {self.crop_keep} are shares; give at most 1.")
        if not self.dropout < 1.0:
            raise ValueError(f"dropout is {self.dropout}; give a share below 1, or no point remains.")
        if self.fill not in FILLS:
            raise ValueError(f"fill is {self.fill!r}; choose one of {', '.join(FILLS)}.")


def _coordinates_first(points: torch.Tensor) -> torch.Tensor:
    """Convert `(B, N, 3)` to contiguous `(B, 3, N)` float32, so that per-point operations run along memory."""
    if points.ndim != 3 or points.shape[-1] != 3 or points.shape[1] == 0:
        raise ValueError(f"Clouds must have the shape (B, N, 3) with N > 0, but it is {tuple(points.shape)}.")
    return points.to(torch.float32).transpose(1, 2).contiguous()


def _normalize(clouds: torch.Tensor) -> torch.Tensor:
    """Normalize `(B, 3, N)` clouds; see `normalize_clouds`."""
    clouds = clouds - clouds.mean(dim=2, keepdim=True)
    radius = clouds.square().sum(dim=1, keepdim=True).amax(dim=2, keepdim=True).sqrt()
    return clouds / torch.where(radius > 0, radius, 1.0)


def normalize_clouds(points: torch.Tensor) -> torch.Tensor:
    """Move the mean of every cloud to the origin and scale its largest norm to 1.

    Args:
        points: `(B, N, 3)`.

    Returns:
        `(B, N, 3)` float32; a cloud whose points coincide becomes all zeros.

    Raises:
        ValueError: if `points` has another shape or no points.
    """
    return _normalize(_coordinates_first(points)).transpose(1, 2).contiguous()


def axis_rotations(angles: torch.Tensor, axis: int) -> torch.Tensor:
    """Return right-handed rotation matrices about a coordinate axis, for multiplication with column vectors.

    Args:
        angles: `(B,)`, in radians.
        axis: 0, 1 or 2 for x, y or z.

    Returns:
        `(B, 3, 3)`, in the precision of `angles`.
    """
    first, second = (axis + 1) % 3, (axis + 2) % 3
    matrices = torch.zeros(angles.shape[0], 3, 3, dtype=angles.dtype, device=angles.device)
    matrices[:, axis, axis] = 1.0
    matrices[:, first, first] = matrices[:, second, second] = angles.cos()
    matrices[:, second, first] = angles.sin()
    matrices[:, first, second] = -angles.sin()
    return matrices


def _apply(matrices: torch.Tensor, vectors: torch.Tensor) -> torch.Tensor:
    """Multiply `(B, 3, 3)` matrices with `(B, 3, M)` vectors elementwise in float32.

    `matmul` would round coordinates to bfloat16 or TF32 under mixed precision, and its result may depend on the batch
    size.
    """
    columns = [matrices[:, :, i, None] * vectors[:, None, i, :] for i in range(3)]
    return columns[0] + columns[1] + columns[2]


def weak_clouds(
    points: torch.Tensor, keys: torch.Tensor, augmentation: CloudAugmentation = CloudAugmentation()
) -> torch.Tensor:
    """Make the teacher's clouds: normalize, then scale and rotate slightly (paper section 4, "weak").

    Args:
        points: `(B, N, 3)` clouds on any device.
        keys: `(B,)` int64 keys of `object_keys` on the same device.
        augmentation: strengths.

    Returns:
        `(B, N, 3)` float32.

    Raises:
        ValueError: if `points` has another shape or no points.
    """
    clouds = _normalize(_coordinates_first(points))
    scale = keyed_uniform(keys, (1, 1), Stream.WEAK_CLOUD, *augmentation.weak_scale)
    angles = keyed_normal(keys, 3, substream(Stream.WEAK_CLOUD, 1)) * augmentation.weak_angle_std
    angles = angles.clamp(-augmentation.weak_angle_clip, augmentation.weak_angle_clip)
    about_x, about_y, about_z = (axis_rotations(angles[:, axis], axis) for axis in range(3))
    rotation = _apply(about_z, _apply(about_y, about_x))
    return _apply(rotation * scale, clouds).transpose(1, 2).contiguous()


def _drop(clouds: torch.Tensor, keys: torch.Tensor, dropout: float) -> torch.Tensor:
    """Return the `(B, N)` mask of points that random dropout keeps, at least one in each `(3, N)` cloud."""
    ratio = keyed_uniform(keys, 1, substream(Stream.STRONG_CLOUD, 1), 0.0, dropout)
    draws = keyed_uniform(keys, clouds.shape[2], substream(Stream.STRONG_CLOUD, 2))
    # The point with the largest draw always stays, or a small cloud could lose all its points.
    return (draws >= ratio) | (draws == draws.amax(dim=1, keepdim=True))


def _crop(
    clouds: torch.Tensor, kept: torch.Tensor, keys: torch.Tensor, augmentation: CloudAugmentation
) -> torch.Tensor:
    """Return the `(B, N)` mask of `kept` points inside a random box, or `kept` itself if too few would be left."""
    outside = ~kept[:, None]
    low = clouds.masked_fill(outside, math.inf).amin(dim=2, keepdim=True)
    high = clouds.masked_fill(outside, -math.inf).amax(dim=2, keepdim=True)
    draws = keyed_uniform(keys, (2, 3, 1), substream(Stream.STRONG_CLOUD, 3))
    smallest, largest = augmentation.crop_size
    size = (smallest + (largest - smallest) * draws[:, 0]) * (high - low)
    start = low + draws[:, 1] * (high - low - size)
    # Closed box with some slack for rounding: a flat cloud, or a box of full size, must not lose any points.
    slack = 1e-6 * (high - low)
    inside = ((clouds >= start - slack) & (clouds <= start + size + slack)).all(dim=1) & kept
    enough = inside.sum(dim=1, keepdim=True) >= augmentation.crop_keep * kept.sum(dim=1, keepdim=True)
    return torch.where(enough, inside, kept)


def _fill(clouds: torch.Tensor, kept: torch.Tensor, keys: torch.Tensor, fill: str, stream: int) -> torch.Tensor:
    """Replace the points of `(B, 3, N)` clouds outside `kept` with kept ones, drawn from `stream`."""
    number = clouds.shape[2]
    places = torch.arange(number, device=clouds.device).expand(kept.shape)
    if fill == "first":
        source = kept.to(torch.uint8).argmax(dim=1, keepdim=True)
    else:
        # survivors[b, :count[b]] are the indices of the kept points; all others are scattered to a spare last column.
        rank = torch.where(kept, kept.cumsum(dim=1) - 1, number)
        survivors = torch.zeros(kept.shape[0], number + 1, dtype=torch.int64, device=clouds.device)
        survivors.scatter_(1, rank, places)
        draws = keyed_integers(keys, kept.sum(dim=1), number, stream)
        source = survivors.gather(1, draws)
    index = torch.where(kept, places, source)
    return clouds.gather(2, index[:, None].expand(-1, 3, -1))


def strong_clouds(
    points: torch.Tensor,
    keys: torch.Tensor,
    up_axis: str = "y",
    augmentation: CloudAugmentation = CloudAugmentation(),
) -> torch.Tensor:
    """Make the student's clouds (paper section 4: "random cropping, input dropout, rotation, translation, scaling").

    The order is: normalize, scale, rotate about the up axis, translate by a fraction of the bounding box, jitter, drop
    points, crop a box. The remaining points keep their index and fill the vacant ones, so N does not change. The result
    is not normalized again, or scaling and translation would be undone.

    This differs from the official code, whose crop never removes a point, which always rotates about y, and which
    builds a full distance matrix to add points.

    Args:
        points: `(B, N, 3)` clouds on any device.
        keys: `(B,)` int64 keys of `object_keys` on the same device.
        up_axis: `"x"`, `"y"` or `"z"`, the axis that points up in `points`.
        augmentation: strengths.

    Returns:
        `(B, N, 3)` float32.

    Raises:
        ValueError: if `points` has another shape or no points, or the axis is unknown.
    """
    if up_axis not in MODEL_AXES:
        raise ValueError(f"The up axis is {up_axis!r}; choose one of {', '.join(MODEL_AXES)}.")
    clouds = _normalize(_coordinates_first(points))
    draws = keyed_uniform(keys, 5, Stream.STRONG_CLOUD)
    smallest, largest = augmentation.strong_scale
    scale = smallest + (largest - smallest) * draws[:, 0]
    rotation = axis_rotations(draws[:, 1] * augmentation.strong_turn, MODEL_AXES.index(up_axis))
    clouds = _apply(rotation * scale[:, None, None], clouds)
    extent = clouds.amax(dim=2, keepdim=True) - clouds.amin(dim=2, keepdim=True)
    clouds = clouds + (2.0 * draws[:, 2:, None] - 1.0) * augmentation.strong_shift * extent
    if augmentation.jitter_std > 0.0:
        noise = keyed_normal(keys, tuple(clouds.shape[1:]), substream(Stream.STRONG_CLOUD, 5))
        noise = noise.mul_(augmentation.jitter_std).clamp_(-augmentation.jitter_clip, augmentation.jitter_clip)
        clouds = clouds + noise
    kept = _drop(clouds, keys, augmentation.dropout)
    kept = _crop(clouds, kept, keys, augmentation)
    filled = _fill(clouds, kept, keys, augmentation.fill, substream(Stream.STRONG_CLOUD, 4))
    return filled.transpose(1, 2).contiguous()


def occlude_clouds(points: torch.Tensor, keys: torch.Tensor, largest_share: float) -> torch.Tensor:
    """Remove what a scanner on one side cannot see: the far end of each cloud along a random horizontal direction.

    Args:
        points: `(B, N, 3)` clouds, y up.
        keys: `(B,)` int64 keys of `object_keys`.
        largest_share: the fraction of points removed is uniform in `[0, largest_share)`.

    Returns:
        `(B, N, 3)` float32; the remaining points also fill the places of the removed ones.

    Raises:
        ValueError: if `largest_share` is outside `[0, 1)`.
    """
    if not 0.0 <= largest_share < 1.0:
        raise ValueError(f"The share to occlude is {largest_share}; give a share of at least 0 and below 1.")
    clouds = _coordinates_first(points)
    draws = keyed_uniform(keys, 2, substream(Stream.PRETRAIN_CLOUD, 1))
    angle = 2.0 * math.pi * draws[:, :1]
    depth = clouds[:, 0] * angle.cos() + clouds[:, 2] * angle.sin()  # (B, N)
    hidden = (draws[:, 1:] * largest_share * clouds.shape[2]).to(torch.int64)
    rank = depth.argsort(dim=1, descending=True).argsort(dim=1)  # 0 for the farthest point  # 0 for the farthest point
    filled = _fill(clouds, rank >= hidden, keys, "resample", substream(Stream.PRETRAIN_CLOUD, 2))
    return filled.transpose(1, 2).contiguous()


def add_floor(points: torch.Tensor, keys: torch.Tensor, largest_share: float) -> torch.Tensor:
    """Put a piece of floor under three out of four clouds, as an imperfectly segmented real scan has.

    Args:
        points: `(B, N, 3)` clouds, y up.
        keys: `(B,)` int64 keys of `object_keys`.
        largest_share: a quarter of the clouds stay as they are; in the others, a fraction of the points uniform in
            `[0, largest_share)` moves to a horizontal disc below the object, 0.7 to 1.3 times as wide as its footprint.

    Returns:
        `(B, N, 3)` float32.

    Raises:
        ValueError: if `largest_share` is outside `[0, 1)`.
    """
    if not 0.0 <= largest_share < 1.0:
        raise ValueError(f"The share of floor is {largest_share}; give a share of at least 0 and below 1.")
    clouds = _coordinates_first(points)
    number = clouds.shape[2]
    draws = keyed_uniform(keys, 2, substream(Stream.PRETRAIN_CLOUD, 3))
    # The first quarter of [0, 1) is clamped to no floor; the rest is stretched back to [0, 1).
    count = ((4.0 * draws[:, :1] - 1.0).clamp(min=0.0) / 3.0 * largest_share * number).to(torch.int64)
    moved = keyed_order(keys, number, substream(Stream.PRETRAIN_CLOUD, 4)) < count  # (B, N)
    low, high = clouds.amin(dim=2, keepdim=True), clouds.amax(dim=2, keepdim=True)  # (B, 3, 1)
    reach = (0.7 + 0.6 * draws[:, 1, None]) * (high - low)[:, ::2, 0].norm(dim=1, keepdim=True) / 2
    polar = keyed_uniform(keys, (2, number), substream(Stream.PRETRAIN_CLOUD, 5))
    # The square root spreads the points evenly over the disc's area.
    distance, angle = reach * polar[:, 0].sqrt(), 2.0 * math.pi * polar[:, 1]
    offsets = torch.stack([distance * angle.cos(), torch.zeros_like(angle), distance * angle.sin()], dim=1)
    middle = torch.stack([(low + high)[:, 0] / 2, low[:, 1], (low + high)[:, 2] / 2], dim=1)
    return torch.where(moved[:, None], middle + offsets, clouds).transpose(1, 2).contiguous()


def _from_further_away(image: Image.Image, background: tuple[int, ...], generator: random.Random) -> Image.Image:
    """Shrink each side of a view to 0.65 to 1 of its length and pad it with its plain background."""
    width, height = (max(1, round(generator.uniform(0.65, 1.0) * side)) for side in image.size)
    left, top = generator.randint(0, image.width - width), generator.randint(0, image.height - height)
    canvas = Image.new("RGB", image.size, tuple(map(int, background)))
    canvas.paste(image.resize((width, height), Image.Resampling.BILINEAR), (left, top))
    return canvas


def random_room(image: Image.Image, generator: random.Random) -> Image.Image:
    """Put a rendered object into a room: a colored wall, a patch of floor, a lamp on one side, often dim light.

    A small image tower that is pre-trained on plain studio backgrounds alone relies on the background. Views whose
    corners differ in color (photographs) or are black (depth maps) are returned unchanged.

    Args:
        image: RGB view, H x W.
        generator: source of all random draws.
    """
    corners = np.asarray(image)[[0, 0, -1, -1], [0, -1, 0, -1]]
    if np.ptp(corners, axis=0).max() > 0 or corners.max() == 0:
        return image
    pixels = np.asarray(_from_further_away(image, tuple(corners[0]), generator), dtype=np.float32)
    empty = np.abs(pixels - corners[0]).max(axis=2) <= 3.0  # tolerates the rounding of resizing
    if empty.all():
        return image
    height, width = empty.shape
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
    wall = np.array([generator.uniform(0.0, 170.0) for _ in range(3)], dtype=np.float32)
    fall = generator.uniform(-60.0, 60.0) * (rows[..., None] / height - 0.5)
    scene = np.broadcast_to(wall, pixels.shape) + fall
    if generator.random() < 0.7:
        ys, xs = np.nonzero(~empty)
        across = max(float(np.ptp(xs)), 4.0) * generator.uniform(0.5, 0.8)
        deep = across * generator.uniform(0.15, 0.5)
        middle = ys.max() - deep * generator.uniform(0.0, 0.9)
        floor = ((columns - xs.mean()) / across) ** 2 + ((rows - middle) / deep) ** 2 <= 1.0
        scene = np.where(floor[..., None], generator.uniform(15.0, 220.0), scene)
    slope = generator.uniform(-0.5, 0.5) * (columns / width - 0.5)
    light = generator.uniform(0.5, 1.15) * (1.0 + slope)
    mixed = np.where(empty[..., None], scene, pixels * light[..., None])
    return Image.fromarray(mixed.clip(0.0, 255.0).astype(np.uint8))


def image_transform_options(image_processor: Any) -> dict[str, Any]:
    """Return the arguments of the image transforms that match a model's image processor.

    Args:
        image_processor: a CLIP image processor with `crop_size`, `image_mean` and `image_std`.

    Returns:
        `{"image_size": int, "mean": 3 floats, "std": 3 floats}`.

    Raises:
        ValueError: if the processor's crop is not square.
    """
    height, width = image_processor.crop_size["height"], image_processor.crop_size["width"]
    if height != width:
        raise ValueError(f"The image processor crops to {height} x {width} px; the towers need square images.")
    mean, std = tuple(image_processor.image_mean), tuple(image_processor.image_std)
    return {"image_size": height, "mean": mean, "std": std}


def _pixels(image: Image.Image) -> torch.Tensor:
    return torch.from_numpy(np.array(image)).permute(2, 0, 1)


class _ImageTransform:
    """Shared parts of the three image transforms: RGB, bicubic resizing of the short side, color normalization."""

    def __init__(self, image_size: int, mean: Sequence[float] = CLIP_MEAN, std: Sequence[float] = CLIP_STD) -> None:
        if image_size < 1:
            raise ValueError(f"The image size is {image_size} px; give a positive number.")
        if len(mean) != 3 or len(std) != 3 or min(std) <= 0:
            raise ValueError(f"Color mean {mean} and deviation {std} need three numbers each, deviations above 0.")
        self.image_size = image_size
        self.mean, self.std = tuple(mean), tuple(std)
        # (x / 255 - mean) / std as one multiply-add per pixel.
        self._scale = torch.tensor([1.0 / (255.0 * s) for s in std])[:, None, None]
        self._offset = torch.tensor([-m / s for m, s in zip(mean, std, strict=True)])[:, None, None]

    def _tensor(self, image: Image.Image) -> torch.Tensor:
        """Convert an RGB image to `(3, H, W)` float32, normalized per channel."""
        return self.normalize(_pixels(image))

    def normalize(self, pixels: torch.Tensor) -> torch.Tensor:
        """Normalize `(..., 3, H, W)` uint8 per channel to float32, on their device."""
        floats = pixels.to(torch.float32, memory_format=torch.contiguous_format)
        return torch.addcmul(self._offset.to(pixels.device), floats, self._scale.to(pixels.device))

    def _resize_short_side(self, image: Image.Image) -> Image.Image:
        image = image.convert("RGB") if image.mode != "RGB" else image
        width, height = image.size
        short, size = min(width, height), self.image_size
        if short == size:
            return image
        return image.resize((size * width // short, size * height // short), Image.Resampling.BICUBIC)

    def _crop(self, image: Image.Image, left: int, top: int) -> Image.Image:
        if image.size == (self.image_size, self.image_size):
            return image
        return image.crop((left, top, left + self.image_size, top + self.image_size))


class EvalImageTransform(_ImageTransform):
    """Resize the short side to `image_size` (bicubic), center-crop and normalize, as `CLIPImageProcessorPil` does.

    Args:
        image_size: side of the square output in pixels.
        mean, std: color mean and standard deviation per channel for values in 0 .. 1.
        official_crop: round half of an odd margin as torchvision, and thus the official code, does. The processor
            rounds it down. Square views have no margin and are not affected.

    Raises:
        ValueError: if the size is below 1 or the color statistics are malformed.
    """

    def __init__(
        self,
        image_size: int,
        mean: Sequence[float] = CLIP_MEAN,
        std: Sequence[float] = CLIP_STD,
        official_crop: bool = False,
    ) -> None:
        super().__init__(image_size, mean, std)
        self.official_crop = official_crop

    def __call__(self, image: Image.Image, seed: int = 0) -> torch.Tensor:
        """Transform a PIL image to `(3, image_size, image_size)` float32; the seed is ignored."""
        return self.normalize(self.pixels(image))

    def pixels(self, image: Image.Image) -> torch.Tensor:
        """Resize and crop a PIL image to `(3, image_size, image_size)` uint8, to be normalized later."""
        image = self._resize_short_side(image)
        margins = [side - self.image_size for side in image.size]
        left, top = (round(margin / 2) if self.official_crop else margin // 2 for margin in margins)
        return _pixels(self._crop(image, left, top)).contiguous()


class WeakImageTransform(_ImageTransform):
    """Make the teacher's images: resize the short side to `image_size` (bicubic), crop at random, normalize.

    Args:
        image_size: side of the square output in pixels.
        mean, std: color mean and standard deviation per channel for values in 0 .. 1.

    Raises:
        ValueError: if the size is below 1 or the color statistics are malformed.
    """

    def __call__(self, image: Image.Image, seed: int) -> torch.Tensor:
        """Transform a PIL image to `(3, image_size, image_size)` float32, determined by the seed."""
        image = self._resize_short_side(image)
        width, height = image.size
        generator = random.Random(seed)
        left = generator.randint(0, width - self.image_size)
        top = generator.randint(0, height - self.image_size)
        return self._tensor(self._crop(image, left, top))


def _at_least_one_bit(level_fn: Callable[..., tuple[int]], level: float, options: dict[str, Any]) -> tuple[int]:
    """Bound timm's posterization, whose strongest level keeps 0 bits: a black image or, in newer Pillow, an error."""
    return (max(1, level_fn(level, options)[0]),)


class StrongImageTransform(_ImageTransform):
    """Make the student's images: random resized crop (bicubic), horizontal flip, timm's RandAugment, normalization.

    Args:
        image_size: side of the square output in pixels.
        mean, std: color mean and standard deviation per channel for values in 0 .. 1.
        scale: range of the crop's area as a fraction of the image's.
        ratio: range of the crop's width divided by its height.
        flip: probability of the horizontal flip.
        rand_augment: timm's RandAugment specification, or an empty string for none.
        room: probability of [`random_room`], which is applied first.

    Raises:
        ValueError: if the size is below 1 or the color statistics or ranges are malformed.
    """

    def __init__(
        self,
        image_size: int,
        mean: Sequence[float] = CLIP_MEAN,
        std: Sequence[float] = CLIP_STD,
        scale: tuple[float, float] = (0.3, 1.0),
        ratio: tuple[float, float] = (3 / 4, 4 / 3),
        flip: float = 0.5,
        rand_augment: str = RAND_AUGMENT,
        room: float = 0.0,
    ) -> None:
        super().__init__(image_size, mean, std)
        if not 0.0 < scale[0] <= scale[1] <= 1.0 or not 0.0 < ratio[0] <= ratio[1]:
            raise ValueError(f"Crop scale {scale} and ratio {ratio} must be positive ranges, the scale up to 1.")
        self.scale, self.ratio, self.flip, self.room = scale, ratio, flip, room
        self._rand_augment: Any = self._make_rand_augment(rand_augment) if rand_augment else None

    def _make_rand_augment(self, description: str) -> Any:
        # Imported late: timm takes seconds to import and inference never needs it.
        with importing("train"):
            from timm.data.auto_augment import rand_augment_transform

        color = tuple(min(255, round(255 * value)) for value in self.mean)
        options = {
            "translate_const": int(self.image_size * 0.45),  # as in timm's own training transform
            "img_mean": color,
            "interpolation": Image.Resampling.BICUBIC,
        }
        policy = rand_augment_transform(description, options)
        for operation in policy.ops:
            if operation.name.startswith("Posterize"):
                operation.level_fn = functools.partial(_at_least_one_bit, operation.level_fn)
        return policy

    def crop_box(self, width: int, height: int, generator: random.Random) -> tuple[int, int, int, int]:
        """Draw a crop `(left, top, right, bottom)` in pixels, as torchvision's RandomResizedCrop does."""
        low, high = math.log(self.ratio[0]), math.log(self.ratio[1])
        for _ in range(10):
            area = width * height * generator.uniform(*self.scale)
            aspect = math.exp(generator.uniform(low, high))
            crop_width, crop_height = round(math.sqrt(area * aspect)), round(math.sqrt(area / aspect))
            if 0 < crop_width <= width and 0 < crop_height <= height:
                break
        else:
            # No box fit: take the largest central one with an allowed aspect ratio.
            crop_width = max(1, min(width, round(height * self.ratio[1])))
            crop_height = max(1, min(height, round(width / self.ratio[0])))
            left, top = (width - crop_width) // 2, (height - crop_height) // 2
            return left, top, left + crop_width, top + crop_height
        left, top = generator.randint(0, width - crop_width), generator.randint(0, height - crop_height)
        return left, top, left + crop_width, top + crop_height

    def _augment(self, image: Image.Image, generator: random.Random) -> Image.Image:
        """Apply RandAugment, restoring Python's global generator, from which its operations draw."""
        policy = self._rand_augment
        drawn = random.Random(generator.getrandbits(64))
        # With weights (experimental in timm), timm itself would draw without replacement.
        operations = drawn.choices(policy.ops, weights=policy.choice_weights, k=policy.num_layers)
        state = random.getstate()
        try:
            random.seed(drawn.getrandbits(64))
            for operation in operations:
                image = operation(image)
        finally:
            random.setstate(state)
        return image

    def __call__(self, image: Image.Image, seed: int) -> torch.Tensor:
        """Transform a PIL image to `(3, image_size, image_size)` float32, determined by the seed."""
        image = image.convert("RGB") if image.mode != "RGB" else image
        generator = random.Random(seed)
        # A separate generator, so that the option `room` does not change any other draw. (0x524F4F4D spells "ROOM".)
        in_room = random.Random(seed ^ 0x524F4F4D)
        if self.room > 0.0 and in_room.random() < self.room:
            image = random_room(image, in_room)
        size = (self.image_size, self.image_size)
        image = image.crop(self.crop_box(*image.size, generator)).resize(size, Image.Resampling.BICUBIC)
        if generator.random() < self.flip:
            image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        if self._rand_augment is not None:
            image = self._augment(image, generator)
        return self._tensor(image)
