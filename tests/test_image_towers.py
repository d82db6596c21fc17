"""SigLIP's and OpenCLIP's towers beside CLIP's: the embeddings of their own models, masks, files, and a whole run."""

import pytest
import torch
import toy
from torch.nn import functional as F
from transformers import CLIPConfig, CLIPModel, SiglipConfig, SiglipImageProcessor, SiglipModel, ViTModel
from transformers.models.vit.configuration_vit import ViTConfig

import train
from modeling_crossmost import CrossMoSTConfig, CrossMoSTModel, CrossMoSTProcessor
from modeling_crossmost.feature_extraction_crossmost import CrossMoSTFeatureExtractor
from modeling_crossmost.modeling_crossmost import CrossMoSTForSelfTraining
from modeling_crossmost.training.masking import image_patch_mask
from modeling_crossmost.training.pretraining import features_of_patches


WIDTH = toy.VISION["hidden_size"]
SIGLIP_TEXT = {name: value for name, value in toy.TEXT.items() if name != "projection_dim"} | {
    "hidden_size": 12,
    "projection_size": WIDTH,
}
SIGLIP_VISION = {name: value for name, value in toy.VISION.items() if name != "projection_dim"}


def siglip(seed: int = 0) -> SiglipModel:
    torch.manual_seed(seed)
    config = SiglipConfig(vision_config=dict(SIGLIP_VISION), text_config=dict(SIGLIP_TEXT))
    return toy.roughen(SiglipModel(config), seed).eval()


def point_tower() -> CrossMoSTModel:
    return toy.toy_model().point_model


@pytest.fixture
def model() -> CrossMoSTModel:
    return CrossMoSTModel.from_backbones(siglip(), point_tower(), toy.CLASSES, toy.toy_tokenizer())


def test_embeddings_are_those_of_siglip(model):
    own, views = siglip(), toy.toy_views(4)
    tokens = toy.toy_tokenizer()(["a box", "a tube of tubes"], padding="max_length", max_length=24, return_tensors="pt")
    with torch.no_grad():
        expected = own(pixel_values=views, input_ids=tokens["input_ids"])
        torch.testing.assert_close(model.get_image_features(views), expected.image_embeds)
        found = model.get_text_features(tokens["input_ids"])
        torch.testing.assert_close(found, expected.text_embeds)
        # Shorter batches are padded to the length that the tower was trained with, and the padding is seen.
        short = toy.toy_tokenizer()(["a box", "a tube of tubes"], padding=True, return_tensors="pt")
        assert short["input_ids"].shape[1] < 24
        torch.testing.assert_close(model.get_text_features(**short), expected.text_embeds)
        # Its logits but for the bias, which is the same for all classes.
        scores = model.logit_scale.exp() * model.get_image_features(views) @ found.T
        torch.testing.assert_close(scores + own.logit_bias, expected.logits_per_image)


def test_openclip_models_are_clip_models_with_another_activation():
    torch.manual_seed(0)
    towers = {"vision_config": {**toy.VISION, "hidden_act": "gelu"}, "text_config": {**toy.TEXT, "hidden_act": "gelu"}}
    clip = toy.roughen(CLIPModel(CLIPConfig(projection_dim=8, **towers)), 0).eval()
    model = CrossMoSTModel.from_backbones(clip, point_tower())
    views = toy.toy_views(3)
    with torch.no_grad():
        expected = F.normalize(clip.get_image_features(views).pooler_output, dim=-1)
        torch.testing.assert_close(model.get_image_features(views), expected)
        quick = CrossMoSTModel.from_backbones(toy.toy_clip(), point_tower())
        assert quick.config.vision_config.hidden_act == "quick_gelu" != model.config.vision_config.hidden_act


def test_files_keep_the_kind_of_tower(model, tmp_path):
    model.save_pretrained(tmp_path)
    again, report = CrossMoSTModel.from_pretrained(tmp_path, output_loading_info=True)
    assert not report["missing_keys"] and not report["unexpected_keys"]
    views = toy.toy_views(2, 3)
    with torch.no_grad():
        given, found = (each.eval()(pixel_values=views).logits_per_image for each in (model, again))
    assert torch.equal(given, found)
    assert again.config.vision_config.model_type == "siglip_vision_model"
    student = CrossMoSTForSelfTraining.from_pretrained(tmp_path).eval()
    with torch.no_grad():
        assert torch.equal(student.get_image_features(views[:, 0]), model.get_image_features(views[:, 0]))


def test_masked_patches_are_not_seen_and_without_a_mask_the_tower_is_itself(model, tmp_path):
    model.save_pretrained(tmp_path)
    student = CrossMoSTForSelfTraining.from_pretrained(tmp_path).eval()
    views, clouds = toy.toy_views(2), toy.toy_clouds(2)
    with torch.no_grad():
        free = student(pixel_values=views, point_values=clouds)
        torch.testing.assert_close(free.image_embeds, model.get_image_features(views))
        mask = image_patch_mask(torch.arange(2), toy.IMAGE_SIZE, toy.PATCH_SIZE, 16, 0.5)
        hidden = student(pixel_values=views, point_values=clouds, bool_masked_pos=mask)
        blind = mask.view(2, 4, 4).repeat_interleave(8, 1).repeat_interleave(8, 2)[:, None]
        other = torch.where(blind, torch.randn_like(views), views)
        again = student(pixel_values=other, point_values=clouds, bool_masked_pos=mask)
    assert hidden.pixel_predictions.shape == (2, toy.NUM_PATCHES, 3 * toy.PATCH_SIZE**2)
    assert not torch.allclose(hidden.image_embeds, free.image_embeds, atol=1e-3)
    torch.testing.assert_close(again.image_embeds, hidden.image_embeds)
    with pytest.raises(ValueError, match="--patch_dropout 0"):
        features_of_patches(model, views, torch.arange(3).expand(2, 3))


def test_the_processor_prepares_images_as_siglip(model):
    given = SiglipImageProcessor(size={"height": 32, "width": 32})
    processor = CrossMoSTProcessor(given, CrossMoSTFeatureExtractor(up_axis="y"), toy.toy_tokenizer())
    images = (torch.rand(2, 48, 48, 3, generator=torch.Generator().manual_seed(0)) * 255).byte().numpy()
    ours, theirs = processor(images=list(images))["pixel_values"], given(list(images), return_tensors="pt")
    assert processor.image_size == 32 and ours.shape == (2, 3, 32, 32)
    assert (ours - theirs["pixel_values"]).abs().max() < 0.03  # backends round differently
    assert tuple(processor.image_processor.image_mean) == (0.5, 0.5, 0.5)


def test_a_run_of_self_training_with_siglip(model, work, tmp_path):
    given = SiglipImageProcessor(size={"height": 32, "width": 32})
    extractor = CrossMoSTFeatureExtractor(up_axis="y", num_points=toy.NUM_POINTS)
    model.save_pretrained(tmp_path / "model")
    CrossMoSTProcessor(given, extractor, toy.toy_tokenizer()).save_pretrained(tmp_path / "model")
    options = toy.flags(dataset=work / "data", model_name_or_path=tmp_path / "model", max_steps=3)
    assert train.main([*options, f"--output_dir={tmp_path / 'out'}"]) == 0
    trained = CrossMoSTModel.from_pretrained(tmp_path / "out")
    moved = {name for name, value in model.state_dict().items() if not torch.equal(trained.state_dict()[name], value)}
    assert {"vision_model.head.probe", "visual_projection.weight", "classifier.weight"} <= moved
    assert not any(name.startswith("text_model") for name in moved)


def test_other_models_are_refused():
    with pytest.raises(ValueError, match="CLIPModel or a SiglipModel, got a ViTModel"):
        CrossMoSTModel.from_backbones(ViTModel(ViTConfig(hidden_size=16, num_hidden_layers=1, num_attention_heads=2)))
    with pytest.raises(ValueError, match="vision_config is a vit"):
        CrossMoSTConfig(vision_config={"model_type": "vit"})
