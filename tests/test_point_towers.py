"""PointNet++ and PointMLP: grouping, layers, sizes, and what the rest of the package does with such towers."""

import copy
import json

import hostile
import pytest
import torch
from torch.nn import functional as F
from toy import CLASSES, kept_bytes, make_model, toy_config
from transformers import pipeline

from modeling_crossmost import CrossMoSTForSelfTraining, CrossMoSTModel, CrossMoSTPointConfig, CrossMoSTPointModel
from modeling_crossmost.__main__ import main
from modeling_crossmost.configuration_crossmost import POINT_TOWERS
from modeling_crossmost.hub.export import export_model
from modeling_crossmost.point_ops_crossmost import ball_query, farthest_point_sample, squared_distances


ENCODERS = [tower for tower in POINT_TOWERS if tower != "point_bert"]
CENTERS = {"pointnet2": (16, 8), "pointmlp": (32, 16, 8, 4)}


CONVERTED = ("ppat", "uni3d")  # compared with their files' in test_convert_openshape.py and test_convert_uni3d.py
SMALL_PPAT = {"tokenizer_dims": (6, 8, 10), "token_size": 10, "num_groups": 12, "group_size": 6}
SMALL_PPAT |= {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}


def small_config(tower: str, **fields) -> CrossMoSTPointConfig:
    if tower in CONVERTED:
        return CrossMoSTPointConfig(tower=tower, **SMALL_PPAT, **fields)
    return CrossMoSTPointConfig(
        tower=tower, width_factor=0.125, num_centers=CENTERS[tower.split("_")[0]], head_dropout=0.5, **fields
    )


def small_tower(tower: str) -> CrossMoSTPointModel:
    """A narrow tower whose statistics and affine parameters are far from their initial values."""
    torch.manual_seed(0)
    model = CrossMoSTPointModel(small_config(tower))
    for name, value in [*model.named_parameters(), *model.named_buffers()]:
        if name.endswith("running_var"):
            value.data.uniform_(0.5, 2.0)
        elif value.is_floating_point():
            value.data.add_(0.1 * torch.randn_like(value))
    return model.eval()


def clouds(count: int = 3, points: int = 80, seed: int = 0) -> torch.Tensor:
    values = torch.randn(count, points, 3, generator=torch.Generator().manual_seed(seed))
    values = values - values.mean(dim=1, keepdim=True)
    return values / values.norm(dim=-1).amax(dim=1).clamp(min=1e-3)[:, None, None]


# ------------------------------------------------------------------------------------------------------- grouping


def plain_ball_query(points: list, centers: list, radius: float, count: int) -> list[list[int]]:
    found = []
    for center in centers:
        inside = [
            index
            for index, point in enumerate(points)
            if sum((a - b) ** 2 for a, b in zip(point, center, strict=True)) <= radius**2
        ][:count]
        found.append(inside + inside[:1] * (count - len(inside)))
    return found


@pytest.mark.parametrize(("radius", "count"), [(0.2, 4), (0.5, 16), (3.0, 8), (3.0, 100), (1e-6, 3)])
def test_ball_query_takes_the_first_points_within_the_radius(radius, count):
    points = clouds(2, 40)
    points[:, 7] = points[:, 3]  # a twin
    centers = points[:, [0, 3, 11, 39]]
    found = ball_query(squared_distances(points, centers), radius, count)
    expected = [plain_ball_query(p, c, radius, count) for p, c in zip(points.tolist(), centers.tolist(), strict=True)]
    assert found.tolist() == expected


# --------------------------------------------------------------------------------------------------- whole towers


def layer(module, rows: torch.Tensor) -> torch.Tensor:
    """A linear layer and its BatchNorm in evaluation, written out."""
    linear, norm = module.linear, module.norm
    values = rows @ linear.weight.T + (0 if linear.bias is None else linear.bias)
    return (values - norm.running_mean) / (norm.running_var + norm.eps).sqrt() * norm.weight + norm.bias


def head(module, feature: torch.Tensor) -> torch.Tensor:
    return layer(module.second, layer(module.first, feature[None]).relu()).relu()[0]


def plain_pointnet2(model: CrossMoSTPointModel, cloud: torch.Tensor) -> torch.Tensor:
    """PointNet++ for one cloud (N, 3), center by center, each neighborhood built before any layer sees it."""
    encoder = model.encoder
    points, features = cloud, cloud[:, :0]
    for stage in encoder.stages:
        chosen = farthest_point_sample(points[None], stage.centers)[0]
        rows = []
        for center in points[chosen]:
            scales = []
            for layers, (radius, count) in zip(stage.scales, stage.balls, strict=True):
                indices = plain_ball_query(points.tolist(), [center.tolist()], radius, count)[0]
                hidden = torch.cat([points[indices] - center, features[indices]], dim=-1)
                for module in layers:
                    hidden = layer(module, hidden).relu()
                scales.append(hidden.max(dim=0).values)
            rows.append(torch.cat(scales))
        points, features = points[chosen], torch.stack(rows)
    hidden = torch.cat([points, features], dim=-1)
    for module in encoder.whole:
        hidden = layer(module, hidden).relu()
    return head(encoder.head, hidden.max(dim=0).values)


def residual(modules, rows: torch.Tensor) -> torch.Tensor:
    for module in modules:
        rows = (layer(module.second, layer(module.first, rows).relu()) + rows).relu()
    return rows


def plain_pointmlp(model: CrossMoSTPointModel, cloud: torch.Tensor) -> torch.Tensor:
    """PointMLP for one cloud (N, 3), center by center."""
    encoder = model.encoder
    points, features = cloud, layer(encoder.embedding, cloud).relu()
    for stage in encoder.stages:
        chosen = farthest_point_sample(points[None], stage.centers)[0]
        again = torch.arange(24) % len(points)  # fewer points than neighbors are taken again
        around = [(points - points[index]).square().sum(-1).argsort(stable=True)[again] for index in chosen]
        differences = torch.stack([features[n] - features[i] for n, i in zip(around, chosen, strict=True)])
        deviation = ((differences - differences.mean()).square().sum() / (differences.numel() - 1)).sqrt()
        rows = []
        for difference, index in zip(differences, chosen, strict=True):
            scaled = stage.alpha * difference / (deviation + 1e-5) + stage.beta
            hidden = torch.cat([scaled, features[index].expand_as(scaled)], dim=-1)
            rows.append(residual(stage.neighbors, layer(stage.transfer, hidden).relu()).max(dim=0).values)
        points, features = points[chosen], residual(stage.pooled, torch.stack(rows))
    return head(encoder.head, features.max(dim=0).values)


@pytest.mark.parametrize("tower", [tower for tower in ENCODERS if tower not in CONVERTED])
def test_towers_equal_the_papers_computed_center_by_center(tower):
    model, points = small_tower(tower), clouds()
    plain = plain_pointnet2 if tower.startswith("pointnet2") else plain_pointmlp
    with torch.no_grad():
        found = model(point_values=points).pooler_output
        expected = torch.stack([plain(model, cloud) for cloud in points])
    assert found.shape == (3, model.config.pooled_size)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("tower", "millions"),
    [("pointnet2_ssg", 1.48), ("pointnet2_msg", 1.75), ("pointmlp", 13.24), ("pointmlp_elite", 0.72)],
)
def test_sizes_are_the_authors(tower, millions):
    model = CrossMoSTPointModel(CrossMoSTPointConfig(tower=tower))
    count = sum(parameter.numel() for parameter in model.parameters()) + 256 * 40 + 40  # their last layer
    assert count / 1e6 == pytest.approx(millions, rel=0.01)


# Uni3D's tokens come from Point-BERT's mini-PointNet, which starts as its authors' does.
@pytest.mark.parametrize("tower", [tower for tower in ENCODERS if tower != "uni3d"])
def test_initial_weights_are_large_enough_for_batch_norm(tower):
    torch.manual_seed(0)
    model = CrossMoSTPointModel(small_config(tower)).train()
    seen = []
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm1d):
            module.register_forward_pre_hook(lambda norm, inputs: seen.append((inputs[0].var(0).mean(), norm.eps)))
    model(point_values=clouds(8, 200))
    assert all(variance > 2 * epsilon for variance, epsilon in seen)


@pytest.mark.parametrize("tower", ENCODERS)
@pytest.mark.parametrize("points", [1, 5, 200])
def test_any_number_of_points_is_encoded_whatever_stands_beside_the_object(tower, points):
    model, values = small_tower(tower), clouds(4, points)
    with torch.no_grad():
        together = model(point_values=values).pooler_output
        alone = torch.cat([model(point_values=cloud[None]).pooler_output for cloud in values])
    assert together.isfinite().all()
    torch.testing.assert_close(together, alone, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("tower", ["pointnet2_msg", "pointmlp_elite"])
def test_every_parameter_learns(tower):
    model = small_tower(tower).train()
    noise = torch.rand(3, *model.config.dropout_shape)
    model(point_values=clouds(), dropout_noise=noise).pooler_output.square().sum().backward()
    assert [name for name, value in model.named_parameters() if value.grad is None] == []


@pytest.mark.parametrize("tower", ["pointnet2_ssg", "pointmlp"])
def test_dropout_is_what_the_noise_says(tower):
    model, points = small_tower(tower), clouds()
    first, second = model.config.head_sizes
    with torch.no_grad():
        kept = model(point_values=points, dropout_noise=torch.full((3, first + second), 0.9)).pooler_output
        dropped = model(point_values=points, dropout_noise=torch.full((3, first + second), 0.1)).pooler_output
        noise = torch.cat([torch.ones(3, first), torch.rand(3, second)], dim=-1)
        some = model(point_values=points, dropout_noise=noise).pooler_output
    assert not dropped.any()
    torch.testing.assert_close(some, kept * (noise[:, first:] >= 0.5))
    assert model.config.dropout_shape == (first + second,)


@pytest.mark.parametrize("tower", ["pointnet2_msg", "pointmlp"])
def test_neighbors_are_those_of_fp32_under_autocast(tower):
    model, points = small_tower(tower), clouds(4, 200)
    with torch.no_grad():
        exact = model(point_values=points).pooler_output
        with torch.autocast("cpu", torch.bfloat16):
            rough = model(point_values=points).pooler_output.float()
    assert F.cosine_similarity(exact, rough).min() > 0.99


@pytest.mark.parametrize("tower", ["pointnet2_ssg", "pointnet2_msg", "pointmlp"])
def test_autocast_halves_what_training_keeps(tower):
    model, points = small_tower(tower).train(), clouds(8, 200)
    exact = kept_bytes(lambda: model(point_values=points))
    with torch.autocast("cpu", torch.bfloat16):
        assert kept_bytes(lambda: model(point_values=points)) < 0.6 * exact


# ------------------------------------------------------------------------------------------------ in the package


@pytest.mark.parametrize("tower", ENCODERS)
def test_saved_towers_are_loaded_alone_and_in_a_model(tower, tmp_path):
    config = toy_config(point_config=small_config(tower).to_dict())
    torch.manual_seed(0)
    model = CrossMoSTModel(config).eval()
    model.save_pretrained(tmp_path)
    points = clouds()
    with torch.no_grad():
        expected = model(point_values=points)
        loaded = CrossMoSTModel.from_pretrained(tmp_path).eval()
        assert torch.equal(loaded(point_values=points).logits_per_point, expected.logits_per_point)
        alone = CrossMoSTPointModel.from_pretrained(tmp_path, config=loaded.config.point_config).eval()
        feature = unit(model.point_projection(alone(point_values=points).pooler_output))
    assert torch.equal(feature, expected.point_embeds)


@pytest.mark.parametrize("tower", [tower for tower in ENCODERS if tower not in CONVERTED])
def test_command_and_pipeline_classify_with_any_tower(tower, tmp_path, capsys):
    model, processor = make_model(tmp_path / "model", point_config=small_config(tower).to_dict())
    mesh = tmp_path / "box.off"
    mesh.write_bytes(hostile.off(hostile.BOX.vertices, hostile.BOX.faces))
    with torch.no_grad():
        output = model(**processor(mesh=str(mesh), render_views=2))
    cloud = output.logits_per_point.softmax(-1)[0]
    both = (cloud + output.logits_per_image.softmax(-1)[0]) / 2
    assert (
        main(["classify", "--model", str(tmp_path / "model"), "--views", "2", "--json", "--top-k", "9", str(mesh)]) == 0
    )
    line = json.loads(capsys.readouterr().out)
    found = pipeline("point-cloud-classification", model=str(tmp_path / "model"), device="cpu")(str(mesh), views=2)
    for given, expected in (
        (dict(line["point"]), cloud),
        (dict(line["fused"]), both),
        ({entry["label"]: entry["score"] for entry in found}, both),
    ):
        assert [given[name] for name in CLASSES] == pytest.approx(expected.tolist(), abs=1e-5)


def unit(values: torch.Tensor) -> torch.Tensor:
    return F.normalize(values, dim=-1)


def test_towers_without_tokens_refuse_groups_and_masks():
    model = small_tower("pointnet2_ssg")
    grouped = CrossMoSTPointModel(CrossMoSTPointConfig(num_hidden_layers=1)).group(clouds())
    with pytest.raises(ValueError, match="pointnet2_ssg tower has no tokens"):
        model(groups=grouped)
    with pytest.raises(ValueError, match="pointnet2_ssg tower has no tokens"):
        model(point_values=clouds(), bool_masked_pos=torch.ones(3, 4, dtype=torch.bool))
    with pytest.raises(ValueError, match="pointnet2_ssg tower has no tokens"):
        model.group(clouds())


def test_the_student_of_self_training_has_no_token_outputs():
    model = CrossMoSTForSelfTraining(toy_config(point_config=small_config("pointmlp_elite").to_dict()))
    output = model(point_values=clouds(), pixel_values=torch.rand(3, 3, 32, 32))
    assert output.token_predictions is None and output.point_tokens is None
    assert output.logits_per_point.shape == (3, len(CLASSES))
    assert not any("token_decoder" in name or "point_mask" in name for name in model.state_dict())


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"tower": "dgcnn"}, "tower must be one of point_bert, pointnet2_ssg"),
        ({"tower": "pointmlp", "num_centers": (8, 4)}, "num_centers of pointmlp must be 4 decreasing numbers"),
        ({"tower": "pointnet2_msg", "num_centers": (4, 8)}, "must be 2 decreasing numbers"),
        ({"width_factor": 0}, "width_factor must be positive"),
        ({"head_dropout": 1.0}, r"head_dropout must lie in \[0, 1\)"),
    ],
)
def test_configurations_that_cannot_be_are_refused(fields, message):
    with pytest.raises(ValueError, match=message):
        CrossMoSTPointConfig(**fields)


def test_a_copy_of_a_configuration_keeps_the_tower():
    config = toy_config(point_config=small_config("pointnet2_msg").to_dict())
    again = type(config)(**copy.deepcopy(config.to_dict()))
    assert again.point_config.tower == "pointnet2_msg" and again.point_config.pooled_size == 32


@pytest.mark.parametrize("tower", ["pointnet2_ssg", "pointmlp_elite"])
def test_exported_towers_equal_the_model(tower, tmp_path):
    pytest.importorskip("onnxscript", reason="extra [export] is not installed")
    config = toy_config(vision_config=None, point_config=small_config(tower).to_dict())
    torch.manual_seed(0)
    found = export_model(CrossMoSTModel(config).eval(), tmp_path / "out")
    assert set(found) == {"point.onnx", "point.pt2"}
    assert all(difference < 1e-4 for difference in found.values())
