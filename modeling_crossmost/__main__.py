"""Entry point of all commands: `crossmost COMMAND` or `python -m modeling_crossmost COMMAND`."""

import sys
from collections.abc import Sequence
from importlib import import_module

from .utils.command_line import UNUSABLE


# Module in `commands/` -> one-line description. Modules are imported on demand, so that the help stays fast.
COMMANDS = {
    "classify": "classify meshes and point clouds",
    "convert": "convert an official checkpoint to a save_pretrained folder",
    "export": "export a model to ONNX and torch.export",
    "push": "upload a model, a dataset or the Space to the Hub",
    "space": "serve the web demo",
    "table": "compare the results of several runs",
    "tables": "make the runs of one of the paper's tables, and the table",
    "robustness": "measure a model on damaged clouds and few views",
    "doctor": "show versions, devices, caches, and which features lack a package",
}
HELP = "\n".join(
    [
        "usage: crossmost COMMAND [options]     (crossmost COMMAND --help lists the options)",
        "",
        *(f"  {name:<12}{purpose}" for name, purpose in COMMANDS.items()),
        "",
        "To train, run `accelerate launch train.py`; to prepare data, run `crossmost-prepare`.",
        "",
    ]
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code; an unknown command prints one sentence to stderr and returns 2."""
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
