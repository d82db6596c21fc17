"""`crossmost classify FILE [FILE ...]`: says what meshes and point clouds are.

Exit code 0 when every file was classified, 1 when one was not. Each file is read in a sandbox: see `serving/sandbox.py`
for what it may cost. What a file refers to (materials, textures, buffers) is not read; export one .glb to have it all.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import textwrap
import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..files_crossmost import FILE_TYPES
from ..geometry_crossmost import FILE_AXES
from ..serving.sandbox import MAX_VIEWS, Limits, Sandbox, SandboxError, display_name
from ..utils.command_line import ERRORS, FAILED, Parser, UsageError, colors_are_shown, comma_separated, run_command
from ..utils.machine import available_cores


if TYPE_CHECKING:
    from ..serving.classifier import Classification, Classifier, Ranking


# From so many files on, and where the results go elsewhere, a bar on standard error shows how far it is.
_LONG_LIST = 20

# Columns of the terminal that the table's parts take at most, and at least where the terminal is narrow.
_FILE_WIDTHS, _CLASS_WIDTHS = (12, 40), (8, 30)
_BEFORE, _PERCENT, _SECONDS = 4, 7, 7  # around and beside them: the mark, " 100%  ", the last column

_BOLD, _DIM, _RED, _YELLOW = "1", "2", "31", "1;33"


def make_parser() -> Parser:
    """Return the command's options."""
    parser = Parser(
        "crossmost classify",
        "Says what meshes and point clouds are.",
        'crossmost classify chair.glb scan.ply --classes "a chair, something to sleep on"',
    )
    parser.add_argument("files", metavar="FILE", nargs="+", help=f"{' '.join(FILE_TYPES)}; after -- if - first")
    parser.add_argument("--model", metavar="ID", help="Hub id or folder (the bundled assets/crossmost-mini)")
    parser.add_argument(
        "--classes",
        metavar='"A,B,C"',
        help="what to choose from, free text, or a file with one class a line (the model's classes)",
    )
    parser.add_argument(
        "--up-axis", choices=FILE_AXES, default="y", help="axis that points up in the files (y); =-y: down"
    )
    parser.add_argument("--views", metavar="N", type=int, help="views per object, 0: cloud alone (12)")
    parser.add_argument("--no-cloud", action="store_true", help="look at the views alone")
    parser.add_argument("--top-k", metavar="K", type=int, default=3, help="classes per list (3)")
    parser.add_argument("--max-size", metavar="MB", type=float, default=25.0, help="largest file that is read (25)")
    parser.add_argument("--json", action="store_true", help="one line of JSON per file")
    return parser


def check(arguments: argparse.Namespace) -> None:
    """Raise UsageError for options that are out of range."""
    if arguments.views is not None and not 0 <= arguments.views <= MAX_VIEWS:
        raise UsageError(f"--views must lie between 0 and {MAX_VIEWS}, got {arguments.views}.")
    if arguments.no_cloud and arguments.views == 0:
        raise UsageError("--no-cloud and --views 0 leave nothing to look at: drop one of them.")
    if arguments.top_k < 1:
        raise UsageError(f"--top-k must be at least 1, got {arguments.top_k}.")
    if not 0 < arguments.max_size <= 1024:
        raise UsageError(f"--max-size must be more than 0 and at most 1024 MB, got {arguments.max_size:g}.")


def class_names(given: str) -> list[str]:
    """Return what `--classes` names: "a, b, c", or the lines of a file.

    Raises:
        UsageError: there is no such file, or it is no text.
    """
    if not os.path.isfile(given) and ("," in given or not given.endswith(".txt")):
        return comma_separated(given)
    try:
        lines = Path(given).read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no UTF-8 text"
        raise UsageError(
            f"--classes {given} cannot be read ({reason}): give a text file with one class a line."
        ) from None
    return [line.strip() for line in lines if line.strip()]


def run(arguments: argparse.Namespace) -> int:
    """Classify the files and print the results as they come; return the exit code.

    Raises:
        ValueError: unusable options, class names or model.
        SandboxError: no process can be started to read the files in.
    """
    check(arguments)
    names = None if arguments.classes is None else class_names(arguments.classes)
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    processes = max(1, min(available_cores() // 2, len(arguments.files), 8))
    # The sandbox's children import their libraries beside the seconds that torch and transformers take here.
    with Sandbox(Limits(max_bytes=round(arguments.max_size * (1 << 20))), processes) as sandbox:
        from ..serving.classifier import Classifier

        classifier = Classifier.from_pretrained(arguments.model, sandbox)
        results = _with_progress(
            classifier.stream(
                arguments.files,
                class_names=names,
                up_axis=arguments.up_axis,
                num_views=arguments.views,
                use_cloud=not arguments.no_cloud,
            ),
            len(arguments.files),
        )
        if arguments.json:
            return print_lines(results, arguments.top_k)
        names = names or classifier.model.config.class_names
        print(header(arguments, classifier, len(names)), end="\n\n", flush=True)
        width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
        return Table(arguments.files, names, arguments.top_k, colors_are_shown(), width).print(results)


def header(arguments: argparse.Namespace, classifier: Classifier, num_classes: int) -> str:
    """One line: which model chooses from how many classes, and what it looks at."""
    default = classifier.model.config.default_views
    views = default if arguments.views is None else arguments.views if default else 0
    seen = [*([] if arguments.no_cloud else ["the cloud"]), *([f"{views} view{'s' * (views != 1)}"] if views else [])]
    name = arguments.model or "crossmost-mini, the bundled model"
    return _shown(f"{name}: {num_classes} classes; looks at {' and '.join(seen)}")


def _with_progress(results: Iterable[Classification], total: int) -> Iterable[Classification]:
    if total < _LONG_LIST or sys.stdout.isatty():  # on a terminal the results themselves show it
        return results
    from tqdm import tqdm

    return tqdm(results, total=total, unit=" files", desc="Classifying", mininterval=1.0, dynamic_ncols=True)


def print_lines(results: Iterable[Classification], top_k: int) -> int:
    """Print one line of JSON per result; return the exit code."""
    code = 0
    for result in results:
        print(json.dumps(result.to_dict(top_k)), flush=True)
        code = code if result.error is None else FAILED
    return code


class Table:
    """Results as text: up to `top_k` rows a file, `!` where cloud and views disagree.

    Args:
        files, class_names: all that can occur, which gives the columns their widths.
        top_k: rows per file.
        colored: whether ANSI codes emphasize the answer.
        width: columns of the terminal; where it is narrow, long names are cut.
    """

    def __init__(
        self,
        files: Sequence[str],
        class_names: Sequence[str],
        top_k: int,
        colored: bool = False,
        width: int | None = None,
    ):
        self.top_k, self.colored, self.width = top_k, colored, width
        self.file_width = min(max(_columns(_shown(name)) for name in files), _FILE_WIDTHS[1])
        self.class_width = min(max(_columns(_shown(name)) for name in class_names), _CLASS_WIDTHS[1])
        if width is not None:
            room = width - _BEFORE - 3 * _PERCENT - _SECONDS  # of the file's name and of three classes'
            self.file_width = min(self.file_width, max(room - 3 * self.class_width, _FILE_WIDTHS[0]))
            self.class_width = min(self.class_width, max((room - self.file_width) // 3, _CLASS_WIDTHS[0]))

    def print(self, results: Iterable[Classification]) -> int:
        """Print the results as they come; return the exit code."""
        code, disagreed = 0, False
        titles = "".join(f"{name:<{self.class_width + _PERCENT}}" for name in ("fused", "image", "point"))
        print(self._paint(f"{'file':<{self.file_width + _BEFORE}}{titles}seconds", _DIM), flush=True)
        for result in results:
            code = code if result.error is None else FAILED
            disagreed |= result.disagrees
            print("\n".join(self.rows(result)), flush=True)
        if disagreed:
            mark = self._paint("!", _YELLOW)
            print(f"\n{mark} image and point disagree: does the object stand upright (--up-axis)?")
        return code

    def rows(self, result: Classification) -> list[str]:
        """Return the lines of one result."""
        file, indent = _fit(result.file, self.file_width, keep_end=True), " " * (self.file_width + _BEFORE)
        if result.error is not None:
            sentence = result.error.removeprefix(f"{display_name(result.file)}: ")
            return [f"{file}{' ' * _BEFORE}{self._paint(sentence, _RED)}"]
        rows = []
        for rank in range(min(self.top_k, len(result.fused))):
            cells = "".join(self._cell(ranking, rank) for ranking in (result.fused, result.image, result.point))
            if rank == 0:
                mark = self._paint("!", _YELLOW) if result.disagrees else " "
                rows.append(f"{file}  {mark} {self._paint(cells, _BOLD)}{result.seconds:{_SECONDS}.2f}")
            else:
                rows.append(f"{indent}{self._paint(cells.rstrip(), _DIM)}")
        return [*rows, *(self._paint(line, _DIM) for note in result.notes for line in self._wrapped(note, indent))]

    def _wrapped(self, note: str, indent: str) -> list[str]:
        """Return a note as lines that fit the terminal; elsewhere it is one line."""
        if self.width is None:
            return [f"{indent}{_shown(note)}"]
        start = indent if 2 * len(indent) <= self.width else " " * _BEFORE
        return textwrap.wrap(_shown(note), self.width, initial_indent=start, subsequent_indent=start)

    def _cell(self, ranking: Ranking, rank: int) -> str:
        if rank >= len(ranking):
            return " " * (self.class_width + _PERCENT)
        name, probability = ranking[rank]
        return f"{_fit(name, self.class_width)} {probability:4.0%}  "

    def _paint(self, text: str, style: str) -> str:
        return f"\033[{style}m{text}\033[0m" if self.colored else text


def _shown(name: str) -> str:
    """Return a name as a terminal can show it."""
    return "".join(letter if letter.isprintable() else "?" for letter in name)


def _columns(text: str) -> int:
    """Columns of a terminal that a text takes: two for a Chinese character, none for an accent of its own."""
    wide = sum(unicodedata.east_asian_width(letter) in "WF" for letter in text)
    return len(text) + wide - sum(unicodedata.combining(letter) > 0 for letter in text)


def _fit(name: str, width: int, keep_end: bool = False) -> str:
    """Return a name in just so many columns; of a long one the beginning is shown, or the end."""
    text = _shown(name)
    if _columns(text) > width:
        while _columns(text) > width - 3:
            text = text[1:] if keep_end else text[:-1]
        text = f"...{text}" if keep_end else f"{text}..."
    return text + " " * (width - _columns(text))


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    return run_command(make_parser(), run, argv, (*ERRORS, SandboxError))
