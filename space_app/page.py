"""The page: inputs on the left (on phones at the top), the model's inputs and answers beside (or below) them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr
from gradio.processing_utils import save_bytes_to_cache
from gradio.utils import get_upload_folder

from modeling_crossmost.configuration_crossmost import DEFAULT_VIEWS
from modeling_crossmost.geometry_crossmost import FILE_TYPES
from modeling_crossmost.serving.classifier import Classifier
from modeling_crossmost.serving.sandbox import Limits

from inference import NEXT_AXIS, PAGE_TOP_K, Shown, classify_upload, pool_size, to_json, to_show
from uploads import KEPT_SECONDS, SWEEP_SECONDS, upload_component


# Requests that may wait; further visitors are asked to try again later.
MAX_WAITING = 200

# Page and API share the sandboxes. With one request more than sandboxes, the model is busy while files are read.
RUNNING: dict[str, Any] = {"concurrency_id": "sandbox", "concurrency_limit": pool_size() + 1}

CSS = """
.answer, .failure {margin: 0.4em 0;}
#views .grid-wrap, #views .grid-container {min-height: 0; max-height: none; height: auto; overflow: visible;}
#views .grid-container {grid-template-columns: repeat(auto-fill, minmax(96px, 1fr)); padding-top: 2em;}
#views .caption-label {position: absolute; clip-path: inset(50%);}
.failure {border-left: 4px solid #b91c1c; padding-left: 0.8em;}
.answer {border-left: 4px solid #15803d; padding-left: 0.8em;}
.answer p, .failure p {margin: 0.2em 0; overflow-wrap: anywhere;}
.answer p:first-child, .failure p:first-child {font-size: 1.25em;}
"""

# System fonts, so that the page loads nothing from other hosts.
THEME = gr.themes.Default(
    primary_hue="blue", font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"]
).set(button_primary_background_fill="*primary_700", button_primary_background_fill_hover="*primary_800")

# No run history: the browser must not show one visitor's files to the next one at the same computer.
LAUNCH_OPTIONS: dict[str, Any] = {
    "max_file_size": Limits.max_bytes,
    "theme": THEME,
    "css": CSS,
    "footer_links": ["api"],
    "run_history": False,
    "ssr_mode": False,
    "share": False,
}

# Makes screen readers announce the answer.
LIVE_REGION = """() => {
    const answer = document.getElementById("answer");
    answer.setAttribute("role", "status");
    answer.setAttribute("aria-live", "polite");
}"""

INTRODUCTION = f"""# What is this object?
Upload a mesh or a point cloud. The model classifies it from its points and from {DEFAULT_VIEWS} rendered views. It was
trained without labels, by letting the two modalities teach each other."""
CLOUDS_ALONE = """# What is this object?
Upload a mesh or a point cloud. The model classifies it from its points."""

AXIS_HINTS = {"y": " (glTF, most viewers)", "z": " (CAD, scans)", "-y": " (cameras)"}
AXES = [(f"{axis}{AXIS_HINTS.get(axis, '')}", axis) for axis in NEXT_AXIS]


def build_page(classifier: Classifier, examples: dict[str, Path]) -> gr.Blocks:
    """Build the page and the endpoint `/classify`.

    Args:
        classifier: classifies the uploads; all visitors share its sandboxes.
        examples: label -> file.
    """
    model_axis = classifier.processor.feature_extractor.up_axis
    known = ", ".join(classifier.model.config.class_names)

    def show(path: str | None, names: str | None, up_axis: str | None) -> list[Any]:
        return _as_values(to_show(classify_upload(classifier, path, names, up_axis, preview=True), model_axis))

    def turn(path: str | None, names: str | None, up_axis: str) -> list[Any]:
        up_axis = NEXT_AXIS[up_axis]
        return [up_axis, *show(path, names, up_axis)]

    def classify(file: str | None, class_names: str | None = "", up_axis: str | None = "y") -> dict[str, Any]:
        """Classify a mesh or point cloud; returns the JSON of `classify --json`."""
        return to_json(classify_upload(classifier, file, class_names, up_axis))

    with gr.Blocks(title="Cross-MoST", analytics_enabled=False, delete_cache=(SWEEP_SECONDS, KEPT_SECONDS)) as page:
        gr.Markdown(INTRODUCTION if classifier.model.vision_model is not None else CLOUDS_ALONE)
        with gr.Row():
            with gr.Column(scale=1, min_width=280):
                upload = upload_component(f"Mesh or point cloud, at most {_megabytes()} MB", file_types=_ENDINGS)
                gr.Markdown(f"Types: {' '.join(_ENDINGS)}. Other files that it refers to are not read.")
                names = gr.Textbox(
                    label="Class names, separated by commas", info="Empty: the model's own.", placeholder=known
                )
                up_axis = gr.Radio(AXES, value="y", label="Axis that points up in the file")
                button = gr.Button("Classify", variant="primary")
                turn_button = gr.Button("Not upright? Rotate 90°", size="md")
                if examples:
                    gr.Markdown("**Examples**, generated by this project")
                    with gr.Row():
                        example_buttons = {
                            gr.Button(label, size="sm", min_width=100): path for label, path in examples.items()
                        }
            with gr.Column(scale=2, min_width=300):
                outputs = _outputs()

        inputs = [upload, names, up_axis]
        private: dict[str, Any] = {
            "api_visibility": "private",
            "show_progress_on": outputs[0],
            "scroll_to_output": True,
            **RUNNING,
        }
        gr.on([upload.upload, button.click, names.submit, up_axis.input], show, inputs, outputs, **private)
        turn_button.click(turn, inputs, [up_axis, *outputs], **private)
        upload.clear(lambda: _as_values(Shown("")), None, outputs, api_visibility="private", queue=False)
        if examples:
            for example_button, path in example_buttons.items():
                example_button.click(
                    lambda path=str(path): (path, "y"), None, [upload, up_axis], api_visibility="private", queue=False
                ).then(show, inputs, outputs, **private)
        _add_endpoint(classify)
        page.load(None, js=LIVE_REGION)
    return page.queue(max_size=MAX_WAITING)


_ENDINGS = [f".{kind}" for kind in FILE_TYPES]


def _megabytes() -> int:
    return Limits.max_bytes >> 20


def _outputs() -> list[Any]:
    """Create the components of `Shown`, in the order of its fields."""
    status = gr.HTML("", elem_id="answer", padding=False)
    with gr.Row():
        lists = {
            name: gr.Label(label=label, num_top_classes=PAGE_TOP_K, show_heading=False, min_width=180, render=False)
            for name, label in (("fused", "Both together"), ("point", "Points alone"), ("image", "Views alone"))
        }
        # On the page the joint answer comes first, although `Shown` lists it last.
        for component in lists.values():
            component.render()
    viewer: dict[str, Any] = {"height": 320, "min_width": 260, "interactive": False, "camera_position": (60, 75, 3.2)}
    with gr.Row():
        shape = gr.Model3D(label="The object (drag to turn it)", **viewer)
        # A dark background, because the points are light gray.
        cloud = gr.Model3D(label="The points that the model sees", clear_color=(0.1, 0.12, 0.16, 1.0), **viewer)
    views = gr.Gallery(label="The views that the model sees", columns=6, elem_id="views", interactive=False)
    return [status, lists["point"], lists["image"], lists["fused"], shape, cloud, views]


def _as_values(shown: Shown) -> list[Any]:
    files = [
        None if content is None else save_bytes_to_cache(content, name, get_upload_folder())
        for content, name in ((shown.object, "object.glb"), (shown.cloud, "points.glb"))
    ]
    return [shown.status, shown.point, shown.image, shown.fused, *files, shown.views]


def _add_endpoint(function: Any) -> None:
    """Add `/classify`, on hidden components of its own.

    `gr.api` would be simpler, but the path in its request may name any file on the server; `gr.File` refuses that.
    """
    file = upload_component("file", visible=False)
    names = gr.Textbox("", label="class_names", visible=False)
    axis = gr.Textbox("y", label="up_axis", visible=False)
    answer = gr.JSON(label="answer", visible=False)
    trigger = gr.Button(visible=False)
    trigger.click(function, [file, names, axis], answer, api_name="classify", **RUNNING)
