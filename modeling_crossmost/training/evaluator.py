"""The splits of a run's data set, and how a model is evaluated on one of them."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..data.augmentation import EvalImageTransform, image_transform_options
from ..data.datasets import EvaluationDataset
from ..data.loaders import evaluation_loader
from ..data.pairs import Rows, check_view_sizes, class_names, has_labels, load_pairs
from ..evaluation.parts import KeptParts
from ..evaluation.predict import Predictions, columns_of, predict, summarize
from ..modeling_crossmost import CrossMoSTModel
from ..processing_crossmost import CrossMoSTProcessor
from ..utils.extras import importing
from .arguments import Arguments
from .checkpoints import digest_of
from .methods import Method


with importing("train"):
    from accelerate import Accelerator


KEPT_FOLDER = "evaluation"


def load_split(arguments: Arguments, split: str, streaming: bool = False, image_size: int | None = None) -> Rows:
    """One split of the run's data set.

    Args:
        image_size: refuse views that are too small to be enlarged to it sensibly.

    Raises:
        ValueError: as `load_pairs`.
    """
    data = arguments.data
    rows = load_pairs(arguments.source or data.dataset, data.dataset_config, split, streaming=streaming)
    if image_size is not None:
        check_view_sizes(rows, image_size, f"The data set {data.dataset!r}, split {split!r},")
    return rows


def known_classes(rows: Rows) -> list[str] | None:
    """Classes of a split in the order of its labels, as they stand in prompts; `None` where it has no labels.

    Labels without names count as none, because nothing tells which of the model's classes they mean; so do labels that
    are all -1, the Hub's way to withhold them.
    """
    names = class_names(rows)
    if names is None or not has_labels(rows):
        return None
    return [name.replace("_", " ") for name in names]


def kept_folder(arguments: Arguments, name: str) -> Path:
    """Return where an evaluation that may be long keeps its predictions until the run is complete.

    A run that was cut looks no second time at what its untrained model has seen.
    """
    return Path(arguments.train.output_dir) / KEPT_FOLDER / name


def label_map(classes: list[str], names: list[str], split: str) -> list[int]:
    """Look a split's classes up among the model's, by name.

    Args:
        classes: of the split, in the order of its labels.
        names: of the model.
        split: what the error calls the split.

    Returns:
        The model's index of each class.

    Raises:
        ValueError: a class that the model does not have.
    """
    unknown = sorted(set(classes) - set(names))
    if unknown:
        raise ValueError(
            f"the {split} split has the class {unknown[0]!r}, which is not among the classes {', '.join(names)}."
        )
    return [names.index(name) for name in classes]


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
    rows: Rows
    transform: EvalImageTransform
    labels: list[str] | None
    label_map: list[int] | None = None

    @classmethod
    def load(
        cls,
        arguments: Arguments,
        accelerator: Accelerator,
        processor: CrossMoSTProcessor,
        split: str,
        streaming: bool = False,
    ) -> "Evaluator":
        """Read a split, or its rows where they lie.

        Raises:
            ValueError: as [`load_split`].
        """
        options = image_transform_options(processor.image_processor)
        rows = load_split(arguments, split, streaming=streaming, image_size=options["image_size"])
        return cls(arguments, accelerator, rows, EvalImageTransform(**options), known_classes(rows))

    def map_labels(self, names: list[str]) -> None:
        """Look the split's classes up among the model's; see [`label_map`].

        Raises:
            ValueError: a class that the model does not have.
        """
        if self.labels is not None:
            self.label_map = label_map(self.labels, names, "evaluation")

    def predict(
        self,
        method: Method,
        model: CrossMoSTModel,
        num_views: int | None = None,
        folder: Path | None = None,
        title: str | None = None,
    ) -> Predictions:
        """Predictions of a model for the whole split, from all views or the first ones.

        Args:
            folder: where predictions are kept, for the same evaluation to go on behind them; see [`kept_folder`].
            title: of a progress bar; without one there is none.
        """
        method.before_evaluation(model)
        rows = self.rows if self.label_map is not None else self.rows.select_columns(["points", "views"])
        kept = None if folder is None else self._kept_parts(model, rows, num_views, folder)
        before = kept.load() if kept is not None else []
        seen = sum(len(part["index"]) for part in before)
        if folder is not None and seen:
            whose = " of the first process" if self.accelerator.num_processes > 1 else ""
            self.accelerator.print(f"{folder.name}: {seen} objects{whose} were evaluated before")
        loader = evaluation_loader(
            EvaluationDataset(rows, self.transform, num_views),
            self.arguments.train.per_device_eval_batch_size,
            num_workers=self.arguments.data.dataloader_num_workers,
            num_processes=self.accelerator.num_processes,
            process_index=self.accelerator.process_index,
            start=seen,
        )
        keep = kept.add if kept is not None else lambda part: None
        device, autocast = self.accelerator.device, self.accelerator.autocast
        title = title if self.accelerator.is_main_process else None
        found = predict(model, loader, device, self.label_map, autocast, before, keep, title)
        if kept is not None:
            kept.flush()
        return found

    def _kept_parts(self, model: CrossMoSTModel, rows: Rows, num_views: int | None, folder: Path) -> KeptParts:
        accelerator = self.accelerator
        weights, images = digest_of(model.state_dict()), self.transform
        about = [weights, model.config.to_json_string(), rows._fingerprint, num_views]
        about += [images.image_size, images.mean, images.std, accelerator.mixed_precision, accelerator.num_processes]
        key = hashlib.sha256(" ".join(map(str, about)).encode()).hexdigest()
        with accelerator.main_process_first():
            kept = KeptParts(folder, key, accelerator.process_index)
        if kept.discarded:
            accelerator.print(f"{folder}: what is kept there is of other weights, objects, options or processes")
        return kept

    def full(self, method: Method, model: CrossMoSTModel, folder: Path | None = None) -> dict[str, Any]:
        """[`summarize`] over all views, with a progress bar; see [`predict`]."""
        return summarize(self.predict(method, model, folder=folder, title="Evaluating"), model.config.class_names)

    def quick(self, method: Method, model: CrossMoSTModel) -> dict[str, float | None]:
        """Return [`quick_columns`] without looking at more than one view."""
        return quick_columns(summarize(self.predict(method, model, num_views=1), model.config.class_names))


def quick_columns(summary: dict[str, Any]) -> dict[str, float | None]:
    """Return the columns that one view and the cloud give, for the curve over training."""
    columns = columns_of(summary)
    return {name: columns[name] for name in ("image", "point")}
