"""Uni3D: files in its layout, with blocks of timm's EVA, against its public forward pass on timm's own modules."""

import pytest
import timm
import torch
from test_convert_colored import norm, normal
from timm.models.eva import Eva
from torch.nn import functional as F

from modeling_crossmost import CrossMoSTModel, CrossMoSTPointConfig, CrossMoSTPointModel
from modeling_crossmost.__main__ import main
from modeling_crossmost.point_ops_crossmost import farthest_point_sample


WIDTH, SPACE, TOKEN = 24, 20, 10
GROUPS, SIZE = 8, 6
OPTIONS = ["--point-heads", "3", "--point-groups", str(GROUPS), "--group-size", str(SIZE)]
# As timm names the models that Uni3D is made of: tiny and small, base and large, giant.
KINDS = {
    "small": {"qkv_fused": False, "swiglu_mlp": True, "mlp_ratio": 4 * 2 / 3},
    "base": {"qkv_fused": False, "swiglu_mlp": True, "scale_mlp": True, "mlp_ratio": 4 * 2 / 3},
    "giant": {"qkv_fused": True, "mlp_ratio": 4},
}


def visual(kind: str) -> Eva:
    torch.manual_seed(5)
    model = Eva(img_size=28, patch_size=14, embed_dim=WIDTH, depth=2, num_heads=3, num_classes=0, **KINDS[kind]).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(normal(*parameter.shape) if parameter.dim() else parameter)
    return model


def content(kind: str, channels: int = 6) -> dict:
    state = {"logit_scale": torch.tensor(4.0)}
    inside = "point_encoder."
    for name, (size, width) in {"encoder2trans": (TOKEN, WIDTH), "trans2embed": (WIDTH, SPACE)}.items():
        state[f"{inside}{name}.weight"], state[f"{inside}{name}.bias"] = normal(width, size), normal(width)
    state[f"{inside}cls_token"], state[f"{inside}cls_pos"] = normal(1, 1, WIDTH), normal(1, 1, WIDTH)
    for layer, (size, width) in {"0": (3, 7), "2": (7, WIDTH)}.items():
        state[f"{inside}pos_embed.{layer}.weight"] = normal(width, size)
        state[f"{inside}pos_embed.{layer}.bias"] = normal(width)
    for conv, widths in {"first": (channels, 5, 6), "second": (12, 9, TOKEN)}.items():
        for layer, (size, width) in {"0": widths[:2], "3": widths[1:]}.items():
            state[f"{inside}encoder.{conv}_conv.{layer}.weight"] = normal(width, size, 1)
            state[f"{inside}encoder.{conv}_conv.{layer}.bias"] = normal(width)
        bn = f"{inside}encoder.{conv}_conv.1"
        norm(state, bn, widths[1])
        state[f"{bn}.running_mean"], state[f"{bn}.running_var"] = normal(widths[1]), 0.5 + normal(widths[1]).abs()
        state[f"{bn}.num_batches_tracked"] = torch.tensor(3)
    state |= {f"{inside}visual.{name}": value for name, value in visual(kind).state_dict().items()}
    return {"module": {f"module.{name}": value for name, value in state.items()}, "epoch": 7}


@torch.no_grad()
def encode(given: dict, kind: str, cloud: torch.Tensor) -> torch.Tensor:
    """The public forward pass for one cloud (N, 6)."""
    state = {name.removeprefix("module.point_encoder."): value for name, value in given["module"].items()}
    places = cloud[:, :3]
    centers = places[farthest_point_sample(places[None], GROUPS)[0]]

    def conv(name: str, rows: torch.Tensor) -> torch.Tensor:
        for layer in ("0", "1", "3"):
            inside = f"encoder.{name}_conv.{layer}"
            if layer == "1":
                rows = (rows - state[f"{inside}.running_mean"]) / (state[f"{inside}.running_var"] + 1e-5).sqrt()
                rows = (rows * state[f"{inside}.weight"] + state[f"{inside}.bias"]).relu()
            else:
                rows = rows @ state[f"{inside}.weight"][..., 0].T + state[f"{inside}.bias"]
        return rows

    tokens = []
    for center in centers:
        nearest = (places - center).square().sum(-1).argsort()[:SIZE]
        rows = torch.cat([places[nearest] - center, cloud[nearest, 3:]], dim=-1)
        first = conv("first", rows)
        whole = first.amax(0, keepdim=True).expand_as(first)
        tokens.append(conv("second", torch.cat([whole, first], dim=-1)).amax(0))
    rows = torch.stack(tokens) @ state["encoder2trans.weight"].T + state["encoder2trans.bias"]
    places_of = F.gelu(centers @ state["pos_embed.0.weight"].T + state["pos_embed.0.bias"])
    places_of = places_of @ state["pos_embed.2.weight"].T + state["pos_embed.2.bias"]
    rows = torch.cat([state["cls_token"][0] + state["cls_pos"][0], rows + places_of])[None]
    model = visual(kind)
    model.load_state_dict({name.removeprefix("visual."): v for name, v in state.items() if name.startswith("visual.")})
    for block in model.blocks:
        rows = block(rows)
    pooled = model.fc_norm(model.norm(rows[:, 0]))[0]
    return state["trans2embed.weight"] @ pooled + state["trans2embed.bias"]


def clouds() -> torch.Tensor:
    generator = torch.Generator().manual_seed(3)
    places = 0.3 * torch.randn(2, 60, 3, generator=generator)
    return torch.cat([places, torch.rand(2, 60, 3, generator=generator)], dim=-1)


def convert(given: dict, folder, *options: str) -> int:
    torch.save(given, folder / "given.pt")
    return main(["convert", str(folder / "given.pt"), "--output", str(folder / "out"), *OPTIONS, *options])


@pytest.mark.parametrize("name", ["auto", "uni3d"])
@pytest.mark.parametrize("kind", KINDS)
@torch.no_grad()
def test_embeddings_are_those_of_the_file(tmp_path, capsys, kind, name):
    given = content(kind)
    assert convert(given, tmp_path, "--kind", name, "--class-names", "bed,desk,sofa") == 0
    printed = "".join(capsys.readouterr())
    assert "grouping: 8 sub-clouds of 6 points" in printed
    assert "unexpected: none" in printed and "missing: classifier.weight\n" in printed
    assert "z up, in the space of timm/eva02_enormous" in printed
    model = CrossMoSTModel.from_pretrained(tmp_path / "out").eval()
    assert float(model.logit_scale) == 4.0 and model.config.class_names == ["bed", "desk", "sofa"]
    assert model.config.up_axis == "z" and model.config.point_config.tower == "uni3d"
    given_clouds = clouds()
    expected = F.normalize(torch.stack([encode(given, kind, cloud) for cloud in given_clouds]), dim=-1)
    torch.testing.assert_close(model.get_point_features(given_clouds), expected, rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_clouds_without_colors_are_gray(tmp_path):
    assert convert(content("base"), tmp_path) == 0
    model = CrossMoSTModel.from_pretrained(tmp_path / "out").eval()
    plain = clouds()[..., :3]
    gray = torch.cat([plain, torch.full_like(plain, 0.4)], dim=-1)
    assert torch.equal(model.get_point_features(plain), model.get_point_features(gray))


# Width, blocks, hidden width of a feed-forward network, and the model of timm's that Uni3D is made of.
PUBLISHED = {
    "eva02_tiny_patch14_224": (192, 12, 512, True, False),
    "eva02_base_patch14_448": (768, 12, 2048, True, True),
    "eva02_large_patch14_448": (1024, 24, 2730, True, True),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_blocks_have_the_published_sizes(name):
    width, blocks, hidden, gated, normalized = PUBLISHED[name]
    config = CrossMoSTPointConfig(
        tower="uni3d",
        in_channels=6,
        hidden_size=width,
        num_hidden_layers=blocks,
        num_attention_heads=width // 64,
        mlp_ratio=hidden / width,
        qkv_bias=True,
        gated_mlp=gated,
        mlp_norm=normalized,
        token_size=512,
    )
    with torch.device("meta"):
        layers = CrossMoSTPointModel(config).encoder.layers
        theirs = timm.create_model(name, num_classes=0).blocks
    ours = sum(parameter.numel() for parameter in layers.parameters())
    # Keys have a bias here, which is zero.
    assert ours - blocks * width == sum(parameter.numel() for parameter in theirs.parameters())


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("trans2embed.bias", "has no vector trans2embed.bias"),
        ("encoder2trans.weight", "token_projection"),
        ("visual.blocks.1.attn.proj.weight", "out_proj"),
        ("visual.blocks.0.attn.q_proj.bias", "qkv.bias"),
    ],
)
def test_damaged_files_are_one_sentence(tmp_path, capsys, name, message):
    given = content("base")
    del given["module"][f"module.point_encoder.{name}"]
    assert convert(given, tmp_path) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and message in error and not (tmp_path / "out").exists()
