"""Converts official checkpoints (`.pth` pickles) to `save_pretrained` folders, without executing code from the file.

    python -m modeling_crossmost.official.convert checkpoint-best.pth --output crossmost-modelnet40

| kind | file | output |
|---|---|---|
| `crossmost` | self-trained model, student or EMA teacher | `CrossMoSTForSelfTraining` with its classifier |
| `ulip` | CrossMoST's own ULIP pre-training | `CrossMoSTForSelfTraining` with a text tower, for `set_classes` |
| `ulip` | public ULIP with PointBERT | `CrossMoSTModel` with a text tower, without an image tower |
| `pointbert` | Point-BERT pre-training | `CrossMoSTPointModel` |
| `dvae` | Point-BERT tokenizer | `CrossMoSTPointModel` with only the tokenizer's weights stored |

Sizes are inferred from the tensors; options exist only for what tensors do not show (heads, grouping, class names).
"""

import argparse
import os
import shutil
import sys
from pathlib import Path

from transformers import CLIPTokenizer
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

from ..feature_extraction_crossmost import CrossMoSTFeatureExtractor
from ..modeling_crossmost import CrossMoSTModel, CrossMoSTPreTrainedModel
from ..processing_crossmost import CrossMoSTProcessor
from .checkpoints import KINDS, CheckpointError, load_official_checkpoint
from .models import NO_CLASSIFIER, KeyReport, convert


def make_processor(model: CrossMoSTModel, tokenizer: str, num_points: int) -> CrossMoSTProcessor:
    """Creates the processor of a converted model, with CLIP's image processing and a separately loaded tokenizer.

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
        reason = str(error).strip().split("\n")[0].rstrip(".")
        raise CheckpointError(f"--tokenizer {tokenizer} cannot be loaded ({reason}).") from error
    if config.text_config is not None:
        words.model_max_length = config.text_config.max_position_embeddings
        if len(words) > config.text_config.vocab_size:
            raise CheckpointError(
                f"--tokenizer {tokenizer} has {len(words)} tokens, but the checkpoint's text tower knows "
                f"{config.text_config.vocab_size}: pass the tokenizer that it was trained with."
            )
    side = 224 if config.vision_config is None else config.vision_config.image_size
    images = CLIPImageProcessorPil(size={"shortest_edge": side}, crop_size={"height": side, "width": side})
    return CrossMoSTProcessor(images, CrossMoSTFeatureExtractor(config.up_axis, num_points), words)


def check_output(output: Path) -> None:
    """Raises CheckpointError where `output` exists and is not an empty folder."""
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise CheckpointError(f"--output {output} already exists: name a new folder.")


def write_atomically(
    model: CrossMoSTPreTrainedModel,
    output: str | os.PathLike,
    processor: CrossMoSTProcessor | None = None,
    prefix: str = "",
) -> None:
    """Saves into a folder beside `output` and renames it, so that a failure leaves nothing half-written.

    Args:
        model: what to save.
        output: a folder that does not exist or is empty.
        processor: saved beside the model.
        prefix: save only the weights whose names begin with it.

    Raises:
        CheckpointError: `output` exists and is not empty.
    """
    output = Path(output)
    check_output(output)
    output.parent.mkdir(parents=True, exist_ok=True)
    temporary = output.with_name(f".{output.name}.{os.getpid()}.tmp")
    try:
        part = {name: tensor for name, tensor in model.state_dict().items() if name.startswith(prefix)}
        model.save_pretrained(temporary, state_dict=part)
        if processor is not None:
            processor.save_pretrained(temporary)
        if output.is_dir():
            output.rmdir()
        os.replace(temporary, output)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


class _OneSentenceParser(argparse.ArgumentParser):
    """argparse prints its usage with every error; one sentence is enough."""

    def error(self, message: str):
        self.exit(2, f"error: {message}\n")


def _parse_arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = _OneSentenceParser(
        prog="python -m modeling_crossmost.official.convert", description=__doc__.split("\n")[0]
    )
    parser.add_argument("checkpoint", help="official .pth or .pt file")
    parser.add_argument("--output", required=True, help="new folder for save_pretrained")
    parser.add_argument("--kind", choices=(*KINDS, "auto"), default="auto", help="what the file has to be")
    parser.add_argument("--weights", choices=("model", "model_ema"), help="crossmost: student (default) or EMA teacher")
    parser.add_argument("--image-heads", type=int, help="attention heads of the image tower (default: width / 64)")
    parser.add_argument("--point-heads", type=int, help="attention heads of the point tower (default: width / 64)")
    parser.add_argument("--point-groups", type=int, help="sub-clouds per object (default: 64; public ULIP: 512)")
    parser.add_argument("--group-size", type=int, help="points per sub-cloud (default: 32)")
    parser.add_argument("--image-size", type=int, help="side of the views in pixels, checked against the file")
    parser.add_argument(
        "--class-names",
        type=lambda text: [n.strip() for n in text.split(",")],
        help="a,b,c; of a classifier in the file, in its label order",
    )
    parser.add_argument(
        "--tokenizer",
        help="Hub id or folder of CLIP's tokenizer: also saves a processor and, for ulip, makes the classifier",
    )
    parser.add_argument("--num-points", type=int, default=8192, help="points per object, of the processor")
    return parser.parse_args(argv)


def _convert_file(arguments: argparse.Namespace) -> tuple[CrossMoSTPreTrainedModel, KeyReport]:
    """Everything between the parsed command line and the report.

    Raises:
        ValueError: anything about the file or the options that is wrong.
        OSError: the folder cannot be written.
    """
    check_output(Path(arguments.output))  # before minutes of reading
    model, report = convert(
        load_official_checkpoint(arguments.checkpoint),
        arguments.kind,
        weights=arguments.weights,
        image_heads=arguments.image_heads,
        point_heads=arguments.point_heads,
        point_groups=arguments.point_groups,
        group_size=arguments.group_size,
        image_size=arguments.image_size,
        class_names=arguments.class_names,
    )
    processor = None
    if arguments.tokenizer is not None:
        if not isinstance(model, CrossMoSTModel):
            raise CheckpointError("--tokenizer needs a file with a whole model; this one holds a point tower or less.")
        processor = make_processor(model, arguments.tokenizer, arguments.num_points)
        if NO_CLASSIFIER in report.warnings and arguments.class_names is not None:
            model.set_classes(arguments.class_names, tokenizer=processor.tokenizer)
            report.warnings.remove(NO_CLASSIFIER)
    write_atomically(model, arguments.output, processor, report.stored_prefix)
    return model, report


def main(argv: list[str] | None = None) -> int:
    """Command line; returns the exit code (2 with one sentence on stderr for anything that is wrong)."""
    arguments = _parse_arguments(argv)
    try:
        model, report = _convert_file(arguments)
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"error: --output {arguments.output} cannot be written ({error.strerror}).", file=sys.stderr)
        return 2
    for warning in report.warnings:
        print(f"warning: {warning}", file=sys.stderr)
    print(f"missing: {', '.join(report.missing) or 'none'}")
    print(f"unexpected: {', '.join(report.unexpected) or 'none'}")
    point = getattr(model.config, "point_config", model.config)
    count = sum(p.numel() for n, p in model.named_parameters() if n.startswith(report.stored_prefix))
    print(f"grouping: {point.num_groups} sub-clouds of {point.group_size} points, which no tensor shows")
    print(f"wrote {arguments.output} ({type(model).__name__}, {count:,} parameters)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
