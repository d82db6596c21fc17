"""`crossmost robustness`: accuracy of a model on damaged clouds and few views, as a table and curves."""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from ..utils.command_line import Parser, run_command
from ..utils.extras import require


def make_parser() -> Parser:
    """Return the command's options."""
    parser = Parser(
        "crossmost robustness",
        "Measure a model on a labeled split under wrong up axes, dropped points, noise, occlusion, few points and few "
        "views; writes robustness.md, .json and .png.",
        "crossmost robustness --dataset pairs/modelnet10 --split test --output outputs/robustness",
    )
    parser.add_argument("--model", metavar="ID", help="Hub id or folder (the bundled assets/crossmost-mini)")
    parser.add_argument("--dataset", required=True, help="folder of prepared pairs, or Hub id")
    parser.add_argument("--config", help="configuration of the data set")
    parser.add_argument("--split", default="test", help="labeled split (%(default)s)")
    parser.add_argument("--limit", type=int, metavar="K", help="objects (all)")
    parser.add_argument("--batch-size", type=int, default=32, help="objects at a time (%(default)s)")
    parser.add_argument("--output", required=True, type=Path, metavar="DIR", help="folder of the table and curves")
    return parser


def run(arguments: argparse.Namespace) -> None:
    """Measure, write and print the table.

    Raises:
        ValueError: a split without labels, with classes that the model does not have, or that cannot be read.
    """
    require("train")
    import torch

    from ..data.augmentation import EvalImageTransform, image_transform_options
    from ..data.datasets import EvaluationDataset
    from ..data.loaders import evaluation_loader
    from ..data.pairs import class_names, load_pairs
    from ..evaluation.plots import plot_robustness
    from ..evaluation.robustness import robustness, robustness_table
    from ..hub.loading import bundled_model, load_model_and_processor
    from ..modeling_crossmost import CrossMoSTModel
    from ..utils.atomic import write_text

    name = arguments.model or bundled_model()
    model, processor = load_model_and_processor(name, CrossMoSTModel)
    rows = load_pairs(arguments.dataset, arguments.config, arguments.split)
    names = class_names(rows)
    if names is None:
        raise ValueError(f"The split {arguments.split!r} has no labels, and robustness is a matter of right and wrong.")
    spoken = [name.replace("_", " ") for name in names]
    strange = sorted(set(spoken) - set(model.config.class_names))
    if strange:
        if model.text_model is None:
            raise ValueError(f"The model does not know the class {strange[0]!r}, and has no text tower to learn it.")
        model.set_classes(spoken, tokenizer=processor.tokenizer)
    if arguments.limit is not None:
        rows = rows.select(range(min(arguments.limit, len(rows))))
    device = torch.accelerator.current_accelerator() if torch.accelerator.is_available() else torch.device("cpu")
    assert device is not None  # for the type checker
    transform = EvalImageTransform(**image_transform_options(processor.image_processor))
    loader = evaluation_loader(EvaluationDataset(rows, transform), arguments.batch_size)
    label_map = [list(model.config.class_names).index(name) for name in spoken]
    model.to(device)  # type: ignore[arg-type] # as transformers declares it
    curves = robustness(model, loader, device, label_map, processor.feature_extractor.num_points, progress=True)
    text = robustness_table(curves)
    arguments.output.mkdir(parents=True, exist_ok=True)
    about = {"model": name, "dataset": arguments.dataset, "split": arguments.split, "num_objects": len(rows)}
    written = {kind: {str(strength): cells for strength, cells in curve.items()} for kind, curve in curves.items()}
    write_text(arguments.output / "robustness.md", text)
    write_text(arguments.output / "robustness.json", json.dumps({**about, "curves": written}, indent=2) + "\n")
    plot_robustness(curves, arguments.output / "robustness.png")
    print(text, f"wrote {arguments.output}/robustness.md (and .json, .png)", sep="\n")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    return run_command(make_parser(), run, argv)
