"""The model card (README.md) of a run, with metadata that the Hub reads; needs no network.

The card says what was measured, on what, how the model was trained, which axis it expects and what it cannot do. Paths
of the machine that trained it are left out.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePath
from typing import Any

from huggingface_hub import EvalResult, ModelCard, ModelCardData

from ..evaluation.tables import COLUMN_TITLES, METHOD_TITLES, markdown_cell, markdown_table
from ..geometry_crossmost import MODEL_AXES


METHOD_SENTENCES = {
    "crossmost": "It was trained **without labels** by cross-modal self-training (Cross-MoST): an averaged teacher "
    "gives image and point cloud joint pseudo-labels, and both towers learn from them.",
    "baseline": "It was trained **without labels** by the self-training baseline of the Cross-MoST paper: each "
    "modality learns from its own pseudo-labels alone.",
    "pretrain": "It was pre-trained by contrast between views, captions and point clouds (ULIP).",
    "zero_shot": "It was not trained further: the numbers are those of the zero-shot classifier.",
    "pointcmt": "Its point tower was trained with the image tower as a teacher (PointCMT).",
}

PICTURE_TITLES = {
    "accuracy.png": "Top-1 accuracy of teacher and student over training",
    "pseudo_labels.png": "Where the joint pseudo-labels come from, agreement and confidence",
    "entropy_bias.png": "The teacher's prediction entropy and bias",
    "confusion.png": "Confusion matrices of the teacher",
}

# What the training table shows of args.yaml, in this order.
TRAINING_FIELDS = {
    "model_name_or_path": "started from",
    "dataset": "dataset",
    "dataset_config": "configuration",
    "train_split": "training split",
    "num_views": "views drawn from per object",
    "num_train_epochs": "epochs",
    "per_device_train_batch_size": "batch per device",
    "gradient_accumulation_steps": "accumulated batches",
    "learning_rate": "base learning rate (per 256 pairs)",
    "weight_decay": "weight decay",
    "layer_decay": "layer decay (image tower)",
    "ema_decay_start": "teacher's decay at the start",
    "ema_decay": "teacher's decay in the end",
    "ema_ramp_steps": "steps between the two",
    "pseudo_label": "pseudo-labels",
    "confidence_threshold": "confidence threshold",
    "align": "cross-modal alignment",
    "fairness": "fairness regularisation",
    "masked_modeling": "masked modelling",
    "freeze_image": "image tower frozen",
}

SELF_TRAINED = ("crossmost", "baseline")
LABEL_FREE = (*SELF_TRAINED, "zero_shot")
MAX_PROMPTS = 10
FOLDER_PLACEHOLDER = "path/to/this/folder"  # stands in the example until the repository's name is known

CITATION = """```bibtex
@inproceedings{dharmasiri2024crossmost,
  title     = {Cross-Modal Self-Training: Aligning Images and Pointclouds to learn Classification without Labels},
  author    = {Dharmasiri, Amaya and Naseer, Muzammal and Khan, Salman and Khan, Fahad Shahbaz},
  booktitle = {CVPR Workshops},
  year      = {2024}
}
```"""


def model_card(
    results: Mapping[str, Any],
    args: Mapping[str, Any],
    class_names: Sequence[str],
    prompt_templates: Sequence[str],
    up_axis: str,
    pictures: Sequence[str] = (),
) -> str:
    """Writes the card of one run.

    Args:
        results: content of results.json; accuracies (`zero_shot`, `teacher`, `student`, `per_class`, `mean_class`) may
            be missing or None where there was no labelled split.
        args: resolved options of the run, as in args.yaml.
        class_names: the classes that the classifier was made for.
        prompt_templates: sentences with "{}" in the place of the class name.
        up_axis: axis that the model takes as up: "x", "y" or "z".
        pictures: PNG files that lie beside the card.

    Returns:
        Markdown with a YAML head, as `huggingface_hub.ModelCard` reads it.

    Raises:
        ValueError: for another axis or for no class names.
    """
    if up_axis not in MODEL_AXES:
        raise ValueError(f"up_axis must be one of {', '.join(MODEL_AXES)}, got {up_axis!r}.")
    if not class_names:
        raise ValueError("class_names must hold at least one name, got none.")
    name = _model_name(results, args)
    sections = [
        _introduction(name, results, class_names),
        _results_section(results),
        _pictures_section(pictures),
        _usage_section(args, up_axis),
        _training_section(results, args),
        _classes_section(class_names, prompt_templates),
        _limits_section(results, up_axis),
        "## Licence\n\nApache-2.0 for these weights and the code. The licences of the data and of the model that the "
        "training started from still apply to them.",
        f"## Citation\n\nThe method:\n\n{CITATION}",
    ]
    head = _metadata(name, results, args).to_yaml()
    body = "\n\n".join(section for section in sections if section)
    return str(ModelCard(f"---\n{head}\n---\n\n{body}\n"))


def _metadata(name: str, results: Mapping[str, Any], args: Mapping[str, Any]) -> ModelCardData:
    """The YAML head; fields that the Hub resolves (base model, data set) only where they are Hub ids."""
    tags = ["3d", "point-cloud", "clip", "zero-shot", "self-training", "cross-most", "label-free"]
    evaluations = _evaluations(results, args)
    return ModelCardData(
        license="apache-2.0",
        library_name="transformers",
        tags=tags if results.get("method") in SELF_TRAINED else tags[:4],
        base_model=_hub_id(args.get("model_name_or_path")),
        datasets=_hub_id(args.get("dataset")),
        metrics=["accuracy"] if evaluations else None,
        model_name=name,
        eval_results=evaluations or None,
    )


def _evaluations(results: Mapping[str, Any], args: Mapping[str, Any]) -> list[EvalResult]:
    """One entry of the model index per column of the saved weights' accuracies."""
    accuracies = results.get("teacher") or results.get("zero_shot") or {}
    dataset = _public_name(results.get("dataset") or args.get("dataset") or "unknown")
    return [
        EvalResult(
            task_type="zero-shot-classification",
            task_name="3D object classification",
            # The Hub takes nothing but an identifier here.
            dataset_type=re.sub(r"[^\w.\-/]+", "-", dataset),
            dataset_name=dataset,
            dataset_config=args.get("dataset_config"),
            dataset_split=results.get("split"),
            metric_type="accuracy",
            metric_name=f"top-1 accuracy in percent, {title}",
            metric_value=round(float(accuracies[column]), 2),
        )
        for column, title in COLUMN_TITLES.items()
        if accuracies.get(column) is not None
    ]


def _introduction(name: str, results: Mapping[str, Any], class_names: Sequence[str]) -> str:
    method = METHOD_SENTENCES.get(str(results.get("method")), "")
    return (
        f"# {name}\n\nClassifies a 3D object by its point cloud, its views or both into {len(class_names)} classes, or "
        f"into any classes that you name. {method}".rstrip()
    )


def _results_section(results: Mapping[str, Any]) -> str:
    parts = {"zero-shot": "zero_shot", "teacher": "teacher", "student": "student"}
    rows = {title: results[key] for title, key in parts.items() if results.get(key)}
    if not rows:
        return "## Results\n\nNo labelled split was evaluated."
    dataset = markdown_cell(_public_name(results.get("dataset") or "unknown"))
    lines = [
        "## Results",
        f"Top-1 accuracy in percent on {results.get('num_objects', '?')} objects of `{results.get('split', '?')}` of "
        f"{dataset}, seed {results.get('seed', '?')}."
        + (" Labels were used for measuring only." if results.get("method") in LABEL_FREE else ""),
        markdown_table(rows),
        r"**image**: one fixed view; **image\***: the mean of the embeddings of all views; **point**: the cloud; "
        r"**fused**: the mean of image\*'s and point's probabilities."
        + (" The saved weights are the teacher's." if "teacher" in rows else ""),
    ]
    per_class = dict(results.get("per_class") or {})
    if results.get("mean_class"):
        per_class["mean over classes"] = results["mean_class"]
    if per_class:
        lines.append(f"<details><summary>By class</summary>\n\n{markdown_table(per_class, bold=False)}\n\n</details>")
    return "\n\n".join(lines)


def _pictures_section(pictures: Sequence[str]) -> str:
    names = [PurePath(picture).name for picture in pictures]
    return "\n\n".join(f"![{PICTURE_TITLES.get(name, name)}]({name})" for name in names)


def _usage_section(args: Mapping[str, Any], up_axis: str) -> str:
    model = args.get("hub_model_id") or FOLDER_PLACEHOLDER
    return f'''## How to use

```python
import modeling_crossmost
from transformers import pipeline

classify = pipeline("point-cloud-classification", model="{model}")
# up_axis describes your file: "y" is glTF's convention, CAD exports are often "z".
print(classify("chair.glb", up_axis="y", top_k=3))
```

Without the package, leave its import out and let the code that lies beside the weights run:
`pipeline(model="{model}", trust_remote_code=True)`. `AutoModel` and `AutoProcessor` load it in the same way.

Step by step:

```python
import torch
from modeling_crossmost import CrossMoSTModel, CrossMoSTProcessor

model = CrossMoSTModel.from_pretrained("{model}").eval()
processor = CrossMoSTProcessor.from_pretrained("{model}")

inputs = processor(mesh="chair.glb", up_axis="y", render_views=12, return_tensors="pt")
with torch.inference_mode():
    outputs = model(**inputs)
probabilities = (outputs.logits_per_image.softmax(-1) + outputs.logits_per_point.softmax(-1)) / 2
print(model.config.class_names[probabilities.argmax()])
```

Either modality may be left out: `processor(points=array)` makes inputs for the point tower alone, as `views=0` does in
the pipeline. Where the checkpoint keeps its text tower, other classes need no training:
`classify("bed.glb", candidate_labels=["a chair", "something to sleep on"])`, or
`model.set_classes(["a chair", "something to sleep on"], tokenizer=processor.tokenizer)` for good.

**Axes.** The model takes **{up_axis}** as up. `up_axis=` says which axis is up in *your* file; the processor rotates.
Clouds are centred on their mean and scaled so that the farthest point has distance 1; colours of points are ignored.'''


def _training_section(results: Mapping[str, Any], args: Mapping[str, Any]) -> str:
    rows: dict[str, Any] = {"method": METHOD_TITLES.get(str(results.get("method")), results.get("method"))}
    rows |= {title: args.get(key) for key, title in TRAINING_FIELDS.items()}
    rows["optimiser steps"] = results.get("steps")
    rows["seed"] = results.get("seed", args.get("seed"))
    if results.get("wall_seconds") is not None:
        rows["wall time"] = _duration(float(results["wall_seconds"]))
    if results.get("pairs_per_second") is not None:
        rows["pairs per second"] = f"{float(results['pairs_per_second']):.1f}"
    rows["versions"] = ", ".join(f"{package} {version}" for package, version in (results.get("versions") or {}).items())
    lines = [
        f"| {title} | {markdown_cell(_shown(value))} |" for title, value in rows.items() if value not in (None, "")
    ]
    if not lines:
        return ""
    source = ["", "`args.yaml` holds every option."] if args.get("output_dir") else []
    return "\n".join(["## Training", "", "| | |", "|---|---|", *lines, *source])


def _classes_section(class_names: Sequence[str], prompt_templates: Sequence[str]) -> str:
    section = f"## Classes and prompts\n\nThe {len(class_names)} classes: {', '.join(class_names)}."
    if prompt_templates:
        shown = "\n".join(f"- `{template}`" for template in prompt_templates[:MAX_PROMPTS])
        left_out = len(prompt_templates) - MAX_PROMPTS
        more = f"\n- and {left_out} more in `config.json`" if left_out > 0 else ""
        section += f"\n\nThe classifier started as the mean text embedding of these prompts:\n\n{shown}{more}"
    return section


def _limits_section(results: Mapping[str, Any], up_axis: str) -> str:
    limits = [
        "One object per input: scenes and several objects at once were never seen.",
        "Shape only: the point tower sees no colour, material or absolute size.",
        f"A wrong `up_axis` turns the object over, and accuracy falls; the model expects {up_axis} up.",
        "The answer is always one of the given classes, also for an object that is none of them, and probabilities are "
        "not calibrated.",
    ]
    if results.get("method") in SELF_TRAINED:
        limits.append(
            "Self-training amplifies what the model knew already: classes that it confused at first may stay confused."
        )
    per_class = {k: v["fused"] for k, v in (results.get("per_class") or {}).items() if v.get("fused") is not None}
    if per_class:
        weakest = min(per_class, key=lambda name: per_class[name])
        limits.append(
            f"The weakest class here is {weakest}: {per_class[weakest]:.1f} % of its objects (fused) are recognised."
        )
    if results.get("num_objects"):
        limits.append(
            f"The numbers come from {results['num_objects']} objects and one seed; other data will give other numbers."
        )
    return "## Limits\n\n" + "\n".join(f"- {limit}" for limit in limits)


def _model_name(results: Mapping[str, Any], args: Mapping[str, Any]) -> str:
    """The Hub name without its owner, else method and data set."""
    if args.get("hub_model_id"):
        return str(args["hub_model_id"]).rsplit("/", 1)[-1]
    dataset = _public_name(results.get("dataset") or args.get("dataset") or "own-data").rsplit("/", 1)[-1]
    method = METHOD_TITLES.get(str(results.get("method")), "Cross-MoST")
    return f"{'' if 'Cross-MoST' in method else 'Cross-MoST '}{method} on {dataset}"


def _hub_id(value: Any) -> str | None:
    """`owner/name`, or None for what is a local path or a name of our own."""
    text = str(value or "")
    if not re.fullmatch(r"[\w\-][\w.\-]*/[\w.\-]+", text) or Path(text).exists():
        return None
    # Folders of this project look like ids from any other working directory.
    return None if text.startswith(("assets/", "outputs/")) else text


def _public_name(value: Any) -> str:
    """A Hub id as it is, and of a path its last part: where it lay on one machine is nobody's business."""
    text = str(value)
    return _hub_id(text) or (PurePath(text).name or text)


def _shown(value: Any) -> str:
    """An option as the training table shows it."""
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, float):
        return f"{value:g}"
    return _public_name(value) if isinstance(value, str) and "/" in value else str(value)


def _duration(seconds: float) -> str:
    """`45 s`, `12 min` or `3.2 h`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
