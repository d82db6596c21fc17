"""ULIP-2 and PointLLM: random files in their layout against a plain forward pass on the raw tensors."""

import math

import pytest
import torch
from torch.nn import functional as F

from modeling_crossmost import CrossMoSTModel, CrossMoSTPointConfig, CrossMoSTPointModel
from modeling_crossmost.__main__ import main
from modeling_crossmost.point_ops_crossmost import UNKNOWN_COLOR, farthest_point_sample


GENERATOR = torch.Generator().manual_seed(0)
WIDTH, SPACE, BLOCKS = 64, 24, 2  # of every tower but the point tower's, which has 12 channels and 3 heads
SIZES = ["--point-heads", "3", "--point-groups", "8", "--group-size", "6"]


def normal(*shape: int, scale: float = 0.3) -> torch.Tensor:
    return scale * torch.randn(*shape, generator=GENERATOR)


def norm(state: dict, name: str, width: int) -> None:
    state[f"{name}.weight"], state[f"{name}.bias"] = 1.0 + normal(width, scale=0.1), normal(width)


def clip_blocks(state: dict, prefix: str, width: int) -> None:
    for block in range(BLOCKS):
        inside = f"{prefix}transformer.resblocks.{block}"
        norm(state, f"{inside}.ln_1", width)
        norm(state, f"{inside}.ln_2", width)
        state[f"{inside}.attn.in_proj_weight"] = normal(3 * width, width, scale=width**-0.5)
        state[f"{inside}.attn.in_proj_bias"] = normal(3 * width)
        state[f"{inside}.attn.out_proj.weight"] = normal(width, width, scale=width**-0.5)
        state[f"{inside}.attn.out_proj.bias"] = normal(width)
        state[f"{inside}.mlp.c_fc.weight"] = normal(4 * width, width, scale=width**-0.5)
        state[f"{inside}.mlp.c_fc.bias"] = normal(4 * width)
        state[f"{inside}.mlp.c_proj.weight"] = normal(width, 4 * width, scale=(4 * width) ** -0.5)
        state[f"{inside}.mlp.c_proj.bias"] = normal(width)


def open_clip() -> dict[str, torch.Tensor]:
    state: dict[str, torch.Tensor] = {
        "visual.class_embedding": normal(WIDTH),
        "visual.positional_embedding": normal(5, WIDTH),  # 2 x 2 patches of 7 pixels
        "visual.proj": normal(WIDTH, SPACE),
        "visual.conv1.weight": normal(WIDTH, 3, 7, 7, scale=0.1),
        "positional_embedding": normal(10, WIDTH),
        "text_projection": normal(WIDTH, SPACE),
        "logit_scale": torch.tensor(math.log(50.0)),
        "token_embedding.weight": normal(20, WIDTH),
        "attn_mask": torch.zeros(10, 10),
    }
    for name in ("visual.ln_pre", "visual.ln_post", "ln_final"):
        norm(state, name, WIDTH)
    clip_blocks(state, "visual.", WIDTH)
    clip_blocks(state, "", WIDTH)
    return state


def point_tower(channels: int = 6) -> dict[str, torch.Tensor]:
    state: dict[str, torch.Tensor] = {name: normal(1, 1, 12) for name in ("cls_token", "cls_pos")}
    for layer, size, width in (
        ("encoder.first_conv.0", channels, 8),
        ("encoder.first_conv.3", 8, 10),
        ("encoder.second_conv.0", 20, 14),
        ("encoder.second_conv.3", 14, 9),
    ):
        state[f"{layer}.weight"], state[f"{layer}.bias"] = normal(width, size, 1, scale=size**-0.5), normal(width)
    for layer, width in (("encoder.first_conv.1", 8), ("encoder.second_conv.1", 14)):
        norm(state, layer, width)
        state[f"{layer}.running_mean"], state[f"{layer}.running_var"] = normal(width), 0.5 + normal(width).abs()
        state[f"{layer}.num_batches_tracked"] = torch.tensor(3)
    for layer, size, width in (("reduce_dim", 9, 12), ("pos_embed.0", 3, 7), ("pos_embed.2", 7, 12)):
        state[f"{layer}.weight"], state[f"{layer}.bias"] = normal(width, size), normal(width)
    for block in range(BLOCKS):
        inside = f"blocks.blocks.{block}"
        norm(state, f"{inside}.norm1", 12)
        norm(state, f"{inside}.norm2", 12)
        state[f"{inside}.attn.qkv.weight"] = normal(36, 12)
        for layer, size, width in (("attn.proj", 12, 12), ("mlp.fc1", 12, 48), ("mlp.fc2", 48, 12)):
            state[f"{inside}.{layer}.weight"], state[f"{inside}.{layer}.bias"] = normal(width, size), normal(width)
    norm(state, "norm", 12)
    return state


def content(with_clip: bool = True) -> dict:
    state = {f"point_encoder.{name}": value for name, value in point_tower().items()}
    state |= {"pc_projection": normal(24, SPACE), "logit_scale": torch.tensor(math.log(30.0))}
    if with_clip:
        state |= {f"open_clip_model.{name}": value for name, value in open_clip().items()}
    return {"epoch": 5, "state_dict": {f"module.{name}": value for name, value in state.items()}}


# The forward passes, for one object each


def layer_norm(state: dict, name: str, rows: torch.Tensor) -> torch.Tensor:
    return F.layer_norm(rows, rows.shape[-1:], state[f"{name}.weight"], state[f"{name}.bias"], 1e-5)


def attention(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, heads: int, causal: bool) -> torch.Tensor:
    found = []
    for q, k, v in zip(query.chunk(heads, -1), key.chunk(heads, -1), value.chunk(heads, -1), strict=True):
        scores = q @ k.T / q.shape[-1] ** 0.5
        if causal:
            scores = scores.masked_fill(torch.ones_like(scores).triu(1).bool(), -torch.inf)
        found.append(scores.softmax(-1) @ v)
    return torch.cat(found, -1)


def clip_transformer(state: dict, prefix: str, rows: torch.Tensor, heads: int, causal: bool) -> torch.Tensor:
    for block in range(BLOCKS):
        inside = f"{prefix}transformer.resblocks.{block}"
        normal_rows = layer_norm(state, f"{inside}.ln_1", rows)
        qkv = normal_rows @ state[f"{inside}.attn.in_proj_weight"].T + state[f"{inside}.attn.in_proj_bias"]
        mixed = attention(*qkv.chunk(3, -1), heads, causal)
        rows = rows + mixed @ state[f"{inside}.attn.out_proj.weight"].T + state[f"{inside}.attn.out_proj.bias"]
        hidden = layer_norm(state, f"{inside}.ln_2", rows)
        hidden = F.gelu(hidden @ state[f"{inside}.mlp.c_fc.weight"].T + state[f"{inside}.mlp.c_fc.bias"])
        rows = rows + hidden @ state[f"{inside}.mlp.c_proj.weight"].T + state[f"{inside}.mlp.c_proj.bias"]
    return rows


def encode_image(state: dict, view: torch.Tensor, heads: int) -> torch.Tensor:
    patches = F.conv2d(view[None], state["visual.conv1.weight"], stride=7).flatten(2)[0].T
    rows = torch.cat([state["visual.class_embedding"][None], patches]) + state["visual.positional_embedding"]
    rows = clip_transformer(state, "visual.", layer_norm(state, "visual.ln_pre", rows), heads, False)
    return layer_norm(state, "visual.ln_post", rows[0]) @ state["visual.proj"]


def encode_text(state: dict, ids: torch.Tensor) -> torch.Tensor:
    rows = state["token_embedding.weight"][ids] + state["positional_embedding"][: len(ids)]
    rows = clip_transformer(state, "", rows, 1, True)
    return layer_norm(state, "ln_final", rows)[ids.argmax()] @ state["text_projection"]


def convolution(state: dict, name: str, rows: torch.Tensor) -> torch.Tensor:
    return rows @ state[f"{name}.weight"][..., 0].T + state[f"{name}.bias"]


def batch_norm(state: dict, name: str, rows: torch.Tensor) -> torch.Tensor:
    mean, variance = state[f"{name}.running_mean"], state[f"{name}.running_var"]
    return (rows - mean) / (variance + 1e-5).sqrt() * state[f"{name}.weight"] + state[f"{name}.bias"]


def encode_points(state: dict, cloud: torch.Tensor) -> torch.Tensor:
    """A cloud (N, 6) -> the class token beside the maximum over the others."""
    places = cloud[:, :3]
    centers = places[farthest_point_sample(places[None], 8)[0]]
    tokens = []
    for center in centers:
        nearest = (places - center).square().sum(-1).topk(6, largest=False).indices
        around = torch.cat([places[nearest] - center, cloud[nearest, 3:]], dim=-1)
        hidden = batch_norm(state, "encoder.first_conv.1", convolution(state, "encoder.first_conv.0", around)).relu()
        hidden = convolution(state, "encoder.first_conv.3", hidden)
        hidden = torch.cat([hidden.amax(0).expand_as(hidden), hidden], dim=-1)
        hidden = batch_norm(state, "encoder.second_conv.1", convolution(state, "encoder.second_conv.0", hidden)).relu()
        tokens.append(convolution(state, "encoder.second_conv.3", hidden).amax(0))

    def linear(name: str, rows: torch.Tensor) -> torch.Tensor:
        return rows @ state[f"{name}.weight"].T + state[f"{name}.bias"]

    positions = linear("pos_embed.2", F.gelu(linear("pos_embed.0", centers)))
    rows = torch.cat([state["cls_token"][0], linear("reduce_dim", torch.stack(tokens))])
    positions = torch.cat([state["cls_pos"][0], positions])
    for block in range(BLOCKS):
        inside = f"blocks.blocks.{block}"
        rows = rows + positions
        qkv = layer_norm(state, f"{inside}.norm1", rows) @ state[f"{inside}.attn.qkv.weight"].T
        rows = rows + linear(f"{inside}.attn.proj", attention(*qkv.chunk(3, -1), 3, False))
        hidden = F.gelu(linear(f"{inside}.mlp.fc1", layer_norm(state, f"{inside}.norm2", rows)))
        rows = rows + linear(f"{inside}.mlp.fc2", hidden)
    rows = layer_norm(state, "norm", rows)
    return torch.cat([rows[0], rows[1:].amax(0)])


def cloud_of(seed: int, colors: bool = True) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    places = F.normalize(torch.randn(40, 3, generator=generator), dim=-1)
    return torch.cat([places, torch.rand(40, 3, generator=generator)], dim=-1) if colors else places


def below(given: dict, prefix: str) -> dict[str, torch.Tensor]:
    prefix = f"module.{prefix}"
    return {name.removeprefix(prefix): value for name, value in given["state_dict"].items() if name.startswith(prefix)}


def convert(given: dict, folder, *options: str) -> int:
    torch.save(given, folder / "given.pt")
    return main(["convert", str(folder / "given.pt"), "--output", str(folder / "out"), *SIZES, *options])


@pytest.mark.parametrize("kind", ["auto", "ulip2", "pointllm"])
@pytest.mark.parametrize("heads", [1, 2])
@torch.no_grad()
def test_every_tower_is_that_of_the_file(tmp_path, capsys, kind, heads):
    given = content()
    assert convert(given, tmp_path, "--kind", kind, "--image-heads", str(heads)) == 0
    printed = "".join(capsys.readouterr())
    assert "open_clip_model.logit_scale" in printed and "open_clip_model.attn_mask" in printed and "GELU" in printed
    model = CrossMoSTModel.from_pretrained(tmp_path / "out").eval()
    assert float(model.logit_scale) == pytest.approx(math.log(30.0))
    assert model.config.point_config.in_channels == 6 and model.config.projection_dim == SPACE
    clip, points = below(given, "open_clip_model."), below(given, "point_encoder.")
    clouds = torch.stack([cloud_of(1), cloud_of(2)])
    expected = (
        torch.stack([encode_points(points, cloud) for cloud in clouds]) @ given["state_dict"]["module.pc_projection"]
    )
    torch.testing.assert_close(model.get_point_features(clouds), F.normalize(expected, dim=-1), rtol=1e-4, atol=1e-5)
    views = normal(2, 3, 14, 14, scale=1.0)
    expected = torch.stack([encode_image(clip, view, heads) for view in views])
    torch.testing.assert_close(model.get_image_features(views), F.normalize(expected, dim=-1), rtol=1e-4, atol=1e-5)
    ids = torch.tensor([[18, 3, 4, 5, 19, 0], [18, 7, 19, 0, 0, 0]])
    expected = torch.stack([encode_text(clip, row) for row in ids])
    found = model.get_text_features(ids)
    torch.testing.assert_close(found, F.normalize(expected, dim=-1), rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_clouds_without_colors_get_the_authors_gray(tmp_path):
    assert convert(content(), tmp_path) == 0
    model = CrossMoSTModel.from_pretrained(tmp_path / "out").eval()
    plain = cloud_of(1, colors=False)[None]
    gray = torch.cat([plain, torch.full_like(plain, 0.4)], dim=-1)
    assert torch.equal(model.get_point_features(plain), model.get_point_features(gray))
    assert UNKNOWN_COLOR == 0.4
    other = torch.cat([plain, torch.full_like(plain, 0.9)], dim=-1)
    assert not torch.allclose(model.get_point_features(other), model.get_point_features(gray), atol=1e-3)


@torch.no_grad()
def test_a_file_without_openclip_gives_the_point_tower_alone(tmp_path, capsys):
    given = content(with_clip=False)
    assert convert(given, tmp_path) == 0
    printed = "".join(capsys.readouterr())
    assert "no towers of OpenCLIP" in printed and "pc_projection" in printed
    tower = CrossMoSTPointModel.from_pretrained(tmp_path / "out").eval()
    clouds = torch.stack([cloud_of(1), cloud_of(2)])
    expected = torch.stack([encode_points(below(given, "point_encoder."), cloud) for cloud in clouds])
    torch.testing.assert_close(tower(point_values=clouds).pooler_output, expected, rtol=1e-4, atol=1e-5)


def test_colors_are_refused_where_the_tower_takes_none():
    tower = CrossMoSTPointModel(CrossMoSTPointConfig(num_hidden_layers=1))
    with pytest.raises(ValueError, match=r"point_values must have shape \(batch, points, 3\), got \(1, 40, 6\)"):
        tower(point_values=cloud_of(1)[None])


@pytest.mark.parametrize(("kind", "found"), [("ulip", "ulip2"), ("crossmost", "ulip2")])
def test_another_kind_is_refused(tmp_path, capsys, kind, found):
    assert convert(content(), tmp_path, "--kind", kind) == 2
    assert f"The checkpoint is of kind '{found}', not '{kind}'" in capsys.readouterr().err


def test_a_number_of_channels_that_no_file_has_is_refused(tmp_path, capsys):
    given = content()
    given["state_dict"]["module.point_encoder.encoder.first_conv.0.weight"] = normal(8, 4, 1)
    assert convert(given, tmp_path) == 2
    assert "takes 4 channels, neither 3 nor 6" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
