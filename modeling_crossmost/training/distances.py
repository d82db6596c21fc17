"""Distances of point clouds: earth mover's (exact, or by Sinkhorn's iterations) and chamfer.

Shapes: B objects, N points. All three are differentiable, in float32, and zero for two orders of the same points.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch

from ..utils.extras import importing
from ..utils.machine import available_cores


with importing("train"):
    from scipy.optimize import linear_sum_assignment


Distance = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


def pairwise_distances(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """Euclidean distances (B, N, 3), (B, M, 3) -> (B, N, M), without the cancellation of the expanded form."""
    return torch.cdist(first.float(), second.float(), compute_mode="donot_use_mm_for_euclid_dist")


def _check_pairs(first: torch.Tensor, second: torch.Tensor) -> None:
    if first.shape != second.shape or first.dim() != 3:
        raise ValueError(
            f"The clouds have the shapes {tuple(first.shape)} and {tuple(second.shape)}: a bijection needs the same "
            "(batch, points, 3) of both."
        )


def _reduced(costs: np.ndarray) -> np.ndarray:
    """Shift rows and columns of costs (N, N) so that the best bijection stands out; it remains the best.

    The shifts are the potentials of a few of Sinkhorn's iterations. `einsum` sums in the calling thread; a product of
    BLAS would start threads in every worker.
    """
    scale = 0.02 * float(costs.mean()) or 1.0
    kernel = np.exp(-(costs / scale).astype(np.float32)) + np.float32(1e-30)
    columns = np.ones(len(costs), np.float32)
    with np.errstate(all="ignore"):
        for _ in range(20):
            rows = 1 / np.einsum("ij,j->i", kernel, columns)
            columns = 1 / np.einsum("ij,i->j", kernel, rows)
        logarithms = np.log(np.stack([rows, columns]).astype(np.float64))
    shifts = scale * np.nan_to_num(logarithms, posinf=0.0, neginf=0.0)
    return costs - shifts[0][:, None] - shifts[1]


def optimal_assignment(costs: torch.Tensor) -> torch.Tensor:
    """Return the bijection of least total cost.

    Objects are divided among threads: scipy computes without Python's lock.

    Args:
        costs: (B, N, N), on any device.

    Returns:
        (B, N) int64, the column of every row; the identity where a cost is not finite.
    """
    matrices = costs.detach().cpu().numpy()

    def solve(matrix: np.ndarray) -> np.ndarray:
        if not np.isfinite(matrix).all():
            return np.arange(len(matrix))
        return linear_sum_assignment(_reduced(matrix))[1]

    with ThreadPoolExecutor(available_cores()) as pool:
        columns = list(pool.map(solve, matrices))
    return torch.from_numpy(np.stack(columns)).to(costs.device)


def _matched_distance(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """Mean distance of points with the same number, (B, N, 3) x 2 -> (B,), its gradient 0 where two coincide."""
    squared = (first - second).square().sum(-1)
    apart = squared > 0
    return torch.where(apart, torch.where(apart, squared, 1.0).sqrt(), squared).mean(-1)


def earth_movers_distance(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """Compute the earth mover's distance exactly: the least mean distance of matched points over all bijections.

    The bijection itself is constant almost everywhere, so the gradient goes through the matched pairs alone.

    Args:
        first, second: (B, N, 3).

    Returns:
        (B,); not finite where a coordinate is not.

    Raises:
        ValueError: if the shapes differ.
    """
    _check_pairs(first, second)
    matched = optimal_assignment(pairwise_distances(first.detach(), second.detach()))
    partners = second.gather(1, matched.unsqueeze(-1).expand_as(second))
    return _matched_distance(first.float(), partners.float())


def sinkhorn_distance(
    first: torch.Tensor, second: torch.Tensor, blur: float = 0.002, iterations: int = 200
) -> torch.Tensor:
    """Approximate the earth mover's distance by entropic transport (Sinkhorn's iterations in the log domain).

    It never waits for the host, which a GPU needs; on a CPU the exact one is faster. The plan is held constant in the
    gradient. The difference from the exact value depends on the clouds: `python -m benchmarks distances` measures it.

    Args:
        first, second: (B, N, 3), in about a unit box.
        blur: weight of the entropy, a distance; smaller is more exact and needs more iterations.
        iterations: updates of both potentials; the blur shrinks from the box's size to its value over the first half.

    Returns:
        (B,).

    Raises:
        ValueError: if the shapes differ.
    """
    _check_pairs(first, second)
    costs = pairwise_distances(first, second)
    fixed, count = costs.detach(), costs.shape[1]
    mass = -torch.log(fixed.new_tensor(float(count)))
    rows = columns = fixed.new_zeros(fixed.shape[:2])
    for number in range(iterations):
        scale = max(blur, 0.5 ** (1 + 12 * number / iterations))
        rows = -scale * ((columns.unsqueeze(1) - fixed) / scale + mass).logsumexp(2)
        columns = -scale * ((rows.unsqueeze(2) - fixed) / scale + mass).logsumexp(1)
    plan = ((rows.unsqueeze(2) + columns.unsqueeze(1) - fixed) / blur + 2 * mass).exp()
    return (plan * costs).sum((1, 2))


def chamfer_distance(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """Compute the chamfer distance: the mean distance to the nearest point of the other cloud, averaged over both ways.

    Args:
        first: (B, N, 3).
        second: (B, M, 3).

    Returns:
        (B,).
    """
    first, second = first.float(), second.float()
    distances = pairwise_distances(first.detach(), second.detach())
    forward, backward = distances.argmin(2), distances.argmin(1)
    nearest = [second.gather(1, forward.unsqueeze(-1).expand_as(first))]
    nearest += [first.gather(1, backward.unsqueeze(-1).expand_as(second))]
    return (_matched_distance(first, nearest[0]) + _matched_distance(second, nearest[1])) / 2


POINT_DISTANCES: dict[str, Distance] = {
    "emd": earth_movers_distance,
    "sinkhorn": sinkhorn_distance,
    "chamfer": chamfer_distance,
}
