"""The pipeline `point-cloud-classification`: a mesh or cloud goes in, classes with probabilities come out.

    pipe = pipeline("point-cloud-classification", model="your-name/crossmost-modelnet40")
    pipe("chair.glb", up_axis="z", candidate_labels=["a chair", "something to sleep on"])

C is the number of classes, D the embedding width.
"""

import os
from collections.abc import Mapping
from typing import Any

import torch
from transformers import Pipeline


class PointCloudClassificationPipeline(Pipeline):
    """Classifies 3D objects by their cloud and by views that are drawn of them, fused (paper section 4.1).

    An object is a path of a mesh or cloud file, a `trimesh` mesh, an array or tensor (N, 3), or a dictionary of the
    processor's `mesh`, `points` and `images` (the views of the one object: `{"points": cloud, "images": photographs}`,
    or `{"images": photographs}` alone). Several objects are a list, an array (B, N, 3), a generator or a data set; with
    `batch_size` they are computed together.

    Options of the pipeline or of a call:
        up_axis: the axis that points up in the object: "x", "y" (default, glTF's convention), "z", or one that points
            down, such as "-y".
        views: number of views to draw of each object; 0 classifies by the cloud alone. By default 12, or none where the
            model has no image tower. A mesh is shaded, a cloud becomes depth maps. Objects that come with `images` are
            not drawn.
        num_points: points per cloud; by default the processor's.
        candidate_labels: other classes than the model's, at least two: a list or comma-separated text. Needs a
            checkpoint that kept its text tower.
        prompt_templates: prompts for `candidate_labels` with one `{}` each; by default the model's.
        top_k: number of classes to return; by default all.

    Returns:
        For each object a list of `{"label": class, "score": probability}`, most probable first: the mean of the
        probabilities that views and cloud give.

    Raises:
        ValueError: an unusable object, file or option, in one sentence.
    """

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
        """Classifies one object (a list of classes) or several (a list of such lists); options as in the class."""
        if isinstance(inputs, tuple) or getattr(inputs, "ndim", 0) == 3:
            inputs = list(inputs)
        if isinstance(inputs, list) and not inputs:
            raise ValueError("There is no object: pass at least one file, mesh or cloud.")
        return super().__call__(inputs, **options)

    def preprocess(
        self, input_: Any, up_axis: str = "y", views: int | None = None, num_points: int | None = None
    ) -> dict[str, torch.Tensor]:
        """One object to the model's inputs, a batch of one."""
        if views is None:
            views = self.model.config.default_views
        given = dict(input_) if isinstance(input_, Mapping) else {"mesh": input_}
        if "images" in given:
            given["images"] = [list(given["images"])]
        elif views != 0:
            given["render_views"] = views
        return dict(self.processor(**given, up_axis=up_axis, num_points=num_points, return_tensors="pt"))

    def _forward(
        self,
        model_inputs: dict[str, torch.Tensor],
        candidate_labels: list[str] | None = None,
        prompt_templates: list[str] | None = None,
    ) -> dict[str, torch.Tensor]:
        if candidate_labels is None:
            outputs = self.model(**model_inputs)
        else:
            classifier = {"classifier.weight": self._classifier_of(candidate_labels, prompt_templates)}
            # Other callers may hold the same model: its own classes stay as they are.
            outputs = torch.func.functional_call(self.model, classifier, kwargs=model_inputs)
        return {name: outputs[name] for name in ("logits_per_image", "logits_per_point") if name in outputs}

    def _classifier_of(self, names: list[str], templates: list[str] | None) -> torch.Tensor:
        """The classifier (C, D) of class names; the last one is kept, as all objects of a call have the same."""
        key = (tuple(names), None if templates is None else tuple(templates))
        if self._text_classifier is None or self._text_classifier[0] != key:
            weight = self.model.embed_classes(names, templates, tokenizer=self.processor.tokenizer)
            self._text_classifier = (key, weight)
        return self._text_classifier[1]

    def postprocess(
        self,
        model_outputs: dict[str, torch.Tensor],
        candidate_labels: list[str] | None = None,
        top_k: int | None = None,
    ) -> list[dict[str, Any]]:
        """Logits (1, C) of an object's modalities to its classes, most probable first."""
        names = self.model.config.class_names if candidate_labels is None else candidate_labels
        opinions = [logits[0].float().softmax(-1) for logits in model_outputs.values()]
        scores, order = torch.stack(opinions).mean(0).sort(descending=True, stable=True)
        ranked = zip(order.tolist()[:top_k], scores.tolist()[:top_k], strict=True)
        return [{"label": names[index], "score": score} for index, score in ranked]

    def save_pretrained(self, save_directory: str | os.PathLike, **kwargs) -> None:
        """Saves model and processor; the base class would write the processor's parts over each other."""
        self.model.save_pretrained(save_directory, **kwargs)
        self.processor.save_pretrained(save_directory)


__all__ = ["PointCloudClassificationPipeline"]
