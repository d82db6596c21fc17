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
    "learning_rate_scaling": "rate's growth with the batch",
    "reference_batch_size": "batch that decays are meant for",
    "weight_decay": "weight decay",
    "layer_decay": "layer decay (image tower)",
    "ema_decay_start": "teacher's decay at the start",
    "ema_decay": "teacher's decay in the end",
    "ema_ramp_steps": "steps between the two",
    "pseudo_label": "pseudo-labels",
    "soft_labels": "labels are probabilities",
    "confidence_threshold": "confidence threshold",
    "align": "cross-modal alignment",
    "fairness": "fairness regularization",
    "fairness_target": "fairness draws to",
    "masked_modeling": "masked modeling",
    "freeze_image": "image tower frozen",
}

SELF_TRAINED = ("crossmost", "baseline")
LABEL_FREE = (*SELF_TRAINED, "zero_shot")
FOLDER_PLACEHOLDER = "path/to/this/folder"  # stands in the example until the repository's name is known
TEMPLATE = Path(__file__).with_suffix(".md")


def model_card(
    results: Mapping[str, Any],
    args: Mapping[str, Any],
    class_names: Sequence[str],
    prompt_templates: Sequence[str],
    up_axis: str,
    pictures: Sequence[str] = (),
) -> str:
    """Write the card of one run.

    Args:
        results: content of results.json; accuracies (`zero_shot`, `teacher`, `student`, `per_class`, `mean_class`) may
            be missing or None where there was no labeled split.
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
    titles = {"zero-shot": "zero_shot", "teacher": "teacher", "student": "student"}
    rows = {title: results[key] for title, key in titles.items() if results.get(key)}
    classes = dict(results.get("per_class") or {})
    files = [PurePath(picture).name for picture in pictures]
    recognized = {name: row["fused"] for name, row in classes.items() if row.get("fused") is not None}
    if results.get("mean_class"):
        classes["mean over classes"] = results["mean_class"]
    card = ModelCard.from_template(
        _metadata(name, results, args),
        str(TEMPLATE),
        name=name,
        model=args.get("hub_model_id") or FOLDER_PLACEHOLDER,
        results=results,
        args=args,
        method=results.get("method"),
        self_trained=results.get("method") in SELF_TRAINED,
        label_free=results.get("method") in LABEL_FREE,
        kept_because=(results.get("label_free") or {}).get("reason"),
        dataset=markdown_cell(_public_name(results.get("dataset") or "unknown")),
        accuracy_table=markdown_table(rows) if rows else "",
        class_table=markdown_table(classes, bold=False) if classes else "",
        weakest=min(recognized.items(), key=lambda item: item[1], default=None),
        pictures=[(PICTURE_TITLES.get(file, file), file) for file in files],
        training=_training_rows(results, args),
        class_names=list(class_names),
        prompt_templates=list(prompt_templates),
        up_axis=up_axis,
    )
    return f"{card}\n"


def _metadata(name: str, results: Mapping[str, Any], args: Mapping[str, Any]) -> ModelCardData:
    """Return the YAML head; fields that the Hub resolves (base model, data set) only where they are Hub ids."""
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


def _training_rows(results: Mapping[str, Any], args: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Title and value of what is known about the training."""
    rows: dict[str, Any] = {"method": METHOD_TITLES.get(str(results.get("method")), results.get("method"))}
    rows |= {title: args.get(key) for key, title in TRAINING_FIELDS.items()}
    rows["optimizer steps"] = results.get("steps")
    rows["seed"] = results.get("seed", args.get("seed"))
    if results.get("wall_seconds") is not None:
        rows["wall time"] = _duration(float(results["wall_seconds"]))
    if results.get("pairs_per_second") is not None:
        rows["pairs per second"] = f"{float(results['pairs_per_second']):.1f}"
    rows["versions"] = ", ".join(f"{package} {version}" for package, version in (results.get("versions") or {}).items())
    return [(title, markdown_cell(_shown(value))) for title, value in rows.items() if value not in (None, "")]


def _model_name(results: Mapping[str, Any], args: Mapping[str, Any]) -> str:
    """Return the Hub name without its owner, else method and data set."""
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
    """Return a Hub id as it is, and of a path its last part: where it lay on one machine is nobody's business."""
    text = str(value)
    return _hub_id(text) or (PurePath(text).name or text)


def _shown(value: Any) -> str:
    """Return an option as the training table shows it."""
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
