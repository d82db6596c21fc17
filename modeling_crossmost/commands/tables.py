"""`crossmost tables NAME`: make the runs of one of the paper's tables, and the table."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from ..utils.command_line import Parser, UsageError, comma_separated, run_command


NAMES = ("main", "components", "labels", "views", "teacher", "classes")


def make_parser() -> Parser:
    """Return the command's options."""
    parser = Parser(
        "crossmost tables",
        "Make the missing runs of one of the paper's tables, and the table (Markdown, CSV, PNG). Options "
        "of train.py for all rows follow after --.",
        "crossmost tables labels --output outputs/labels --seeds 0,1,2 -- --dataset furniture --num_train_epochs 5",
    )
    parser.add_argument(
        "name",
        choices=NAMES,
        help="main (table 1), components (2 and 3), labels (4), views (5), teacher (views of the teacher), or classes "
        "(7: classes that the point tower was not pre-trained on)",
    )
    parser.add_argument("--output", required=True, type=Path, metavar="DIR", help="folder of the runs and the table")
    parser.add_argument("--seeds", default="0", metavar="S,S,...", help="seeds of every row (%(default)s)")
    parser.add_argument(
        "--launch", default=sys.executable, help="what starts train.py, such as 'accelerate launch --multi_gpu'"
    )
    parser.add_argument(
        "--jobs",
        type=int,
        default=1,
        metavar="N",
        help="runs at a time; small models are done sooner with a core each (%(default)s)",
    )
    return parser


def run(arguments: argparse.Namespace, options: Sequence[str]) -> None:
    """Make the runs, with `options` of train.py, and print the table."""
    from ..training.experiments import run_experiment

    seeds = comma_separated(arguments.seeds)
    if not seeds or not all(seed.isdecimal() for seed in seeds) or len(set(seeds)) < len(seeds):
        raise UsageError(f"--seeds takes different whole numbers such as 0,1,2, got {arguments.seeds!r}.")
    if arguments.jobs < 1:
        raise UsageError(f"--jobs takes a number of runs, at least 1, got {arguments.jobs}.")
    written = run_experiment(
        arguments.name, arguments.output, [int(seed) for seed in seeds], options, arguments.launch, arguments.jobs
    )
    print(written.read_text(encoding="utf-8"), f"wrote {written} (and .csv, .json, .png)", sep="\n")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    given = list(sys.argv[1:] if argv is None else argv)
    end = given.index("--") if "--" in given else len(given)  # argparse would not take options of another program
    return run_command(make_parser(), lambda arguments: run(arguments, given[end + 1 :]), given[:end])
