"""Farthest point sampling and nearest neighbors in batched PyTorch, without compiled extensions, on any device."""

from typing import NamedTuple

import torch

from .geometry_crossmost import UNKNOWN_COLOR


class PointGroups(NamedTuple):
    """Sub-clouds of a batch of clouds.

    Attributes:
        neighborhoods: (B, G, S, 3), points relative to the center of their group, nearest first; (B, G, S, 6) with
            their colors.
        centers: (B, G, 3), centers of the groups.
    """

    neighborhoods: torch.Tensor
    centers: torch.Tensor


def check_point_values(points: torch.Tensor, channels: int = 3) -> torch.Tensor:
    """Validate a batch of clouds (B, N, 3), with colors (B, N, 6), and return it.

    With 6 channels, clouds without colors get `UNKNOWN_COLOR`.

    NaN and infinity are checked on the CPU only: on an accelerator the check would synchronize the stream, and the
    processor already rejects such clouds.

    Raises:
        ValueError: for a wrong shape or dtype, colors that the tower does not take, clouds without points, or (on the
            CPU) NaN or infinite coordinates.
    """
    if points.dim() != 3 or points.shape[-1] not in (3, channels):
        colors = " or, with colors, (batch, points, 6)" if channels == 6 else ""
        raise ValueError(f"point_values must have shape (batch, points, 3){colors}, got {tuple(points.shape)}.")
    if points.shape[1] < 1:
        raise ValueError("point_values holds clouds without points: pass at least one point per cloud.")
    if not points.is_floating_point():
        raise ValueError(f"point_values must be floating point, got {points.dtype}: convert with .float().")
    if points.device.type == "cpu" and not torch.compiler.is_compiling() and not bool(points.isfinite().all()):
        raise ValueError("point_values holds NaN or infinite coordinates: remove such points beforehand.")
    if points.shape[-1] < channels:
        points = torch.cat([points, torch.full_like(points, UNKNOWN_COLOR)], dim=-1)
    return points


def farthest_point_sample(points: torch.Tensor, num_samples: int, start: torch.Tensor | int = 0) -> torch.Tensor:
    """Greedy farthest point sampling, which selects the sub-cloud centers of Point-BERT (paper section 3.2).

    Ties go to the lowest index; hence a cloud with fewer distinct points than samples repeats points.

    Args:
        points: (B, N, 3).
        num_samples: number of indices per cloud G.
        start: index of the first point, one for all clouds (0 in evaluation) or (B,) (random in training).

    Returns:
        (B, G) int64 indices into the N points.
    """
    batch, count, _ = points.shape
    # With three separate (B, N) coordinate arrays, each step is a few contiguous vector operations, in place: about
    # five times faster on a CPU than with (B, N, 3).
    x, y, z = points.detach().float().unbind(-1)  # 3 x (B, N)
    x, y, z = x.contiguous(), y.contiguous(), z.contiguous()
    picked = torch.as_tensor(start, dtype=torch.long, device=points.device).expand(batch).reshape(batch, 1)
    distance = torch.full((batch, count), torch.inf, device=points.device)
    indices = [picked]
    for _ in range(num_samples - 1):
        dx = x - x.gather(1, picked)
        dy = y - y.gather(1, picked)
        dz = z - z.gather(1, picked)
        distance = torch.minimum(distance, dx.mul_(dx).addcmul_(dy, dy).addcmul_(dz, dz))
        picked = distance.argmax(dim=1, keepdim=True)
        indices.append(picked)
    return torch.cat(indices, dim=1)


def gather_points(points: torch.Tensor, indices: torch.Tensor) -> torch.Tensor:
    """Gather points of each cloud, or features of points, by index.

    Args:
        points: (B, N, C).
        indices: (B, ...) int64 into the N points.

    Returns:
        (B, ..., C).
    """
    flat = indices.flatten(1)  # (B, K)
    picked = points.gather(1, flat.unsqueeze(-1).expand(-1, -1, points.shape[-1]))
    return picked.reshape(*indices.shape, points.shape[-1])


def nearest_neighbors(points: torch.Tensor, centers: torch.Tensor, count: int) -> torch.Tensor:
    """Return the indices of the nearest points of each center, nearest first (Euclidean distance).

    A cloud of fewer than `count` points repeats its points, starting again with the nearest.

    Args:
        points: (B, N, 3).
        centers: (B, G, 3).
        count: number of neighbors per center S.

    Returns:
        (B, G, S) int64 indices into the N points.
    """
    distance = squared_distances(points, centers)
    available = min(count, points.shape[1])
    nearest = distance.topk(available, dim=-1, largest=False, sorted=True).indices
    if available < count:
        repeat = torch.arange(count, device=points.device) % available
        nearest = nearest[..., repeat]
    return nearest


def squared_distances(points: torch.Tensor, centers: torch.Tensor) -> torch.Tensor:
    """Squared distances of each center to all points, without gradient: (B, N, 3), (B, G, 3) -> (B, G, N) float32."""
    # In the expanded form -2ab + a^2 + b^2, as in the official code, so that near-ties are resolved the same way. Its
    # large terms cancel: in bf16 12 %, in TF32 1 % of the neighbors would be wrong. So the product is written as sums,
    # which neither autocast nor TF32 touches, in place because it is the largest tensor of a step.
    points, centers = points.detach().float(), centers.detach().float()
    first, *others = zip((-2.0 * centers).unbind(-1), points.unbind(-1), strict=True)  # coordinates (B, G), (B, N)
    distance = first[0].unsqueeze(-1) * first[1].unsqueeze(1)  # (B, G, N)
    for center, point in others:
        distance.addcmul_(center.unsqueeze(-1), point.unsqueeze(1))
    distance += centers.square().sum(-1, keepdim=True)
    distance += points.square().sum(-1).unsqueeze(1)
    return distance


def ball_query(distance: torch.Tensor, radius: float, count: int) -> torch.Tensor:
    """Return the first points, in the order of the cloud, within a radius of each center (PointNet++, section 3.2).

    Where there are fewer than `count`, the first is repeated.

    Args:
        distance: (B, G, N) squared distances, as [`squared_distances`] returns them; every center is a point itself.
        radius: of the ball, its surface included.
        count: number of points per center S.

    Returns:
        (B, G, S) int64 indices into the N points.
    """
    size = distance.shape[-1]
    order = torch.arange(size, device=distance.device, dtype=torch.int32)
    # A center's distance to itself is 0 up to rounding, so that the nearest counts as inside, whatever the radius is.
    inside = distance <= distance.amin(-1, keepdim=True).clamp(min=radius**2)
    ranked = torch.where(inside, order, size)  # outside: behind all others
    found = ranked.topk(min(count, size), dim=-1, largest=False, sorted=True).values
    found = torch.where(found < size, found, found[..., :1]).long()
    if size < count:
        found = torch.cat([found, found[..., :1].expand(*found.shape[:-1], count - size)], dim=-1)
    return found


def group_points(points: torch.Tensor, num_groups: int, group_size: int, start: torch.Tensor | int = 0) -> PointGroups:
    """Group each cloud into sub-clouds, the nearest neighbors of farthest-point-sampled centers (Point-BERT).

    Works for any cloud of at least one point: centers repeat if there are fewer distinct points than groups, and
    neighbors repeat if there are fewer points than `group_size`.

    Args:
        points: (B, N, 3), or (B, N, 6) with colors.
        num_groups: number of groups G.
        group_size: number of points per group S.
        start: index of the first center, see [`farthest_point_sample`].

    Returns:
        [`PointGroups`] with neighborhoods (B, G, S, 3 or 6), relative to their centers but for their colors, and
        centers (B, G, 3).
    """
    places, colors = points[..., :3], points[..., 3:]
    centers = gather_points(places, farthest_point_sample(places, num_groups, start))
    nearest = nearest_neighbors(places, centers, group_size)
    neighbors = gather_points(places, nearest) - centers.unsqueeze(2)
    if colors.shape[-1]:
        neighbors = torch.cat([neighbors, gather_points(colors, nearest)], dim=-1)
    return PointGroups(neighbors, centers)
