"""Weak and strong augmentation: the official code's deterministic parts, bounds, distributions, keyed randomness."""

import math
import pickle
import random
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from timm.data.auto_augment import AugmentOp
from transformers import CLIPImageProcessorPil

from modeling_crossmost.data.augmentation import (
    CLIP_MEAN,
    CLIP_STD,
    CloudAugmentation,
    EvalImageTransform,
    StrongImageTransform,
    WeakImageTransform,
    add_floor,
    axis_rotations,
    image_transform_options,
    normalize_clouds,
    occlude_clouds,
    random_room,
    strong_clouds,
    weak_clouds,
)
from modeling_crossmost.data.keyed_random import object_keys


FIXTURE = Path(__file__).parent / "fixtures" / "transforms.safetensors"
STILL = {"strong_scale": (1.0, 1.0), "strong_turn": 0.0, "strong_shift": 0.0, "jitter_std": 0.0, "dropout": 0.0}
STILL["crop_size"] = (1.0, 1.0)


def make_keys(count: int, epoch: int = 0) -> torch.Tensor:
    return object_keys(0, epoch, torch.arange(count))


def make_clouds(count: int, points: int = 256) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.rand(count, points, 3, generator=generator) * torch.tensor([1.0, 2.0, 0.5]) + 3.0


def make_image(width: int, height: int, mode: str = "RGB") -> Image.Image:
    rng = np.random.default_rng(width * 1000 + height)
    small = Image.fromarray(rng.integers(0, 256, (9, 9, 3), dtype=np.uint8))
    return small.resize((width, height), Image.Resampling.BICUBIC).convert(mode)


def normalized(image: Image.Image) -> torch.Tensor:
    pixels = torch.from_numpy(np.array(image)).permute(2, 0, 1) / 255.0
    return (pixels - torch.tensor(CLIP_MEAN)[:, None, None]) / torch.tensor(CLIP_STD)[:, None, None]


def legacy_numpy_state() -> list[int]:
    """State of numpy's global generator, on which timm draws."""
    return np.random.get_state()[1].tolist()  # noqa: NPY002


@pytest.fixture(scope="module")
def official() -> dict[str, torch.Tensor]:
    return load_file(FIXTURE)


# Clouds


def test_official_normalization_and_rotations(official):
    torch.testing.assert_close(
        normalize_clouds(official["cloud"][None])[0], official["cloud_normalised"], rtol=0, atol=1e-6
    )
    for axis in range(3):
        matrix = axis_rotations(torch.tensor([0.7]), axis)[0]
        torch.testing.assert_close(matrix, official[f"rotation_matrix_axis{axis}_0.7"], rtol=0, atol=1e-7)


def test_normalised_coinciding_points_are_zeros():
    assert torch.equal(normalize_clouds(torch.full((2, 5, 3), 4.0)), torch.zeros(2, 5, 3))


def test_weak_clouds_are_small_similarities():
    points, keys = make_clouds(2000, 40), make_keys(2000)
    base, weak = normalize_clouds(points), weak_clouds(points, keys)
    scale = weak.norm(dim=2).amax(1)
    assert scale.min() >= 0.9 - 1e-5 and scale.max() <= 1.1 + 1e-5
    assert abs(scale.mean() - 1.0) < 5 * 0.2 / math.sqrt(12 * 2000)
    # The linear map, recovered by least squares, is scale x Rz Ry Rx.
    maps = torch.linalg.lstsq(base, weak).solution.transpose(1, 2) / scale[:, None, None]
    about_x = torch.atan2(maps[:, 2, 1], maps[:, 2, 2])
    about_y = -maps[:, 2, 0].asin()
    about_z = torch.atan2(maps[:, 1, 0], maps[:, 0, 0])
    angles = torch.stack((about_x, about_y, about_z), dim=1)
    assert angles.abs().max() < 0.18 + 1e-4
    assert angles.mean(0).abs().max() < 5 * 0.06 / math.sqrt(2000)
    # Clipping at three standard deviations takes 1.3 % off the deviation.
    assert (angles.std(0) - 0.0592).abs().max() < 5 * 0.06 / math.sqrt(2 * 2000)


def test_strong_cloud_without_strength_is_the_normalised_cloud():
    points = make_clouds(3)
    still = strong_clouds(points, make_keys(3), augmentation=CloudAugmentation(**STILL))
    torch.testing.assert_close(still, normalize_clouds(points), rtol=0, atol=1e-6)


@pytest.mark.parametrize("up_axis", ["x", "y", "z"])
def test_strong_turn_keeps_the_up_axis(up_axis):
    points, keys = make_clouds(2000, 30), make_keys(2000)
    settings = CloudAugmentation(**{**STILL, "strong_turn": 2 * math.pi, "strong_scale": (0.5, 2.0)})
    base, strong = normalize_clouds(points), strong_clouds(points, keys, up_axis, settings)
    axis = "xyz".index(up_axis)
    scale = strong.norm(dim=2).amax(1)
    assert 0.5 <= scale.min() < 0.51 and 1.98 < scale.max() <= 2.0 + 1e-5
    torch.testing.assert_close(strong[:, :, axis], base[:, :, axis] * scale[:, None], rtol=1e-4, atol=1e-5)
    maps = torch.linalg.lstsq(base, strong).solution.transpose(1, 2) / scale[:, None, None]
    turn = torch.atan2(maps[:, (axis + 2) % 3, (axis + 1) % 3], maps[:, (axis + 1) % 3, (axis + 1) % 3])
    counts = torch.histc(turn, 8, -math.pi, math.pi)
    assert (counts - 250).abs().max() < 5 * math.sqrt(250)


def test_strong_shift_is_a_share_of_the_extent():
    points, keys = make_clouds(2000, 30), make_keys(2000)
    base = normalize_clouds(points)
    shift = strong_clouds(points, keys, augmentation=CloudAugmentation(**{**STILL, "strong_shift": 0.5})) - base
    share = (shift / (base.amax(1) - base.amin(1))[:, None]).mean(1)
    assert share.abs().max() <= 0.5 + 1e-4 and share.min() < -0.49 and share.max() > 0.49
    assert share.mean(0).abs().max() < 5 / math.sqrt(12 * 2000)


def test_strong_jitter_is_clipped_noise():
    points, keys = make_clouds(50), make_keys(50)
    settings = CloudAugmentation(**{**STILL, "jitter_std": 0.02, "jitter_clip": 0.05})
    noise = strong_clouds(points, keys, augmentation=settings) - normalize_clouds(points)
    assert noise.abs().max() <= 0.05 + 1e-6 and noise.abs().max() > 0.0499
    assert abs(noise.std() - 0.02) < 0.0005 and abs(noise.mean()) < 0.0005


def test_strong_dropout_leaves_a_uniform_share():
    points, keys = make_clouds(600, 512), make_keys(600)
    strong = strong_clouds(points, keys, augmentation=CloudAugmentation(**{**STILL, "dropout": 0.875}))
    assert strong.shape == points.shape
    share = torch.tensor([len(cloud.unique(dim=0)) / 512 for cloud in strong])
    assert share.min() > 0.08 and share.max() > 0.97
    assert abs(share.mean() - (1 - 0.875 / 2)) < 5 * 0.875 / math.sqrt(12 * 600)
    # Every point left is one of the cloud's own and lies in its own place.
    base = normalize_clouds(points)
    own = (strong - base).abs().amax(2) < 1e-6
    torch.testing.assert_close(own.float().mean(1), share, rtol=0, atol=0.01)


@pytest.mark.parametrize("fill", ["resample", "first"])
def test_strong_fill(fill):
    points = make_clouds(4, 400)
    settings = CloudAugmentation(**{**STILL, "dropout": 0.875, "fill": fill})
    strong = strong_clouds(points, make_keys(4), augmentation=settings)
    for cloud in strong:
        counts = cloud.unique(dim=0, return_counts=True)[1]
        if fill == "first":
            assert (counts == 1).sum() == len(counts) - 1
        else:
            # Draws with replacement spread evenly over the points left.
            assert counts.max() < 1 + 400 / len(counts) + 6 * math.sqrt(400 / len(counts))


def test_strong_crop_cuts_boxes_and_keeps_half():
    points, keys = make_clouds(800, 400), make_keys(800)
    base = normalize_clouds(points)
    strong = strong_clouds(points, keys, augmentation=CloudAugmentation(**{**STILL, "crop_size": (0.6, 1.0)}))
    extent = (strong.amax(1) - strong.amin(1)) / (base.amax(1) - base.amin(1))
    share = torch.tensor([len(cloud.unique(dim=0)) / 400 for cloud in strong])
    assert share.min() >= 0.5
    cropped = share < 1
    # P(uvw >= 1/2) of three uniforms in [0.6, 1], by numerical integration: 0.495.
    grid = torch.linspace(0.6, 1.0, 200, dtype=torch.float64)
    volume = grid[:, None, None] * grid[:, None] * grid
    expected = (volume >= 0.5).double().mean()
    assert abs(cropped.double().mean() - expected) < 0.09
    assert extent[cropped].min() > 0.5 and (extent[cropped] < 0.95).any(1).float().mean() > 0.9
    # What is left is a box: no point of the cloud inside it was taken away.
    for cloud, original in zip(strong[cropped][:20], base[cropped][:20], strict=True):
        low, high = cloud.amin(0) - 1e-6, cloud.amax(0) + 1e-6
        inside = ((original >= low) & (original <= high)).all(1)
        assert inside.sum() == len(cloud.unique(dim=0))


def test_strong_crop_of_flat_and_single_points():
    flat = torch.rand(5, 50, 3, generator=torch.Generator().manual_seed(0)) * torch.tensor([1.0, 0.0, 1.0])
    assert strong_clouds(flat, make_keys(5)).isfinite().all()
    assert strong_clouds(torch.ones(5, 1, 3), make_keys(5)).shape == (5, 1, 3)


def test_occlusion_cuts_one_horizontal_end_off():
    points, keys = make_clouds(300, 200), make_keys(300)
    occluded = occlude_clouds(points, keys, 0.6)
    shares = []
    for cloud, original in zip(occluded, points, strict=True):
        left = (original[:, None] == cloud).all(2).any(1)
        shares.append(float(left.float().mean()))
        assert (cloud[:, None] == original).all(2).any(1).all()
        # Some horizontal direction separates what was cut off from what is left.
        angle = torch.linspace(0, 2 * math.pi, 721)
        depth = original[:, [0, 2]] @ torch.stack((angle.cos(), angle.sin()))
        if not left.all():
            assert (depth[~left].amin(0) >= depth[left].amax(0) - 0.02).any()
    assert min(shares) >= 0.4 and max(shares) > 0.97
    assert abs(np.mean(shares) - 0.7) < 5 * 0.6 / math.sqrt(12 * 300)
    torch.testing.assert_close(occlude_clouds(points[4:6], keys[4:6], 0.6), occluded[4:6])
    assert torch.equal(occlude_clouds(points, keys, 0.0), points)
    with pytest.raises(ValueError, match="share to occlude is 1"):
        occlude_clouds(points, keys, 1.0)


def test_floor_lies_below_three_of_four_clouds():
    points, keys = make_clouds(400, 200), make_keys(400)
    made = add_floor(points, keys, 0.3)
    moved = (made != points).any(2)
    shares = moved.float().mean(1)
    assert 0.2 < (shares == 0).float().mean() < 0.35 and 0.27 < shares.max() < 0.3
    assert abs(shares.mean() - 0.3 * 3 / 8) < 0.02
    low, high = points.amin(1, keepdim=True), points.amax(1, keepdim=True)
    assert torch.equal(made[..., 1][moved], low[..., 1].expand(400, 200)[moved])
    away = (made - (low + high) / 2)[..., ::2].norm(dim=2) / ((high - low)[..., ::2].norm(dim=2) / 2)
    assert 0.7 < away[moved].max() <= 1.3001 and abs(away[moved].mean() - 2 / 3) < 0.05  # evenly over discs
    torch.testing.assert_close(add_floor(points[4:6], keys[4:6], 0.3), made[4:6])
    assert torch.equal(add_floor(points, keys, 0.0), points)
    with pytest.raises(ValueError, match="share of floor is 1"):
        add_floor(points, keys, 1.0)


def studio_view(shade: int = 230) -> Image.Image:
    view = Image.new("RGB", (48, 48), (shade, shade, shade))
    view.paste((120, 60, 30), (12, 10, 36, 40))
    return view


def test_rooms_change_all_of_the_background_and_keep_the_object():
    for seed in range(20):
        room = np.asarray(random_room(studio_view(), random.Random(seed))).astype(int)
        brown = (room[..., 0] > 1.5 * room[..., 1]) & (room[..., 1] > 1.3 * room[..., 2])  # the object's hue
        assert brown.sum() > 0.8 * 0.65**2 * 24 * 30
        assert not (room == 230).all(2)[[0, 0, -1, -1], [0, -1, 0, -1]].any()
    first, again = (random_room(studio_view(), random.Random(3)) for _ in range(2))
    assert first.tobytes() == again.tobytes() != random_room(studio_view(), random.Random(4)).tobytes()


def test_depth_maps_photographs_and_empty_views_get_no_room():
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 255, (48, 48, 3), dtype=np.uint8))
    for view in (studio_view(0), noise, Image.new("RGB", (48, 48), (200, 200, 200))):
        assert random_room(view, random.Random(0)).tobytes() == view.tobytes()


def test_room_is_a_probability_and_moves_no_other_draw():
    plain, never, always = (StrongImageTransform(48, rand_augment="", room=p) for p in (0.0, 1e-9, 1.0))
    view = studio_view()
    assert all(torch.equal(plain(view, seed), never(view, seed)) for seed in range(20))
    half = StrongImageTransform(48, rand_augment="", room=0.5)
    in_room = [torch.equal(half(view, seed), always(view, seed)) for seed in range(200)]
    assert all(hit or torch.equal(half(view, seed), plain(view, seed)) for seed, hit in enumerate(in_room))
    assert 70 < sum(in_room) < 130


@pytest.mark.parametrize("augment", [weak_clouds, strong_clouds])
def test_clouds_do_not_depend_on_the_batch(augment):
    points, keys = make_clouds(9, 300), make_keys(9)
    before = torch.get_rng_state()
    whole = augment(points, keys)
    torch.testing.assert_close(augment(points[4:6], keys[4:6]), whole[4:6], rtol=0, atol=1e-6)
    assert torch.equal(augment(points, keys), whole)
    assert not torch.allclose(augment(points, make_keys(9, epoch=1)), whole)
    assert torch.equal(before, torch.get_rng_state())
    assert torch.equal(points, make_clouds(9, 300))


@pytest.mark.parametrize("shape", [(5, 3), (2, 0, 3), (2, 5, 4)])
def test_clouds_of_a_wrong_shape(shape):
    for augment in (weak_clouds, strong_clouds):
        with pytest.raises(ValueError, match=r"must have the shape \(B, N, 3\)"):
            augment(torch.zeros(shape), make_keys(shape[0]))


def test_unknown_up_axis():
    with pytest.raises(ValueError, match="choose one of x, y, z"):
        strong_clouds(make_clouds(1), make_keys(1), up_axis="up")


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"weak_scale": (1.1, 0.9)}, "weak_scale"),
        ({"strong_scale": (0.0, 2.0)}, "strong_scale"),
        ({"jitter_std": -0.1}, "jitter_std"),
        ({"dropout": 1.0}, "dropout"),
        ({"crop_size": (0.6, 1.2)}, "crop_size"),
        ({"fill": "zeros"}, "resample, first"),
        ({"strong_shift": float("nan")}, "strong_shift"),
    ],
)
def test_impossible_strengths(setting, message):
    with pytest.raises(ValueError, match=message):
        CloudAugmentation(**setting)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("augment", [weak_clouds, strong_clouds])
def test_gpu_augments_the_same(augment):
    points, keys = make_clouds(4, 500), make_keys(4)
    on_gpu = augment(points.cuda(), keys.cuda()).cpu()
    same = (on_gpu - augment(points, keys)).abs().amax(2) < 1e-4
    # A point on the very face of a crop may fall to either side.
    assert same.float().mean() > 0.99


# Images


def test_official_evaluation_image(official):
    image = Image.fromarray(official["image_uint8_hwc"].numpy())
    out = EvalImageTransform(224, official_crop=True)(image)
    torch.testing.assert_close(out[:, ::4, ::4], official["image_eval_out_every4th_pixel"], rtol=0, atol=1e-5)


@pytest.mark.parametrize("size", [(260, 180), (180, 261), (224, 224), (64, 64), (227, 224), (31, 500)])
def test_evaluation_image_equals_the_processor(size):
    processor = CLIPImageProcessorPil()
    image = make_image(*size)
    expected = processor(image, return_tensors="pt")["pixel_values"][0]
    transform = EvalImageTransform(**image_transform_options(processor))
    torch.testing.assert_close(transform(image), expected, rtol=0, atol=1e-5)


def test_weak_image_is_one_of_the_crops():
    image = make_image(80, 64)
    whole = normalized(image)
    windows = [whole[:, :, left : left + 64] for left in range(17)]
    found = set()
    for seed in range(200):
        out = WeakImageTransform(64)(image, seed)
        found.update(i for i, window in enumerate(windows) if torch.allclose(out, window, atol=1e-5))
    assert found == set(range(17))


@pytest.mark.parametrize("size", [(64, 64), (20, 20), (300, 100), (7, 200)])
@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L"])
def test_all_sizes_and_modes_give_square_tensors(size, mode):
    for transform in (WeakImageTransform(48), StrongImageTransform(48), EvalImageTransform(48)):
        out = transform(make_image(*size, mode), 3)
        assert out.shape == (3, 48, 48) and out.dtype == torch.float32 and out.is_contiguous() and out.isfinite().all()


def test_strong_crop_boxes():
    transform = StrongImageTransform(64)
    generator = random.Random(0)
    boxes = np.array([transform.crop_box(200, 200, generator) for _ in range(3000)])
    width, height = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    assert boxes.min() >= 0 and boxes.max() <= 200
    share, ratio = width * height / 200**2, width / height
    assert 0.29 < share.min() < 0.33 and share.max() > 0.95
    assert ratio.min() > 0.73 and ratio.max() < 1.37 and abs(np.log(ratio).mean()) < 0.02
    # No allowed box fits a long strip: its center, 4/3 as wide as high.
    assert transform.crop_box(1000, 30, random.Random(0)) == (480, 0, 520, 30)


def test_strong_image_without_rand_augment_is_a_flipped_resized_crop():
    image = make_image(90, 70)
    transform = StrongImageTransform(64, rand_augment="")
    for seed in range(10):
        generator = random.Random(seed)
        expected = image.crop(transform.crop_box(90, 70, generator)).resize((64, 64), Image.Resampling.BICUBIC)
        if generator.random() < 0.5:
            expected = expected.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        torch.testing.assert_close(transform(image, seed), normalized(expected), rtol=0, atol=1e-5)


def test_rand_augment_changes_images_at_its_rate():
    with_policy, without = StrongImageTransform(64), StrongImageTransform(64, rand_augment="")
    image = make_image(64, 64)
    equal = [torch.allclose(with_policy(image, seed), without(image, seed), atol=1e-6) for seed in range(400)]
    # Two operations, each applied with probability 1/2; a few of them (a posterization by 0 bits) change nothing.
    assert 0.2 < np.mean(equal) < 0.42


def test_every_operation_stands_its_greatest_magnitude(monkeypatch):
    made = {}
    apply = AugmentOp.__call__

    def remember(operation, image):
        made[operation.name] = apply(operation, image)
        return made[operation.name]

    monkeypatch.setattr(AugmentOp, "__call__", remember)
    transform = StrongImageTransform(64, scale=(1.0, 1.0), rand_augment="rand-m10-n1-p1.0-inc1")
    for seed in range(200):
        assert transform(make_image(64, 64), seed).isfinite().all()
    assert len(made) == 15 and all(image.size == (64, 64) for image in made.values())
    (posterized,) = (image for name, image in made.items() if name.startswith("Posterize"))
    assert len(np.unique(np.array(posterized))) == 2  # one bit is left, not none


@pytest.mark.parametrize("make", [WeakImageTransform, StrongImageTransform])
def test_images_are_determined_by_the_seed_and_leave_global_state_alone(make):
    image, transform = make_image(100, 80), make(64)
    states = random.getstate(), legacy_numpy_state(), torch.get_rng_state()
    first = [transform(image, seed) for seed in range(20)]
    assert (random.getstate(), legacy_numpy_state()) == states[:2] and torch.equal(torch.get_rng_state(), states[2])
    random.seed(99)
    np.random.seed(99)  # noqa: NPY002
    copied = pickle.loads(pickle.dumps(transform))
    assert all(torch.equal(a, copied(image, seed)) for seed, a in enumerate(first))
    assert sum(torch.equal(a, first[0]) for a in first) < 5


def test_color_statistics_are_arguments():
    image = make_image(64, 64)
    out = EvalImageTransform(64, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))(image)
    torch.testing.assert_close(out, torch.from_numpy(np.array(image)).permute(2, 0, 1) / 255.0)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"image_size": 0}, "image size is 0 px"),
        ({"image_size": 64, "std": (1, 0, 1)}, "Color mean"),
        ({"image_size": 64, "mean": (0,)}, "Color mean"),
    ],
)
def test_impossible_image_settings(setting, message):
    with pytest.raises(ValueError, match=message):
        WeakImageTransform(**setting)


def test_impossible_crop_ranges():
    with pytest.raises(ValueError, match="Crop scale"):
        StrongImageTransform(64, scale=(1.0, 0.3))
