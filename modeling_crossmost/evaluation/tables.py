"""Tables of results: top-1 of the four columns, for the terminal and for Markdown.

`crossmost table DIR [DIR ...]` puts the `results.json` of several runs into one table.
Only the standard library is imported here, so that printing a table costs no start-up time.
"""

import json
import math
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ..utils.command_line import colors_are_shown


COLUMN_TITLES = {"image": "image", "image_star": "image*", "point": "point", "fused": "fused"}
"""Keys of an accuracy dictionary, in their order, with the titles that readers see (the paper writes Image*)."""

COLUMNS = tuple(COLUMN_TITLES)

METHOD_TITLES = {
    "zero_shot": "zero-shot",
    "baseline": "baseline",
    "crossmost": "Cross-MoST",
    "pretrain": "pre-training",
    "supervised": "supervised",
    "pointcmt": "PointCMT",
}

_BOLD, _RESET = "\033[1m", "\033[0m"


class Spread(NamedTuple):
    """Mean and sample standard deviation of one number over several runs (percent; deviation 0 for one run)."""

    mean: float
    deviation: float
    runs: int


Cell = float | Spread | None
Row = Mapping[str, Cell]


def results_table(rows: Mapping[str, Row], bold: bool | None = None) -> str:
    """Plain-text table with one decimal and the best value of every column in bold.

    Args:
        rows: row name -> `{"image", "image_star", "point", "fused"}`, top-1 in percent. A cell may be a `Spread`; a
            missing one, None and NaN are printed as "-".
        bold: whether to mark the best values with ANSI codes; None means: where the terminal shows colors.

    Returns:
        The table, its lines separated by newlines, without a newline at the end.

    Raises:
        ValueError: for no rows.
    """
    names, cells, best = _formatted(rows)
    if bold is None:
        bold = colors_are_shown()
    name_width = max(len(name) for name in names)
    titles = list(COLUMN_TITLES.values())
    widths = [max(len(title), *(len(row[i]) for row in cells)) for i, title in enumerate(titles)]
    header = "   ".join([" " * name_width, *(title.rjust(width) for title, width in zip(titles, widths, strict=True))])
    lines = [header, "-" * len(header)]
    for name, row, is_best in zip(names, cells, best, strict=True):
        texts = [text.rjust(width) for text, width in zip(row, widths, strict=True)]
        # The codes have no width on screen: they go around the padded text, or the columns would not line up.
        marked = [
            f"{_BOLD}{text}{_RESET}" if bold and mark else text for text, mark in zip(texts, is_best, strict=True)
        ]
        lines.append("   ".join([name.ljust(name_width), *marked]))
    return "\n".join(lines)


def markdown_table(rows: Mapping[str, Row], bold: bool = True) -> str:
    """Return the same table as `results_table` in GitHub's Markdown.

    Args:
        rows: as for `results_table`.
        bold: whether to mark the best value of every column.

    Returns:
        The table without a newline at the end.

    Raises:
        ValueError: for no rows.
    """
    names, cells, best = _formatted(rows)
    titles = [title.replace("*", r"\*") for title in COLUMN_TITLES.values()]
    lines = ["| | " + " | ".join(titles) + " |", "|---|" + "---:|" * len(titles)]
    for name, row, is_best in zip(names, cells, best, strict=True):
        marked = [f"**{text}**" if bold and mark else text for text, mark in zip(row, is_best, strict=True)]
        lines.append("| " + " | ".join([markdown_cell(name), *marked]) + " |")
    return "\n".join(lines)


def markdown_cell(text: str) -> str:
    """`text` on one line and without the characters that would end or decorate a cell of a Markdown table."""
    escaped = " ".join(text.split())
    for character in "\\|*_`<[":
        escaped = escaped.replace(character, "\\" + character)
    return escaped


def read_results(directory: str | Path) -> dict[str, Any]:
    """Read and check `results.json` of one run.

    Args:
        directory: the run's output directory.

    Returns:
        The file's content; `method` is a string, and `zero_shot`, `teacher`, `student` map columns to percent or None.

    Raises:
        ValueError: for a missing or unreadable file, broken JSON, or a value that is not a percentage; one sentence.
    """
    path = Path(directory) / "results.json"
    try:
        results = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ValueError(f"{path} does not exist; give the output directory of a finished run.") from None
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ValueError(f"{path} cannot be read ({error}); run the training or evaluation again.") from None
    if not isinstance(results, dict) or not isinstance(results.get("method"), str):
        raise ValueError(f'{path} has no "method"; give the output directory of a finished run.')
    for part in ("zero_shot", "teacher", "student"):
        _check_accuracies(results.get(part), f'"{part}" of {path}')
    return results


def comparison_rows(runs: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, Cell]]:
    """Rows of one table: zero-shot as the first run measured it, then each method's teacher.

    Several runs of one method (other seeds) become one row of means and sample standard deviations.

    Args:
        runs: contents of `results.json` files, in the order in which their methods shall appear.

    Returns:
        Row name -> column -> cell, for `results_table` and `markdown_table`.

    Raises:
        ValueError: for no runs, or for runs that were measured on different objects.
    """
    if not runs:
        raise ValueError("there are no results to compare; give at least one output directory.")
    _check_same_objects(runs)
    rows: dict[str, dict[str, Cell]] = {}
    if runs[0].get("zero_shot"):
        rows[METHOD_TITLES["zero_shot"]] = dict(runs[0]["zero_shot"])
    methods = list(dict.fromkeys(run["method"] for run in runs if run["method"] != "zero_shot"))
    for method in methods:
        same = [run for run in runs if run["method"] == method]
        teachers = [run.get("teacher") or {} for run in same]
        title = METHOD_TITLES.get(method, method)
        if len(same) > 1:
            # Repeating one seed says nothing about the spread over seeds, and the table must not pretend otherwise.
            unit = "seeds" if len({run.get("seed") for run in same}) == len(same) else "runs"
            rows[f"{title} ({len(same)} {unit})"] = {
                column: spread([teacher.get(column) for teacher in teachers]) for column in COLUMN_TITLES
            }
        else:
            rows[title] = dict(teachers[0])
    return rows


def spread(values: Sequence[float | None]) -> Cell:
    """`Spread` of the values that are there; None where there are none."""
    numbers = [value for value in values if value is not None and not math.isnan(value)]
    if not numbers:
        return None
    deviation = statistics.stdev(numbers) if len(numbers) > 1 else 0.0
    return Spread(statistics.fmean(numbers), deviation, len(numbers))


def _mean_of(cell: Cell) -> float:
    """Return the number that a cell is ranked by; NaN for an empty one."""
    if cell is None:
        return math.nan
    return cell.mean if isinstance(cell, Spread) else float(cell)


def _cell_text(cell: Cell) -> str:
    """`86.5`, `86.5 +- 0.3` or `-`."""
    if math.isnan(_mean_of(cell)):
        return "-"
    if isinstance(cell, Spread) and cell.runs > 1:
        return f"{cell.mean:.1f} +- {cell.deviation:.1f}"
    return f"{_mean_of(cell):.1f}"


def _formatted(rows: Mapping[str, Row]) -> tuple[list[str], list[list[str]], list[list[bool]]]:
    """Row names, cell texts, and which cells are their column's best (after rounding, so that shown ties are ties)."""
    if not rows:
        raise ValueError("a table needs at least one row; there is none.")
    cells = [[_cell_text(row.get(column)) for column in COLUMN_TITLES] for row in rows.values()]
    rounded = [[round(_mean_of(row.get(column)), 1) for column in COLUMN_TITLES] for row in rows.values()]
    best = [
        max((value for value in column if not math.isnan(value)), default=None) for column in zip(*rounded, strict=True)
    ]
    # A table of one row has nothing to compare.
    marks = [[len(rows) > 1 and value == top for value, top in zip(row, best, strict=True)] for row in rounded]
    return list(rows), cells, marks


def _check_accuracies(accuracies: Any, where: str) -> None:
    """Raise unless `accuracies` is None or maps columns to percentages, None or NaN."""
    if accuracies is None:
        return
    if not isinstance(accuracies, dict):
        raise ValueError(f"{where} is {accuracies!r}, not a dictionary of columns; run the evaluation again.")
    for column in COLUMN_TITLES:
        value = accuracies.get(column)
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if value is not None and (not number or value < 0 or value > 100):
            raise ValueError(f'{where} holds {value!r} as "{column}", not a percentage; run the evaluation again.')


def _check_same_objects(runs: Sequence[Mapping[str, Any]]) -> None:
    """Raise where two runs were measured on another split or another number of objects."""
    first = runs[0]
    for run in runs[1:]:
        if any(run.get(key) != first.get(key) for key in ("split", "num_objects")):
            measured = [f"{r.get('num_objects')} objects of split {r.get('split')!r}" for r in (first, run)]
            raise ValueError(
                f"one table cannot compare runs measured on {measured[0]} and on {measured[1]}; make a table for each."
            )


def caption(runs: Sequence[Mapping[str, Any]]) -> str:
    """One line below the table: what was measured, on what, and which runs began elsewhere."""
    first = runs[0]
    # A local dataset is named by its last folder: where it lies on this machine tells a reader nothing.
    dataset = Path(str(first.get("dataset", "?"))).name
    text = (
        f"top-1 in percent of the teacher on {dataset}, split {first.get('split', '?')}, "
        f"{first.get('num_objects', '?')} objects; image* fuses all views"
    )
    start = first.get("zero_shot") or {}
    others = [run.get("zero_shot") or {} for run in runs[1:]]
    if any(abs((other.get(c) or 0.0) - (start.get(c) or 0.0)) > 0.05 for other in others for c in COLUMN_TITLES):
        text += "\nnote: the runs started from different zero-shot accuracies; the first run's is shown"
    return text
