"""Models from the content of official checkpoint files, one function for each kind of file, and one for any."""

from collections.abc import Callable
from dataclasses import dataclass, field

import torch

from ..modeling_crossmost import CrossMoSTForSelfTraining, CrossMoSTModel, CrossMoSTPointModel, CrossMoSTPreTrainedModel
from .checkpoints import CheckpointError, OfficialWeights, official_weights, resolve_kind
from .names import convert_state_dict, our_names
from .sizes import PAPER_GROUPING, SLIP_GROUPING, has_tower, infer_config, infer_point_config, infer_tokenizer_config


NO_CLASSIFIER = (
    "A ULIP file has no classifier, so it is zero and all logits are equal: make one with model.set_classes(names, "
    "tokenizer=...), or convert with --class-names and --tokenizer."
)
NO_TEXT = "The file has no classifier and no text tower to make one from, so the classifier is zero: use point_embeds."
MIXED_SPACES = (
    "This is the public ULIP layout: text tower, projections and logit scale belong to SLIP's embedding space, and "
    "SLIP's image tower (a timm ViT) has no place in a CLIPVisionModel. The folder classifies clouds alone; never put "
    "CLIP's image tower beside this text tower or these projections. from_backbones(clip, point=FOLDER) is safe: it "
    "takes the point tower and leaves the rest."
)


@dataclass
class KeyReport:
    """What a conversion did not find and did not use.

    Attributes:
        missing: our names of the model's weights that the file has no tensor for.
        unexpected: names in the file that have no place in the model.
        warnings: what the user has to know before using the result.
        stored_prefix: weights whose names do not begin with it are not from the file, and not to be saved.
    """

    missing: list[str]
    unexpected: list[str]
    warnings: list[str] = field(default_factory=list)
    stored_prefix: str = ""


def convert_crossmost(content: dict, weights: str = "model", **options) -> tuple[CrossMoSTForSelfTraining, KeyReport]:
    """Builds our model from the content of an official `checkpoint-*.pth`.

    Args:
        content: result of [`load_official_checkpoint`].
        weights: "model" (student, what the official evaluation uses) or "model_ema" (teacher).
        options: see [`infer_config`].

    Returns:
        The model in evaluation mode and the report of unused names.

    Raises:
        CheckpointError: the file is of another kind, or lacks parameters of the model.
    """
    official = official_weights(content, "crossmost", weights)
    state = convert_state_dict(official.tensors)
    model = CrossMoSTForSelfTraining(infer_config(state, **options))
    return model, _fill(model, state, official)


def convert_ulip(
    content: dict,
    point_heads: int | None = None,
    point_groups: int | None = None,
    group_size: int | None = None,
    class_names: list[str] | None = None,
    **options,
) -> tuple[CrossMoSTModel, KeyReport]:
    """Builds our model from the content of a ULIP file, CrossMoST's own or the public one with PointBERT.

    The file has no classes: the classifier is zero until [`CrossMoSTModel.set_classes`]. Public files keep their image
    tower as a timm ViT, which a `CLIPVisionModel` cannot hold; the model then has no image tower.

    Args:
        content: result of [`load_official_checkpoint`].
        point_groups, group_size: default 64 of 32, or 512 of 32 for the public layout.
        class_names: what `config.class_names` says; default the configuration's two placeholders.
        point_heads: see [`infer_config`].
        options: `image_heads` and `image_size` of [`infer_config`].

    Returns:
        The model in evaluation mode ([`CrossMoSTForSelfTraining`] where the file has its decoders) and the report.

    Raises:
        CheckpointError: the file is of another kind, or lacks parameters of the model.
    """
    official = official_weights(content, "ulip")
    state = convert_state_dict(official.tensors)
    if "point_projection.weight" not in state or state["point_projection.weight"].dim() != 2:
        raise CheckpointError(
            "The checkpoint has no matrix pc_projection: it is not a ULIP file with a PointBERT tower."
        )
    missing: dict[str, torch.Tensor] = {}
    if "classifier.weight" not in state:
        class_names = ["object", "other"] if class_names is None else class_names
        missing["classifier.weight"] = torch.zeros(len(class_names), len(state["point_projection.weight"]))

    has_images = has_tower(state, "vision_model")
    if "visual_projection.weight" in state and not any(name.startswith("visual.") for name in official.tensors):
        raise CheckpointError(
            "The checkpoint has an image_projection but no visual.*: its image tower was cut or renamed."
        )
    groups, size = PAPER_GROUPING if has_images else SLIP_GROUPING
    config = infer_config(
        state | missing,
        point_heads=point_heads,
        point_groups=groups if point_groups is None else point_groups,
        group_size=size if group_size is None else group_size,
        class_names=class_names,
        **options,
    )
    has_decoders = "image_mask_token" in state or "point_mask_token" in state
    model = CrossMoSTForSelfTraining(config) if has_images and has_decoders else CrossMoSTModel(config)
    report = _fill(model, state | missing, official)
    report.missing.extend(missing)
    if missing:
        report.warnings.append(NO_CLASSIFIER if model.text_model is not None else NO_TEXT)
    if not has_images:
        report.warnings.append(MIXED_SPACES)
        if options:
            report.warnings.append("--image-heads and --image-size have no effect without an image tower.")
    return model, report


def convert_pointbert(content: dict, **options) -> tuple[CrossMoSTPointModel, KeyReport]:
    """Builds the point tower from the content of a Point-BERT pre-training file: its query network.

    Args:
        content: result of [`load_official_checkpoint`].
        options: see [`infer_point_config`].

    Returns:
        The tower in evaluation mode, for `CrossMoSTModel.from_backbones(clip, point=...)`, and the report.

    Raises:
        CheckpointError: the file is of another kind, or lacks parameters of the tower.
    """
    official = official_weights(content, "pointbert")
    state = convert_state_dict(official.tensors)
    model = CrossMoSTPointModel(infer_point_config(state, **options))
    return model, _fill(model, state, official)


def convert_dvae(content: dict, **options) -> tuple[CrossMoSTPointModel, KeyReport]:
    """Builds a point tower around the tokenizer of the content of a `dVAE.pth`; its transformer is untrained.

    Args:
        content: result of [`load_official_checkpoint`].
        options: see [`infer_tokenizer_config`].

    Returns:
        The tower in evaluation mode and the report, which calls everything but the tokenizer missing.

    Raises:
        CheckpointError: the file is of another kind, or lacks parameters of the tokenizer.
    """
    official = official_weights(content, "dvae")
    state = convert_state_dict(official.tensors)
    model = CrossMoSTPointModel(infer_tokenizer_config(state, **options))
    report = _fill(model, state, official, required="embeddings.tokenizer.")
    report.warnings.append(
        "A dVAE file holds the tokenizer alone: CrossMoSTPointModel.from_pretrained and from_backbones(clip, "
        "point=FOLDER) start the transformer anew, and it has to be trained (--method pretrain)."
    )
    return model, report


def _fill(
    model: CrossMoSTPreTrainedModel, state: dict[str, torch.Tensor], official: OfficialWeights, required: str = ""
) -> KeyReport:
    """Loads converted weights into a model and puts it into evaluation mode.

    Raises:
        CheckpointError: shapes do not fit, or a weight whose name begins with `required` is missing.
    """
    # A point tower alone has the names that it has inside the composite, less this prefix.
    inside = "point_model." if isinstance(model, CrossMoSTPointModel) else ""
    own = {f"{inside}{name}" for name in model.state_dict()}
    try:
        result = model.load_state_dict({n[len(inside) :]: t for n, t in state.items() if n in own}, strict=False)
    except RuntimeError as error:
        detail = str(error).strip().split("\n")[-1].strip()
        raise CheckpointError(f"The checkpoint's tensors do not fit together ({detail}).") from error
    lacking = [name for name in result.missing_keys if name.startswith(required)]
    if lacking:
        raise CheckpointError(
            f"The checkpoint lacks {len(lacking)} parameters of the model, such as {lacking[0]}: "
            f"missing {', '.join(lacking)}."
        )
    model.eval()
    unexpected = [official.names[name] for name in official.tensors if not own.issuperset(our_names(name))]
    return KeyReport(list(result.missing_keys), unexpected, stored_prefix=required)


_POINT_OPTIONS = {"point_heads", "point_groups", "group_size"}
_MODEL_OPTIONS = _POINT_OPTIONS | {"image_heads", "image_size", "class_names"}
_CONVERTERS: dict[str, tuple[Callable, set[str]]] = {
    "crossmost": (convert_crossmost, _MODEL_OPTIONS | {"weights"}),
    "ulip": (convert_ulip, _MODEL_OPTIONS),
    "dvae": (convert_dvae, _POINT_OPTIONS),
    "pointbert": (convert_pointbert, _POINT_OPTIONS),
}


def convert(content: dict, kind: str = "auto", **options) -> tuple[CrossMoSTPreTrainedModel, KeyReport]:
    """Builds our model from the content of an official file of any kind.

    Args:
        content: result of [`load_official_checkpoint`].
        kind: one of [`KINDS`], or "auto".
        options: of the command line; `None` leaves the default. Those that mean nothing for the kind are told in the
            report's warnings.

    Returns:
        The model in evaluation mode and the report of missing and unused names.

    Raises:
        CheckpointError: the file is of another or of no known kind, lacks parameters, or an option contradicts it.
    """
    kind = resolve_kind(content, kind)
    converter, known = _CONVERTERS[kind]
    given = {name: value for name, value in options.items() if value is not None}
    unused = [f"--{name.replace('_', '-')}" for name in given if name not in known]
    if "--weights" in unused and given["weights"] != "model":
        raise CheckpointError(f"--weights {given['weights']} needs a file of kind 'crossmost'; this one is {kind!r}.")
    model, report = converter(content, **{name: value for name, value in given.items() if name in known})
    if unused:
        report.warnings.append(f"{', '.join(unused)} had no effect on a file of kind {kind!r}.")
    return model, report
