"""Converts official checkpoints (`.pth` pickles) to `save_pretrained` folders, without executing code from the file.

    crossmost convert checkpoint-best.pth --output crossmost-modelnet40

| kind | file | output |
|---|---|---|
| `crossmost` | self-trained model, student or EMA teacher | `CrossMoSTForSelfTraining` with its classifier |
| `ulip` | CrossMoST's own ULIP pre-training | `CrossMoSTForSelfTraining` with a text tower, for `set_classes` |
| `ulip` | public ULIP with PointBERT | `CrossMoSTModel` with a text tower, without an image tower |
| `ulip2`, `pointllm` | Point-BERT on colored points, with OpenCLIP's towers | `CrossMoSTModel` with both towers |
| `ulip2`, `pointllm` | the same without these towers | `CrossMoSTPointModel` |
| `openshape` | OpenShape's PointBERT | `CrossMoSTModel` for clouds, without image and text towers |
| `pointbert` | Point-BERT pre-training | `CrossMoSTPointModel` |
| `pointnet2` | classifier of Pointnet_Pointnet2_pytorch, SSG or MSG without normals | `CrossMoSTPointModel` |
| `pointmlp` | classifier of pointMLP-pytorch, full or elite | `CrossMoSTPointModel` |
| `dvae` | Point-BERT tokenizer | `CrossMoSTPointModel` with only the tokenizer's weights stored |

Sizes are inferred from the tensors; options exist only for what tensors do not show (heads, grouping, class names).
"""

import os

from transformers import CLIPTokenizer
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

from ..feature_extraction_crossmost import CrossMoSTFeatureExtractor
from ..modeling_crossmost import CrossMoSTModel, CrossMoSTPreTrainedModel
from ..processing_crossmost import CrossMoSTProcessor
from ..utils.atomic import new_folder
from ..utils.command_line import first_line
from .checkpoints import CheckpointError


def make_processor(model: CrossMoSTModel, tokenizer: str, num_points: int) -> CrossMoSTProcessor:
    """Create the processor of a converted model, with CLIP's image processing and a separately loaded tokenizer.

    Args:
        model: a converted model.
        tokenizer: Hub id or folder of CLIP's tokenizer, which official files do not contain.
        num_points: number of points per object.

    Raises:
        CheckpointError: if the tokenizer cannot be loaded, or has more tokens than the vocabulary of the text tower.
    """
    config = model.config
    try:
        words = CLIPTokenizer.from_pretrained(tokenizer)
    except Exception as error:  # OSError, ValueError or what a damaged file surfaces as
        raise CheckpointError(f"--tokenizer {tokenizer} cannot be loaded ({first_line(error)}).") from error
    if config.text_config is not None:
        words.model_max_length = config.text_config.max_position_embeddings
        if len(words) > config.text_config.vocab_size:
            raise CheckpointError(
                f"--tokenizer {tokenizer} has {len(words)} tokens, but the checkpoint's text tower knows "
                f"{config.text_config.vocab_size}: pass the tokenizer that it was trained with."
            )
    side = 224 if config.vision_config is None else config.vision_config.image_size
    images = CLIPImageProcessorPil(size={"shortest_edge": side}, crop_size={"height": side, "width": side})
    return CrossMoSTProcessor(
        images,
        CrossMoSTFeatureExtractor(config.up_axis, num_points, in_channels=config.point_config.in_channels),
        words,
    )


def write_atomically(
    model: CrossMoSTPreTrainedModel,
    output: str | os.PathLike,
    processor: CrossMoSTProcessor | None = None,
    prefix: str = "",
) -> None:
    """Save a model to a new folder, leaving nothing behind on failure.

    Args:
        model: what to save.
        output: a folder that does not exist or is empty.
        processor: saved beside the model.
        prefix: save only the weights whose names start with this.

    Raises:
        ValueError: if `output` exists and is not empty, or cannot be written.
    """
    with new_folder(output) as folder:
        part = {name: tensor for name, tensor in model.state_dict().items() if name.startswith(prefix)}
        model.save_pretrained(folder, state_dict=part)
        if processor is not None:
            processor.save_pretrained(folder)
