"""From an upload to what page and API show. Files are read by `Classifier`'s sandbox and nowhere else."""

from __future__ import annotations

import os
import traceback
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np
import torch

from modeling_crossmost.geometry_crossmost import convert_up_axis
from modeling_crossmost.serving.classifier import Classification, Classifier, Ranking
from modeling_crossmost.serving.glb import preview_glb
from modeling_crossmost.serving.sandbox import Sandbox, SandboxError, display_name
from modeling_crossmost.utils.command_line import comma_separated, one_line
from modeling_crossmost.utils.machine import available_cores


# Classes per list: of the API, as of `classify`, and of the page.
API_TOP_K, PAGE_TOP_K = 3, 5

# A class list that is longer costs the text tower seconds and fits no page.
MAX_CLASSES, MAX_LETTERS = 200, 8_000

# The next axis to try for an object that does not stand upright: each turns it by 90 degrees.
NEXT_AXIS = {"y": "z", "z": "x", "x": "-y", "-y": "-z", "-z": "-x", "-x": "y"}


def pool_size() -> int:
    """Files that are read at the same time: two at least, so that one that takes long holds nobody up."""
    return min(max(available_cores(), 2), 4)


def open_classifier(name: str | None) -> Classifier:
    """The classifier of a Hub id or folder, by default of the bundled checkpoint, with its pool of sandboxes.

    Raises:
        ValueError: nothing loadable there.
        SandboxError: no process can be started to read files in.
    """
    torch.set_num_threads(1)  # requests run side by side
    sandbox = Sandbox(processes=pool_size())
    try:
        return Classifier.from_pretrained(name, sandbox)
    except BaseException:
        sandbox.close()
        raise


def split_names(text: str | None) -> list[str] | None:
    """Class names from comma-separated text; `None`, the model's own, where there are none.

    Raises:
        ValueError: too many.
    """
    names = comma_separated(text or "")
    if len(names) > MAX_CLASSES or len(text or "") > MAX_LETTERS:
        raise ValueError(
            f"{len(names)} class names with {len(text or '')} letters are too many: "
            f"at most {MAX_CLASSES} names and {MAX_LETTERS} letters are allowed."
        )
    return names or None


def classify_upload(
    classifier: Classifier, path: str | None, names: str | None, up_axis: str | None, preview: bool = False
) -> Classification:
    """What an uploaded file is, or one sentence in `error`; raises nothing.

    Args:
        classifier: of `open_classifier`.
        path: where the server put the upload.
        names: class names as comma-separated text; empty for the model's own.
        up_axis: axis that points up in the file, one of `FILE_AXES`; empty for y.
        preview: whether a glTF for the viewer is made too.
    """
    if not path:
        return Classification("", error="There is no file: choose one first.")
    name = os.path.basename(path)
    if not os.path.isfile(path):
        return Classification(name, error=f"{display_name(name)}: the upload was deleted meanwhile: choose it again.")
    try:
        axis = (up_axis or "y").strip().lower()
        (found,) = classifier([path], class_names=split_names(names), up_axis=axis, preview=preview)
    except (ValueError, SandboxError) as error:  # class names, axis, a closed server
        return Classification(name, error=one_line(error))
    except Exception:
        traceback.print_exc()  # for the server's owner; what it says is nobody else's business
        return Classification(name, error="Something went wrong on the server: try again, or try another file.")
    return Classification(**{**vars(found), "file": name})  # not where the server put it


def to_json(found: Classification) -> dict[str, Any]:
    """What `classify --json` prints for the file."""
    return found.to_dict(API_TOP_K)


@dataclass(frozen=True)
class Shown:
    """What the page shows of an upload; `None` and empty where there is nothing.

    Attributes:
        status: HTML, the answer or what failed.
        point, image, fused: probability of each of the first classes.
        object: binary glTF of the object.
        cloud: binary glTF of the points that the model saw.
        views: (picture uint8 (R, R, 3), description).
    """

    status: str
    point: dict[str, float] | None = None
    image: dict[str, float] | None = None
    fused: dict[str, float] | None = None
    object: bytes | None = None
    cloud: bytes | None = None
    views: list[tuple[np.ndarray, str]] | None = None


def to_show(found: Classification, model_axis: str) -> Shown:
    """What the page shows.

    Args:
        found: of `classify_upload` with a preview.
        model_axis: axis that points up in the model's clouds.
    """
    if found.error is not None or found.prepared is None:
        return Shown(_paragraphs("failure", ["This did not work.", escape(found.error or "")]))
    prepared = found.prepared
    views = [] if prepared.views is None else list(prepared.views)
    return Shown(
        status=_paragraphs("answer", _sentences(found)),
        point=_first(found.point),
        image=_first(found.image),
        fused=_first(found.fused),
        object=prepared.preview,
        cloud=preview_glb(convert_up_axis(prepared.points, model_axis)),
        views=[(view, f"View {number} of {len(views)}") for number, view in enumerate(views, 1)],
    )


def _first(ranking: Ranking) -> dict[str, float] | None:
    return dict(ranking[:PAGE_TOP_K]) or None


def _sentences(found: Classification) -> list[str]:
    """Escaped sentences: the answer first, then what made it and what it took."""
    prepared = found.prepared
    assert prepared is not None
    best, probability = found.fused[0]
    lines = [f"<strong>{escape(best)}</strong>, {probability:.0%} sure."]
    lines += map(escape, found.notes)
    size = f"{prepared.num_vertices:,} points"
    if prepared.num_faces:
        size = f"{prepared.num_faces:,} faces"
    lines.append(
        f"{escape(display_name(found.file))}, {size}: {found.seconds:.2f} s, "
        f"of which {prepared.seconds:.2f} s to read and draw it."
    )
    return lines


def _paragraphs(kind: str, lines: list[str]) -> str:
    return f'<div class="{kind}">{"".join(f"<p>{line}</p>" for line in lines)}</div>'
