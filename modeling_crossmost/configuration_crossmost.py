"""Configurations of the point tower and of the full model (both towers, classes, prompts and up axis)."""

from collections.abc import Sequence
from dataclasses import field

from huggingface_hub.dataclasses import strict
from transformers import AutoConfig
from transformers.configuration_utils import PreTrainedConfig, SubConfigSpec
from transformers.utils import TRANSFORMERS_DYNAMIC_MODULE_NAME

from .geometry_crossmost import MODEL_AXES


DEFAULT_VIEWS = 12  # rendered of each object by default

# Written to config.json so that transformers can load a saved folder without this package: which of the source files
# next to the weights define the classes and the pipeline (the pipeline loads its model through `AutoModel`).
PIPELINE_TASK = "point-cloud-classification"
PIPELINE_CLASS = "pipeline_crossmost.PointCloudClassificationPipeline"
AUTO_MAP = {"AutoConfig": "configuration_crossmost.CrossMoSTConfig", "AutoModel": "modeling_crossmost.CrossMoSTModel"}


class InstalledPipelines(dict):
    """`config.custom_pipelines` for an installed package: can be iterated and saved, but every lookup fails.

    `transformers.pipeline(model=...)` infers the task from the only key, then checks `task in custom_pipelines`. A hit
    would require `trust_remote_code` and run the copy of the code next to the weights. A miss makes it use the
    installed class from its registry, just as `AutoModel` prefers installed classes.
    """

    def __contains__(self, task: object) -> bool:
        return False


POINT_TOWERS = ("point_bert", "pointnet2_ssg", "pointnet2_msg", "pointmlp", "pointmlp_elite", "ppat", "uni3d")


@strict
class CrossMoSTPointConfig(PreTrainedConfig):
    """Point tower: Point-BERT (paper section 3.2, "Pointcloud encoder"; sizes of section 4), PointNet++ or PointMLP.

    Args:
        tower: one of `POINT_TOWERS`. All fields below but the last three belong to Point-BERT and "ppat", OpenShape's
            point patch transformer, which its authors call PointBERT, and to "uni3d".
        in_channels: of a point, 3 for its coordinates or 6 for its color too (red, green and blue, 0 to 1), as ULIP-2's
            and PointLLM's Point-BERT have it. Clouds without color get `UNKNOWN_COLOR`.
        num_groups: number of sub-clouds per object, whose centers are chosen by farthest point sampling (paper: 64).
        group_size: number of points per sub-cloud, the nearest neighbors of its center.
        group_radius: of the ball that a sub-cloud of "ppat" is taken from.
        tokenizer_dims: the three hidden widths of the mini-PointNet. The first block maps 3 -> d0 -> d1 per point, the
            max-pooled d1 features are concatenated to each point's, and the second block maps 2 d1 -> d2 ->
            `token_size` ("ppat": 3 + channels -> d0 -> d1 -> `token_size`). The official tokenizer has (128, 256, 512);
            a narrow one is about ten times faster on a CPU.
        token_size: width of a sub-cloud's token before it is projected to `hidden_size`.
        position_hidden_size: hidden width of the MLP that embeds the centers.
        hidden_size, num_hidden_layers, num_attention_heads, mlp_ratio: sizes of the transformer.
        hidden_act: activation of the feed-forward networks.
        qkv_bias: whether the query, key and value projections have a bias (Point-BERT: no).
        gated_mlp, mlp_norm: "uni3d": whether the feed-forward networks are those of EVA-02, and with its LayerNorm.
        drop_path_rate: stochastic depth rate of the last block; the rates grow linearly from 0 in the first block.
        layer_norm_eps: epsilon of all layer norms.
        initializer_range: standard deviation of the initial weights.
        num_centers: PointNet++ and PointMLP: centers that each stage keeps of a cloud's points; default
            (512, 128) and (512, 256, 128, 64), their authors' for 1024 points.
        width_factor: of all widths of PointNet++ and PointMLP; 1 is their authors' size.
        head_dropout: dropout after both layers of the head of PointNet++ and PointMLP.
    """

    model_type = "crossmost_point"
    base_config_key = "point_config"

    tower: str = "point_bert"
    in_channels: int = 3
    num_groups: int = 64
    group_size: int = 32
    group_radius: int | float = 0.2
    tokenizer_dims: list[int] | tuple[int, ...] = (128, 256, 512)
    token_size: int = 256
    position_hidden_size: int = 128
    hidden_size: int = 384
    num_hidden_layers: int = 12
    num_attention_heads: int = 6
    mlp_ratio: int | float = 4.0
    hidden_act: str = "gelu"
    qkv_bias: bool = False
    gated_mlp: bool = False
    mlp_norm: bool = False
    drop_path_rate: int | float = 0.1
    layer_norm_eps: float = 1e-5
    initializer_range: float = 0.02
    num_centers: list[int] | tuple[int, ...] | None = None
    width_factor: int | float = 1.0
    head_dropout: int | float = 0.5

    def __post_init__(self, **kwargs):
        super().__post_init__(**kwargs)
        self.validate_architecture()  # before `@strict` calls it, which would wrap the error in a two-line message

    @property
    def has_tokens(self) -> bool:
        """Whether the tower makes tokens of sub-clouds, which masked point modeling needs."""
        return self.tower == "point_bert"

    @property
    def has_groups(self) -> bool:
        """Whether `num_groups` and `group_size` say which sub-clouds the tower looks at."""
        return self.tower in ("point_bert", "ppat", "uni3d")

    @property
    def head_sizes(self) -> tuple[int, int]:
        """Widths of the two layers of the head of PointNet++ and PointMLP."""
        return round(512 * self.width_factor), round(256 * self.width_factor)

    @property
    def pooled_size(self) -> int:
        """Width of the feature of a cloud, the tower's `pooler_output`."""
        if self.tower in ("ppat", "uni3d"):
            return self.hidden_size
        return 2 * self.hidden_size if self.has_tokens else self.head_sizes[-1]

    @property
    def first_centers(self) -> int:
        """Centers that the tower chooses first of a cloud's points."""
        return self.num_groups if self.has_groups else (self.num_centers or (512,))[0]

    @property
    def least_points(self) -> int:
        """Points of a cloud that the tower need not take twice: those of a sub-cloud or a neighborhood."""
        if self.has_groups:
            return self.group_size
        return {"pointnet2_ssg": 64, "pointnet2_msg": 128}.get(self.tower, 24)

    @property
    def dropout_shape(self) -> tuple[int, ...] | None:
        """Shape of an object's random numbers for stochastic depth or dropout; `None` where there is none."""
        if self.has_tokens:
            return (self.num_hidden_layers, 2) if self.drop_path_rate > 0 else None
        return (sum(self.head_sizes),) if self.head_dropout > 0 and not self.has_groups else None

    def validate_architecture(self):
        """Check the sizes; also called by `@strict`.

        Raises:
            ValueError: for an unknown tower, if the number of heads does not divide the width, a size is not positive,
                the tower cannot have `in_channels`, `tokenizer_dims` does not hold three widths, `num_centers` does not
                decrease over the stages, or a rate of dropping is outside [0, 1).
        """
        if self.tower not in POINT_TOWERS:
            raise ValueError(f"tower must be one of {', '.join(POINT_TOWERS)}, got {self.tower!r}.")
        if self.in_channels != 3 and not (self.in_channels == 6 and self.has_groups):
            raise ValueError(
                f"in_channels must be 3, or 6 for a point_bert, ppat or uni3d tower with colors, got "
                f"{self.in_channels} for {self.tower}."
            )
        if self.hidden_size % self.num_attention_heads != 0:
            raise ValueError(
                f"hidden_size ({self.hidden_size}) is not a multiple of num_attention_heads "
                f"({self.num_attention_heads}): choose a multiple."
            )
        if self.num_groups < 1 or self.group_size < 1:
            raise ValueError(
                f"num_groups and group_size must be at least 1, got {self.num_groups} and {self.group_size}."
            )
        if len(self.tokenizer_dims) != 3 or min(self.tokenizer_dims) < 1:
            raise ValueError(f"tokenizer_dims must be three positive widths, got {tuple(self.tokenizer_dims)}.")
        for name in ("drop_path_rate", "head_dropout"):
            if not 0.0 <= getattr(self, name) < 1.0:
                raise ValueError(f"{name} must lie in [0, 1), got {getattr(self, name)}.")
        if self.width_factor <= 0:
            raise ValueError(f"width_factor must be positive, got {self.width_factor}.")
        if self.group_radius <= 0:
            raise ValueError(f"group_radius must be positive, got {self.group_radius}.")
        self._check_centers()

    def _check_centers(self) -> None:
        stages = {"pointnet2": 2, "pointmlp": 4}.get(self.tower.split("_")[0])
        centers = self.num_centers
        if centers is None or stages is None:
            return
        if len(centers) != stages or min(centers) < 1 or sorted(centers, reverse=True) != list(centers):
            raise ValueError(f"num_centers of {self.tower} must be {stages} decreasing numbers, got {tuple(centers)}.")


@strict
class CrossMoSTConfig(PreTrainedConfig):
    """Configuration of [`CrossMoSTModel`]: towers, embedding width, classes, prompts and up axis.

    Args:
        vision_config: configuration of the `CLIPVisionModel` (default: ViT-B/16) or `SiglipVisionModel`; `None` builds
            a model without an image tower, for point clouds only.
        point_config: configuration of the point tower.
        text_config: configuration of the optional `CLIPTextModel` or `SiglipTextModel` that `set_classes` uses; `None`
            omits it.
        projection_dim: width D of the shared embedding space.
        class_names: class names in label order, as they appear in prompts (spaces, no underscores).
        prompt_templates: prompts with one `{}` each; their embeddings are averaged into a class embedding.
        up_axis: the axis that points up in the clouds that the model expects.
        logit_scale_init_value: natural logarithm of the initial logit scale (CLIP: log(1 / 0.07) = 2.6592).
        image_star_from: how several views are fused into one prediction: "embeddings" averages the unit-length view
            embeddings (Image* in the paper), "logits" averages the scaled logits (as in the official code).
        fusion_weight: share w of the views in the answer of both modalities, 0 to 1: their probabilities' weighted
            geometric mean p_img^w p_pcl^(1-w), normalized. `None` takes the plain mean of the probabilities.
        point_projection_bias: whether f^P has a bias, as in OpenShape.
        embedding_space: Hub id of the CLIP model in whose space a point tower without its own image and text towers
            was trained; [`CrossMoSTModel.from_backbones`] keeps the point projection for that model alone.
        point_local_projection: whether [`CrossMoSTForSelfTraining`] has the official code's second point projection
            for global-local alignment instead of using f^P (`reference` fidelity only).
        initializer_range: standard deviation of the initial weights.
    """

    model_type = "crossmost"
    sub_configs_defaults = {
        "vision_config": SubConfigSpec(AutoConfig, model_type="clip_vision_model", optional=True),
        "point_config": SubConfigSpec(CrossMoSTPointConfig),
        "text_config": SubConfigSpec(AutoConfig, model_type="clip_text_model", optional=True),
    }

    vision_config: dict | PreTrainedConfig | None = field(default_factory=lambda: {"patch_size": 16})
    point_config: dict | PreTrainedConfig | None = None
    text_config: dict | PreTrainedConfig | None = None
    projection_dim: int = 512
    class_names: list[str] | tuple[str, ...] = ("object", "other")
    prompt_templates: list[str] | tuple[str, ...] = ("a photo of a {}", "a 3D model of a {}")
    up_axis: str = "y"
    logit_scale_init_value: float | int = 2.6592
    image_star_from: str = "embeddings"
    fusion_weight: float | int | None = None
    point_projection_bias: bool = False
    embedding_space: str | None = None
    point_local_projection: bool = False
    initializer_range: float = 0.02

    def __post_init__(self, **kwargs):
        self.class_names = list(self.class_names)
        self.prompt_templates = list(self.prompt_templates)
        # Pipelines and Hub widgets read the classes from id2label. It is always derived from class_names, even where
        # a config.json disagrees.
        for derived in ("id2label", "label2id", "num_labels"):
            kwargs.pop(derived, None)
        self.id2label = dict(enumerate(self.class_names))
        self.label2id = {name: index for index, name in enumerate(self.class_names)}
        kwargs["auto_map"] = {**AUTO_MAP, **(kwargs.get("auto_map") or {})}
        # Code loaded from a model folder with `trust_remote_code` lives in a module of that name.
        installed = not __name__.startswith(TRANSFORMERS_DYNAMIC_MODULE_NAME)
        pipelines = {PIPELINE_TASK: {"impl": PIPELINE_CLASS, "pt": ["AutoModel"], "type": "multimodal"}}
        kwargs["custom_pipelines"] = InstalledPipelines(pipelines) if installed else pipelines
        super().__post_init__(**kwargs)
        self.validate_architecture()

    @property
    def default_views(self) -> int:
        """Number of views to render of each object by default; 0 if the model has no image tower."""
        return DEFAULT_VIEWS if self.vision_config is not None else 0

    def validate_architecture(self):
        """Check axis, view fusion, classes and prompts; also called by `@strict`.

        Raises:
            ValueError: for an unknown axis, an unknown way to fuse views, a fusion weight out of bounds, fewer than two
                classes, an empty or repeated class name, or a prompt without exactly one `{}`.
        """
        if self.up_axis not in MODEL_AXES:
            raise ValueError(f"up_axis must be one of {', '.join(MODEL_AXES)}, got {self.up_axis!r}.")
        if self.image_star_from not in ("embeddings", "logits"):
            raise ValueError(f"image_star_from must be 'embeddings' or 'logits', got {self.image_star_from!r}.")
        if self.fusion_weight is not None and not 0.0 <= self.fusion_weight <= 1.0:
            raise ValueError(f"fusion_weight must be None or lie between 0 and 1, got {self.fusion_weight}.")
        for name in ("vision_config", "text_config"):
            kind = getattr(getattr(self, name), "model_type", None)
            if kind is not None and kind.split("_")[0] not in ("clip", "siglip"):
                raise ValueError(f"{name} is a {kind}; the towers for images and text are CLIP's or SigLIP's.")
        check_class_names(self.class_names)
        check_prompt_templates(self.prompt_templates)


def check_class_names(names: Sequence[str]) -> list[str]:
    """Return the names as a list, which must hold at least two names, none of them empty or repeated.

    Raises:
        ValueError: for fewer than two names, an empty name, or a repeated one.
    """
    names = list(names)
    if len(names) < 2:
        raise ValueError(f"class_names needs at least two classes to choose from, got {names}.")
    for name in names:
        if not isinstance(name, str) or not name.strip():
            raise ValueError(f"class_names holds {name!r}: every class needs a non-empty name.")
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise ValueError(f"class_names repeats {', '.join(map(repr, repeated))}: list every class once.")
    return names


def check_prompt_templates(templates: Sequence[str]) -> list[str]:
    """Return the templates as a list; each must hold exactly one `{}`.

    Raises:
        ValueError: for an empty list, or a template without exactly one `{}`.
    """
    templates = list(templates)
    if not templates:
        raise ValueError("prompt_templates is empty: give at least one, such as 'a photo of a {}'.")
    for template in templates:
        if not isinstance(template, str) or template.count("{}") != 1:
            raise ValueError(f"prompt template {template!r} must hold exactly one {{}} for the class name.")
    return templates


__all__ = ["CrossMoSTConfig", "CrossMoSTPointConfig"]
