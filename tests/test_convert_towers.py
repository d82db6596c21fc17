"""Public PointNet++ and PointMLP classifiers: random files in their layouts against a plain forward pass on them."""

import pytest
import torch
from torch.nn import functional as F

from modeling_crossmost import CrossMoSTPointModel
from modeling_crossmost.__main__ import main
from modeling_crossmost.point_ops_crossmost import farthest_point_sample


GENERATOR = torch.Generator().manual_seed(0)


def layer(state: dict, conv: str, norm: str, size: int, width: int, shape: tuple = (1, 1), bias: bool = True) -> None:
    state[f"{conv}.weight"] = torch.randn(width, size, *shape, generator=GENERATOR) / size**0.5
    if bias:
        state[f"{conv}.bias"] = 0.1 * torch.randn(width, generator=GENERATOR)
    for name, low in (("weight", 0.8), ("running_var", 0.5)):
        state[f"{norm}.{name}"] = low + torch.rand(width, generator=GENERATOR)
    for name in ("bias", "running_mean"):
        state[f"{norm}.{name}"] = 0.1 * torch.randn(width, generator=GENERATOR)
    state[f"{norm}.num_batches_tracked"] = torch.tensor(5)


def apply(state: dict, conv: str, norm: str, rows: torch.Tensor) -> torch.Tensor:
    """The layer on (C, ...) columns, as a convolution with a kernel of 1 is."""
    weight = state[f"{conv}.weight"].flatten(1)
    values = torch.einsum("oc,c...->o...", weight, rows)
    shape = (-1, *[1] * (rows.dim() - 1))
    if f"{conv}.bias" in state:
        values = values + state[f"{conv}.bias"].view(shape)
    mean, variance = state[f"{norm}.running_mean"].view(shape), state[f"{norm}.running_var"].view(shape)
    return (values - mean) / (variance + 1e-5).sqrt() * state[f"{norm}.weight"].view(shape) + state[
        f"{norm}.bias"
    ].view(shape)


SSG = {"sa1": [(0.2, 32, (64, 64, 128))], "sa2": [(0.4, 64, (128, 128, 256))]}
MSG = {
    "sa1": [(0.1, 16, (32, 32, 64)), (0.2, 32, (64, 64, 128)), (0.4, 128, (64, 96, 128))],
    "sa2": [(0.2, 32, (64, 64, 128)), (0.4, 64, (128, 128, 256)), (0.8, 128, (128, 128, 256))],
}
CENTERS = {"sa1": 512, "sa2": 128}


def names(stage: str, scale: int, number: int, several: bool) -> tuple[str, str]:
    if several:
        return f"{stage}.conv_blocks.{scale}.{number}", f"{stage}.bn_blocks.{scale}.{number}"
    return f"{stage}.mlp_convs.{number}", f"{stage}.mlp_bns.{number}"


def pointnet2_file(several: bool, extra: int = 0) -> dict:
    state: dict[str, torch.Tensor] = {}
    size = extra
    for stage, scales in (MSG if several else SSG).items():
        for scale, (_, _, widths) in enumerate(scales):
            sizes = [3 + size, *widths]
            for number, width in enumerate(widths):
                layer(state, *names(stage, scale, number, several), sizes[number], width)
        size = sum(widths[-1] for _, _, widths in scales)
    sizes = [3 + size, 256, 512, 1024]
    for number in range(3):
        layer(state, f"sa3.mlp_convs.{number}", f"sa3.mlp_bns.{number}", sizes[number], sizes[number + 1])
    layer(state, "fc1", "bn1", 1024, 512, ())
    layer(state, "fc2", "bn2", 512, 256, ())
    state |= {"fc3.weight": torch.randn(40, 256), "fc3.bias": torch.randn(40)}
    return {"epoch": 3, "instance_acc": 0.9, "model_state_dict": state, "optimizer_state_dict": {}}


def pointnet2(state: dict, several: bool, cloud: torch.Tensor) -> torch.Tensor:
    """The public forward pass up to fc3, for one cloud (N, 3); with several scales, coordinates come last."""
    points, features = cloud, cloud[:, :0]
    for stage, scales in (MSG if several else SSG).items():
        chosen = farthest_point_sample(points[None], CENTERS[stage])[0]
        found = []
        for scale, (radius, count, widths) in enumerate(scales):
            apart = (points[chosen].unsqueeze(1) - points).square().sum(-1)
            indices = torch.arange(len(points)).expand_as(apart).masked_fill(apart > radius**2, len(points))
            indices = indices.sort(dim=-1).values[:, :count]
            indices = torch.where(indices == len(points), indices[:, :1], indices)
            relative = points[indices] - points[chosen].unsqueeze(1)
            parts = [features[indices], relative] if several else [relative, features[indices]]
            hidden = torch.cat(parts, dim=-1).permute(2, 1, 0)  # (C, S, G)
            for number in range(len(widths)):
                hidden = apply(state, *names(stage, scale, number, several), hidden).relu()
            found.append(hidden.amax(1))
        points, features = points[chosen], torch.cat(found).T
    hidden = torch.cat([points, features], dim=-1).T
    for number in range(3):
        hidden = apply(state, f"sa3.mlp_convs.{number}", f"sa3.mlp_bns.{number}", hidden).relu()
    hidden = apply(state, "fc1", "bn1", hidden.amax(1)).relu()
    return apply(state, "fc2", "bn2", hidden).relu()


BLOCKS = {"pointmlp": (64, (2, 2, 2, 2), (2, 2, 2, 2), 1.0), "pointmlp_elite": (32, (2, 2, 2, 1), (1, 1, 2, 1), 0.25)}


def pointmlp_file(tower: str) -> dict:
    width, growth, blocks, bottleneck = BLOCKS[tower]
    state: dict[str, torch.Tensor] = {}
    layer(state, "embedding.net.0", "embedding.net.1", 3, width, (1,), False)
    for stage, (factor, count) in enumerate(zip(growth, blocks, strict=True)):
        for name in ("alpha", "beta"):
            state[f"local_grouper_list.{stage}.affine_{name}"] = torch.rand(1, 1, 1, width, generator=GENERATOR)
        size, width = width, width * factor
        pre = f"pre_blocks_list.{stage}"
        layer(state, f"{pre}.transfer.net.0", f"{pre}.transfer.net.1", 2 * size, width, (1,), False)
        for kind in ("pre", "pos"):
            for number in range(count):
                inside, hidden = f"{kind}_blocks_list.{stage}.operation.{number}", int(width * bottleneck)
                layer(state, f"{inside}.net1.0", f"{inside}.net1.1", width, hidden, (1,), False)
                layer(state, f"{inside}.net2.0", f"{inside}.net2.1", hidden, width, (1,), False)
    layer(state, "classifier.0", "classifier.1", width, 512, ())
    layer(state, "classifier.4", "classifier.5", 512, 256, ())
    state |= {"classifier.8.weight": torch.randn(40, 256), "classifier.8.bias": torch.randn(40)}
    return {"net": {f"module.{name}": value for name, value in state.items()}, "acc": 93.0, "epoch": 1}


def pointmlp(state: dict, tower: str, cloud: torch.Tensor) -> torch.Tensor:
    """The public forward pass up to its last layer, for a batch of one cloud."""
    blocks = BLOCKS[tower][2]

    def operation(inside: str, count: int, rows: torch.Tensor) -> torch.Tensor:
        for number in range(count):
            name = f"{inside}.operation.{number}"
            inner = apply(state, f"{name}.net1.0", f"{name}.net1.1", rows).relu()
            rows = (apply(state, f"{name}.net2.0", f"{name}.net2.1", inner) + rows).relu()
        return rows

    points, features = cloud, apply(state, "embedding.net.0", "embedding.net.1", cloud.T).relu().T
    for stage, count in enumerate(blocks):
        chosen = farthest_point_sample(points[None], 512 >> stage)[0]
        nearest = (points[chosen].unsqueeze(1) - points).square().sum(-1).topk(24, largest=False).indices
        anchors = features[chosen].unsqueeze(1)
        apart = features[nearest] - anchors
        alpha, beta = (state[f"local_grouper_list.{stage}.affine_{name}"][0] for name in ("alpha", "beta"))
        apart = alpha * apart / (apart.std() + 1e-5) + beta
        rows = torch.cat([apart, anchors.expand_as(apart)], dim=-1).permute(2, 0, 1)
        pre = f"pre_blocks_list.{stage}"
        rows = apply(state, f"{pre}.transfer.net.0", f"{pre}.transfer.net.1", rows).relu()
        rows = operation(pre, count, rows).amax(2)
        points, features = points[chosen], operation(f"pos_blocks_list.{stage}", count, rows).T
    hidden = apply(state, "classifier.0", "classifier.1", features.amax(0)).relu()
    return apply(state, "classifier.4", "classifier.5", hidden).relu()


def cloud_of(points: int = 1024) -> torch.Tensor:
    values = torch.randn(points, 3, generator=torch.Generator().manual_seed(1))
    return F.normalize(values, dim=-1) * torch.tensor([1.0, 0.6, 0.8])


@pytest.mark.parametrize("tower", ["pointnet2_ssg", "pointnet2_msg", "pointmlp", "pointmlp_elite"])
def test_converted_towers_equal_the_public_forward_pass(tower, tmp_path, capsys):
    kind, several = tower.split("_")[0], tower.endswith("msg")
    content = pointnet2_file(several) if kind == "pointnet2" else pointmlp_file(tower)
    torch.save(content, tmp_path / "file.pth")
    assert main(["convert", str(tmp_path / "file.pth"), "--output", str(tmp_path / "out"), "--kind", kind]) == 0
    printed = capsys.readouterr()
    last = "fc3.weight, fc3.bias" if kind == "pointnet2" else "module.classifier.8.weight, module.classifier.8.bias"
    assert f"missing: none\nunexpected: {last}\n" in printed.out and "grouping" not in printed.out
    assert "the last layer, which knows the file's own classes" in printed.err.lower()
    model = CrossMoSTPointModel.from_pretrained(tmp_path / "out").eval()
    assert model.config.tower == tower
    cloud = cloud_of()
    if kind == "pointnet2":
        expected = pointnet2(content["model_state_dict"], several, cloud)
    else:
        expected = pointmlp({name[7:]: value for name, value in content["net"].items()}, tower, cloud)
    with torch.no_grad():
        found = model(point_values=cloud[None]).pooler_output[0]
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-3)


def test_a_file_with_normals_is_refused(tmp_path, capsys):
    torch.save(pointnet2_file(True, extra=3), tmp_path / "file.pth")
    assert main(["convert", str(tmp_path / "file.pth"), "--output", str(tmp_path / "out")]) == 2
    assert "takes 6 channels, coordinates and normals" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
