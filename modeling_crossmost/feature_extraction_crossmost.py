"""Feature extractor for point clouds and meshes, the point modality of `CrossMoSTProcessor`."""

from __future__ import annotations

from typing import Any

import numpy as np
from transformers.feature_extraction_utils import BatchFeature, FeatureExtractionMixin

from .files_crossmost import FileContent, as_content
from .geometry_crossmost import (
    MODEL_AXES,
    UNKNOWN_COLOR,
    convert_up_axis,
    normalize_points,
    object_cloud,
    resample_points,
    rotation_to_y_up,
    sample_places,
)
from .materials_crossmost import surface_colors


class CrossMoSTFeatureExtractor(FeatureExtractionMixin):
    """Convert clouds or meshes to the model's `point_values` (B, N, 3).

    Each object is resampled to `num_points` (area-weighted sampling of a mesh, farthest point sampling of a larger
    cloud, seeded repetition of points in a smaller one), centered on its mean, scaled to a largest norm of 1 and
    rotated so that `up_axis` points up. Sampling depends on `seed` only, not on the object's position in the batch.

    Args:
        up_axis: the axis that points up in the clouds that the model expects: x, y or z.
        num_points: number of points per object N.
        seed: seed of the sampling.
        in_channels: 3, or 6 for a model that also takes colors. A mesh then has those of its surface, a file of points
            its own, an array (N, 6) those of its last columns, red, green and blue in 0 .. 1; anything else is gray,
            `UNKNOWN_COLOR`.

    Raises:
        ValueError: for an unknown axis, fewer than one point, or another number of channels.
    """

    model_input_names = ["point_values"]

    def __init__(self, up_axis: str = "y", num_points: int = 1024, seed: int = 0, in_channels: int = 3, **kwargs):
        super().__init__(**kwargs)
        if up_axis not in MODEL_AXES:
            raise ValueError(f"The up axis must be one of {', '.join(MODEL_AXES)}, got {up_axis!r}.")
        if num_points < 1:
            raise ValueError(f"num_points must be at least 1, got {num_points}.")
        self.up_axis = up_axis
        self.num_points = num_points
        if in_channels not in (3, 6):
            raise ValueError(f"in_channels must be 3, or 6 with colors, got {in_channels}.")
        self.seed = seed
        self.in_channels = in_channels

    def __call__(
        self,
        objects: Any,
        up_axis: str | None = "y",
        num_points: int | None = None,
        return_tensors: str | None = None,
    ) -> BatchFeature:
        """Prepare a batch.

        Args:
            objects: one object or a list of B objects, each an array or tensor (N, >= 3), a `trimesh` mesh or cloud, or
                the path of a mesh or cloud file. An array or tensor (B, N, 3) is a batch.
            up_axis: the axis that points up in the input; "-y" and so on if it points down. `None` is y, the
                convention of glTF.
            num_points: number of points per object; defaults to that of the extractor.
            return_tensors: "pt" or "np"; `None` returns numpy arrays.

        Returns:
            `point_values` float32 (B, N, 3): mean at the origin, largest norm 1, the extractor's `up_axis` up; with 6
            channels (B, N, 6), colors behind.

        Raises:
            ValueError: for an empty batch, an unknown axis, or an unusable object, which the message names.
        """
        count = self.num_points if num_points is None else num_points
        source = "y" if up_axis is None else up_axis
        rotation_to_y_up(source)  # rejects an unknown axis before any file is read
        make = object_cloud if self.in_channels == 3 else colored_cloud
        clouds = [make(item, count, self.seed, source, self.up_axis) for item in self.load(objects)]
        return BatchFeature({"point_values": np.stack(clouds)}, tensor_type=return_tensors)

    def load(self, objects: Any) -> list:
        """Load and validate one object or a batch; return a list of meshes and clouds float64 (N, 3 or 6).

        Raises:
            ValueError: for an empty batch or an unusable object.
        """
        items = as_batch(objects)
        if len(items) == 0:
            raise ValueError("There is no object: pass at least one cloud or mesh.")
        names = ["object"] if len(items) == 1 else [f"object {index}" for index in range(len(items))]
        loaded = [as_content(item, name) for item, name in zip(items, names, strict=True)]
        if self.in_channels == 3:
            return [content.geometry for content in loaded]
        return [with_own_colors(*given) for given in zip(loaded, items, names, strict=True)]


def with_own_colors(content: FileContent, item: Any, name: str) -> Any:
    """Return a cloud with the colors of the file or array that it came from, (N, 6), and anything else as it is.

    Raises:
        ValueError: the array's columns 4 to 6 are no colors.
    """
    geometry = content.geometry
    if content.point_colors is not None and not hasattr(geometry, "faces"):
        return np.concatenate([geometry, content.point_colors / 255.0], axis=1)
    columns = np.asarray(item) if isinstance(item, np.ndarray | list | tuple) else None
    if columns is None or columns.ndim != 2 or columns.shape[1] < 6:
        return geometry
    colors = columns[:, 3:6].astype(np.float64)
    if not (np.isfinite(colors).all() and colors.min() >= 0.0 and colors.max() <= 1.0):
        raise ValueError(
            f"The columns 4 to 6 of the cloud of {name} are not colors in 0 .. 1 (they reach from {colors.min():g} to "
            f"{colors.max():g}): divide levels by 255, or leave normals out."
        )
    return np.concatenate([geometry, colors], axis=1)


def colored_cloud(geometry: Any, count: int, seed: int, source_axis: str = "y", target_axis: str = "y") -> np.ndarray:
    """Return what `object_cloud` returns, the same points, with their colors: float32 (N, 6).

    Args:
        geometry: mesh, or cloud (N, 3 or 6).
        count, seed, source_axis, target_axis: as of `object_cloud`.
    """
    rng = np.random.default_rng(seed)
    if hasattr(geometry, "faces"):
        points, faces, weights = sample_places(geometry, count, rng)
        surface = surface_colors(geometry)
        colors = None if surface is None else surface.at(faces, weights) / 255.0
    else:
        rows = resample_points(np.asarray(geometry, dtype=np.float64), count, rng)
        points, colors = rows[:, :3], rows[:, 3:] if rows.shape[1] == 6 else None
    if colors is None:
        colors = np.full((count, 3), UNKNOWN_COLOR)
    turned = convert_up_axis(normalize_points(points), source_axis, target_axis)
    return np.concatenate([turned, colors.astype(np.float32)], axis=1)


def as_batch(objects: Any) -> list:
    """Return a list of objects, given one object, a list of objects, or an array or tensor (B, N, 3).

    A list of coordinate triples is a single cloud, not a batch.
    """
    objects = _from_torch(objects)
    if isinstance(objects, np.ndarray):
        return list(objects) if objects.ndim == 3 else [objects]
    if not isinstance(objects, list | tuple):
        return [objects]
    items = [_from_torch(item) for item in objects]
    is_point_list = items and all(np.ndim(item) == 1 for item in items if not isinstance(item, str))
    if is_point_list and all(isinstance(item, list | tuple | np.ndarray) for item in items):
        return [np.asarray(items)]
    return items


def _from_torch(item: Any) -> Any:
    """Return a tensor as an array, and anything else as it is; streams can be detached too."""
    return item.detach().cpu().numpy() if hasattr(item, "detach") and hasattr(item, "cpu") else item
