"""Draws the pictures of the README: `python assets/draw.py` writes all, `python assets/draw.py job` one of them.

`job` is a real result (what the bundled checkpoint says of the first test scan of five classes), `method` the training
step, `rooms` the code as its imports have it.
"""

import argparse
import ast
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch


ROOT = Path(__file__).resolve().parent.parent
PICTURES = ROOT / "assets" / "pictures"
sys.path.insert(0, str(ROOT))

IMAGE, POINT, FUSED, INK, MUTED = "#0072B2", "#D55E00", "#009E73", "#222222", "#6B6B6B"
SHOWN = ("chair", "bathtub", "night stand", "monitor", "toilet")  # one row each: the first test scan of the class


def _save(figure: Figure, name: str) -> None:
    from modeling_crossmost.utils.atomic import atomic_file

    with atomic_file(PICTURES / f"{name}.png") as temporary:
        figure.savefig(temporary, format="png", dpi=130, metadata={"Software": None}, bbox_inches="tight")


# -------------------------------------------------------------------------------------------------------- a result


def draw_job() -> None:
    """Cloud, views and answer of one generated test scan per class in `SHOWN`."""
    figure = Figure(figsize=(11, 1.75 * len(SHOWN)), layout="constrained")
    axes = figure.subplots(len(SHOWN), 5, width_ratios=[1.15, 1, 1, 1, 2.1])
    titles = ("point cloud (no label)", "its views", "", "", "which of the ten class names?")
    for axis, title in zip(axes[0], titles, strict=True):
        axis.set_title(title, fontsize=10, color=INK)
    for row, (name, pair, answer) in zip(axes, _answers(), strict=True):
        _scatter(row[0], pair["points"])
        for axis, view in zip(row[1:4], pair["views"], strict=True):
            axis.imshow(view, interpolation="lanczos")
            axis.set_axis_off()
        _bars(row[4], answer, name)
    _save(figure, "job")


def _answers() -> list[tuple[str, dict[str, Any], dict[str, dict[str, float]]]]:
    """Return (true class, pair, modality -> class -> probability) of the shown scans, by the bundled checkpoint."""
    import torch

    from dataset_scripts.furniture.pairs import FurniturePairs
    from modeling_crossmost import CrossMoSTModel, CrossMoSTProcessor

    model = CrossMoSTModel.from_pretrained(ROOT / "assets" / "crossmost-mini").eval()
    processor = CrossMoSTProcessor.from_pretrained(ROOT / "assets" / "crossmost-mini")
    source = FurniturePairs(config_name="scan", test_per_class=1, objects_per_class=1)
    objects = {item.class_name: item for item in source.objects()["test"]}
    found = []
    for name in SHOWN:
        pair = source.make_pair(objects[name])
        inputs = processor(points=pair["points"], images=[list(pair["views"])], return_tensors="pt")
        with torch.no_grad():
            output = model(**inputs)
        image, point = (logits.softmax(-1)[0] for logits in (output.logits_per_image, output.logits_per_point))
        shares = {"views": image, "cloud": point, "both": (image + point) / 2}
        classes = model.config.class_names
        found.append((name, pair, {key: dict(zip(classes, p.tolist(), strict=True)) for key, p in shares.items()}))
    return found


def _scatter(axis: Any, points: np.ndarray) -> None:
    """Draw a cloud from the front, a little from above; near points are darker."""
    turn, tilt = np.deg2rad(35), np.deg2rad(20)
    x = points[:, 0] * np.cos(turn) + points[:, 2] * np.sin(turn)
    z = points[:, 2] * np.cos(turn) - points[:, 0] * np.sin(turn)
    y, depth = points[:, 1] * np.cos(tilt) - z * np.sin(tilt), z * np.cos(tilt) + points[:, 1] * np.sin(tilt)
    order = np.argsort(depth)
    axis.scatter(x[order], y[order], c=depth[order], cmap="Greys", vmin=-1.6, vmax=0.9, s=1.2, linewidths=0)
    axis.set_aspect("equal")
    axis.set_axis_off()


def _bars(axis: Any, answer: dict[str, dict[str, float]], truth: str) -> None:
    """Draw the three likeliest classes of both together, with what each modality gives them."""
    best = sorted(answer["both"], key=answer["both"].__getitem__, reverse=True)[:3]
    for offset, (key, color) in enumerate(zip(("views", "cloud", "both"), (IMAGE, POINT, FUSED), strict=True)):
        places = np.arange(3) + 0.26 * (offset - 1)
        axis.barh(places, [answer[key][name] for name in best], 0.24, color=color, label=key)
    axis.set_yticks(range(3), [f"{name}  ✓" if name == truth else name for name in best], fontsize=9)
    axis.set_xlim(0, 1)
    axis.set_xticks([])
    axis.invert_yaxis()
    axis.spines[["top", "right", "bottom"]].set_visible(False)
    if truth == SHOWN[0]:
        axis.legend(fontsize=8, frameon=False, loc="lower right")


# -------------------------------------------------------------------------------------------------------- the method


def _box(axis: Any, place: tuple[float, float], size: tuple[float, float], text: str, color: str, dark: bool = False):
    face = color if dark else "white"
    axis.add_patch(FancyBboxPatch(place, *size, boxstyle="round,pad=0.06", fc=face, ec=color, lw=1.6))
    middle = (place[0] + size[0] / 2, place[1] + size[1] / 2)
    axis.text(*middle, text, ha="center", va="center", fontsize=9, color="white" if dark else INK, linespacing=1.35)


def _arrow(axis: Any, start: tuple[float, float], end: tuple[float, float], **style: Any) -> None:
    options = {"arrowstyle": "-|>", "mutation_scale": 12, "color": MUTED, "lw": 1.4, **style}
    axis.add_patch(FancyArrowPatch(start, end, **options))


def draw_method() -> None:
    """One training step (paper, figure 2): who sees what, which label comes out, what is learned from it."""
    figure = Figure(figsize=(11.5, 4.6))
    axis = figure.add_axes((0, 0, 1, 1))
    axis.set(xlim=(0, 14.4), ylim=(0, 5.8))
    axis.set_axis_off()
    _box(axis, (0.2, 2.3), (1.7, 1.2), "unlabeled object:\npoint cloud\nand views", INK)
    for y, who, seen in ((4.1, "teacher", "weak"), (0.9, "student", "strong")):
        _arrow(axis, (1.95, 2.9), (2.75, y + 0.4))
        _box(axis, (2.8, y), (1.9, 0.9), f"{seen} augmentation" + ("\nand masks" if who == "student" else ""), MUTED)
        _arrow(axis, (4.8, y + 0.6), (5.45, y + 0.9))
        _arrow(axis, (4.8, y + 0.3), (5.45, y))
        _box(axis, (5.5, y + 0.6), (2.0, 0.55), "CLIP image tower", IMAGE, dark=who == "student")
        _box(axis, (5.5, y - 0.3), (2.0, 0.55), "Point-BERT tower", POINT, dark=who == "student")
        _arrow(axis, (7.6, y + 0.85), (8.25, y + 0.5))
        _arrow(axis, (7.6, y), (8.25, y + 0.3))
        _box(axis, (8.3, y), (1.9, 0.9), "one classifier,\nstarts from the text\nof the class names", FUSED)
        axis.text(6.5, y + 1.35, who, ha="center", fontsize=11, color=INK, weight="bold")
    _arrow(axis, (10.3, 4.55), (10.95, 4.55))
    _box(
        axis,
        (11.0, 4.0),
        (3.1, 1.1),
        "joint pseudo-label:\nthe more confident modality's,\nkept above a threshold",
        FUSED,
        dark=True,
    )
    _arrow(axis, (10.3, 1.35), (10.95, 1.35))
    losses = "\n+ ".join(
        [
            "cross-entropy to the joint label",
            "alignment of cloud and view",
            "fairness",
            "masked image and point modeling",
            "global-local alignment",
        ]
    )
    _box(axis, (11.0, 0.45), (3.1, 1.8), losses, INK)
    _arrow(axis, (12.55, 3.9), (12.55, 2.35))
    _arrow(axis, (7.3, 2.2), (7.3, 3.7), linestyle="--", color=INK)
    axis.text(7.45, 2.95, "exponential moving average\nof the student's weights", fontsize=8, color=MUTED, va="center")
    _save(figure, "method")


# -------------------------------------------------------------------------------------------------------- the rooms


def _room_of(path: Path) -> str:
    parts = path.relative_to(ROOT).parts
    if len(parts) == 1:
        return parts[0]
    if parts[0] == "modeling_crossmost":
        return parts[1] if len(parts) > 2 else "the model\n(travels to the Hub)"
    return parts[0]


def read_rooms() -> tuple[dict[str, Counter], Counter]:
    """Files and lines of every room, and how many imports lead from one room to another."""
    sources = [
        ROOT / "train.py",
        *(p for top in ("modeling_crossmost", "dataset_scripts", "space_app") for p in (ROOT / top).rglob("*.py")),
    ]
    sources = [path for path in sources if path.name not in ("__init__.py", "__main__.py")]
    rooms: dict[str, Counter] = {}
    arrows: Counter = Counter()
    for path in sources:
        room = rooms.setdefault(_room_of(path), Counter())
        text = path.read_text(encoding="utf-8")
        room.update(files=1, lines=text.count("\n"))
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.ImportFrom):
                target = _target(path, node)
                if target is not None and _room_of(target) != _room_of(path):
                    arrows[_room_of(path), _room_of(target)] += 1
    return rooms, arrows


def _target(path: Path, node: ast.ImportFrom) -> Path | None:
    """Return the file that an import means, None outside of this repository."""
    base = path.parents[node.level - 1] if node.level else ROOT
    place = base.joinpath(*(node.module or "").split("."))
    if place.with_suffix(".py").is_file():
        return place.with_suffix(".py")
    inner = place / f"{node.names[0].name}.py"
    return inner if inner.is_file() else None


def _floors(rooms: dict[str, Counter], arrows: Counter) -> dict[str, int]:
    """Floor of every room: one above the highest room that it imports."""
    floors = dict.fromkeys(rooms, 0)
    for _ in rooms:
        for upper, lower in arrows:
            floors[upper] = max(floors[upper], floors[lower] + 1)
    return floors


def draw_rooms() -> None:
    """Rooms on floors: an arrow leads to what a room imports, thicker where more imports go; all lead down."""
    rooms, arrows = read_rooms()
    floors = _floors(rooms, arrows)
    figure = Figure(figsize=(11.5, 1.25 * (max(floors.values()) + 1)))
    axis = figure.add_axes((0, 0, 1, 1))
    axis.set(xlim=(0, 12), ylim=(-0.15, max(floors.values()) + 0.85))
    axis.set_axis_off()
    places = {}
    for floor in range(max(floors.values()) + 1):
        level = sorted(room for room in rooms if floors[room] == floor)
        for index, room in enumerate(level):
            places[room] = (12 * (index + 0.5) / len(level), floor + 0.3)
    for (upper, lower), count in arrows.items():
        (x0, y0), (x1, y1) = places[upper], places[lower]
        _arrow(axis, (x0, y0 - 0.22), (x1, y1 + 0.24), lw=0.6 + 0.25 * min(count, 10), alpha=0.55, shrinkA=0, shrinkB=0)
    for room, (x, y) in places.items():
        color = IMAGE if room == "dataset_scripts" else POINT if room in ("train.py", "space_app") else FUSED
        text = f"{room}\n{rooms[room]['files']} files, {rooms[room]['lines']:,} lines"
        _box(axis, (x - 0.85, y - 0.17), (1.7, 0.36), text, color)
    _save(figure, "rooms")


DRAWINGS = {"job": draw_job, "method": draw_method, "rooms": draw_rooms}


def main() -> None:
    """Draw the pictures that are named on the command line, all of them by default."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", choices=[[], *DRAWINGS], help="what to draw (all)")
    for name in parser.parse_args().names or DRAWINGS:
        DRAWINGS[name]()


if __name__ == "__main__":
    main()
