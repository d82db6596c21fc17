"""Feature extractor for clouds and meshes: the point half of `CrossMoSTProcessor`."""

from __future__ import annotations

from typing import Any

import numpy as np
from transformers.feature_extraction_utils import BatchFeature, FeatureExtractionMixin

from .geometry_crossmost import MODEL_AXES, as_geometry, object_cloud, rotation_to_y_up


class CrossMoSTFeatureExtractor(FeatureExtractionMixin):
    """Turns clouds or meshes into the `point_values` (B, N, 3) that the model takes.

    Each object is brought to `num_points` (a mesh: area-weighted samples; a larger cloud: farthest point sampling; a
    smaller one: seeded repeats), rotated to `up_axis`, moved so that its mean is at the origin and scaled so that its
    largest norm is 1. The random draws of an object depend on `seed` alone, not on its place in the batch.

    Args:
        up_axis: the axis that points up in the clouds that the model expects: x, y or z.
        num_points: points per object N.
        seed: of the sampling.

    Raises:
        ValueError: for an unknown axis or a number of points below one.
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
        """Prepares a batch.

        Args:
            objects: one object or a list of B; an object is an array or tensor (N, >= 3), a `trimesh` mesh or cloud, or
                a path to a file of either. An array or tensor (B, N, 3) is a batch.
            up_axis: the axis that points up in the input (`None`: y, glTF's convention).
            num_points: points per object, by default the extractor's own.
            return_tensors: "pt" or "np"; `None` keeps numpy.

        Returns:
            `point_values` float32 (B, N, 3).

        Raises:
            ValueError: for an empty batch, an unknown axis, or an unusable object (which the message names).
        """
        count = self.num_points if num_points is None else num_points
        source = "y" if up_axis is None else up_axis
        rotation_to_y_up(source)
        clouds = [object_cloud(item, count, self.seed, source, self.up_axis) for item in self.load(objects)]
        return BatchFeature({"point_values": np.stack(clouds)}, tensor_type=return_tensors)

    def load(self, objects: Any) -> list:
        """Reads and checks one object or a batch of them: a list of meshes and clouds float32 (N, 3).

        Raises:
            ValueError: as `__call__`.
        """
        items = as_batch(objects)
        if len(items) == 0:
            raise ValueError("There is no object: pass at least one cloud or mesh.")
        if len(items) == 1:
            return [as_geometry(items[0])]
        return [as_geometry(item, f"object {index}") for index, item in enumerate(items)]


def as_batch(objects: Any) -> list:
    """A list of objects from one object, a list of them, or an array or tensor (B, N, 3).

    A list of number triples is one cloud.
    """
    if hasattr(objects, "detach"):
        objects = objects.detach().cpu().numpy()
    if isinstance(objects, np.ndarray):
        return list(objects) if objects.ndim == 3 else [objects]
    if not isinstance(objects, list | tuple):
        return [objects]
    items = [item.detach().cpu().numpy() if hasattr(item, "detach") else item for item in objects]
    is_point_list = items and all(np.ndim(item) == 1 for item in items if not isinstance(item, str))
    if is_point_list and all(isinstance(item, list | tuple | np.ndarray) for item in items):
        return [np.asarray(items)]
    return items
