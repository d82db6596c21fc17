"""Configurations: what they refuse, what they keep, and that they survive saving and loading."""

import json

import pytest
from huggingface_hub.errors import StrictDataclassError
from toy import POINT, TEXT, VISION, toy_config
from transformers import AutoConfig, CLIPTextConfig, CLIPVisionConfig

from modeling_crossmost import CrossMoSTConfig, CrossMoSTPointConfig


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"class_names": ["chair"]}, r"class_names needs at least two classes to choose from, got \['chair'\]"),
        ({"class_names": []}, "class_names needs at least two classes"),
        ({"class_names": ["chair", " "]}, "every class needs a non-empty name"),
        ({"class_names": ["chair", "bed", "chair"]}, "class_names repeats 'chair'"),
        ({"prompt_templates": []}, "prompt_templates is empty"),
        ({"prompt_templates": ["a chair"]}, r"'a chair' must hold exactly one \{\}"),
        ({"prompt_templates": ["{} and {}"]}, r"must hold exactly one \{\}"),
        ({"up_axis": "up"}, "up_axis must be one of x, y, z, got 'up'"),
        ({"up_axis": "Z"}, "up_axis must be one of x, y, z, got 'Z'"),
        ({"image_star_from": "pixels"}, "image_star_from must be 'embeddings' or 'logits', got 'pixels'"),
        ({"point_config": {"hidden_size": 33}}, r"hidden_size \(33\) is not a multiple of num_attention_heads \(6\)"),
    ],
)
def test_unusable_values_are_one_sentence(fields, message):
    with pytest.raises(ValueError, match=message) as caught:
        CrossMoSTConfig(**fields)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"num_groups": 0}, "num_groups and group_size must be at least 1, got 0 and 32"),
        ({"group_size": -1}, "num_groups and group_size must be at least 1, got 64 and -1"),
        ({"tokenizer_dims": (128, 256)}, r"tokenizer_dims must be three positive widths, got \(128, 256\)"),
        ({"tokenizer_dims": (128, 0, 512)}, "tokenizer_dims must be three positive widths"),
        ({"drop_path_rate": 1.0}, r"drop_path_rate must lie in \[0, 1\), got 1.0"),
        ({"num_attention_heads": 5}, r"hidden_size \(384\) is not a multiple of num_attention_heads \(5\)"),
    ],
)
def test_unusable_sizes_of_the_point_tower_are_one_sentence(fields, message):
    with pytest.raises(ValueError, match=message) as caught:
        CrossMoSTPointConfig(**fields)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value"), [("projection_dim", "wide"), ("class_names", "chair, bed"), ("up_axis", 1), ("class_names", 3)]
)
def test_types_are_strict(name, value):
    with pytest.raises(StrictDataclassError, match=name):
        CrossMoSTConfig(**{name: value})


def test_a_changed_field_is_checked_on_saving(tmp_path):
    config = toy_config()
    config.up_axis = "up"
    with pytest.raises(StrictDataclassError, match="up_axis must be one of x, y, z"):
        config.save_pretrained(tmp_path)


def test_defaults_are_the_papers_sizes():
    config = CrossMoSTConfig()
    point, vision = config.point_config, config.vision_config
    assert (point.num_groups, point.group_size, point.hidden_size, point.num_hidden_layers) == (64, 32, 384, 12)
    assert (point.tokenizer_dims, point.token_size, point.num_attention_heads) == ((128, 256, 512), 256, 6)
    assert (vision.patch_size, vision.image_size, vision.hidden_size, vision.num_hidden_layers) == (16, 224, 768, 12)
    assert (config.projection_dim, config.up_axis, config.text_config) == (512, "y", None)


@pytest.mark.parametrize("text", [None, dict(TEXT)])
def test_saving_and_loading_keeps_every_field(tmp_path, text):
    config = toy_config(
        text_config=text,
        up_axis="z",
        prompt_templates=["{}", "some {}"],
        image_star_from="logits",
        logit_scale_init_value=1.5,
        point_local_projection=True,
        class_names=["night stand", "bed"],
    )
    config.save_pretrained(tmp_path)
    for loaded in (CrossMoSTConfig.from_pretrained(tmp_path), AutoConfig.from_pretrained(tmp_path)):
        assert type(loaded) is CrossMoSTConfig
        assert type(loaded.vision_config) is CLIPVisionConfig and type(loaded.point_config) is CrossMoSTPointConfig
        assert json.loads(loaded.to_json_string()) == json.loads(config.to_json_string())
        assert (loaded.text_config is None) == (text is None)
        if text is not None:
            assert type(loaded.text_config) is CLIPTextConfig
            assert loaded.text_config.eos_token_id == TEXT["eos_token_id"]
        assert loaded.class_names == ["night stand", "bed"]
        for name, value in POINT.items():
            saved = getattr(loaded.point_config, name)
            assert tuple(saved) == value if isinstance(value, tuple) else saved == value
        assert all(getattr(loaded.vision_config, name) == value for name, value in VISION.items())


def test_the_image_tower_can_be_left_out_and_stays_so(tmp_path):
    toy_config(vision_config=None).save_pretrained(tmp_path)
    for loaded in (CrossMoSTConfig.from_pretrained(tmp_path), AutoConfig.from_pretrained(tmp_path)):
        assert loaded.vision_config is None
    CrossMoSTConfig().save_pretrained(tmp_path)
    assert CrossMoSTConfig.from_pretrained(tmp_path).vision_config.patch_size == 16


def test_the_point_configuration_loads_alone_and_out_of_the_composite(tmp_path):
    config = toy_config()
    config.save_pretrained(tmp_path / "both")
    config.point_config.save_pretrained(tmp_path / "point")
    for folder in ("both", "point"):
        assert CrossMoSTPointConfig.from_pretrained(tmp_path / folder).num_groups == POINT["num_groups"]
    assert type(AutoConfig.from_pretrained(tmp_path / "point")) is CrossMoSTPointConfig


def test_class_names_decide_the_label_maps(tmp_path):
    config = toy_config(class_names=("sofa", "desk"), id2label={0: "wrong"}, num_labels=7)
    assert config.class_names == ["sofa", "desk"] and config.num_labels == 2
    assert config.id2label == {0: "sofa", 1: "desk"} and config.label2id == {"sofa": 0, "desk": 1}
    config.save_pretrained(tmp_path)
    assert CrossMoSTConfig.from_pretrained(tmp_path).id2label == {0: "sofa", 1: "desk"}
