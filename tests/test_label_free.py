"""What is decided without labels: the fused answer's weight, used by everyone who gives it, and the weights to keep."""

import json
import math
import re

import numpy as np
import pytest
import torch
import toy
import trimesh
from datasets import load_dataset
from safetensors.torch import load_file
from transformers import pipeline

import train
from modeling_crossmost import CrossMoSTConfig, CrossMoSTModel, CrossMoSTProcessor
from modeling_crossmost.evaluation.predict import summarize
from modeling_crossmost.serving.classifier import Classifier
from modeling_crossmost.training import evaluator, label_free
from modeling_crossmost.training.arguments import UsageError, parse_arguments
from modeling_crossmost.training.label_free import Report, doubt_about_training, label_free_fusion_weight, report_of
from modeling_crossmost.training.self_training import Settled


IMAGE, POINT = torch.tensor([[0.7, 0.2, 0.1]]), torch.tensor([[0.1, 0.3, 0.6]])


def by_hand(image: list[float], point: list[float], weight: float) -> list[float]:
    products = [p**weight * q ** (1.0 - weight) for p, q in zip(image, point, strict=True)]
    return [product / sum(products) for product in products]


@pytest.mark.parametrize("weight", [0.0, 0.3, 0.5, 1.0])
def test_a_weight_makes_it_the_weighted_geometric_mean(weight):
    model = toy.toy_model(fusion_weight=weight)
    expected = torch.tensor(by_hand(IMAGE[0].tolist(), POINT[0].tolist(), weight))
    torch.testing.assert_close(model.fuse(IMAGE, POINT)[0], expected)


def test_without_a_weight_it_is_the_mean():
    torch.testing.assert_close(toy.toy_model().fuse(IMAGE, POINT), (IMAGE + POINT) / 2)


def test_a_class_that_one_modality_excludes_is_no_error():
    found = toy.toy_model(fusion_weight=0.5).fuse(torch.tensor([[1.0, 0.0, 0.0]]), torch.tensor([[0.0, 0.5, 0.5]]))
    assert found.isfinite().all() and float(found.sum()) == pytest.approx(1.0)


@pytest.mark.parametrize("weight", [-0.1, 1.5])
def test_weights_out_of_bounds_are_refused(weight):
    with pytest.raises(ValueError, match=f"fusion_weight must be None or lie between 0 and 1, got {weight}"):
        toy.toy_config(fusion_weight=weight)


def test_the_label_free_weight_in_closed_form():
    # A sure modality, p, beside one that hedges, q: H(q, p) = -(0.4 ln 0.9 + 0.6 ln 0.1), H(p, q) = -ln 0.4 or so.
    sure, hedging = np.array([[0.9, 0.1]]), np.array([[0.4, 0.6]])
    of_sure = -(0.4 * math.log(0.9) + 0.6 * math.log(0.1))
    of_hedging = -(0.9 * math.log(0.4) + 0.1 * math.log(0.6))
    assert label_free_fusion_weight(sure, hedging) == pytest.approx(of_sure / (of_sure + of_hedging))
    assert label_free_fusion_weight(hedging, sure) == pytest.approx(of_hedging / (of_sure + of_hedging))
    assert label_free_fusion_weight(sure, hedging) > 0.5
    assert label_free_fusion_weight(sure, sure) == 0.5
    certain = np.array([[1.0, 0.0]])
    assert label_free_fusion_weight(certain, certain) == 0.5


@pytest.fixture
def run(work, tmp_path, monkeypatch):
    monkeypatch.setattr("modeling_crossmost.training.finish.plot_all", lambda folder: [])

    def start(name: str = "output", **options):
        paths = {"dataset": work / "data", "model_name_or_path": work / "model", "output_dir": tmp_path / name}
        assert train.main(toy.flags(**{**paths, "fusion": "label_free", **options})) == 0
        return tmp_path / name

    return start


def test_a_run_chooses_saves_and_reports_the_weight_of_what_it_evaluates(run, work, monkeypatch, capsys):
    seen = []
    original = evaluator.predict

    def predict(model, loader, *rest):
        found = original(model, loader, *rest)
        seen.append((model.config.fusion_weight, found))
        return found

    monkeypatch.setattr(evaluator, "predict", predict)
    output = run(max_steps=2, eval_steps=0, anchor=0.0, fairness_target="uniform")
    weight = CrossMoSTConfig.from_pretrained(output).fusion_weight
    results = json.loads((output / "results.json").read_text())
    assert results["fusion_weight"] == weight and "unlabeled training objects" in capsys.readouterr().out
    # Training objects and evaluation split, of the model before training, and of teacher and student after it.
    of_training = [found for _, found in seen if found.labels is None]
    expected = [
        label_free_fusion_weight(found.probabilities["image_star"], found.probabilities["point"])
        for found in of_training
    ]
    evaluated = [(used, found) for used, found in seen if found.labels is not None]
    assert [used for used, _ in evaluated] == [round(value, 3) for value in expected] and len(expected) == 3
    assert weight == evaluated[1][0]
    used, found = evaluated[1]
    image, point = (torch.from_numpy(found.probabilities[name]) for name in ("image_star", "point"))
    products = image**used * point ** (1.0 - used)
    expected_fused = products / products.sum(-1, keepdim=True)
    torch.testing.assert_close(torch.from_numpy(found.probabilities["fused"]), expected_fused, rtol=1e-4, atol=1e-6)
    assert results["teacher"]["fused"] == round(float(summarize(found, toy.CLASSES)["fused"]), 2)


def test_permuted_labels_choose_the_same_weight(run, work, tmp_path):
    toy.write_split(tmp_path / "permuted", "train", [{**row, "label": 2 - row["label"]} for row in toy.toy_rows(14, 0)])
    toy.write_split(tmp_path / "permuted", "test", toy.toy_rows(9, 1))
    weights = []
    for name, data in (("one", work / "data"), ("two", tmp_path / "permuted")):
        monkey = {"max_steps": 1, "eval_split": "none"}
        output = tmp_path / name
        flags = toy.flags(
            dataset=data, model_name_or_path=work / "model", output_dir=output, fusion="label_free", **monkey
        )
        assert train.main(flags) == 0
        weights.append(CrossMoSTConfig.from_pretrained(output).fusion_weight)
    assert weights[0] == weights[1] is not None


def test_streamed_objects_are_looked_at_where_they_lie(work, tmp_path):
    """Weights of fusion and anchors are those of the same rows on disk; only the order of batches differs."""
    weights, labels = [], []
    for streaming in (False, True):
        output = tmp_path / str(streaming)
        flags = toy.flags(
            dataset=work / "data",
            model_name_or_path=work / "model",
            output_dir=output,
            fusion="label_free",
            anchor=1.0,  # labels are the start's alone, so that an epoch has the same in whatever order
            num_train_epochs=1,
            streaming=streaming,
        )
        assert train.main(flags) == 0
        weights.append(json.loads((output / "results.json").read_text())["zero_shot"])
        lines = [json.loads(line) for line in (output / "metrics.jsonl").read_text().splitlines()]
        labels.append(sum(line["confident_fraction"] for line in lines))
    assert weights[0] == weights[1] and labels[0] == pytest.approx(labels[1])


# Whether training helped


def test_the_report_in_closed_form():
    image = np.array([[0.8, 0.2], [0.6, 0.4], [0.3, 0.7], [0.9, 0.1]])
    point = np.array([[0.7, 0.3], [0.1, 0.9], [0.4, 0.6], [0.8, 0.2]])
    found = {"image_star": image, "point": point, "fused": (image + point) / 2}
    before = {
        "fused": np.array([[0.9, 0.1], [0.9, 0.1], [0.9, 0.1], [0.9, 0.1]]),
        "image_star": image,
        "point": np.array([[0.7, 0.3], [0.1, 0.9], [0.9, 0.1], [0.8, 0.2]]),  # both named 0, 1, 0, 0
    }
    measured = report_of(found, before)
    assert measured.confidence_image == 0.75 and measured.confidence_point == 0.75
    assert measured.agreement == 0.75  # they differ on the second
    mean = found["fused"].mean(0)
    assert measured.bias == pytest.approx(float((mean * np.log(2 * mean)).sum()), abs=1e-4)
    of_each = (found["fused"] * np.log(2 * found["fused"])).sum(-1)
    assert measured.entropy == pytest.approx(float(of_each.mean()), abs=1e-4)
    assert measured.starved_classes == 0.0 and measured.same_as_before == 0.5  # fused names 0, 1, 1, 0
    assert (measured.image_as_both, measured.point_as_both) == (0.5, 0.75)
    assert report_of({**found, "fused": before["fused"]}, before).starved_classes == 0.5


@pytest.mark.parametrize(
    ("changed", "word"),
    [
        ({"before": {"point_as_both": 0.95}}, "one modality alone names what both do of 95% of the objects"),
        ({"before": {"image_as_both": 0.9}, "after": {"image_as_both": 0.9}}, None),
        ({"after": {"image_as_both": 0.69}}, "the views agree less with what both said before training (69.0% instead"),
        ({"after": {"point_as_both": 0.5}}, "the clouds agree less"),
        ({"after": {"image_as_both": 1.0, "confidence_image": 0.1, "same_as_before": 0.5}}, None),
        ({}, None),
    ],
)
def test_what_is_doubted(changed, word):
    fields = {
        "agreement": 0.5,
        "entropy": 1.0,
        "bias": 0.1,
        "starved_classes": 0.1,
        "same_as_before": 1.0,
        "image_as_both": 0.7,
    }
    before = Report(confidence_image=0.7, confidence_point=0.6, point_as_both=0.6, **fields)
    before = before._replace(**changed.get("before", {}))
    doubt = doubt_about_training(before, before._replace(**changed.get("after", {})))
    assert doubt is None if word is None else word in doubt


def test_a_settled_modality_and_the_classifier_are_saved_as_they_were(run, work, monkeypatch, capsys):
    monkeypatch.setattr("modeling_crossmost.training.methods.settled_modality", lambda anchors: Settled("image", 0.96))
    output = run(max_steps=3, eval_steps=0, select="label_free", fusion="model")
    saved, start = load_file(output / "model.safetensors"), load_file(work / "model" / "model.safetensors")
    moved = {name.split(".")[0] for name, value in saved.items() if not torch.equal(value, start[name])}
    assert "point_model" in moved and not moved & {"vision_model", "visual_projection", "classifier", "logit_scale"}
    assert "note: the views alone name what both do of 96% of the objects" in capsys.readouterr().out
    results = json.loads((output / "results.json").read_text())
    assert results["settled"] == {"modality": "image", "share": 0.96}
    assert all(results["teacher"][name] == results["zero_shot"][name] for name in ("image", "image_star"))
    assert "the views alone named what both did of 96 % of the training objects" in (output / "README.md").read_text()


def test_unbalanced_classes_are_told_and_drawn_to(run, work, monkeypatch, capsys):
    output = run(max_steps=2, eval_steps=0, select="last", fusion="model", fairness_target="start")
    results = json.loads((output / "results.json").read_text())
    model, processor = (
        CrossMoSTModel.from_pretrained(work / "model"),
        CrossMoSTProcessor.from_pretrained(work / "model"),
    )
    products = []
    for row in load_dataset(str(work / "data"), split="train"):
        with torch.no_grad():
            said = model(**processor(points=np.asarray(row["points"], dtype=np.float32), images=[row["views"]]))
        products.append((said.logits_per_image.softmax(-1) * said.logits_per_point.softmax(-1))[0])
    products = torch.stack(products)
    expected = (products / products.sum(-1, keepdim=True)).mean(0)
    assert list(results["class_shares"].values()) == pytest.approx(expected.tolist(), abs=2e-3)
    note = re.search(r"note: before training the model finds ([\d.]+)% .* and ([\d.]+)% ", capsys.readouterr().out)
    ends = [100 * expected.min().item(), 100 * expected.max().item()]
    assert [float(part) for part in note.groups()] == pytest.approx(ends, abs=0.3)
    monkeypatch.setattr("modeling_crossmost.training.self_training.BALANCED", 9.0)
    even = run("even", max_steps=2, eval_steps=0, select="last", fusion="model")
    assert "class_shares" not in json.loads((even / "results.json").read_text())


def test_a_resumed_run_leaves_the_same_as_it_was(run, monkeypatch):
    monkeypatch.setattr("modeling_crossmost.training.methods.settled_modality", lambda anchors: Settled("point", 0.96))
    options = {"max_steps": 4, "eval_steps": 0, "checkpointing_steps": 2, "select": "last", "fusion": "model"}
    whole = run("whole", **options)
    run("parts", **options, stop_after_steps=2)
    parts = run("parts", **options, resume_from_checkpoint="latest")
    ours, theirs = load_file(whole / "model.safetensors"), load_file(parts / "model.safetensors")
    assert all(torch.equal(value, theirs[name]) for name, value in ours.items())
    assert json.loads((parts / "results.json").read_text())["settled"]["modality"] == "point"


@pytest.mark.parametrize("options", [{"freeze_settled": False}, {"anchor": 0.0}, {"pseudo_label": "own"}])
def test_nothing_is_left_as_it_is_by_these_options(run, work, monkeypatch, options):
    monkeypatch.setattr("modeling_crossmost.training.methods.settled_modality", lambda anchors: Settled("image", 0.96))
    output = run(max_steps=2, eval_steps=0, select="last", fusion="model", **options)
    saved, start = load_file(output / "model.safetensors"), load_file(work / "model" / "model.safetensors")
    moved = {name.split(".")[0] for name, value in saved.items() if not torch.equal(value, start[name])}
    assert {"point_model", "vision_model", "classifier"} <= moved
    assert "settled" not in json.loads((output / "results.json").read_text())


def test_what_is_frozen_is_not_doubted():
    fields = {"agreement": 0.5, "entropy": 1.0, "bias": 0.1, "starved_classes": 0.1, "same_as_before": 1.0}
    report = Report(confidence_image=0.9, confidence_point=0.6, image_as_both=0.95, point_as_both=0.8, **fields)
    assert doubt_about_training(report, report, Settled("image", 0.95)) is None
    assert "one modality alone" in doubt_about_training(report, report)
    both = report._replace(point_as_both=0.93)
    assert "of 93% of the objects" in doubt_about_training(both, both, Settled("image", 0.95))


def test_a_model_with_nothing_to_learn_is_told_before_it_trains(run, monkeypatch, capsys):
    monkeypatch.setattr(label_free, "SETTLED", -1.0)
    run(max_steps=1, eval_steps=0, select="label_free", fusion="model", freeze_settled=False)
    printed = capsys.readouterr().out
    assert printed.index("note: one modality alone names what both do") < printed.index("without labels")
    assert "--select last keeps the trained ones" in printed


@pytest.mark.parametrize("doubt", [None, "because"])
def test_the_weights_of_before_training_are_kept_where_it_did_harm(run, work, monkeypatch, capsys, doubt):
    monkeypatch.setattr("modeling_crossmost.training.label_free.doubt_about_training", lambda *reports: doubt)
    output = run(max_steps=3, eval_steps=0, select="label_free", fusion="model")
    results = json.loads((output / "results.json").read_text())
    printed = capsys.readouterr().out
    saved, start = load_file(output / "model.safetensors"), load_file(work / "model" / "model.safetensors")
    same = [torch.equal(value, start[name]) for name, value in saved.items()]
    assert results["label_free"]["selected"] == ("teacher" if doubt is None else "zero_shot")
    assert results["label_free"]["before"].keys() == results["label_free"]["after"].keys() == set(Report._fields)
    assert results["label_free"]["before"]["same_as_before"] == 1.0 and "confidence_image" in printed
    if doubt is None:
        assert not all(same) and "training helped, as far as this shows" in printed
    else:
        assert all(same) and results["teacher"] == results["zero_shot"]
        assert "the weights before training are kept: because" in printed
        assert "The saved weights are those from before training: because." in (output / "README.md").read_text()


def test_permuted_labels_select_the_same_weights(run, work, tmp_path):
    rows = [{**row, "label": 2 - row["label"]} for row in toy.toy_rows(14, 0)]
    toy.write_split(tmp_path / "permuted", "train", rows)
    chosen = []
    for name, data in (("one", work / "data"), ("two", tmp_path / "permuted")):
        flags = toy.flags(
            dataset=data,
            model_name_or_path=work / "model",
            output_dir=tmp_path / name,
            select="label_free",
            max_steps=2,
            eval_split="none",
        )
        assert train.main(flags) == 0
        chosen.append(json.loads((tmp_path / name / "results.json").read_text())["label_free"])
    assert chosen[0] == chosen[1]


@pytest.mark.parametrize("method", ["supervised", "pointcmt", "pretrain", "zero_shot"])
def test_only_self_training_is_doubted(method):
    with pytest.raises(UsageError, match=f"--select label_free belongs to .*, not to {method}"):
        parse_arguments(["--method", method, "--select", "label_free"])


def test_classifier_and_pipeline_give_the_weighted_answer(tmp_path):
    toy.make_model(tmp_path / "model")
    model = CrossMoSTModel.from_pretrained(tmp_path / "model", fusion_weight=0.8)
    model.save_pretrained(tmp_path / "model")
    trimesh.creation.box((1.0, 2.0, 3.0)).export(tmp_path / "box.glb")
    with Classifier.from_pretrained(str(tmp_path / "model"), device="cpu") as classifier:
        (found,) = classifier([tmp_path / "box.glb"])
    image, point, fused = (
        [dict(ranking)[name] for name in toy.CLASSES] for ranking in (found.image, found.point, found.fused)
    )
    assert fused == pytest.approx(by_hand(image, point, 0.8), abs=1e-5)
    pipe = pipeline("point-cloud-classification", model=str(tmp_path / "model"), device="cpu")
    answer = {entry["label"]: entry["score"] for entry in pipe(str(tmp_path / "box.glb"), views=12, up_axis="y")}
    assert [answer[name] for name in toy.CLASSES] == pytest.approx(fused, abs=1e-4)
