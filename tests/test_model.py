"""The model: equal numbers by two routes, exact saving and loading, fusion, masks, classes and assembly."""

import copy
import json
import subprocess
import sys
from types import SimpleNamespace

import pytest
import torch
from accelerate import cpu_offload, disk_offload
from golden import REPOSITORY, shared_directory
from safetensors.torch import load_file
from torch.testing import assert_close
from toy import (
    CLASSES,
    NUM_PATCHES,
    PATCH_SIZE,
    POINT,
    VISION,
    kept_bytes,
    make_model,
    toy_clip,
    toy_clouds,
    toy_config,
    toy_model,
    toy_tokenizer,
    toy_views,
)
from transformers import CLIPConfig, CLIPImageProcessorPil, CLIPModel, CLIPTextModel, CLIPVisionModel
from transformers.activations import ACT2FN

from modeling_crossmost import (
    CrossMoSTConfig,
    CrossMoSTFeatureExtractor,
    CrossMoSTForSelfTraining,
    CrossMoSTModel,
    CrossMoSTPointModel,
    CrossMoSTProcessor,
)
from modeling_crossmost.modeling_crossmost import QuickGELU, prompt_ensemble, unit_length
from modeling_crossmost.official.names import convert_state_dict
from modeling_crossmost.point_ops_crossmost import group_points
from modeling_crossmost.pointbert_crossmost import drop_path
from modeling_crossmost.training.arguments import parse_arguments
from modeling_crossmost.training.attention import CPU_BF16, fastest_attention
from modeling_crossmost.training.methods import Pretraining
from modeling_crossmost.training.setup import checkpoint_activations, load_model_and_processor


NEW_IN_SELF_TRAINING = ("image_mask_token", "point_mask_token", "patch_layernorm", "pixel_decoder", "token_decoder")


def all_tensors(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    """Every parameter and buffer, those that are not saved included."""
    return dict([*model.named_parameters(), *model.named_buffers()])


def assert_same_tensors(model: torch.nn.Module, expected: torch.nn.Module) -> None:
    ours, theirs = all_tensors(model), all_tensors(expected)
    assert ours.keys() == theirs.keys()
    for name, value in theirs.items():
        assert ours[name].dtype == value.dtype and torch.equal(ours[name], value), name


@pytest.fixture(scope="module")
def pairs() -> dict[str, torch.Tensor]:
    return {"point_values": toy_clouds(), "pixel_values": toy_views(3)}


def masked_inputs() -> dict:
    generator = torch.Generator().manual_seed(3)
    return {
        "point_values": toy_clouds(),
        "pixel_values": toy_views(3),
        "fps_start": torch.tensor([0, 5, 7]),
        "bool_masked_pos": torch.rand(3, NUM_PATCHES, generator=generator) < 0.4,
        "point_bool_masked_pos": torch.rand(3, POINT["num_groups"], generator=generator) < 0.4,
        "dropout_noise": torch.rand(3, POINT["num_hidden_layers"], 2, generator=generator),
    }


# --------------------------------------------------------------------------------------------------------------------
# Equal numbers by two routes
# --------------------------------------------------------------------------------------------------------------------


def test_sdpa_equals_eager(pairs):
    model = toy_model(text=True)
    results = {}
    for kind in ("sdpa", "eager"):
        model.set_attn_implementation(kind)
        for part in (model, model.vision_model, model.point_model, model.text_model):
            assert part.config._attn_implementation == kind
        with torch.no_grad():
            results[kind] = model(**pairs)
    for name, value in results["sdpa"].items():
        assert_close(results["eager"][name], value, rtol=1e-5, atol=1e-6)


def test_attention_for_bf16_on_a_cpu_is_eager_attention(pairs):
    model = toy_model(text=True)
    tokens = {"input_ids": torch.randint(0, 50, (2, 8)), "attention_mask": torch.ones(2, 8, dtype=torch.long)}
    outputs, gradients = {}, {}
    for kind in ("eager", fastest_attention(torch.device("cpu"), "bf16")):
        model.set_attn_implementation(kind)
        model.zero_grad()
        found = model(**pairs)
        (found.logits_per_image.square().sum() + found.logits_per_point.square().sum()).backward()
        gradients[kind] = {name: value.grad for name, value in model.named_parameters() if value.grad is not None}
        outputs[kind] = [found.logits_per_image, found.logits_per_point, model.text_model(**tokens).last_hidden_state]
    assert [*outputs] == ["eager", CPU_BF16]
    for got, expected in zip(outputs[CPU_BF16], outputs["eager"], strict=True):
        assert_close(got, expected, rtol=1e-5, atol=1e-5)
    assert len(gradients["eager"]) > 50
    for name, expected in gradients["eager"].items():
        assert_close(
            gradients[CPU_BF16][name], expected, rtol=1e-3, atol=1e-3, msg=lambda text, name=name: f"{name}: {text}"
        )


@pytest.mark.parametrize(
    ("device", "precision", "chosen", "expected"),
    [
        ("cpu", "bf16", "auto", CPU_BF16),
        ("cpu", "no", "auto", "sdpa"),
        ("cuda", "bf16", "auto", "sdpa"),
        ("cpu", "bf16", "sdpa", "sdpa"),
        ("cpu", "bf16", "eager", "eager"),
    ],
)
def test_attention_of_a_run_follows_device_and_precision(tmp_path, device, precision, chosen, expected):
    make_model(tmp_path)
    options = ["--model_name_or_path", str(tmp_path), "--output_dir", str(tmp_path), "--attn_implementation", chosen]
    accelerator = SimpleNamespace(device=torch.device(device), mixed_precision=precision)
    model, _ = load_model_and_processor(parse_arguments(options), accelerator)
    assert {tower.config._attn_implementation for tower in (model.vision_model, model.point_model)} == {expected}


def test_sdpa_is_the_default_of_all_towers():
    model = CrossMoSTModel(toy_config(text=True))
    assert {part.config._attn_implementation for part in (model, model.vision_model, model.point_model)} == {"sdpa"}


def test_gradient_checkpointing_changes_nothing_but_memory():
    plain = toy_model(CrossMoSTForSelfTraining).train()
    checkpointed = copy.deepcopy(plain)
    checkpoint_activations(checkpointed)
    assert checkpointed.point_model.layers[0].gradient_checkpointing
    assert checkpointed.vision_model.encoder.layers[0].gradient_checkpointing
    losses, kept = [], []
    for model in (plain, checkpointed):
        kept.append(
            kept_bytes(lambda m=model: losses.append(sum((x**2).mean() for x in m(**masked_inputs()).values())))
        )
        losses[-1].backward()
    assert torch.equal(losses[0], losses[1])
    assert kept[1] < 0.5 * kept[0]
    for (name, ours), theirs in zip(plain.named_parameters(), checkpointed.parameters(), strict=True):
        assert (ours.grad is None) == (theirs.grad is None), name
        assert ours.grad is None or torch.equal(ours.grad, theirs.grad), name
    assert plain.point_model.layers[0].self_attn.qkv.weight.grad.abs().sum() > 0


def test_quick_gelu_is_the_one_of_transformers_and_keeps_less():
    clip = toy_clip().vision_model
    model = CrossMoSTModel(toy_config()).eval()
    model.vision_model.load_state_dict(clip.state_dict())
    views = toy_views(2)
    assert_close(model.vision_model(views).pooler_output, clip(views).pooler_output, rtol=1e-5, atol=1e-6)
    ours, theirs = QuickGELU(), ACT2FN["quick_gelu"]
    features = torch.linspace(-30, 30, 4001).requires_grad_()
    gradients = [torch.autograd.grad(activation(features).sum(), features)[0] for activation in (ours, theirs)]
    assert_close(ours(features), theirs(features))
    assert_close(*gradients)
    wide, back = torch.nn.Linear(8, 64), torch.nn.Linear(64, 8)
    kept = [kept_bytes(lambda act=act: back(act(wide(torch.ones(99, 8))))) for act in (ours, theirs)]
    assert kept[1] - kept[0] == 99 * 64 * 4


def test_quick_gelu_in_low_precision_is_that_of_transformers_rounded():
    features = torch.linspace(-30, 30, 4001).bfloat16().requires_grad_()
    exact = features.detach().double().requires_grad_()
    output, expected = QuickGELU()(features), ACT2FN["quick_gelu"](exact)
    assert_close(output.double(), expected, rtol=2e-2, atol=1e-2)
    gradients = [
        torch.autograd.grad(values.sum(), inputs)[0] for values, inputs in ((output, features), (expected, exact))
    ]
    assert gradients[0].dtype == torch.bfloat16
    assert_close(gradients[0].double(), gradients[1], rtol=2e-2, atol=1e-2)


def test_the_tokenizer_equals_the_textbook_concatenation():
    model = toy_model()
    tokenizer = model.point_model.embeddings.tokenizer
    neighborhoods = model.point_model.group(toy_clouds()).neighborhoods
    with torch.no_grad():
        points = neighborhoods.flatten(0, 1)  # (B G, S, 3)
        first = tokenizer.first_norm(tokenizer.first_in(points).transpose(1, 2)).relu().transpose(1, 2)
        first = tokenizer.first_out(first)
        both = torch.cat([first.amax(1, keepdim=True).expand_as(first), first], dim=-1)
        second = tokenizer.second_norm(tokenizer.second_in(both).transpose(1, 2)).relu().transpose(1, 2)
        expected = tokenizer.second_out(second).amax(1).view(*neighborhoods.shape[:2], -1)
        assert_close(tokenizer(neighborhoods), expected, rtol=1e-5, atol=1e-6)


def test_positions_enter_before_every_block_and_the_pooled_feature_is_class_token_and_maximum():
    tower = toy_model().point_model
    clouds = toy_clouds()
    with torch.no_grad():
        output = tower(point_values=clouds)
        _, tokens, positions = tower.embeddings(tower.group(clouds))
        hidden = torch.cat([tower.embeddings.class_embedding.expand(3, 1, -1), tokens], dim=1)
        for layer in tower.layers:
            hidden = hidden + positions
            hidden = hidden + layer.self_attn(layer.layer_norm1(hidden))[0]
            hidden = hidden + layer.mlp(layer.layer_norm2(hidden))
        hidden = tower.layernorm(hidden)
    assert_close(output.last_hidden_state, hidden)
    assert_close(output.pooler_output, torch.cat([hidden[:, 0], hidden[:, 1:].max(dim=1).values], dim=-1))
    assert_close(output.point_tokens, tokens)


def test_clouds_grouped_before_give_the_same(pairs):
    tower = toy_model().point_model
    clouds, start = pairs["point_values"], torch.tensor([3, 0, 11])
    groups = group_points(clouds, POINT["num_groups"], POINT["group_size"], start)
    with torch.no_grad():
        direct = tower(point_values=clouds, fps_start=start).pooler_output
        assert torch.equal(tower(groups=groups).pooler_output, direct)
        assert not torch.equal(tower(point_values=clouds).pooler_output, direct)
    with pytest.raises(ValueError, match="point_values of shape"):
        tower()


def test_evaluation_does_not_depend_on_the_order_or_the_batch(pairs):
    model = toy_model()
    with torch.no_grad():
        whole = model(**pairs)
        alone = model(**{name: value[1:2] for name, value in pairs.items()})
    for name, value in alone.items():
        assert_close(value, whole[name][1:2], rtol=1e-5, atol=1e-6)


def test_drop_path_divides_what_it_keeps():
    residual = torch.ones(4, 2, 3)
    noise = torch.tensor([0.0, 0.24, 0.25, 0.9])
    dropped = drop_path(residual, 0.25, noise)
    assert_close(dropped[:, 0, 0], torch.tensor([0.0, 0.0, 4 / 3, 4 / 3]))
    assert torch.equal(drop_path(residual, 0.25, None), residual)
    rates = [layer.drop_path_rate for layer in CrossMoSTModel(toy_config()).point_model.layers]
    assert rates == pytest.approx([0.0, 0.15, 0.3])


# --------------------------------------------------------------------------------------------------------------------
# Saving and loading
# --------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model_class", [CrossMoSTModel, CrossMoSTForSelfTraining])
@pytest.mark.parametrize("text", [False, True])
def test_saving_and_loading_is_exact(tmp_path, pairs, model_class, text):
    model = toy_model(model_class, text=text, point_local_projection=True)
    model.save_pretrained(tmp_path)
    assert (tmp_path / "model.safetensors").is_file()
    loaded, info = model_class.from_pretrained(tmp_path, output_loading_info=True)
    assert not any(info[kind] for kind in ("missing_keys", "unexpected_keys", "mismatched_keys"))
    assert type(loaded) is model_class and not loaded.training
    assert_same_tensors(loaded, model)
    with torch.no_grad():
        expected, output = model(**pairs), loaded(**pairs)
    assert all(torch.equal(output[name], value) for name, value in expected.items())


def test_buffers_survive_loading_under_the_meta_device(tmp_path):
    model = toy_model(text=True)
    buffers = dict(model.named_buffers())
    assert {name.rsplit(".", 1)[-1] for name in buffers} == {
        "position_ids",
        "running_mean",
        "running_var",
        "num_batches_tracked",
    }
    assert not any(name.endswith("position_ids") for name in model.state_dict()), "not saved, so made anew"
    model.save_pretrained(tmp_path)
    loaded = CrossMoSTModel.from_pretrained(tmp_path)
    for name, value in loaded.named_buffers():
        assert value.device.type == "cpu" and torch.equal(value, buffers[name]), name


def test_the_point_tower_is_saved_and_loaded_exactly(tmp_path):
    tower = toy_model().point_model
    tower.save_pretrained(tmp_path)
    assert "embeddings.class_embedding" in load_file(tmp_path / "model.safetensors")
    assert_same_tensors(CrossMoSTPointModel.from_pretrained(tmp_path), tower)


def test_each_class_reads_the_others_folder(tmp_path):
    full, plain = toy_model(CrossMoSTForSelfTraining), toy_model(CrossMoSTModel, seed=5)
    full.save_pretrained(tmp_path / "full")
    plain.save_pretrained(tmp_path / "plain")
    base, info = CrossMoSTModel.from_pretrained(tmp_path / "full", output_loading_info=True)
    assert not info["unexpected_keys"], "what only self-training has is known and not reported"
    ours = all_tensors(base)
    assert ours.keys() == all_tensors(plain).keys()
    assert all(torch.equal(value, all_tensors(full)[name]) for name, value in ours.items())

    loaded, info = CrossMoSTForSelfTraining.from_pretrained(tmp_path / "plain", output_loading_info=True)
    assert {name.split(".")[0] for name in info["missing_keys"]} == set(NEW_IN_SELF_TRAINING)
    tensors = all_tensors(loaded)
    assert all(torch.equal(tensors[name], value) for name, value in all_tensors(plain).items())
    for name in ("image_mask_token", "point_mask_token", "pixel_decoder.weight", "token_decoder.weight"):
        assert 0.005 < tensors[name].std() < 0.05, f"{name} starts at the initializer range"

    for folder, model in (("full", full), ("plain", plain)):
        tower, info = CrossMoSTPointModel.from_pretrained(tmp_path / folder, output_loading_info=True)
        assert not info["missing_keys"]
        assert_same_tensors(tower, model.point_model)


def test_a_model_of_clouds_alone(tmp_path):
    model, clouds = toy_model(text=True, vision_config=None), toy_clouds()
    assert not any(name.startswith("vis") for name in all_tensors(model))
    model.save_pretrained(tmp_path)
    loaded, info = CrossMoSTModel.from_pretrained(tmp_path, output_loading_info=True)
    assert not info["missing_keys"] and not info["unexpected_keys"]
    assert_same_tensors(loaded, model)

    both = toy_model(text=True)
    result = both.load_state_dict(model.state_dict(), strict=False)
    assert {name.split(".")[0] for name in result.missing_keys} == {"vision_model", "visual_projection"}
    with torch.no_grad():
        output, expected = model(point_values=clouds), both(point_values=clouds)
    assert torch.equal(output.logits_per_point, expected.logits_per_point) and output.logits_per_image is None
    for call in (model, model.get_image_features):
        with pytest.raises(ValueError, match=r"This model has no image tower \(config.vision_config is None\)"):
            call(pixel_values=toy_views(3))
    with pytest.raises(ValueError, match="CrossMoSTForSelfTraining needs both towers"):
        CrossMoSTForSelfTraining.from_pretrained(tmp_path)
    with pytest.raises(ValueError, match="pretrain needs a model with an image tower"):
        Pretraining(parse_arguments(["--method", "pretrain"]), set_classes=None).check(model)


def test_initial_weights_follow_the_configuration():
    torch.manual_seed(0)
    model = CrossMoSTForSelfTraining(toy_config(logit_scale_init_value=1.25, initializer_range=0.5))
    assert model.logit_scale.item() == 1.25
    assert 0.2 < model.image_mask_token.std() < 0.8
    assert model.point_model.embeddings.class_embedding.abs().max() > 0
    torch.manual_seed(1)
    wide = CrossMoSTModel(toy_config(projection_dim=4096))
    assert_close(wide.point_projection.weight.std().item(), (2 * POINT["hidden_size"]) ** -0.5, rtol=0.05, atol=0)


@pytest.mark.parametrize("first", ["modeling_crossmost", "modeling_crossmost.modeling_crossmost"])
def test_the_auto_classes_know_ours_after_a_bare_import(tmp_path, first):
    model = toy_model(text=True)
    model.save_pretrained(tmp_path / "model")
    size = {"height": VISION["image_size"], "width": VISION["image_size"]}
    images = CLIPImageProcessorPil(size=size, crop_size=size)
    processor = CrossMoSTProcessor(images, CrossMoSTFeatureExtractor(num_points=8), toy_tokenizer())
    processor.save_pretrained(tmp_path / "model")
    model.point_model.save_pretrained(tmp_path / "point")
    code = (
        f"import {first}\n"
        "from transformers import AutoConfig, AutoFeatureExtractor, AutoModel, AutoProcessor\n"
        "for auto in (AutoConfig, AutoFeatureExtractor, AutoModel, AutoProcessor):\n"
        "    print(type(auto.from_pretrained('model')).__name__)\n"
        "print(type(AutoModel.from_pretrained('point')).__name__)\n"
        "assert all(hasattr(modeling_crossmost, name) for name in modeling_crossmost.__all__)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={"PYTHONPATH": str(REPOSITORY), "PATH": "", "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.split() == [
        "CrossMoSTConfig",
        "CrossMoSTFeatureExtractor",
        "CrossMoSTModel",
        "CrossMoSTProcessor",
        "CrossMoSTPointModel",
    ], done.stderr


# --------------------------------------------------------------------------------------------------------------------
# Outputs
# --------------------------------------------------------------------------------------------------------------------


def test_shapes_and_unit_lengths(pairs):
    with torch.no_grad():
        output = toy_model()(**pairs)
    assert list(output) == ["logits_per_point", "logits_per_image", "point_embeds", "image_embeds"]
    assert output.logits_per_point.shape == output.logits_per_image.shape == (3, len(CLASSES))
    for embeds in (output.point_embeds, output.image_embeds):
        assert embeds.shape == (3, 8)
        assert_close(embeds.norm(dim=-1), torch.ones(3))


def test_logits_are_scaled_products_with_the_classifier(pairs):
    model = toy_model()
    with torch.no_grad():
        output = model(**pairs)
        scale = model.logit_scale.exp()
        for modality in ("point", "image"):
            expected = scale * output[f"{modality}_embeds"] @ model.classifier.weight.T
            assert_close(output[f"logits_per_{modality}"], expected)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_logits_are_exact_under_autocast(dtype):
    model = toy_model()
    embeds = unit_length(torch.randn(5, model.config.projection_dim, generator=torch.Generator().manual_seed(0)))
    with torch.autocast("cpu", dtype=dtype):
        logits = model.classify(embeds)
    expected = model.logit_scale.double().exp() * embeds.double() @ model.classifier.weight.double().T
    assert logits.dtype == torch.float32
    assert torch.allclose(logits.double(), expected, rtol=1e-6, atol=1e-5)


class Adapted(torch.nn.Module):
    """A layer that hides its weights, as adapters and quantized layers do."""

    def __init__(self, layer: torch.nn.Linear):
        super().__init__()
        self.layer = layer

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        return self.layer(values)


def test_no_weight_is_read_past_its_module(pairs):
    model = toy_model(CrossMoSTForSelfTraining)
    with torch.no_grad():
        expected = model(**pairs)
        for name, layer in [*model.named_modules()]:
            if isinstance(layer, torch.nn.Linear):
                model.set_submodule(name, Adapted(layer))
        adapted = model(**pairs)
    for name, value in expected.items():
        assert_close(adapted[name], value, rtol=1e-5, atol=1e-5, msg=name)


@pytest.mark.parametrize("kind", ["cpu", "disk"])
def test_offloaded_weights_give_the_same(pairs, tmp_path, kind):
    model = toy_model()
    with torch.no_grad():
        expected = model(**pairs)
        if kind == "cpu":
            cpu_offload(model, execution_device=torch.device("cpu"))
        else:
            disk_offload(model, str(tmp_path), execution_device=torch.device("cpu"))
        assert model.point_projection.weight.device.type == "meta"
        offloaded = model(**pairs)
    for name, value in expected.items():
        assert_close(offloaded[name], value, rtol=1e-5, atol=1e-5, msg=name)


def test_either_modality_may_be_left_out(pairs):
    model = toy_model()
    with torch.no_grad():
        both = model(**pairs)
        only_points = model(point_values=pairs["point_values"])
        only_views = model(pixel_values=pairs["pixel_values"])
    assert list(only_points) == ["logits_per_point", "point_embeds"]
    assert list(only_views) == ["logits_per_image", "image_embeds"]
    for single in (only_points, only_views):
        assert all(torch.equal(value, both[name]) for name, value in single.items())
    with pytest.raises(ValueError, match="got neither point_values nor pixel_values"):
        model()
    with pytest.raises(ValueError, match=r"\(batch, views, 3, height, width\), got \(3, 32, 32\)"):
        model(pixel_values=pairs["pixel_values"][0])
    training = toy_model(CrossMoSTForSelfTraining)
    for name in pairs:
        with pytest.raises(ValueError, match="Self-training needs pairs"):
            training(**{name: pairs[name]})


def test_hidden_states_and_attentions_are_captured(pairs):
    model = toy_model()
    model.set_attn_implementation("eager")
    with torch.no_grad():
        output = model(**pairs, output_hidden_states=True, output_attentions=True)
        quiet = model(**pairs)
    point, vision = output.point_model_output, output.vision_model_output
    length = 1 + POINT["num_groups"]
    assert [tuple(state.shape) for state in point.hidden_states] == [(3, length, POINT["hidden_size"])] * 4
    assert [tuple(weights.shape) for weights in point.attentions] == [(3, 4, length, length)] * 3
    assert [tuple(state.shape) for state in vision.hidden_states] == [(3, 1 + NUM_PATCHES, VISION["hidden_size"])] * 3
    assert len(vision.attentions) == VISION["num_hidden_layers"]
    for weights in (*point.attentions, *vision.attentions):
        assert_close(weights.sum(-1), torch.ones(weights.shape[:-1]))
    assert torch.equal(point.hidden_states[0][:, 1:], point.point_tokens)
    assert torch.equal(model.point_model.layernorm(point.hidden_states[-1]), point.last_hidden_state)
    assert quiet.point_model_output is None and torch.equal(quiet.logits_per_point, output.logits_per_point)


def test_tower_outputs_on_request(pairs):
    with torch.no_grad():
        output = toy_model()(**pairs, return_tower_outputs=True)
    assert output.point_model_output.pooler_output.shape == (3, 2 * POINT["hidden_size"])
    assert output.vision_model_output.pooler_output.shape == (3, VISION["hidden_size"])
    assert output.point_model_output.hidden_states is None


@pytest.mark.parametrize("by_config", [False, True])
def test_tuples_instead_of_dictionaries(pairs, by_config):
    model = toy_model()
    with torch.no_grad():
        expected = model(**pairs)
        if by_config:
            model.config.return_dict = False
        values = model(**pairs) if by_config else model(**pairs, return_dict=False)
        tower = model.point_model(point_values=pairs["point_values"], return_dict=False)
    assert isinstance(values, tuple) and isinstance(tower, tuple)
    assert all(torch.equal(value, other) for value, other in zip(values, expected.to_tuple(), strict=True))
    masked = toy_model(CrossMoSTForSelfTraining)(**masked_inputs(), return_dict=False)
    assert isinstance(masked, tuple) and len(masked) == 10


@pytest.mark.parametrize("source", ["embeddings", "logits"])
def test_several_views_become_one_prediction(source):
    model = toy_model(image_star_from=source)
    views = toy_views(2, 5)
    with torch.no_grad():
        output = model(pixel_values=views)
        embeds = torch.stack([model.get_image_features(views[:, index]) for index in range(5)])  # (V, B, D)
        mean = embeds.mean(0)
        fused = mean / mean.norm(dim=-1, keepdim=True)
        scale, weight = model.logit_scale.exp(), model.classifier.weight
        logits = scale * fused @ weight.T if source == "embeddings" else (scale * embeds @ weight.T).mean(0)
        single = model(pixel_values=views[:, :1])
        assert_close(single.logits_per_image, model(pixel_values=views[:, 0]).logits_per_image)
    assert_close(output.image_embeds, fused, rtol=1e-5, atol=1e-6)
    assert_close(output.logits_per_image, logits, rtol=1e-5, atol=1e-5)


# --------------------------------------------------------------------------------------------------------------------
# Masks
# --------------------------------------------------------------------------------------------------------------------


def test_the_image_tower_is_clips_own():
    model = toy_model(CrossMoSTForSelfTraining, text=True)
    assert type(model.vision_model) is CLIPVisionModel and type(model.text_model) is CLIPTextModel


def test_without_a_mask_the_image_pass_is_bit_equal_to_the_tower():
    model = toy_model(CrossMoSTForSelfTraining)
    views = toy_views(3)
    with torch.no_grad():
        native = model.vision_model(pixel_values=views)
        assert torch.equal(model.encode_masked_image(views, None), native.last_hidden_state)
        empty = torch.zeros(3, NUM_PATCHES, dtype=torch.bool)
        assert torch.equal(model.encode_masked_image(views, empty), native.last_hidden_state)
        output = model(pixel_values=views, point_values=toy_clouds())
        assert torch.equal(output.image_embeds, model.get_image_features(views))


def test_masked_patches_are_replaced_before_class_token_and_positions():
    model = toy_model(CrossMoSTForSelfTraining)
    inputs = masked_inputs()
    views, mask = inputs["pixel_values"], inputs["bool_masked_pos"]

    def replace(module, arguments, patches):  # (B, H, h, w)
        token = model.image_mask_token.view(1, -1, 1, 1)
        return torch.where(mask.view(3, 1, *patches.shape[-2:]), token, patches)

    hook = model.vision_model.embeddings.patch_embedding.register_forward_hook(replace)
    with torch.no_grad():
        expected = model.vision_model(pixel_values=views)
    hook.remove()
    with torch.no_grad():
        output = model(**inputs)
        features = model.visual_projection(expected.pooler_output)
    assert_close(output.image_embeds, torch.nn.functional.normalize(features, dim=-1))
    with torch.no_grad():
        patches = model.patch_layernorm(expected.last_hidden_state[:, 1:])
        assert_close(output.pixel_predictions, model.pixel_decoder(patches))
    assert output.pixel_predictions.shape == (3, NUM_PATCHES, 3 * PATCH_SIZE**2)


def test_masked_sub_clouds_are_replaced_and_keep_their_positions():
    model = toy_model(CrossMoSTForSelfTraining)
    inputs = {name: value for name, value in masked_inputs().items() if name != "dropout_noise"}
    mask = inputs["point_bool_masked_pos"]

    def replace(module, arguments, tokens):  # (B, G, H)
        return torch.where(mask.unsqueeze(-1), model.point_mask_token, tokens)

    with torch.no_grad():
        output = model(**inputs)
        clean = model(**{**inputs, "point_bool_masked_pos": None})
        hook = model.point_model.embeddings.token_projection.register_forward_hook(replace)
        expected = model(**{**inputs, "point_bool_masked_pos": None})
        hook.remove()
    for name in ("point_embeds", "token_predictions", "point_local_embeds", "logits_per_point"):
        assert_close(output[name], expected[name], msg=name)
    assert torch.equal(output.point_tokens, clean.point_tokens), "the targets are the tokens before masking"
    assert not torch.allclose(output.point_embeds, clean.point_embeds)


def test_local_embeddings_are_projected_tokens_of_unit_length():
    model = toy_model(CrossMoSTForSelfTraining)
    with torch.no_grad():
        output = model(**masked_inputs())
        tower = model.point_model(
            point_values=toy_clouds(),
            fps_start=masked_inputs()["fps_start"],
            bool_masked_pos=masked_inputs()["point_bool_masked_pos"],
            mask_token=model.point_mask_token,
            dropout_noise=masked_inputs()["dropout_noise"],
        )
        tokens = tower.last_hidden_state[:, 1:]
        # f^P of a cloud of one token: class token and maximum are both that token
        local = torch.nn.functional.normalize(model.point_projection(torch.cat([tokens, tokens], -1)), dim=-1)
    assert_close(output.point_local_embeds, local, rtol=1e-5, atol=1e-6)
    assert torch.equal(output.point_global_embeds, output.point_embeds)
    assert_close(output.image_local_embeds.norm(dim=-1), torch.ones(3, NUM_PATCHES))


def test_the_official_second_point_projection_is_an_option():
    model = toy_model(CrossMoSTForSelfTraining, point_local_projection=True)
    with torch.no_grad():
        output = model(**masked_inputs())
    assert model.point_local_projection.weight.shape == (8, POINT["hidden_size"])
    assert not torch.allclose(output.point_global_embeds, output.point_embeds)
    assert_close(output.point_global_embeds.norm(dim=-1), torch.ones(3))


# --------------------------------------------------------------------------------------------------------------------
# Classes from text
# --------------------------------------------------------------------------------------------------------------------


def test_set_classes_equals_a_hand_computation():
    model, tokenizer = toy_model(text=True), toy_tokenizer()
    names, templates = ["bed", "a sofa"], ["{}", "old {} here"]
    expected = []
    with torch.no_grad():
        for name in names:
            rows = []
            for template in templates:
                tokens = tokenizer(template.replace("{}", name), return_tensors="pt")
                pooled = model.text_model(input_ids=tokens["input_ids"]).pooler_output
                row = pooled @ model.text_projection.weight.T
                rows.append(row[0] / row[0].norm())
            mean = torch.stack(rows).mean(0)
            expected.append(mean / mean.norm())
    assert model.set_classes(names, templates, tokenizer=tokenizer) is model
    assert_close(model.classifier.weight, torch.stack(expected), rtol=1e-5, atol=1e-6)
    assert model.classifier.weight.requires_grad
    assert model.config.class_names == names and model.config.prompt_templates == templates
    assert model.config.id2label == {0: "bed", 1: "a sofa"} and model.config.num_labels == 2
    with torch.no_grad():
        assert model(point_values=toy_clouds()).logits_per_point.shape == (3, 2)


def test_classes_travel_with_the_weights(tmp_path):
    model = toy_model(text=True).set_classes(["bed", "sofa"], tokenizer=toy_tokenizer())
    model.save_pretrained(tmp_path)
    loaded = CrossMoSTModel.from_pretrained(tmp_path)
    assert loaded.config.class_names == ["bed", "sofa"]
    assert torch.equal(loaded.classifier.weight, model.classifier.weight)


def test_set_classes_uses_the_models_own_prompts_and_leaves_the_modes():
    model, tokenizer = toy_model(text=True, prompt_templates=["one {}"]), toy_tokenizer()
    model.train()
    model.point_model.embeddings.tokenizer.eval()
    model.set_classes(["bed", "sofa"], tokenizer=tokenizer)
    by_default = model.classifier.weight
    assert model.training and model.text_model.training and not model.point_model.embeddings.tokenizer.training
    model.set_classes(["bed", "sofa"], ["one {}"], tokenizer=tokenizer)
    assert torch.equal(model.classifier.weight, by_default)


@pytest.mark.parametrize(
    ("text", "arguments", "message"),
    [
        (False, {"names": ["bed", "sofa"], "tokenizer": True}, "no text tower .* CrossMoSTModel.from_backbones"),
        (True, {"names": ["bed", "sofa"]}, "pass tokenizer=processor.tokenizer"),
        (True, {"names": ["bed"], "tokenizer": True}, "at least two classes"),
        (True, {"names": ["bed", "bed"], "tokenizer": True}, "repeats 'bed'"),
        (True, {"names": ["bed", "sofa"], "templates": ["a bed"], "tokenizer": True}, "exactly one"),
    ],
)
def test_set_classes_refuses_in_one_sentence_and_changes_nothing(text, arguments, message):
    model = toy_model(text=text)
    before = copy.deepcopy(model.state_dict())
    if arguments.get("tokenizer"):
        arguments = {**arguments, "tokenizer": toy_tokenizer()}
    with pytest.raises(ValueError, match=message) as caught:
        model.set_classes(**arguments)
    assert "\n" not in str(caught.value)
    assert model.config.class_names == CLASSES
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_prompt_ensemble_weighs_prompts_by_direction_only():
    prompts = torch.tensor([[[3.0, 0.0], [0.0, 0.1]]])
    assert_close(prompt_ensemble(prompts), torch.full((1, 2), 0.5**0.5))


# --------------------------------------------------------------------------------------------------------------------
# Assembly from backbones
# --------------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def clip_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clip")
    toy_clip().save_pretrained(folder)
    return folder


def test_from_backbones_reads_the_official_key_layout(clip_folder):
    stored = load_file(clip_folder / "model.safetensors")
    assert {name.split(".")[0] for name in stored} == {
        "vision_model",
        "text_model",
        "visual_projection",
        "text_projection",
        "logit_scale",
    }
    names = ["night stand", "bed"]
    model = CrossMoSTModel.from_backbones(
        str(clip_folder), class_names=names, tokenizer=toy_tokenizer(), point_config=dict(POINT), up_axis="z"
    )
    clip, views = CLIPModel.from_pretrained(clip_folder), toy_views(2)
    tokens = toy_tokenizer()(["a bed", "night"], padding=True, return_tensors="pt")
    with torch.no_grad():
        expected = clip(pixel_values=views, **tokens)
        assert_close(model.get_image_features(views), expected.image_embeds)
        assert_close(model.get_text_features(**tokens), expected.text_embeds)
    assert torch.equal(model.logit_scale, clip.logit_scale)
    assert (model.config.up_axis, model.config.class_names, model.training) == ("z", names, False)
    by_hand = CrossMoSTModel(model.config)
    by_hand.load_state_dict(model.state_dict())
    by_hand.set_classes(names, tokenizer=toy_tokenizer())
    assert torch.equal(model.classifier.weight, by_hand.classifier.weight)


def test_from_backbones_takes_a_point_tower(clip_folder, tmp_path):
    tower = toy_model(seed=4).point_model
    tower.save_pretrained(tmp_path / "point")
    toy_model(seed=4).save_pretrained(tmp_path / "whole")
    for point in (tower, str(tmp_path / "point"), str(tmp_path / "whole")):
        model = CrossMoSTForSelfTraining.from_backbones(str(clip_folder), point)
        assert type(model) is CrossMoSTForSelfTraining
        assert_same_tensors(model.point_model, tower)


def test_what_from_backbones_makes_is_saved_exactly(clip_folder, tmp_path):
    model = CrossMoSTModel.from_backbones(str(clip_folder), toy_model().point_model)
    model.save_pretrained(tmp_path)
    assert_same_tensors(CrossMoSTModel.from_pretrained(tmp_path), model)


def test_from_backbones_shares_nothing_with_its_parts():
    clip, tower = toy_clip(), toy_model().point_model
    model = CrossMoSTModel.from_backbones(clip, tower)
    model.set_attn_implementation("eager")
    with torch.no_grad():
        for value in model.parameters():
            value.zero_()
    assert clip.config.vision_config._attn_implementation == tower.config._attn_implementation == "sdpa"
    assert all(value.any() for value in (tower.layernorm.weight, clip.visual_projection.weight))


# --------------------------------------------------------------------------------------------------------------------
# Full size
# --------------------------------------------------------------------------------------------------------------------


def full_size_config(**fields) -> CrossMoSTConfig:
    return CrossMoSTConfig(class_names=[f"class {index}" for index in range(40)], **fields)


def test_full_size_names_and_shapes_are_the_official_ones():
    recorded = json.loads((shared_directory() / "reference" / "full_size_keys.json").read_text())
    content = next(value for name, value in recorded.items() if name.startswith("CrossMoST_after_init"))
    official = {name: torch.empty(shape, device="meta") for name, (shape, _) in content.items()}
    with torch.device("meta"):
        model = CrossMoSTForSelfTraining(full_size_config(point_local_projection=True))
    expected = {name: tuple(value.shape) for name, value in convert_state_dict(official).items()}
    assert {name: tuple(value.shape) for name, value in model.state_dict().items()} == expected
    assert sum(value.numel() for value in model.parameters()) == 109_402_881


@pytest.mark.slow
def test_full_size_from_backbones(tmp_path):
    torch.manual_seed(0)
    CLIPModel(CLIPConfig(vision_config={"patch_size": 16}, projection_dim=512)).save_pretrained(tmp_path)
    names = [f"class {index}" for index in range(40)]
    model = CrossMoSTForSelfTraining.from_backbones(str(tmp_path), class_names=names, point_local_projection=True)
    config = model.config
    assert (config.vision_config.hidden_size, config.vision_config.patch_size, config.projection_dim) == (768, 16, 512)
    point = config.point_config
    assert (point.num_groups, point.group_size, point.hidden_size, point.num_hidden_layers) == (64, 32, 384, 12)
    without_text = [value for name, value in model.named_parameters() if not name.startswith("text_")]
    assert sum(value.numel() for value in without_text) == 109_402_881
    with torch.no_grad():
        views = torch.randn(1, 3, 224, 224, generator=torch.Generator().manual_seed(0))
        output = CrossMoSTModel.forward(model, point_values=toy_clouds(1, 8192), pixel_values=views)
        clip = CLIPModel.from_pretrained(tmp_path)
        tower = clip.vision_model(pixel_values=views).pooler_output
        assert_close(output.image_embeds, torch.nn.functional.normalize(clip.visual_projection(tower), dim=-1))
    assert output.logits_per_point.shape == output.logits_per_image.shape == (1, 40)
    assert output.point_embeds.shape == (1, 512)
