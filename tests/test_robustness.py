"""Damaged clouds and few views: what each damage does, and that the command measures it."""

import json

import numpy as np
import pytest
import torch
import toy
from test_point_towers import clouds

from modeling_crossmost import CrossMoSTModel
from modeling_crossmost.__main__ import main
from modeling_crossmost.data.keyed_random import object_keys
from modeling_crossmost.evaluation.robustness import (
    DAMAGES,
    drop_points,
    jitter,
    keep_points,
    mistake_axis,
    occlude,
)
from modeling_crossmost.geometry_crossmost import convert_up_axis


KEYS = object_keys(0, 0, torch.arange(3))


@pytest.mark.parametrize("kind", [kind for kind, damage in DAMAGES.items() if damage.apply is not None])
def test_every_damage_begins_with_none_and_repeats(kind):
    given, damage = clouds(), DAMAGES[kind]
    assert torch.equal(damage.apply(given, KEYS, damage.strengths[0]), given)
    for strength in damage.strengths[1:]:
        once = damage.apply(given, KEYS, strength)
        assert torch.equal(once, damage.apply(given, KEYS, strength))
        alone = damage.apply(given[1:2], KEYS[1:2], strength)
        torch.testing.assert_close(once[1:2], alone)  # whatever stands beside an object


@pytest.mark.parametrize(
    ("damage", "strength", "left"), [(drop_points, 0.75, 20), (occlude, 0.25, 60), (keep_points, 7, 7)]
)
def test_points_that_stay_are_those_of_the_cloud(damage, strength, left):
    given = clouds()
    found = damage(given, KEYS, strength)
    assert found.shape == (3, left, 3)
    for cloud, rest in zip(given, found, strict=True):
        rows = {tuple(point) for point in cloud.tolist()}
        assert {tuple(point) for point in rest.tolist()} <= rows
        assert len({tuple(point) for point in rest.tolist()}) == left


def test_what_is_cut_off_lies_on_one_side():
    given = clouds()
    for cloud, rest in zip(given, occlude(given, KEYS, 0.5), strict=True):
        stays = torch.tensor([(cloud == point).all(1).nonzero()[0, 0] for point in rest])
        gone = torch.ones(len(cloud), dtype=torch.bool)
        gone[stays] = False
        # Linearly separable: a perceptron between both halves comes to its end.
        sides = torch.cat([cloud, torch.ones(len(cloud), 1)], dim=1) * (2.0 * gone[:, None] - 1)
        plane = torch.zeros(4)
        for _ in range(20000):
            wrong = (sides @ plane <= 0).nonzero()
            if len(wrong) == 0:
                break
            plane += sides[wrong[0, 0]]
        assert (sides @ plane > 0).all()


def test_noise_has_its_deviation():
    given = clouds(3, 4000)
    assert float((jitter(given, KEYS, 0.05) - given).std()) == pytest.approx(0.05, rel=0.03)


@pytest.mark.parametrize("axis", ["x", "z", "-y"])
def test_a_mistaken_axis_is_that_of_reading_a_file_so(axis):
    given = clouds()
    expected = np.stack([convert_up_axis(cloud.numpy(), axis, "y") for cloud in given])
    np.testing.assert_allclose(mistake_axis(given, KEYS, axis).numpy(), expected, atol=1e-6)


@pytest.mark.usefixtures("own_cache")
def test_the_command_measures_and_draws(work, tmp_path, capsys):
    options = ["--model", str(work / "model"), "--dataset", str(work / "data"), "--batch-size", "4"]
    assert main(["robustness", *options, "--output", str(tmp_path / "out")]) == 0
    written = json.loads((tmp_path / "out" / "robustness.json").read_text())
    assert written["num_objects"] == 9 and set(written["curves"]) == set(DAMAGES)
    for kind, curve in written["curves"].items():
        first = next(iter(curve.values()))
        assert set(first) == {"image_star" if kind == "views" else "point", "fused"}
        assert all(0 <= value <= 100 for cells in curve.values() for value in cells.values())
    wholes = {kind: next(iter(curve.values()))["fused"] for kind, curve in written["curves"].items()}
    assert len({value for kind, value in wholes.items() if kind != "points"}) == 1, "nothing is damaged there"
    assert (tmp_path / "out" / "robustness.png").stat().st_size > 10_000
    assert "| number of views |" in (tmp_path / "out" / "robustness.md").read_text()
    assert main(["robustness", *options, "--batch-size", "2", "--output", str(tmp_path / "again")]) == 0
    assert json.loads((tmp_path / "again" / "robustness.json").read_text())["curves"] == written["curves"]
    capsys.readouterr()


@pytest.mark.usefixtures("own_cache")
def test_a_model_for_clouds_alone_and_a_split_without_labels(work, tmp_path, capsys):
    model = CrossMoSTModel.from_pretrained(work / "model", vision_config=None)
    folder = tmp_path / "clouds"
    for path in (work / "model").iterdir():
        (folder / path.name).parent.mkdir(exist_ok=True)
        (folder / path.name).write_bytes(path.read_bytes())
    model.save_pretrained(folder)
    options = ["--dataset", str(work / "data"), "--output", str(tmp_path / "out")]
    assert main(["robustness", "--model", str(folder), *options]) == 0
    curves = json.loads((tmp_path / "out" / "robustness.json").read_text())["curves"]
    assert "views" not in curves and set(next(iter(curves["jitter"].values()))) == {"point"}
    toy.write_split(tmp_path / "unlabeled", "test", toy.without(toy.toy_rows(4, 0), "label"))
    options = ["--model", str(folder), "--dataset", str(tmp_path / "unlabeled"), "--output", str(tmp_path / "none")]
    assert main(["robustness", *options]) == 2
    assert "has no labels" in capsys.readouterr().err and not (tmp_path / "none").exists()
