"""Accuracies, confusion, entropy and bias against closed forms and scikit-learn."""

import json
import math
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from sklearn import metrics as sklearn_metrics

from modeling_crossmost.evaluation.metrics import (
    COLUMNS,
    PointViewAccuracy,
    PointViewBias,
    PointViewConfusion,
    accuracies,
    confusion_matrix,
    kl_from_uniform,
    mean_class_accuracy,
    per_class_accuracy,
    predicted_classes,
    prediction_bias,
    prediction_entropy,
    top1,
)


NAMES = ["bed", "chair", "sofa", "table"]


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def predictions(rng):
    return {column: rng.integers(0, 4, 50) for column in COLUMNS}


@pytest.fixture
def labels(rng):
    return rng.integers(0, 4, 50)


def test_plain_functions_agree_with_scikit_learn(rng):
    labels, predicted = rng.integers(0, 5, 200), rng.integers(0, 5, 200)
    assert top1(predicted, labels) == pytest.approx(100 * sklearn_metrics.accuracy_score(labels, predicted))
    np.testing.assert_array_equal(
        confusion_matrix(predicted, labels, 5), sklearn_metrics.confusion_matrix(labels, predicted, labels=range(5))
    )
    recalls = sklearn_metrics.recall_score(labels, predicted, average=None)
    np.testing.assert_allclose(per_class_accuracy(predicted, labels, 5), 100 * recalls)
    balanced = sklearn_metrics.balanced_accuracy_score(labels, predicted)
    assert mean_class_accuracy(predicted, labels, 5) == pytest.approx(100 * balanced)


def test_rows_of_the_confusion_matrix_are_true_classes():
    np.testing.assert_array_equal(confusion_matrix([2, 2, 0], [0, 0, 1], 3), [[0, 0, 2], [1, 0, 0], [0, 0, 0]])


def test_absent_class_is_nan_and_not_in_the_mean():
    labels, predicted = [0, 0, 2, 2], [0, 1, 2, 2]
    np.testing.assert_array_equal(per_class_accuracy(predicted, labels, 4), [50.0, np.nan, 100.0, np.nan])
    assert mean_class_accuracy(predicted, labels, 4) == 75.0


def test_predicted_class_of_a_tie_is_the_first():
    assert predicted_classes([[0.5, 0.5], [0.2, 0.8]]).tolist() == [0, 1]


def test_accuracies_by_hand_for_arrays_and_tensors():
    right, wrong = [[0.9, 0.1], [0.2, 0.8]], [[0.9, 0.1], [0.8, 0.2]]
    columns = {"fused": right, "image": wrong, "image_star": np.array(right), "point": torch.tensor(wrong).bfloat16()}
    result = accuracies(columns, torch.tensor([0, 1]))
    assert result == {"image": 50.0, "image_star": 100.0, "point": 50.0, "fused": 100.0}
    assert list(result) == list(COLUMNS)
    assert json.loads(json.dumps(result)) == result


def test_accuracies_takes_a_part_of_the_columns():
    assert accuracies({"point": [[0.0, 1.0]]}, [1]) == {"point": 100.0}


@pytest.mark.parametrize(
    ("columns", "labels", "words"),
    [
        ({}, [0], "got none"),
        ({"cloud": [[1.0, 0.0]]}, [0], "cloud"),
        ({"point": np.zeros((0, 2))}, [], "at least one"),
        ({"point": [[1.0, 0.0]]}, [], "at least one object"),
        ({"point": [[1.0, 0.0]]}, [2], "label 2 lies outside the 2 classes"),
        ({"point": [[1.0, 0.0]]}, [-1], "label -1 lies outside"),
        ({"point": [[1.0, 0.0]]}, [0, 1], "1 predictions for 2 labels"),
        ({"point": [[1.0, math.nan]]}, [0], "NaN in 1 of 1 rows"),
        ({"point": [1.0, 0.0]}, [0, 1], "objects, classes"),
        ({"point": [[1.0, 0.0]]}, [0.5], "whole class indices"),
    ],
)
def test_bad_input_is_one_sentence(columns, labels, words):
    with pytest.raises(ValueError, match=words) as error:
        accuracies(columns, labels)
    assert "\n" not in str(error.value)


def test_prediction_out_of_range_is_refused():
    with pytest.raises(ValueError, match="prediction 4 lies outside"):
        confusion_matrix([4], [0], 4)


@pytest.mark.parametrize("convert", [np.asarray, torch.tensor])
def test_entropy_of_even_certain_and_mixed_predictions(convert):
    even, certain = [[0.25] * 4], [[0.0, 1.0, 0.0, 0.0]]
    assert float(prediction_entropy(convert(even))) == pytest.approx(0.0, abs=1e-6)
    assert float(prediction_entropy(convert(certain))) == pytest.approx(math.log(4))
    assert float(prediction_entropy(convert(even + certain))) == pytest.approx(math.log(4) / 2)


def test_kl_is_torch_kl_div(rng):
    p = rng.dirichlet(np.ones(7), size=(3, 4))
    uniform = torch.full((3, 4, 7), 1 / 7, dtype=torch.float64)
    oracle = torch.nn.functional.kl_div(uniform.log(), torch.from_numpy(p), reduction="none").sum(-1)
    np.testing.assert_allclose(kl_from_uniform(p), oracle)
    np.testing.assert_allclose(kl_from_uniform(torch.from_numpy(p)), oracle, atol=1e-6)


def test_bias_sees_the_mean_not_the_sharpness():
    sharp_but_even = np.eye(4)
    assert prediction_bias(sharp_but_even) == pytest.approx(0.0, abs=1e-12)
    assert prediction_entropy(sharp_but_even) == pytest.approx(math.log(4))
    assert prediction_bias(np.eye(4)[[1, 1]]) == pytest.approx(math.log(4))


def test_bias_of_class_indices_is_the_bias_of_their_one_hot_rows(rng):
    indices = rng.integers(0, 6, 40)
    one_hot = np.eye(6)[indices]
    expected = prediction_bias(one_hot)
    assert prediction_bias(indices, 6) == pytest.approx(expected)
    assert float(prediction_bias(torch.from_numpy(indices), 6)) == pytest.approx(expected, abs=1e-6)
    assert float(prediction_bias(torch.from_numpy(one_hot))) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_tensors_give_scalar_float32_tensors(dtype):
    probabilities = torch.softmax(torch.randn(8, 5, generator=torch.Generator().manual_seed(0)), dim=-1).to(dtype)
    for value in (prediction_entropy(probabilities), prediction_bias(probabilities)):
        assert value.shape == ()
        assert value.dtype == torch.float32


def test_divergences_never_read_a_value_back():
    """Meta tensors hold no values: whatever runs on them cannot have waited for the device."""
    assert prediction_entropy(torch.empty(4, 3, device="meta")).device.type == "meta"
    assert prediction_bias(torch.empty(4, 3, device="meta")).device.type == "meta"
    assert prediction_bias(torch.empty(4, dtype=torch.int64, device="meta"), 3).device.type == "meta"


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: prediction_entropy(np.zeros((0, 3))), "at least one"),
        (lambda: prediction_entropy(torch.zeros(3)), "objects, classes"),
        (lambda: prediction_bias(np.zeros((0, 3))), "got shape"),
        (lambda: prediction_bias([0, 1]), "num_classes"),
        (lambda: prediction_bias([0, 5], 3), "prediction 5 lies outside"),
        (lambda: kl_from_uniform(1.0), "last dimension"),
    ],
)
def test_divergences_refuse_what_they_cannot_measure(call, words):
    with pytest.raises(ValueError, match=words):
        call()


def test_accuracy_metric_over_batches_is_the_plain_functions(predictions, labels):
    metric = PointViewAccuracy(NAMES)
    for part in (slice(0, 20), slice(20, 21), slice(21, 50)):
        metric.add_batch(references=labels[part], **{c: torch.from_numpy(p[part]) for c, p in predictions.items()})
    result = metric.compute()
    for column in COLUMNS:
        assert result[column] == pytest.approx(top1(predictions[column], labels))
        assert result["mean_class"][column] == pytest.approx(mean_class_accuracy(predictions[column], labels, 4))
        recall = per_class_accuracy(predictions[column], labels, 4)
        assert [result["per_class"][name][column] for name in NAMES] == pytest.approx(list(recall))
    json.dumps(result)


def test_accuracy_metric_leaves_absent_classes_out():
    metric = PointViewAccuracy(NAMES, columns=["point"])
    result = metric.compute(point=[0, 1], references=[0, 3])
    assert result == {
        "point": 50.0,
        "mean_class": {"point": 50.0},
        "per_class": {"bed": {"point": 100.0}, "table": {"point": 0.0}},
    }


def test_metric_starts_afresh_after_compute():
    metric = PointViewAccuracy(NAMES, columns=["point"])
    metric.add_batch(point=[0], references=[1])
    assert metric.compute()["point"] == 0.0
    metric.add_batch(point=[1], references=[1])
    assert metric.compute()["point"] == 100.0


def test_metric_without_predictions_says_so():
    metric = PointViewAccuracy(NAMES)
    with pytest.raises(ValueError, match="no predictions"):
        metric.compute()


def test_metric_names_a_label_out_of_range():
    metric = PointViewAccuracy(NAMES, columns=["point"])
    metric.add_batch(point=[0], references=[4])
    with pytest.raises(ValueError, match="label 4 lies outside the 4 classes"):
        metric.compute()


def test_concurrent_metrics_do_not_meet(predictions, labels):
    def measure(shift):
        metric = PointViewAccuracy(NAMES, columns=["point"])
        for start in range(0, 50, 10):
            part = slice(start, start + 10)
            metric.add_batch(point=(predictions["point"][part] + shift) % 4, references=labels[part])
        return metric.compute()["point"]

    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(measure, range(4)))
    assert together == pytest.approx([top1((predictions["point"] + shift) % 4, labels) for shift in range(4)])
    assert sum(together) == pytest.approx(100.0)


def test_metric_writes_no_files(monkeypatch, tmp_path):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    metric = PointViewAccuracy(NAMES, columns=["point"])
    metric.add_batch(point=[0], references=[1])
    assert not list(tmp_path.iterdir())
    assert metric.compute()["point"] == 0.0
    assert not list(tmp_path.iterdir())


def test_several_processes_need_a_place_to_meet(tmp_path):
    with pytest.raises(ValueError, match="cache_dir"):
        PointViewAccuracy(NAMES, num_process=2)
    assert PointViewAccuracy(NAMES, num_process=2, experiment_id="run", cache_dir=str(tmp_path)).num_process == 2


def test_confusion_metric_is_what_the_picture_reads(predictions, labels):
    metric = PointViewConfusion(NAMES, columns=["fused", "point"])
    metric.add_batch(references=labels, fused=predictions["fused"], point=predictions["point"])
    result = metric.compute()
    assert result["class_names"] == NAMES
    assert result["point"] == confusion_matrix(predictions["point"], labels, 4).tolist()
    assert list(result) == ["class_names", "point", "fused"]


def test_bias_metric_needs_no_labels(predictions):
    metric = PointViewBias(NAMES)
    metric.add_batch(**predictions)
    result = metric.compute()
    assert result == {column: pytest.approx(prediction_bias(predictions[column], 4)) for column in COLUMNS}


def test_unknown_columns_and_empty_class_lists_are_refused():
    with pytest.raises(ValueError, match="cloud"):
        PointViewAccuracy(NAMES, columns=["cloud"])
    with pytest.raises(ValueError, match="class_names"):
        PointViewAccuracy([])
