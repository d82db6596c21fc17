"""The README names only files, options and commands that exist."""

import re
from importlib import import_module
from pathlib import Path

import pytest

from dataset_scripts.prepare import make_parser as make_prepare_parser
from modeling_crossmost.__main__ import COMMANDS
from modeling_crossmost.__main__ import main as crossmost
from modeling_crossmost.training.arguments import TrainParser


ROOT = Path(__file__).parent.parent
PAGES = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "dataset_scripts/README.md", "space_app/README.md")]
TEXT = "\n".join(page.read_text() for page in PAGES)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_and_paths_exist(page):
    text = page.read_text()
    linked = re.findall(r"\]\((?!https?:)([^)#]+)\)", text)
    quoted = re.findall(r"`((?:modeling_crossmost|dataset_scripts|tests|recipes|assets|benchmarks)/[\w./-]*)`", text)
    missing = [name for name in linked if not (page.parent / name).exists()]
    missing += [name for name in quoted if not (ROOT / name).exists()]
    assert missing == []


def test_make_targets_exist():
    makefile = (ROOT / "Makefile").read_text()
    for target in set(re.findall(r"`?make ([a-z0-9-]+)", TEXT)):
        assert re.search(rf"^{re.escape(target)}:", makefile, re.M), target


def test_every_option_belongs_to_a_command():
    parsers = [import_module(f"modeling_crossmost.commands.{name}").make_parser() for name in COMMANDS]
    known = {action.dest for parser in (*parsers, make_prepare_parser(), TrainParser()) for action in parser._actions}
    known |= {
        "num_processes",
        "cpu",
        "standalone",
        "nproc_per_node",
        "field",
        "strong",
        "ema",
    }  # of accelerate and torch.distributed.run
    named = {name.replace("-", "_") for name in re.findall(r"(?<![\w-])--([a-z][\w-]*[a-z0-9])", TEXT)}
    assert {name for name in named if name not in known} == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_python_examples_compile(page):
    for example in re.findall(r"```python\n(.*?)```", page.read_text(), re.S):
        compile(example, str(page), "exec")


def test_recipes_parse():
    from modeling_crossmost.training.arguments import parse_arguments

    recipes = sorted((ROOT / "recipes").glob("*.yaml"))
    assert recipes
    for recipe in recipes:
        parse_arguments([str(recipe)])


def test_the_commands_of_classify_run(tmp_path, monkeypatch, capsys):
    import shlex

    import trimesh

    monkeypatch.chdir(tmp_path)
    for name in ("chair.glb", "scan.ply", "a.off"):
        trimesh.creation.box().export(name)
    section = TEXT[TEXT.index("## Classify a file") : TEXT.index("## Space")]
    commands = re.findall(r"^crossmost (classify .*)$", section, re.M)
    assert len(commands) == 2
    for command in commands:
        assert crossmost([*shlex.split(command.replace("*.off", "a.off"))]) == 0
    (example,) = re.findall(r"```python\n(.*?)```", section, re.S)
    exec(example, {})
    assert capsys.readouterr().out.splitlines()[-1].startswith("scan.ply ('a ")
