"""The pages name only what exists, and every command and example of the README runs as written."""

import json
import os
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
import trimesh

from dataset_scripts.prepare import make_parser as make_prepare_parser
from modeling_crossmost.__main__ import COMMANDS
from modeling_crossmost.training.arguments import TrainParser


ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
PAGES = [
    *(README, ROOT / "CONTRIBUTING.md", ROOT / "dataset_scripts" / "README.md", ROOT / "space_app" / "README.md"),
    *sorted((ROOT / "modeling_crossmost").glob("*/README.md")),
]
TEXT = "\n".join(page.read_text() for page in PAGES)
# Beginnings of commands of the README that no test runs as they stand, and why.
EXCEPTED = {
    "make quickstart": "takes 11 minutes; its method is trained for some steps in test_train.py",
    "make modelnet10": "needs ModelNet10 and 10 minutes",
    "pip install": "changes the environment; test_extras.py holds what each extra is for",
    "crossmost-prepare modelnet40": "needs the archive; test_archives.py reads an imitation of it",
    "accelerate launch train.py recipes/paper.yaml": "needs the prepared archive and a GPU",
    "accelerate launch train.py [RECIPE.yaml]": "is a synopsis",
    "crossmost space": "serves until it is stopped; test_space.py visits it",
    "crossmost push": "needs an account; test_hub.py uploads to a local server",
    "crossmost export": "takes a minute; test_export.py compares the files",
    "crossmost convert": "needs an official file; test_convert.py makes one",
}
EXCEPTED_EXAMPLES = ("your-name/",)  # Python that needs a repository of the reader's


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README.read_text(), re.S)


def commands() -> list[str]:
    lines = "\n".join(blocks("bash")).replace("\\\n", " ").splitlines()
    return [" ".join(line.split("  #")[0].split()) for line in lines if line.strip()]


def is_excepted(command: str) -> bool:
    return any(command.startswith(beginning) for beginning in EXCEPTED)


@pytest.fixture(scope="module")
def workspace(tmp_path_factory) -> Path:
    """A folder as the README supposes it: the repository's files, the reader's meshes, results of a quick start."""
    folder = tmp_path_factory.mktemp("reader")
    for name in ("train.py", "modeling_crossmost", "dataset_scripts", "assets", "recipes", "space_app"):
        (folder / name).symlink_to(ROOT / name)
    for name in ("chair.glb", "bed.glb", "scan.ply", "a.off"):
        trimesh.creation.box((1.0, 0.4, 2.0)).export(folder / name)
    for name in ("chair", "table", "night_stand"):
        (folder / "my_meshes" / name).mkdir(parents=True)
        for number in range(12):
            trimesh.creation.box((1.0, 0.1 + number, 2.0)).export(folder / "my_meshes" / name / f"{number}.off")
    columns = {"image": 60.0, "image_star": 67.0, "point": 65.0, "fused": 72.0}
    for method in ("baseline", "crossmost"):
        run = folder / "outputs" / "quickstart" / method
        run.mkdir(parents=True)
        results = {"method": method, "dataset": "furniture", "split": "test", "num_objects": 1000, "zero_shot": columns}
        (run / "results.json").write_text(json.dumps({**results, "teacher": columns, "student": columns}))
    return folder


def run(command: list[str] | str, folder: Path, **options) -> None:
    scripts = str(Path(sys.executable).parent)  # of the environment that runs the tests
    environment = {**os.environ, "PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}", "OMP_NUM_THREADS": "1"}
    environment |= {"ACCELERATE_USE_CPU": "true", "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False, **options)
    assert done.returncode == 0, f"{command}\n{done.stdout[-2000:]}{done.stderr[-2000:]}"


@pytest.mark.parametrize("command", [command for command in commands() if not is_excepted(command)])
def test_commands_run_as_written(command, workspace):
    run(command, workspace, shell=True)


@pytest.mark.parametrize("beginning", EXCEPTED)
def test_exceptions_are_commands_of_the_readme(beginning):
    assert any(command.startswith(beginning) for command in commands())


@pytest.mark.parametrize("number", range(len(blocks("python"))))
def test_examples_run_as_written(number, workspace):
    example = blocks("python")[number]
    if any(sign in example for sign in EXCEPTED_EXAMPLES):
        compile(example, "README.md", "exec")
    else:
        run([sys.executable, "-c", example], workspace)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_and_paths_exist(page):
    text = page.read_text()
    linked = re.findall(r"\]\((?!https?:|#)([^)#]+)\)", text)
    quoted = re.findall(r"`((?:modeling_crossmost|dataset_scripts|tests|recipes|assets|benchmarks)/[\w./-]*)`", text)
    missing = [name for name in linked if not (page.parent / name).exists()]
    missing += [name for name in quoted if not (ROOT / name).exists()]
    assert missing == []


def test_the_readme_is_short_and_its_contents_lead_somewhere():
    text = README.read_text()
    assert text.count("\n") <= 250
    headings = {
        re.sub(r"[^\w -]", "", line[3:]).lower().replace(" ", "-") for line in re.findall(r"^## .*$", text, re.M)
    }
    assert set(re.findall(r"\]\(#([^)]+)\)", text)) == headings


def test_make_targets_exist():
    makefile = (ROOT / "Makefile").read_text()
    for target in set(re.findall(r"`?make ([a-z0-9-]+)", TEXT)):
        assert re.search(rf"^{re.escape(target)}:", makefile, re.M), target


def test_every_option_belongs_to_a_command():
    parsers = [import_module(f"modeling_crossmost.commands.{name}").make_parser() for name in COMMANDS]
    known = {
        option for parser in (*parsers, make_prepare_parser(), TrainParser()) for option in parser.format_help().split()
    }
    known = {option.strip("[],").replace("-", "_") for option in known if option.lstrip("[").startswith("--")}
    # Options of accelerate and torch.distributed.run.
    known |= {
        "__config_file",
        "__num_processes",
        "__cpu",
        "__mixed_precision",
        "__dynamo_backend",
        "__standalone",
        "__nproc_per_node",
    }
    named = {f"__{name}".replace("-", "_") for name in re.findall(r"(?<![\w-])--([a-z][\w-]*[a-z0-9])", TEXT)}
    families = ("__strong", "__ema", "__field")  # "--strong_...", and the synopsis
    assert {name for name in named if name not in known and name not in families} == set()


@pytest.mark.parametrize("page", PAGES[1:], ids=lambda page: str(page.relative_to(ROOT)))
def test_examples_of_the_other_pages_compile(page):
    for example in re.findall(r"```python\n(.*?)```", page.read_text(), re.S):
        compile(example, str(page), "exec")
