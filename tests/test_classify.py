"""Files to classes: the same as processor and model by hand, in order, whatever the files are; and the command."""

import copy
import json
import os
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import hostile
import numpy as np
import pytest
import torch
import trimesh
from toy import toy_model

from modeling_crossmost import CrossMoSTModel, CrossMoSTProcessor
from modeling_crossmost.commands.classify import Table, main
from modeling_crossmost.files_crossmost import FILE_TYPES
from modeling_crossmost.serving import classifier as classifier_module
from modeling_crossmost.serving.classifier import KEPT_CLASSIFIERS, Classification, Classifier
from modeling_crossmost.serving.sandbox import Limits, Sandbox, Upload
from space_app.examples import write_examples


ROOT = Path(__file__).parent.parent
MINI = ROOT / "assets" / "crossmost-mini"
SHARED = Path(os.environ.get("CROSSMOST_SHARED") or ROOT.parent / "shared")
CLASSES = ["bathtub", "bed", "chair", "desk", "dresser", "monitor", "night stand", "sofa", "table", "toilet"]


@pytest.fixture(scope="module")
def classifier():
    with Classifier.from_pretrained(device="cpu") as loaded:
        yield loaded


@pytest.fixture
def meshes():
    if not (SHARED / "data" / "meshes").is_dir():
        pytest.skip("real 3D data is absent: set CROSSMOST_SHARED, or put a folder shared/ beside the checkout")
    return SHARED / "data" / "meshes"


def chair(legs: float = 1.0) -> trimesh.Trimesh:
    """Something like a chair, y up, of parts in two colors."""
    parts = [((1, 0.1, 1), (0, 0, 0)), ((1, 1.2, 0.1), (0, 0.6, -0.5))]
    parts += [((0.1, legs, 0.1), (x, -legs / 2, z)) for x in (-0.45, 0.45) for z in (-0.45, 0.45)]
    boxes = []
    for number, (size, place) in enumerate(parts):
        box = trimesh.creation.box(size)
        box.apply_translation(place)
        box.visual.face_colors = [200, 40 * number, 30, 255]
        boxes.append(box)
    return trimesh.util.concatenate(boxes)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Objects in one file each, of several types."""
    folder = tmp_path_factory.mktemp("files")
    for kind in ("glb", "ply", "stl", "off", "obj"):
        chair(0.5 + FILE_TYPES.index(kind) / 5).export(folder / f"chair.{kind}")
    np.save(folder / "cloud.npy", chair().sample(700, seed=0).astype(np.float32))
    np.savetxt(folder / "cloud.xyz", chair().sample(1500, seed=1))
    (folder / "chair.mtl").unlink(missing_ok=True)
    return sorted(folder.iterdir())


def by_hand(file, up_axis="y", views=12, class_names=None) -> dict[str, np.ndarray]:
    """Probabilities of the README's way: processor, model, softmax."""
    model, processor = CrossMoSTModel.from_pretrained(MINI).eval(), CrossMoSTProcessor.from_pretrained(MINI)
    if class_names is not None:
        model.set_classes(class_names, tokenizer=processor.tokenizer)
    with torch.no_grad():
        output = model(**processor(mesh=file, up_axis=up_axis, render_views=views))
    found = {"point": output.logits_per_point.softmax(-1), "image": output.logits_per_image.softmax(-1)}
    found["fused"] = (found["point"] + found["image"]) / 2
    return {name: rows[0].numpy() for name, rows in found.items()}


class about:
    """Equal to a ranking of the same classes with probabilities up to rounding; near-ties may swap."""

    def __init__(self, ranking):
        self.expected = pytest.approx(dict(ranking), abs=1e-5)

    def __eq__(self, other):
        return dict(other) == self.expected


def assert_ranking(ranking, names, probabilities):
    assert dict(ranking) == pytest.approx(dict(zip(names, probabilities.tolist(), strict=True)), abs=2e-6)
    values = [probability for _, probability in ranking]
    assert values == sorted(values, reverse=True)


# -------------------------------------------------------------------------------------------------- predictions


def test_every_file_gets_what_processor_and_model_give_it(classifier, files):
    results = classifier(files, up_axis="z")
    assert [result.file for result in results] == [str(file) for file in files]
    for file, result in zip(files, results, strict=True):
        expected = by_hand(file, up_axis="z")
        for name in ("fused", "point", "image"):
            assert_ranking(getattr(result, name), CLASSES, expected[name])
        assert result.error is None and result.seconds > 0.0
        assert result.disagrees == (expected["point"].argmax() != expected["image"].argmax())


def test_the_model_sees_exactly_the_processors_tensors(classifier, files):
    for file, result in zip(files, classifier(files, num_views=3), strict=True):
        expected = classifier.processor(mesh=file, render_views=3)
        assert torch.equal(torch.from_numpy(result.prepared.points[None]), expected["point_values"])
        seen = classifier.processor(images=[list(result.prepared.views)])
        assert torch.equal(seen["pixel_values"], expected["pixel_values"])


def test_either_modality_may_be_left_out(classifier, files):
    both, cloud, views = (
        classifier(files[:1], **options)[0] for options in ({}, {"num_views": 0}, {"use_cloud": False})
    )
    assert cloud.image == [] and cloud.fused == cloud.point == about(both.point)
    assert views.point == [] and views.fused == views.image == about(both.image)
    assert not cloud.disagrees and not views.disagrees
    with pytest.raises(ValueError, match="Neither the views nor the cloud"):
        classifier(files[:1], num_views=0, use_cloud=False)


def test_free_text_classes_leave_the_model_as_it_was(classifier, files):
    phrases = ["something to sleep on", "something to sit on"]
    before = {name: value.clone() for name, value in classifier.model.state_dict().items()}
    config = copy.deepcopy(classifier.model.config.to_dict())
    result = classifier(files[:1], class_names=phrases)[0]
    for name, probabilities in by_hand(files[0], class_names=phrases).items():
        assert_ranking(getattr(result, name), phrases, probabilities)
    after = classifier.model.state_dict()
    assert before.keys() == after.keys() and all(torch.equal(before[name], after[name]) for name in before)
    assert classifier.model.config.to_dict() == config
    assert [name for name, _ in sorted(classifier(files[:1])[0].fused)] == CLASSES
    shared = classifier.with_classes(phrases)
    assert shared.point_model is classifier.model.point_model and shared is classifier.with_classes(phrases)


def test_few_lists_of_classes_are_kept(classifier, files):
    lists = [[f"thing {number}", "other"] for number in range(KEPT_CLASSIFIERS + 1)]
    models = [classifier.with_classes(names) for names in lists]
    assert all(classifier.with_classes(names) is model for names, model in zip(lists[1:], models[1:], strict=True))
    assert classifier.with_classes(lists[0]) is not models[0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"class_names": ["chair"]}, "at least two classes"),
        ({"class_names": ["chair", "chair"]}, "repeats 'chair'"),
        ({"class_names": ["chair", " "]}, "non-empty name"),
        ({"up_axis": "up"}, "one of x, y, z"),
        ({"num_views": 1000}, "between 0 and 64"),
    ],
)
def test_unusable_options_are_told_before_a_file_is_read(options, message, classifier):
    with pytest.raises(ValueError, match=message):
        classifier.stream(["/nowhere.glb"], **options)


def test_a_model_without_text_tower_says_so(files, classifier):
    with (
        Classifier(toy_model(), classifier.processor, Sandbox()) as toy,
        pytest.raises(ValueError, match="text tower"),
    ):
        toy.stream(files, class_names=["a", "b"])


def test_a_model_without_image_tower_looks_at_the_cloud_alone(files, classifier):
    with Classifier(toy_model(vision_config=None), classifier.processor) as toy:
        (result,) = toy(files[:1])
        assert result.image == [] and result.fused == result.point and result.prepared.views is None
        with pytest.raises(ValueError, match="no image tower"):
            toy.stream(files[:1], num_views=2)


def test_a_model_without_classes_wants_some_named(files, classifier):
    blank = copy.deepcopy(classifier.model)
    blank.classifier.weight.data.zero_()
    with Classifier(blank, classifier.processor) as toy:
        with pytest.raises(ValueError, match="without classes to choose from: pass class names"):
            toy.stream(files[:1])
        expected = classifier(files[:1], class_names=CLASSES[::-1], num_views=2)[0].fused
        assert toy(files[:1], class_names=CLASSES[::-1], num_views=2)[0].fused == about(expected)
        assert toy(files[:1], class_names=CLASSES, num_views=2)[0].fused == about(expected)


# ----------------------------------------------------------------------------------------------------- many files


def test_unusable_files_are_results_too_and_order_is_kept(classifier, files, tmp_path):
    upload = Upload("evil\nname.off", b"OFF\n0 0 0\n")
    mixed = [files[0], tmp_path / "missing.glb", upload, files[1], tmp_path, str(files[2])]
    results = classifier(mixed)
    assert [result.error is None for result in results] == [True, False, False, True, False, True]
    assert [result.file for result in results] == [
        *(str(files[0]), str(tmp_path / "missing.glb"), "evil?name.off", str(files[1]), str(tmp_path), str(files[2])),
    ]
    assert results[1].to_dict() == {"file": str(tmp_path / "missing.glb"), "error": results[1].error}
    assert results[1].error == "missing.glb: there is no such file."
    assert results[2].error == "evil?name.off: it holds neither faces nor points."
    assert results[3].fused == about(classifier(files[1:2])[0].fused)


def test_many_files_share_calls_of_the_model(classifier, files, monkeypatch):
    monkeypatch.setattr(classifier_module, "BATCH_WAIT_SECONDS", 30.0)
    monkeypatch.setattr(classifier_module, "opinion_doubts", lambda *opinions: [])  # no second looks
    sizes = []

    def count(model, arguments, inputs):
        sizes.append(len(inputs["point_values"]))

    with classifier.model.register_forward_pre_hook(count, with_kwargs=True):
        results = classifier([*files * 3, "missing.obj"], num_views=1)
    assert sizes == [8, 8, 5]
    for index, result in enumerate(results[:-1]):
        assert result.fused == about(results[index % len(files)].fused)


def test_results_come_before_all_files_are_read(classifier, files):
    asked = []

    def endless():
        while True:
            asked.append(files[0])
            yield files[0]

    stream = classifier.stream(endless(), num_views=1)
    assert next(stream).error is None
    assert len(asked) <= 16
    stream.close()


def test_threads_with_different_classes_do_not_meet(classifier, files):
    def ask(number: int) -> Classification:
        names = [f"chair {number}", f"table {number}"] if number % 2 else None
        return classifier(files[number % 3 : number % 3 + 1], class_names=names, num_views=2)[0]

    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(ask, range(16)))
    for number, result in enumerate(results):
        names = {f"chair {number}", f"table {number}"} if number % 2 else set(CLASSES)
        assert {name for name, _ in result.fused} == names
        assert result.file == str(files[number % 3])


@pytest.mark.slow
def test_fifty_uploads_of_eight_users_are_answered(files):
    with Classifier.from_pretrained(sandbox=Sandbox(processes=2), device="cpu") as shared:
        uploads = [Upload(f"{n}.ply", chair(0.3 + n / 20).export(file_type="ply")) for n in range(50)]
        alone = shared(uploads, num_views=4)
        began = time.perf_counter()
        with ThreadPoolExecutor(8) as users:
            answers = list(users.map(lambda upload: shared([upload], num_views=4)[0], uploads))
        assert time.perf_counter() - began < 90.0
    for upload, expected, answer in zip(uploads, alone, answers, strict=True):
        assert answer.file == upload.name and answer.fused == about(expected.fused)


@pytest.mark.slow
def test_real_files_are_answered_in_time(meshes):
    uploads = sorted(path for path in meshes.rglob("*") if path.is_file())
    with Classifier.from_pretrained(device="cpu") as fresh:
        began = time.perf_counter()
        used, failed = [], []
        for result in fresh.stream(uploads, num_views=4):
            now = time.perf_counter()
            assert now - began < 20.0, result.file
            began = now
            (failed if result.error else used).append(result)
    assert len(used) >= 150
    for result in failed:
        assert "\n" not in result.error and str(meshes) not in result.error, result
        assert result.error.endswith("."), result
    for result in used:
        assert sum(probability for _, probability in result.fused) == pytest.approx(1.0, abs=1e-5)


# ----------------------------------------------------------------------------------------------------- the command


def lines_of(capsys) -> list[dict]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_json_has_a_line_per_file_and_tells_failures(files, tmp_path, capsys):
    strange = tmp_path / "a\nb.off"
    strange.write_bytes(hostile.off(hostile.BOX.vertices, hostile.BOX.faces))
    assert main([str(files[0]), str(strange), "--json", "--top-k", "2", "--views", "2"]) == 0
    first, second = lines_of(capsys)
    assert list(first) == ["file", "fused", "point", "image", "notes", "seconds"]
    assert second["file"] == str(strange) and isinstance(second["notes"], list)
    for key in ("fused", "point", "image"):
        assert len(first[key]) == 2 and all(isinstance(n, str) and 0 <= p <= 1 for n, p in first[key])
    assert main([str(files[0]), str(tmp_path / "no.glb"), "--json", "--views", "0"]) == 1
    good, bad = lines_of(capsys)
    assert good["image"] == [] and good["fused"] == good["point"]
    assert bad == {"file": str(tmp_path / "no.glb"), "error": "no.glb: there is no such file."}


def test_free_text_axis_and_size_reach_the_model(files, capsys):
    options = ["--classes", " a chair, something to sleep on,", "--up-axis", "z", "--top-k", "9"]
    assert main([str(files[0]), *options, "--json"]) == 0
    expected = by_hand(files[0], "z", 12, ["a chair", "something to sleep on"])
    found = lines_of(capsys)[0]
    assert_ranking(found["fused"], ["a chair", "something to sleep on"], expected["fused"])
    assert main([str(files[0]), "--max-size", "0.0001"]) == 1
    assert "allowed: simplify it." in capsys.readouterr().out


def test_the_table_shows_every_opinion_and_marks_quarrels():
    agreed = Classification("chair.glb", *[[("chair", 0.9), ("night stand", 0.1)]] * 3, seconds=0.25)
    quarrel = Classification(
        "a/very/long/path/" + "x" * 40 + ".ply",
        fused=[("chair", 0.6), ("night stand", 0.4)],
        point=[("night stand", 0.7), ("chair", 0.3)],
        image=[("chair", 0.95), ("night stand", 0.05)],
        seconds=12.0,
    )
    alone = Classification("\x1b[31m.stl", fused=[("chair", 1.0)], point=[("chair", 1.0)], seconds=0.5)
    broken = Classification("bad.off", error="bad.off: the file is empty.")
    results = [agreed, quarrel, alone, broken]
    table = Table([result.file for result in results], ["chair", "night stand"], 2)
    rows = [row for result in results for row in table.rows(result)]
    long = "..." + "x" * 33 + ".ply"
    assert rows == [
        f"{'chair.glb':<40}    chair        90%  chair        90%  chair        90%     0.25",
        f"{'':<40}    night stand  10%  night stand  10%  night stand  10%",
        f"{long}  ! chair        60%  chair        95%  night stand  70%    12.00",
        f"{'':<40}    night stand  40%  night stand   5%  chair        30%",
        f"{'?[31m.stl':<40}    chair       100%                    chair       100%     0.50",
        f"{'bad.off':<40}    the file is empty.",
    ]


def test_the_table_names_what_a_file_goes_without(classifier):
    upload = Upload("box.glb", hostile.with_image(uri="wood.png"))
    result = classifier([upload], num_views=1)[0]
    sentence = "Without wood.png, which the file refers to: export one .glb file to keep colors."
    assert sentence in result.notes
    assert Table(["box.glb"], CLASSES, 1).rows(result)[1:] == [f"{'':11}{note}" for note in result.notes]


def test_notes_say_where_doubt_is_due():
    chair, table = [("chair", 0.9), ("table", 0.1)], [("table", 0.9), ("chair", 0.1)]
    quarrel = Classification("a.glb", fused=chair, point=table, image=chair, doubts=["They disagree."])
    assert quarrel.notes == quarrel.to_dict()["notes"] == ["They disagree."]
    assert Classification("a.glb", chair, chair, chair).notes == []


def test_a_doubtful_object_is_looked_at_with_the_other_axes_up(classifier, tmp_path):
    examples = write_examples(tmp_path)
    lying, scan = classifier([examples["Chair on its back"], examples["Bathtub, as a scan"]])
    assert any(note.startswith("With the axis z up it would clearly be chair") for note in lying.notes)
    assert not any("axis" in note for note in scan.notes)
    (standing,) = classifier([examples["Chair on its back"]], up_axis="z")
    assert standing.fused[0][0] == "chair" and not any("axis" in note for note in standing.notes)


def test_the_table_fits_a_narrow_terminal_and_wide_letters():
    found = Classification("scans/2024/" + "部" * 30 + ".ply", *[[("ночной столик из дуба", 0.9), ("椅子", 0.1)]] * 3)
    for colored in (False, True):
        table = Table([found.file], ["ночной столик из дуба", "椅子"], 2, colored, width=80)
        first, second = (re.sub("\033\\[[\\d;]*m", "", row) for row in table.rows(found))
        assert first.startswith("...部") and first.endswith("   0.00") and "ночной ст..." in first
        wide = sum(letter in "部椅子" for letter in first)
        assert len(first) + wide == 80, first
        assert second.split() == ["椅子", "10%"] * 3
    assert any("\033[" in row for row in table.rows(found))


def test_the_table_is_printed_as_results_come(files, tmp_path, capsys):
    assert main([str(files[0]), str(tmp_path / "no.glb"), "--top-k", "1", "--views", "1"]) == 1
    model, gap, head, first, *rest = capsys.readouterr().out.splitlines()
    assert model == "crossmost-mini, the bundled model: 10 classes; looks at the cloud and 1 view" and gap == ""
    assert head.split() == ["file", "fused", "image", "point", "seconds"]
    assert "%" in first and "\033" not in first
    assert sum(line.endswith("there is no such file.") for line in rest) == 1


def test_classes_may_be_the_lines_of_a_file(files, tmp_path, capsys):
    (tmp_path / "names.txt").write_text("\ufeffa chair\n\n  something to sleep on \n", encoding="utf-8")
    options = [str(files[0]), "--json", "--views", "0"]
    assert main([*options, "--classes", str(tmp_path / "names.txt")]) == 0
    assert main([*options, "--classes", "a chair, something to sleep on"]) == 0
    first, second = lines_of(capsys)
    assert first["fused"] == second["fused"] and len(first["fused"]) == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "the following arguments are required: FILE"),
        (["a.glb", "--views", "many"], "invalid int value"),
        (["a.glb", "--views", "-1"], "--views must lie between 0 and 64, got -1."),
        (["a.glb", "--views", "65"], "--views must lie between 0 and 64, got 65."),
        (["a.glb", "--views", "0", "--no-cloud"], "leave nothing to look at"),
        (["a.glb", "--up-axis", "w"], "invalid choice: 'w'"),
        (["a.glb", "--top-k", "0"], "--top-k must be at least 1, got 0."),
        (["a.glb", "--max-size", "nan"], "--max-size must be more than 0"),
        (["a.glb", "--unknown"], "unrecognized arguments: --unknown; see crossmost classify --help."),
        (["a.glb", "--classes", "no.txt"], "--classes no.txt cannot be read (No such file or directory): give a text"),
    ],
)
def test_unusable_arguments_are_one_sentence(arguments, message, capsys):
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ") and message in error and error.count("\n") == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--model", "assets/no-such-model"], "there is no such folder"),
        (["--model", str(ROOT / "tests")], "cannot be loaded"),
        (["--classes", "chair"], "at least two classes"),
        (["--classes", ","], "at least two classes"),
    ],
)
def test_unusable_models_and_classes_are_one_sentence(options, message, files, capsys, monkeypatch):
    monkeypatch.chdir(ROOT)
    assert main([str(files[0]), *options]) == 2
    captured = capsys.readouterr()
    assert captured.out == "" and captured.err.startswith("error: ")
    assert message in captured.err and captured.err.count("\n") == 1


def test_an_installed_package_without_the_bundled_model_says_so(files, capsys, monkeypatch, tmp_path):
    monkeypatch.setattr("modeling_crossmost.hub.loading.__file__", str(tmp_path / "site" / "hub" / "loading.py"))
    assert main([str(files[0])]) == 2
    assert "name a Hub id or a folder with --model" in capsys.readouterr().err


@pytest.mark.parametrize("no_color", [False, True])
def test_a_terminal_shows_colors_unless_they_are_unwanted(files, tmp_path, no_color):
    pty = pytest.importorskip("pty")
    leader, follower = pty.openpty()
    environment = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
    environment |= {"PYTHONPATH": str(ROOT), "CUDA_VISIBLE_DEVICES": "", "COLUMNS": "80"}
    environment |= {"NO_COLOR": "1"} if no_color else {}
    command = [sys.executable, "-m", "modeling_crossmost", "classify", str(files[0]), str(tmp_path / "no.glb")]
    done = subprocess.run([*command, "--views", "1"], cwd=ROOT, env=environment, stdout=follower, stderr=follower)
    os.close(follower)
    shown = os.read(leader, 1 << 16).decode()
    os.close(leader)
    assert done.returncode == 1 and shown.startswith("crossmost-mini") and "there is no such file." in shown
    assert ("\033[" in shown) != no_color
    assert all(len(re.sub("\033\\[[\\d;]*m", "", line)) <= 80 for line in shown.splitlines())


def run_command(*arguments, cwd=ROOT, options=()) -> subprocess.CompletedProcess:
    command = [sys.executable, *options, "-m", "modeling_crossmost", "classify", *arguments]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "CUDA_VISIBLE_DEVICES": ""}
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=120)


def test_help_needs_no_torch():
    result = run_command("--help", options=("-X", "importtime"))
    assert result.returncode == 0 and "--up-axis" in result.stdout
    assert " torch" not in result.stderr and "transformers" not in result.stderr


def test_the_command_runs_anywhere_and_takes_names_like_options(files, tmp_path):
    (tmp_path / "-json.glb").write_bytes(Path(files[0]).read_bytes())
    result = run_command("--json", "--views", "2", "--", "-json.glb", cwd=tmp_path)
    assert (result.returncode, result.stderr) == (0, "")
    assert json.loads(result.stdout)["file"] == "-json.glb"


def test_a_long_list_shows_progress_apart_from_its_results(files, capsys):
    assert main([*map(str, files * 3), "--json", "--views", "0"]) == 0
    captured = capsys.readouterr()
    assert len(captured.out.splitlines()) == 21 and "Classifying" in captured.err and "21/21" in captured.err


def test_limits_are_the_promised_ones():
    limits = Limits()
    assert limits.max_bytes == 25 << 20 and limits.memory <= 2 << 30 and limits.seconds < 20.0
