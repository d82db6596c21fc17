"""Options: precedence of preset, recipe and command line, and one sentence for everything unusable."""

import dataclasses
from pathlib import Path

import pytest
import yaml
from golden import REPOSITORY

from modeling_crossmost.data.augmentation import CloudAugmentation
from modeling_crossmost.evaluation.prompts import PROMPT_SETS, prompt_set
from modeling_crossmost.training.arguments import (
    FREE_ON_RESUME,
    METHOD_PRESETS,
    METHODS,
    PARTS,
    parse_arguments,
    read_recipe,
)
from modeling_crossmost.utils.command_line import UsageError


# What users, scripts and acceptance checks rely on.
PROMISED = [
    "model_name_or_path",
    "dataset",
    "dataset_config",
    "train_split",
    "eval_split",
    "streaming",
    "output_dir",
    "method",
    "pseudo_label",
    "align",
    "align_temperature",
    "masked_modeling",
    "fairness",
    "freeze_image",
    "freeze_text",
    "freeze_point_tokenizer",
    "num_views",
    "num_train_epochs",
    "max_steps",
    "per_device_train_batch_size",
    "gradient_accumulation_steps",
    "learning_rate",
    "ema_decay_start",
    "ema_decay",
    "ema_ramp_steps",
    "seed",
    "resume_from_checkpoint",
    "checkpointing_steps",
    "report_to",
    "eval_only",
    "push_to_hub",
    "hub_model_id",
]


def write(folder: Path, text: str) -> str:
    path = folder / "recipe.yaml"
    path.write_text(text)
    return str(path)


def refused(argv: list[str], message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        parse_arguments(argv)
    assert "\n" not in str(caught.value)


# --------------------------------------------------------------------------------------------------------------------
# What holds without options
# --------------------------------------------------------------------------------------------------------------------


def test_nothing_means_the_quick_starts_cross_most_run():
    arguments = parse_arguments([])
    assert arguments.train.method == "crossmost" and arguments.data.dataset == "furniture"
    assert arguments.data.dataset_config == "scan"
    assert arguments.data.model_name_or_path == "assets/crossmost-mini"
    assert arguments.train.output_dir == "outputs/quickstart/crossmost"


def test_losses_are_the_papers_and_labels_our_own_by_default():
    arguments = parse_arguments([])
    method, train = arguments.method, arguments.train
    assert (method.pseudo_label, method.anchor, method.confidence_threshold) == ("sum", 0.5, 0.0)
    assert (method.loss_variant, method.align_temperature) == ("paper", None)
    assert (method.soft_labels, method.fairness_target) == (True, "auto")
    assert method.align and method.fairness and method.masked_modeling and method.freeze_point_tokenizer
    assert (train.ema_decay_start, train.weight_decay, train.max_grad_norm) == (0.99, 0.05, None)


def test_the_papers_preset_yields_to_method_recipe_and_command_line(tmp_path):
    recipe = parse_arguments(["recipes/paper.yaml"]).to_dict()
    preset = parse_arguments(["--preset", "paper"]).to_dict()
    of_hardware = {"image_mask_unit", "per_device_train_batch_size", "dataloader_num_workers", "checkpointing_steps"}
    assert {name for name, value in preset.items() if value != recipe[name]} == of_hardware
    baseline = parse_arguments(["--method=baseline", "--preset=paper"]).to_dict()
    assert (baseline["pseudo_label"], baseline["align"], baseline["confidence_threshold"]) == ("own", False, 0.84)
    assert preset["anchor"] == baseline["anchor"] == 0.0 and preset["pseudo_label"] == "joint"
    assert preset["fairness_target"] == baseline["fairness_target"] == "uniform"
    assert not preset["soft_labels"] and not baseline["soft_labels"]
    written = write(tmp_path, "preset: paper\nconfidence_threshold: 0.5\n")
    found = parse_arguments([written, "--layer_decay", "0.9"]).to_dict()
    assert (found["confidence_threshold"], found["layer_decay"], found["ema_decay"]) == (0.5, 0.9, 0.9998)


@pytest.mark.parametrize(
    ("name", "joint", "weight", "image", "point"),  # of the official files
    [
        ("modelnet10", 0.84, 0.9, 0.84, 0.84),
        ("modelnet40", 0.84, 0.9, 0.8, 0.82),
        ("modelnet40_depth", 0.84, 0.9, 0.84, 0.84),
        ("redwood", 0.82, 1.0, 0.82, 0.82),
        ("co3d", 0.84, 0.9, 0.8, 0.82),
        ("scanobjectnn", 0.82, 1.0, 0.8, 0.82),
        ("scanobjectnn_withbg", 0.82, 1.0, 0.6, 0.6),
        ("scanobjectnn_hardest", 0.82, 1.0, 0.6, 0.6),
    ],
)
def test_every_data_set_of_the_paper_has_its_recipes(name, joint, weight, image, point):
    trained = parse_arguments([f"recipes/paper/{name}_crossmost.yaml"])
    assert (trained.method.confidence_threshold, trained.method.point_confidence_weight) == (joint, weight)
    assert (trained.train.method, trained.train.learning_rate, trained.data.dataset) == (
        "crossmost",
        2e-5,
        f"pairs/{name}",
    )
    alone = parse_arguments([f"recipes/paper/{name}_baseline.yaml"])
    method = alone.method
    shared = method.confidence_threshold
    assert (method.confidence_threshold_image or shared, method.confidence_threshold_point or shared) == (image, point)
    assert (alone.train.method, method.pseudo_label, method.align) == ("baseline", "own", False)
    for train in (trained.train, alone.train):
        assert train.num_train_epochs == (150 if name == "co3d" else 200)
        assert train.per_device_train_batch_size == (64 if name == "redwood" else 128)


@pytest.mark.parametrize("method", ["pretrain", "supervised", "pointcmt"])
def test_the_papers_preset_is_for_its_methods(method):
    with pytest.raises(UsageError, match=f"--preset paper belongs to .*, not to {method}"):
        parse_arguments(["--method", method, "--preset", "paper"])


def test_the_papers_recipe_names_its_optimizer_teacher_and_strengths():
    arguments = parse_arguments(["recipes/paper.yaml"])
    method, train = arguments.method, arguments.train
    assert (train.ema_decay_start, train.ema_decay, train.ema_ramp_steps) == (0.99, 0.9998, 400)
    assert (train.weight_decay, train.layer_decay, train.max_grad_norm) == (0.05, 0.65, None)
    assert method.rand_augment == "rand-m9-mstd0.5-inc1" and method.confidence_threshold == 0.84
    assert (method.image_mask_unit, method.image_mask_ratio) == (32, 0.3)
    assert (method.point_mask_ratio_min, method.point_mask_ratio_max) == (0.3, 0.4)
    assert (method.masked_image_weight, method.masked_point_weight, method.global_local_weight) == (1.0, 1.0, 0.2)
    clouds = method.cloud_augmentation()
    assert clouds == CloudAugmentation(), "the official strengths"
    assert method.image_crop() == (0.3, 1.0)


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        (
            "baseline",
            {"pseudo_label": "own", "align": False, "fairness": True, "output_dir": "outputs/quickstart/baseline"}
            | {"anchor": 0.0, "confidence_threshold": 0.6},
        ),
        ("crossmost", {"pseudo_label": "sum", "align": True, "freeze_image": False}),
        (
            "pretrain",
            {"freeze_image": True, "freeze_text": True, "freeze_point_tokenizer": False, "dataset_config": "clean"},
        ),
        ("zero_shot", {"pseudo_label": "sum"}),
    ],
)
def test_presets(method, expected):
    resolved = parse_arguments(["--method", method]).to_dict()
    assert resolved["method"] == method
    assert {name: resolved[name] for name in expected} == expected


def test_every_preset_and_free_field_exists():
    names = set(parse_arguments([]).to_dict())
    assert set(METHOD_PRESETS) == set(METHODS)
    assert names >= FREE_ON_RESUME
    assert all(names >= set(preset) for preset in METHOD_PRESETS.values())


# --------------------------------------------------------------------------------------------------------------------
# Precedence
# --------------------------------------------------------------------------------------------------------------------


def test_the_command_line_beats_the_recipe_and_the_recipe_the_preset(tmp_path):
    recipe = write(tmp_path, "method: baseline\npseudo_label: image\nseed: 3\nlearning_rate: 0.5\n")
    resolved = parse_arguments([recipe]).to_dict()
    assert resolved["pseudo_label"] == "image" and resolved["align"] is False, "the preset of the recipe's method"
    assert (resolved["seed"], resolved["learning_rate"]) == (3, 0.5)
    resolved = parse_arguments([recipe, "--pseudo_label", "point", "--seed", "4", "--align", "true"]).to_dict()
    assert (resolved["pseudo_label"], resolved["seed"], resolved["align"]) == ("point", 4, True)
    assert resolved["learning_rate"] == 0.5


def test_the_command_lines_method_chooses_the_preset(tmp_path):
    recipe = write(tmp_path, "method: baseline\n")
    for flags in (["--method", "crossmost"], ["--method=crossmost"]):
        resolved = parse_arguments([recipe, *flags]).to_dict()
        assert (resolved["method"], resolved["pseudo_label"]) == ("crossmost", "sum")


@pytest.mark.parametrize(
    ("line", "name", "value"),
    [
        ("align: off", "align", False),
        ("streaming: yes", "streaming", True),
        ("learning_rate: 2e-3", "learning_rate", 2e-3),  # YAML reads this as text
        ("learning_rate: 1", "learning_rate", 1.0),
        ("max_steps: -1", "max_steps", -1),
        ("output_dir: -odd", "output_dir", "-odd"),
        ("output_dir: 5", "output_dir", "5"),
        ("checkpointing_steps: 10", "checkpointing_steps", "10"),
        ("strong_scale: [0.8, 1]", "strong_scale", [0.8, 1.0]),
        ("class_names: [night stand, bed]", "class_names", ["night stand", "bed"]),
        ("max_grad_norm: null", "max_grad_norm", None),
        ("num_views: 2", "num_views", 2),
    ],
)
def test_values_of_a_recipe(tmp_path, line, name, value):
    found = parse_arguments([write(tmp_path, line)]).to_dict()[name]
    assert found == value and type(found) is type(value)


def test_an_empty_recipe_changes_nothing(tmp_path):
    assert parse_arguments([write(tmp_path, "# nothing\n")]).to_dict() == parse_arguments([]).to_dict()


def test_written_arguments_are_a_recipe_that_gives_the_same_run(tmp_path):
    arguments = parse_arguments(
        ["--method", "baseline", "--seed", "7", "--strong_crop", "0.7", "0.9", "--num_views", "3"]
    )
    recipe = write(tmp_path, yaml.safe_dump(arguments.to_dict()))
    assert parse_arguments([recipe]).to_dict() == arguments.to_dict()


def test_every_shipped_recipe_is_valid():
    others = ("accelerate", "clusters")  # of launchers
    recipes = [path for path in sorted((REPOSITORY / "recipes").rglob("*.yaml")) if path.parent.name not in others]
    assert recipes
    for recipe in recipes:
        given = read_recipe(recipe)
        resolved = parse_arguments([str(recipe)]).to_dict()
        assert {name: resolved[name] for name in given} == given, recipe.name


# --------------------------------------------------------------------------------------------------------------------
# Fields
# --------------------------------------------------------------------------------------------------------------------


def test_every_promised_field_is_an_option():
    defaults = parse_arguments([]).to_dict()
    assert set(PROMISED) <= set(defaults)
    samples = {bool: "false", int: "3", float: "0.5", str: "joint", type(None): "1"}
    fixed = {"method": "crossmost", "freeze_text": "true", "hub_model_id": "me/model"}
    for name in PROMISED:
        value = fixed.get(name, samples[type(defaults[name])])
        found = parse_arguments(
            [f"--{name}", value, *(["--hub_model_id", "me/model"] if name == "push_to_hub" else [])]
        )
        text = str(found.to_dict()[name]).lower()
        assert text == value or float(text) == float(value), name


def test_names_with_dashes_work_too():
    assert parse_arguments(["--max-steps", "5"]).train.max_steps == 5


def test_a_field_belongs_to_one_part_and_is_documented():
    names = [field.name for part in PARTS for field in dataclasses.fields(part)]
    assert len(names) == len(set(names))
    for part in PARTS:
        assert all(field.name in part.__doc__ for field in dataclasses.fields(part))


def test_the_help_explains_every_field_in_a_group_of_its_part(capsys):
    with pytest.raises(SystemExit) as caught:
        parse_arguments(["--help"])
    assert caught.value.code == 0
    text = capsys.readouterr().out
    assert text.startswith("usage: accelerate launch train.py [RECIPE.yaml]") and "example:\n  accelerate" in text
    places = [text.index(f"\n{title}") for title in ("model and data:", "training:", "self-training", "pre-training")]
    assert places == sorted(places)
    assert text.index("\n  --patch_dropout") > places[-1] > text.index("\n  --pseudo_label ")
    assert "\n  --no_align" not in text and "--max-steps" not in text, "one spelling of each"
    assert all(f"\n  --{field.name}" in text for part in PARTS for field in dataclasses.fields(part))


@pytest.mark.parametrize("method", [name for name in METHODS if name != "pretrain"])
def test_options_of_pre_training_belong_to_it_alone(method):
    own = next(part for part in PARTS if "patch_dropout" in {field.name for field in dataclasses.fields(part)})
    for field in dataclasses.fields(own):
        value = {bool: not field.default, float: 1.0 if field.name == "room" else 0.5}.get(type(field.default), 2)
        value = 1.5 if field.name == "stretch" else value
        refused(["--method", method, f"--{field.name}", str(value)], f"{field.name} belongs to --method pretrain")
        assert parse_arguments(["--method", "pretrain", f"--{field.name}", str(value)]).to_dict()[field.name] == value


# --------------------------------------------------------------------------------------------------------------------
# What is refused
# --------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--learn_rate", "1"], "unknown option --learn_rate"),
        (["--see", "1"], "unknown option --see"),
        (["--seed", "1", "recipe.yaml"], "unknown option recipe.yaml"),
        (["--seed", "one"], "--seed: invalid int value: 'one'"),
        (["--seed"], "--seed: expected one argument"),
        (["--seed", "1.5"], "invalid int value: '1.5'"),
        (["--align", "maybe"], "align.*maybe"),
        (["--method", "magic"], "method: invalid choice: 'magic'"),
        (["--method"], "--method: expected one argument"),
        (["--pseudo_label", "both"], "pseudo_label must be one of joint, sum, image, point, random, own, got 'both'"),
        (["--confidence_threshold", "2"], "confidence_threshold must lie between 0 and 1, got 2.0"),
        (["--per_device_train_batch_size", "0"], "per_device_train_batch_size must be positive, got 0"),
        (["--learning_rate", "-0.1"], "learning_rate must be positive, got -0.1"),
        (["--learning_rate", "nan"], "learning_rate must be a finite number, got nan"),
        (["--learning_rate", "inf"], "learning_rate must be a finite number, got inf"),
        (["--ema_decay", "1.5"], "ema_decay must lie between 0 and 1, got 1.5"),
        (["--checkpointing_steps", "often"], "checkpointing_steps must be a positive number or 'epoch', got 'often'"),
        (["--checkpointing_steps", "0"], "checkpointing_steps must be a positive number"),
        (["--push_to_hub", "true"], "push_to_hub needs hub_model_id"),
        (["--occlusion", "0.3"], "occlusion belongs to --method pretrain"),
        (["--floor", "0.3"], "floor belongs to --method pretrain"),
        (["--room", "0.3"], "room belongs to --method pretrain"),
        (["--patch_dropout", "0.5"], "patch_dropout belongs to --method pretrain"),
        (["--method", "pretrain", "--room", "1.5"], "room must lie between 0 and 1, got 1.5"),
        (["--freeze_text", "false"], "freeze_text belongs to --method pretrain"),
        (["absent.yaml"], "the recipe absent.yaml cannot be read"),
    ],
)
def test_unusable_command_lines(argv, message):
    refused(argv, message)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("learn_rate: 1\nseeds: 3\n", "has unknown keys: learn_rate, seeds"),
        ("1: 2\n", "has unknown keys: 1"),
        ("- seed\n", "holds a list: write 'key: value' lines"),
        ("just text\n", "holds a str: write 'key: value' lines"),
        ("seed: [1\n", "is not YAML"),
        ("seed: one\n", "--seed: invalid int value: 'one'"),
        ("seed: [1, 2]\n", r"seed in the recipe .* takes one value, got \[1, 2\]"),
        ("output_dir: {a: 1}\n", "output_dir in the recipe .* takes one value, got {'a': 1}"),
        ("method: [crossmost]\n", "method in the recipe .* takes one value"),
        ("method: magic\n", "invalid choice: 'magic'"),
        ("align: 3\n", "align.*3"),
        ("strong_scale: [wide]\n", "strong-scale: invalid float value: 'wide'"),
        ("strong_scale: []\n", "--strong-scale: expected at least one argument"),
        ("strong_scale: [2.0, 1.0]\n", "strong_scale is"),
        ("label_smoothing: 0.1\n", "label_smoothing belongs to --method pretrain and those with labels"),
    ],
)
def test_unusable_recipes(tmp_path, text, message):
    refused([write(tmp_path, text)], message)


def test_a_recipe_that_is_no_text(tmp_path):
    (tmp_path / "recipe.yaml").write_bytes(b"\xff\xfe\x00")
    refused([str(tmp_path / "recipe.yaml")], "cannot be read")
    refused([str(tmp_path)], "cannot be read")


# --------------------------------------------------------------------------------------------------------------------
# Prompt sets
# --------------------------------------------------------------------------------------------------------------------


def test_prompt_sets():
    assert prompt_set("paper") == ["a photo of a {}", "a 3D model of a {}"]
    assert len(prompt_set("ulip_64")) == len(set(prompt_set("ulip_64"))) == 64
    assert all(template.count("{}") == 1 for templates in PROMPT_SETS.values() for template in templates)
    prompt_set("paper").append("changed")
    assert len(prompt_set("paper")) == 2, "a copy each time"
    with pytest.raises(ValueError, match="There is no prompt set 'mine': choose one of paper, modelnet"):
        prompt_set("mine")
