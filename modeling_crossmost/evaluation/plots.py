"""Plots of a run: accuracy, pseudo-labels (paper, figure 4), entropy and bias (figure 3), confusion matrices.

Every plot has its own figure with an Agg canvas and needs neither a display nor pyplot. Its style comes from
`plots.mplstyle`, independent of the process's matplotlib settings. Files appear under their final name only when they
are complete.
"""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from ..utils.atomic import atomic_file
from ..utils.extras import importing
from .tables import COLUMN_TITLES, Cell, Row, Spread, read_results


if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# After Okabe and Ito, distinguishable with all common forms of color blindness; one hue per modality in every plot.
COLORS = {"image": "#3E9BD6", "image_star": "#0072B2", "point": "#D55E00", "fused": "#009E73"}
IMAGE, POINT, FUSED = COLORS["image_star"], COLORS["point"], COLORS["fused"]
INK, MUTED, ABSENT = "#222222", "#6B6B6B", "#EFEFEF"
STYLE = Path(__file__).with_suffix(".mplstyle")
MAX_ANNOTATED_CLASSES = 20  # with more, the numbers do not fit into the cells
MAX_NAMED_CLASSES = 60  # with more, only every second, third, ... class is named


def moving_average(values: ArrayLike) -> np.ndarray:
    """Compute a centered moving average that shrinks its window at the ends and skips missing values.

    The window is a tenth of the series, at most 101 values.

    Args:
        values: (S,) numbers, NaN where missing.

    Returns:
        (S,) float64; NaN where a whole window is missing.
    """
    series = np.asarray(values, dtype=np.float64)
    half = min(101, round(len(series) / 10)) // 2
    known = np.isfinite(series)
    sums = np.concatenate([[0.0], np.cumsum(np.where(known, series, 0.0))])  # sums[i] = sum of the first i
    counts = np.concatenate([[0], np.cumsum(known)])
    positions = np.arange(len(series))
    low, high = np.maximum(positions - half, 0), np.minimum(positions + half + 1, len(series))
    total, count = sums[high] - sums[low], counts[high] - counts[low]
    return np.divide(total, count, out=np.full(len(series), np.nan), where=count > 0)


def plot_accuracy(
    history: Sequence[Mapping[str, Any]], path: str | Path, zero_shot: Mapping[str, float | None] | None = None
) -> Path:
    """Plot the top-1 accuracy of teacher and student over training, one panel per column, zero-shot as a dashed line.

    Args:
        history: evaluations `{"step", "teacher": A, "student": A}` with A = column -> percent; student may be None.
        path: PNG file to write.
        zero_shot: column -> percent; None means the teacher at step 0, if it was evaluated.

    Returns:
        The path.

    Raises:
        ValueError: if no evaluation holds an accuracy.
    """
    lines = sorted(history, key=lambda line: line["step"])
    steps = [line["step"] for line in lines]
    series = {
        column: {role: _column([(line.get(role) or {}) for line in lines], column) for role in ("teacher", "student")}
        for column in COLUMN_TITLES
    }
    shown = [column for column in COLUMN_TITLES if np.isfinite(series[column]["teacher"]).any()]
    if not shown:
        raise ValueError("there is no accuracy to plot; the history of evaluations is empty.")
    if zero_shot is None and steps[0] == 0:
        zero_shot = lines[0].get("teacher")
    with _picture(path, 1.0 + 2.75 * len(shown), 3.5) as figure:
        panels = figure.subplots(1, len(shown), sharey=True, squeeze=False)[0]
        for panel, column in zip(panels, shown, strict=True):
            _describe(panel, COLUMN_TITLES[column], color=COLORS[column])
            _draw_accuracy(panel, steps, series[column], COLORS[column], (zero_shot or {}).get(column))
        panels[0].set_ylabel("top-1 accuracy (%)")
        _line_legend(figure, [("teacher", "-", 2.2, "o"), ("student", "-", 1.0, "."), ("zero-shot", "--", 1.4, "")])
    return Path(path)


def plot_pseudo_labels(metrics: Sequence[Mapping[str, Any]], path: str | Path) -> Path:
    """Plot where the joint labels come from, how often the modalities agree and how many labels are kept (figure 4).

    Args:
        metrics: lines of metrics.jsonl; `image_share`, `modality_agreement` and `confident_fraction` are fractions in
            [0, 1] and may be missing or None in some lines (no confident pair) or in all.
        path: PNG file to write.

    Returns:
        The path.

    Raises:
        ValueError: if all three are missing.
    """
    steps = _steps(metrics)
    share, agreement, confident = (
        100.0 * _column(metrics, key) for key in ("image_share", "modality_agreement", "confident_fraction")
    )
    draws_share = bool(np.isfinite(share).any())
    draws_lines = bool(np.isfinite(agreement).any() or np.isfinite(confident).any())
    if not draws_share and not draws_lines:
        raise ValueError("there are no pseudo-labels to plot; the metrics hold no image_share or modality_agreement.")
    panel_count = draws_share + draws_lines
    with _picture(path, 0.6 + 4.4 * panel_count, 3.5) as figure:
        panels = list(figure.subplots(1, panel_count, squeeze=False)[0])
        if draws_share:
            panel = panels.pop(0)
            _describe(panel, "Where joint labels come from", "joint labels (%)")
            _draw_shares(panel, steps, share)
            _legend(panel)
        if draws_lines:
            panel = panels.pop(0)
            _describe(panel, "Agreement and confidence", "pairs in the batch (%)")
            _draw_noisy(panel, steps, agreement, FUSED, "modalities agree")
            _draw_noisy(panel, steps, confident, INK, "above the threshold")
            panel.set_ylim(0, 102)  # keeps a line at 100 % visible
            _legend(panel)
    return Path(path)


def plot_entropy_and_bias(metrics: Sequence[Mapping[str, Any]], path: str | Path) -> Path:
    """Plot the teacher's prediction entropy and bias over training (figure 3).

    As in the paper, "entropy" is the divergence from the uniform distribution: it rises as predictions sharpen.

    Args:
        metrics: lines of metrics.jsonl with `entropy_image`, `entropy_point`, `bias_image`, `bias_point` in nats.
        path: PNG file to write.

    Returns:
        The path.

    Raises:
        ValueError: if all four are missing.
    """
    steps = _steps(metrics)
    kinds = {
        "entropy": ("Prediction entropy", "KL(prediction ‖ uniform) (nats)"),
        "bias": ("Bias towards classes", "KL(mean prediction ‖ uniform) (nats)"),
    }
    series = {kind: [_column(metrics, f"{kind}_{modality}") for modality in ("image", "point")] for kind in kinds}
    if not any(np.isfinite(values).any() for pair in series.values() for values in pair):
        raise ValueError("there is no entropy or bias to plot; the metrics hold neither.")
    with _picture(path, 9.4, 3.5) as figure:
        for panel, (kind, (title, label)) in zip(figure.subplots(1, 2), kinds.items(), strict=True):
            _describe(panel, title, label)
            for values, color, name in zip(series[kind], (IMAGE, POINT), ("image", "point"), strict=True):
                _draw_noisy(panel, steps, values, color, name)
            panel.set_ylim(bottom=0)
            _legend(panel)
    return Path(path)


def plot_rows(rows: Mapping[str, Row], title: str, path: str | Path) -> Path:
    """Plot a table, a panel for each column: a point and its spread for each row, zero-shot as a dashed line.

    Args:
        rows: as for `results_table`; one called "zero-shot" becomes the line.
        title: above all panels.
        path: PNG file to write.

    Returns:
        The path.

    Raises:
        ValueError: if no row holds a number.
    """
    names = [name for name in rows if name != "zero-shot"]
    cells = {column: [_as_spread(rows[name].get(column)) for name in names] for column in COLUMN_TITLES}
    shown = [column for column, found in cells.items() if any(math.isfinite(cell.mean) for cell in found)]
    if not shown:
        raise ValueError("there is no accuracy to plot; no row of the table holds a number.")
    with _picture(path, 2.2 + 2.3 * len(shown), 1.3 + 0.34 * len(names)) as figure:
        panels = figure.subplots(1, len(shown), sharey=True, squeeze=False)[0]
        for panel, column in zip(panels, shown, strict=True):
            start = _as_spread(rows.get("zero-shot", {}).get(column)).mean
            if math.isfinite(start):
                panel.axvline(start, color=MUTED, linestyle="--", linewidth=1.4)
            means, spreads = ([getattr(cell, part) for cell in cells[column]] for part in ("mean", "deviation"))
            panel.errorbar(means, range(len(names)), xerr=spreads, fmt="o", color=COLORS[column], capsize=3)
            panel.set_title(COLUMN_TITLES[column], color=COLORS[column])
            panel.set_xlabel("top-1 accuracy (%)")
            panel.margins(x=0.12, y=0.15)
        panels[0].set_yticks(range(len(names)), names)
        panels[0].invert_yaxis()
        figure.suptitle(title, x=0.01, ha="left")
    return Path(path)


def plot_robustness(curves: Mapping[str, Mapping[Any, Mapping[str, float]]], path: str | Path) -> Path:
    """Plot a panel for every kind of damage: accuracy by its strength, a line for each column.

    Args:
        curves: of `robustness.robustness`.
        path: PNG file to write.

    Returns:
        The path.

    Raises:
        ValueError: if there is no curve.
    """
    from .robustness import DAMAGES

    if not curves:
        raise ValueError("there is no curve to plot: the split holds no objects.")
    across = 3
    down = -(-len(curves) // across)
    with _picture(path, 3.4 * across, 0.4 + 2.7 * down) as figure:
        panels = figure.subplots(down, across, sharey=True, squeeze=False).flatten()
        for panel, (kind, curve) in zip(panels, curves.items(), strict=False):
            columns = [column for column in COLORS if any(column in cells for cells in curve.values())]
            for column in columns:
                values = [cells.get(column, math.nan) for cells in curve.values()]
                panel.plot(values, marker="o", markersize=4, color=COLORS[column], label=COLUMN_TITLES[column])
            panel.set_xticks(range(len(curve)), [str(strength) for strength in curve])
            panel.set_title(DAMAGES[kind].title)
            panel.set_ylim(0, 100)
            _legend(panel)
        for panel in panels[len(curves) :]:
            panel.set_axis_off()
        for panel in panels[::across]:
            panel.set_ylabel("top-1 accuracy (%)")
    return Path(path)


def _as_spread(cell: Cell) -> Spread:
    if isinstance(cell, Spread):
        return cell
    return Spread(math.nan if cell is None else float(cell), 0.0, 1)


def plot_confusions(confusion: Mapping[str, Any], path: str | Path) -> Path:
    """Plot the confusion matrices of all views, the cloud and both together as percentages of each true class.

    Up to 60 classes are named, of more every second, third...

    Args:
        confusion: `{"class_names": [..], "image_star": [[..]], "point": [[..]], "fused": [[..]]}`, counts with
            row = true class; evaluation columns may be missing.
        path: PNG file to write.

    Returns:
        The path.

    Raises:
        ValueError: for a matrix that is not square, negative, empty, or of another size than the class names, and where
            there is no matrix or no list of class names.
    """
    columns = [column for column in COLUMN_TITLES if confusion.get(column) is not None]
    # The single view's matrix adds little to that of all views; it is plotted only if it is the only one.
    columns = [c for c in columns if c != "image"] or columns
    if not columns or not confusion.get("class_names"):
        raise ValueError(f"confusion matrices need class_names and a matrix, got {', '.join(confusion) or 'nothing'}.")
    parts = [(confusion[column], COLUMN_TITLES[column], COLORS[column]) for column in columns]
    return _plot_matrices(parts, confusion["class_names"], path)


def plot_all(output_dir: str | Path) -> list[Path]:
    """Make all plots for which a run has data: accuracy.png, pseudo_labels.png, entropy_bias.png, confusion.png.

    Args:
        output_dir: holds any of metrics.jsonl, eval_history.jsonl, confusion.json and results.json. If a file is
            missing or lacks the data of a plot (a baseline has no joint labels), only that plot is skipped.

    Returns:
        The files that were written.

    Raises:
        ValueError: if the directory does not exist or a file cannot be read; nothing is written then.
    """
    folder = Path(output_dir)
    if not folder.is_dir():
        raise ValueError(f"{folder} is not a directory; give the output directory of a run.")
    metrics, history = _read_lines(folder / "metrics.jsonl"), _read_lines(folder / "eval_history.jsonl")
    confusion = _read_json(folder / "confusion.json")
    results = read_results(folder) if (folder / "results.json").exists() else {}
    written = []
    if any(line.get("teacher") for line in history):
        written.append(plot_accuracy(history, folder / "accuracy.png", results.get("zero_shot")))
    if _any_number(metrics, ("image_share", "modality_agreement", "confident_fraction")):
        written.append(plot_pseudo_labels(metrics, folder / "pseudo_labels.png"))
    if _any_number(metrics, ("entropy_image", "entropy_point", "bias_image", "bias_point")):
        written.append(plot_entropy_and_bias(metrics, folder / "entropy_bias.png"))
    if confusion:
        written.append(plot_confusions(confusion, folder / "confusion.png"))
    return written


@contextmanager
def _picture(path: str | Path, width: float, height: float) -> Iterator["Figure"]:
    """Yield a figure (size in inches) in our style with an Agg canvas, and write it atomically as PNG at the end."""
    with importing("train"):
        import matplotlib
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

    with matplotlib.rc_context(fname=STYLE):
        figure = Figure(figsize=(width, height))
        FigureCanvasAgg(figure)
        yield figure
        with atomic_file(path) as temporary:
            # Leaving out matplotlib's version makes the file a function of the data alone.
            figure.savefig(temporary, format="png", metadata={"Software": None})


def _describe(panel: "Axes", title: str, ylabel: str = "", color: str = INK) -> None:
    """Set the title and axis labels, and integer steps on the horizontal axis."""
    from matplotlib.ticker import MaxNLocator

    panel.set_title(title, color=color)
    panel.set_xlabel("training step")
    panel.set_ylabel(ylabel)
    panel.xaxis.set_major_locator(MaxNLocator(nbins=5, integer=True, min_n_ticks=1))


def _legend(panel: "Axes") -> None:
    """Add a legend between title and panel, where it cannot hide a line."""
    panel.set_title(panel.get_title(loc="left"), pad=24)
    handles, _ = panel.get_legend_handles_labels()
    if handles:
        panel.legend(ncols=len(handles), loc="lower left", bbox_to_anchor=(-0.02, 1.0), borderaxespad=0.2)


def _line_legend(figure: "Figure", entries: Sequence[tuple[str, Any, float, Any]]) -> None:
    """Add one legend above all panels that explains line styles (name, style, width, marker) in neutral gray."""
    from matplotlib.lines import Line2D

    handles = [
        Line2D([], [], color=MUTED, linestyle=style, linewidth=width, marker=marker, markersize=4, label=name)
        for name, style, width, marker in entries
    ]
    figure.legend(handles=handles, loc="outside upper right", ncols=len(handles))


def _draw_accuracy(
    panel: "Axes", steps: Sequence[int], roles: Mapping[str, np.ndarray], color: str, zero_shot: float | None
) -> None:
    """Draw teacher (thick, with its last value), student (thin) and zero-shot (dashed) of one column."""
    teacher, student = roles["teacher"], roles["student"]
    last = int(np.flatnonzero(np.isfinite(teacher))[-1])
    ends = [value for value in (teacher[last], student[last]) if math.isfinite(value)]
    start = math.nan if zero_shot is None else zero_shot
    worse = bool(teacher[last] < start)
    if math.isfinite(start):
        panel.axhline(start, color=MUTED, linestyle="--", linewidth=1.4, zorder=1.5)
        _write_at_end(panel, steps[-1], start, worse, fontsize=9, color=MUTED)
    if np.isfinite(student).any():
        panel.plot(steps, student, color=color, linewidth=1.0, alpha=0.6, marker=".", markersize=4)
    panel.plot(steps, teacher, color=color, linewidth=2.2, marker="o", markersize=3.5)
    # Written beyond both lines, on the side away from zero-shot, so that the number does not overlap a line.
    height = min(ends) if worse else max(ends)
    label = f"{teacher[last]:.1f}"
    _write_at_end(panel, steps[last], height, not worse, label, fontsize=10, fontweight="bold", color=color)
    panel.margins(x=0.04, y=0.14)


def _write_at_end(
    panel: "Axes", step: float, height: float, above: bool, label: str | None = None, **style: Any
) -> None:
    """Write a value above or below the end of its line."""
    place: dict[str, Any] = {"textcoords": "offset points", "ha": "right", "va": "bottom" if above else "top"}
    panel.annotate(label or f"{height:.1f}", (step, height), (3, 4 if above else -4), **place, **style)


def _draw_noisy(panel: "Axes", steps: np.ndarray, values: np.ndarray, color: str, name: str) -> None:
    """Draw a per-step metric: the raw line faintly, its moving average on top."""
    if not np.isfinite(values).any():
        return
    panel.plot(steps, values, color=color, linewidth=0.8, alpha=0.22)
    # A single value makes no line and would be invisible without a marker.
    marker = "o" if np.isfinite(values).sum() == 1 else ""
    panel.plot(steps, moving_average(values), color=color, linewidth=2.0, label=name, marker=marker)


def _draw_shares(panel: "Axes", steps: np.ndarray, image_share: np.ndarray) -> None:
    """Draw smoothed shares (percent) as two areas that fill the panel: the image's below, the cloud's above."""
    if len(steps) == 1:  # one step has no width to fill
        steps, image_share = steps[0] + np.array([-0.5, 0.5]), np.repeat(image_share, 2)
    smooth = moving_average(image_share)
    panel.fill_between(steps, 0, smooth, color=IMAGE, alpha=0.75, linewidth=0, label="image")
    panel.fill_between(steps, smooth, 100, color=POINT, alpha=0.75, linewidth=0, label="point")
    panel.plot(steps, image_share, color="white", linewidth=0.8, alpha=0.45)
    panel.plot(steps, smooth, color="white", linewidth=2.0)
    panel.set_ylim(0, 100)
    panel.margins(x=0)


def _plot_matrices(parts: Sequence[tuple[ArrayLike, str, str]], class_names: Sequence[str], path: str | Path) -> Path:
    """Plot (matrix, title, color) panels, side by side for few classes, stacked for many."""
    matrices = [_checked_matrix(matrix, len(class_names), title) for matrix, title, _ in parts]
    size = len(class_names)
    side_by_side = size <= MAX_ANNOTATED_CLASSES
    longest = max(len(name) for name in class_names)
    margin = 0.075 * longest + 0.6  # room for the names, inches
    panel_size = max(2.6, (0.36 if side_by_side else 0.17) * min(size, MAX_NAMED_CLASSES))
    rows, columns = (1, len(parts)) if side_by_side else (len(parts), 1)
    # Side by side, only the first panel names the true classes.
    with _picture(path, columns * (panel_size + 0.3) + margin + 0.5, rows * (panel_size + margin + 0.3)) as figure:
        panels = figure.subplots(rows, columns, squeeze=False, sharey=side_by_side).ravel()
        for index, (panel, counts, (_, title, color)) in enumerate(zip(panels, matrices, parts, strict=True)):
            _draw_matrix(panel, counts, class_names, title, color)
            if index == 0 or not side_by_side:
                panel.set_ylabel("true class (objects)")
    return Path(path)


def _checked_matrix(matrix: ArrayLike, size: int, title: str) -> np.ndarray:
    """Return a matrix as (C, C) float64 counts, or raise a ValueError."""
    counts = np.asarray(matrix, dtype=np.float64)
    if counts.shape != (size, size):
        raise ValueError(f"the confusion matrix {title!r} has shape {counts.shape}, but there are {size} class names.")
    if not np.isfinite(counts).all() or (counts < 0).any() or counts.sum() == 0:
        raise ValueError(f"the confusion matrix {title!r} must hold counts of at least one object.")
    return counts


def _draw_matrix(panel: "Axes", counts: np.ndarray, names: Sequence[str], title: str, color: str) -> None:
    """Draw percentages of every true class from white to `color`, with numbers if they fit; empty rows are gray."""
    from matplotlib.colors import LinearSegmentedColormap

    objects = counts.sum(axis=1, keepdims=True)  # (C, 1)
    shares = np.divide(100.0 * counts, objects, out=np.full_like(counts, np.nan), where=objects > 0)
    colormap = LinearSegmentedColormap.from_list("share", ["#FFFFFF", color]).with_extremes(bad=ABSENT)
    panel.imshow(np.ma.masked_invalid(shares), cmap=colormap, vmin=0, vmax=100, aspect="equal")
    size, font = len(names), 9.0 if len(names) <= MAX_ANNOTATED_CLASSES else 7.0
    accuracy = 100.0 * np.trace(counts) / counts.sum()
    panel.set_title(f"{_plain(title)}   {accuracy:.1f} %", color=color)
    named = range(0, size, math.ceil(size / MAX_NAMED_CLASSES))
    rotation, anchor = (90, "center") if size > 12 else (45, "right")
    panel.set_xticks(named, [_plain(names[i]) for i in named], rotation=rotation, ha=anchor)
    panel.set_xticks(np.arange(size + 1) - 0.5, minor=True)
    panel.set_yticks(named, [f"{_plain(names[i])} ({int(objects[i, 0])})" for i in named])
    panel.set_yticks(np.arange(size + 1) - 0.5, minor=True)
    panel.tick_params(labelsize=font, colors=INK)
    panel.grid(False)
    panel.grid(which="minor", color="#F0F0F0", linewidth=0.6)
    scale = (
        "% of the true class" if size <= MAX_ANNOTATED_CLASSES else "white: 0 %, full color: 100 % of the true class"
    )
    panel.set_xlabel(f"predicted class ({scale})")
    panel.spines["bottom"].set_visible(False)
    for row, column in np.argwhere(shares >= 0.5) if size <= MAX_ANNOTATED_CLASSES else []:
        share = shares[row, column]
        ink = "white" if share > 60 else INK
        panel.text(column, row, f"{share:.0f}", ha="center", va="center", fontsize=8, color=ink)


def _plain(text: str) -> str:
    """Escape a name for matplotlib, where dollar signs would start a formula."""
    return text.replace("$", r"\$")


def _column(lines: Sequence[Mapping[str, Any]], key: str) -> np.ndarray:
    """Return the (S,) float64 values of `key`, NaN where a line lacks it or holds None."""
    values = [line.get(key) for line in lines]
    return np.array([math.nan if value is None else float(value) for value in values], dtype=np.float64)


def _steps(lines: Sequence[Mapping[str, Any]]) -> np.ndarray:
    return np.array([line["step"] for line in lines], dtype=np.int64)


def _any_number(lines: Sequence[Mapping[str, Any]], keys: Sequence[str]) -> bool:
    return any(np.isfinite(_column(lines, key)).any() for key in keys)


def _read_json(path: Path) -> dict[str, Any] | None:
    """Read the dictionary in a JSON file; None if there is no file."""
    if not path.exists():
        return None
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ValueError(f"{path} cannot be read ({error}); remove it or run the evaluation again.") from None
    if not isinstance(content, dict):
        raise ValueError(f"{path} does not hold a dictionary; remove it or run the evaluation again.")
    return content


def _read_lines(path: Path) -> list[dict[str, Any]]:
    """Read the dictionaries of a JSON-lines file, sorted by step; [] if there is no file.

    Of several lines with the same step the last one counts: a resumed run repeats the steps after its checkpoint. A
    truncated last line, which a killed run may leave behind, is skipped.
    """
    if not path.exists():
        return []
    by_step: dict[int, dict[str, Any]] = {}
    lines = path.read_text(encoding="utf-8").split("\n")
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            content = json.loads(line)
            by_step[int(content["step"])] = content
        except (ValueError, KeyError, TypeError) as error:
            if number == len(lines):
                continue
            raise ValueError(f"line {number} of {path} is not a JSON object with a step ({error}).") from None
    return [by_step[step] for step in sorted(by_step)]
