"""Accuracies, confusion, entropy and bias against closed forms and scikit-learn."""

import json
import math

import numpy as np
import pytest
import torch
from sklearn import metrics as sklearn_metrics

from modeling_crossmost.evaluation.metrics import (
    PointViewMetric,
    confusion_matrix,
    kl_from_uniform,
    per_class_accuracy,
    predicted_classes,
    prediction_bias,
    prediction_entropy,
    prediction_scores,
    top1,
)
from modeling_crossmost.evaluation.tables import COLUMNS


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


def test_rows_of_the_confusion_matrix_are_true_classes():
    np.testing.assert_array_equal(confusion_matrix([2, 2, 0], [0, 0, 1], 3), [[0, 0, 2], [1, 0, 0], [0, 0, 0]])


def test_absent_class_has_no_accuracy():
    np.testing.assert_array_equal(per_class_accuracy([0, 1, 2, 2], [0, 0, 2, 2], 4), [50.0, np.nan, 100.0, np.nan])


def test_predicted_class_of_a_tie_is_the_first():
    assert predicted_classes([[0.5, 0.5], [0.2, 0.8]]).tolist() == [0, 1]


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: top1([], []), "at least one object"),
        (lambda: top1([0], [0, 1]), "1 predictions for 2 labels"),
        (lambda: top1([0], [0.5]), "whole class indices"),
        (lambda: confusion_matrix([0], [2], 2), "label 2 lies outside the 2 classes"),
        (lambda: confusion_matrix([0], [-1], 2), "label -1 lies outside"),
        (lambda: confusion_matrix([4], [0], 4), "prediction 4 lies outside"),
        (lambda: predicted_classes(np.zeros((0, 2))), "at least one"),
        (lambda: predicted_classes([1.0, 0.0]), "objects, classes"),
        (lambda: predicted_classes([[1.0, math.nan]]), "NaN in 1 of 1 rows"),
    ],
)
def test_bad_input_is_one_sentence(call, words):
    with pytest.raises(ValueError, match=words) as error:
        call()
    assert "\n" not in str(error.value)


def test_entropy_of_even_certain_and_mixed_predictions():
    even, certain = torch.full((1, 4), 0.25), torch.eye(4)[1:2]
    assert float(prediction_entropy(even)) == pytest.approx(0.0, abs=1e-6)
    assert float(prediction_entropy(certain)) == pytest.approx(math.log(4))
    assert float(prediction_entropy(torch.cat([even, certain]))) == pytest.approx(math.log(4) / 2)


def test_kl_is_torch_kl_div(rng):
    p = rng.dirichlet(np.ones(7), size=(3, 4))
    uniform = torch.full((3, 4, 7), 1 / 7, dtype=torch.float64)
    oracle = torch.nn.functional.kl_div(uniform.log(), torch.from_numpy(p), reduction="none").sum(-1)
    np.testing.assert_allclose(kl_from_uniform(torch.from_numpy(p)), oracle, atol=1e-6)


def test_bias_sees_the_mean_not_the_sharpness():
    sharp_but_even = torch.eye(4)
    assert float(prediction_bias(sharp_but_even)) == pytest.approx(0.0, abs=1e-6)
    assert float(prediction_entropy(sharp_but_even)) == pytest.approx(math.log(4))
    assert float(prediction_bias(sharp_but_even[[1, 1]])) == pytest.approx(math.log(4))


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


def test_scores_are_the_plain_functions(predictions, labels):
    result = prediction_scores(predictions, labels, NAMES)
    assert list(result) == [*COLUMNS, "mean_class", "per_class", "confusion"]
    for column, predicted in predictions.items():
        recall = per_class_accuracy(predicted, labels, 4)
        assert result[column] == top1(predicted, labels)
        assert result["mean_class"][column] == pytest.approx(
            100 * sklearn_metrics.balanced_accuracy_score(labels, predicted)
        )
        assert [result["per_class"][name][column] for name in NAMES] == list(recall)
        assert result["confusion"][column] == confusion_matrix(predicted, labels, 4).tolist()
    assert list(result["confusion"]) == ["class_names", *COLUMNS]
    assert json.loads(json.dumps(result)) == result


def test_scores_leave_absent_classes_out():
    result = prediction_scores({column: [0, 1] for column in COLUMNS}, [0, 3], NAMES)
    assert result["mean_class"] == dict.fromkeys(COLUMNS, 50.0)
    assert result["per_class"] == {"bed": dict.fromkeys(COLUMNS, 100.0), "table": dict.fromkeys(COLUMNS, 0.0)}


def test_metric_over_batches_gives_the_scores(predictions, labels, tmp_path):
    metric = PointViewMetric(NAMES, cache_dir=str(tmp_path))
    for part in (slice(0, 20), slice(20, 21), slice(21, 50)):
        metric.add_batch(references=labels[part], **{c: torch.from_numpy(p[part]) for c, p in predictions.items()})
    assert metric.compute() == prediction_scores(predictions, labels, NAMES)
