"""Uploads and downloads with the real clients against a Hub on the loopback, and code that travels with the weights."""

import json
import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import numpy as np
import pytest
import torch
import trimesh
import yaml
from huggingface_hub import ModelCard, constants
from local_hub import READ_ONLY_TOKEN, TOKEN, LocalHub, card_errors
from toy import NUM_POINTS, flags, make_dataset, make_model

import train
from dataset_scripts import prepare
from modeling_crossmost import CrossMoSTForSelfTraining
from modeling_crossmost.commands.push import main as push
from modeling_crossmost.hub.push import HubError, push_to_hub, upload, warn_without_token
from modeling_crossmost.training.arguments import parse_arguments
from modeling_crossmost.utils.command_line import UsageError


ROOT = Path(__file__).parent.parent
CODE = {
    "configuration_crossmost.py",
    "feature_extraction_crossmost.py",
    "geometry_crossmost.py",
    "materials_crossmost.py",
    "modeling_crossmost.py",
    "outputs_crossmost.py",
    "pcd_crossmost.py",
    "pipeline_crossmost.py",
    "point_ops_crossmost.py",
    "processing_crossmost.py",
    "rendering_crossmost.py",
}
SPACE_README = "---\ntitle: Cross-MoST\nsdk: gradio\napp_file: app.py\nlicense: apache-2.0\n---\n"


def run_python(code: str, environment: dict[str, str], cwd: Path, *flags: str) -> dict:
    """Run code in a fresh process; return what it prints last, as JSON."""
    done = subprocess.run(
        [sys.executable, *flags, "-c", code], cwd=cwd, env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


def package_environment(server: LocalHub, home: Path) -> dict[str, str]:
    """Of a process that has the package, and caches of its own."""
    paths = os.pathsep.join(map(str, (ROOT, ROOT / "tests")))
    return {**os.environ, **server.environment(home), "PYTHONPATH": paths, "TOKENIZERS_PARALLELISM": "false"}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with a toy model, a data set, meshes of two classes and a Space."""
    place = tmp_path_factory.mktemp("place")
    make_model(place / "toy")
    make_dataset(place / "data", train=6, test=6)
    for name, mesh in (("box", trimesh.creation.box((1, 2, 3))), ("ball", trimesh.creation.icosphere(1))):
        (place / "meshes" / name).mkdir(parents=True)
        mesh.export(place / "meshes" / name / "0.ply")
    (place / "space").mkdir()
    (place / "space" / "README.md").write_text(SPACE_README)
    (place / "space" / "app.py").write_text("import modeling_crossmost\n")
    return place


PUSH = """
import json, sys
import toy, train
from dataset_scripts import prepare
from modeling_crossmost.commands.push import main as push

codes = [
    train.main(toy.flags(model_name_or_path="toy", dataset="data", output_dir="run", method="zero_shot",
                         push_to_hub=True, hub_model_id="tester/toy")),
    prepare.main(["folder", "--source", "meshes", "--output", "pairs", "--num-points", "64", "--num-views", "2",
                  "--image-size", "32", "--num-proc", "1", "--push-to-hub", "tester/pairs"]),
    push(["model", "toy", "plain"]),
    push(["space", "space", "tester/demo", "--private"]),
]
model, processor = toy.make_model()
model.push_to_hub("tester/own")
processor.push_to_hub("tester/own")
print(json.dumps(codes))
"""


@pytest.fixture(scope="module")
def pushed(place):
    """A Hub with everything on it that one process of `train.py`, `prepare` and `hub` uploaded."""
    with LocalHub() as server:
        codes = run_python(PUSH, package_environment(server, place / "home"), place)
        assert codes == [0, 0, 0, 0]
        yield server
        assert server.unknown == []


@pytest.fixture(scope="module")
def points():
    return np.random.default_rng(3).standard_normal((NUM_POINTS, 3)).astype(np.float32)


@pytest.fixture(scope="module")
def expected(place, points):
    """Logits and ranking that every way of loading has to give."""
    from transformers import pipeline

    from modeling_crossmost import CrossMoSTModel, CrossMoSTProcessor

    np.save(place / "points.npy", points)
    model = CrossMoSTModel.from_pretrained(place / "toy").eval()
    processor = CrossMoSTProcessor.from_pretrained(place / "toy")
    with torch.no_grad():
        output = model(**processor(points=points, render_views=2))
    ranking = pipeline(model=str(place / "toy"), device="cpu")(str(place / "points.npy"), views=2)
    return {
        "point": output.logits_per_point.tolist(),
        "image": output.logits_per_image.tolist(),
        "pipeline": [[entry["label"], entry["score"]] for entry in ranking],
    }


# What both kinds of process do with a model: `loaded` are pairs of model and processor, `pipes` pipelines.
COMPARE = """
import json, sys
import torch

def logits(model, processor):
    with torch.no_grad():
        output = model.eval()(**processor(mesh="points.npy", render_views=2))
    return {"point": output.logits_per_point.tolist(), "image": output.logits_per_image.tolist()}

def ranking(pipe):
    return [[entry["label"], entry["score"]] for entry in pipe("points.npy", views=2)]
"""


def assert_same(found: dict, expected: dict) -> None:
    for logits in found["logits"]:
        for name, values in logits.items():
            np.testing.assert_allclose(values, expected[name], rtol=0, atol=1e-5)
    for ranking in found["rankings"]:
        assert [name for name, _ in ranking] == [name for name, _ in expected["pipeline"]]
        np.testing.assert_allclose([s for _, s in ranking], [s for _, s in expected["pipeline"]], rtol=0, atol=1e-5)


def test_where_the_package_is_installed_ids_load_without_trust(pushed, place, expected):
    code = (
        COMPARE
        + """
from datasets import load_dataset
from transformers import AutoModel, AutoProcessor, pipeline

from modeling_crossmost import CrossMoSTModel, CrossMoSTProcessor, PointCloudClassificationPipeline
from pathlib import Path

from dataset_scripts.fetching import fetch
from modeling_crossmost.data.pairs import load_pairs

auto, processor = AutoModel.from_pretrained("tester/toy"), AutoProcessor.from_pretrained("tester/toy")
assert type(auto) is CrossMoSTModel and type(processor) is CrossMoSTProcessor
pipes = [
    pipeline("point-cloud-classification", model="tester/toy", device="cpu"),
    pipeline(model="tester/plain", device="cpu"),
    pipeline(model="tester/toy", trust_remote_code=True, device="cpu"),
]
assert all(type(pipe) is PointCloudClassificationPipeline for pipe in pipes)
loaded = [(auto, processor), (CrossMoSTModel.from_pretrained("tester/plain"), processor)]
plain = load_dataset("tester/pairs", split="train")
rows = [list(plain), list(load_dataset("tester/pairs", split="train", streaming=True))]
print(json.dumps({
    "logits": [logits(*pair) for pair in loaded],
    "rankings": [ranking(pipe) for pipe in pipes],
    "ids": [[row["object_id"] for row in some] for some in rows],
    "points": [[row["points"] for row in some] for some in rows],
    "sizes": [[view.size for view in row["views"]] for row in plain],
    "pairs": len(load_pairs("tester/pairs", None, "train")),
    "streamed": [load_pairs(name, None, "train", streaming=True).select_columns(["object_id"])[[1, 0]].to_pydict()
                 for name in ("tester/pairs", "hf://datasets/tester/pairs")],
    "fetched": sorted(path.name for path in Path(fetch("hf://datasets/tester/pairs")).rglob("*.parquet")),
    "local": sys.modules["modeling_crossmost"].__file__,
}))
"""
    )
    found = run_python(code, package_environment(pushed, place / "home2"), place)
    assert Path(found["local"]).parent.parent == ROOT
    assert_same(found, expected)
    assert found["ids"] == [["ball/0", "box/0"]] * 2 and found["pairs"] == 2
    assert found["streamed"] == [{"object_id": ["box/0", "ball/0"]}] * 2 and found["fetched"]
    assert found["points"][0] == found["points"][1]
    assert np.shape(found["points"][0]) == (2, 64, 3)
    assert found["sizes"] == [[[32, 32]] * 2] * 2


def test_where_the_package_is_missing_ids_load_with_trust(pushed, place, expected):
    # -I and -S: neither this checkout nor the link to it that an editable installation leaves is on the path.
    code = (
        f"import sys; sys.path.append({sysconfig.get_path('purelib')!r})\n"
        + COMPARE
        + """
import importlib.util
if importlib.util.find_spec("modeling_crossmost") is not None:
    print(json.dumps({"installed": True}))
    raise SystemExit
try:
    import modeling_crossmost
except ModuleNotFoundError as error:
    said = str(error)

from transformers import AutoConfig, AutoModel, AutoProcessor, pipeline

auto = AutoModel.from_pretrained("tester/toy", trust_remote_code=True)
processor = AutoProcessor.from_pretrained("tester/toy", trust_remote_code=True)
refused = []
for load in (AutoConfig, AutoModel, AutoProcessor):
    try:
        load.from_pretrained("tester/toy", trust_remote_code=False)
    except ValueError as error:
        refused.append("trust_remote_code=True" in str(error))
auto.save_pretrained("again")
processor.save_pretrained("again")
pipes = [
    pipeline(model="tester/toy", trust_remote_code=True, device="cpu"),
    pipeline("point-cloud-classification", model="tester/plain", trust_remote_code=True, device="cpu"),
    pipeline(model="again", trust_remote_code=True, device="cpu"),
]
labels = [entry["label"] for entry in pipes[0]("points.npy", views=0, candidate_labels="a box, a ball")]
print(json.dumps({
    "said": said,
    "modules": [type(thing).__module__.split(".")[0] for thing in (auto, processor, *pipes)],
    "refused": refused,
    "logits": [logits(auto, processor)],
    "rankings": [ranking(pipe) for pipe in pipes],
    "labels": sorted(labels),
    "package": [name for name in sys.modules if name.split(".")[0] in ("modeling_crossmost", "dataset_scripts")],
}))
"""
    )
    environment = {**os.environ, **pushed.environment(place / "home3")}
    found = run_python(code, environment, place, "-I", "-S")
    if "installed" in found:
        pytest.skip("the package lies in site-packages itself, so there is no environment without it")
    assert found["said"] == "No module named 'modeling_crossmost'"
    assert found["modules"] == ["transformers_modules"] * 5 and found["package"] == []
    assert found["refused"] == [True] * 3
    assert found["labels"] == ["a ball", "a box"]
    assert_same(found, expected)
    assert {path.name for path in (place / "again").iterdir()} >= CODE


def test_a_run_is_uploaded_whole_and_without_paths_of_this_machine(pushed, place):
    files = pushed.files("model", "tester/toy")
    assert set(files) >= CODE | {"model.safetensors", "README.md", "results.json", "args.yaml", "confusion.png"}
    assert not any(name.startswith((".", "checkpoints", "evaluation")) for name in files)
    assert [commit.title for commit in pushed.repositories["model", "tester/toy"].commits] == [
        "initial commit",
        "Upload model",
    ]
    for name in ("config.json", "model.safetensors", "confusion.png", "processor_config.json"):
        assert files[name] == (place / "run" / name).read_bytes()
    texts = [content for name, content in files.items() if not name.endswith((".png", ".safetensors"))]
    assert not any(str(place).encode() in text for text in texts)
    assert json.loads(files["results.json"]) == json.loads((place / "run" / "results.json").read_text())
    assert yaml.safe_load(files["args.yaml"])["hub_model_id"] == "tester/toy"
    card = ModelCard(files["README.md"].decode())
    assert card.data.model_name == "toy" and len(card.data.eval_results) == 4
    assert 'model="tester/toy"' in card.text and "](confusion.png)" in card.text


def test_a_folder_without_card_gets_one_under_your_own_name(pushed):
    files = pushed.files("model", "tester/plain")
    card = ModelCard(files["README.md"].decode())
    assert 'model="plain"' in card.text and "box, ball, tube" in card.text
    assert "No labeled split was evaluated." in card.text and "## Training" not in card.text
    assert card.data.license == "apache-2.0"


def test_the_classes_own_push_brings_the_code_too(pushed):
    assert set(pushed.files("model", "tester/own")) >= CODE | {"processor_config.json", "model.safetensors"}


def test_the_space_brings_package_and_model(pushed, place):
    assert pushed.repositories["space", "tester/demo"].created["sdk"] == "gradio"
    assert pushed.repositories["space", "tester/demo"].created["visibility"] == "private"
    files = pushed.files("space", "tester/demo")
    assert files["app.py"] == (place / "space" / "app.py").read_bytes()
    brought = ("modeling_crossmost/__init__.py", "assets/crossmost-mini/model.safetensors")
    for path in (*brought, "dataset_scripts/furniture/catalogue.py"):
        assert files[path] == (ROOT / path).read_bytes()
    assert not any("__pycache__" in name for name in files)


def test_the_bundled_model_s_folder_stays_without_code():
    assert {path.suffix for path in (ROOT / "assets" / "crossmost-mini").iterdir()} == {".json", ".safetensors"}


# ------------------------------------------------------------------------------------------------------------ errors


@pytest.fixture
def server(monkeypatch):
    """A Hub for this process, whose clients read the address when they were imported."""
    with LocalHub() as server:
        monkeypatch.setattr(constants, "ENDPOINT", server.url)
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
        monkeypatch.setenv("HF_TOKEN", TOKEN)
        yield server


@pytest.fixture
def without_token(monkeypatch, tmp_path):
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "none"))
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_OIDC_RESOURCE"):
        monkeypatch.delenv(name, raising=False)


def told(capsys) -> str:
    """The one sentence on standard error, less warnings and progress of libraries."""
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
    assert len(lines) == 1
    assert lines[0].endswith(".") and not lines[0].endswith("..")
    return lines[0]


def test_no_token_is_one_sentence(server, place, without_token, capsys):
    assert push(["model", str(place / "toy"), "tester/toy"]) == 2
    sentence = "error: the upload to 'tester/toy' needs a Hugging Face token: run `hf auth login`, or set HF_TOKEN"
    assert told(capsys).startswith(sentence)
    assert server.requests == []
    warn_without_token()
    assert capsys.readouterr().err.startswith("warning: there is no Hugging Face token for the upload at the end:")


@pytest.mark.parametrize(("token", "status"), [("hf_wrong", 401), (READ_ONLY_TOKEN, 403)])
def test_a_refused_token_is_one_sentence(server, place, monkeypatch, capsys, token, status):
    monkeypatch.setenv("HF_TOKEN", token)
    assert push(["model", str(place / "toy"), "tester/toy"]) == 2
    assert f"the Hub refuses your token ({status}), run `hf auth login`" in told(capsys)
    assert not server.repositories


def test_after_a_failed_upload_the_same_command_sends_what_is_missing(server, place, capsys):
    command = ["model", str(place / "toy"), "tester/toy"]
    server.refuse_commits = 500
    assert push(command) == 2
    assert "the Hub answered 500 (no commits today)" in told(capsys)
    assert server.files("model", "tester/toy") == {}
    sent = [request for request in server.requests if request.startswith("PUT")]
    assert len(sent) >= 2
    server.refuse_commits = None
    assert push(command) == 0
    assert capsys.readouterr().out == f"{server.url}/tester/toy\n"
    assert [request for request in server.requests if request.startswith("PUT")] == sent
    assert set(server.files("model", "tester/toy")) >= CODE
    commits = len(server.repositories["model", "tester/toy"].commits)
    assert push(command) == 0  # nothing changed: no commit
    assert len(server.repositories["model", "tester/toy"].commits) == commits


def train_and_push(place: Path, output_dir: Path) -> int:
    """A run that ends with an upload; returns its exit code."""
    names = {"model_name_or_path": str(place / "toy"), "dataset": str(place / "data"), "output_dir": str(output_dir)}
    options = {"method": "zero_shot", "push_to_hub": True, "hub_model_id": "tester/toy", "eval_split": "none"}
    return train.main(flags(**names, **options))


def test_a_run_without_token_warns_first_and_loses_nothing(server, place, tmp_path, without_token, capsys):
    assert train_and_push(place, tmp_path / "run") == 2
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith(("warning: ", "error: "))]
    assert len(lines) == 2
    assert lines[0].startswith("warning: there is no Hugging Face token for the upload at the end")
    assert lines[1].startswith(
        f"error: the run lies complete in {tmp_path / 'run'}, but the upload to 'tester/toy' needs"
    )
    assert {path.name for path in (tmp_path / "run").iterdir()} >= {"model.safetensors", "results.json", "README.md"}


def test_an_unreachable_hub_loses_nothing_of_run_and_data_set(server, place, tmp_path, capsys):
    server.server.server_close()
    run = tmp_path / "run"
    assert train_and_push(place, run) == 2
    sentence = told(capsys)
    assert sentence.startswith(f"error: the run lies complete in {run}, but the upload to 'tester/toy' failed: ")
    assert f"{server.url} cannot be reached" in sentence
    assert sentence.endswith(f"upload it with `crossmost push model {run} tester/toy`.")
    assert {path.name for path in run.iterdir()} >= CODE | {"model.safetensors", "results.json", "README.md"}

    pairs = str(tmp_path / "pairs")
    source = ["folder", "--source", str(place / "meshes"), "--num-points", "8", "--num-views", "1", "--image-size", "8"]
    command = [*source, "--output", pairs, "--num-proc", "1", "--push-to-hub", "tester/pairs"]
    assert prepare.main(command) == 2
    sentence = capsys.readouterr().err.splitlines()[-1]
    assert sentence.startswith(
        f"error: The data set lies complete in '{pairs}', but the upload to 'tester/pairs' failed: "
    )
    assert sentence.endswith("; the same command uploads it without preparing it again.")
    with LocalHub() as back:
        constants.ENDPOINT = back.url  # restored by the fixture's monkeypatch
        assert prepare.main(command) == 0
        out = capsys.readouterr().out
        assert "found complete" in out and out.endswith(f"Uploaded to {back.url}/datasets/tester/pairs\n")
        assert card_errors(back.files("dataset", "tester/pairs")["README.md"].decode(), "dataset") == []


@pytest.mark.parametrize(
    ("kind", "files", "message"),
    [
        ("model", {}, "holds no saved model (there is no config.json)"),
        ("model", {"config.json": "{}"}, "holds no saved processor (there is no processor_config.json)"),
        ("model", {"config.json": "{", "processor_config.json": "{}"}, "cannot be loaded ("),
        ("model", {"config.json": '{"model_type": "clip"}', "processor_config.json": "{}"}, "its model_type is 'clip'"),
        ("dataset", {"data.parquet": ""}, "holds no prepared data set (there is no README.md)"),
        ("space", {"app.py": ""}, "is no Gradio Space: it needs app.py and a README.md"),
        ("space", {"README.md": SPACE_README}, "is no Gradio Space"),
        ("space", {"README.md": "# plain", "app.py": ""}, "is no Gradio Space"),
    ],
)
def test_unusable_folders_are_one_sentence(server, tmp_path, capsys, kind, files, message):
    for name, content in files.items():
        (tmp_path / name).write_text(content)
    assert push([kind, str(tmp_path), "tester/thing"]) == 2
    assert message in told(capsys)
    assert server.requests == []


def test_bad_names_and_cards_are_one_sentence(server, place, capsys):
    assert push(["model", str(place / "toy"), "no/such/name"]) == 2
    assert "'no/such/name' is no name of a repository" in told(capsys)
    with pytest.raises(UsageError, match="'a b' is no name of a repository"):
        parse_arguments(["--push_to_hub", "true", "--hub_model_id", "a b"])
    ModelCard("---\nlicense: apache-2.0\n---\n").validate()
    with pytest.raises(HubError, match=r'Invalid metadata in README\.md\. - "license" must be one of'):
        upload({"README.md": b"---\nlicense: mine\n---\n"}, "tester/toy")


def test_models_in_memory_are_pushed_with_a_card_of_one_s_own(server, place):
    model, processor = make_model()
    assert push_to_hub(model, processor, "tester/memory", card="# Mine\n") == f"{server.url}/tester/memory"
    assert server.files("model", "tester/memory")["README.md"] == b"# Mine\n"
    push_to_hub(CrossMoSTForSelfTraining(model.config), processor, "tester/student", private=True)
    files = server.files("model", "tester/student")
    assert set(files) >= CODE
    assert json.loads(files["config.json"])["auto_map"]["AutoModel"] == "modeling_crossmost.CrossMoSTModel"
    assert server.repositories["model", "tester/student"].created["visibility"] == "private"
