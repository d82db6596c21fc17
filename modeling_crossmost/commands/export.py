"""`crossmost export MODEL --output DIR`: ONNX and torch.export files of a model."""

import argparse
from collections.abc import Sequence

from ..utils.command_line import Parser, run_command


def make_parser() -> Parser:
    """Return the command's options."""
    parser = Parser(
        "crossmost export",
        "Exports both branches of a model, each to a torch.export program and an ONNX graph, and checks them.",
        "crossmost export your-name/crossmost-modelnet40 --output outputs/exported",
    )
    parser.add_argument("model", help="Hub id or folder of a saved model")
    parser.add_argument("--output", required=True, help="new folder for the exported files")
    parser.add_argument("--formats", nargs="+", choices=("onnx", "pt2"), help="what to write (both)")
    return parser


def run(arguments: argparse.Namespace) -> None:
    """Export the model and print how exact the files are.

    Raises:
        ValueError: an unusable model or folder, or an export that cannot be made.
    """
    from .. import CrossMoSTModel
    from ..hub.export import FORMATS, describe_processor, export_model
    from ..hub.loading import load_model

    model = load_model(arguments.model, CrossMoSTModel)
    about = describe_processor(arguments.model)
    for file, difference in export_model(model, arguments.output, arguments.formats or FORMATS, about).items():
        unchecked = "not checked, onnxruntime is not installed"
        print(f"{file}: {unchecked if difference is None else f'within {difference:.1e} of eager'}")
    print(f"wrote {arguments.output}")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    return run_command(make_parser(), run, argv)
