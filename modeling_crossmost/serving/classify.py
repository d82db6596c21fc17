"""Command line: `python -m modeling_crossmost.serving.classify FILE [FILE ...]` says what meshes and clouds are.

Exit code 0 when every file was classified, 1 when one was not, 2 with one sentence on standard error for unusable
arguments or an unusable model. Each file is read in a sandbox: see `sandbox.py` for what it may cost. What a file
refers to (materials, textures, buffers) is not read; export one .glb file to have it all.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NoReturn

from ..geometry_crossmost import FILE_AXES
from .sandbox import MAX_VIEWS, Limits, Sandbox, SandboxError, display_name


if TYPE_CHECKING:
    from .classifier import Classification, Classifier


# From so many files on, and where the results go elsewhere, a bar on standard error shows how far it is.
_LONG_LIST = 20

# Letters of a file's and of a class's name in the table.
_FILE_WIDTH, _CLASS_WIDTH = 40, 30

INTERRUPTED = 130


class _OneSentenceParser(argparse.ArgumentParser):
    """argparse prints its usage with every error; one sentence is enough."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"error: {message}\n")


def parse_arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The options; ends the process with exit code 2 where they are unusable."""
    parser = _OneSentenceParser(
        "python -m modeling_crossmost.serving.classify",
        description="Says what meshes and clouds are.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "files", metavar="FILE", nargs="+", help="glb gltf obj off ply stl xyz npy pcd; after -- if - first"
    )
    parser.add_argument("--model", metavar="ID", help="Hub id or folder (the bundled assets/crossmost-mini)")
    parser.add_argument("--classes", metavar='"A,B,C"', help="what to choose from, free text (the model's classes)")
    parser.add_argument(
        "--up-axis", choices=FILE_AXES, default="y", help="axis that points up in the files (y); =-y: down"
    )
    parser.add_argument("--views", metavar="N", type=int, help="views per object, 0: cloud alone (12)")
    parser.add_argument("--no-cloud", action="store_true", help="look at the views alone")
    parser.add_argument("--top-k", metavar="K", type=int, default=3, help="classes per list (3)")
    parser.add_argument("--max-size", metavar="MB", type=float, default=25.0, help="largest file that is read (25)")
    parser.add_argument("--json", action="store_true", help="one line of JSON per file")
    arguments = parser.parse_args(argv)
    if arguments.views is not None and not 0 <= arguments.views <= MAX_VIEWS:
        parser.error(f"--views must lie between 0 and {MAX_VIEWS}, got {arguments.views}.")
    if arguments.no_cloud and arguments.views == 0:
        parser.error("--no-cloud and --views 0 leave nothing to look at: drop one of them.")
    if arguments.top_k < 1:
        parser.error(f"--top-k must be at least 1, got {arguments.top_k}.")
    if not 0 < arguments.max_size <= 1024:
        parser.error(f"--max-size must be more than 0 and at most 1024 MB, got {arguments.max_size:g}.")
    if arguments.classes is not None:
        arguments.classes = [name.strip() for name in arguments.classes.split(",") if name.strip()]
    return arguments


def run(arguments: argparse.Namespace) -> int:
    """Classifies the files and prints the results as they come; returns the exit code, 0 or 1.

    Raises:
        ValueError: unusable class names or model.
        SandboxError: no process can be started to read the files in.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    processes = max(1, min(cores // 2, len(arguments.files), 8))
    # The sandbox's children import their libraries beside the seconds that torch and transformers take here.
    with Sandbox(Limits(max_bytes=round(arguments.max_size * (1 << 20))), processes) as sandbox:
        classifier = load_classifier(arguments.model, sandbox)
        results = _with_progress(
            classifier.stream(
                arguments.files,
                class_names=arguments.classes,
                up_axis=arguments.up_axis,
                num_views=arguments.views,
                use_cloud=not arguments.no_cloud,
            ),
            len(arguments.files),
        )
        if arguments.json:
            return int(print_lines(results, arguments.top_k))
        table = Table(arguments.files, arguments.classes or classifier.model.config.class_names, arguments.top_k)
        return int(table.print(results))


def load_classifier(name: str | None, sandbox: Sandbox) -> Classifier:
    """The classifier of `--model`, with the libraries' chatter turned off.

    Raises:
        ValueError: nothing loadable there.
    """
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    from transformers.utils import logging as transformers_logging

    from .classifier import Classifier

    transformers_logging.disable_progress_bar()
    return Classifier.from_pretrained(name, sandbox)


def _with_progress(results: Iterable[Classification], total: int) -> Iterable[Classification]:
    if total < _LONG_LIST or sys.stdout.isatty():  # on a terminal the results themselves show it
        return results
    from tqdm import tqdm

    return tqdm(results, total=total, unit=" files", desc="Classifying", mininterval=1.0, dynamic_ncols=True)


def print_lines(results: Iterable[Classification], top_k: int) -> bool:
    """Prints one line of JSON per result; returns whether a file failed."""
    failed = False
    for result in results:
        print(json.dumps(result.to_dict(top_k)), flush=True)
        failed |= result.error is not None
    return failed


class Table:
    """Results as text: up to `top_k` rows a file, `!` where image and point disagree.

    Args:
        files, class_names: all that can occur, which gives the columns their widths.
        top_k: rows per file.
    """

    def __init__(self, files: Sequence[str], class_names: Sequence[str], top_k: int):
        self.file_width = min(max(len(_shown(name)) for name in files), _FILE_WIDTH)
        self.class_width = min(max(len(_shown(name)) for name in class_names), _CLASS_WIDTH)
        self.top_k = top_k

    def print(self, results: Iterable[Classification]) -> bool:
        """Prints the results as they come; returns whether a file failed."""
        failed = disagreed = False
        names = "".join(f"{name:<{self.class_width + 8}}" for name in ("fused", "image", "point"))
        print(f"{'file':<{self.file_width}}    {names}seconds", flush=True)
        for result in results:
            failed |= result.error is not None
            disagreed |= result.disagrees
            print("\n".join(self.rows(result)), flush=True)
        if disagreed:
            print("! image and point disagree")
        return failed

    def rows(self, result: Classification) -> list[str]:
        """The lines of one result."""
        file = _shown(result.file)
        file = file if len(file) <= self.file_width else f"...{file[3 - self.file_width :]}"
        if result.error is not None:
            sentence = result.error.removeprefix(f"{display_name(result.file)}: ")
            return [f"{file:<{self.file_width}}    {sentence}"]
        rows = []
        for rank in range(min(self.top_k, len(result.fused))):
            first = rank == 0
            cells = "".join(self._cell(ranking, rank) for ranking in (result.fused, result.image, result.point))
            mark = "!" if first and result.disagrees else " "
            end = f"{result.seconds:7.2f}" if first else ""
            rows.append(f"{file if first else '':<{self.file_width}}  {mark} {cells}{end}".rstrip())
        if result.prepared is not None and result.prepared.left_out:
            rows.append(f"{'':<{self.file_width}}    without {', '.join(result.prepared.left_out)}")
        return rows

    def _cell(self, ranking: list[tuple[str, float]], rank: int) -> str:
        if rank >= len(ranking):
            return " " * (self.class_width + 8)
        name, probability = _shown(ranking[rank][0]), ranking[rank][1]
        name = name if len(name) <= self.class_width else f"{name[: self.class_width - 3]}..."
        return f"{name:<{self.class_width}} {probability:4.0%}   "


def _shown(name: str) -> str:
    """A name as a terminal can show it."""
    return "".join(letter if letter.isprintable() else "?" for letter in name)


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit code."""
    arguments = parse_arguments(argv)
    try:
        return run(arguments)
    except (ValueError, SandboxError) as error:
        if os.environ.get("CROSSMOST_TRACEBACK"):
            raise
        print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # whoever read the results has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


if __name__ == "__main__":
    sys.exit(main())
