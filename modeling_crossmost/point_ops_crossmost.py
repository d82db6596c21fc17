"""Farthest point sampling and nearest neighbours in pure batched torch: no compiled extension, CPU and CUDA alike."""

from typing import NamedTuple

import torch


class PointGroups(NamedTuple):
    """The sub-clouds of a batch.

    Attributes:
        neighborhoods: (B, G, S, 3) coordinates relative to the group's centre, nearest first.
        centers: (B, G, 3) coordinates of the centres.
    """

    neighborhoods: torch.Tensor
    centers: torch.Tensor


def check_point_values(points: torch.Tensor) -> torch.Tensor:
    """Returns (B, N, 3) floating point clouds, or says in one sentence what is wrong with them.

    Non-finite values are looked for on the CPU only: on an accelerator the answer would stall the stream, and the
    processor has already refused such clouds.

    Raises:
        ValueError: wrong shape, no point, or a NaN or infinite coordinate.
    """
    if points.dim() != 3 or points.shape[-1] != 3:
        raise ValueError(f"point_values must have shape (batch, points, 3), got {tuple(points.shape)}.")
    if points.shape[1] < 1:
        raise ValueError("point_values holds clouds without a single point: give at least one point per cloud.")
    if not points.is_floating_point():
        raise ValueError(f"point_values must be floating point, got {points.dtype}: convert with .float().")
    if points.device.type == "cpu" and not torch.compiler.is_compiling() and not bool(points.isfinite().all()):
        raise ValueError("point_values holds NaN or infinite coordinates: remove such points before the model.")
    return points


def farthest_point_sample(points: torch.Tensor, num_samples: int, start: torch.Tensor | int = 0) -> torch.Tensor:
    """Greedy farthest point sampling (the sub-cloud centres of Point-BERT, paper section 3.2).

    The coordinates are kept as three separate (B, N) rows: each of the `num_samples` steps is then a handful of
    contiguous vector operations, about five times faster on a CPU than with (B, N, 3). Among equally far points the
    lowest index wins. A cloud with fewer distinct points than samples repeats points, by the same rule.

    Args:
        points: (B, N, 3).
        num_samples: G, number of indices per cloud.
        start: index of the first pick: one integer for all clouds (0 in evaluation) or (B,) indices (drawn with a
            seed in training).

    Returns:
        (B, G) int64 indices into the N points.
    """
    batch, count, _ = points.shape
    x, y, z = points.detach().float().unbind(-1)  # 3 x (B, N)
    x, y, z = x.contiguous(), y.contiguous(), z.contiguous()
    picked = torch.as_tensor(start, dtype=torch.long, device=points.device).expand(batch).reshape(batch, 1)
    distance = torch.full((batch, count), torch.inf, device=points.device)
    indices = [picked]
    for _ in range(num_samples - 1):
        dx = x - x.gather(1, picked)
        dy = y - y.gather(1, picked)
        dz = z - z.gather(1, picked)
        distance = torch.minimum(distance, dx * dx + dy * dy + dz * dz)
        picked = distance.argmax(dim=1, keepdim=True)
        indices.append(picked)
    return torch.cat(indices, dim=1)


def gather_points(points: torch.Tensor, indices: torch.Tensor) -> torch.Tensor:
    """Picks rows of each cloud.

    Args:
        points: (B, N, 3).
        indices: (B, ...) int64 into the N points.

    Returns:
        (B, ..., 3).
    """
    flat = indices.flatten(1)  # (B, K)
    picked = points.gather(1, flat.unsqueeze(-1).expand(-1, -1, points.shape[-1]))
    return picked.reshape(*indices.shape, points.shape[-1])


def nearest_neighbors(points: torch.Tensor, centers: torch.Tensor, count: int) -> torch.Tensor:
    """Indices of the nearest points of each centre by squared Euclidean distance, nearest first.

    The distance is the expanded form a^2 - 2ab + b^2 in fp32, as in the official code, so that the same neighbours
    win near-ties. Autocast is off here: in bf16 the difference of large terms picks 2 to 12 % wrong neighbours. A cloud
    of fewer than `count` points repeats its points from the nearest on.

    Args:
        points: (B, N, 3).
        centers: (B, G, 3).
        count: S, neighbours per centre.

    Returns:
        (B, G, S) int64 indices into the N points.
    """
    points, centers = points.detach().float(), centers.detach().float()
    with torch.autocast(points.device.type, enabled=False):
        distance = -2.0 * centers @ points.transpose(1, 2)  # (B, G, N)
    distance = distance + centers.square().sum(-1, keepdim=True) + points.square().sum(-1).unsqueeze(1)
    available = min(count, points.shape[1])
    nearest = distance.topk(available, dim=-1, largest=False, sorted=True).indices
    if available < count:
        repeat = torch.arange(count, device=points.device) % available
        nearest = nearest[..., repeat]
    return nearest


def group_points(points: torch.Tensor, num_groups: int, group_size: int, start: torch.Tensor | int = 0) -> PointGroups:
    """Cuts each cloud into sub-clouds: farthest-point centres and their nearest neighbours (Point-BERT).

    Defined for every cloud of at least one finite point: with fewer distinct points than groups, centres repeat; with
    fewer points than `group_size`, neighbours repeat.

    Args:
        points: (B, N, 3).
        num_groups: G.
        group_size: S.
        start: first centre, see [`farthest_point_sample`].

    Returns:
        [`PointGroups`] with (B, G, S, 3) centred neighbourhoods and (B, G, 3) centres.
    """
    centers = gather_points(points, farthest_point_sample(points, num_groups, start))
    neighbors = gather_points(points, nearest_neighbors(points, centers, group_size))
    return PointGroups(neighbors - centers.unsqueeze(2), centers)
