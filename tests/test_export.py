"""Exported branches against the eager model, at shapes that they were not traced with."""

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
import trimesh
from tiny import IMAGE_SIZE, POINT, tiny_model
from toy import make_model

from modeling_crossmost import CrossMoSTModel, CrossMoSTProcessor
from modeling_crossmost.commands.export import main
from modeling_crossmost.hub import export
from modeling_crossmost.hub.export import ExportError, example, export_model, plans


onnxruntime = pytest.importorskip("onnxruntime")
ROOT = Path(__file__).parent.parent
FILES = {"export.json", "image.onnx", "image.pt2", "point.onnx", "point.pt2"}
LEAST = POINT["group_size"]


@pytest.fixture(scope="module")
def model():
    return tiny_model()


@pytest.fixture(scope="module")
def exported(model, tmp_path_factory):
    """A folder with everything that the command writes."""
    folder = tmp_path_factory.mktemp("export")
    model.save_pretrained(folder / "model")
    assert main([str(folder / "model"), "--output", str(folder / "out" / "files")]) == 0
    assert [path.name for path in (folder / "out").iterdir()] == ["files"]
    return folder / "out" / "files"


def run_onnx(path: Path, values: torch.Tensor) -> dict[str, np.ndarray]:
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (given,) = session.get_inputs()
    outputs = session.run(None, {given.name: values.numpy()})
    return dict(zip((output.name for output in session.get_outputs()), outputs, strict=True))


@torch.no_grad()
def eager(model, name: str, values: torch.Tensor) -> dict[str, np.ndarray]:
    """What the whole model says, which the exported branch was only cut from."""
    output = model(**{{"point": "point_values", "image": "pixel_values"}[name]: values})
    names = {"point": ("logits_per_point", "point_embeds"), "image": ("logits_per_image", "image_embeds")}[name]
    return {key: output[key].numpy() for key in names}


CLOUDS = [(1, LEAST), (1, 57), (7, 40), (3, 1024)]
INPUTS = [("point", (batch, points, 3)) for batch, points in CLOUDS]
INPUTS += [("image", (batch, 3, IMAGE_SIZE, IMAGE_SIZE)) for batch in (1, 6)]


@pytest.mark.parametrize(("name", "shape"), INPUTS)
def test_exported_branches_agree_with_the_model_at_other_shapes(model, exported, name, shape):
    values = example(shape, seed=9)
    expected = eager(model, name, values)
    found = run_onnx(exported / f"{name}.onnx", values)
    assert list(found) == list(expected)
    program = torch.export.load(exported / f"{name}.pt2").module()(values)
    for (key, wanted), other in zip(expected.items(), program, strict=True):
        np.testing.assert_allclose(found[key], wanted, rtol=0, atol=1e-4)
        np.testing.assert_allclose(other.numpy(force=True), wanted, rtol=0, atol=1e-4)


def test_repeated_points_change_nothing(model, exported):
    # The processor fills small clouds up with repeats: equal distances, whose order is nobody's promise.
    cloud = example((1, 9, 3), seed=4)
    values = torch.cat([cloud, cloud, cloud], dim=1)
    found, expected = run_onnx(exported / "point.onnx", values), eager(model, "point", values)
    np.testing.assert_allclose(found["point_embeds"], expected["point_embeds"], rtol=0, atol=1e-4)


def test_the_graphs_name_their_free_axes(exported):
    import onnx

    def axes(value):
        return [axis.dim_param or axis.dim_value for axis in value.type.tensor_type.shape.dim]

    graph = onnx.load(exported / "point.onnx").graph
    assert {value.name: axes(value) for value in graph.input} == {"point_values": ["batch", "points", 3]}
    assert [axes(value) for value in graph.output] == [["batch", 3], ["batch", 8]]
    graph = onnx.load(exported / "image.onnx").graph
    sides = [3, IMAGE_SIZE, IMAGE_SIZE]
    assert {value.name: axes(value) for value in graph.input} == {"pixel_values": ["batch", *sides]}
    onnx.checker.check_model(exported / "point.onnx", full_check=True)
    onnx.checker.check_model(exported / "image.onnx", full_check=True)


def test_the_folder_describes_itself_and_holds_no_pickle(model, exported):
    assert {path.name for path in exported.iterdir()} == FILES
    about = json.loads((exported / "export.json").read_text())
    assert about["class_names"] == model.config.class_names and about["up_axis"] == "y"
    assert about["least_points"] == LEAST and about["image_size"] == IMAGE_SIZE
    differences = about["largest_difference_from_eager"]
    assert set(differences) == FILES - {"export.json"} and max(differences.values()) < 1e-4
    for name in ("point.pt2", "image.pt2"):
        with zipfile.ZipFile(exported / name) as archive:
            inside = {entry: archive.read(entry) for entry in archive.namelist()}
        assert [entry for entry, content in inside.items() if content[:2] in (b"\x80\x02", b"PK")] == []


def test_a_model_without_image_tower_has_one_branch(tmp_path):
    export_model(tiny_model(vision_config=None), tmp_path / "out", formats=["pt2"])
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"export.json", "point.pt2"}
    assert json.loads((tmp_path / "out" / "export.json").read_text())["image_size"] is None


def test_the_model_stays_as_it_was(model, tmp_path):
    twin = tiny_model().half().train()
    export_model(twin, tmp_path / "out", formats=["pt2"])
    assert twin.dtype == torch.float16 and twin.training
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"export.json", "image.pt2", "point.pt2"}


def test_the_processor_s_numbers_are_told(tmp_path):
    make_model(tmp_path / "toy")
    about = export.describe_processor(str(tmp_path / "toy"))
    processor = CrossMoSTProcessor.from_pretrained(tmp_path / "toy")
    level = np.full((32, 32, 3), 100, dtype=np.uint8)
    pixels = (level * about["pixels"]["scale"] - about["pixels"]["mean"]) / about["pixels"]["std"]
    values = processor(images=[level])["pixel_values"][0].permute(1, 2, 0).numpy()
    np.testing.assert_allclose(values, pixels, atol=1e-5)
    assert about["num_points"] == 64


# ------------------------------------------------------------------------------------------------------------ errors


def told(capsys, code: int) -> str:
    printed = capsys.readouterr()
    assert code == 2 and printed.out == ""
    assert printed.err.startswith("error: ") and printed.err.count("\n") == 1, printed.err
    return printed.err


def test_a_full_output_folder_and_a_wrong_model_are_one_sentence(model, tmp_path, capsys):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").touch()
    model.save_pretrained(tmp_path / "model")
    capsys.readouterr()
    command = [str(tmp_path / "model"), "--output"]
    assert "already exists: name a new folder" in told(capsys, main([*command, str(tmp_path / "full")]))
    assert "cannot be written" in told(capsys, main([*command, str(tmp_path / "full" / "file" / "out")]))
    assert "cannot be loaded" in told(capsys, main([str(tmp_path / "full"), "--output", str(tmp_path / "out")]))
    model.point_model.save_pretrained(tmp_path / "tower")
    capsys.readouterr()
    assert "or no saved CrossMoSTModel" in told(capsys, main([str(tmp_path / "tower"), "--output", "out"]))
    assert {path.name for path in tmp_path.iterdir()} == {"full", "model", "tower"}


def test_without_onnx_one_sentence_says_what_to_install(model, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    with pytest.raises(ExportError, match=r"ONNX needs the package onnxscript: pip install 'crossmost\[export\]'"):
        export_model(model, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_an_export_that_differs_is_not_kept(model, tmp_path, monkeypatch):
    monkeypatch.setattr(export, "difference_of_program", lambda plan, path: float("nan"))
    with pytest.raises(ExportError, match=r"point\.pt2 differs from the model by nan: nothing was written"):
        export_model(model, tmp_path / "out", formats=["pt2"])
    assert list(tmp_path.iterdir()) == []


def test_missing_onnxruntime_leaves_onnx_unchecked(model, exported, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    assert export.difference_of_onnx(plans(model)["point"], exported / "point.onnx") is None


# -------------------------------------------------------------------------------------------------------------- slow


@pytest.mark.slow
def test_the_bundled_model_exports_and_classifies_a_mesh_without_this_package(tmp_path):
    bundled = ROOT / "assets" / "crossmost-mini"
    assert main([str(bundled), "--output", str(tmp_path / "mini")]) == 0
    mesh = trimesh.util.concatenate(
        [trimesh.creation.box((1, 0.1, 1))]
        + [trimesh.creation.box((0.1, 1, 0.1), trimesh.transformations.translation_matrix((x, -0.5, z)))
           for x in (-0.4, 0.4) for z in (-0.4, 0.4)]
    )  # fmt: skip
    model = CrossMoSTModel.from_pretrained(bundled).eval()
    inputs = CrossMoSTProcessor.from_pretrained(bundled)(mesh=mesh, render_views=4)
    np.savez(tmp_path / "inputs.npz", point=inputs["point_values"], image=inputs["pixel_values"][0])
    code = (
        "import json, sys, numpy, onnxruntime\n"
        "inputs = numpy.load('inputs.npz')\n"
        "found = {}\n"
        "for name in inputs:\n"
        "    session = onnxruntime.InferenceSession(f'mini/{name}.onnx')\n"
        "    found[name] = session.run(None, {session.get_inputs()[0].name: inputs[name]})[1].tolist()\n"
        "assert 'torch' not in sys.modules\n"
        "print(json.dumps(found))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    with torch.no_grad():
        point = model.get_point_features(inputs["point_values"]).numpy()
        image = model.get_image_features(inputs["pixel_values"][0]).numpy()
    np.testing.assert_allclose(found["point"], point, rtol=0, atol=1e-4)
    np.testing.assert_allclose(found["image"], image, rtol=0, atol=1e-4)
    scores = model.classifier.weight.detach().numpy() @ (np.mean(found["image"], axis=0) + found["point"][0])
    assert model.config.class_names[int(scores.argmax())] in ("table", "desk")
