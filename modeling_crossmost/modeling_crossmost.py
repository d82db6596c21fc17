"""The point tower, the two-tower classifier, and its variant for self-training.

Shapes: B objects, N points, G sub-clouds of S points, V views, P patches, C classes, D embedding width,
H_p and H_v the hidden widths of the point and image towers.
"""

import copy
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from transformers import (
    AutoModel,
    CLIPModel,
    CLIPTextModel,
    CLIPVisionModel,
    PreTrainedConfig,
    SiglipModel,
    SiglipTextModel,
    SiglipVisionModel,
)
from transformers import initialization as init
from transformers.modeling_utils import PreTrainedModel
from transformers.utils import ModelOutput
from transformers.utils.generic import can_return_tuple, merge_with_config_defaults
from transformers.utils.output_capturing import capture_outputs

from .configuration_crossmost import CrossMoSTConfig, CrossMoSTPointConfig, check_class_names, check_prompt_templates
from .outputs_crossmost import CrossMoSTOutput, CrossMoSTPointModelOutput, CrossMoSTSelfTrainingOutput
from .point_layers_crossmost import FanInLinear
from .point_ops_crossmost import PointGroups, check_point_values, group_points
from .pointbert_crossmost import CrossMoSTPointAttention, CrossMoSTPointEmbeddings, CrossMoSTPointLayer
from .pointmlp_crossmost import CrossMoSTPointMLPEncoder
from .pointnet2_crossmost import CrossMoSTPointNet2Encoder
from .ppat_crossmost import CrossMoSTPPATEncoder
from .uni3d_crossmost import CrossMoSTUni3DEncoder


if TYPE_CHECKING:
    # `save_pretrained` copies every file that a relative import names, executed or not. This one adds the pipeline.
    from .pipeline_crossmost import PointCloudClassificationPipeline  # noqa: F401


# --------------------------------------------------------------------------------------------------------------------
# Point tower
# --------------------------------------------------------------------------------------------------------------------


class CrossMoSTPreTrainedModel(PreTrainedModel):
    """Weight initialization and loading shared by all CrossMoST models."""

    config: PreTrainedConfig  # CrossMoSTConfig, or CrossMoSTPointConfig for the point tower
    base_model_prefix = "crossmost"
    input_modalities = ["image", "point"]
    supports_gradient_checkpointing = True
    _supports_sdpa = True
    _supports_attention_backend = True
    _no_split_modules = [
        "CrossMoSTPointLayer",
        "CrossMoSTPointEmbeddings",
        "CLIPEncoderLayer",
        "CLIPVisionEmbeddings",
        "SiglipEncoderLayer",
        "SiglipVisionEmbeddings",
        "SiglipMultiheadAttentionPoolingHead",
    ]

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        if isinstance(module, FanInLinear):
            bound = module.in_features**-0.5
            for value in module.parameters():
                init.uniform_(value, -bound, bound)
            return
        super()._init_weights(module)
        std = self.config.initializer_range
        if isinstance(module, CrossMoSTPointEmbeddings):
            init.normal_(module.class_embedding, std=std)
            init.normal_(module.class_position, std=std)
        elif isinstance(module, CrossMoSTModel):
            for projection in (module.visual_projection, module.point_projection, module.text_projection):
                if projection is not None:
                    init.normal_(projection.weight, std=projection.in_features**-0.5)
            init.constant_(module.logit_scale, module.config.logit_scale_init_value)
            if isinstance(module, CrossMoSTForSelfTraining):
                init.normal_(module.image_mask_token, std=std)
                if module.point_mask_token is not None:
                    init.normal_(module.point_mask_token, std=std)


# The classes can load each other's folders. These are the weights that one of them does not use; loading reports only
# other names as unexpected.
_SELF_TRAINING_KEYS = [
    r"^(image|point)_mask_token$",
    r"^(patch_layernorm|pixel_decoder|token_decoder|point_local_projection)\.",
]
_HEAD_KEYS = [r"^(classifier|logit_scale$)", r"^(visual|text|point)_projection\."]


# The point towers that make a feature of a cloud without tokens on the way, by the beginning of `config.tower`.
_ENCODERS = {
    "pointnet2": CrossMoSTPointNet2Encoder,
    "pointmlp": CrossMoSTPointMLPEncoder,
    "ppat": CrossMoSTPPATEncoder,
    "uni3d": CrossMoSTUni3DEncoder,
}


class CrossMoSTPointModel(CrossMoSTPreTrainedModel):
    """Point tower h^P of the kind that `config.tower` names.

    Point-BERT (paper section 3.2) hangs here with its parts: sub-clouds, mini-PointNet tokens, transformer, pooled
    feature. PointNet++ and PointMLP are one `encoder` each.
    """

    config: CrossMoSTPointConfig
    base_model_prefix = "point_model"  # its name in CrossMoSTModel, so that it loads from a folder of the full model
    main_input_name = "point_values"
    input_modalities = ["point"]
    _can_record_outputs = {"hidden_states": CrossMoSTPointLayer, "attentions": CrossMoSTPointAttention}
    # Loading the tower from a folder of the full model leaves everything else out on purpose.
    _keys_to_ignore_on_load_unexpected = [*_SELF_TRAINING_KEYS, r"^(vision|text)_model\.", *_HEAD_KEYS]

    def __init__(self, config: CrossMoSTPointConfig):
        super().__init__(config)
        self.encoder: nn.Module | None = None
        if config.has_tokens:
            self.embeddings = CrossMoSTPointEmbeddings(config)
            last = max(config.num_hidden_layers - 1, 1)
            self.layers = nn.ModuleList(
                CrossMoSTPointLayer(config, config.drop_path_rate * index / last)
                for index in range(config.num_hidden_layers)
            )
            self.layernorm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        else:
            self.encoder = _ENCODERS[config.tower.split("_")[0]](config)
        self.gradient_checkpointing = False
        self.post_init()

    @property
    def tokenizer(self) -> nn.Module | None:
        """Point-BERT's mini-PointNet, which is often pre-trained and kept fixed; other towers have none."""
        return self.embeddings.tokenizer if self.encoder is None else None

    def group(self, point_values: torch.Tensor, fps_start: torch.Tensor | int = 0) -> PointGroups:
        """Group clouds (B, N, 3), with colors (B, N, 6), into the sub-clouds of this tower; see [`group_points`].

        Raises:
            ValueError: as in [`check_point_values`], or for a tower without tokens.
        """
        self._check_tokens()
        point_values = check_point_values(point_values, self.config.in_channels)
        return group_points(point_values, self.config.num_groups, self.config.group_size, fps_start)

    def _check_tokens(self) -> None:
        if not self.config.has_tokens:
            raise ValueError(f"A {self.config.tower} tower has no tokens: pass point_values, without groups or a mask.")

    @merge_with_config_defaults
    @capture_outputs(tie_last_hidden_states=False)
    def forward(
        self,
        point_values: torch.Tensor | None = None,
        groups: PointGroups | None = None,
        fps_start: torch.Tensor | int = 0,
        bool_masked_pos: torch.Tensor | None = None,
        mask_token: torch.Tensor | None = None,
        dropout_noise: torch.Tensor | None = None,
        **kwargs,
    ) -> CrossMoSTPointModelOutput:
        """Encode clouds, given as points or as groups.

        Args:
            point_values: (B, N, 3), y up, mean at the origin, largest norm 1; where `config.in_channels` is 6, also
                (B, N, 6) with red, green and blue in 0 .. 1.
            groups: result of [`group`], instead of `point_values`.
            fps_start: index of the first center of the grouping, one for all clouds or (B,).
            bool_masked_pos: (B, G), true where a token is replaced by `mask_token`.
            mask_token: (H_p,), the [MSK] embedding.
            dropout_noise: uniforms in [0, 1) of the shape (B, *config.dropout_shape), for Point-BERT's stochastic
                depth (one for the attention and one for the MLP of each block) or the dropout in the head of the
                others; `None` (evaluation) drops nothing.

        Returns:
            [`CrossMoSTPointModelOutput`].

        Raises:
            ValueError: if neither clouds nor groups are given, the clouds are unusable, a mask comes without a mask
                token, or groups or a mask are given to a tower without tokens.

        Example:
        ```python
        >>> import torch
        >>> from modeling_crossmost import CrossMoSTPointConfig, CrossMoSTPointModel

        >>> model = CrossMoSTPointModel(CrossMoSTPointConfig(num_hidden_layers=2)).eval()
        >>> model(point_values=torch.randn(1, 1024, 3)).pooler_output.shape
        torch.Size([1, 768])
        ```
        """
        if point_values is None and groups is None:
            raise ValueError("The point tower got no cloud: pass point_values of shape (batch, points, 3) or groups.")
        if self.encoder is not None:
            if groups is not None or bool_masked_pos is not None:
                self._check_tokens()
            assert point_values is not None  # for the type checker: there are no groups
            point_values = check_point_values(point_values, self.config.in_channels)
            pooled = self.encoder(point_values, fps_start, dropout_noise)
            return CrossMoSTPointModelOutput(pooler_output=pooled)
        if groups is None:
            assert point_values is not None  # for the type checker
            groups = self.group(point_values, fps_start)
        # Cast after grouping, since rounded coordinates would have other nearest neighbors.
        dtype = self.layernorm.weight.dtype
        groups = PointGroups(groups.neighborhoods.to(dtype), groups.centers.to(dtype))
        class_token, point_tokens, positions = self.embeddings(groups)
        tokens = point_tokens
        if bool_masked_pos is not None:
            if mask_token is None:
                raise ValueError("bool_masked_pos needs mask_token, the embedding that replaces masked tokens.")
            tokens = torch.where(bool_masked_pos.unsqueeze(-1), mask_token.to(dtype), point_tokens)
        hidden_states = torch.cat([class_token, tokens], dim=1)  # (B, 1 + G, H_p)
        for index, layer in enumerate(self.layers):
            noise = None if dropout_noise is None else dropout_noise[:, index]
            hidden_states = layer(hidden_states, positions, noise, **kwargs)
        hidden_states = self.layernorm(hidden_states)
        # All ULIP checkpoints pool the class token and the maximum; the paper mentions the class token only.
        pooled = torch.cat([hidden_states[:, 0], hidden_states[:, 1:].amax(dim=1)], dim=-1)
        return CrossMoSTPointModelOutput(
            last_hidden_state=hidden_states, pooler_output=pooled, point_tokens=point_tokens
        )


# --------------------------------------------------------------------------------------------------------------------
# Two towers with a shared classifier
# --------------------------------------------------------------------------------------------------------------------


def unit_length(features: torch.Tensor) -> torch.Tensor:
    """Divide the last axis by its Euclidean norm, in float32; the zero vector stays zero."""
    return nn.functional.normalize(features.float(), dim=-1)


class _LowPrecisionQuickGELU(torch.autograd.Function):
    """QuickGELU whose backward pass has no factors, which cancel: one pass over memory and one rounding, not three."""

    @staticmethod
    def forward(context, features: torch.Tensor) -> torch.Tensor:
        scaled = 1.702 * features
        context.save_for_backward(scaled)
        return nn.functional.silu(scaled).div_(1.702)

    @staticmethod
    def backward(context, gradient: torch.Tensor) -> torch.Tensor:
        return torch.ops.aten.silu_backward(gradient, *context.saved_tensors)


class QuickGELU(nn.Module):
    """CLIP's activation x sigmoid(1.702 x), written so that training keeps two tensors of its size and not three.

    Written out, x, the sigmoid and the product stay until the backward pass: in ViT-B/16, a sixth of all activations.
    """

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Apply it elementwise."""
        if torch.is_grad_enabled() and features.dtype != torch.float32 and not torch.compiler.is_compiling():
            return _LowPrecisionQuickGELU.apply(features)
        # In place where no gradient needs what is overwritten: without gradients, a quarter less time on a CPU.
        scaled = 1.702 * features
        return nn.functional.silu(scaled, inplace=not torch.is_grad_enabled()).div_(1.702)


# Arguments that the towers know.
_TOWER_ARGUMENTS = ("output_hidden_states", "output_attentions", "interpolate_pos_encoding")


def _check_tower_arguments(given: dict[str, Any]) -> None:
    """Refuse what neither tower knows; transformers' modules would pass it on to where nobody reads it."""
    for name in given:
        if name not in _TOWER_ARGUMENTS:
            raise TypeError(f"CrossMoSTModel got the unknown argument {name!r}.")


def _check_labels(labels: torch.Tensor, objects: int, classes: int) -> None:
    """Refuse labels that do not number the classes of every object; their range is checked on the CPU only."""
    if labels.shape != (objects,) or labels.is_floating_point():
        raise ValueError(f"labels must be ({objects},) whole numbers, got {tuple(labels.shape)} of {labels.dtype}.")
    checked = labels.device.type == "cpu" and not torch.compiler.is_compiling()
    if checked and objects and not 0 <= int(labels.min()) <= int(labels.max()) < classes:
        raise ValueError(
            f"labels must lie in 0 .. {classes - 1}, got {int(labels.min())} .. {int(labels.max())}: leave objects "
            "without a label out."
        )


class CrossMoSTClassifier(nn.Linear):
    """The shared classifier Q without its scale: cosines of class and object, exact to float32 in any precision.

    A logit scale of up to 100 multiplies what autocast or TF32 would round away, so neither applies here.
    """

    def forward(self, embeds: torch.Tensor) -> torch.Tensor:
        """Unit-length embeddings (..., D) -> float32 cosines (..., C)."""
        # Neither autocast nor TF32 touches float64. Other accelerators than CUDA's have no TF32, and some no float64.
        wide = torch.float64 if embeds.device.type in ("cpu", "cuda") else torch.float32
        with torch.autocast(embeds.device.type, enabled=False):
            return nn.functional.linear(embeds.to(wide), self.weight.to(wide)).float()


class CrossMoSTModel(CrossMoSTPreTrainedModel):
    """CLIP (or SigLIP) image tower, Point-BERT tower and the classifier that they share (paper section 3.2).

    A call may pass either modality or both. A model for point clouds only has no image tower (`vision_config` is
    `None`). The rows of the classifier are initialized with text embeddings of the class names ([`set_classes`]) and
    trained from there.
    """

    config: CrossMoSTConfig

    _keys_to_ignore_on_load_unexpected = _SELF_TRAINING_KEYS
    accepts_loss_kwargs = False  # the loss is a mean, which transformers' `Trainer` averages over accumulated batches

    def __init__(self, config: CrossMoSTConfig):
        super().__init__(config)
        self._build(config)
        self.post_init()  # once, after `_build` of a subclass has added its parameters

    def _build(self, config: CrossMoSTConfig) -> None:
        labels = config.id2label or {}
        if list(labels.values()) != list(config.class_names):
            raise ValueError(
                f"id2label names {len(labels)} classes, the checkpoint has {len(config.class_names)}: load it "
                "without id2label, then choose other classes with set_classes."
            )
        # The order of construction fixes the order in which a seeded initialization draws.
        vision = config.vision_config
        self.vision_model: Any = None  # CLIPVisionModel or SiglipVisionModel
        self.visual_projection: nn.Linear | None = None
        if vision is not None:
            tower = SiglipVisionModel if is_siglip(vision) else CLIPVisionModel
            self.vision_model = tower._from_config(vision)
            if vision.hidden_act == "quick_gelu":
                for layer in self.vision_model.encoder.layers:
                    layer.mlp.activation_fn = QuickGELU()
        self.point_model = CrossMoSTPointModel._from_config(config.point_config)
        if vision is not None:
            self.visual_projection = nn.Linear(vision.hidden_size, config.projection_dim, bias=False)
        size, bias = config.point_config.pooled_size, config.point_projection_bias
        self.point_projection = nn.Linear(size, config.projection_dim, bias=bias)
        self.text_model: Any = None  # CLIPTextModel or SiglipTextModel
        self.text_projection: nn.Linear | None = None
        if (text := config.text_config) is not None:
            text_tower = SiglipTextModel if is_siglip(text) else CLIPTextModel
            self.text_model = text_tower._from_config(text)
            width = text.projection_size if is_siglip(text) else text.hidden_size  # SigLIP's tower has a linear end
            self.text_projection = nn.Linear(width, config.projection_dim, bias=False)
        self.classifier = CrossMoSTClassifier(config.projection_dim, len(config.class_names), bias=False)
        self.logit_scale = nn.Parameter(torch.tensor(float(config.logit_scale_init_value)))

    def classify(self, embeds: torch.Tensor) -> torch.Tensor:
        """Classifier Q: unit-length embeddings (..., D) -> scaled logits (..., C)."""
        return self.logit_scale.exp() * self.classifier(embeds)

    def fuse(self, image: torch.Tensor, point: torch.Tensor) -> torch.Tensor:
        """Fuse the probabilities (..., C) of views and cloud into those of both; see `config.fusion_weight`."""
        weight = self.config.fusion_weight
        if weight is None:
            return (image + point) / 2
        tiny = torch.finfo(torch.float32).tiny  # a class that one modality excludes still has a logarithm
        image, point = image.float().clamp(min=tiny).log(), point.float().clamp(min=tiny).log()
        return (weight * image + (1.0 - weight) * point).softmax(-1)

    def get_point_features(self, point_values: torch.Tensor, **kwargs) -> torch.Tensor:
        """Unit-length embeddings f^P(h^P(x)) of clouds: (B, N, 3) -> (B, D)."""
        return unit_length(self.point_projection(self.point_model(point_values=point_values, **kwargs).pooler_output))

    def get_image_features(self, pixel_values: torch.Tensor, **kwargs) -> torch.Tensor:
        """Unit-length embeddings f^I(h^I(x)) of views: (B, 3, H, W) -> (B, D).

        Raises:
            ValueError: if the model has no image tower.
        """
        vision_model, visual_projection = self._image_tower()
        return unit_length(visual_projection(vision_model(pixel_values=pixel_values, **kwargs).pooler_output))

    def _image_tower(self) -> tuple[Any, nn.Linear]:
        if self.vision_model is None or self.visual_projection is None:
            raise ValueError(
                "This model has no image tower (config.vision_config is None): pass point_values only, or build a "
                "model with CrossMoSTModel.from_backbones(clip, ...)."
            )
        return self.vision_model, self.visual_projection

    def get_text_features(self, input_ids: torch.Tensor, attention_mask: torch.Tensor | None = None) -> torch.Tensor:
        """Unit-length embeddings f^S(h^S(t)) of token ids: (B, T) -> (B, D).

        SigLIP's text tower was trained on texts of one length, whose padding it sees: they are padded here.

        Raises:
            ValueError: if the model has no text tower.
        """
        text_model, text_projection = self._text_tower()
        if is_siglip(text_model.config):
            missing = text_model.config.max_position_embeddings - input_ids.shape[1]
            input_ids = nn.functional.pad(input_ids, (0, missing), value=text_model.config.pad_token_id)
            attention_mask = None
        pooled = text_model(input_ids=input_ids, attention_mask=attention_mask).pooler_output
        return unit_length(text_projection(pooled))

    def _text_tower(self) -> tuple[Any, nn.Linear]:
        if self.text_model is None or self.text_projection is None:
            raise ValueError(
                "This model has no text tower (config.text_config is None), which class names need: build it with "
                "CrossMoSTModel.from_backbones(clip, ...), or load a checkpoint that kept its text tower."
            )
        return self.text_model, self.text_projection

    @torch.no_grad()
    def set_classes(self, names: list[str], templates: list[str] | None = None, tokenizer=None) -> "CrossMoSTModel":
        """Replace the classifier by text embeddings of class names (the paper's zero-shot initialization).

        The embeddings of a class's prompts are normalized, averaged and normalized again.

        Args:
            names: at least two class names, free text.
            templates: prompts with one `{}` each; defaults to `config.prompt_templates`.
            tokenizer: tokenizer of the text tower, `processor.tokenizer`.

        Returns:
            The model itself, with `config.class_names` and `config.prompt_templates` updated.

        Raises:
            ValueError: if there is no text tower or no tokenizer, or for unusable names or templates.
        """
        templates = list(self.config.prompt_templates if templates is None else templates)
        weight = self.embed_classes(names, templates, tokenizer)
        names = list(names)
        classifier = CrossMoSTClassifier(self.config.projection_dim, len(names), bias=False)
        self.classifier = classifier.to(device=self.logit_scale.device, dtype=self.logit_scale.dtype)
        self.classifier.weight.copy_(weight)
        self.config.class_names, self.config.prompt_templates = names, templates
        self.config.id2label = dict(enumerate(names))
        self.config.label2id = {name: index for index, name in enumerate(names)}
        return self

    @torch.no_grad()
    def embed_classes(self, names: list[str], templates: list[str] | None = None, tokenizer=None) -> torch.Tensor:
        """Return the classifier rows (C, D) that [`set_classes`] would install, of unit length.

        Leaves the model unchanged. Arguments and errors are those of [`set_classes`].
        """
        names = check_class_names(names)
        templates = check_prompt_templates(self.config.prompt_templates if templates is None else templates)
        text_model, _ = self._text_tower()
        if tokenizer is None:
            raise ValueError("Class names need the text tower's tokenizer: pass tokenizer=processor.tokenizer.")
        was_training = text_model.training
        text_model.eval()  # only this tower: train() on the whole model would unfreeze a frozen tokenizer's BatchNorm
        rows = [self._embed_prompts([t.replace("{}", name) for t in templates], tokenizer) for name in names]
        text_model.train(was_training)
        return prompt_ensemble(torch.stack(rows))

    def _embed_prompts(self, prompts: list[str], tokenizer) -> torch.Tensor:
        length = self.config.text_config.max_position_embeddings
        tokens = tokenizer(prompts, padding=True, truncation=True, max_length=length, return_tensors="pt")
        tokens = tokens.to(self.logit_scale.device)
        return self.get_text_features(tokens["input_ids"], tokens["attention_mask"])

    @can_return_tuple
    def forward(
        self,
        point_values: torch.Tensor | None = None,
        pixel_values: torch.Tensor | None = None,
        fps_start: torch.Tensor | int = 0,
        return_tower_outputs: bool = False,
        labels: torch.Tensor | None = None,
        **kwargs,
    ) -> CrossMoSTOutput:
        """Classify clouds, views, or both.

        Args:
            point_values: (B, N, 3), y up, mean at the origin, largest norm 1.
            pixel_values: (B, 3, H, W), or (B, V, 3, H, W) for several views of each object.
            fps_start: index of the first center of the point grouping; 0 makes evaluation deterministic.
            return_tower_outputs: whether to return the outputs of the towers as well (implied by
                `output_hidden_states` and `output_attentions`).
            labels: (B,) class indices; the output then has `loss`, the mean cross-entropy of the modalities given.

        Returns:
            [`CrossMoSTOutput`].

        Raises:
            ValueError: if neither modality is given, for views without an image tower, for any other shape, or for
                labels that are no class indices.
            TypeError: for an unknown argument.

        Example:
        ```python
        >>> from modeling_crossmost import CrossMoSTModel, CrossMoSTProcessor

        >>> model = CrossMoSTModel.from_pretrained("assets/crossmost-mini").eval()
        >>> processor = CrossMoSTProcessor.from_pretrained("assets/crossmost-mini")
        >>> inputs = processor(mesh="chair.glb", render_views=12)
        >>> model.config.class_names[model(**inputs).logits_per_point.argmax()]
        'chair'
        ```
        """
        _check_tower_arguments(kwargs)
        if point_values is None and pixel_values is None:
            raise ValueError("The model got neither point_values nor pixel_values: pass at least one of them.")
        output: dict[str, Any] = {}
        towers: dict[str, ModelOutput] = {}
        if point_values is not None:
            tower = self.point_model(point_values=point_values, fps_start=fps_start, **kwargs)
            embeds = unit_length(self.point_projection(tower.pooler_output))
            output.update(point_embeds=embeds, logits_per_point=self.classify(embeds))
            towers["point_model_output"] = tower
        if pixel_values is not None:
            vision_model, visual_projection = self._image_tower()
            tower = vision_model(pixel_values=self._flatten_views(pixel_values), **kwargs)
            embeds = unit_length(visual_projection(tower.pooler_output))
            embeds, logits = self.fuse_views(embeds.view(pixel_values.shape[0], -1, embeds.shape[-1]))
            output.update(image_embeds=embeds, logits_per_image=logits)
            towers["vision_model_output"] = tower
        if return_tower_outputs or kwargs.get("output_hidden_states") or kwargs.get("output_attentions"):
            output.update(towers)
        if labels is not None:
            given = [output[name] for name in ("logits_per_point", "logits_per_image") if name in output]
            for logits in given:
                _check_labels(labels, *logits.shape)
            # No label is left out in silence: -100, torch's default for that, fails on an accelerator too.
            losses = [
                nn.functional.cross_entropy(logits.float(), labels.long(), ignore_index=-(2**31)) for logits in given
            ]
            output["loss"] = torch.stack(losses).mean()
        return CrossMoSTOutput(**output)

    @staticmethod
    def _flatten_views(pixel_values: torch.Tensor) -> torch.Tensor:
        if pixel_values.dim() not in (4, 5):
            raise ValueError(
                "pixel_values must have shape (batch, 3, height, width) or (batch, views, 3, height, width), got "
                f"{tuple(pixel_values.shape)}."
            )
        return pixel_values if pixel_values.dim() == 4 else pixel_values.flatten(0, 1)

    def fuse_views(self, embeds: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Fuse unit-length view embeddings (B, V, D) to embeddings (B, D) and logits (B, C): Image* (section 4.1)."""
        # One view is already of unit length; normalizing it again would change its last bits.
        fused = embeds[:, 0] if embeds.shape[1] == 1 else unit_length(embeds.mean(dim=1))
        if self.config.image_star_from == "logits":
            return fused, self.classify(embeds).mean(dim=1)
        return fused, self.classify(fused)

    @classmethod
    def from_backbones(
        cls,
        clip: "str | CLIPModel | SiglipModel",
        point: "str | CrossMoSTPointModel | None" = None,
        class_names: list[str] | None = None,
        tokenizer=None,
        **config_fields,
    ) -> "CrossMoSTModel":
        """Build a model from a CLIP, OpenCLIP or SigLIP checkpoint and, optionally, a trained point tower.

        SigLIP has no projections behind its towers; here they begin as identities. Its logit bias, which is the same
        for all classes, is left out.

        Args:
            clip: Hub id or folder of a `CLIPModel` (such as "openai/clip-vit-base-patch16", or OpenCLIP's
                "laion/CLIP-ViT-B-32-laion2B-s34B-b79K") or a `SiglipModel` (such as "google/siglip-base-patch16-224"),
                or the model itself.
            point: Hub id or folder of a saved [`CrossMoSTPointModel`], or the model itself; by default a randomly
                initialized Point-BERT of the paper's size (64 groups of 32 points, width 384, 12 blocks). A
                [`CrossMoSTModel`] itself gives its point projection too, if it was trained in the space of `clip`.
            class_names: class names; with a `tokenizer`, the classifier is initialized from them.
            tokenizer: CLIP's tokenizer.
            config_fields: further fields of [`CrossMoSTConfig`].

        Returns:
            The model in evaluation mode. Its point projection, if it is not given, and a new point tower still have to
            be trained (`--method pretrain`).

        Raises:
            ValueError: a [`CrossMoSTModel`] of another or an unknown space, or another kind of model as `clip`.
        """
        clip = AutoModel.from_pretrained(clip) if isinstance(clip, str) else clip
        if not isinstance(clip, CLIPModel | SiglipModel):
            raise ValueError(f"clip has to be a CLIPModel or a SiglipModel, got a {type(clip).__name__}.")
        point = CrossMoSTPointModel.from_pretrained(point) if isinstance(point, str) else point
        projection: nn.Linear | None = None
        if isinstance(point, CrossMoSTModel):
            _check_space(point.config, clip)
            config_fields = {"up_axis": point.config.up_axis, **config_fields}
            projection, point = point.point_projection, point.point_model
            config_fields["point_projection_bias"] = projection.bias is not None
        if class_names is not None:
            config_fields["class_names"] = class_names
        if point is not None:
            config_fields["point_config"] = copy.deepcopy(point.config)  # the two models must not share a config
        config = CrossMoSTConfig(
            vision_config=copy.deepcopy(clip.config.vision_config),
            text_config=copy.deepcopy(clip.config.text_config),
            projection_dim=_embedding_width(clip),
            logit_scale_init_value=float(clip.logit_scale.detach()),
            **config_fields,
        )
        model = cls(config)
        for name in ("vision_model", "text_model"):
            getattr(model, name).load_state_dict(getattr(clip, name).state_dict())
        for name in ("visual_projection", "text_projection"):
            ours, theirs = getattr(model, name), getattr(clip, name, None)
            with torch.no_grad():
                ours.weight.copy_(torch.eye(len(ours.weight)) if theirs is None else theirs.weight)
        if point is not None:
            model.point_model.load_state_dict(point.state_dict())
        if projection is not None:
            model.point_projection.load_state_dict(projection.state_dict())
        if class_names is not None and tokenizer is not None:
            model.set_classes(class_names, tokenizer=tokenizer)
        return model.eval()


def is_siglip(config: Any) -> bool:
    """Return whether a configuration of a tower is one of SigLIP's."""
    return config.model_type.startswith("siglip")


def _embedding_width(clip: CLIPModel | SiglipModel) -> int:
    config: Any = clip.config
    return config.vision_config.hidden_size if isinstance(clip, SiglipModel) else config.projection_dim


def _check_space(config: CrossMoSTConfig, clip: CLIPModel | SiglipModel) -> None:
    """Refuse a CLIP model in whose space a point projection was not trained."""
    space, given = config.embedding_space, clip.config.name_or_path or "a model without a name"
    same_name = space is not None and given.rstrip("/").rsplit("/", 1)[-1] == space.rsplit("/", 1)[-1]
    if not same_name or _embedding_width(clip) != config.projection_dim:
        raise ValueError(
            f"The point projection belongs to the space of {space or 'an unknown CLIP model'} with "
            f"{config.projection_dim} dimensions, not of {given} with {_embedding_width(clip)}: pass that "
            "model, or the point tower alone (point=model.point_model), whose projection has to be trained."
        )


@torch.no_grad()
def prompt_ensemble(prompt_embeds: torch.Tensor) -> torch.Tensor:
    """Average prompt embeddings (C, T, D) to class embeddings (C, D), normalizing before and after the mean."""
    return unit_length(unit_length(prompt_embeds).mean(dim=1))


# --------------------------------------------------------------------------------------------------------------------
# Self-training
# --------------------------------------------------------------------------------------------------------------------


class CrossMoSTForSelfTraining(CrossMoSTModel):
    """[`CrossMoSTModel`] with mask tokens and the two linear decoders of masked modeling (paper section 3.2).

    Its weights are a superset of those of [`CrossMoSTModel`] under the same names, so that either class can load a
    folder saved by the other.
    """

    def _build(self, config: CrossMoSTConfig) -> None:
        if config.vision_config is None:
            raise ValueError(
                "CrossMoSTForSelfTraining needs both towers, but this model has no image tower "
                "(config.vision_config is None)."
            )
        super()._build(config)
        vision, point = config.vision_config, config.point_config
        self.image_mask_token = nn.Parameter(torch.zeros(vision.hidden_size))
        self.point_mask_token: nn.Parameter | None = None
        if point.has_tokens:
            self.point_mask_token = nn.Parameter(torch.zeros(point.hidden_size))
        self.patch_layernorm = nn.LayerNorm(vision.hidden_size, eps=vision.layer_norm_eps)
        self.pixel_decoder = nn.Linear(vision.hidden_size, vision.num_channels * vision.patch_size**2)
        self.token_decoder: nn.Linear | None = None
        if point.has_tokens:
            self.token_decoder = nn.Linear(point.hidden_size, point.hidden_size)
        self.point_local_projection: nn.Linear | None = None
        if config.point_local_projection and point.has_tokens:
            self.point_local_projection = nn.Linear(point.hidden_size, config.projection_dim, bias=False)

    def encode_masked_image(self, pixel_values: torch.Tensor, bool_masked_pos: torch.Tensor | None) -> torch.Tensor:
        """Run the image tower with some patches replaced by [MSK]: (B, 3, H, W), (B, P) -> (B, 1 + P, H_v).

        The towers have no hook for this, and transformers converts the keys of checkpoints by class name, which a
        subclass would not have. Hence this method calls the submodules in the same order as their `forward`. Without a
        mask the result is bit-identical to CLIP's `last_hidden_state`. SigLIP's has no class token, (B, P, H_v), and is
        what its last norm gets.
        """
        vision_model, _ = self._image_tower()
        embeddings = vision_model.embeddings
        patches = embeddings.patch_embedding(pixel_values.to(embeddings.patch_embedding.weight.dtype))
        patches = patches.flatten(2).transpose(1, 2)  # (B, P, H_v)
        if bool_masked_pos is not None:
            patches = torch.where(bool_masked_pos.unsqueeze(-1), self.image_mask_token, patches)
        if is_siglip(vision_model.config):
            tokens = patches + embeddings.position_embedding(embeddings.position_ids)
            return vision_model.encoder(inputs_embeds=tokens).last_hidden_state
        class_token = embeddings.class_embedding.expand(patches.shape[0], 1, -1)
        tokens = torch.cat([class_token, patches], dim=1) + embeddings.position_embedding(embeddings.position_ids)
        return vision_model.encoder(inputs_embeds=vision_model.pre_layrnorm(tokens)).last_hidden_state

    @can_return_tuple
    def forward(
        self,
        point_values: torch.Tensor | None = None,
        pixel_values: torch.Tensor | None = None,
        groups: PointGroups | None = None,
        fps_start: torch.Tensor | int = 0,
        bool_masked_pos: torch.Tensor | None = None,
        point_bool_masked_pos: torch.Tensor | None = None,
        dropout_noise: torch.Tensor | None = None,
        **kwargs,
    ) -> CrossMoSTSelfTrainingOutput:
        """Encode point-view pairs with masks; every random choice is passed as an argument.

        Args:
            point_values: (B, N, 3), y up, mean at the origin, largest norm 1.
            pixel_values: (B, 3, H, W), one view of each object.
            groups: the sub-clouds of the clouds, instead of `point_values`.
            fps_start: index of the first center of the grouping, one for all clouds or (B,).
            bool_masked_pos: (B, P), true where a patch is masked; `None` masks nothing.
            point_bool_masked_pos: (B, G), true where a sub-cloud is masked; `None` masks nothing.
            dropout_noise: uniforms in [0, 1) for the point tower's stochastic depth or dropout.

        Returns:
            [`CrossMoSTSelfTrainingOutput`], from which `training/losses.py` computes the losses.

        Raises:
            ValueError: if a modality is missing, or for labels.
            TypeError: for an unknown argument.
        """
        if "labels" in kwargs:
            raise ValueError("Self-training never sees labels: load the model as CrossMoSTModel, or leave them out.")
        _check_tower_arguments(kwargs)
        if pixel_values is None or (point_values is None and groups is None):
            raise ValueError("Self-training needs pairs: pass pixel_values and point_values (or groups).")
        vision_model, visual_projection = self._image_tower()
        image_tokens = self.encode_masked_image(pixel_values, bool_masked_pos)
        if is_siglip(vision_model.config):
            pooled = vision_model.head(vision_model.post_layernorm(image_tokens))
        else:
            pooled, image_tokens = vision_model.post_layernorm(image_tokens[:, 0]), image_tokens[:, 1:]
        image_embeds = unit_length(visual_projection(pooled))
        patch_tokens = self.patch_layernorm(image_tokens)

        point = self.point_model(
            point_values=point_values,
            groups=groups,
            fps_start=fps_start,
            bool_masked_pos=point_bool_masked_pos,
            mask_token=self.point_mask_token,
            dropout_noise=dropout_noise,
        )
        point_embeds = unit_length(self.point_projection(point.pooler_output))
        tokens: dict[str, torch.Tensor] = {}
        if self.token_decoder is not None:
            local, whole = self._point_global_local(point.last_hidden_state, point_embeds)
            decoded = self.token_decoder(point.last_hidden_state[:, 1:])
            tokens = {"token_predictions": decoded, "point_tokens": point.point_tokens}
            tokens |= {"point_local_embeds": local, "point_global_embeds": whole}
        return CrossMoSTSelfTrainingOutput(
            logits_per_point=self.classify(point_embeds),
            logits_per_image=self.classify(image_embeds),
            point_embeds=point_embeds,
            image_embeds=image_embeds,
            pixel_predictions=self.pixel_decoder(patch_tokens),
            image_local_embeds=unit_length(visual_projection(patch_tokens)),
            **tokens,
        )

    def _point_global_local(
        self, hidden_states: torch.Tensor, point_embeds: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return v (B, G, D) and the embedding (B, D) that it is aligned with, both of unit length."""
        tokens = hidden_states[:, 1:]
        if self.point_local_projection is not None:
            # The official code, unlike the paper, learns a second projection and aligns with the class token.
            return (
                unit_length(self.point_local_projection(tokens)),
                unit_length(self.point_local_projection(hidden_states[:, 0])),
            )
        # f^P expects the concatenation of class token and maximum; for a single token both are the token itself.
        return unit_length(self.point_projection(torch.cat([tokens, tokens], dim=-1))), point_embeds


__all__ = [
    "CrossMoSTForSelfTraining",
    "CrossMoSTModel",
    "CrossMoSTOutput",
    "CrossMoSTPointModel",
    "CrossMoSTPointModelOutput",
    "CrossMoSTPreTrainedModel",
    "CrossMoSTSelfTrainingOutput",
]
