"""The checkpoint in `assets/crossmost-mini`: what it weighs, which words it knows, what it knows unseen."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file

from modeling_crossmost import CrossMoSTModel, CrossMoSTProcessor
from modeling_crossmost.training.mini import install
from train import main


FOLDER = Path(__file__).parent.parent / "assets" / "crossmost-mini"


def test_weights_are_small_and_fp32():
    assert sum(path.stat().st_size for path in FOLDER.glob("*.safetensors")) <= 12e6
    with safe_open(FOLDER / "model.safetensors", "pt") as file:
        kinds = {file.get_tensor(name).dtype for name in file.keys()}  # noqa: SIM118 # not a mapping
    assert kinds <= {torch.float32, torch.int64}


def test_free_text_is_meaningful_among_known_words():
    model, processor = CrossMoSTModel.from_pretrained(FOLDER), CrossMoSTProcessor.from_pretrained(FOLDER)
    names = model.config.class_names
    known = torch.nn.functional.normalize(model.classifier.weight.detach(), dim=-1)
    phrases = {
        "something to sleep on": "bed",
        "something to sit on in a bathroom": "toilet",
        "a screen for a computer": "monitor",
        "a place to put clothes away": "dresser",
    }
    model.set_classes(list(phrases), templates=["{}"], tokenizer=processor.tokenizer)
    nearest = (torch.nn.functional.normalize(model.classifier.weight.detach(), dim=-1) @ known.T).argmax(-1)
    assert [names[index] for index in nearest.tolist()] == list(phrases.values())


@pytest.mark.slow
def test_zero_shot_on_scans_leaves_something_to_learn(tmp_path, monkeypatch):
    from dataset_scripts.furniture.pairs import cached_furniture

    folder = cached_furniture("scan", tmp_path, objects_per_class=1)
    arguments = ["--method", "zero_shot", "--dataset", folder, "--model_name_or_path", str(FOLDER)]
    main([*arguments, "--output_dir", str(tmp_path / "run")])
    accuracies = json.loads((tmp_path / "run" / "results.json").read_text())["zero_shot"]
    assert all(60.0 <= value <= 80.0 for value in accuracies.values()), accuracies


def test_an_installed_run_holds_weights_and_no_trace_of_remote_code(tmp_path):
    trained, output = tmp_path / "trained", tmp_path / "installed"
    shutil.copytree(FOLDER, trained)
    config = json.loads((trained / "config.json").read_text())
    config["auto_map"] = {"AutoModel": "modeling_crossmost.CrossMoSTModel"}
    (trained / "config.json").write_text(json.dumps(config))
    (trained / "modeling_crossmost.py").write_text("")
    (trained / "metrics.jsonl").write_text("")
    install(trained, output)
    assert {path.name for path in output.iterdir()} == {path.name for path in FOLDER.iterdir()}
    assert not any("auto_map" in path.read_text() for path in output.glob("*.json"))
    assert load_file(output / "model.safetensors").keys() == load_file(FOLDER / "model.safetensors").keys()
