"""The pipeline `point-cloud-classification`, which returns the classes of a mesh or cloud with their probabilities.

    pipe = pipeline("point-cloud-classification", model="your-name/crossmost-modelnet40")
    pipe("chair.glb", up_axis="z", candidate_labels=["a chair", "something to sleep on"])

C is the number of classes, D the embedding width.
"""

import os
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from transformers import Pipeline
from transformers.image_utils import load_image

from .doubts_crossmost import opinion_doubts, shape_doubts
from .files_crossmost import as_content


# Columns of prepared pairs that describe an object beside its cloud and views.
_DESCRIPTIONS = ("object_id", "label", "captions")


class PointCloudClassificationPipeline(Pipeline):
    """Classify 3D objects by fusing predictions from their point cloud and from rendered views (paper section 4.1).

    An object is the path of a mesh or cloud file, an open file or its bytes in memory, a `trimesh` mesh, an array or
    tensor (N, 3), or a dictionary with the processor's arguments `mesh`, `points` and `images`, where `images` are the
    views of this object, one or several: `{"points": cloud, "images": photographs}`, or only `{"images": photographs}`.
    A row of prepared pairs, with its `points` and `views`, is such a dictionary too. Several objects are passed as a
    list, an array (B, N, 3), a generator, a data set or one of its columns, and are processed in batches of
    `batch_size`.

    Options of the pipeline or of a call:
        up_axis: the axis that points up in the object: "x", "y" (default, the convention of glTF), "z", or "-y" and so
            on if it points down.
        views: number of views to render of each object; 0 classifies by the cloud only. Defaults to 12, or to 0 if the
            model has no image tower. Views are shaded images of a mesh or depth maps of a cloud. Objects that come with
            `images` are not rendered.
        num_points: number of points per cloud; defaults to that of the processor.
        candidate_labels: at least two class names to use instead of the model's, as a list or comma-separated string.
            Requires a checkpoint that kept its text tower.
        prompt_templates: prompts with one `{}` each for `candidate_labels`; default to those of the model.
        top_k: number of classes to return; defaults to all.

    Returns:
        For each object a list of `{"label": class name, "score": probability}`, most probable first. Scores are the
        probability by the views and the cloud together (`model.fuse`). Where doubt is due, the first has `"notes"` too:
        a list of sentences.

    Raises:
        ValueError: for an unusable object, file or option; the message is one sentence.
    """

    # Tells transformers to load only the processor, which contains the other three.
    _load_processor = True
    _load_tokenizer = False
    _load_feature_extractor = False
    _load_image_processor = False

    model: Any
    processor: Any
    _text_classifier: tuple[Any, torch.Tensor] | None = None

    def _sanitize_parameters(
        self,
        up_axis: str | None = None,
        views: int | None = None,
        num_points: int | None = None,
        candidate_labels: str | list[str] | None = None,
        prompt_templates: str | list[str] | None = None,
        top_k: int | None = None,
    ) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
        if isinstance(candidate_labels, str):
            candidate_labels = [label.strip() for label in candidate_labels.split(",") if label.strip()]
        if isinstance(prompt_templates, str):
            prompt_templates = [prompt_templates]
        if views is not None and views < 0:
            raise ValueError(f"views must be at least 0, got {views}.")
        if top_k is not None and top_k < 1:
            raise ValueError(f"top_k must be at least 1, got {top_k}.")
        steps = (
            {"up_axis": up_axis, "views": views, "num_points": num_points},
            {"candidate_labels": candidate_labels, "prompt_templates": prompt_templates},
            {"candidate_labels": candidate_labels, "top_k": top_k},
        )
        preprocess, forward, postprocess = (
            {name: value for name, value in step.items() if value is not None} for step in steps
        )
        return preprocess, forward, postprocess

    def __call__(self, inputs: Any, **options) -> Any:
        """Classify one object (returns a list of classes) or several (a list of such lists).

        Options are those of the class.
        """
        # The base class takes only lists, generators and torch's data sets for several inputs.
        if isinstance(inputs, tuple) or getattr(inputs, "ndim", 0) == 3:
            inputs = list(inputs)
        if type(inputs).__module__.startswith("datasets."):  # a `Dataset`, or one of its columns: read row by row
            results = super().__call__((row for row in inputs), **options)
            return list(results) if hasattr(inputs, "__len__") else results
        if isinstance(inputs, list) and not inputs:
            raise ValueError("There is no object: pass at least one file, mesh or cloud.")
        return super().__call__(inputs, **options)

    def preprocess(
        self, input_: Any, up_axis: str = "y", views: int | None = None, num_points: int | None = None
    ) -> dict[str, Any]:
        """Prepare one object as model inputs with a batch dimension of 1, each in a list, with notes beside them."""
        given = _arguments(input_)
        notes: list[str] = []
        for name in ("mesh", "points"):
            if given.get(name) is not None:
                content = as_content(given.pop(name))
                given["mesh"], notes = content.geometry, [*content.notes]
        if views is None:
            views = self.model.config.default_views
        if "images" in given:
            given["images"] = [_as_views(given["images"])]  # nested: these images are views of one object
        elif views != 0:
            given["render_views"] = views
        inputs = self.processor(**given, up_axis=up_axis, num_points=num_points, return_tensors="pt")
        if "point_values" in inputs:
            notes += shape_doubts(inputs["point_values"][0].numpy())
        # Lists, because the base class stacks tensors: objects may have different numbers of views.
        modalities = {name: [inputs.get(name)] for name in ("point_values", "pixel_values")}
        return modalities | {"notes": [tuple(notes)]}

    def _forward(
        self,
        model_inputs: dict[str, Any],
        candidate_labels: list[str] | None = None,
        prompt_templates: list[str] | None = None,
    ) -> dict[str, Any]:
        """Classify B objects; return their logits (1, C), or `None` where a modality is missing, each in a list."""
        clouds, images = (_flat(model_inputs[name]) for name in ("point_values", "pixel_values"))
        replaced = {}
        if candidate_labels is not None:
            replaced["classifier.weight"] = self._classifier_of(candidate_labels, prompt_templates)
        logits: dict[str, list[list]] = {name: [[None] for _ in clouds] for name in ("point", "image")}
        for rows in _alike(clouds, images):
            inputs = {
                name: torch.cat([values[row] for row in rows])
                for name, values in (("point_values", clouds), ("pixel_values", images))
                if values[rows[0]] is not None
            }
            # Unlike set_classes, this leaves the model unchanged: other callers may share it.
            outputs = torch.func.functional_call(self.model, replaced, kwargs=inputs)
            for name, found in logits.items():
                if f"logits_per_{name}" in outputs:
                    for row, value in zip(rows, outputs[f"logits_per_{name}"].split(1), strict=True):
                        found[row] = [value]
        return logits | {"notes": [[notes] for notes in _flat(model_inputs["notes"])]}

    def _classifier_of(self, names: list[str], templates: list[str] | None) -> torch.Tensor:
        """Return the classifier (C, D) for class names, caching the last one, which all objects of a call share."""
        key = (tuple(names), None if templates is None else tuple(templates))
        if self._text_classifier is None or self._text_classifier[0] != key:
            weight = self.model.embed_classes(names, templates, tokenizer=self.processor.tokenizer)
            self._text_classifier = (key, weight)
        return self._text_classifier[1]

    def postprocess(
        self,
        model_outputs: dict[str, Any],
        candidate_labels: list[str] | None = None,
        top_k: int | None = None,
    ) -> list[dict[str, Any]]:
        """Fuse the logits (1, C) of an object's modalities and return its classes, most probable first."""
        names = self.model.config.class_names if candidate_labels is None else candidate_labels
        logits = {name: _flat(model_outputs[name])[0] for name in ("point", "image")}
        opinions = {name: None if found is None else found[0].float().softmax(-1) for name, found in logits.items()}
        point, image = opinions["point"], opinions["image"]
        if point is not None and image is not None:
            fused = self.model.fuse(image, point)  # as in the evaluation
        else:
            fused = next(found for found in (point, image) if found is not None)
        scores, order = fused.sort(descending=True, stable=True)  # stable: ties go by label order
        ranked = zip(order.tolist()[:top_k], scores.tolist()[:top_k], strict=True)
        result: list[dict[str, Any]] = [{"label": names[index], "score": score} for index, score in ranked]
        arrays = (None if found is None else found.numpy() for found in (point, image, fused))
        doubts = opinion_doubts(names, *arrays)
        if notes := [*doubts, *_flat(model_outputs["notes"])[0]]:
            result[0]["notes"] = notes
        return result

    def save_pretrained(self, save_directory: str | os.PathLike, **kwargs) -> None:
        """Save the model and the processor; the base class would overwrite the processor's parts with each other."""
        self.model.save_pretrained(save_directory, **kwargs)
        self.processor.save_pretrained(save_directory)


def _arguments(item: Any) -> dict[str, Any]:
    """Return the processor's arguments for one object.

    Raises:
        ValueError: for a dictionary with other keys.
    """
    if not isinstance(item, Mapping):
        return {"mesh": item}
    given = {"images" if name == "views" else name: value for name, value in item.items() if name not in _DESCRIPTIONS}
    if unknown := sorted(set(given) - {"mesh", "points", "images"}):
        raise ValueError(f"An object has the unknown key {unknown[0]!r}: pass mesh or points, and images.")
    if not given:
        raise ValueError("An object has neither mesh, points nor images: pass at least one of them.")
    return given


def _as_views(images: Any) -> list:
    """Return the views of one object, given one or several: PIL images, arrays, paths or addresses."""
    is_one = isinstance(images, str | os.PathLike) or hasattr(images, "convert") or getattr(images, "ndim", 0) in (2, 3)
    views = [images] if is_one else list(images)
    return [load_image(os.fspath(view)) if isinstance(view, str | os.PathLike) else view for view in views]


def _flat(values: Any) -> list:
    """Return one entry per object; the base class puts the lists of a batch into a list, and takes them out again."""
    return [entry for value in values for entry in _flat(value)] if isinstance(values, list) else [values]


def _alike(clouds: list, images: list) -> Iterator[list[int]]:
    """Yield the objects that can share a forward pass: those with the same modalities and number of views."""
    groups: dict[tuple, list[int]] = {}
    for row, values in enumerate(zip(clouds, images, strict=True)):
        groups.setdefault(tuple(None if value is None else value.shape for value in values), []).append(row)
    yield from groups.values()


__all__ = ["PointCloudClassificationPipeline"]
