"""`crossmost COMMAND` or `python -m modeling_crossmost COMMAND`: one door to every command of the package."""

import sys
from collections.abc import Sequence
from importlib import import_module

from .utils.command_line import UNUSABLE


# Name of a module in `commands/` -> what it does. A command's libraries load only when it is called.
COMMANDS = {
    "classify": "say what meshes and point clouds are",
    "convert": "turn an official checkpoint into a save_pretrained folder",
    "export": "write ONNX and torch.export files of a model",
    "push": "upload a model, a data set or the Space to the Hub",
    "space": "serve the page where visitors upload a mesh",
    "table": "compare the results of several runs",
    "doctor": "show versions, devices, caches, and what is missing for which feature",
}
HELP = "\n".join(
    [
        "usage: crossmost COMMAND [options]     (crossmost COMMAND --help lists the options)",
        "",
        *(f"  {name:<10}{purpose}" for name, purpose in COMMANDS.items()),
        "",
        "Training is `accelerate launch train.py`, preparation of data `crossmost-prepare`.",
        "",
    ]
)


def main(argv: Sequence[str] | None = None) -> int:
    """Runs a command; returns its exit code, 2 with one sentence where there is no such command."""
    given = list(sys.argv[1:] if argv is None else argv)
    if not given or given[0] in ("-h", "--help", "help"):
        sys.stdout.write(HELP)
        return 0
    if given[0] not in COMMANDS:
        sys.stderr.write(f"error: crossmost has no command {given[0]!r}: choose one of {', '.join(COMMANDS)}.\n")
        return UNUSABLE
    return import_module(f".commands.{given[0]}", __package__).main(given[1:])


if __name__ == "__main__":
    sys.exit(main())
