"""What all commands share: one door, options with an example, one sentence for errors, exit codes, atomic files."""

import argparse
import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from dataset_scripts.prepare import make_parser as make_prepare_parser
from modeling_crossmost.__main__ import COMMANDS, main
from modeling_crossmost.training.arguments import TrainParser
from modeling_crossmost.training.mini import make_parser as make_mini_parser
from modeling_crossmost.utils.atomic import atomic_file, atomic_files, atomic_folder, new_folder, write_text
from modeling_crossmost.utils.command_line import Parser, UsageError, exit_code, first_line, one_line, run_command


ROOT = Path(__file__).parent.parent
PARSERS = {name: import_module(f"modeling_crossmost.commands.{name}").make_parser for name in COMMANDS}
PARSERS |= {"prepare": make_prepare_parser, "mini": make_mini_parser, "train": TrainParser}


# ---------------------------------------------------------------------------------------------------------- one door


def test_the_door_names_every_command(capsys):
    assert main([]) == main(["--help"]) == 0
    help_text = capsys.readouterr().out
    assert all(help_text.count(f"\n  {name} ") == 2 for name in COMMANDS)
    assert {path.stem for path in (ROOT / "modeling_crossmost" / "commands").glob("[a-z]*.py")} == set(COMMANDS)
    assert main(["dance"]) == 2
    assert capsys.readouterr().err.startswith("error: crossmost has no command 'dance': choose one of classify,")


@pytest.mark.parametrize("name", PARSERS)
def test_every_help_has_an_example_that_parses(name, capsys):
    parser = PARSERS[name]()
    with pytest.raises(SystemExit) as caught:
        parser.parse_args(["--help"])
    assert caught.value.code == 0
    example = capsys.readouterr().out.split("\nexample:\n  ")[1].strip()
    assert name in example or name == "mini"


@pytest.mark.parametrize("module", ["modeling_crossmost", "dataset_scripts", "dataset_scripts.prepare"])
def test_modules_are_commands_and_their_help_needs_no_torch(module):
    arguments = ["classify", "--help"] if module == "modeling_crossmost" else ["--help"]
    command = [sys.executable, "-X", "importtime", "-m", module, *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0 and "\nexample:\n" in done.stdout
    loaded = {line.split("|")[-1].strip() for line in done.stderr.splitlines()}
    assert not {"torch", "transformers", "datasets", "trimesh"} & loaded


def test_the_scripts_are_those_that_the_surface_names():
    import tomllib

    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    assert set(scripts) == {"crossmost", "crossmost-prepare"}
    for place in scripts.values():
        module, function = place.split(":")
        assert callable(getattr(import_module(module), function))


# -------------------------------------------------------------------------------------------------------- exit codes


def fail(error: BaseException):
    def work(arguments: argparse.Namespace | None = None) -> None:
        raise error

    return work


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (ValueError("this is\n  wrong."), 2, "error: this is wrong.\n"),
        (FileNotFoundError(2, "No such file", "x"), 2, "error: [Errno 2] No such file: 'x'\n"),
        (ModuleNotFoundError("No module named 'gradio'", name="gradio"), 2, "error: gradio is not installed: pip install 'crossmost[space]'\n"),
        (ValueError(), 2, "error: ValueError\n"),
        (ValueError("Caught in worker 0.\nTraceback (most recent call last):\n  x\nValueError: the view: torn."), 2, "error: the view: torn.\n"),
        (KeyboardInterrupt(), 130, ""),
    ],
)  # fmt: skip
def test_errors_are_one_sentence_and_an_exit_code(capsys, monkeypatch, error, code, said):
    monkeypatch.delenv("CROSSMOST_TRACEBACK", raising=False)
    assert exit_code(fail(error)) == code
    assert capsys.readouterr().err == said


def test_the_traceback_is_there_for_those_who_want_it(monkeypatch):
    monkeypatch.setenv("CROSSMOST_TRACEBACK", "1")
    with pytest.raises(ValueError, match="wrong"):
        run_command(Parser("x", "Does x.", "x"), fail(ValueError("wrong")), [])


def test_options_are_told_in_one_sentence_too(capsys):
    parser = Parser("crossmost x", "Does x.", "crossmost x --number 3")
    parser.add_argument("--number", type=int)
    with pytest.raises(UsageError, match="invalid int value: 'three'; see crossmost x --help."):
        parser.parse_args(["--number", "three"])
    assert run_command(parser, lambda arguments: arguments.number, ["--number", "1"]) == 1
    assert run_command(parser, lambda arguments: None, ["--num", "1"]) == 2, "no abbreviations"
    assert capsys.readouterr().err == "error: unrecognized arguments: --num 1; see crossmost x --help.\n"


def test_lines_of_an_exception():
    error = OSError("It is broken.\nHere is a page of advice.")
    assert first_line(error) == "It is broken" and one_line(error) == "It is broken. Here is a page of advice."
    assert first_line(KeyError()) == one_line(KeyError()) == "KeyError"


# ------------------------------------------------------------------------------------------------------ atomic files


def contents(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("make", [atomic_file, atomic_folder, atomic_files, new_folder])
def test_a_failure_leaves_what_was_there(tmp_path, make):
    folder = tmp_path / "place"
    if make is not new_folder:
        folder.mkdir()
        (folder / "old").write_text("old")
    target = folder / "file" if make is atomic_file else folder
    before = contents(tmp_path)
    with pytest.raises(RuntimeError), make(target) as temporary:
        (temporary if make is atomic_file else temporary / "new").write_text("new")
        raise RuntimeError
    assert contents(tmp_path) == before and list(tmp_path.rglob(".*")) == []


def test_what_is_written_takes_its_place(tmp_path):
    write_text(tmp_path / "file", "one\n")
    write_text(tmp_path / "file", "two\n")
    with atomic_folder(tmp_path / "folder") as folder:
        (folder / "first").write_text("1")
    with atomic_files(tmp_path / "folder") as folder:
        (folder / "deep").mkdir()
        (folder / "deep" / "second").write_text("2")
    assert contents(tmp_path) == {"file": "two\n", "folder/first": "1", f"folder{os.sep}deep{os.sep}second": "2"}
    with atomic_folder(tmp_path / "folder") as folder:
        (folder / "third").write_text("3")
    assert contents(tmp_path) == {"file": "two\n", "folder/third": "3"}


def test_a_new_folder_never_replaces_what_others_wrote(tmp_path):
    (tmp_path / "empty").mkdir()
    with new_folder(tmp_path / "empty") as folder:
        (folder / "a").write_text("a")
    for taken in (tmp_path / "empty", tmp_path / "empty" / "a"):
        with pytest.raises(ValueError, match="already exists: name a new folder"), new_folder(taken):
            pass
    with (
        pytest.raises(ValueError, match=r"cannot be written \(Not a directory\)"),
        new_folder(tmp_path / "empty" / "a" / "b"),
    ):
        pass

    def come_late() -> None:
        with new_folder(tmp_path / "late"):
            (tmp_path / "late").mkdir()
            write_text(tmp_path / "late" / "theirs", "theirs")

    with pytest.raises(ValueError, match="already exists"):
        come_late()
    assert contents(tmp_path) == {"empty/a": "a", "late/theirs": "theirs"}
