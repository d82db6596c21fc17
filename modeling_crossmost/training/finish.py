"""The end of a run: the files and pictures that a person looks at afterwards."""

from pathlib import Path
from typing import Any

import torch

from ..evaluation.parts import remove_parts
from ..evaluation.plots import plot_all
from ..evaluation.predict import columns_of
from ..evaluation.tables import COLUMNS, comparison_rows, results_table
from ..hub.model_card import model_card
from ..hub.push import push_run
from ..modeling_crossmost import CrossMoSTModel
from ..processing_crossmost import CrossMoSTProcessor
from ..utils.atomic import atomic_files, write_text
from ..utils.extras import importing
from .arguments import Arguments
from .evaluator import KEPT_FOLDER, Evaluator
from .losses import joint_pseudo_labels, summed_pseudo_labels
from .methods import Method, Pretraining
from .run_log import versions, write_json


with importing("train"):
    from accelerate import Accelerator


def save_model(model: CrossMoSTModel, processor: CrossMoSTProcessor, output_dir: Path) -> None:
    """Save model and processor (`save_pretrained`) into a hidden folder and rename file by file.

    The decoders of self-training are left out: what is saved is a plain [`CrossMoSTModel`].
    """
    plain = CrossMoSTModel(model.config)
    plain.load_state_dict({name: value for name, value in model.state_dict().items() if name in plain.state_dict()})
    with atomic_files(output_dir) as temporary:
        plain.save_pretrained(temporary)
        processor.save_pretrained(temporary)


def teacher_label_accuracy(
    arguments: Arguments,
    accelerator: Accelerator,
    processor: CrossMoSTProcessor,
    method: Method,
    teacher: CrossMoSTModel,
) -> dict[str, float]:
    """How right the teacher's labels on the training split are: a diagnosis after training, off by default.

    Returns:
        Percent of the kept labels that are right, and percent that are kept.

    Raises:
        ValueError: the training split has a class that the model does not know.
    """
    look = Evaluator.load(arguments, accelerator, processor, arguments.data.train_split)
    look.map_labels(list(teacher.config.class_names))
    found = look.predict(method, teacher, num_views=1)
    image, point = (torch.from_numpy(found.probabilities[name]).log() for name in ("image", "point"))
    options = arguments.method
    if options.pseudo_label == "sum":
        labels = summed_pseudo_labels(image, point, options.confidence_threshold)
    else:
        labels = joint_pseudo_labels(image, point, options.confidence_threshold, options.point_confidence_weight)
    right = labels.labels == torch.from_numpy(found.labels)
    kept = labels.kept
    return {
        "accuracy": round(100 * right[kept].float().mean().item(), 2) if kept.any() else 0.0,
        "kept": round(100 * kept.float().mean().item(), 2),
    }


def results_of(
    arguments: Arguments,
    evaluator: Evaluator | None,
    summaries: dict[str, dict[str, Any] | None],
    run: dict[str, Any],
) -> dict[str, Any]:
    """Return the content of `results.json`.

    Args:
        summaries: under "zero_shot", "teacher" and "student" what [`summarize`] gave, or `None`.
        run: steps, seconds and speed.
    """
    data, train = arguments.data, arguments.train
    empty = dict.fromkeys(COLUMNS)
    results: dict[str, Any] = {
        "method": train.method,
        "dataset": data.dataset,
        "dataset_config": data.dataset_config,
        "split": data.eval_split,
        "num_objects": len(evaluator.rows) if evaluator else 0,
        "seed": train.seed,
    }
    for name, summary in summaries.items():
        results[name] = columns_of(summary) if summary else empty
    teacher = summaries["teacher"] or {}
    per_class, mean_class = teacher.get("per_class", {}), teacher.get("mean_class")
    results["per_class"] = {name: _rounded(columns) for name, columns in per_class.items()}
    results["mean_class"] = _rounded(mean_class) if mean_class else empty
    return results | run | {"versions": versions()}


def _rounded(columns: dict[str, float]) -> dict[str, float]:
    return {name: round(float(value), 2) for name, value in columns.items()}


def finish_run(
    arguments: Arguments,
    accelerator: Accelerator,
    processor: CrossMoSTProcessor,
    method: Method,
    evaluator: Evaluator | None,
    summaries: dict[str, dict[str, Any] | None],
    teacher: CrossMoSTModel,
    run: dict[str, Any],
) -> None:
    """Write everything that a person looks at afterwards.

    Args:
        summaries: see [`results_of`].
        teacher: what is saved.
        run: "steps", "wall_seconds" and "pairs_per_second" for `results.json`.
    """
    method.before_evaluation(teacher)
    if arguments.train.pseudo_label_accuracy and not isinstance(method, Pretraining):
        accuracy = teacher_label_accuracy(arguments, accelerator, processor, method, teacher)
        run = run | {"pseudo_label_accuracy": accuracy}
    if not accelerator.is_main_process:
        return
    output_dir = Path(arguments.train.output_dir)
    run = run | {"fusion_weight": teacher.config.fusion_weight}
    results = results_of(arguments, evaluator, summaries, run)
    save_model(teacher, processor, output_dir)
    confusion = (summaries["teacher"] or {}).get("confusion")
    if confusion:
        write_json(output_dir / "confusion.json", {"class_names": list(teacher.config.class_names), **confusion})
    write_json(output_dir / "results.json", results)
    pictures = [path.name for path in plot_all(output_dir)]
    card = model_card(
        results,
        arguments.to_dict(),
        list(teacher.config.class_names),
        list(teacher.config.prompt_templates),
        teacher.config.up_axis,
        pictures,
    )
    write_text(output_dir / "README.md", card)
    if results["zero_shot"]["point"] is not None:
        accelerator.print("\n" + results_table(comparison_rows([results])))
    accelerator.print(f"\nwrote {output_dir} ({', '.join(['results.json', *pictures])})")
    remove_parts(output_dir / KEPT_FOLDER)
    if arguments.train.push_to_hub and arguments.train.hub_model_id is not None:
        accelerator.print(f"uploaded to {push_run(output_dir, arguments.train.hub_model_id)}")
