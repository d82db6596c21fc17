"""The point tower (Point-BERT), the two-tower classifier, and its self-training form.

Shapes: B objects, N points, G sub-clouds of S points, V views, P patches, C classes, D embedding width,
H_p and H_v the hidden widths of the point and image towers.
"""

import copy
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from transformers import CLIPModel, CLIPTextModel, CLIPVisionModel, PreTrainedConfig
from transformers import initialization as init
from transformers.activations import ACT2FN
from transformers.modeling_layers import GradientCheckpointingLayer
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS, PreTrainedModel
from transformers.utils import ModelOutput
from transformers.utils.generic import can_return_tuple, merge_with_config_defaults
from transformers.utils.output_capturing import capture_outputs

from .configuration_crossmost import CrossMoSTConfig, CrossMoSTPointConfig, check_class_names, check_prompt_templates
from .outputs_crossmost import CrossMoSTOutput, CrossMoSTPointModelOutput, CrossMoSTSelfTrainingOutput
from .point_ops_crossmost import PointGroups, check_point_values, group_points


if TYPE_CHECKING:
    # `save_pretrained` copies the files that are named in relative imports, run or not: so the pipeline travels too.
    from .pipeline_crossmost import PointCloudClassificationPipeline  # noqa: F401


# --------------------------------------------------------------------------------------------------------------------
# Point tower
# --------------------------------------------------------------------------------------------------------------------


class CrossMoSTPointTokenizer(nn.Module):
    """Mini-PointNet of Point-BERT: a sub-cloud of S centred points becomes one token.

    Per point 3 -> d0 -> d1, maximum over the group beside every point, 2 d1 -> d2 -> token_size, maximum again.
    """

    def __init__(self, config: CrossMoSTPointConfig):
        super().__init__()
        first, pooled, second = config.tokenizer_dims
        self.first_in = nn.Linear(3, first)
        self.first_norm = nn.BatchNorm1d(first)
        self.first_out = nn.Linear(first, pooled)
        self.second_in = nn.Linear(2 * pooled, second)
        self.second_norm = nn.BatchNorm1d(second)
        self.second_out = nn.Linear(second, config.token_size)

    @staticmethod
    def _normalize(norm: nn.BatchNorm1d, features: torch.Tensor) -> torch.Tensor:
        return norm(features.flatten(0, -2)).view_as(features)

    def forward(self, neighborhoods: torch.Tensor) -> torch.Tensor:
        """(B, G, S, 3) centred neighbourhoods -> (B, G, token_size)."""
        features = self._normalize(self.first_norm, self.first_in(neighborhoods)).relu()
        features = self.first_out(features)  # (B, G, S, d1)
        pooled = features.amax(dim=2, keepdim=True)  # (B, G, 1, d1)
        # second_in of concat(pooled, features): the pooled half is the same for all S points, so it is computed once.
        pooled_weight, point_weight = self.second_in.weight.chunk(2, dim=1)
        features = features @ point_weight.T + nn.functional.linear(pooled, pooled_weight, self.second_in.bias)
        features = self._normalize(self.second_norm, features).relu()
        return self.second_out(features).amax(dim=2)


class CrossMoSTPointEmbeddings(nn.Module):
    """Tokens and positions of a grouped cloud: tokenizer, projection to H_p, class token, MLP on the centres."""

    def __init__(self, config: CrossMoSTPointConfig):
        super().__init__()
        self.tokenizer = CrossMoSTPointTokenizer(config)
        self.token_projection = nn.Linear(config.token_size, config.hidden_size)
        self.class_embedding = nn.Parameter(torch.zeros(config.hidden_size))
        self.class_position = nn.Parameter(torch.zeros(config.hidden_size))
        self.position_in = nn.Linear(3, config.position_hidden_size)
        self.position_activation = nn.GELU()
        self.position_out = nn.Linear(config.position_hidden_size, config.hidden_size)

    def forward(self, groups: PointGroups) -> tuple[torch.Tensor, torch.Tensor]:
        """Groups -> tokens (B, G, H_p) and positions (B, 1 + G, H_p), the class token's position first."""
        tokens = self.token_projection(self.tokenizer(groups.neighborhoods))
        positions = self.position_out(self.position_activation(self.position_in(groups.centers)))
        class_position = self.class_position.expand(tokens.shape[0], 1, -1)  # len() would fix the batch in an export
        return tokens, torch.cat([class_position, positions], dim=1)


def eager_attention_forward(
    module: nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    scaling: float,
    dropout: float = 0.0,
    **kwargs,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Plain attention over (B, heads, T, d); returns (B, T, heads, d) and the weights (B, heads, T, T)."""
    weights = query @ key.transpose(-1, -2) * scaling
    weights = weights.softmax(dim=-1, dtype=torch.float32).to(query.dtype)
    return (weights @ value).transpose(1, 2).contiguous(), weights


class CrossMoSTPointAttention(nn.Module):
    """Multi-head self-attention with one fused projection for query, key and value."""

    def __init__(self, config: CrossMoSTPointConfig):
        super().__init__()
        self.config = config
        self.num_heads = config.num_attention_heads
        self.head_dim = config.hidden_size // config.num_attention_heads
        self.scale = self.head_dim**-0.5
        self.is_causal = False
        self.qkv = nn.Linear(config.hidden_size, 3 * config.hidden_size, bias=config.qkv_bias)
        self.out_proj = nn.Linear(config.hidden_size, config.hidden_size)

    def forward(self, hidden_states: torch.Tensor, **kwargs) -> tuple[torch.Tensor, torch.Tensor | None]:
        """(B, T, H_p) -> the same shape, and the attention weights where the implementation gives them."""
        batch, length, width = hidden_states.shape
        qkv = self.qkv(hidden_states).view(batch, length, 3, self.num_heads, self.head_dim)
        query, key, value = qkv.permute(2, 0, 3, 1, 4).unbind(0)  # each (B, heads, T, head_dim)
        attention: Callable = ALL_ATTENTION_FUNCTIONS.get_interface(
            self.config._attn_implementation, eager_attention_forward
        )
        output, weights = attention(self, query, key, value, None, scaling=self.scale, dropout=0.0, **kwargs)
        return self.out_proj(output.reshape(batch, length, width)), weights


class CrossMoSTPointMLP(nn.Module):
    """The block's feed-forward network."""

    def __init__(self, config: CrossMoSTPointConfig):
        super().__init__()
        hidden = round(config.hidden_size * config.mlp_ratio)  # a ratio of two widths must give back the width
        self.fc1 = nn.Linear(config.hidden_size, hidden)
        self.activation_fn = ACT2FN[config.hidden_act]
        self.fc2 = nn.Linear(hidden, config.hidden_size)

    def forward(self, hidden_states: torch.Tensor) -> torch.Tensor:
        """(B, T, H_p) -> (B, T, H_p)."""
        return self.fc2(self.activation_fn(self.fc1(hidden_states)))


def drop_path(residual: torch.Tensor, rate: float, noise: torch.Tensor | None) -> torch.Tensor:
    """Stochastic depth with the randomness as an argument.

    timm's DropPath draws from the global generator, so an object's draw would depend on the batch and on the process
    that it lies in; here the caller passes uniforms keyed by object.

    Args:
        residual: (B, T, H).
        rate: probability of dropping an object's residual.
        noise: (B,) uniforms in [0, 1), or `None` for no dropping.

    Returns:
        (B, T, H), kept residuals divided by the probability of keeping.
    """
    if noise is None or rate == 0.0:
        return residual
    keep = (noise >= rate).to(residual.dtype).view(-1, 1, 1)
    return residual * keep / (1.0 - rate)


class CrossMoSTPointLayer(GradientCheckpointingLayer):
    """Pre-norm block; the position embeddings are added to its input, also to the class token (Point-BERT)."""

    def __init__(self, config: CrossMoSTPointConfig, drop_path_rate: float):
        super().__init__()
        self.layer_norm1 = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.self_attn = CrossMoSTPointAttention(config)
        self.layer_norm2 = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.mlp = CrossMoSTPointMLP(config)
        self.drop_path_rate = drop_path_rate

    def forward(
        self,
        hidden_states: torch.Tensor,
        positions: torch.Tensor,
        drop_path_noise: torch.Tensor | None = None,
        **kwargs,
    ) -> torch.Tensor:
        """(B, T, H_p) and positions of the same shape -> (B, T, H_p); `drop_path_noise` is (B, 2)."""
        first, second = (None, None) if drop_path_noise is None else drop_path_noise.unbind(-1)
        hidden_states = hidden_states + positions
        attended, _ = self.self_attn(self.layer_norm1(hidden_states), **kwargs)
        hidden_states = hidden_states + drop_path(attended, self.drop_path_rate, first)
        expanded = self.mlp(self.layer_norm2(hidden_states))
        return hidden_states + drop_path(expanded, self.drop_path_rate, second)


class CrossMoSTPreTrainedModel(PreTrainedModel):
    """Weights initialisation and loading shared by all CrossMoST models."""

    config: PreTrainedConfig  # the point tower alone has its own
    base_model_prefix = "crossmost"
    input_modalities = ["image", "point"]
    supports_gradient_checkpointing = True
    _supports_sdpa = True
    _supports_attention_backend = True
    _no_split_modules = ["CrossMoSTPointLayer", "CrossMoSTPointEmbeddings", "CLIPEncoderLayer", "CLIPVisionEmbeddings"]

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
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
                init.normal_(module.point_mask_token, std=std)


# Names of weights that a class finds in another's folder and has no use for; loading reports no others as unexpected.
_SELF_TRAINING_KEYS = [
    r"^(image|point)_mask_token$",
    r"^(patch_layernorm|pixel_decoder|token_decoder|point_local_projection)\.",
]
_HEAD_KEYS = [r"^(classifier|logit_scale$)", r"^(visual|text|point)_projection\."]


class CrossMoSTPointModel(CrossMoSTPreTrainedModel):
    """Point-BERT tower h^P (paper section 3.2): sub-clouds, mini-PointNet tokens, transformer, pooled feature."""

    config: CrossMoSTPointConfig
    base_model_prefix = "point_model"  # its name inside the composite, so that it also loads from such a folder
    main_input_name = "point_values"
    input_modalities = ["point"]
    _can_record_outputs = {"hidden_states": CrossMoSTPointLayer, "attentions": CrossMoSTPointAttention}
    # The rest of a composite's folder: whoever takes the tower out of it knows that.
    _keys_to_ignore_on_load_unexpected = [*_SELF_TRAINING_KEYS, r"^(vision|text)_model\.", *_HEAD_KEYS]

    def __init__(self, config: CrossMoSTPointConfig):
        super().__init__(config)
        self.embeddings = CrossMoSTPointEmbeddings(config)
        last = max(config.num_hidden_layers - 1, 1)
        self.layers = nn.ModuleList(
            CrossMoSTPointLayer(config, config.drop_path_rate * index / last)
            for index in range(config.num_hidden_layers)
        )
        self.layernorm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.gradient_checkpointing = False
        self.post_init()

    def group(self, point_values: torch.Tensor, fps_start: torch.Tensor | int = 0) -> PointGroups:
        """Cuts (B, N, 3) clouds into this tower's sub-clouds; see [`group_points`].

        Raises:
            ValueError: as [`check_point_values`].
        """
        check_point_values(point_values)
        return group_points(point_values, self.config.num_groups, self.config.group_size, fps_start)

    @merge_with_config_defaults
    @capture_outputs(tie_last_hidden_states=False)
    def forward(
        self,
        point_values: torch.Tensor | None = None,
        groups: PointGroups | None = None,
        fps_start: torch.Tensor | int = 0,
        bool_masked_pos: torch.Tensor | None = None,
        mask_token: torch.Tensor | None = None,
        drop_path_noise: torch.Tensor | None = None,
        **kwargs,
    ) -> CrossMoSTPointModelOutput:
        """Encodes clouds, or clouds that were grouped before.

        Args:
            point_values: (B, N, 3), y up, mean at the origin, largest norm 1.
            groups: the result of [`group`], instead of `point_values`.
            fps_start: first centre of the grouping: one index, or (B,) of them.
            bool_masked_pos: (B, G), true where a token is replaced by `mask_token`.
            mask_token: (H_p,), the [MSK] embedding.
            drop_path_noise: (B, num_hidden_layers, 2) uniforms for stochastic depth; `None` (evaluation) drops nothing.

        Returns:
            [`CrossMoSTPointModelOutput`].

        Raises:
            ValueError: neither clouds nor groups, or a mask without a mask token.

        Example:
        ```python
        >>> import torch
        >>> from modeling_crossmost import CrossMoSTPointConfig, CrossMoSTPointModel

        >>> model = CrossMoSTPointModel(CrossMoSTPointConfig(num_hidden_layers=2)).eval()
        >>> model(point_values=torch.randn(1, 1024, 3)).pooler_output.shape
        torch.Size([1, 768])
        ```
        """
        if groups is None:
            if point_values is None:
                raise ValueError("Give point_values of shape (batch, points, 3), or groups.")
            groups = self.group(point_values, fps_start)
        dtype = self.layernorm.weight.dtype
        groups = PointGroups(groups.neighborhoods.to(dtype), groups.centers.to(dtype))
        point_tokens, positions = self.embeddings(groups)
        tokens = point_tokens
        if bool_masked_pos is not None:
            if mask_token is None:
                raise ValueError("bool_masked_pos needs mask_token, the embedding that replaces masked tokens.")
            tokens = torch.where(bool_masked_pos.unsqueeze(-1), mask_token.to(dtype), point_tokens)
        class_token = self.embeddings.class_embedding.expand(tokens.shape[0], 1, -1)
        hidden_states = torch.cat([class_token, tokens], dim=1)  # (B, 1 + G, H_p)
        for index, layer in enumerate(self.layers):
            noise = None if drop_path_noise is None else drop_path_noise[:, index]
            hidden_states = layer(hidden_states, positions, noise, **kwargs)
        hidden_states = self.layernorm(hidden_states)
        # Every ULIP checkpoint pools like this; the paper's text names the class token alone.
        pooled = torch.cat([hidden_states[:, 0], hidden_states[:, 1:].amax(dim=1)], dim=-1)
        return CrossMoSTPointModelOutput(
            last_hidden_state=hidden_states, pooler_output=pooled, point_tokens=point_tokens
        )


# --------------------------------------------------------------------------------------------------------------------
# Two towers and one classifier
# --------------------------------------------------------------------------------------------------------------------


def unit_length(features: torch.Tensor) -> torch.Tensor:
    """Divides the last axis by its Euclidean norm; the zero vector stays zero."""
    return nn.functional.normalize(features, dim=-1)


class CrossMoSTModel(CrossMoSTPreTrainedModel):
    """CLIP image tower, Point-BERT tower and the classifier that they share (paper section 3.2).

    Either modality may be left out of a call; a model of clouds alone has no image tower (`vision_config` is `None`).
    The classifier's rows start as text embeddings of the class names ([`set_classes`]) and are trained afterwards.
    """

    config: CrossMoSTConfig

    _keys_to_ignore_on_load_unexpected = _SELF_TRAINING_KEYS

    def __init__(self, config: CrossMoSTConfig):
        super().__init__(config)
        self._build(config)
        self.post_init()  # once, when every parameter of the subclass stands too

    def _build(self, config: CrossMoSTConfig) -> None:
        vision = config.vision_config
        self.vision_model: CLIPVisionModel | None = None
        self.visual_projection: nn.Linear | None = None
        if vision is not None:
            self.vision_model = CLIPVisionModel._from_config(vision)
        self.point_model = CrossMoSTPointModel._from_config(config.point_config)
        if vision is not None:
            self.visual_projection = nn.Linear(vision.hidden_size, config.projection_dim, bias=False)
        self.point_projection = nn.Linear(2 * config.point_config.hidden_size, config.projection_dim, bias=False)
        self.text_model: CLIPTextModel | None = None
        self.text_projection: nn.Linear | None = None
        if config.text_config is not None:
            self.text_model = CLIPTextModel._from_config(config.text_config)
            self.text_projection = nn.Linear(config.text_config.hidden_size, config.projection_dim, bias=False)
        self.classifier = nn.Linear(config.projection_dim, len(config.class_names), bias=False)
        self.logit_scale = nn.Parameter(torch.tensor(float(config.logit_scale_init_value)))

    def classify(self, embeds: torch.Tensor) -> torch.Tensor:
        """Q(x): unit-length embeddings (..., D) -> scaled logits (..., C)."""
        return self.logit_scale.exp() * self.classifier(embeds)

    def get_point_features(self, point_values: torch.Tensor, **kwargs) -> torch.Tensor:
        """Unit-length embeddings f^P(h^P(cloud)): (B, N, 3) -> (B, D)."""
        return unit_length(self.point_projection(self.point_model(point_values=point_values, **kwargs).pooler_output))

    def get_image_features(self, pixel_values: torch.Tensor, **kwargs) -> torch.Tensor:
        """Unit-length embeddings f^I(h^I(view)): (B, 3, H, W) -> (B, D).

        Raises:
            ValueError: the model was made without an image tower.
        """
        vision_model, visual_projection = self._image_tower()
        return unit_length(visual_projection(vision_model(pixel_values=pixel_values, **kwargs).pooler_output))

    def _image_tower(self) -> tuple[CLIPVisionModel, nn.Linear]:
        if self.vision_model is None or self.visual_projection is None:
            raise ValueError(
                "This model has no image tower (config.vision_config is None): give it point_values alone, or build a "
                "model with CrossMoSTModel.from_backbones(clip, ...)."
            )
        return self.vision_model, self.visual_projection

    def get_text_features(self, input_ids: torch.Tensor, attention_mask: torch.Tensor | None = None) -> torch.Tensor:
        """Unit-length embeddings f^S(h^S(text)): (B, T) token ids -> (B, D).

        Raises:
            ValueError: the model was made without a text tower.
        """
        text_model, text_projection = self._text_tower()
        pooled = text_model(input_ids=input_ids, attention_mask=attention_mask).pooler_output
        return unit_length(text_projection(pooled))

    def _text_tower(self) -> tuple[CLIPTextModel, nn.Linear]:
        if self.text_model is None or self.text_projection is None:
            raise ValueError(
                "This model has no text tower (config.text_config is None): build it with "
                "CrossMoSTModel.from_backbones(clip, ...), or load a checkpoint that kept one, to use class names."
            )
        return self.text_model, self.text_projection

    @torch.no_grad()
    def set_classes(self, names: list[str], templates: list[str] | None = None, tokenizer=None) -> "CrossMoSTModel":
        """Makes the classifier anew from class names, the zero-shot initialisation of the paper.

        Per class: every prompt encoded, unit length each, mean, unit length.

        Args:
            names: at least two class names as free text.
            templates: prompts with one `{}`; default `config.prompt_templates`.
            tokenizer: the text tower's tokenizer, `processor.tokenizer`.

        Returns:
            The model itself; `config.class_names` and `config.prompt_templates` follow.

        Raises:
            ValueError: no text tower, no tokenizer, or unusable names or templates.
        """
        templates = list(self.config.prompt_templates if templates is None else templates)
        weight = self.embed_classes(names, templates, tokenizer)
        names = list(names)
        classifier = nn.Linear(self.config.projection_dim, len(names), bias=False)
        self.classifier = classifier.to(device=self.logit_scale.device, dtype=self.logit_scale.dtype)
        self.classifier.weight.copy_(weight)
        self.config.class_names, self.config.prompt_templates = names, templates
        self.config.id2label = dict(enumerate(names))
        self.config.label2id = {name: index for index, name in enumerate(names)}
        return self

    @torch.no_grad()
    def embed_classes(self, names: list[str], templates: list[str] | None = None, tokenizer=None) -> torch.Tensor:
        """The classifier's rows for class names, which [`set_classes`] installs: unit-length embeddings (C, D).

        Args, Raises: as [`set_classes`]; the model stays as it is.
        """
        names = check_class_names(names)
        templates = check_prompt_templates(self.config.prompt_templates if templates is None else templates)
        text_model, _ = self._text_tower()
        if tokenizer is None:
            raise ValueError("Class names need the text tower's tokenizer: pass tokenizer=processor.tokenizer.")
        was_training = text_model.training
        text_model.eval()  # the other parts keep their modes: a frozen tokenizer must not start to train
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
        **kwargs,
    ) -> CrossMoSTOutput:
        """Classifies clouds, views, or both.

        Args:
            point_values: (B, N, 3), y up, mean at the origin, largest norm 1.
            pixel_values: (B, 3, H, W), or (B, V, 3, H, W) for several views of each object.
            fps_start: first centre of the point grouping; 0 makes evaluation deterministic.
            return_tower_outputs: also return the towers' outputs (implied by `output_hidden_states`/`_attentions`).

        Returns:
            [`CrossMoSTOutput`].

        Raises:
            ValueError: neither modality, views without an image tower, or a shape that is not one of the above.

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
        if point_values is None and pixel_values is None:
            raise ValueError("Give point_values, pixel_values, or both: the model got neither.")
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
            embeds, logits = self._fuse_views(embeds.view(pixel_values.shape[0], -1, embeds.shape[-1]))
            output.update(image_embeds=embeds, logits_per_image=logits)
            towers["vision_model_output"] = tower
        if return_tower_outputs or kwargs.get("output_hidden_states") or kwargs.get("output_attentions"):
            output.update(towers)
        return CrossMoSTOutput(**output)

    @staticmethod
    def _flatten_views(pixel_values: torch.Tensor) -> torch.Tensor:
        if pixel_values.dim() not in (4, 5):
            raise ValueError(
                "pixel_values must have shape (batch, 3, height, width) or (batch, views, 3, height, width), got "
                f"{tuple(pixel_values.shape)}."
            )
        return pixel_values if pixel_values.dim() == 4 else pixel_values.flatten(0, 1)

    def _fuse_views(self, embeds: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """(B, V, D) unit-length view embeddings -> fused embeddings (B, D) and logits (B, C): Image*."""
        fused = embeds[:, 0] if embeds.shape[1] == 1 else unit_length(embeds.mean(dim=1))
        if self.config.image_star_from == "logits":
            return fused, self.classify(embeds).mean(dim=1)
        return fused, self.classify(fused)

    @classmethod
    def from_backbones(
        cls,
        clip: "str | CLIPModel",
        point: "str | CrossMoSTPointModel | None" = None,
        class_names: list[str] | None = None,
        tokenizer=None,
        **config_fields,
    ) -> "CrossMoSTModel":
        """Assembles a model from a CLIP checkpoint and, if there is one, a point tower.

        Args:
            clip: Hub id or folder of a `CLIPModel` (such as "openai/clip-vit-base-patch16"), or the model itself.
            point: folder or Hub id of a saved [`CrossMoSTPointModel`], or the model; default a new Point-BERT of the
                paper's size (64 groups of 32, 384 wide, 12 blocks).
            class_names: the classes; the classifier is made from text where `tokenizer` is given too.
            tokenizer: CLIP's tokenizer.
            config_fields: further fields of [`CrossMoSTConfig`].

        Returns:
            The assembled model. Its point projection (and a new point tower) still has to be trained (`pretrain`).
        """
        clip = CLIPModel.from_pretrained(clip) if isinstance(clip, str) else clip
        point = CrossMoSTPointModel.from_pretrained(point) if isinstance(point, str) else point
        if class_names is not None:
            config_fields["class_names"] = class_names
        if point is not None:
            config_fields["point_config"] = copy.deepcopy(point.config)  # else both would share one object
        config = CrossMoSTConfig(
            vision_config=copy.deepcopy(clip.config.vision_config),
            text_config=copy.deepcopy(clip.config.text_config),
            projection_dim=clip.visual_projection.out_features,
            logit_scale_init_value=float(clip.logit_scale.detach()),
            **config_fields,
        )
        model = cls(config)
        for name in ("vision_model", "text_model", "visual_projection", "text_projection"):
            getattr(model, name).load_state_dict(getattr(clip, name).state_dict())
        if point is not None:
            model.point_model.load_state_dict(point.state_dict())
        if class_names is not None and tokenizer is not None:
            model.set_classes(class_names, tokenizer=tokenizer)
        return model.eval()


@torch.no_grad()
def prompt_ensemble(prompt_embeds: torch.Tensor) -> torch.Tensor:
    """Class embeddings from prompt embeddings (C, T, D) -> (C, D): unit length each, mean, unit length."""
    return unit_length(unit_length(prompt_embeds).mean(dim=1))


# --------------------------------------------------------------------------------------------------------------------
# Self-training form
# --------------------------------------------------------------------------------------------------------------------


class CrossMoSTForSelfTraining(CrossMoSTModel):
    """[`CrossMoSTModel`] with mask tokens and the two linear decoders of masked modelling (section 3.2).

    Its weights are a superset of [`CrossMoSTModel`]'s under the same names, so either class reads the other's folder.
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
        self.point_mask_token = nn.Parameter(torch.zeros(point.hidden_size))
        self.patch_layernorm = nn.LayerNorm(vision.hidden_size, eps=vision.layer_norm_eps)
        self.pixel_decoder = nn.Linear(vision.hidden_size, vision.num_channels * vision.patch_size**2)
        self.token_decoder = nn.Linear(point.hidden_size, point.hidden_size)
        self.point_local_projection: nn.Linear | None = None
        if config.point_local_projection:
            self.point_local_projection = nn.Linear(point.hidden_size, config.projection_dim, bias=False)

    def encode_masked_image(self, pixel_values: torch.Tensor, bool_masked_pos: torch.Tensor | None) -> torch.Tensor:
        """Runs the CLIP tower with some patches replaced by [MSK]: (B, 3, H, W), (B, P) -> (B, 1 + P, H_v).

        `CLIPVisionModel` has no hook for this and a subclass would lose the checkpoint's key conversion, which goes by
        class name; its submodules are run here in the tower's own order. Without a mask the result is bit-equal to the
        tower's `last_hidden_state`.
        """
        vision_model, _ = self._image_tower()
        embeddings = vision_model.embeddings
        patches = embeddings.patch_embedding(pixel_values.to(embeddings.patch_embedding.weight.dtype))
        patches = patches.flatten(2).transpose(1, 2)  # (B, P, H_v)
        if bool_masked_pos is not None:
            patches = torch.where(bool_masked_pos.unsqueeze(-1), self.image_mask_token, patches)
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
        drop_path_noise: torch.Tensor | None = None,
        **kwargs,
    ) -> CrossMoSTSelfTrainingOutput:
        """One masked pass over point-view pairs; all randomness is an argument.

        Args:
            point_values: (B, N, 3) clouds, or `groups`, the same clouds cut into sub-clouds before.
            pixel_values: (B, 3, H, W), one view of each object.
            fps_start: first centre of the grouping, one index or (B,).
            bool_masked_pos: (B, P), true where a patch is masked; `None` masks nothing.
            point_bool_masked_pos: (B, G), true where a sub-cloud is masked; `None` masks nothing.
            drop_path_noise: (B, num_hidden_layers, 2) uniforms for the point tower's stochastic depth.

        Returns:
            [`CrossMoSTSelfTrainingOutput`]; the losses are in `training/losses.py`.

        Raises:
            ValueError: a modality is missing.
        """
        if pixel_values is None or (point_values is None and groups is None):
            raise ValueError("Self-training needs pairs: give pixel_values and point_values (or groups).")
        vision_model, visual_projection = self._image_tower()
        image_tokens = self.encode_masked_image(pixel_values, bool_masked_pos)
        image_embeds = unit_length(visual_projection(vision_model.post_layernorm(image_tokens[:, 0])))
        patch_tokens = self.patch_layernorm(image_tokens[:, 1:])

        point = self.point_model(
            point_values=point_values,
            groups=groups,
            fps_start=fps_start,
            bool_masked_pos=point_bool_masked_pos,
            mask_token=self.point_mask_token,
            drop_path_noise=drop_path_noise,
        )
        point_embeds = unit_length(self.point_projection(point.pooler_output))
        point_local, point_global = self._point_global_local(point.last_hidden_state, point_embeds)
        return CrossMoSTSelfTrainingOutput(
            logits_per_point=self.classify(point_embeds),
            logits_per_image=self.classify(image_embeds),
            point_embeds=point_embeds,
            image_embeds=image_embeds,
            pixel_predictions=self.pixel_decoder(patch_tokens),
            token_predictions=self.token_decoder(point.last_hidden_state[:, 1:]),
            point_tokens=point.point_tokens,
            image_local_embeds=unit_length(visual_projection(patch_tokens)),
            point_local_embeds=point_local,
            point_global_embeds=point_global,
        )

    def _point_global_local(
        self, hidden_states: torch.Tensor, point_embeds: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """v (B, G, D) and the embedding that it is aligned with (B, D), both of unit length."""
        tokens = hidden_states[:, 1:]
        if self.point_local_projection is not None:
            # Differs from the paper: the official code learns a second projection and compares with the class token.
            return (
                unit_length(self.point_local_projection(tokens)),
                unit_length(self.point_local_projection(hidden_states[:, 0])),
            )
        # f^P takes (class token, maximum over tokens); of a cloud of one token both are that token, so the halves of
        # the weight are added instead of the token being repeated.
        first, second = self.point_projection.weight.chunk(2, dim=1)
        return unit_length(tokens @ (first + second).T), point_embeds


__all__ = [
    "CrossMoSTForSelfTraining",
    "CrossMoSTModel",
    "CrossMoSTOutput",
    "CrossMoSTPointModel",
    "CrossMoSTPointModelOutput",
    "CrossMoSTPreTrainedModel",
    "CrossMoSTSelfTrainingOutput",
]
