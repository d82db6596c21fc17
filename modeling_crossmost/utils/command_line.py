"""What all commands share: options with an example in their help, errors of one sentence, exit codes, colors."""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from typing import NoReturn

from .extras import missing_extra_sentence


ERRORS = (ValueError, OSError, ImportError)  # what is said in one sentence
FAILED, UNUSABLE, INTERRUPTED = 1, 2, 130  # exit codes: part of the work, the options or the input, Ctrl+C


class UsageError(ValueError):
    """An option that is unknown, missing or out of range."""


class Parser(argparse.ArgumentParser):
    """Options of one command.

    Args:
        command: how the command is called, such as "crossmost classify".
        description: what it does, one sentence.
        example: a complete call, shown below the options.
        options: further arguments of `argparse.ArgumentParser`.
    """

    def __init__(self, command: str, description: str, example: str, **options):
        options.setdefault("formatter_class", argparse.RawDescriptionHelpFormatter)
        super().__init__(
            command, description=description, epilog=f"example:\n  {example}", allow_abbrev=False, **options
        )

    def error(self, message: str) -> NoReturn:
        """Raise instead of printing the usage: one sentence is enough.

        Raises:
            UsageError: always.
        """
        raise UsageError(f"{message.rstrip('.')}; see {self.prog} --help.")


def one_line(error: BaseException) -> str:
    """Return what an exception says, as one line: what to install for a missing extra, its type if it says nothing."""
    sentence = missing_extra_sentence(error) if isinstance(error, ModuleNotFoundError) else None
    text = str(error).strip()
    if "Traceback (most recent call last):" in text:  # a worker process passes its own on; the message ends it
        text = text.splitlines()[-1].partition(": ")[2]
    return sentence or " ".join(text.split()) or type(error).__name__


def first_line(error: BaseException) -> str:
    """Return the first line of what an exception of a library says, without its full stop, for quoting."""
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(".") if lines else type(error).__name__


def colors_are_shown() -> bool:
    """Whether standard output is a terminal that may be colored: https://no-color.org."""
    return sys.stdout.isatty() and "NO_COLOR" not in os.environ


def comma_separated(text: str) -> list[str]:
    """Type of an option that takes "a, b, c"."""
    return [part.strip() for part in text.split(",") if part.strip()]


def run_command(
    parser: Parser,
    run: Callable[[argparse.Namespace], int | None],
    argv: Sequence[str] | None = None,
    errors: tuple[type[Exception], ...] = ERRORS,
) -> int:
    """Parse the options and run a command; return the exit code.

    Args:
        parser: the command's options.
        run: the command; returns its exit code, None for 0.
        argv: the options, by default those of the process.
        errors: as of `exit_code`.
    """
    return exit_code(lambda: run(parser.parse_args(argv)), errors)


def exit_code(work: Callable[[], int | None], errors: tuple[type[Exception], ...] = ERRORS) -> int:
    """Run a program; return its exit code.

    Args:
        work: the program; returns its exit code, None for 0.
        errors: what is said in one sentence, with exit code 2; `CROSSMOST_TRACEBACK=1` shows the traceback instead.
    """
    try:
        return work() or 0
    except BrokenPipeError:  # whoever read the output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except errors as error:
        if os.environ.get("CROSSMOST_TRACEBACK"):
            raise
        sys.stderr.write(f"error: {one_line(error)}\n")
        return UNUSABLE
    except KeyboardInterrupt:
        return INTERRUPTED
