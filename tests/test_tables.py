"""Tables of results: cells, bold, means over seeds, and the command."""

import json
import statistics
import subprocess
import sys
from pathlib import Path

import pytest

from modeling_crossmost.commands.table import main
from modeling_crossmost.evaluation import tables
from modeling_crossmost.evaluation.tables import Spread, comparison_rows, markdown_table, results_table


ROOT = Path(__file__).resolve().parents[1]


def percents(base):
    return {"image": base, "image_star": base + 5.0, "point": base + 2.0, "fused": base + 7.0}


def run(method, base, seed=0, **changes):
    return {
        "method": method,
        "dataset": "furniture",
        "split": "test",
        "num_objects": 200,
        "seed": seed,
        "zero_shot": percents(60.0),
        "teacher": percents(base),
        "student": percents(base - 1),
    } | changes


@pytest.fixture
def write(tmp_path):
    def write(name, content):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "results.json").write_text(content if isinstance(content, str) else json.dumps(content))
        return str(folder)

    return write


def test_table_lines_up_and_names_its_columns():
    table = results_table({"zero-shot": percents(9.04), "Cross-MoST": percents(90.0)}, bold=False).splitlines()
    assert table[0].split() == ["image", "image*", "point", "fused"]
    assert table[2].split() == ["zero-shot", "9.0", "14.0", "11.0", "16.0"]
    assert table[3].split() == ["Cross-MoST", "90.0", "95.0", "92.0", "97.0"]
    assert len({len(line) for line in table}) == 1


def test_best_is_bold_with_ties_and_without_moving_columns():
    rows = {"a": percents(50.0) | {"image": 70.04}, "b": percents(60.0) | {"image": 70.01}, "c": {}}
    plain, bold = results_table(rows, bold=False), results_table(rows, bold=True)
    assert bold.replace("\033[1m", "").replace("\033[0m", "") == plain
    a, b, c = bold.splitlines()[2:]
    assert (a.count("\033[1m"), b.count("\033[1m"), c.count("\033[1m")) == (1, 4, 0)
    assert c.split() == ["c", "-", "-", "-", "-"]


def test_no_codes_where_the_output_is_no_terminal(capsys):
    assert "\033" not in results_table({"a": percents(50.0), "b": percents(60.0)})


def test_missing_and_nan_cells_are_dashes():
    assert results_table({"a": {"image": None, "point": float("nan")}}).splitlines()[-1].split() == ["a"] + ["-"] * 4


def test_markdown_escapes_names_and_marks_the_best():
    lines = markdown_table({"a|b": percents(50.0), "c": percents(60.0)}).splitlines()
    assert lines[2] == r"| a\|b | 50.0 | 55.0 | 52.0 | 57.0 |"
    assert lines[3] == "| c | **60.0** | **65.0** | **62.0** | **67.0** |"
    assert "**" not in markdown_table({"a": percents(50.0), "c": percents(60.0)}, bold=False)


def test_three_rows_of_a_quick_start():
    rows = comparison_rows([run("baseline", 65.0), run("crossmost", 75.0)])
    assert list(rows) == ["zero-shot", "baseline", "Cross-MoST"]
    assert rows["zero-shot"] == percents(60.0)
    assert rows["Cross-MoST"] == percents(75.0)


def test_seeds_become_mean_and_sample_deviation():
    bases = [70.0, 71.0, 75.0]
    rows = comparison_rows([run("crossmost", base, seed) for seed, base in enumerate(bases)])
    cell = rows["Cross-MoST (3 seeds)"]["image"]
    assert cell == Spread(pytest.approx(statistics.mean(bases)), pytest.approx(statistics.stdev(bases)), 3)
    assert "72.0 +- 2.6" in results_table(rows)


def test_the_same_seed_twice_is_not_called_two_seeds():
    assert "baseline (2 runs)" in comparison_rows([run("baseline", 65.0), run("baseline", 66.0)])


def test_runs_on_other_objects_share_no_table():
    with pytest.raises(ValueError, match="200 objects of split 'test' and on 90 objects"):
        comparison_rows([run("baseline", 65.0), run("crossmost", 75.0, num_objects=90)])


def test_rows_of_nothing_are_refused():
    with pytest.raises(ValueError, match="at least one row"):
        results_table({})
    with pytest.raises(ValueError, match="no results"):
        comparison_rows([])


def test_command_prints_one_table(write, capsys):
    folders = [write("baseline", run("baseline", 65.0)), write("crossmost", run("crossmost", 75.0))]
    assert main(folders) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[2:5]] == ["zero-shot", "baseline", "Cross-MoST"]
    assert lines[-1].startswith("top-1 in percent of the teacher on furniture, split test, 200 objects")


def test_command_says_when_runs_started_elsewhere(write, capsys):
    folders = [write("a", run("baseline", 65.0)), write("b", run("crossmost", 75.0, zero_shot=percents(50.0)))]
    assert main(folders) == 0
    assert "different zero-shot" in capsys.readouterr().out


def test_command_writes_markdown(write, capsys):
    assert main([write("a", run("baseline", 65.0)), "--markdown"]) == 0
    assert capsys.readouterr().out.startswith("| | image |")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "cannot be read"),
        ("[1]", '"method"'),
        ("{}", '"method"'),
        (json.dumps(run("baseline", 65.0, teacher=[1])), '"teacher"'),
        (json.dumps(run("baseline", 65.0, teacher={"image": "high"})), "not a percentage"),
        (json.dumps(run("baseline", 65.0, teacher={"image": 101})), "not a percentage"),
    ],
)
def test_corrupt_results_are_one_sentence_and_exit_code_2(write, capsys, content, words):
    assert main([write("run", content)]) == 2
    captured = capsys.readouterr()
    assert words in captured.err
    assert len(captured.err.splitlines()) == 1
    assert not captured.out


def test_missing_results_are_one_sentence_and_exit_code_2(tmp_path, capsys):
    assert main([str(tmp_path / "nowhere")]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_module_runs_as_a_command(write):
    folder = write("run", run("crossmost", 75.0))
    command = [sys.executable, "-m", "modeling_crossmost", "table", folder]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert "Cross-MoST" in done.stdout


def test_column_order_is_the_papers():
    assert list(tables.COLUMN_TITLES) == ["image", "image_star", "point", "fused"]
