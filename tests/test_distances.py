"""Distances of clouds against every bijection, linear programming and closed forms."""

import itertools

import numpy as np
import pytest
import torch
from scipy.optimize import linprog

from modeling_crossmost.training.distances import (
    POINT_DISTANCES,
    chamfer_distance,
    earth_movers_distance,
    optimal_assignment,
    pairwise_distances,
    sinkhorn_distance,
)


def clouds(count: int, points: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(count, points, 3, generator=torch.Generator().manual_seed(seed)) - 0.5


@pytest.mark.parametrize("points", [1, 2, 4, 6])
def test_emd_is_the_least_over_all_bijections(points):
    first, second = clouds(3, points), clouds(3, points, seed=1)
    costs = pairwise_distances(first, second)
    orders = itertools.permutations(range(points))
    least = torch.stack([costs[:, range(points), order].mean(-1) for order in orders]).amin(0)
    torch.testing.assert_close(earth_movers_distance(first, second), least)


def test_emd_equals_the_linear_programs_optimum():
    first, second = clouds(1, 12), clouds(1, 12, seed=1)
    costs = pairwise_distances(first, second)[0].double().numpy()
    ones, unit = np.ones(12), np.eye(12)
    rows, columns = np.kron(unit, ones), np.kron(ones, unit)
    best = linprog(costs.ravel(), A_eq=np.vstack([rows, columns]), b_eq=np.ones(24), bounds=(0, None)).fun / 12
    assert earth_movers_distance(first, second).item() == pytest.approx(best, abs=1e-6)


@pytest.mark.parametrize("distance", POINT_DISTANCES.values(), ids=list(POINT_DISTANCES))
def test_the_order_of_points_does_not_matter_and_each_object_stands_alone(distance):
    first, second = clouds(4, 64), clouds(4, 64, seed=1)
    order = torch.randperm(64, generator=torch.Generator().manual_seed(0))
    together = distance(first, second)
    torch.testing.assert_close(distance(first[:, order], second), together)
    alone = torch.cat([distance(a[None], b[None]) for a, b in zip(first, second, strict=True)])
    torch.testing.assert_close(together, alone)


def test_permuted_and_shifted_copies():
    cloud = clouds(2, 200)
    order = torch.randperm(200, generator=torch.Generator().manual_seed(0))
    shift = torch.tensor([0.3, -0.4, 1.2])  # length 1.3
    assert not earth_movers_distance(cloud, cloud[:, order]).any()
    assert not chamfer_distance(cloud, cloud[:, order]).any()
    torch.testing.assert_close(earth_movers_distance(cloud, cloud[:, order] + shift), torch.full((2,), 1.3))


def test_chamfer_in_closed_form():
    first = torch.tensor([[[0.0, 0, 0], [1, 0, 0]]])
    second = torch.tensor([[[0.0, 0, 0], [1, 3, 0], [0, 4, 0]]])
    # To the right 0 and 1; to the left 0, 3 and 4.
    assert chamfer_distance(first, second).item() == pytest.approx((0.5 + 7 / 3) / 2)


@pytest.mark.parametrize("distance", [earth_movers_distance, chamfer_distance])
def test_the_gradient_is_the_numerical_one(distance):
    first, second = clouds(2, 7).double().requires_grad_(), clouds(2, 7, seed=1).double()
    weights = torch.tensor([1.0, 2.0])
    value = (distance(first, second) * weights).sum()
    (gradient,) = torch.autograd.grad(value, first)
    step = 1e-3
    numerical = torch.zeros_like(gradient)
    with torch.no_grad():
        for index in np.ndindex(*first.shape):
            up, down = first.clone(), first.clone()
            up[index] += step
            down[index] -= step
            numerical[index] = ((distance(up, second) - distance(down, second)) * weights).sum() / (2 * step)
    torch.testing.assert_close(gradient, numerical, rtol=1e-2, atol=1e-3)


def test_sinkhorns_gradient_points_where_the_exact_one_does():
    first, second = clouds(2, 64).requires_grad_(), clouds(2, 64, seed=1)
    gradients = [
        torch.autograd.grad(d(first, second).sum(), first)[0] for d in (earth_movers_distance, sinkhorn_distance)
    ]
    assert torch.nn.functional.cosine_similarity(*(g.flatten() for g in gradients), dim=0) > 0.95


@pytest.mark.parametrize("distance", POINT_DISTANCES.values(), ids=list(POINT_DISTANCES))
def test_coincident_points_have_a_finite_gradient(distance):
    first = clouds(1, 9).requires_grad_()
    distance(first, first.detach().clone()).sum().backward()
    assert first.grad.isfinite().all()


def test_sinkhorn_is_close_to_the_exact_value_on_clouds_of_256_points():
    first, second = clouds(4, 256), clouds(4, 256, seed=1)
    second[2:] = 0.5 * second[2:]  # another shape
    exact = earth_movers_distance(first, second)
    assert ((sinkhorn_distance(first, second) - exact).abs() / exact).max() < 0.01


def test_a_cloud_that_is_not_finite_gives_no_number_and_leaves_the_others_alone():
    first, second = clouds(2, 8), clouds(2, 8, seed=1)
    first[0, 3, 1] = torch.nan
    found = earth_movers_distance(first, second)
    assert found[0].isnan() and found[1] == earth_movers_distance(first[1:], second[1:])[0]


def test_clouds_of_different_sizes_are_refused():
    with pytest.raises(ValueError, match=r"shapes \(1, 4, 3\) and \(1, 5, 3\): a bijection needs the same"):
        earth_movers_distance(clouds(1, 4), clouds(1, 5))


def test_assignment_of_several_objects_is_that_of_each():
    costs = torch.rand(6, 30, 30, generator=torch.Generator().manual_seed(0))
    found = optimal_assignment(costs)
    assert found.sort(dim=-1).values.tolist() == [list(range(30))] * 6
    assert torch.equal(found, torch.cat([optimal_assignment(cost[None]) for cost in costs]))
