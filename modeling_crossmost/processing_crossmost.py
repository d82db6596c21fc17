"""Processor: meshes, clouds, images and text to what `CrossMoSTModel` takes."""

from __future__ import annotations

from typing import Any

import numpy as np
from transformers.feature_extraction_utils import BatchFeature
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil
from transformers.processing_utils import ProcessorMixin

from .geometry_crossmost import Mesh, rotation_to_y_up


class CrossMoSTProcessor(ProcessorMixin):
    """Bundles the image processor, the point feature extractor and the tokenizer.

    Args:
        image_processor: a CLIP image processor. Another backend than PIL is replaced by PIL with the same settings:
            the backends differ by up to 0.03 where an image is resized, and training and use must agree.
        feature_extractor: a `CrossMoSTFeatureExtractor`.
        tokenizer: a CLIP tokenizer.
    """

    def __init__(self, image_processor, feature_extractor, tokenizer):
        if hasattr(image_processor, "to_dict") and not isinstance(image_processor, CLIPImageProcessorPil):
            settings = image_processor.to_dict()
            settings.pop("image_processor_type", None)
            image_processor = CLIPImageProcessorPil(**settings)
        super().__init__(image_processor, feature_extractor, tokenizer)

    def __call__(
        self,
        mesh: Any = None,
        points: Any = None,
        images: Any = None,
        text: str | list[str] | None = None,
        up_axis: str | None = None,
        render_views: int | None = None,
        return_tensors: str | None = "pt",
        num_points: int | None = None,
        padding: bool | str = True,
        truncation: bool = True,
        max_length: int | None = None,
    ) -> BatchFeature:
        """Prepares a batch of B objects.

        Args:
            mesh: a path or `trimesh` mesh, or a list of B. A file that holds a cloud counts as `points`.
            points: a cloud (N, 3), a batch (B, N, 3), or a list of B clouds of any sizes.
            images: B images (PIL, or arrays of any layout that the image processor knows), or B lists of V views each.
            text: prompts; padded to the longest by default.
            up_axis: the axis that points up in `mesh` or `points`, "-y" and so on where it points down; `None` is
                y, glTF's convention.
            render_views: draw this many views V of each object: shaded ones of a mesh, depth maps of the (resampled)
                points of a cloud.
            return_tensors: "pt", "np" or `None` (numpy, and lists for text).
            num_points: points per object, by default the feature extractor's.
            padding, truncation, max_length: the tokenizer's.

        Returns:
            `point_values` float32 (B, N, 3) for objects; `pixel_values` float32 (B, 3, H, W) for one image an object,
            (B, V, 3, H, W) for several or rendered ones; `input_ids` and `attention_mask` (T, L) for text.

        Raises:
            ValueError: where nothing is passed, arguments exclude each other, numbers of objects or views differ, or an
                object is unusable.
        """
        self._check_arguments(mesh, points, images, text, render_views)
        data: dict[str, Any] = {}
        if mesh is not None or points is not None:
            source = "y" if up_axis is None else up_axis
            rotation_to_y_up(source)
            geometries = self.feature_extractor.load(mesh if mesh is not None else points)
            features = self.feature_extractor(geometries, up_axis=source, num_points=num_points)
            data["point_values"] = features["point_values"]
            if render_views is not None:
                pairs = zip(geometries, data["point_values"], strict=True)
                data["pixel_values"] = self._pixels([self._render(*pair, render_views, source) for pair in pairs])
        if images is not None:
            data["pixel_values"] = self._pixels(images)
            if "point_values" in data and len(data["point_values"]) != len(data["pixel_values"]):
                raise ValueError(
                    f"There are {len(data['point_values'])} objects but images of {len(data['pixel_values'])}: "
                    "pass one image, or one list of views, for each object."
                )
        if text is not None:
            prompts = [text] if isinstance(text, str) else text
            data.update(self.tokenizer(prompts, padding=padding, truncation=truncation, max_length=max_length))
        return BatchFeature(data, tensor_type=return_tensors)

    @staticmethod
    def _check_arguments(mesh: Any, points: Any, images: Any, text: Any, render_views: int | None) -> None:
        if mesh is None and points is None and images is None and text is None:
            raise ValueError("There is nothing to process: pass mesh, points, images or text.")
        if mesh is not None and points is not None:
            raise ValueError("Both mesh and points were passed: pass one of them.")
        if render_views is None:
            return
        if mesh is None and points is None:
            raise ValueError("render_views needs a mesh or points to draw.")
        if images is not None:
            raise ValueError("Both images and render_views were passed: pass one of them.")
        if render_views < 1:
            raise ValueError(f"render_views must be at least 1, got {render_views}.")

    def _render(self, geometry: Mesh | np.ndarray, cloud: np.ndarray, count: int, source: str) -> list[np.ndarray]:
        """Views (V of (R, R, 3) uint8) of an object and its cloud for the model."""
        from .rendering_crossmost import object_views

        return list(object_views(geometry, cloud, count, self.image_size, source, self.feature_extractor.up_axis))

    @property
    def image_size(self) -> int:
        """Side of the images that the image processor makes, in pixels: views are drawn at it."""
        processor = self.image_processor
        size = processor.crop_size if processor.do_center_crop else processor.size
        return size["height"] if "height" in size else size["shortest_edge"]

    def _pixels(self, images: Any) -> np.ndarray:
        """`pixel_values` (B, 3, H, W) of B images, or (B, V, 3, H, W) of B lists of V views."""
        rows = as_image_rows(images)
        counts = sorted({len(row) for row in rows if row is not None and isinstance(row, list)})
        if len(counts) > 1 or counts == [0]:
            raise ValueError(f"Objects have {counts} views: pass the same number, at least 1, for each.")
        nested = bool(counts)
        flat = [view for row in rows for view in row] if nested else rows
        if len(flat) == 0:
            raise ValueError("There is no image: pass at least one.")
        pixels = np.stack(self.image_processor(flat, return_tensors="np")["pixel_values"]).astype(
            np.float32, copy=False
        )
        return pixels.reshape(len(rows), counts[0], *pixels.shape[1:]) if nested else pixels


def as_image_rows(images: Any) -> list:
    """A list of B images, or a list of B lists of views, from all that `images=` accepts.

    Arrays and tensors: 3 dimensions are one image, 4 a batch, 5 a batch of views.

    Raises:
        ValueError: for an array of other dimensions, or where only some entries are lists.
    """
    if hasattr(images, "detach"):
        images = images.detach().cpu().numpy()
    if isinstance(images, np.ndarray):
        if images.ndim == 5:
            return [list(row) for row in images]
        if images.ndim == 4:
            return list(images)
        if images.ndim in (2, 3):
            return [images]
        raise ValueError(f"images has shape {images.shape}: pass (B, H, W, 3), (B, V, H, W, 3) or lists of images.")
    if not isinstance(images, list | tuple):
        return [images]
    rows = [list(row) if _is_views(row) else row for row in images]
    if len({isinstance(row, list) for row in rows}) > 1:
        raise ValueError("Some entries of images are lists of views and some are single images: use one form.")
    return rows


def _is_views(row: Any) -> bool:
    """Whether an entry of a list of images is itself several views."""
    return isinstance(row, list | tuple) or (hasattr(row, "ndim") and row.ndim == 4)
