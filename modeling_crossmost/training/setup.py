"""The two ends of a run: model, data and classes before training; evaluation, files and pictures after it."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from datasets import Dataset, IterableDataset

from . import loading
from .arguments import Arguments, ArgumentsError
from .augmentation_crossmost import EvalImageTransform, image_transform_options
from .configuration_crossmost import check_class_names
from .data_crossmost import EvaluationDataset, check_view_sizes, class_names, evaluation_loader, load_pairs
from .evaluation import COLUMNS, Predictions, columns_of, predict, summarize
from .hub import push_run
from .loss_crossmost import joint_pseudo_labels
from .methods import Method, Pretraining
from .model_card_crossmost import model_card
from .modeling_crossmost import CrossMoSTForSelfTraining, CrossMoSTModel
from .plots_crossmost import plot_all
from .processing_crossmost import CrossMoSTProcessor
from .prompts_crossmost import prompt_set
from .run_files import versions, write_json, write_text
from .tables_crossmost import comparison_rows, results_table


# What self-training adds to a saved CrossMoSTModel; everything else has to be in the checkpoint.
_NEW_IN_SELF_TRAINING = (
    "image_mask_token",
    "point_mask_token",
    "patch_layernorm.",
    "pixel_decoder.",
    "token_decoder.",
    "point_local_projection.",
)


def load_model_and_processor(arguments: Arguments) -> tuple[CrossMoSTModel, CrossMoSTProcessor]:
    """Loads `model_name_or_path` as the class that the method trains; new decoders start from the run's seed.

    Raises:
        ArgumentsError: nothing loadable there, or weights that do not fit.
    """
    model_class = CrossMoSTModel if arguments.train.method == "pretrain" else CrossMoSTForSelfTraining
    name, attention = arguments.data.model_name_or_path, arguments.data.attn_implementation
    try:
        return loading.load_model_and_processor(name, model_class, _NEW_IN_SELF_TRAINING, attn_implementation=attention)
    except ValueError as error:
        raise ArgumentsError(str(error)) from error


def load_split(
    arguments: Arguments, split: str, streaming: bool = False, image_size: int | None = None
) -> Dataset | IterableDataset:
    """One split of the run's data set; "furniture" is generated and cached on first use.

    Args:
        image_size: refuse views that are too small to be enlarged to it sensibly.

    Raises:
        ValueError: as `load_pairs`.
    """
    data = arguments.data
    source, config = data.dataset, data.dataset_config
    if source == "furniture":
        # The data package builds on this one; only this embedded set is fetched the other way round, on demand.
        from dataset_scripts.furniture_pairs import DEFAULT_CONFIG, cached_furniture

        config = config or DEFAULT_CONFIG
        source = cached_furniture(config)
    rows = load_pairs(source, config, split, streaming=streaming)
    if image_size is not None:
        check_view_sizes(rows, image_size, f"The data set {data.dataset!r}, split {split!r},")
    return rows


def known_classes(rows: Dataset | IterableDataset) -> list[str] | None:
    """Classes of a split in the order of its labels, as they stand in prompts; `None` where it has no labels.

    Labels without names count as none, because nothing tells which of the model's classes they mean; so do labels that
    are all -1, the Hub's way to withhold them.
    """
    names = class_names(rows)
    if names is None or (isinstance(rows, Dataset) and all(label is None or label < 0 for label in rows["label"])):
        return None
    return [name.replace("_", " ") for name in names]


@dataclass
class Evaluator:
    """The evaluation split and how to run a model over it.

    Attributes:
        rows: the split.
        labels: its class names, `None` where it has no labels.
        label_map: the model's index of each of its classes, set by [`resolve_classes`].
    """

    arguments: Arguments
    accelerator: Accelerator
    rows: Dataset
    transform: EvalImageTransform
    labels: list[str] | None
    label_map: list[int] | None = None

    @classmethod
    def load(
        cls, arguments: Arguments, accelerator: Accelerator, processor: CrossMoSTProcessor, split: str
    ) -> "Evaluator":
        """Reads a split.

        Raises:
            ValueError: as [`load_split`].
        """
        options = image_transform_options(processor.image_processor)
        rows = load_split(arguments, split, image_size=options["image_size"])
        return cls(arguments, accelerator, rows, EvalImageTransform(**options), known_classes(rows))

    def map_labels(self, names: list[str]) -> None:
        """Looks the split's classes up among the model's, by name.

        Raises:
            ArgumentsError: a class that the model does not have.
        """
        if self.labels is None:
            return
        unknown = sorted(set(self.labels) - set(names))
        if unknown:
            raise ArgumentsError(
                f"the evaluation split has the class {unknown[0]!r}, which is not among the classes {', '.join(names)}."
            )
        self.label_map = [names.index(name) for name in self.labels]

    def predict(self, method: Method, model: CrossMoSTModel, num_views: int | None = None) -> Predictions:
        """Predictions of a model for the whole split, from all views or the first ones."""
        method.before_evaluation(model)
        rows = self.rows if self.label_map is not None else self.rows.select_columns(["points", "views"])
        loader = evaluation_loader(
            EvaluationDataset(rows, self.transform, num_views),
            self.arguments.train.per_device_eval_batch_size,
            num_workers=self.arguments.data.dataloader_num_workers,
            num_processes=self.accelerator.num_processes,
            process_index=self.accelerator.process_index,
        )
        return predict(model, loader, self.accelerator.device, self.label_map)

    def full(self, method: Method, model: CrossMoSTModel) -> dict[str, Any]:
        """[`summarize`] over all views."""
        return summarize(self.predict(method, model), model.config.class_names)

    def quick(self, method: Method, model: CrossMoSTModel) -> dict[str, float | None]:
        """The columns that one view and the cloud give, for the curve over training."""
        summary = columns_of(summarize(self.predict(method, model, num_views=1), model.config.class_names))
        return {name: summary[name] for name in ("image", "point")}


def resolve_classes(
    arguments: Arguments, model: CrossMoSTModel, processor: CrossMoSTProcessor, evaluator: Evaluator | None
) -> tuple[list[str], list[str]]:
    """Decides the classes and prompts of the run and brings the classifier and the label map into line.

    Order: `class_names` of the options, else the evaluation split's, else the model's. A model that already knows just
    these classes keeps its classifier (it may be trained) unless `prompts` asks for another one or it is zero, as the
    converter leaves it where a file has none.

    Returns:
        Class names in the model's order, and prompt templates.

    Raises:
        ValueError: unusable names, an unknown prompt set, or a classifier that needs a text tower that is not there.
    """
    data, config = arguments.data, model.config
    wanted = data.class_names or (evaluator.labels if evaluator else None) or config.class_names
    wanted = check_class_names([name.strip().replace("_", " ") for name in wanted])
    templates = prompt_set(data.prompts) if data.prompts else list(config.prompt_templates)
    is_known = sorted(wanted) == sorted(config.class_names) and bool(model.classifier.weight.any())
    if not is_known or data.prompts:
        model.set_classes(wanted, templates, tokenizer=processor.tokenizer)
    names = list(model.config.class_names)
    if evaluator is not None:
        evaluator.map_labels(names)
    return names, templates


# --------------------------------------------------------------------------------------------------------------------
# After training
# --------------------------------------------------------------------------------------------------------------------


def save_model(model: CrossMoSTModel, processor: CrossMoSTProcessor, output_dir: Path) -> None:
    """Saves model and processor (`save_pretrained`) into a hidden folder and renames file by file.

    The decoders of self-training are left out: what is saved is a plain [`CrossMoSTModel`].
    """
    plain = CrossMoSTModel(model.config)
    plain.load_state_dict({name: value for name, value in model.state_dict().items() if name in plain.state_dict()})
    temporary = output_dir / f".model.{os.getpid()}.tmp"
    try:
        plain.save_pretrained(temporary)
        processor.save_pretrained(temporary)
        for path in sorted(temporary.rglob("*")):
            if path.is_file():
                target = output_dir / path.relative_to(temporary)
                target.parent.mkdir(parents=True, exist_ok=True)
                os.replace(path, target)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def teacher_label_accuracy(
    arguments: Arguments,
    accelerator: Accelerator,
    processor: CrossMoSTProcessor,
    method: Method,
    teacher: CrossMoSTModel,
) -> dict[str, float]:
    """How right the teacher's joint labels on the training split are: a diagnosis after training, off by default.

    Returns:
        Percent of the kept labels that are right, and percent that are kept.

    Raises:
        ArgumentsError: the training split has a class that the model does not know.
    """
    look = Evaluator.load(arguments, accelerator, processor, arguments.data.train_split)
    look.map_labels(list(teacher.config.class_names))
    found = look.predict(method, teacher, num_views=1)
    image, point = (torch.from_numpy(found.probabilities[name]).log() for name in ("image", "point"))
    options = arguments.method
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
    """The content of `results.json`.

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
    zero_shot: dict[str, Any] | None,
    models: tuple[CrossMoSTModel, CrossMoSTModel],
    run: dict[str, Any],
) -> None:
    """Evaluates teacher and student and writes everything that a person looks at afterwards.

    Args:
        zero_shot: the summary of the model before training.
        models: teacher and student (the same model where nothing was trained).
        run: "steps", "wall_seconds" and "pairs_per_second" for `results.json`.
    """
    teacher, student = models
    summaries = {"zero_shot": zero_shot, "teacher": zero_shot, "student": zero_shot}
    if evaluator is not None and run["steps"]:
        summaries |= {"teacher": evaluator.full(method, teacher), "student": evaluator.full(method, student)}
    method.before_evaluation(teacher)
    if arguments.train.pseudo_label_accuracy and not isinstance(method, Pretraining):
        accuracy = teacher_label_accuracy(arguments, accelerator, processor, method, teacher)
        run = run | {"pseudo_label_accuracy": accuracy}
    if not accelerator.is_main_process:
        return
    output_dir = Path(arguments.train.output_dir)
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
    if arguments.train.push_to_hub and arguments.train.hub_model_id is not None:
        accelerator.print(f"uploaded to {push_run(output_dir, arguments.train.hub_model_id)}")
