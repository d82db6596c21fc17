"""Pictures: what is drawn, from which files, and that nothing half-written is left."""

import json
import sys
from itertools import pairwise

import matplotlib
import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from modeling_crossmost.evaluation.plots import (
    moving_average,
    plot_accuracy,
    plot_all,
    plot_confusions,
    plot_entropy_and_bias,
    plot_pseudo_labels,
)


NAMES = ["bed", "chair", "$a$ sofa"]
MATRIX = [[8, 2, 0], [1, 9, 0], [0, 0, 0]]


def percents(base):
    return {"image": base, "image_star": base + 5.0, "point": base + 2.0, "fused": base + 7.0}


@pytest.fixture
def history():
    return [
        {"step": s, "teacher": percents(60.0 + s), "student": percents(58.0 + s) if s else None} for s in (0, 10, 20)
    ]


@pytest.fixture
def metrics():
    rng = np.random.default_rng(0)
    keys = ["image_share", "modality_agreement", "confident_fraction"]
    keys += [f"{kind}_{modality}" for kind in ("entropy", "bias") for modality in ("image", "point")]
    lines = [{"step": step, "loss": 1.0} | {key: float(rng.uniform()) for key in keys} for step in range(5, 105, 5)]
    lines[3]["image_share"] = None  # a batch without a confident pair
    return lines


@pytest.fixture
def run_folder(tmp_path, history, metrics):
    def dump(name, lines):
        (tmp_path / name).write_text("".join(json.dumps(line) + "\n" for line in lines))

    dump("metrics.jsonl", metrics)
    dump("eval_history.jsonl", history)
    (tmp_path / "confusion.json").write_text(json.dumps({"class_names": NAMES, "point": MATRIX, "fused": MATRIX}))
    (tmp_path / "results.json").write_text(json.dumps({"method": "crossmost", "zero_shot": percents(60.0)}))
    return tmp_path


@pytest.fixture
def figures(monkeypatch):
    """Every figure that is saved."""
    saved = []
    save = Figure.savefig

    def remember(figure, *arguments, **options):
        saved.append(figure)
        return save(figure, *arguments, **options)

    monkeypatch.setattr(Figure, "savefig", remember)
    return saved


def is_picture(path):
    with Image.open(path) as image:
        image.load()
        return image.format == "PNG" and min(image.size) > 200 and len(image.convert("RGB").getcolors(1 << 24)) > 10


def titles(figure):
    return [panel.get_title(loc="left") for panel in figure.axes]


def test_moving_average_is_the_mean_of_a_tenth():
    values = np.random.default_rng(1).normal(size=50)
    expected = [values[max(0, i - 2) : i + 3].mean() for i in range(50)]
    np.testing.assert_allclose(moving_average(values), expected)
    np.testing.assert_allclose(moving_average(values[:9]), values[:9])


def test_moving_average_skips_missing_values():
    result = moving_average([1.0, np.nan, 3.0, *[np.nan] * 27])
    np.testing.assert_array_equal(result, [1.0, 2.0, 3.0, 3.0, *[np.nan] * 26])
    assert moving_average([]).shape == (0,)


def test_plot_all_draws_four_pictures_and_leaves_nothing_else(run_folder):
    before = {path.name for path in run_folder.iterdir()}
    written = plot_all(run_folder)
    names = ["accuracy.png", "pseudo_labels.png", "entropy_bias.png", "confusion.png"]
    assert [path.name for path in written] == names
    assert {path.name for path in run_folder.iterdir()} == before | set(names)
    assert all(is_picture(path) for path in written)


def test_same_files_give_the_same_pictures(run_folder):
    first = [path.read_bytes() for path in plot_all(run_folder)]
    assert [path.read_bytes() for path in plot_all(run_folder)] == first


def test_plot_all_draws_what_it_can(tmp_path):
    assert plot_all(tmp_path) == []
    (tmp_path / "metrics.jsonl").write_text('{"step": 5, "loss": 2.0, "bias_image": 0.5}\n')
    assert [path.name for path in plot_all(tmp_path)] == ["entropy_bias.png"]


def test_resumed_run_and_cut_last_line(tmp_path, figures):
    lines = [(5, 0.1), (10, 0.9), (15, 0.9), (10, 0.2), (15, 0.3)]
    text = "".join(json.dumps({"step": step, "bias_image": bias}) + "\n" for step, bias in lines)
    (tmp_path / "metrics.jsonl").write_text(text + '{"step": 20, "bia')
    plot_all(tmp_path)
    raw = figures[0].axes[1].lines[0]
    assert raw.get_xdata().tolist() == [5, 10, 15]
    assert raw.get_ydata().tolist() == [0.1, 0.2, 0.3]


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("metrics.jsonl", '{"step": 1\n{"step": 2}\n', "line 1 of .*metrics.jsonl"),
        ("eval_history.jsonl", '{"teacher": {}}\n{"step": 2}\n', "line 1 of .*eval_history.jsonl"),
        ("confusion.json", "{", "confusion.json cannot be read"),
        ("confusion.json", "[]", "does not hold a dictionary"),
        ("results.json", "{", "results.json cannot be read"),
    ],
)
def test_corrupt_files_are_named_and_nothing_is_drawn(run_folder, name, content, words):
    (run_folder / name).write_text(content)
    with pytest.raises(ValueError, match=words):
        plot_all(run_folder)
    assert not list(run_folder.glob("*.png"))


def test_missing_folder_is_named(tmp_path):
    with pytest.raises(ValueError, match="not a directory"):
        plot_all(tmp_path / "nowhere")


def test_accuracy_has_a_panel_per_column_with_zero_shot(history, tmp_path, figures):
    plot_accuracy(history, tmp_path / "a.png", percents(61.5))
    (figure,) = figures
    assert titles(figure) == ["image", "image*", "point", "fused"]
    for panel, expected in zip(figure.axes, percents(61.5).values(), strict=True):
        dashed, student, teacher = panel.lines
        assert set(dashed.get_ydata()) == {expected}
        assert teacher.get_ydata()[-1] == expected + 18.5
        assert np.isnan(student.get_ydata()[0])
        assert panel.get_xlabel() == "training step"
    assert "%" in figure.axes[0].get_ylabel()


def test_zero_shot_is_the_teacher_at_step_0_where_not_given(history, tmp_path, figures):
    plot_accuracy(history, tmp_path / "a.png")
    plot_accuracy(history[1:], tmp_path / "b.png")
    assert figures[0].axes[0].lines[0].get_ydata()[0] == 60.0
    assert len(figures[1].axes[0].lines) == 2


def test_columns_that_were_not_evaluated_have_no_panel(tmp_path, figures):
    plot_accuracy([{"step": 1, "teacher": {"point": 50.0, "image": None}, "student": None}], tmp_path / "a.png")
    assert titles(figures[0]) == ["point"]


def test_modalities_keep_their_colors(history, metrics, tmp_path, figures):
    plot_accuracy(history, tmp_path / "a.png")
    plot_entropy_and_bias(metrics, tmp_path / "b.png")
    accuracy, entropy = figures
    teachers = [panel.lines[-1].get_color() for panel in accuracy.axes]
    assert len(set(teachers)) == 4
    for panel in entropy.axes:
        raw_image, image, raw_point, point = panel.lines
        assert (image.get_color(), point.get_color()) == (teachers[1], teachers[2])
        assert raw_image.get_alpha() < 0.5
        assert raw_point.get_alpha() < 0.5
        assert "nats" in panel.get_ylabel()


def test_pseudo_labels_are_percentages(metrics, tmp_path, figures):
    plot_pseudo_labels(metrics, tmp_path / "p.png")
    share, lines = figures[0].axes
    assert share.get_ylim() == (0, 100)
    values = np.array([line["modality_agreement"] for line in metrics])
    np.testing.assert_allclose(lines.lines[0].get_ydata(), 100 * values)
    np.testing.assert_allclose(lines.lines[1].get_ydata(), 100 * moving_average(values))


def test_baseline_without_joint_labels_has_one_panel(metrics, tmp_path, figures):
    plot_pseudo_labels([{k: v for k, v in line.items() if k != "image_share"} for line in metrics], tmp_path / "p.png")
    assert titles(figures[0]) == ["Agreement and confidence"]


def test_one_step_can_be_drawn(metrics, tmp_path):
    assert is_picture(plot_pseudo_labels(metrics[:1], tmp_path / "p.png"))
    assert is_picture(plot_entropy_and_bias(metrics[:1], tmp_path / "e.png"))


@pytest.mark.parametrize(
    "draw",
    [lambda p: plot_accuracy([], p), lambda p: plot_pseudo_labels([{"step": 1}], p), lambda p: plot_confusions({}, p)],
)
def test_nothing_to_draw_is_an_error(draw, tmp_path):
    with pytest.raises(ValueError, match=r"\w"):
        draw(tmp_path / "x.png")
    assert not list(tmp_path.iterdir())


def test_confusion_shows_shares_of_the_true_class(tmp_path, figures):
    plot_confusions({"class_names": NAMES, "point": MATRIX}, tmp_path / "c.png")
    (panel,) = figures[0].axes
    shares = panel.images[0].get_array()
    np.testing.assert_allclose(shares[:2], [[80, 20, 0], [10, 90, 0]])
    assert shares.mask[2].all()  # no object of this class
    assert sorted(text.get_text() for text in panel.texts) == ["10", "20", "80", "90"]
    assert panel.get_title(loc="left") == "point   85.0 %"


@pytest.mark.parametrize(("size", "named"), [(2, 2), (25, 25), (60, 60), (90, 45)])
def test_confusion_of_many_classes_stays_readable(size, named, tmp_path, figures):
    names = [f"class {i}" for i in range(size)]
    path = plot_confusions({"class_names": names, "fused": np.eye(size, dtype=int)}, tmp_path / "c.png")
    figure = figures[0]
    labels = figure.axes[0].get_yticklabels()
    assert len(labels) == named
    boxes = [label.get_window_extent() for label in labels]
    assert all(upper.y0 >= lower.y1 - 1 for upper, lower in pairwise(boxes))
    with Image.open(path) as image:
        assert max(image.size) < 2500


def test_confusions_are_those_of_all_views_cloud_and_both(tmp_path, figures):
    columns = dict.fromkeys(("image", "image_star", "point", "fused"), MATRIX)
    plot_confusions({"class_names": NAMES, **columns}, tmp_path / "c.png")
    assert [title.split()[0] for title in titles(figures[0])] == ["image*", "point", "fused"]


@pytest.mark.parametrize(
    ("matrix", "words"),
    [
        ([[1, 0]], "shape"),
        (np.zeros((3, 3)), "at least one object"),
        (-np.eye(3), "counts"),
        (np.eye(2), "3 class names"),
    ],
)
def test_bad_matrices_are_refused(matrix, words, tmp_path):
    with pytest.raises(ValueError, match=words):
        plot_confusions({"class_names": NAMES, "point": matrix}, tmp_path / "c.png")


def test_failed_drawing_keeps_the_old_picture(history, tmp_path, monkeypatch):
    path = plot_accuracy(history, tmp_path / "a.png")
    before = path.read_bytes()

    def fail(*_):
        raise OSError("disk full")

    monkeypatch.setattr("os.replace", fail)
    with pytest.raises(OSError, match="disk full"):
        plot_accuracy(history[:1], path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["a.png"]


def test_pyplot_and_its_global_state_are_not_touched(history, tmp_path):
    had_pyplot, settings = "matplotlib.pyplot" in sys.modules, matplotlib.rcParams.copy()
    plot_accuracy(history, tmp_path / "a.png")
    assert ("matplotlib.pyplot" in sys.modules) == had_pyplot
    assert matplotlib.rcParams.copy() == settings


def test_settings_of_the_process_do_not_change_a_picture(history, tmp_path):
    before = plot_accuracy(history, tmp_path / "a.png").read_bytes()
    with matplotlib.rc_context({"axes.facecolor": "black", "lines.linewidth": 9.0}):
        assert plot_accuracy(history, tmp_path / "b.png").read_bytes() == before
