"""How a model holds out against damaged clouds and few views: accuracy by the kind and the strength of the damage.

Everything drawn is keyed by the object, so that the same numbers come out again. Damaged clouds are normalized anew, as
whoever has such a cloud would do. Shapes: B objects, N points, V views.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
import torch
from torch.utils.data import DataLoader
from tqdm import tqdm

from ..data.augmentation import normalize_clouds
from ..data.keyed_random import Stream, keyed_normal, keyed_uniform, object_keys, substream
from ..geometry_crossmost import rotation_between_up_axes
from ..modeling_crossmost import CrossMoSTModel
from .predict import image_probabilities


class Damage(NamedTuple):
    """A kind of damage.

    Attributes:
        title: of its panel, with the unit of its strengths.
        strengths: as they are written on the axis, from none on.
        apply: makes damaged clouds (B, M, 3) of clouds (B, N, 3), keys (B,) and a strength; `None` for views.
    """

    title: str
    strengths: tuple[str | float, ...]
    apply: Callable[[torch.Tensor, torch.Tensor, str | float], torch.Tensor] | None


def _kept(clouds: torch.Tensor, order: torch.Tensor, count: int) -> torch.Tensor:
    """Keep the `count` points of each cloud that are smallest by `order` (B, N), as they follow each other."""
    rows = order.argsort(dim=1)[:, : max(count, 1)].sort(dim=1).values
    return clouds.gather(1, rows[..., None].expand(-1, -1, clouds.shape[2]))


def drop_points(clouds: torch.Tensor, keys: torch.Tensor, share: str | float) -> torch.Tensor:
    """Drop a share of the points at random: (B, N, 3) -> (B, M, 3)."""
    count = clouds.shape[1]
    return _kept(clouds, keyed_uniform(keys, count, Stream.DAMAGE), round(count * (1 - float(share))))


def keep_points(clouds: torch.Tensor, keys: torch.Tensor, count: str | float) -> torch.Tensor:
    """Keep so many points at random, all where there are fewer: (B, N, 3) -> (B, M, 3)."""
    return _kept(clouds, keyed_uniform(keys, clouds.shape[1], substream(Stream.DAMAGE, 1)), int(count))


def jitter(clouds: torch.Tensor, keys: torch.Tensor, deviation: str | float) -> torch.Tensor:
    """Move every coordinate by normal noise, whose deviation is a fraction of the radius."""
    noise = keyed_normal(keys, tuple(clouds.shape[1:]), substream(Stream.DAMAGE, 2))
    return clouds + float(deviation) * noise


def occlude(clouds: torch.Tensor, keys: torch.Tensor, share: str | float) -> torch.Tensor:
    """Cut off a share of the points on one side, which is drawn for every object: (B, N, 3) -> (B, M, 3)."""
    direction = keyed_normal(keys, 3, substream(Stream.DAMAGE, 3))
    along = (clouds @ direction[:, :, None])[..., 0]
    return _kept(clouds, along, round(clouds.shape[1] * (1 - float(share))))


def mistake_axis(clouds: torch.Tensor, keys: torch.Tensor, axis: str | float) -> torch.Tensor:
    """Turn clouds as if their file had another axis up than was said: y-up clouds, read as if `axis` were up."""
    turned = rotation_between_up_axes(str(axis), "y")
    return clouds @ torch.from_numpy(np.array(turned, dtype=np.float32)).to(clouds).T


DAMAGES = {
    "up_axis": Damage("read with another axis up", ("y", "x", "z", "-y"), mistake_axis),
    "dropout": Damage("share of points dropped", (0.0, 0.25, 0.5, 0.75, 0.9), drop_points),
    "jitter": Damage("noise, of the radius", (0.0, 0.01, 0.02, 0.05, 0.1), jitter),
    "occlusion": Damage("share cut off on one side", (0.0, 0.25, 0.5, 0.75), occlude),
    "points": Damage("number of points", (4096, 2048, 1024, 512, 256, 128, 64), keep_points),
    "views": Damage("number of views", (12, 8, 4, 2, 1), None),
}

# Accuracies in percent, by strength and by what is asked: "point" or "image_star", and "fused".
Curve = dict[str | float, dict[str, float]]


@torch.no_grad()
def robustness(
    model: CrossMoSTModel,
    loader: DataLoader,
    device: torch.device,
    label_map: list[int] | None = None,
    points: int | None = None,
    progress: bool = False,
) -> dict[str, Curve]:
    """Measure a model on an evaluation split under every kind of damage.

    Args:
        model: any CrossMoST model, on `device`.
        loader: of labeled objects, from `data.loaders.evaluation_loader`.
        device: the model's device.
        label_map: the model's class index for each of the data set's labels; by default they are the same.
        points: to which larger clouds are reduced before they are damaged, but for "points"; as a processor does, whose
            model knows neighborhoods of a certain density. None leaves clouds as they are.
        progress: show a progress bar.

    Returns:
        A curve for each kind of damage. Strengths that ask for more points or views than the data have are left out.
        The other modality is whole, in "fused"; a model without an image tower has "point" alone.
    """
    model.eval()
    mapping = None if label_map is None else torch.tensor(label_map)
    right: dict[tuple[str, str | float, str], int] = {}
    objects = 0
    for batch in tqdm(loader, disable=not progress, unit="batch"):
        labels = batch["label"] if mapping is None else mapping[batch["label"]]
        objects += len(labels)
        for place, answers in _answers(model, batch, device, loader, points).items():
            right[place] = right.get(place, 0) + int((answers.cpu() == labels).sum())
    curves: dict[str, Curve] = {}
    for (kind, strength, column), count in right.items():
        curves.setdefault(kind, {}).setdefault(strength, {})[column] = round(100 * count / objects, 2)
    return curves


def _answers(
    model: CrossMoSTModel,
    batch: Mapping[str, torch.Tensor],
    device: torch.device,
    loader: DataLoader,
    points: int | None,
) -> dict[tuple[str, str | float, str], torch.Tensor]:
    """Predicted classes (B,) under (kind, strength, column)."""
    every = batch["points"].to(device)
    keys = object_keys(0, 0, batch["index"]).to(device)
    clouds = every if points is None else normalize_clouds(keep_points(every, keys, points))
    whole = model.classify(model.get_point_features(clouds)).float().softmax(-1)
    star = None
    found: dict[tuple[str, str | float, str], torch.Tensor] = {}
    if model.vision_model is not None:
        views, mask = batch["views"].to(device), batch["view_mask"].to(device)
        normalize = loader.dataset.transform.normalize  # type: ignore[attr-defined] # of an EvaluationDataset
        counts = [count for count in DAMAGES["views"].strengths if isinstance(count, int) and count < views.shape[1]]
        for count in (views.shape[1], *counts):
            some = image_probabilities(model, views[:, :count], mask[:, :count], normalize)["image_star"]
            star = some if star is None else star
            found["views", count, "image_star"] = some.argmax(-1)
            found["views", count, "fused"] = model.fuse(some, whole).argmax(-1)
    for kind, damage in DAMAGES.items():
        if damage.apply is None:
            continue
        for strength in damage.strengths:
            given = every if kind == "points" else clouds
            if kind == "points" and int(strength) > given.shape[1]:
                continue
            hurt = normalize_clouds(damage.apply(given, keys, strength))
            point = model.classify(model.get_point_features(hurt)).float().softmax(-1)
            found[kind, strength, "point"] = point.argmax(-1)
            if star is not None:
                found[kind, strength, "fused"] = model.fuse(star, point).argmax(-1)
    return found


def robustness_table(curves: Mapping[str, Curve]) -> str:
    """Return the curves as a Markdown table."""
    lines = ["| damage | strength | image* | point | fused |", "|---|---:|---:|---:|---:|"]
    for kind, curve in curves.items():
        for number, (strength, columns) in enumerate(curve.items()):
            cells = [f"{columns[name]:.1f}" if name in columns else "" for name in ("image_star", "point", "fused")]
            lines.append(f"| {DAMAGES[kind].title if number == 0 else ''} | {strength} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"
