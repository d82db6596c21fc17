"""`crossmost table DIR [DIR ...]`: one table over the `results.json` of several runs."""

import argparse
from collections.abc import Sequence

from ..evaluation.tables import caption, comparison_rows, markdown_table, read_results, results_table
from ..utils.command_line import Parser, run_command


def make_parser() -> Parser:
    """Return the command's options."""
    parser = Parser(
        "crossmost table",
        "One table over the results.json of several runs: zero-shot, then a row for each method.",
        "crossmost table outputs/quickstart/baseline outputs/quickstart/crossmost",
    )
    parser.add_argument("directories", nargs="+", metavar="DIR", help="output directory of a run (holds results.json)")
    parser.add_argument("--markdown", action="store_true", help="print a Markdown table")
    return parser


def run(arguments: argparse.Namespace) -> None:
    """Print the table."""
    runs = [read_results(directory) for directory in arguments.directories]
    rows = comparison_rows(runs)
    print(markdown_table(rows) if arguments.markdown else results_table(rows), caption(runs), sep="\n\n")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    return run_command(make_parser(), run, argv)
