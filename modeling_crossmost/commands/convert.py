"""`crossmost convert CHECKPOINT --output DIR`: an official checkpoint becomes a `save_pretrained` folder."""

import argparse
import sys
from collections.abc import Sequence

from ..modeling_crossmost import CrossMoSTModel, CrossMoSTPreTrainedModel
from ..official.checkpoints import KINDS, CheckpointError, load_official_checkpoint
from ..official.convert import make_processor, write_atomically
from ..official.models import NO_CLASSIFIER, KeyReport, convert
from ..utils.atomic import check_new_folder
from ..utils.command_line import Parser, comma_separated, run_command


def make_parser() -> Parser:
    """Return the command's options."""
    parser = Parser(
        "crossmost convert",
        "Converts an official checkpoint to a save_pretrained folder, without executing code from the file.",
        "crossmost convert checkpoint-best.pth --output crossmost-modelnet40 --tokenizer openai/clip-vit-base-patch16",
    )
    parser.add_argument("checkpoint", help="official .pth or .pt file")
    parser.add_argument("--output", required=True, help="new folder for save_pretrained")
    parser.add_argument("--kind", choices=(*KINDS, "auto"), default="auto", help="what the file has to be")
    parser.add_argument("--weights", choices=("model", "model_ema"), help="crossmost: student (default) or EMA teacher")
    parser.add_argument("--image-heads", type=int, help="attention heads of the image tower (default: width / 64)")
    parser.add_argument("--point-heads", type=int, help="attention heads of the point tower (default: width / 64)")
    parser.add_argument("--point-groups", type=int, help="sub-clouds per object (default: 64; public ULIP: 512)")
    parser.add_argument("--group-size", type=int, help="points per sub-cloud (default: 32)")
    parser.add_argument("--image-size", type=int, help="side of the views in pixels, checked against the file")
    parser.add_argument(
        "--class-names", type=comma_separated, help="a,b,c; of a classifier in the file, in its label order"
    )
    parser.add_argument(
        "--tokenizer",
        help="Hub id or folder of CLIP's tokenizer: also saves a processor and, for ulip, makes the classifier",
    )
    parser.add_argument("--num-points", type=int, default=8192, help="points per object, of the processor")
    return parser


def convert_file(arguments: argparse.Namespace) -> tuple[CrossMoSTPreTrainedModel, KeyReport]:
    """Convert the file and write the folder; return the model and what became of each weight.

    Raises:
        ValueError: anything about the file, the options or the folder that is wrong.
    """
    check_new_folder(arguments.output)  # before minutes of reading
    model, report = convert(
        load_official_checkpoint(arguments.checkpoint),
        arguments.kind,
        weights=arguments.weights,
        image_heads=arguments.image_heads,
        point_heads=arguments.point_heads,
        point_groups=arguments.point_groups,
        group_size=arguments.group_size,
        image_size=arguments.image_size,
        class_names=arguments.class_names,
    )
    processor = None
    if arguments.tokenizer is not None:
        if not isinstance(model, CrossMoSTModel):
            raise CheckpointError("--tokenizer needs a file with a whole model; this one holds a point tower or less.")
        processor = make_processor(model, arguments.tokenizer, arguments.num_points)
        if NO_CLASSIFIER in report.warnings and arguments.class_names is not None:
            model.set_classes(arguments.class_names, tokenizer=processor.tokenizer)
            report.warnings.remove(NO_CLASSIFIER)
    write_atomically(model, arguments.output, processor, report.stored_prefix)
    return model, report


def run(arguments: argparse.Namespace) -> None:
    """Convert the file and print the report."""
    model, report = convert_file(arguments)
    for warning in report.warnings:
        print(f"warning: {warning}", file=sys.stderr)
    print(f"missing: {', '.join(report.missing) or 'none'}")
    print(f"unexpected: {', '.join(report.unexpected) or 'none'}")
    point = getattr(model.config, "point_config", model.config)
    count = sum(p.numel() for n, p in model.named_parameters() if n.startswith(report.stored_prefix))
    if point.has_groups:
        print(f"grouping: {point.num_groups} sub-clouds of {point.group_size} points, which no tensor shows")
    print(f"wrote {arguments.output} ({type(model).__name__}, {count:,} parameters)")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    return run_command(make_parser(), run, argv)
