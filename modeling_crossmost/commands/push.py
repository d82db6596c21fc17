"""`crossmost push KIND FOLDER REPO_ID`: uploads a model, a data set or the Space to the Hub.

An upload is one commit: the repository gets all files or none, and the same command again sends only what is missing.
"""

import argparse
from collections.abc import Sequence

from ..utils.command_line import Parser, run_command


def make_parser() -> Parser:
    """Return the command's options."""
    parser = Parser(
        "crossmost push",
        "Uploads a model with its processor, code and card, a prepared data set, or the Space; prints the address.",
        "crossmost push model outputs/quickstart/crossmost your-name/crossmost-furniture",
    )
    parser.add_argument("kind", choices=("model", "dataset", "space"), help="what the folder holds")
    parser.add_argument("folder", help="a run's or saved model's folder, a prepared data set, space_app")
    parser.add_argument("repo_id", help="repository: your-name/some-name")
    parser.add_argument("--private", action="store_true", default=None, help="make a new repository private")
    return parser


def run(arguments: argparse.Namespace) -> None:
    """Upload the folder.

    Raises:
        ValueError: an upload that cannot be made.
    """
    from ..hub.push import HubError, check_repo_id, push_dataset, push_model, push_space

    push = {"model": push_model, "dataset": push_dataset, "space": push_space}[arguments.kind]
    check_repo_id(arguments.repo_id)
    try:
        print(push(arguments.folder, arguments.repo_id, arguments.private))
    except HubError as error:
        raise ValueError(f"{error}.") from error


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    return run_command(make_parser(), run, argv)
