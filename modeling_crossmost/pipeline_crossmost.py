"""The pipeline `point-cloud-classification`, which returns the classes of a mesh or cloud with their probabilities.

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
    """Classify 3D objects by fusing predictions from their point cloud and from rendered views (paper section 4.1).

    An object is the path of a mesh or cloud file, a `trimesh` mesh, an array or tensor (N, 3), or a dictionary with the
    processor's arguments `mesh`, `points` and `images`, where `images` are the views of this object:
    `{"points": cloud, "images": photographs}`, or only `{"images": photographs}`. Several objects are passed as a list,
    an array (B, N, 3), a generator or a dataset, and are processed in batches of `batch_size`.

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
        mean of the probabilities given by the views and by the cloud.

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
        # The base class takes only lists, generators and datasets for several inputs.
        if isinstance(inputs, tuple) or getattr(inputs, "ndim", 0) == 3:
            inputs = list(inputs)
        if isinstance(inputs, list) and not inputs:
            raise ValueError("There is no object: pass at least one file, mesh or cloud.")
        return super().__call__(inputs, **options)

    def preprocess(
        self, input_: Any, up_axis: str = "y", views: int | None = None, num_points: int | None = None
    ) -> dict[str, torch.Tensor]:
        """Prepare one object as model inputs with a batch dimension of 1."""
        if views is None:
            views = self.model.config.default_views
        given = dict(input_) if isinstance(input_, Mapping) else {"mesh": input_}
        if "images" in given:
            given["images"] = [list(given["images"])]  # nested: these images are views of one object
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
            # Unlike set_classes, this leaves the model unchanged: other callers may share it.
            outputs = torch.func.functional_call(self.model, classifier, kwargs=model_inputs)
        return {name: outputs[name] for name in ("logits_per_image", "logits_per_point") if name in outputs}

    def _classifier_of(self, names: list[str], templates: list[str] | None) -> torch.Tensor:
        """Return the classifier (C, D) for class names, caching the last one, which all objects of a call share."""
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
        """Fuse the logits (1, C) of an object's modalities and return its classes, most probable first."""
        names = self.model.config.class_names if candidate_labels is None else candidate_labels
        opinions = [logits[0].float().softmax(-1) for logits in model_outputs.values()]
        # Mean of probabilities, as in the evaluation; the stable sort breaks ties by label order.
        scores, order = torch.stack(opinions).mean(0).sort(descending=True, stable=True)
        ranked = zip(order.tolist()[:top_k], scores.tolist()[:top_k], strict=True)
        return [{"label": names[index], "score": score} for index, score in ranked]

    def save_pretrained(self, save_directory: str | os.PathLike, **kwargs) -> None:
        """Save the model and the processor; the base class would overwrite the processor's parts with each other."""
        self.model.save_pretrained(save_directory, **kwargs)
        self.processor.save_pretrained(save_directory)


__all__ = ["PointCloudClassificationPipeline"]
