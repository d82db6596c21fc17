"""Exports the two branches of a model, each to a `torch.export` program and an ONNX graph, and checks both.

    crossmost export your-name/crossmost-modelnet40 --output exported

`point.onnx` and `point.pt2` take `point_values` (B, N, 3), `image.onnx` and `image.pt2` take `pixel_values`
(B, 3, R, R), as the processor makes them; B and N are free. They return logits (B, C) and unit-length embeddings
(B, D). `export.json` holds what a program without this package has to know: classes, axis, sizes, scale of pixels.

Where different points are exactly equally far from a center, as in a regular grid, runtimes may choose others of them.
"""

import copy
import json
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import nn
from torch.export import Dim, ExportedProgram
from torch.nn import functional as F

from ..modeling_crossmost import CrossMoSTModel, unit_length
from ..utils.atomic import new_folder, write_text
from ..utils.extras import install_command


FORMATS = ("onnx", "pt2")
TOLERANCE = 1e-4  # largest difference between exported and eager outputs
TRACED_BATCH = 2  # torch specializes on 0 and 1


class ExportError(ValueError):
    """An export that cannot be made; the message is one sentence for the user."""


class Branch(nn.Module):
    """One tower with its projection and the classifier, as a module of one input."""

    def __init__(self, tower: nn.Module, projection: nn.Module, model: CrossMoSTModel, input_name: str):
        super().__init__()
        self.tower, self.projection, self.classifier = tower, projection, model.classifier
        self.logit_scale, self.input_name = model.logit_scale, input_name

    def forward(self, values: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Clouds (B, N, 3) or views (B, 3, R, R) to logits (B, C) and unit-length embeddings (B, D)."""
        embeds = unit_length(self.projection(self.tower(**{self.input_name: values}).pooler_output))
        # Not the classifier's own forward pass: it computes in float64, which many runtimes lack.
        return self.logit_scale.exp() * F.linear(embeds, self.classifier.weight), embeds


@dataclass(frozen=True)
class Plan:
    """How one branch is exported.

    Attributes:
        branch: the module.
        input_name, output_names: names in the ONNX graph, those of [`CrossMoSTModel`].
        dynamic: free axes of the input, with their names and bounds.
        traced: shape of the example that the program is traced with.
        checked: other shapes, on which it has to agree with the model.
    """

    branch: Branch
    input_name: str
    output_names: tuple[str, str]
    dynamic: dict[int, Dim]
    traced: tuple[int, ...]
    checked: tuple[tuple[int, ...], ...]


def plans(model: CrossMoSTModel) -> dict[str, Plan]:
    """Return the plans of the branches that the model has: "point", and "image" unless it has no image tower.

    A cloud needs at least as many points as a sub-cloud or neighborhood has: with fewer the eager model repeats points,
    which would be another graph.
    """
    point, vision = model.config.point_config, model.config.vision_config
    least, centers = point.least_points, point.first_centers
    found = {
        "point": Plan(
            Branch(model.point_model, model.point_projection, model, "point_values"),
            "point_values",
            ("logits_per_point", "point_embeds"),
            {0: Dim("batch"), 1: Dim("points", min=least)},
            (TRACED_BATCH, 2 * least + centers, 3),
            ((1, least, 3), (3, 2 * least + 1, 3), (2, 4 * least + 2 * centers, 3)),
        )
    }
    if model.vision_model is not None and model.visual_projection is not None:
        sides = (vision.num_channels, vision.image_size, vision.image_size)
        found["image"] = Plan(
            Branch(model.vision_model, model.visual_projection, model, "pixel_values"),
            "pixel_values",
            ("logits_per_image", "image_embeds"),
            {0: Dim("batch")},
            (TRACED_BATCH, *sides),
            ((1, *sides), (5, *sides)),
        )
    return found


def example(shape: Sequence[int], seed: int = 0) -> torch.Tensor:
    """Random inputs of a shape: normal pixels, or clouds (B, N, 3) that are centerd and scaled as the model expects."""
    values = torch.randn(*shape, generator=torch.Generator().manual_seed(seed))
    if values.dim() != 3:
        return values
    values = values - values.mean(dim=1, keepdim=True)
    return values / values.norm(dim=-1).amax(dim=1)[:, None, None]


def export_program(plan: Plan) -> ExportedProgram:
    """Trace a branch with `torch.export`, its free axes left free."""
    with torch.no_grad():
        return torch.export.export(plan.branch.eval(), (example(plan.traced),), dynamic_shapes=(plan.dynamic,))


def export_onnx(plan: Plan, program: ExportedProgram) -> Any:
    """Translate a traced branch to an `ONNXProgram`.

    Raises:
        ExportError: onnx or onnxscript is not installed.
    """
    for package in ("onnx", "onnxscript"):
        _import(package)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about torch's own deprecations
        return torch.onnx.export(
            program,
            dynamo=True,
            verbose=False,
            input_names=[plan.input_name],
            output_names=list(plan.output_names),
            dynamic_shapes=(plan.dynamic,),
        )


def _import(package: str) -> ModuleType:
    try:
        return import_module(package)
    except ImportError as error:
        raise ExportError(
            f"ONNX needs the package {package}: {install_command('export')}, or use --formats pt2."
        ) from error


def difference_of_program(plan: Plan, path: Path) -> float:
    """Largest difference between a saved program and the eager branch over the shapes to check."""
    exported = torch.export.load(path).module()
    return _largest_difference(plan, lambda values: [output.numpy(force=True) for output in exported(values)])


def difference_of_onnx(plan: Plan, path: Path) -> float | None:
    """Return the same of an ONNX file with onnxruntime; `None` where that is not installed."""
    try:
        import onnxruntime
    except ImportError:
        return None
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return _largest_difference(plan, lambda values: session.run(None, {plan.input_name: values.numpy()}))


def _largest_difference(plan: Plan, run: Any) -> float:
    largest = 0.0
    for seed, shape in enumerate(plan.checked):
        values = example(shape, seed)
        with torch.no_grad():
            expected = plan.branch.eval()(values)
        for ours, theirs in zip(expected, run(values), strict=True):
            largest = max(largest, float(abs(ours.numpy() - theirs).max()))
    return largest


def export_model(
    model: CrossMoSTModel, output: str | Path, formats: Sequence[str] = FORMATS, about: dict[str, Any] | None = None
) -> dict[str, float | None]:
    """Write both branches into a new folder, each checked against the eager model first.

    Args:
        model: any [`CrossMoSTModel`]; a copy in float32 is exported on the CPU.
        output: the folder; nothing is left of it where the export fails.
        formats: "onnx", "pt2" or both.
        about: further content of `export.json`.

    Returns:
        Largest difference from the eager model by file name; `None` where onnxruntime, which would show it, is missing.

    Raises:
        ValueError: the folder is not empty or cannot be written.
        ExportError: a package is missing, or the difference exceeds `TOLERANCE`.
    """
    model = copy.deepcopy(model).cpu().float().eval()
    with new_folder(output) as folder:
        found: dict[str, float | None] = {}
        for name, plan in plans(model).items():
            program = export_program(plan)
            if "onnx" in formats:
                export_onnx(plan, program).save(folder / f"{name}.onnx")
                found[f"{name}.onnx"] = difference_of_onnx(plan, folder / f"{name}.onnx")
            if "pt2" in formats:
                program.example_inputs = None  # they would be the only pickle in the archive
                torch.export.save(program, folder / f"{name}.pt2")
                found[f"{name}.pt2"] = difference_of_program(plan, folder / f"{name}.pt2")
        for file, difference in found.items():
            if difference is not None and not difference <= TOLERANCE:
                raise ExportError(f"{file} differs from the model by {difference:.1e}: nothing was written.")
        content = _description(model, found) | (about or {})
        write_text(folder / "export.json", json.dumps(content, indent=2, ensure_ascii=False) + "\n")
    return found


def _description(model: CrossMoSTModel, found: dict[str, float | None]) -> dict[str, Any]:
    config = model.config
    return {
        "class_names": list(config.class_names),
        "up_axis": config.up_axis,
        "projection_dim": config.projection_dim,
        "image_size": None if config.vision_config is None else config.vision_config.image_size,
        "least_points": config.point_config.least_points,
        "largest_difference_from_eager": found,
    }


def describe_processor(name: str) -> dict[str, Any]:
    """Return what a saved processor does to pixels and clouds, for `export.json`; {} where there is no processor."""
    from ..processing_crossmost import CrossMoSTProcessor

    try:
        processor = CrossMoSTProcessor.from_pretrained(name)
    except (OSError, ValueError):
        return {}
    images = processor.image_processor
    pixels = {"scale": images.rescale_factor, "mean": list(images.image_mean), "std": list(images.image_std)}
    return {"num_points": processor.feature_extractor.num_points, "pixels": pixels}
