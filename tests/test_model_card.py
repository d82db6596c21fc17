"""The model card, parsed back as the Hub parses it."""

import pytest
from huggingface_hub import ModelCard
from local_hub import card_errors

from modeling_crossmost.hub.model_card import model_card


NAMES = ["bed", "night stand", "so|fa"]


def percents(base):
    return {"image": base, "image_star": base + 5.125, "point": base + 2.0, "fused": base + 7.0}


@pytest.fixture
def results():
    return {
        "method": "crossmost",
        "dataset": "/home/someone/data/modelnet10",
        "split": "holdout",
        "num_objects": 798,
        "seed": 3,
        "zero_shot": percents(60.0),
        "teacher": percents(80.0),
        "student": percents(78.0),
        "per_class": {"bed": percents(70.0), "night stand": percents(40.0), "so|fa": percents(90.0)},
        "mean_class": percents(66.0),
        "steps": 600,
        "wall_seconds": 812.3,
        "pairs_per_second": 47.21,
        "versions": {"torch": "2.15.0"},
    }


@pytest.fixture
def args():
    return {
        "model_name_or_path": "openai/clip-vit-base-patch16",
        "dataset": "/home/someone/data/modelnet10",
        "output_dir": "/home/someone/outputs/run",
        "resume_from_checkpoint": "/home/someone/outputs/run/checkpoints/step_5",
        "learning_rate": 0.002,
        "align": True,
        "freeze_image": False,
        "pseudo_label": "joint",
    }


def card(results, args, **changes):
    options = {"class_names": NAMES, "prompt_templates": ["a 3D model of a {}."], "up_axis": "y"} | changes
    return ModelCard(model_card(results, args, **options))


def test_metadata_is_read_back(results, args):
    data = card(results, args).data
    assert data.license == "apache-2.0"
    assert data.library_name == "transformers"
    assert data.base_model == "openai/clip-vit-base-patch16"
    assert {"point-cloud", "label-free"} <= set(data.tags)
    assert data.model_name == "Cross-MoST on modelnet10"
    values = {result.metric_name.rsplit(" ", 1)[-1]: result.metric_value for result in data.eval_results}
    assert values == {"image": 80.0, "image*": 85.12, "point": 82.0, "fused": 87.0}
    for result in data.eval_results:
        assert (result.dataset_name, result.dataset_split, result.metric_type) == ("modelnet10", "holdout", "accuracy")


def test_the_hub_takes_the_metadata(results, args):
    for changes in ({}, {"dataset": "a set of mine (2)"}, {"teacher": None, "zero_shot": None, "per_class": None}):
        assert card_errors(str(card(results | changes, args)), "model") == []
    assert card_errors(str(card({}, {"hub_model_id": "someone/chairs"})), "model") == []


def test_card_survives_a_second_round(results, args):
    once = card(results, args)
    assert ModelCard(str(once)).data.to_dict() == once.data.to_dict()


def test_tables_hold_the_numbers(results, args):
    lines = card(results, args).text.splitlines()
    assert "| zero-shot | 60.0 | 65.1 | 62.0 | 67.0 |" in lines
    assert "| teacher | **80.0** | **85.1** | **82.0** | **87.0** |" in lines
    assert "| student | 78.0 | 83.1 | 80.0 | 85.0 |" in lines
    assert "| night stand | 40.0 | 45.1 | 42.0 | 47.0 |" in lines
    assert "| base learning rate (per 256 pairs) | 0.002 |" in lines
    assert "| cross-modal alignment | on |" in lines
    assert "| image tower frozen | off |" in lines
    assert "| wall time | 14 min |" in lines
    assert "| versions | torch 2.15.0 |" in lines


def test_every_table_row_has_its_table_s_number_of_columns(results, args):
    rows = [line.replace(r"\|", "") for line in card(results, args).text.splitlines() if line.startswith("|")]
    assert {row.count("|") for row in rows} == {3, 6}


@pytest.mark.parametrize("axis", ["x", "y", "z"])
def test_axis_classes_prompts_limits_and_usage_are_named(results, args, axis):
    text = card(results, args | {"hub_model_id": "someone/chairs"}, up_axis=axis).text
    assert f"takes **{axis}** as up" in text
    assert "bed, night stand, so|fa" in text
    assert "`a 3D model of a {}.`" in text
    assert 'CrossMoSTModel.from_pretrained("someone/chairs")' in text
    assert "weakest class here is night stand: 47.0 %" in text
    assert text.lstrip().startswith("# chairs\n")


def test_the_example_is_python(results, args):
    code = card(results, args).text.split("```python\n")[1].split("```")[0]
    compile(code, "example", "exec")


def test_no_path_of_the_training_machine_is_told(results, args):
    content = str(card(results, args, pictures=["/home/someone/outputs/run/accuracy.png"]))
    assert "someone" not in content
    assert "/home" not in content
    assert "](accuracy.png)" in content


@pytest.mark.parametrize("local", ["assets/crossmost-mini", "./model", "/models/clip", "model"])
def test_local_models_are_no_hub_ids(results, args, local):
    assert card(results, args | {"model_name_or_path": local}).data.base_model is None


def test_hub_data_set_is_linked(results, args):
    data = card(results | {"dataset": "someone/pairs"}, args | {"dataset": "someone/pairs"}).data
    assert data.datasets == "someone/pairs"
    assert data.eval_results[0].dataset_type == "someone/pairs"


def test_run_without_labels_has_a_card_without_numbers(args):
    made = card({"method": "pretrain", "zero_shot": None, "teacher": None, "student": None}, args)
    assert not made.data.eval_results
    assert "No labeled split was evaluated." in made.text
    assert "without labels" not in made.text


def test_zero_shot_run_reports_zero_shot(results, args):
    made = card(results | {"method": "zero_shot", "teacher": None, "student": None}, args)
    assert made.data.eval_results[0].metric_value == 60.0
    assert "| teacher |" not in made.text


def test_many_prompts_are_counted_not_listed(results, args):
    text = card(results, args, prompt_templates=[f"prompt {i} of a {{}}" for i in range(64)]).text
    assert "`prompt 9 of a {}`" in text
    assert "`prompt 10 of a {}`" not in text
    assert "and 54 more" in text


def test_bad_axis_and_empty_classes_are_refused(results, args):
    with pytest.raises(ValueError, match="up_axis must be one of x, y, z, got 'up'"):
        card(results, args, up_axis="up")
    with pytest.raises(ValueError, match="class_names"):
        card(results, args, class_names=[])
