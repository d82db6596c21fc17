"""Feature extractor for point clouds and meshes, the point modality of `CrossMoSTProcessor`."""

from __future__ import annotations

from typing import Any

import numpy as np
from transformers.feature_extraction_utils import BatchFeature, FeatureExtractionMixin

from .files_crossmost import as_content
from .geometry_crossmost import MODEL_AXES, object_cloud, rotation_to_y_up


class CrossMoSTFeatureExtractor(FeatureExtractionMixin):
    """Convert clouds or meshes to the model's `point_values` (B, N, 3).

    Each object is resampled to `num_points` (area-weighted sampling of a mesh, farthest point sampling of a larger
    cloud, seeded repetition of points in a smaller one), centered on its mean, scaled to a largest norm of 1 and
    rotated so that `up_axis` points up. Sampling depends on `seed` only, not on the object's position in the batch.

    Args:
        up_axis: the axis that points up in the clouds that the model expects: x, y or z.
        num_points: number of points per object N.
        seed: seed of the sampling.

    Raises:
        ValueError: for an unknown axis or fewer than one point.
    """

    model_input_names = ["point_values"]

    def __init__(self, up_axis: str = "y", num_points: int = 1024, seed: int = 0, **kwargs):
        super().__init__(**kwargs)
        if up_axis not in MODEL_AXES:
            raise ValueError(f"The up axis must be one of {', '.join(MODEL_AXES)}, got {up_axis!r}.")
        if num_points < 1:
            raise ValueError(f"num_points must be at least 1, got {num_points}.")
        self.up_axis = up_axis
        self.num_points = num_points
        self.seed = seed

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
            `point_values` float32 (B, N, 3): mean at the origin, largest norm 1, the extractor's `up_axis` up.

        Raises:
            ValueError: for an empty batch, an unknown axis, or an unusable object, which the message names.
        """
        count = self.num_points if num_points is None else num_points
        source = "y" if up_axis is None else up_axis
        rotation_to_y_up(source)  # rejects an unknown axis before any file is read
        clouds = [object_cloud(item, count, self.seed, source, self.up_axis) for item in self.load(objects)]
        return BatchFeature({"point_values": np.stack(clouds)}, tensor_type=return_tensors)

    def load(self, objects: Any) -> list:
        """Load and validate one object or a batch; return a list of meshes and clouds float64 (N, 3).

        Raises:
            ValueError: for an empty batch or an unusable object.
        """
        items = as_batch(objects)
        if len(items) == 0:
            raise ValueError("There is no object: pass at least one cloud or mesh.")
        if len(items) == 1:
            return [as_content(items[0]).geometry]
        return [as_content(item, f"object {index}").geometry for index, item in enumerate(items)]


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
