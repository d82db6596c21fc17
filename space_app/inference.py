"""Turn an upload into what page and API show. Only `Classifier`'s sandbox reads the files."""

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


# Classes per list: in the API, as in `classify`, and on the page.
API_TOP_K, PAGE_TOP_K = 3, 5

# Longer class lists take the text tower seconds and do not fit on the page.
MAX_CLASSES, MAX_LETTERS = 200, 8_000

# The next axis to try if an object does not stand upright; each step rotates it by 90 degrees.
NEXT_AXIS = {"y": "z", "z": "x", "x": "-y", "-y": "-z", "-z": "-x", "-x": "y"}


def pool_size() -> int:
    """Return how many files are read at the same time: at least two, so that one slow file does not block the rest."""
    return min(max(available_cores(), 2), 4)


def open_classifier(name: str | None) -> Classifier:
    """Load the classifier of a Hub id or folder, by default the bundled checkpoint, with its pool of sandboxes.

    Raises:
        ValueError: if there is no loadable model.
        SandboxError: if no child process can be started.
    """
    torch.set_num_threads(1)  # requests run in parallel, so more threads each would only compete
    sandbox = Sandbox(processes=pool_size())
    try:
        return Classifier.from_pretrained(name, sandbox)
    except BaseException:
        sandbox.close()
        raise


def split_names(text: str | None) -> list[str] | None:
    """Split comma-separated class names; `None`, which means the model's own, if there are none.

    Raises:
        ValueError: if there are too many.
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
    """Classify an uploaded file; any failure becomes one sentence in `error` instead of an exception.

    Args:
        classifier: from `open_classifier`.
        path: where the server stored the upload.
        names: class names as comma-separated text; empty for the model's own.
        up_axis: axis that points up in the file, one of `FILE_AXES`; empty for y.
        preview: whether to make a glTF for the viewer too.
    """
    if not path:
        return Classification("", error="There is no file: choose one first.")
    name = os.path.basename(path)
    if not os.path.isfile(path):
        return Classification(name, error=f"{display_name(name)}: the upload has been deleted: choose the file again.")
    try:
        axis = (up_axis or "y").strip().lower()
        (found,) = classifier([path], class_names=split_names(names), up_axis=axis, preview=preview)
    except (ValueError, SandboxError) as error:  # invalid class names or axis, or the server is shutting down
        return Classification(name, error=one_line(error))
    except Exception:
        traceback.print_exc()  # to the server's log; visitors must not see internals
        return Classification(name, error="Something went wrong on the server: try again, or try another file.")
    return Classification(**{**vars(found), "file": name})  # without the server's path


def to_json(found: Classification) -> dict[str, Any]:
    """Return what `classify --json` prints for the file."""
    return found.to_dict(API_TOP_K)


@dataclass(frozen=True)
class Shown:
    """What the page shows for an upload; fields without content are `None` or empty.

    Attributes:
        status: HTML with the answer or the error.
        point, image, fused: probabilities of the most probable classes.
        object: binary glTF of the object.
        cloud: binary glTF of the points that the model saw.
        views: (picture uint8 (R, R, 3), description) pairs.
    """

    status: str
    point: dict[str, float] | None = None
    image: dict[str, float] | None = None
    fused: dict[str, float] | None = None
    object: bytes | None = None
    cloud: bytes | None = None
    views: list[tuple[np.ndarray, str]] | None = None


def to_show(found: Classification, model_axis: str) -> Shown:
    """Make what the page shows.

    Args:
        found: result of `classify_upload` with a preview.
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
    """Return HTML-escaped sentences: the answer first, then the file, its size and the time taken."""
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
        f"of which {prepared.seconds:.2f} s to read and render it."
    )
    return lines


def _paragraphs(kind: str, lines: list[str]) -> str:
    return f'<div class="{kind}">{"".join(f"<p>{line}</p>" for line in lines)}</div>'
