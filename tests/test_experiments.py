"""The paper's tables: which runs they make, what they keep, and what they write."""

import csv
import json
import re
import sys

import pytest
import toy

from modeling_crossmost.__main__ import main
from modeling_crossmost.commands.tables import NAMES
from modeling_crossmost.training import experiments
from modeling_crossmost.training.arguments import parse_arguments


# Stands in for train.py: notes its options, and "measures" numbers that follow from them.
SCRIPT = """
import json, sys
from pathlib import Path
flags = sys.argv[1:]
flags = flags[len(flags) % 2 :]  # a recipe comes first, if there is one
given = {name.removeprefix("--"): value for name, value in zip(flags[::2], flags[1::2])}
folder = Path(given["output_dir"])
with open(folder.parents[1] / "calls.txt", "a") as file:
    file.write(json.dumps(flags) + "\\n")
if (folder.parents[1] / "broken").exists() and given.get("pseudo_label") == "point":
    (folder / "checkpoints" / "step_1").mkdir(parents=True)
    (folder / "checkpoints" / "step_1" / "trainer_state.json").write_text("{}")
    sys.exit(3)
kinds = ["own", "image", "point", "random", "joint", "sum"]
base = 50.0 + 2 * kinds.index(given.get("pseudo_label", "joint")) + int(given.get("seed", 0))
row = {"image": base, "image_star": base + 1, "point": base + 2, "fused": base + 3}
zero = {"image": 40.0, "image_star": 41.0, "point": 42.0, "fused": 43.0}
results = {"method": "crossmost", "dataset": "toy", "dataset_config": given.get("dataset_config"), "split": "test",
           "num_objects": 9, "seed": int(given.get("seed", 0)), "zero_shot": zero, "teacher": row, "student": row,
           "steps": 3, "wall_seconds": 6.0}
(folder / "results.json").write_text(json.dumps(results))
"""


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    (tmp_path / "checkout").mkdir()
    (tmp_path / "checkout" / "train.py").write_text(SCRIPT)
    monkeypatch.setattr(experiments, "REPOSITORY", tmp_path / "checkout")
    return tmp_path


def calls(folder) -> list[list[str]]:
    path = folder / "calls.txt"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def tables(folder, *options: str, name: str = "labels") -> int:
    return main(["tables", name, "--output", str(folder), *options])


def test_a_row_for_every_kind_of_label_with_its_spread(checkout, capsys):
    out = checkout / "out"
    assert tables(out, "--seeds", "0,2", "--", "--dataset", "toy", "--max_steps", "3") == 0
    printed = capsys.readouterr().out
    lines = {line.split(" | ")[0].strip("| "): line for line in printed.splitlines() if line.startswith("| ")}
    assert "40.0" in lines["zero-shot"]
    # Seeds 0 and 2 of the third kind: 54 and 56.
    assert [cell.strip(" *") for cell in lines["point labels"].split("|")[2:4]] == ["55.0 +- 1.4", "56.0 +- 1.4"]
    assert lines["summed labels"].count("**") == 8, "the best of every column"
    assert len(calls(out)) == 12
    shared = ["--dataset", "toy", "--max_steps", "3", "--select", "last"]
    assert all(call[:6] == shared for call in calls(out))
    with open(out / "table.csv", newline="") as file:
        written = list(csv.DictReader(file))
    assert len(written) == 12 and written[0]["row"] == "own labels" and written[1]["seed"] == "2"
    assert float(written[1]["teacher_fused"]) == 55.0
    assert (
        "12 runs took 1 minutes" in (out / "table.md").read_text() and "--dataset toy" in (out / "table.md").read_text()
    )
    assert json.loads((out / "table.json").read_text())["options"] == ["--dataset", "toy", "--max_steps", "3"]
    assert (out / "table.png").read_bytes()[:4] == b"\x89PNG"


def test_complete_runs_stay_and_a_cut_one_resumes(checkout, capsys):
    out = checkout / "out"
    out.mkdir()
    (out / "broken").touch()
    assert tables(out) == 2
    error = capsys.readouterr().err
    assert re.search(
        r"error: the run in .*point_labels.seed_0 ended with exit code 3, .*: the same command continues", error
    )
    assert len(calls(out)) == 3 and not (out / "table.md").exists()
    (out / "broken").unlink()
    assert tables(out) == 0
    later = calls(out)[3:]
    assert len(later) == 4, "own and image labels were complete"
    assert later[0][-2:] == ["--resume_from_checkpoint", "latest"] and "latest" not in later[1]
    assert tables(out) == 0 and len(calls(out)) == 7


def test_runs_side_by_side_make_the_same_table(checkout):
    alone, beside = checkout / "alone", checkout / "beside"
    assert tables(alone, "--seeds", "0,1") == tables(beside, "--seeds", "0,1", "--jobs", "3") == 0
    assert len(calls(beside)) == 12
    assert (beside / "table.csv").read_text() == (alone / "table.csv").read_text()
    assert len(list(beside.glob("*/seed_*/run.log"))) == 12 and not list(alone.glob("*/seed_*/run.log"))


def test_of_runs_side_by_side_one_that_fails_names_its_log(checkout, capsys):
    out = checkout / "out"
    out.mkdir()
    (out / "broken").touch()
    assert tables(out, "--seeds", "0,1,2,3,4,5", "--jobs", "2") == 2
    assert re.search(r"ended with exit code 3, see .*point_labels.seed_0.run.log: the", capsys.readouterr().err)
    assert len(calls(out)) <= 6 + 6 + 2, "after one that failed no other begins"
    assert tables(out, "--jobs", "0") == 2
    assert "--jobs takes a number of runs, at least 1, got 0" in capsys.readouterr().err


def test_runs_with_other_options_are_not_mixed_in(checkout, capsys):
    out = checkout / "out"
    assert tables(out, "--", "--max_steps", "3") == 0
    assert tables(out, "--", "--max_steps", "4") == 2
    assert "holds a run with other options: choose another --output" in capsys.readouterr().err


@pytest.mark.parametrize("seeds", ["", "a", "1,1", "0,-1"])
def test_unusable_seeds(checkout, capsys, seeds):
    assert tables(checkout / "out", "--seeds", seeds) == 2
    assert "--seeds takes different whole numbers such as 0,1,2" in capsys.readouterr().err


def test_outside_of_a_checkout_there_is_nothing_to_run(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(experiments, "REPOSITORY", tmp_path)
    assert tables(tmp_path / "out") == 2
    assert "tables are made from a checkout" in capsys.readouterr().err


def test_every_row_is_a_valid_call_of_train_py():
    assert tuple(experiments.EXPERIMENTS) == NAMES
    for experiment in experiments.EXPERIMENTS.values():
        found = [parse_arguments([*options]).to_dict() for options in experiment.runs().values()]
        assert all(one != other for i, one in enumerate(found) for other in found[:i]), "every row differs"


def test_groups_have_their_own_zero_shot_and_start_from_one_model(checkout, capsys):
    out = checkout / "out"
    assert tables(out, "--", "--max_steps", "3", name="classes") == 0
    (start,), rows = calls(checkout), calls(out)
    assert start[:2] == ["--dataset_config", "seen"], "made before the rows, from another data set"
    printed = capsys.readouterr().out
    names = [line.split(" | ")[0].strip("| ") for line in printed.splitlines() if line.startswith("| ")]
    groups = ("all classes", "medium classes", "hard classes")
    assert names[1:] == [f"{row}, {group}" for group in groups for row in ("zero-shot", "baseline", "Cross-MoST")]
    assert "**" not in printed, "the best of several groups means nothing"
    assert len(rows) == 6 and all(call[4:6] == ["--model_name_or_path", str(out / "start")] for call in rows)
    assert tables(out, "--", "--max_steps", "3", name="classes") == 0 and len(calls(out)) == 6, "nothing is made twice"
    assert tables(checkout / "own", "--", "--model_name_or_path", "mine", name="classes") == 0
    assert all(call[:2] == ["--model_name_or_path", "mine"] for call in calls(checkout / "own"))


def test_a_table_of_the_toy_from_beginning_to_end(work, tmp_path, monkeypatch, capsys):
    options = {
        "dataset": work / "data",
        "model_name_or_path": work / "model",
        "max_steps": 1,
        "eval_steps": 0,
    }
    assert tables(tmp_path / "out", "--launch", sys.executable, "--", *toy.flags(**options), name="main") == 0
    printed = capsys.readouterr().out
    assert "Cross-MoST" in printed and "baseline" in printed
    one = json.loads((tmp_path / "out" / "Cross-MoST" / "seed_0" / "results.json").read_text())
    assert json.loads((tmp_path / "out" / "table.json").read_text())["rows"]["Cross-MoST"][0].items() >= one.items()
