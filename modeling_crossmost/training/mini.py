"""Makes the untrained mini model: a tokenizer learned from captions, small towers, a processor.

    python -m modeling_crossmost.training.mini --dataset outputs/mini/furniture --output outputs/mini/start

`make mini` then trains it (`recipes/mini_*.yaml`) into `assets/crossmost-mini`.
"""

import argparse
import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers
from transformers import CLIPTokenizer
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

from ..configuration_crossmost import CrossMoSTConfig
from ..data.pairs import load_pairs
from ..evaluation.prompts import PROMPT_SETS
from ..feature_extraction_crossmost import CrossMoSTFeatureExtractor
from ..hub.loading import load_model_and_processor
from ..modeling_crossmost import CrossMoSTModel
from ..processing_crossmost import CrossMoSTProcessor
from ..utils.atomic import atomic_folder, write_text
from ..utils.command_line import Parser, run_command


SPECIAL_TOKENS = {"bos_token": "<|startoftext|>", "eos_token": "<|endoftext|>", "pad_token": "<|padding|>"}
IMAGE_SIZE = 64
NUM_POINTS = 1024
CONTEXT = 28
REMOTE_CODE_KEYS = {"auto_map", "custom_pipelines"}


def train_tokenizer(captions: Iterable[str], vocab_size: int = 1600) -> CLIPTokenizer:
    """Learn CLIP's kind of byte-pair encoding from captions.

    Args:
        captions: the texts; case is ignored, as in CLIP.
        vocab_size: upper bound of entries, 512 byte symbols and three special tokens included.

    Returns:
        A `CLIPTokenizer` with begin, end and padding tokens of its own.
    """
    words = Tokenizer(models.BPE(end_of_word_suffix="</w>", continuing_subword_prefix=""))
    words.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Lowercase()])
    words.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.WhitespaceSplit(),
            pre_tokenizers.Punctuation(),
            pre_tokenizers.ByteLevel(False, use_regex=False),
        ]
    )
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size - len(SPECIAL_TOKENS) - len(alphabet),
        initial_alphabet=alphabet,
        end_of_word_suffix="</w>",
        show_progress=False,
    )
    words.train_from_iterator(captions, trainer)
    merges = _merges_of(words)
    entries = [*alphabet, *(symbol + "</w>" for symbol in alphabet), *("".join(pair) for pair in merges)]
    entries = [*dict.fromkeys(entries), *SPECIAL_TOKENS.values()]
    vocabulary = {entry: index for index, entry in enumerate(entries)}
    return CLIPTokenizer(
        vocab=vocabulary,
        merges=merges,  # type: ignore[arg-type] # annotated as strings, but handed on to `BPE`, which takes pairs
        model_max_length=CONTEXT,
        unk_token=SPECIAL_TOKENS["eos_token"],
        **SPECIAL_TOKENS,
    )


def _merges_of(words: Tokenizer) -> list[tuple[str, str]]:
    merges = json.loads(words.to_str())["model"]["merges"]
    pairs = (pair.split(" ") if isinstance(pair, str) else pair for pair in merges)
    return [(first, second) for first, second in pairs]


def mini_config(tokenizer: CLIPTokenizer, class_names: list[str]) -> CrossMoSTConfig:
    """Return the mini model's sizes: three towers of width 128 that train on two CPU cores."""
    return CrossMoSTConfig(
        vision_config={
            "hidden_size": 128,
            "intermediate_size": 512,
            "num_hidden_layers": 4,
            "num_attention_heads": 4,
            "image_size": IMAGE_SIZE,
            "patch_size": 8,
            "projection_dim": 128,
            "hidden_act": "gelu",
        },
        text_config={
            "vocab_size": len(tokenizer),
            "hidden_size": 128,
            "intermediate_size": 512,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "max_position_embeddings": CONTEXT,
            "projection_dim": 128,
            "hidden_act": "gelu",
            "bos_token_id": tokenizer.bos_token_id,
            "eos_token_id": tokenizer.eos_token_id,
            "pad_token_id": tokenizer.pad_token_id,
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
            "drop_path_rate": 0.05,
        },
        projection_dim=128,
        class_names=class_names,
        prompt_templates=list(PROMPT_SETS["paper"]),
    )


def build_mini(captions: Iterable[str], class_names: list[str], seed: int) -> tuple[CrossMoSTModel, CrossMoSTProcessor]:
    """Return the untrained mini model and its processor.

    Args:
        captions: texts for the tokenizer; class names in all prompt sets are added.
        class_names: the classes in label order.
        seed: of the initial weights.
    """
    prompts = [template.format(name) for name in class_names for set_ in PROMPT_SETS.values() for template in set_]
    tokenizer = train_tokenizer([*captions, *prompts])
    torch.manual_seed(seed)
    model = CrossMoSTModel(mini_config(tokenizer, class_names))
    # CLIP's 0.02 drowns positions in the patch embeddings of a narrow tower, which then learns much later.
    torch.nn.init.normal_(model.vision_model.embeddings.position_embedding.weight, std=0.2)
    model.set_classes(class_names, tokenizer=tokenizer)
    size = {"height": IMAGE_SIZE, "width": IMAGE_SIZE}
    images = CLIPImageProcessorPil(size={"shortest_edge": IMAGE_SIZE}, crop_size=size)
    points = CrossMoSTFeatureExtractor(up_axis="y", num_points=NUM_POINTS)
    return model, CrossMoSTProcessor(images, points, tokenizer)


def _without_remote_code(content: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in content.items() if name not in REMOTE_CODE_KEYS}


def install(trained: Path, output: Path) -> None:
    """Copy a trained model and its processor, nothing else of the run, to where the package expects the mini model.

    Args:
        trained: output folder of the last pre-training run.
        output: folder to replace, such as `assets/crossmost-mini`.
    """
    model, processor = load_model_and_processor(str(trained), CrossMoSTModel)
    with atomic_folder(output) as folder:
        model.save_pretrained(folder)
        processor.save_pretrained(folder)
        # The code lies in this repository already: neither its copies nor references to them belong there.
        for copied in folder.glob("*.py"):
            copied.unlink()
        for described in folder.glob("*.json"):
            if described.name != "tokenizer.json":
                plain = json.loads(described.read_text(), object_hook=_without_remote_code)
                write_text(described, json.dumps(plain, indent=2) + "\n")


def make_parser() -> Parser:
    """Return the command line's options."""
    command = "python -m modeling_crossmost.training.mini"
    parser = Parser(
        command,
        "Makes the untrained mini model from a data set's captions, or installs a trained one.",
        f"{command} --dataset outputs/mini/furniture --output outputs/mini/start",
    )
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--dataset", help="folder of prepared pairs with captions and named labels")
    source.add_argument("--install", help="output folder of a training run to copy to --output")
    parser.add_argument("--config", default="clean", help="configuration of the data set")
    parser.add_argument("--output", required=True, help="folder to write")
    parser.add_argument("--seed", type=int, default=0, help="seed of the initial weights")
    return parser


def run(arguments: argparse.Namespace) -> None:
    """Write the untrained model, or copy the trained one.

    Raises:
        ValueError: an unusable data set or run.
    """
    output = Path(arguments.output)
    if arguments.install:
        install(Path(arguments.install), output)
        return
    rows = load_pairs(arguments.dataset, arguments.config, "train")
    if not {"captions", "label"} <= set(rows.column_names):
        raise ValueError(f"{arguments.dataset} holds no captions or no labels: prepare furniture or shapenet55.")
    names = [name.replace("_", " ") for name in rows.features["label"].names]
    captions = [caption for captions in rows["captions"] for caption in captions]
    model, processor = build_mini(captions, names, arguments.seed)
    model.save_pretrained(output)
    processor.save_pretrained(output)


if __name__ == "__main__":
    sys.exit(run_command(make_parser(), run))
