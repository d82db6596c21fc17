"""Every kind of official file: the recorded numbers out of it, what is reported, and what is refused."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from golden import FIXTURES, shared_directory
from official_files import (
    CONTENTS,
    KIND_OF,
    POINT_SIZES,
    SIZES,
    dvae_content,
    flags,
    official_tensors,
    pointbert_content,
    public_ulip_content,
    ulip_content,
)
from safetensors.torch import load_file
from tiny import tiny_clip
from torch.testing import assert_close
from transformers import CLIPTokenizer

from modeling_crossmost import CrossMoSTForSelfTraining, CrossMoSTModel, CrossMoSTPointModel, CrossMoSTProcessor
from modeling_crossmost.commands.convert import main
from modeling_crossmost.modeling_crossmost import prompt_ensemble, unit_length
from modeling_crossmost.official.checkpoints import (
    CheckpointError,
    detect_kind,
    load_official_checkpoint,
    official_weights,
)
from modeling_crossmost.official.models import convert, convert_ulip
from modeling_crossmost.official.names import convert_state_dict
from modeling_crossmost.official.sizes import infer_config, infer_point_config, infer_tokenizer_config
from modeling_crossmost.training.arguments import parse_arguments
from modeling_crossmost.training.setup import resolve_classes


RECORDED = load_file(FIXTURES / "micro_io.safetensors")
TOKENIZER = "embeddings.tokenizer."


@pytest.fixture(scope="module")
def folders(tmp_path_factory) -> dict[str, Path]:
    """A converted folder for each of the composed files, their kinds found by the converter."""
    folder = tmp_path_factory.mktemp("converted")
    for name, make in CONTENTS.items():
        torch.save(make(), folder / f"{name}.pth")
        sizes = POINT_SIZES if name in ("dvae", "pointbert", "public_ulip") else SIZES
        assert main([str(folder / f"{name}.pth"), "--output", str(folder / name), *flags(sizes)]) == 0
    return {name: folder / name for name in CONTENTS}


@pytest.fixture(scope="module")
def tokenizer_folder(tmp_path_factory) -> Path:
    """A tokenizer of 16 words, as many as the micro text tower knows."""
    letters = "abcdefg"
    words = [*letters, *(f"{letter}</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    folder = tmp_path_factory.mktemp("tokenizer")
    CLIPTokenizer(vocab={word: i for i, word in enumerate(words)}, merges=[]).save_pretrained(folder)
    return folder


def run(content: dict, folder: Path, *options: str) -> int:
    """The command line on a file with this content, into `folder / "out"`."""
    torch.save(content, folder / "given.pth")
    return main([str(folder / "given.pth"), "--output", str(folder / "out"), *options])


def assert_refused(capsys, folder: Path, content: dict, message: str, *options: str) -> None:
    """Exit code 2, one sentence on stderr, nothing written."""
    assert run(content, folder, *options) == 2
    printed = capsys.readouterr()
    assert printed.err.startswith("error: ") and printed.err.count("\n") == 1 and message in printed.err, printed.err
    assert printed.out == ""
    assert [path.name for path in folder.iterdir()] == ["given.pth"]


def texts(model: CrossMoSTModel) -> torch.Tensor:
    """Text embeddings (C, T, D) of the recorded tokens before they are brought to unit length."""
    return torch.stack([model.text_projection(model.text_model(ids).pooler_output) for ids in RECORDED["text_tokens"]])


# --------------------------------------------------------------------------------------------------------------------
# Recorded numbers
# --------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["ulip", "public_ulip"])
@torch.no_grad()
def test_ulip_embeds_text_and_clouds_as_recorded(folders, name):
    model, info = CrossMoSTModel.from_pretrained(folders[name], output_loading_info=True)
    assert not info["missing_keys"]
    assert_close(texts(model), RECORDED["text_embeddings"], rtol=0, atol=1e-4)
    classifier = prompt_ensemble(texts(model))
    assert_close(classifier.T, RECORDED["classifier"], rtol=0, atol=1e-4)
    assert not model.classifier.weight.any(), "a ULIP file has no classifier"
    logits = model.logit_scale.exp() * model.get_point_features(RECORDED["points"]) @ classifier.T
    assert_close(logits, RECORDED["point_logits"], rtol=0, atol=1e-4)


@torch.no_grad()
def test_crossmosts_own_ulip_embeds_views_as_recorded_and_keeps_its_decoders(folders):
    model, info = CrossMoSTForSelfTraining.from_pretrained(folders["ulip"], output_loading_info=True)
    assert not info["missing_keys"] and not info["unexpected_keys"]
    logits = model.logit_scale.exp() * model.get_image_features(RECORDED["images"]) @ RECORDED["classifier"]
    assert_close(logits, RECORDED["image_logits"], rtol=0, atol=1e-4)
    assert torch.equal(model.pixel_decoder.bias, official_tensors()["visual.decoder.0.bias"])


def test_public_ulip_classifies_clouds_alone(folders):
    model = CrossMoSTModel.from_pretrained(folders["public_ulip"])
    assert model.config.vision_config is None and model.config.text_config is not None
    with pytest.raises(ValueError, match="no image tower"):
        model(pixel_values=RECORDED["images"])


@pytest.mark.parametrize("name", ["crossmost", "ulip", "public_ulip", "pointbert"])
@torch.no_grad()
def test_the_point_tower_of_any_folder(folders, name):
    tower, info = CrossMoSTPointModel.from_pretrained(folders[name], output_loading_info=True)
    assert not info["missing_keys"]
    official = official_tensors()
    embeds = unit_length(tower(RECORDED["points"]).pooler_output @ official["pc_projection"])
    logits = official["logit_scale"].exp() * embeds @ RECORDED["classifier"]
    assert_close(logits, RECORDED["point_logits"], rtol=0, atol=1e-4)
    model = CrossMoSTModel.from_backbones(tiny_clip(), str(folders[name]))
    assert all(torch.equal(value, tower.state_dict()[n]) for n, value in model.point_model.state_dict().items())
    assert model.config.point_config.num_groups == SIZES["point_groups"]


@torch.no_grad()
def test_dvae_stores_the_tokenizer_and_nothing_else(folders):
    stored = load_file(folders["dvae"] / "model.safetensors")
    assert len(stored) == 18 and all(name.startswith(TOKENIZER) for name in stored)
    recorded = load_file(FIXTURES / "dVAE_micro_io.safetensors")
    for tower in (
        CrossMoSTPointModel.from_pretrained(folders["dvae"]),
        CrossMoSTModel.from_backbones(tiny_clip(), str(folders["dvae"])).point_model,
    ):
        tokens = tower.eval().embeddings.tokenizer(recorded["neighborhood"])
        assert_close(tokens, recorded["tokens"], rtol=0, atol=1e-4)
        assert tower.config.hidden_size == 384 and tower.config.num_hidden_layers == 12, "the paper's transformer"


@torch.no_grad()
def test_the_recorded_files_themselves(tmp_path):
    golden = shared_directory() / "reference" / "golden"
    assert main([str(golden / "ulip-style_micro.pt"), "--output", str(tmp_path / "ulip"), *flags(SIZES)]) == 0
    composed = convert(ulip_content(), **SIZES)[0].state_dict()
    saved = CrossMoSTForSelfTraining.from_pretrained(tmp_path / "ulip").state_dict()
    assert saved.keys() == composed.keys() and all(torch.equal(saved[name], composed[name]) for name in saved)

    assert main([str(golden / "dVAE_micro.pth"), "--output", str(tmp_path / "dvae")]) == 0
    stored, composed = load_file(tmp_path / "dvae" / "model.safetensors"), convert(dvae_content())[0].state_dict()
    assert all(torch.equal(stored[name], composed[name]) for name in stored)


@pytest.mark.parametrize("kind", ["ulip", "pointbert"])
@torch.no_grad()
def test_the_recorded_ulip_point_transformer(tmp_path, kind):
    golden = shared_directory() / "reference" / "golden"
    recorded = load_file(golden / "ulip_point_transformer_io.safetensors")
    tower = load_file(golden / "ulip_point_transformer_state.safetensors")
    sizes = json.loads((golden / "manifest.json").read_text())["ulip_config"]
    prefix = {"ulip": "module.point_encoder.", "pointbert": "module.transformer_q."}[kind]
    weights = {f"{prefix}{name}": tensor for name, tensor in tower.items()}
    if kind == "ulip":
        weights |= {"module.pc_projection": recorded["pc_projection"], "module.logit_scale": torch.tensor(4.0)}
    shown = {"point_heads": sizes["num_heads"], "point_groups": sizes["num_group"], "group_size": sizes["group_size"]}
    assert run({"state_dict" if kind == "ulip" else "base_model": weights}, tmp_path, *flags(shown)) == 0
    model = CrossMoSTPointModel.from_pretrained(tmp_path / "out")
    output = model(recorded["points"])
    assert_close(output.last_hidden_state, recorded["tokens_normed"], rtol=0, atol=1e-4)
    assert_close(output.pooler_output, recorded["concat_feature"], rtol=0, atol=1e-4)
    if kind == "ulip":
        embeds = CrossMoSTModel.from_pretrained(tmp_path / "out").get_point_features(recorded["points"])
        assert_close(embeds, unit_length(recorded["pc_embed_unnormalised"]), rtol=0, atol=1e-4)


def full_size(layout: str) -> dict[str, torch.Tensor]:
    """Tensors without memory under the names and with the shapes of a full-size file."""
    recorded = json.loads((shared_directory() / "reference" / "full_size_keys.json").read_text())
    names = next(names for title, names in recorded.items() if title.startswith(layout))
    return {name: torch.empty(shape, device="meta") for name, (shape, _) in names.items()}


def shapes(tensors: dict[str, torch.Tensor]) -> dict[str, tuple]:
    return {name: tuple(tensor.shape) for name, tensor in tensors.items()}


def test_full_size_ulip_fills_the_model_with_text_tower():
    tensors = full_size("CrossMoST_with_text_tower")
    state = convert_state_dict({**tensors, "logit_scale": torch.tensor(4.6), "classifier": torch.empty(512, 3)})
    config = infer_config(state)
    with torch.device("meta"):
        model = CrossMoSTForSelfTraining(config)
    assert shapes(model.state_dict()) == shapes(state)
    text = config.text_config
    assert (text.num_attention_heads, text.max_position_embeddings, text.vocab_size) == (8, 77, 49408)


@pytest.mark.parametrize(
    ("layout", "kind", "prefix", "infer"),
    [
        ("ULIP PointTransformer", "pointbert", "module.transformer_q.", infer_point_config),
        ("Point-BERT DiscreteVAE", "dvae", "module.", infer_tokenizer_config),
    ],
)
def test_full_size_point_towers(layout, kind, prefix, infer):
    content = {"base_model": {f"{prefix}{name}": tensor for name, tensor in full_size(layout).items()}}
    state = convert_state_dict(official_weights(content, kind).tensors)
    with torch.device("meta"):
        model = CrossMoSTPointModel(infer(state))
    used = {name.removeprefix("point_model."): t for name, t in state.items() if name.startswith("point_model.")}
    expected = {n: t for n, t in model.state_dict().items() if kind == "pointbert" or n.startswith(TOKENIZER)}
    assert shapes(used) == shapes(expected)
    assert (model.config.hidden_size, model.config.num_attention_heads, model.config.token_size) == (384, 6, 256)


@pytest.mark.parametrize("name", list(CONTENTS))
def test_converting_again_gives_the_same_bytes(folders, tmp_path, name):
    sizes = POINT_SIZES if name in ("dvae", "pointbert", "public_ulip") else SIZES
    assert run(CONTENTS[name](), tmp_path, *flags(sizes)) == 0
    for file in ("config.json", "model.safetensors"):
        assert (tmp_path / "out" / file).read_bytes() == (folders[name] / file).read_bytes()


# --------------------------------------------------------------------------------------------------------------------
# Reports and options
# --------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", list(CONTENTS))
def test_the_kind_is_found_and_another_is_refused(tmp_path, capsys, name):
    content, kind = CONTENTS[name](), KIND_OF[name]
    assert detect_kind(content) == kind
    for other in {*KIND_OF.values()} - {kind}:
        message = f"error: The checkpoint is of kind {kind!r}, not {other!r}: leave out --kind.\n"
        assert_refused(capsys, tmp_path, content, message, "--kind", other)


def test_every_missing_and_unexpected_name_is_reported(tmp_path, capsys):
    def report(content: dict, *options: str) -> tuple[set[str], set[str], str]:
        shutil.rmtree(tmp_path / "out", ignore_errors=True)
        assert run(content, tmp_path, *options) == 0
        printed = capsys.readouterr()
        lines = dict(line.split(": ", 1) for line in printed.out.splitlines() if ": " in line)
        return set(lines["missing"].split(", ")), set(lines["unexpected"].split(", ")), printed.err

    missing, unexpected, warned = report(ulip_content(), *flags(SIZES))
    assert (missing, unexpected) == ({"classifier.weight"}, {"none"})
    assert "warning: A ULIP file has no classifier" in warned and "SLIP" not in warned

    content = public_ulip_content()
    missing, unexpected, warned = report(content, *flags(POINT_SIZES))
    visual = {name for name in content["state_dict"] if name.startswith("module.visual.")}
    assert (missing, unexpected) == ({"classifier.weight"}, {"module.image_projection", *visual})
    assert "never put CLIP's image tower beside this text tower" in warned

    content = pointbert_content()
    missing, unexpected, warned = report(content, *flags(POINT_SIZES))
    unused = ("mask_token", "lm_head.weight", "lm_head.bias", "cls_head.0.weight")
    assert missing == {"none"} and warned.count("warning") == 0
    assert unexpected == {name for name in content["base_model"] if ".transformer_q." not in name} | {
        f"module.transformer_q.{name}" for name in unused
    }

    content = dvae_content()
    missing, unexpected, warned = report(content)
    tower = CrossMoSTPointModel.from_pretrained(tmp_path / "out", output_loading_info=True)[1]
    assert missing == tower["missing_keys"] and not any(name.startswith(TOKENIZER) for name in missing)
    assert unexpected == {name for name in content["base_model"] if "encoder." not in name or "decoder." in name}
    assert "warning: A dVAE file holds the tokenizer alone" in warned


def test_grouping_defaults_to_what_the_models_were_made_for():
    grouping = {}
    for name in ("ulip", "public_ulip"):
        point = convert_ulip(CONTENTS[name](), point_heads=2)[0].config.point_config
        grouping[name] = (point.num_groups, point.group_size)
    assert grouping == {"ulip": (64, 32), "public_ulip": (512, 32)}


def test_options_without_effect_are_told(tmp_path, capsys):
    assert run(dvae_content(), tmp_path, *flags(SIZES), "--class-names", "a,b") == 0
    assert "warning: --image-heads, --class-names had no effect on a file of kind 'dvae'." in capsys.readouterr().err
    (tmp_path / "public").mkdir()
    assert run(public_ulip_content(), tmp_path / "public", *flags(SIZES)) == 0
    assert "--image-heads and --image-size have no effect without an image tower" in capsys.readouterr().err


@torch.no_grad()
def test_a_tokenizer_makes_the_folder_complete(tmp_path, capsys, tokenizer_folder):
    options = ["--class-names", "a,bad egg", "--tokenizer", str(tokenizer_folder), "--num-points", "64"]
    assert run(ulip_content(), tmp_path, *flags(SIZES), *options) == 0
    assert "no classifier" not in capsys.readouterr().err
    model, processor = (c.from_pretrained(tmp_path / "out") for c in (CrossMoSTModel, CrossMoSTProcessor))
    assert model.config.class_names == ["a", "bad egg"]
    made = model.classifier.weight.clone()
    assert_close(made.norm(dim=-1), torch.ones(2))
    assert_close(model.set_classes(["a", "bad egg"], tokenizer=processor.tokenizer).classifier.weight, made)

    cloud = torch.randn(100, 3, generator=torch.Generator().manual_seed(0))
    inputs = processor(points=cloud.numpy(), render_views=2)
    assert inputs["point_values"].shape == (1, 64, 3) and inputs["pixel_values"].shape == (1, 2, 3, 16, 16)
    output = model(**inputs)
    assert output.logits_per_point.shape == output.logits_per_image.shape == (1, 2)


def test_training_makes_the_classifier_that_a_ulip_file_lacks(tmp_path, tokenizer_folder):
    options = ["--class-names", "a,b", "--tokenizer", str(tokenizer_folder)]
    assert run(public_ulip_content(), tmp_path, *flags(POINT_SIZES), *options) == 0
    model, processor = (c.from_pretrained(tmp_path / "out") for c in (CrossMoSTModel, CrossMoSTProcessor))
    made = model.classifier.weight.detach().clone()
    torch.nn.init.zeros_(model.classifier.weight)  # as without --tokenizer
    resolve_classes(parse_arguments(["--class_names", "a", "b"]), model, processor, None)
    assert_close(model.classifier.weight.detach(), made)


# --------------------------------------------------------------------------------------------------------------------
# What is refused
# --------------------------------------------------------------------------------------------------------------------


def edited(name: str, changes: dict[str, str | torch.Tensor]) -> dict:
    """A composed file with some tensors replaced or added, or renamed where the value is a name."""
    content = CONTENTS[name]()
    weights = next(content[key] for key in ("model", "state_dict", "base_model") if key in content)
    for old, new in changes.items():
        if isinstance(new, str):
            weights[new] = weights.pop(old)
        else:
            weights[old] = new
    return content


@pytest.mark.parametrize(
    ("name", "changes", "message"),
    [
        (
            "ulip",
            {"module.visual.conv1.weight": "module.visual.conv0.weight"},
            "no tensor for vision_model.embeddings.patch_embedding.weight",
        ),
        (
            "ulip",
            {"module.ln_final.bias": "module.ln_last.bias"},
            "lacks 1 parameters of the model, such as text_model.final_layer_norm.bias",
        ),
        ("ulip", {"module.pc_projection": "module.projection"}, "has no matrix pc_projection: it is not a ULIP file"),
        ("ulip", {"module.logit_scale": "module.scale"}, "has no tensor for logit_scale"),
        ("ulip", {"module.text_projection": torch.zeros(3, 3)}, "do not fit together"),
        ("ulip", {"module.visual.positional_embedding": torch.zeros(7, 16)}, "for 6 patches, which are no square"),
        (
            "public_ulip",
            {"module.transformer.resblocks.0.attn.in_proj_bias": torch.zeros(5)},
            "transformer.resblocks.0.attn.in_proj_bias of shape (5,) has no three equal parts",
        ),
        (
            "public_ulip",
            {"module.point_encoder.blocks.blocks.99999999.norm1.bias": torch.zeros(12)},
            "not numbered from 0 without a gap (2 blocks, the last one 99999999)",
        ),
        (
            "pointbert",
            {"module.transformer_q.norm.weight": "module.transformer_q.normal.weight"},
            "lacks 1 parameters of the model, such as layernorm.weight",
        ),
        (
            "pointbert",
            {"transformer_q.norm.weight": torch.zeros(12)},
            "holds both module.transformer_q.norm.weight and transformer_q.norm.weight",
        ),
        (
            "pointbert",
            {"module.transformer_q.reduce_dim.weight": torch.zeros(3)},
            "the shapes of an official file (point_model.embeddings.token_projection.weight: (3,))",
        ),
        (
            "dvae",
            {"module.encoder.second_conv.3.bias": "module.encoder.third_conv.3.bias"},
            "lacks 1 parameters of the model, such as embeddings.tokenizer.second_out.bias",
        ),
        (
            "dvae",
            {"module.encoder.first_conv.0.weight": "module.encoder.zeroth_conv.0.weight"},
            "no tensor for point_model.embeddings.tokenizer.first_in.weight",
        ),
    ],
)
def test_renamed_missing_or_misshapen_tensors(tmp_path, capsys, name, changes, message):
    assert_refused(capsys, tmp_path, edited(name, changes), message)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"state_dict": {"module.conv1.weight": torch.zeros(2)}}, "has no matrix pc_projection"),
        ({"base_model": {"module.layer1.weight": torch.zeros(2)}}, "of no known kind (top level: base_model)"),
        ({"state_dict": {}}, "no weights under 'state_dict'"),
        ({"base_model": [torch.zeros(2)]}, "of no known kind (top level: base_model)"),
        ({"state_dict": {"module.args": "text"}}, "holds a str under 'module.args' instead of a tensor"),
    ],
)
def test_files_of_other_kinds(tmp_path, capsys, content, message):
    assert_refused(capsys, tmp_path, content, message)


def test_an_image_tower_under_other_names(tmp_path, capsys):
    content = ulip_content()
    content["state_dict"] = {name.replace(".visual.", ".vision."): t for name, t in content["state_dict"].items()}
    assert_refused(capsys, tmp_path, content, "its image tower was cut or renamed")


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        (
            "ulip",
            ["--weights", "model_ema"],
            "--weights model_ema needs a file of kind 'crossmost'; this one is 'ulip'",
        ),
        ("ulip", ["--image-size", "64"], "--image-size 64 contradicts the checkpoint"),
        ("ulip", ["--class-names", "a"], "class_names needs at least two classes"),
        ("pointbert", ["--point-heads", "5"], "--point-heads 5 does not divide the width 12"),
        ("dvae", ["--point-heads", "5"], "--point-heads 5 does not divide the width 384"),
        ("dvae", ["--group-size", "0"], "num_groups and group_size must be at least 1"),
        ("dvae", ["--tokenizer", "x"], "--tokenizer needs a file with a whole model"),
        ("crossmost", ["--tokenizer", "no/such/folder"], "--tokenizer no/such/folder cannot be loaded"),
        ("crossmost", ["--tokenizer", "{tokenizer}", "--num-points", "0"], "num_points must be at least 1, got 0"),
        ("small_ulip", ["--tokenizer", "{tokenizer}"], "has 16 words, but the checkpoint's text tower knows 9"),
    ],
)
def test_options_that_do_not_fit(tmp_path, capsys, monkeypatch, tokenizer_folder, name, options, message):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    if name == "small_ulip":
        content = edited("ulip", {"module.token_embedding.weight": torch.zeros(9, 64)})
    else:
        content = CONTENTS[name]()
    assert_refused(capsys, tmp_path, content, message, *[o.format(tokenizer=tokenizer_folder) for o in options])


@pytest.mark.parametrize("share", [0.2, 0.9])
def test_a_truncated_ulip_file(tmp_path, share):
    torch.save(ulip_content(), tmp_path / "whole.pt")
    whole = (tmp_path / "whole.pt").read_bytes()
    (tmp_path / "cut.pt").write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(CheckpointError, match="not a checkpoint that can be read safely"):
        load_official_checkpoint(tmp_path / "cut.pt")
