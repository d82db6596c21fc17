"""Farthest point sampling and grouping against plain loops, and every cloud that could trip them."""

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from toy import toy_clouds

from modeling_crossmost import CrossMoSTPointConfig, CrossMoSTPointModel
from modeling_crossmost.point_ops_crossmost import (
    check_point_values,
    farthest_point_sample,
    gather_points,
    group_points,
    nearest_neighbors,
)


class TorchOperations(TorchDispatchMode):
    """Names of the operations that reach the backend, such as "bmm"."""

    def __init__(self):
        super().__init__()
        self.names: set[str] = set()

    def __torch_dispatch__(self, function, types, arguments=(), options=None):
        self.names.add(function.overloadpacket.__name__)
        return function(*arguments, **(options or {}))


def naive_farthest_points(cloud: np.ndarray, count: int, start: int) -> list[int]:
    """The textbook loop over one (N, 3) cloud; `argmax` takes the lowest index of equal distances."""
    picked = [start]
    while len(picked) < count:
        gaps = np.square(cloud[:, None] - cloud[None, picked]).sum(-1)
        picked.append(int(gaps.min(axis=1).argmax()))
    return picked


@pytest.mark.parametrize(("points", "samples"), [(200, 64), (33, 33), (7, 1)])
def test_farthest_points_equal_a_naive_loop(points, samples):
    clouds = toy_clouds(4, points)
    picked = farthest_point_sample(clouds, samples)
    assert picked.shape == (4, samples) and picked.dtype == torch.int64
    for cloud, row in zip(clouds.numpy(), picked.tolist(), strict=True):
        assert row == naive_farthest_points(cloud, samples, 0)


def test_the_start_is_one_index_or_one_for_each_cloud():
    clouds = toy_clouds(3, 50)
    starts = torch.tensor([4, 0, 49])
    each = farthest_point_sample(clouds, 9, starts)
    for cloud, start, row in zip(clouds.numpy(), starts.tolist(), each.tolist(), strict=True):
        assert row == naive_farthest_points(cloud, 9, start)
    assert torch.equal(farthest_point_sample(clouds, 9, 4)[0], each[0])
    assert (farthest_point_sample(clouds, 9, 4)[:, 0] == 4).all()


def test_ties_go_to_the_lowest_index():
    square = torch.tensor([[[0.0, 0, 0], [1, 0, 0], [-1, 0, 0], [0, 0, 1], [0, 0, -1]]])
    # All corners are equally far from the middle; then the opposite one, then the lower of the other two.
    assert farthest_point_sample(square, 5).tolist() == [[0, 1, 2, 3, 4]]
    assert farthest_point_sample(square, 4, 3).tolist() == [[3, 4, 1, 2]]


def test_fewer_distinct_points_than_samples_repeat():
    cloud = torch.tensor([[[1.0, 0, 0], [0, 0, 0], [1, 0, 0], [0, 0, 0]]])
    picked = farthest_point_sample(cloud, 6)
    assert picked.tolist() == [[0, 1, 0, 0, 0, 0]]
    assert farthest_point_sample(torch.zeros(2, 1, 3), 4).tolist() == [[0] * 4] * 2


def test_nearest_neighbors_equal_brute_force():
    clouds, centers = toy_clouds(3, 60), toy_clouds(3, 11, seed=1)
    found = nearest_neighbors(clouds, centers, 9)
    for cloud, middles, rows in zip(clouds.double().numpy(), centers.double().numpy(), found.tolist(), strict=True):
        for middle, row in zip(middles, rows, strict=True):
            assert row == np.square(cloud - middle).sum(-1).argsort()[:9].tolist()


def test_fewer_points_than_neighbors_repeat_from_the_nearest():
    cloud = torch.tensor([[[0.0, 0, 0], [3, 0, 0], [1, 0, 0]]])
    assert nearest_neighbors(cloud, cloud[:, :1], 7).tolist() == [[[0, 2, 1, 0, 2, 1, 0]]]


def test_gathering_rows():
    clouds = toy_clouds(2, 10)
    index = torch.tensor([[[0, 9], [3, 3]], [[1, 2], [8, 0]]])
    expected = torch.stack([cloud[rows] for cloud, rows in zip(clouds, index, strict=True)])
    assert torch.equal(gather_points(clouds, index), expected)


def test_groups_are_centerd_and_hold_their_center():
    clouds = toy_clouds(3, 80)
    groups = group_points(clouds, 16, 5)
    assert groups.neighborhoods.shape == (3, 16, 5, 3) and groups.centers.shape == (3, 16, 3)
    assert torch.equal(groups.neighborhoods[:, :, 0], torch.zeros(3, 16, 3)), "the nearest point is the center itself"
    back = groups.neighborhoods + groups.centers.unsqueeze(2)
    distance = (back.flatten(1, 2).unsqueeze(2) - clouds.unsqueeze(1)).norm(dim=-1).amin(-1)
    assert distance.max() < 1e-6, "every neighbor is a point of the cloud"


def test_a_cloud_is_grouped_alike_in_any_batch():
    clouds = toy_clouds(5, 70)
    whole, alone = group_points(clouds, 12, 6), group_points(clouds[3:4], 12, 6)
    assert torch.equal(whole.neighborhoods[3:4], alone.neighborhoods)
    assert torch.equal(whole.centers[3:4], alone.centers)


@pytest.mark.parametrize(
    "clouds",
    [
        torch.ones(2, 1, 3),
        toy_clouds(2, 3),
        torch.zeros(2, 1, 3),
        torch.zeros(2, 100, 3),
        toy_clouds(2, 4).repeat(1, 25, 1),
        1e4 * toy_clouds(2, 100),
    ],
    ids=["one point", "fewer than a group", "one point at the origin", "all equal", "four distinct", "huge"],
)
def test_the_tower_takes_every_finite_cloud(clouds):
    torch.manual_seed(0)
    config = CrossMoSTPointConfig(
        num_groups=8, group_size=6, tokenizer_dims=(4, 4, 4), hidden_size=12, num_attention_heads=2, num_hidden_layers=1
    )
    model = CrossMoSTPointModel(config).eval()
    with torch.no_grad():
        pooled = model(point_values=clouds).pooler_output
    assert pooled.shape == (2, 24) and pooled.isfinite().all()


@pytest.mark.parametrize(
    ("points", "message"),
    [
        (torch.zeros(1, 0, 3), "clouds without points"),
        (torch.tensor([[[0.0, torch.nan, 0.0]]]), "NaN or infinite coordinates"),
        (torch.tensor([[[0.0, 0.0, -torch.inf]]]), "NaN or infinite coordinates"),
        (torch.zeros(5, 3), r"must have shape \(batch, points, 3\), got \(5, 3\)"),
        (torch.zeros(1, 5, 4), r"got \(1, 5, 4\)"),
        (torch.zeros(1, 5, 3, dtype=torch.int64), "must be floating point, got torch.int64"),
    ],
)
def test_unusable_clouds_are_one_sentence(points, message):
    with pytest.raises(ValueError, match=message) as caught:
        check_point_values(points)
    assert "\n" not in str(caught.value)
    model = CrossMoSTPointModel(CrossMoSTPointConfig(num_hidden_layers=1, tokenizer_dims=(2, 2, 2)))
    with pytest.raises(ValueError, match=message):
        model(point_values=points)


def test_grouping_multiplies_no_matrices_that_tf32_could_round():
    clouds = toy_clouds(2, 4096)
    with TorchOperations() as seen:
        group_points(clouds, 32, 16)
    assert seen.names and not seen.names & {"mm", "bmm", "addmm", "baddbmm", "linear", "matmul", "convolution"}


def test_grouping_is_the_same_under_autocast():
    clouds = toy_clouds(2, 4096)
    exact = group_points(clouds, 32, 16)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        mixed = group_points(clouds, 32, 16)
    assert mixed.neighborhoods.dtype == torch.float32
    assert torch.equal(mixed.neighborhoods, exact.neighborhoods)
    assert torch.equal(mixed.centers, exact.centers)
