"""The converter on self-trained checkpoints, and on files that are none (other kinds: `test_convert_kinds.py`)."""

import argparse
import os
import pickle
from pathlib import Path

import pytest
import torch
from golden import FIXTURES
from official_files import SIZES, flags
from safetensors.torch import load_file
from torch.testing import assert_close

from modeling_crossmost import CrossMoSTForSelfTraining, CrossMoSTModel
from modeling_crossmost.commands.convert import main
from modeling_crossmost.official.checkpoints import load_official_checkpoint
from modeling_crossmost.official.convert import write_atomically
from modeling_crossmost.official.models import convert_crossmost
from modeling_crossmost.official.names import convert_state_dict, rename_official_key


CHECKPOINT = FIXTURES / "checkpoint-best_micro.pth"
OPTIONS = flags(SIZES)


@pytest.fixture(scope="module")
def content() -> dict:
    return load_official_checkpoint(CHECKPOINT)


def changed(content: dict, **changes) -> dict:
    """The checkpoint with some of its student's tensors replaced, or left out where the value is `None`."""
    model = {**content["model"], **{name.replace("__", "."): value for name, value in changes.items()}}
    return {"model": {name: value for name, value in model.items() if value is not None}}


def assert_refused(capsys, folder: Path, arguments: list[str], message: str) -> None:
    """Exit code 2, one sentence on stderr, nothing written."""
    before = sorted(folder.rglob("*"))
    assert main(arguments) == 2
    printed = capsys.readouterr()
    assert printed.err.startswith("error: ") and printed.err.count("\n") == 1 and message in printed.err, printed.err
    assert printed.out == ""
    assert sorted(folder.rglob("*")) == before


# --------------------------------------------------------------------------------------------------------------------
# What works
# --------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("weights", "prefix"), [("model", ""), ("model_ema", "ema_")])
def test_command_line_end_to_end(tmp_path, capsys, weights, prefix):
    output = tmp_path / "nested" / "converted"
    arguments = [str(CHECKPOINT), "--output", str(output), "--weights", weights, *OPTIONS]
    assert main([*arguments, "--kind", "crossmost", "--class-names", "a, b,c,d,e"]) == 0
    printed = capsys.readouterr().out
    assert "missing: none" in printed and "unexpected: none" in printed and str(output) in printed
    written = sorted(path.name for path in output.iterdir() if path.suffix != ".py")  # beside the model's code
    assert written == ["config.json", "model.safetensors"]
    assert [path.name for path in output.parent.iterdir()] == ["converted"], "no temporary folder is left"

    model = CrossMoSTModel.from_pretrained(output)
    assert model.config.class_names == ["a", "b", "c", "d", "e"]
    recorded = load_file(FIXTURES / "micro_io.safetensors")
    with torch.no_grad():
        result = model(point_values=recorded["points"], pixel_values=recorded["images"])
    assert_close(result.logits_per_image, recorded[f"{prefix}image_logits"], rtol=0, atol=1e-4)
    assert_close(result.logits_per_point, recorded[f"{prefix}point_logits"], rtol=0, atol=1e-4)

    direct, _ = convert_crossmost(load_official_checkpoint(CHECKPOINT), weights, **SIZES)
    saved = CrossMoSTForSelfTraining.from_pretrained(output).state_dict()
    assert saved.keys() == direct.state_dict().keys()
    assert all(torch.equal(value, saved[name]) for name, value in direct.state_dict().items())


def test_sizes_come_from_the_tensors(content):
    config = convert_crossmost(content, **SIZES)[0].config
    official = content["model"]
    width = official["visual.conv1.weight"].shape[0]
    assert config.vision_config.hidden_size == width
    assert config.vision_config.intermediate_size == official["visual.transformer.resblocks.0.mlp.c_fc.weight"].shape[0]
    assert config.vision_config.patch_size == official["visual.conv1.weight"].shape[-1]
    assert config.point_config.hidden_size == official["point_encoder.cls_token"].shape[-1]
    assert config.projection_dim == official["classifier"].shape[0]
    assert config.class_names == [f"class {index}" for index in range(official["classifier"].shape[1])]
    assert config.logit_scale_init_value == pytest.approx(official["logit_scale"].item())
    assert config.point_local_projection and not config.point_config.qkv_bias


def test_every_official_name_is_known(content):
    converted = convert_state_dict(content["model"])
    assert not any(name.startswith(("visual.", "point_encoder.")) for name in converted)
    in_proj = "visual.transformer.resblocks.0.attn.in_proj_weight"
    first, second, third = content["model"][in_proj].chunk(3)
    for part, expected in zip("qkv", (first, second, third), strict=True):
        assert torch.equal(converted[f"vision_model.encoder.layers.0.self_attn.{part}_proj.weight"], expected)
    assert torch.equal(converted["classifier.weight"], content["model"]["classifier"].T)
    assert rename_official_key("something.else") == "something.else"


def test_unexpected_names_are_reported(tmp_path, capsys, content):
    torch.save(changed(content, extra__weight=torch.zeros(2)), tmp_path / "extra.pth")
    assert main([str(tmp_path / "extra.pth"), "--output", str(tmp_path / "out"), *OPTIONS]) == 0
    assert "unexpected: extra.weight" in capsys.readouterr().out


def test_an_empty_output_folder_is_used(tmp_path):
    (tmp_path / "out").mkdir()
    assert main([str(CHECKPOINT), "--output", str(tmp_path / "out"), *OPTIONS]) == 0
    assert (tmp_path / "out" / "model.safetensors").is_file()


def test_training_options_in_the_file_are_read_and_ignored(tmp_path, content):
    options = argparse.Namespace(lr=1e-5, output_dir="x")
    torch.save({"model": content["model"], "args": options, "epoch": 3}, tmp_path / "with_args.pth")
    assert load_official_checkpoint(tmp_path / "with_args.pth")["args"].lr == 1e-5


# --------------------------------------------------------------------------------------------------------------------
# What is refused
# --------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("share", [0.0, 0.3, 0.99])
def test_a_truncated_file(tmp_path, capsys, share):
    whole = CHECKPOINT.read_bytes()
    (tmp_path / "cut.pth").write_bytes(whole[: int(share * len(whole))])
    arguments = [str(tmp_path / "cut.pth"), "--output", str(tmp_path / "out"), *OPTIONS]
    assert_refused(capsys, tmp_path, arguments, "is not a checkpoint that can be read safely")


class Dangerous:
    """Unpickling this creates a file."""

    def __init__(self, path: Path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize(
    ("writer", "reason"),
    [
        (torch.save, f"it asks for {os.mkdir.__module__}.mkdir, which is not data"),
        (lambda content, path: path.write_bytes(pickle.dumps(content)), "it is not what torch.save writes"),
    ],
)
def test_a_pickle_that_would_execute_code(tmp_path, capsys, content, writer, reason):
    marker = tmp_path / "executed"
    writer({"model": content["model"], "args": Dangerous(marker)}, tmp_path / "bad.pth")
    arguments = [str(tmp_path / "bad.pth"), "--output", str(tmp_path / "out"), *OPTIONS]
    assert_refused(capsys, tmp_path, arguments, f"is not a checkpoint that can be read safely ({reason})")
    assert not marker.exists()


@pytest.mark.parametrize(
    ("made", "message"),
    [
        ({"net": {"encoder.weight": torch.zeros(2)}, "epoch": 3}, "is of no known kind (top level: net, epoch)"),
        ({}, "is of no known kind (top level: )"),
        ({"model_ema": {"weight": torch.zeros(2)}}, "no weights under 'model' (top level: model_ema)"),
        ({"model": {}}, "no weights under 'model'"),
        ([torch.zeros(2)], "holds a list instead of a dictionary"),
        (torch.zeros(2), "holds a Tensor instead of a dictionary"),
        ({"model": {"weight": torch.zeros(2)}}, "no tensor for classifier.weight"),
        ({"model": {"visual.conv1.weight": "text"}}, "holds a str under 'visual.conv1.weight' instead of a tensor"),
        ({"model": {3: torch.zeros(2)}}, "under 3 instead of a tensor"),
    ],
)
def test_a_file_of_another_kind(tmp_path, capsys, made, message):
    torch.save(made, tmp_path / "other.pth")
    assert_refused(capsys, tmp_path, [str(tmp_path / "other.pth"), "--output", str(tmp_path / "out")], message)


def test_no_checkpoint_at_all(tmp_path, capsys):
    (tmp_path / "text.pth").write_text("not a checkpoint\n")
    (tmp_path / "picture.pth").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(range(256)))
    (tmp_path / "archive.pth").write_bytes(b"PK\x03\x04" + bytes(1000))
    (tmp_path / "weights.pth").write_bytes((FIXTURES / "ulip_text_micro.safetensors").read_bytes())
    for name, message in (
        ("absent.pth", "There is no checkpoint file"),
        (".", "There is no checkpoint file"),
        ("text.pth", "is not a checkpoint that can be read safely"),
        ("picture.pth", "is not a checkpoint that can be read safely"),
        ("archive.pth", "is not a checkpoint that can be read safely"),
        ("weights.pth", "checkpoint"),  # safetensors by another name, which some versions of torch read
    ):
        assert_refused(capsys, tmp_path, [str(tmp_path / name), "--output", str(tmp_path / "out")], message)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"pc_projection": None}, "lacks 1 parameters of the model, such as point_projection.weight"),
        ({"point_encoder__blocks__blocks__0__norm1__bias": None}, "point_model.layers.0.layer_norm1.bias"),
        ({"classifier": None}, "has no tensor for classifier.weight"),
        ({"classifier": torch.zeros(3)}, "do not have the shapes"),
        ({"logit_scale": torch.zeros(3)}, "do not have the shapes"),
        ({"image_projection": torch.zeros(3, 3)}, "do not fit together"),
    ],
)
def test_renamed_missing_or_misshapen_tensors(tmp_path, capsys, content, changes, message):
    made = changed(content, **changes)
    made["model"]["renamed"] = torch.zeros(2)
    torch.save(made, tmp_path / "changed.pth")
    arguments = [str(tmp_path / "changed.pth"), "--output", str(tmp_path / "out"), *OPTIONS]
    assert_refused(capsys, tmp_path, arguments, message)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--image-heads", "7"], "--image-heads 7 does not divide the width"),
        (["--point-heads", "0"], "--point-heads 0 does not divide the width"),
        (["--image-size", "999"], "--image-size 999 contradicts the checkpoint"),
        (["--class-names", "a,b"], "--class-names has 2 names, but the classifier has"),
        (["--class-names", "a"], "class_names needs at least two classes"),
        (["--class-names", "a,,b"], "--class-names has 2 names, but the classifier has"),
        (["--group-size", "0"], "num_groups and group_size must be at least 1"),
    ],
)
def test_options_that_contradict_the_file(tmp_path, capsys, options, message):
    assert_refused(capsys, tmp_path, [str(CHECKPOINT), "--output", str(tmp_path / "out"), *options], message)


@pytest.mark.parametrize(
    "options", [["--kind", "resnet"], ["--unknown"], ["--point-groups", "many"], ["--weights", "other"]]
)
def test_unknown_options_are_one_sentence(tmp_path, capsys, options):
    assert main([str(CHECKPOINT), "--output", str(tmp_path / "out"), *options]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_an_existing_output_is_left_alone(tmp_path, capsys):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine")
    (tmp_path / "file").write_text("mine")
    for name in ("full", "file"):
        arguments = [str(CHECKPOINT), "--output", str(tmp_path / name), *OPTIONS]
        assert_refused(capsys, tmp_path, arguments, "already exists: name a new folder")
    assert (tmp_path / "full" / "mine.txt").read_text() == (tmp_path / "file").read_text() == "mine"


def test_a_failure_while_writing_leaves_nothing(tmp_path, capsys, monkeypatch, content):
    def fill_the_disk(self, folder, **kwargs):
        (Path(folder) / "model.safetensors").write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(CrossMoSTForSelfTraining, "save_pretrained", fill_the_disk)
    arguments = [str(CHECKPOINT), "--output", str(tmp_path / "out"), *OPTIONS]
    assert_refused(capsys, tmp_path, arguments, "cannot be written (No space left on device)")
    with pytest.raises(ValueError, match="already exists"):
        write_atomically(convert_crossmost(content, **SIZES)[0], FIXTURES)
