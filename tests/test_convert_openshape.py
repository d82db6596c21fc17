"""OpenShape: random files in its layout against a plain forward pass on the raw tensors, and its space."""

import pytest
import torch
from test_convert_colored import attention, layer_norm, norm, normal
from torch.nn import functional as F
from toy import toy_clip

from modeling_crossmost import CrossMoSTModel, CrossMoSTPointConfig, CrossMoSTPointModel
from modeling_crossmost.__main__ import main
from modeling_crossmost.point_ops_crossmost import farthest_point_sample


WIDTH, BLOCKS, SPACE = 16, 2, 20
GROUPS, SIZE, RADIUS = 8, 6, 0.2
OPTIONS = ["--point-heads", "2", "--point-groups", str(GROUPS), "--group-size", str(SIZE)]


def content(channels: int = 6, space: int = SPACE, scale: bool = True) -> dict:
    state: dict[str, torch.Tensor] = {"ppat.cls_token": normal(WIDTH)}
    widths = [3 + channels, 5, 7, 9]
    for number in range(3):
        state[f"ppat.sa.mlp_convs.{number}.weight"] = normal(widths[number + 1], widths[number], 1, 1)
        state[f"ppat.sa.mlp_convs.{number}.bias"] = normal(widths[number + 1])
        inside = f"ppat.sa.mlp_bns.{number}"
        norm(state, inside, widths[number + 1])
        state[f"{inside}.running_mean"] = normal(widths[number + 1])
        state[f"{inside}.running_var"] = 0.5 + normal(widths[number + 1]).abs()
        state[f"{inside}.num_batches_tracked"] = torch.tensor(2)
    state["ppat.lift.0.weight"], state["ppat.lift.0.bias"] = normal(WIDTH, 12, 1), normal(WIDTH)
    norm(state, "ppat.lift.2", WIDTH)
    for block in range(BLOCKS):
        inside = f"ppat.transformer.layers.{block}"
        norm(state, f"{inside}.0.norm", WIDTH)
        norm(state, f"{inside}.1.norm", WIDTH)
        state[f"{inside}.0.fn.to_qkv.weight"] = normal(3 * WIDTH, WIDTH)
        for layer, size, width in (
            ("0.fn.to_out.0", WIDTH, WIDTH),
            ("1.fn.net.0", WIDTH, 3 * WIDTH),
            ("1.fn.net.3", 3 * WIDTH, WIDTH),
        ):
            state[f"{inside}.{layer}.weight"], state[f"{inside}.{layer}.bias"] = normal(width, size), normal(width)
    state["proj.weight"], state["proj.bias"] = normal(space, WIDTH), normal(space)
    given = {"state_dict": {f"module.{name}": value for name, value in state.items()}, "epoch": 3, "optimizer": {}}
    return given | ({"logit_scale": torch.tensor(3.5)} if scale else {})


def encode(given: dict, cloud: torch.Tensor, channels: int = 6) -> torch.Tensor:
    """The public forward pass for one cloud (N, 6)."""
    state = {name.removeprefix("module."): value for name, value in given["state_dict"].items()}
    places, features = cloud[:, :3], cloud[:, :channels]
    centers = places[farthest_point_sample(places[None], GROUPS)[0]]
    tokens = []
    for center in centers:
        inside = ((places - center).square().sum(-1) <= RADIUS**2).nonzero()[:, 0][:SIZE]
        rows = torch.cat([places[inside] - center, features[inside]], dim=-1)
        for number in range(3):
            weight = state[f"ppat.sa.mlp_convs.{number}.weight"][..., 0, 0]
            rows = rows @ weight.T + state[f"ppat.sa.mlp_convs.{number}.bias"]
            name = f"ppat.sa.mlp_bns.{number}"
            rows = (rows - state[f"{name}.running_mean"]) / (state[f"{name}.running_var"] + 1e-5).sqrt()
            rows = (rows * state[f"{name}.weight"] + state[f"{name}.bias"]).relu()
        tokens.append(rows.amax(0))
    lifted = torch.cat([centers, torch.stack(tokens)], dim=-1) @ state["ppat.lift.0.weight"][..., 0].T
    lifted = layer_norm(state, "ppat.lift.2", lifted + state["ppat.lift.0.bias"])
    rows = torch.cat([state["ppat.cls_token"][None], lifted])
    for block in range(BLOCKS):
        inside = f"ppat.transformer.layers.{block}"
        qkv = layer_norm(state, f"{inside}.0.norm", rows) @ state[f"{inside}.0.fn.to_qkv.weight"].T
        mixed = attention(*qkv.chunk(3, -1), 2, False)
        rows = rows + mixed @ state[f"{inside}.0.fn.to_out.0.weight"].T + state[f"{inside}.0.fn.to_out.0.bias"]
        hidden = layer_norm(state, f"{inside}.1.norm", rows)
        hidden = F.gelu(hidden @ state[f"{inside}.1.fn.net.0.weight"].T + state[f"{inside}.1.fn.net.0.bias"])
        rows = rows + hidden @ state[f"{inside}.1.fn.net.3.weight"].T + state[f"{inside}.1.fn.net.3.bias"]
    return state["proj.weight"] @ rows[0] + state["proj.bias"]


def clouds() -> torch.Tensor:
    generator = torch.Generator().manual_seed(3)
    places = 0.3 * torch.randn(2, 60, 3, generator=generator)
    return torch.cat([places, torch.rand(2, 60, 3, generator=generator)], dim=-1)


def convert(given: dict, folder, *options: str) -> int:
    torch.save(given, folder / "given.pt")
    return main(["convert", str(folder / "given.pt"), "--output", str(folder / "out"), *OPTIONS, *options])


@pytest.mark.parametrize("kind", ["auto", "openshape"])
@pytest.mark.parametrize("channels", [3, 6])
@torch.no_grad()
def test_embeddings_are_those_of_the_file(tmp_path, capsys, kind, channels):
    given = content(channels)
    assert convert(given, tmp_path, "--kind", kind, "--class-names", "bed,desk,sofa") == 0
    printed = "".join(capsys.readouterr())
    assert (
        "grouping: 8 sub-clouds of 6 points" in printed
        and "unexpected: none" in printed
        and "missing: classifier.weight" in printed
    )
    model = CrossMoSTModel.from_pretrained(tmp_path / "out").eval()
    assert float(model.logit_scale) == pytest.approx(3.5) and model.config.class_names == ["bed", "desk", "sofa"]
    given_clouds = clouds()
    expected = F.normalize(torch.stack([encode(given, cloud, channels) for cloud in given_clouds]), dim=-1)
    found = model.get_point_features(given_clouds[..., :channels])
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_clouds_without_colors_are_gray(tmp_path):
    assert convert(content(), tmp_path) == 0
    model = CrossMoSTModel.from_pretrained(tmp_path / "out").eval()
    plain = clouds()[..., :3]
    gray = torch.cat([plain, torch.full_like(plain, 0.4)], dim=-1)
    assert torch.equal(model.get_point_features(plain), model.get_point_features(gray))


@pytest.mark.parametrize(
    ("space", "axis", "name"),
    [
        (1280, "z", "laion/CLIP-ViT-bigG-14-laion2B-39B-b160k"),
        (512, "y", "openai/clip-vit-base-patch32"),
        (20, "y", None),
    ],
)
def test_axis_and_space_follow_from_the_width_and_are_said(tmp_path, capsys, space, axis, name):
    assert convert(content(space=space, scale=False), tmp_path) == 0
    printed = "".join(capsys.readouterr())
    assert f"{space} dimensions: {axis} up, in the space of {name or 'an unknown CLIP model'}" in printed
    assert "missing: classifier.weight, logit_scale" in printed or name is None or "logit_scale" in printed
    config = CrossMoSTModel.from_pretrained(tmp_path / "out").config
    assert (config.up_axis, config.embedding_space) == (axis, name)


@torch.no_grad()
def test_towers_of_its_space_are_added_and_others_refused(tmp_path):
    clip = toy_clip()
    given = content(space=clip.visual_projection.out_features)
    assert convert(given, tmp_path) == 0
    point = CrossMoSTModel.from_pretrained(tmp_path / "out", embedding_space="some-lab/clip-of-it").eval()
    clip.config.name_or_path = "models/clip-of-it"
    model = CrossMoSTModel.from_backbones(clip, point=point)
    assert torch.equal(model.get_point_features(clouds()), point.get_point_features(clouds()))
    assert model.vision_model is not None and model.config.point_projection_bias
    clip.config.name_or_path = "models/not-the-clip-of-it"
    with pytest.raises(ValueError, match="not of models/not-the-clip-of-it"):
        CrossMoSTModel.from_backbones(clip, point=point)
    clip.config.name_or_path = "some-lab/another-clip"
    with pytest.raises(
        ValueError, match=r"belongs to the space of some-lab/clip-of-it .*, not of some-lab/another-clip"
    ):
        CrossMoSTModel.from_backbones(clip, point=point)
    new = CrossMoSTModel.from_backbones(clip, point=point.point_model)
    assert not new.config.point_projection_bias
    point.config.embedding_space = None
    clip.config.name_or_path = "models/clip-of-it"
    with pytest.raises(ValueError, match="an unknown CLIP model"):
        CrossMoSTModel.from_backbones(clip, point=point)


def test_the_published_sizes():
    config = CrossMoSTPointConfig(
        tower="ppat",
        in_channels=6,
        num_groups=384,
        group_size=64,
        tokenizer_dims=(64, 64, 256),
        hidden_size=512,
        num_attention_heads=8,
        mlp_ratio=3.0,
    )
    tower = sum(parameter.numel() for parameter in CrossMoSTPointModel(config).parameters())
    assert (tower + 512 * 1280 + 1280) / 1e6 == pytest.approx(32.3, abs=0.1)  # its paper's PointBERT


@pytest.mark.parametrize(
    ("name", "tensor", "message"),
    [
        ("proj.bias", None, "has no vector proj.bias"),
        ("ppat.lift.0.weight", None, "lift"),
        ("ppat.sa.mlp_convs.0.weight", torch.zeros(5, 8, 1, 1), "takes 8 channels, neither 6 nor 9"),
        ("ppat.sa.mlp_convs.0.bias", torch.zeros(4), "do not fit together"),
    ],
)
def test_damaged_files_are_one_sentence(tmp_path, capsys, name, tensor, message):
    given = content()
    del given["state_dict"][f"module.{name}"]
    if tensor is not None:
        given["state_dict"][f"module.{name}"] = tensor
    assert convert(given, tmp_path) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and message in error and not (tmp_path / "out").exists()
