"""Evaluation: the four columns against a computation by hand, labels by name or none, runs that only evaluate."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
import toy
from accelerate import Accelerator
from safetensors.torch import load_file

import train
from modeling_crossmost import CrossMoSTModel, CrossMoSTProcessor
from modeling_crossmost.data.augmentation import EvalImageTransform, image_transform_options
from modeling_crossmost.data.datasets import EvaluationDataset
from modeling_crossmost.data.loaders import evaluation_loader
from modeling_crossmost.data.pairs import load_pairs
from modeling_crossmost.evaluation.predict import Predictions, columns_of, predict, summarize
from modeling_crossmost.evaluation.tables import COLUMNS
from modeling_crossmost.training.arguments import parse_arguments
from modeling_crossmost.training.evaluator import Evaluator
from modeling_crossmost.training.setup import resolve_classes


@pytest.fixture(scope="module")
def work(tmp_path_factory) -> Path:
    """A folder with the toy model in `model` and a test split of 1 to 3 views per object in `data`."""
    folder = tmp_path_factory.mktemp("evaluation")
    rows = toy.toy_rows(9, 1)
    for index, row in enumerate(rows):
        row["views"] = row["views"][: 1 + index % 3]
    toy.write_split(folder / "data", "train", toy.toy_rows(4, 0))
    toy.write_split(folder / "data", "test", rows)
    toy.make_model(folder / "model")
    return folder


@pytest.fixture(autouse=True)
def _no_pictures(own_cache, monkeypatch):
    monkeypatch.setattr("modeling_crossmost.training.finish.plot_all", lambda folder: [])


@pytest.fixture(scope="module")
def model(work) -> CrossMoSTModel:
    return CrossMoSTModel.from_pretrained(work / "model").eval()


@pytest.fixture(scope="module")
def transform(work) -> EvalImageTransform:
    processor = CrossMoSTProcessor.from_pretrained(work / "model")
    return EvalImageTransform(**image_transform_options(processor.image_processor))


def pairs(work: Path, transform: EvalImageTransform, num_views: int | None = None) -> EvaluationDataset:
    return EvaluationDataset(load_pairs(work / "data", "default", "test"), transform, num_views)


def evaluator_for(folder: Path, model_folder: Path, *options: str) -> tuple[Evaluator, CrossMoSTModel]:
    """The evaluator of a data set's test split for a saved model, classes resolved as in a run."""
    flags = ["--dataset", str(folder), "--dataset_config", "default", "--dataloader_num_workers", "0", *options]
    arguments = parse_arguments(flags)
    model, processor = CrossMoSTModel.from_pretrained(model_folder), CrossMoSTProcessor.from_pretrained(model_folder)
    evaluator = Evaluator.load(arguments, Accelerator(cpu=True), processor, "test")
    resolve_classes(arguments, model, processor, evaluator)
    return evaluator, model


class NoMethod:
    """A method whose classifier needs nothing before evaluation."""

    def before_evaluation(self, model) -> None:
        """Nothing."""


@torch.no_grad()
def by_hand(
    model: CrossMoSTModel, item: dict[str, torch.Tensor], transform: EvalImageTransform
) -> dict[str, np.ndarray]:
    """The columns of one object from the definitions of the paper's section 4.1."""
    classifier, scale = model.classifier.weight, model.logit_scale.exp()
    views = torch.stack([model.get_image_features(transform.normalize(view)[None])[0] for view in item["views"]])
    mean = views.mean(0)
    cloud = model.get_point_features(item["points"][None])[0]
    embeds = {"image": views[0], "image_star": mean / mean.norm(), "point": cloud}
    columns = {
        name: torch.softmax(scale * classifier @ embed / classifier.norm(dim=1), 0).numpy()
        for name, embed in embeds.items()
    }
    return columns | {"fused": (columns["image_star"] + columns["point"]) / 2}


# Columns


@pytest.mark.parametrize("batch_size", [1, 4, 9])
def test_columns_are_those_by_hand(work, model, transform, batch_size):
    items = pairs(work, transform)
    found = predict(model, evaluation_loader(items, batch_size), torch.device("cpu"))
    assert {len(items[index]["views"]) for index in range(9)} == {1, 2, 3}
    for index in range(9):
        for name, expected in by_hand(model, items[index], transform).items():
            np.testing.assert_allclose(found.probabilities[name][index], expected, atol=1e-5, err_msg=name)
    assert found.labels.tolist() == [0, 1, 2] * 3


def test_views_can_be_fused_as_logits(work, transform):
    model = CrossMoSTModel.from_pretrained(work / "model", image_star_from="logits").eval()
    items = pairs(work, transform)
    found = predict(model, evaluation_loader(items, 4), torch.device("cpu"))
    with torch.no_grad():
        for index in range(9):
            logits = model.classify(model.get_image_features(transform.normalize(items[index]["views"]))).mean(0)
            np.testing.assert_allclose(found.probabilities["image_star"][index], logits.softmax(0), atol=1e-5)


def test_two_evaluations_are_identical_and_leave_the_model_alone(work, model, transform):
    before = {name: value.clone() for name, value in model.state_dict().items()}
    model.train()
    torch.manual_seed(0)
    first = predict(model, evaluation_loader(pairs(work, transform), 4), torch.device("cpu"))
    torch.manual_seed(1)
    second = predict(model, evaluation_loader(pairs(work, transform), 4, num_workers=1), torch.device("cpu"))
    assert model.training
    model.eval()
    for name in COLUMNS:
        assert np.array_equal(first.probabilities[name], second.probabilities[name])
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_one_view_makes_image_and_image_star_the_same(work, model, transform):
    full = predict(model, evaluation_loader(pairs(work, transform), 4), torch.device("cpu")).probabilities
    one = predict(model, evaluation_loader(pairs(work, transform, num_views=1), 4), torch.device("cpu")).probabilities
    np.testing.assert_allclose(one["image"], one["image_star"], atol=1e-6)
    np.testing.assert_allclose(one["image"], full["image"], atol=1e-6)


def test_summary_of_known_predictions():
    rows = {"image": [0, 0, 1, 1], "image_star": [0, 0, 0, 1], "point": [0, 1, 0, 1], "fused": [1, 1, 1, 0]}
    probabilities = {name: np.eye(2)[classes] * 0.8 + 0.1 for name, classes in rows.items()}
    summary = summarize(Predictions(probabilities, np.array([0, 0, 0, 1])), ["box", "ball"])
    assert columns_of(summary) == {"image": 75.0, "image_star": 100.0, "point": 75.0, "fused": 0.0}
    assert summary["per_class"]["box"] == pytest.approx(
        {"image": 200 / 3, "image_star": 100.0, "point": 200 / 3, "fused": 0.0}
    )
    assert summary["mean_class"] == pytest.approx(
        {"image": 250 / 3, "image_star": 100.0, "point": 250 / 3, "fused": 0.0}
    )
    assert summary["confusion"]["image"] == [[2, 1], [0, 1]]
    assert columns_of(summarize(Predictions(probabilities, None), ["box", "ball"])) == dict.fromkeys(COLUMNS)


# Labels


def test_labels_are_matched_by_name(work, tmp_path):
    plain = toy.toy_rows(9, 1)
    toy.write_split(tmp_path / "plain", "test", plain)
    turned = [{**row, "label": 2 - row["label"]} for row in plain]
    toy.write_split(tmp_path / "turned", "test", turned, class_names=["tube", "ball", "box"])
    summaries = []
    for name in ("plain", "turned"):
        evaluator, model = evaluator_for(tmp_path / name, work / "model")
        assert model.config.class_names == toy.CLASSES
        summaries.append(evaluator.full(NoMethod(), model))
    assert summaries[0] == summaries[1] and summaries[0]["point"] is not None


def test_underscores_of_class_names_are_spaces(work, tmp_path):
    names = ["night_stand", "ball", "tube"]
    toy.write_split(tmp_path, "test", toy.toy_rows(6, 1), class_names=names)
    evaluator, model = evaluator_for(tmp_path, work / "model")
    assert model.config.class_names == ["night stand", "ball", "tube"]
    assert list(evaluator.full(NoMethod(), model)["per_class"]) == ["night stand", "ball", "tube"]


def test_a_split_with_some_of_the_classes(work, tmp_path):
    rows = [{**row, "label": row["label"] - 1} for row in toy.toy_rows(9, 1) if row["label"] > 0]
    toy.write_split(tmp_path, "test", rows, class_names=["ball", "tube"])
    evaluator, model = evaluator_for(tmp_path, work / "model", "--class_names", *toy.CLASSES)
    assert evaluator.label_map == [1, 2] and model.config.class_names == toy.CLASSES
    assert np.sum(evaluator.full(NoMethod(), model)["confusion"]["point"][0]) == 0


@pytest.mark.parametrize("kind", ["none", "numbers", "names", "withheld"])
def test_without_usable_labels_there_are_no_accuracies(work, tmp_path, kind):
    rows = toy.toy_rows(4, 1)
    toy.write_split(tmp_path / "first", "test", toy.without(rows, "label") if kind == "none" else rows)
    table = load_pairs(tmp_path / "first", "default", "test")
    if kind == "withheld":
        table = table.map(lambda row: {"label": -1})
    elif kind in ("numbers", "names"):
        values = [row["label"] if kind == "numbers" else toy.CLASSES[row["label"]] for row in rows]
        table = table.remove_columns("label").add_column("label", values)
    (tmp_path / "data").mkdir()
    table.to_parquet(tmp_path / "data" / "test-00000-of-00001.parquet")
    output = tmp_path / "output"
    options = {"dataset": tmp_path / "data", "model_name_or_path": work / "model", "output_dir": output}
    assert train.main(toy.flags(**options, method="zero_shot")) == 0
    results = json.loads((output / "results.json").read_text())
    for name in ("zero_shot", "teacher", "student", "mean_class"):
        assert results[name] == dict.fromkeys(COLUMNS)
    assert results["per_class"] == {} and results["num_objects"] == 4
    assert not (output / "confusion.json").exists() and (output / "README.md").is_file()


def test_a_missing_label_among_others_is_an_error(work, tmp_path):
    toy.write_split(tmp_path, "test", [{**row, "label": -1 if row["label"] else 0} for row in toy.toy_rows(4, 1)])
    evaluator, model = evaluator_for(tmp_path, work / "model")
    with pytest.raises(ValueError, match="label of row 1 is missing"):
        evaluator.full(NoMethod(), model)


# Runs that only evaluate


@pytest.mark.parametrize(
    "options", [{"method": "zero_shot"}, {"eval_only": True}, {"eval_only": True, "method": "pretrain"}]
)
def test_runs_that_only_evaluate(work, model, transform, tmp_path, options):
    paths = {"dataset": work / "data", "model_name_or_path": work / "model", "output_dir": tmp_path}
    assert train.main(toy.flags(**paths, **options)) == 0
    results = json.loads((tmp_path / "results.json").read_text())
    expected = columns_of(
        summarize(predict(model, evaluation_loader(pairs(work, transform), 64), torch.device("cpu")), toy.CLASSES)
    )
    assert results["zero_shot"] == results["teacher"] == results["student"] == expected
    assert results["steps"] == 0 and results["pairs_per_second"] is None and results["num_objects"] == 9
    assert not (tmp_path / "metrics.jsonl").exists() and not (tmp_path / "checkpoints").exists()
    before, after = (load_file(folder / "model.safetensors") for folder in (work / "model", tmp_path))
    assert before.keys() == after.keys()
    for name, value in before.items():
        torch.testing.assert_close(after[name], value, atol=1e-6, rtol=0)
