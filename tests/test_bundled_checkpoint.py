"""The checkpoint in `assets/crossmost-mini`: what it weighs, which words it knows, what it knows unseen."""

import json
from pathlib import Path

import pytest
import torch
from safetensors import safe_open

from modeling_crossmost import CrossMoSTModel, CrossMoSTProcessor
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
