"""Processor that converts meshes, clouds, images and text to the inputs of `CrossMoSTModel`."""

from __future__ import annotations

from typing import Any

import numpy as np
from transformers.feature_extraction_utils import BatchFeature
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil
from transformers.processing_utils import ProcessorMixin

from .geometry_crossmost import Mesh, rotation_to_y_up


class CrossMoSTProcessor(ProcessorMixin):
    """Bundle the image processor, the point feature extractor and the tokenizer.

    Args:
        image_processor: a CLIP image processor, or SigLIP's, whose square size becomes a center crop: views are
            square. A backend other than PIL is replaced by PIL with the same settings, since backends differ by up to
            0.03 in resized images, and training and inference must agree.
        feature_extractor: a `CrossMoSTFeatureExtractor`.
        tokenizer: that of the text tower.
    """

    def __init__(self, image_processor, feature_extractor, tokenizer):
        if hasattr(image_processor, "to_dict") and not isinstance(image_processor, CLIPImageProcessorPil):
            settings = image_processor.to_dict()
            settings.pop("image_processor_type", None)
            size = settings.get("size") or {}
            if "height" in size:  # SigLIP's
                settings |= {"size": {"shortest_edge": size["height"]}, "crop_size": size, "do_center_crop": True}
                settings["do_convert_rgb"] = True
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
        """Prepare a batch of B objects.

        Args:
            mesh: a path or `trimesh` mesh, or a list of B of them. A file may also hold a cloud.
            points: a cloud (N, 3), a batch (B, N, 3), or a list of B clouds of any sizes; for models that take colors
                also (N, 6), see [`CrossMoSTFeatureExtractor`].
            images: B images (PIL, or arrays in any layout that the image processor accepts), or B lists of V views.
            text: prompts; padded to the longest by default.
            up_axis: the axis that points up in `mesh` or `points`; "-y" and so on if it points down. `None` is y, the
                convention of glTF.
            render_views: number of views V to render of each object: shaded views of a mesh, depth maps of a cloud's
                (resampled) points.
            return_tensors: "pt", "np" or `None` (numpy arrays, and lists for text).
            num_points: number of points per object; defaults to that of the feature extractor.
            padding, truncation, max_length: passed to the tokenizer.

        Returns:
            `point_values` float32 (B, N, 3) for objects; `pixel_values` float32 (B, 3, H, W) for one image per object
            or (B, V, 3, H, W) for lists of views and rendered views; `input_ids` and `attention_mask` (T, L) for T
            prompts of L tokens.

        Raises:
            ValueError: if nothing is passed, arguments exclude each other, the numbers of objects or views differ, or
                an object is unusable.
        """
        self._check_arguments(mesh, points, images, text, render_views)
        data: dict[str, Any] = {}
        if mesh is not None or points is not None:
            source = "y" if up_axis is None else up_axis
            rotation_to_y_up(source)  # rejects an unknown axis before any file is read
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
                    f"There are {len(data['point_values'])} objects, but images of {len(data['pixel_values'])}: "
                    "pass one image or one list of views per object."
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
            raise ValueError("Both mesh and points were passed: pass only one of them.")
        if render_views is None:
            return
        if mesh is None and points is None:
            raise ValueError("render_views needs an object to render: pass mesh or points.")
        if images is not None:
            raise ValueError("Both images and render_views were passed: pass only one of them.")
        if render_views < 1:
            raise ValueError(f"render_views must be at least 1, got {render_views}.")

    def _render(self, geometry: Mesh | np.ndarray, cloud: np.ndarray, count: int, source: str) -> list[np.ndarray]:
        """Render V views uint8 (R, R, 3) of an object; `cloud` holds the points that the model gets."""
        # Imported here, since rendering is needed for `render_views` only.
        from .rendering_crossmost import object_views

        geometry = geometry[:, :3] if isinstance(geometry, np.ndarray) else geometry
        cloud = cloud[:, :3]
        return list(object_views(geometry, cloud, count, self.image_size, source, self.feature_extractor.up_axis))

    @property
    def image_size(self) -> int:
        """Side of the images that the image processor returns, in pixels; views are rendered at this size."""
        processor = self.image_processor
        size = processor.crop_size if processor.do_center_crop else processor.size
        return size["height"] if "height" in size else size["shortest_edge"]

    def _pixels(self, images: Any) -> np.ndarray:
        """Return `pixel_values` (B, 3, H, W) for B images, or (B, V, 3, H, W) for B lists of V views."""
        rows = as_image_rows(images)
        counts = sorted({len(row) for row in rows if row is not None and isinstance(row, list)})
        if len(counts) > 1 or counts == [0]:
            raise ValueError(f"Objects have {counts} views: pass the same number for each, at least 1.")
        nested = bool(counts)
        flat = [view for row in rows for view in row] if nested else rows
        if len(flat) == 0:
            raise ValueError("There is no image: pass at least one.")
        pixels = np.stack(self.image_processor(flat, return_tensors="np")["pixel_values"]).astype(
            np.float32, copy=False
        )
        return pixels.reshape(len(rows), counts[0], *pixels.shape[1:]) if nested else pixels


def as_image_rows(images: Any) -> list:
    """Convert anything that `images=` accepts to a list of B images or a list of B lists of views.

    An array or tensor of 2 or 3 dimensions is one image, of 4 a batch of images, of 5 a batch of lists of views.

    Raises:
        ValueError: for an array of any other number of dimensions, or a list of both images and lists of views.
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
        raise ValueError("images mixes single images with lists of views: pass only one of them.")
    return rows


def _is_views(row: Any) -> bool:
    """Whether an entry of a list of images holds several views."""
    return isinstance(row, list | tuple) or (hasattr(row, "ndim") and row.ndim == 4)
