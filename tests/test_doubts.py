"""What is said about an answer that is doubtful."""

import numpy as np
import pytest

from modeling_crossmost.doubts_crossmost import opinion_doubts, shape_doubts


NAMES = ["chair", "table", "bed", "sofa"]


def probabilities(first: float) -> np.ndarray:
    return np.array([first, *[(1.0 - first) / 3] * 3])


def test_a_sure_answer_of_both_raises_no_doubt():
    assert opinion_doubts(NAMES, probabilities(0.9), probabilities(0.8)) == []
    assert opinion_doubts(NAMES, probabilities(0.9), None) == []
    assert opinion_doubts(NAMES, None, probabilities(0.9)) == []


def test_modalities_that_disagree_are_named():
    (sentence,) = opinion_doubts(NAMES, probabilities(0.9), probabilities(0.9)[[1, 0, 2, 3]])
    assert "cloud says chair, the views say table" in sentence


def test_a_best_class_that_hardly_stands_out_is_named():
    (sentence,) = opinion_doubts(NAMES, probabilities(0.3), None)
    assert sentence == "No class is likely: the best, chair, has 30%."
    assert opinion_doubts(NAMES[:2], np.array([0.52, 0.48]), None)
    assert not opinion_doubts(NAMES[:2], np.array([0.8, 0.2]), None)


@pytest.mark.parametrize(("thickness", "word"), [((1.0, 1e-3, 1e-3), "one line"), ((1.0, 0.5, 1e-3), "flat")])
def test_odd_shapes_are_told_however_they_lie(thickness, word):
    rng = np.random.default_rng(0)
    rotation, _ = np.linalg.qr(rng.standard_normal((3, 3)))
    cloud = rng.uniform(-1.0, 1.0, (500, 3)) * thickness @ rotation
    (sentence,) = shape_doubts(cloud.astype(np.float32))
    assert word in sentence


def test_a_solid_object_and_a_thin_screen_are_not_odd():
    cloud = np.random.default_rng(0).uniform(-1.0, 1.0, (500, 3))
    assert shape_doubts(cloud) == shape_doubts(cloud * [1.0, 0.6, 0.02]) == []
    assert "only 1 points" in shape_doubts(cloud[:1])[0]
