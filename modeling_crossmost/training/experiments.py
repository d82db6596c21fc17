"""The paper's tables as sets of runs of `train.py`: which there are, running them, and what came out.

Every row is a run for each seed in a folder of its own, so that an interrupted table continues where it was: runs that
are complete stay, one that was cut resumes from its newest checkpoint.
"""

import csv
import io
import json
import os
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import Any, NamedTuple

from ..evaluation.plots import plot_rows
from ..evaluation.tables import COLUMNS, Row, markdown_table, read_results, spread
from ..utils.atomic import write_text
from ..utils.machine import available_cores
from .checkpoints import checkpoints_of


REPOSITORY = Path(__file__).parents[2]
OPTIONS_FILE = "options.json"  # of a run, beside what train.py writes
LOG_FILE = "run.log"  # of a run beside others
START = "start"  # folder of the model that all rows start from, where the table makes one


class Run(NamedTuple):
    """A run of `train.py`: what to call it, its folder, and its options but for that."""

    title: str
    folder: Path
    options: list[str]

    def results(self) -> dict[str, Any]:
        """Read what came out, and the commit of the code that made it."""
        known = json.loads((self.folder / OPTIONS_FILE).read_text(encoding="utf-8"))
        return read_results(self.folder) | {"commit": known["commit"]}


class Experiment(NamedTuple):
    """A table: what it shows, and the options of `train.py` that make each of its rows.

    `start`, a recipe first, makes the model that all rows start from where no option names one. `rows` may be several
    groups with the same names, each with options, and zero-shot accuracies, of its own.
    """

    title: str
    rows: dict[str, list[str]]
    groups: dict[str, list[str]] = {"": []}
    start: list[str] | None = None

    def runs(self) -> dict[str, list[str]]:
        """Return the options of every row of every group."""
        return {
            ", ".join(filter(None, (row, group))): [*ours, *theirs]
            for group, theirs in self.groups.items()
            for row, ours in self.rows.items()
        }


EXPERIMENTS = {
    "main": Experiment(
        "Table 1: zero-shot, self-training of each modality alone, Cross-MoST",
        {"baseline": ["--method", "baseline"], "Cross-MoST": []},
    ),
    "components": Experiment(
        "Tables 2 and 3: without parts of the method",
        {
            "Cross-MoST": [],
            "without alignment": ["--align", "false"],
            "without masked modeling": ["--masked_modeling", "false"],
            "own labels": ["--pseudo_label", "own"],
            "without alignment, own labels": ["--align", "false", "--pseudo_label", "own"],
            "point tower not pre-trained": ["--point_tower", "new"],
        },
    ),
    "labels": Experiment(
        "Table 4: whose pseudo-labels",
        {
            f"{name} labels": ["--pseudo_label", kind]
            for name, kind in (
                ("own", "own"),
                ("image", "image"),
                ("point", "point"),
                ("random", "random"),
                ("joint", "joint"),
                ("summed", "sum"),
            )
        },
    ),
    "views": Experiment(
        "Table 5: views of an object to draw from in training",
        {f"{count} view{'s'[: count > 1]}": ["--num_views", str(count)] for count in (1, 2, 4, 8)} | {"all views": []},
    ),
    "teacher": Experiment(
        "Views that the teacher labels an object from",
        {f"{count} view{'s'[: count > 1]}": ["--teacher_views", str(count)] for count in (1, 4, 12)},
    ),
    "classes": Experiment(
        "Table 7: classes that the point tower's pre-training did not have",
        {"baseline": ["--method", "baseline"], "Cross-MoST": []},
        {
            "all classes": [],
            "medium classes": ["--dataset_config", "medium"],
            "hard classes": ["--dataset_config", "hard"],
        },
        # The bundled checkpoint's image and text towers know all classes, as CLIP does.
        ["recipes/mini_ulip.yaml", "--dataset_config", "seen", "--point_tower", "new", "--num_train_epochs", "24"],
    ),
}


def run_experiment(
    name: str, output: Path, seeds: Sequence[int], options: Sequence[str], launch: str, jobs: int = 1
) -> Path:
    """Make all runs of a table that are not there yet, and write the table.

    Args:
        name: one of `EXPERIMENTS`.
        output: its folder.
        seeds: of every row.
        options: of `train.py` for all rows; those of a row win over them.
        launch: the command that starts a Python script, words separated by spaces.
        jobs: runs at a time. Where there are several, each writes to `run.log` in its folder.

    Returns:
        The Markdown file; a CSV of all runs, a JSON and a picture are beside it.

    Raises:
        ValueError: no `train.py` beside the package, a run that failed, or a folder of runs with other options.
    """
    experiment = EXPERIMENTS[name]
    script = REPOSITORY / "train.py"
    if not script.is_file():
        raise ValueError(f"{script} does not exist: tables are made from a checkout of the repository.")
    command = [*shlex.split(launch), str(script)]
    # A table shows what training does, also where it does harm and a run by itself would keep the start.
    shared = [*options, *([] if "--select" in options else ["--select", "last"])]
    if experiment.start is not None and "--model_name_or_path" not in options:
        recipe, *others = experiment.start
        start = Run("what all rows start from", output / START, [str(REPOSITORY / recipe), *others])
        _make_runs([start], command, 1)
        shared += ["--model_name_or_path", str(output / START)]
    rows: dict[str, list[Run]] = {}
    for row, own in experiment.runs().items():
        folder = output / row.replace(",", "").replace(" ", "_")
        rows[row] = [
            Run(f"{row}, seed {seed}", folder / f"seed_{seed}", [*shared, *own, "--seed", str(seed)]) for seed in seeds
        ]
    _make_runs([run for runs in rows.values() for run in runs], command, jobs)
    results = {row: [run.results() for run in runs] for row, runs in rows.items()}
    return write_table(output, experiment.title, results, list(options))


def _make_runs(runs: Sequence[Run], command: list[str], jobs: int) -> None:
    """Make the runs that are not there yet, `jobs` at a time; after one that failed no other begins.

    Raises:
        ValueError: a run that failed.
    """
    failed = Event()

    def make(count: int, run: Run) -> None:
        if failed.is_set():
            return
        sys.stderr.write(f"[{count}/{len(runs)}] {run.title}: {run.folder}\n")
        try:
            _make_run(run.folder, run.options, command, jobs)
        except BaseException:
            failed.set()
            raise

    with ThreadPoolExecutor(jobs) as pool:
        futures = [pool.submit(make, count, run) for count, run in enumerate(runs, start=1)]
    for future in futures:
        future.result()


def _make_run(folder: Path, options: list[str], command: list[str], jobs: int) -> None:
    """Make one run, unless it is complete; see [`run_experiment`]."""
    known = folder / OPTIONS_FILE
    if known.is_file() and json.loads(known.read_text(encoding="utf-8"))["options"] != options:
        raise ValueError(f"{folder} holds a run with other options: choose another --output, or remove it.")
    if (folder / "results.json").is_file() and known.is_file():
        return
    write_text(known, json.dumps({"options": options, "commit": commit_of(REPOSITORY)}))
    flags = [*options, "--output_dir", str(folder)]
    if "--checkpointing_steps" not in flags:
        flags += ["--checkpointing_steps", "epoch"]
    if checkpoints_of(folder):
        flags += ["--resume_from_checkpoint", "latest"]
    if jobs == 1:
        code, where = subprocess.run([*command, *flags], check=False).returncode, "above"
    else:
        # Of the cores each gets its share; whoever sets the variable knows better.
        environment = {"OMP_NUM_THREADS": str(max(1, available_cores() // jobs))} | os.environ
        with open(folder / LOG_FILE, "a", encoding="utf-8") as log:
            done = subprocess.run([*command, *flags], check=False, stdout=log, stderr=log, env=environment)
        code, where = done.returncode, str(folder / LOG_FILE)
    if code != 0 or not (folder / "results.json").is_file():
        raise ValueError(f"the run in {folder} ended with exit code {code}, see {where}: the same command continues.")


def spread_rows(runs: Mapping[str, Sequence[Mapping[str, Any]]]) -> dict[str, Row]:
    """Return the rows of a table, means and sample standard deviations over the runs of each.

    Zero-shot comes first, or where the runs are groups on several data sets, first in each.

    Args:
        runs: row -> contents of its `results.json` files.
    """
    rows: dict[str, Row] = {}
    several = len({_data_of(run) for same in runs.values() for run in same}) > 1
    known = set()
    for name, same in runs.items():
        if same and _data_of(same[0]) not in known:
            known.add(_data_of(same[0]))
            title = f"zero-shot, {name.rpartition(', ')[2]}" if several else "zero-shot"
            rows[title] = dict(same[0].get("zero_shot") or {})
        teachers = [run.get("teacher") or {} for run in same]
        rows[name] = {column: spread([teacher.get(column) for teacher in teachers]) for column in COLUMNS}
    return rows


def _data_of(run: Mapping[str, Any]) -> tuple[Any, ...]:
    """Say what a run was measured on."""
    return run.get("dataset"), run.get("dataset_config"), run.get("split"), run.get("num_objects")


def write_table(
    folder: Path, title: str, runs: Mapping[str, Sequence[Mapping[str, Any]]], options: Sequence[str]
) -> Path:
    """Write `table.md`, `table.csv` (a line for each run), `table.json` and `table.png`; return the first.

    Args:
        folder: where to.
        title: of the table.
        runs: row -> contents of its `results.json` files.
        options: of `train.py` that all rows share.
    """
    rows = spread_rows(runs)
    every = [(name, run) for name, same in runs.items() for run in same]
    first = every[0][1]
    measured = ", ".join(dict.fromkeys(str(run.get("num_objects")) for _, run in every))
    seconds = sum(run.get("wall_seconds") or 0.0 for _, run in every)
    commits = sorted({run.get("commit") or "of an unknown commit" for _, run in every})
    facts = [
        f"{Path(str(first.get('dataset'))).name}, split {first.get('split')}, {measured} objects, "
        f"seeds {', '.join(sorted({str(run.get('seed')) for _, run in every}))}; top-1 in percent of the teacher.",
        f"{len(every)} runs took {seconds / 60:.0f} minutes; code {', '.join(commits)}; options of "
        f"train.py: `{shlex.join(options) or 'none'}`.",
    ]
    write_text(
        folder / "table.md", "\n\n".join([f"## {title}", markdown_table(rows, bold="zero-shot" in rows), *facts]) + "\n"
    )
    write_text(folder / "table.csv", _csv(every))
    content = {"title": title, "rows": runs, "options": list(options), "wall_seconds": seconds}
    write_text(folder / "table.json", json.dumps(content, indent=2) + "\n")
    plot_rows(rows, title, folder / "table.png")
    return folder / "table.md"


def _csv(every: Sequence[tuple[str, Mapping[str, Any]]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["row", "seed", *(f"{part}_{column}" for part in ("zero_shot", "teacher") for column in COLUMNS)])
    for name, run in every:
        values = [(run.get(part) or {}).get(column) for part in ("zero_shot", "teacher") for column in COLUMNS]
        writer.writerow([name, run.get("seed"), *values])
    return text.getvalue()


def commit_of(folder: Path) -> str | None:
    """Return the commit of a checkout, with "-dirty" where files differ from it; `None` where git does not say."""
    command = ["git", "-C", str(folder), "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip() or None
