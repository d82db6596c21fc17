"""Models that the benchmarks build, with random weights."""

from collections.abc import Callable

from modeling_crossmost import CrossMoSTConfig


def mini() -> CrossMoSTConfig:
    """The bundled checkpoint's sizes."""
    return CrossMoSTConfig(
        vision_config={
            "hidden_size": 128,
            "intermediate_size": 512,
            "num_hidden_layers": 4,
            "num_attention_heads": 4,
            "image_size": 64,
            "patch_size": 8,
        },
        point_config={
            "num_groups": 64,
            "group_size": 16,
            "tokenizer_dims": (32, 48, 96),
            "token_size": 96,
            "position_hidden_size": 64,
            "hidden_size": 128,
            "num_hidden_layers": 4,
            "num_attention_heads": 4,
        },
        projection_dim=128,
    )


# full: ViT-B/16, 384-wide 12-block Point-BERT, D = 512
CONFIGS: dict[str, Callable[[], CrossMoSTConfig]] = {"mini": mini, "full": CrossMoSTConfig}
