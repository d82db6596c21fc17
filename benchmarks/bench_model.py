"""Times the towers and a self-training step: `python -m benchmarks.bench_model [--size full] [--device cuda]`."""

import torch

from modeling_crossmost import CrossMoSTConfig, CrossMoSTForSelfTraining
from modeling_crossmost.data.keyed_random import object_keys
from modeling_crossmost.training.self_training import (
    EMATeacher,
    SelfTrainingArguments,
    StudentPass,
    freeze_for_self_training,
    self_training_step,
    train_mode,
)

from .common import add_device, make_parser, milliseconds, parse, print_table, randn


SMALL = {
    "vision_config": {
        "hidden_size": 128,
        "intermediate_size": 512,
        "num_hidden_layers": 4,
        "num_attention_heads": 4,
        "image_size": 64,
        "patch_size": 8,
    },
    "point_config": {
        "tokenizer_dims": (32, 64, 128),
        "token_size": 96,
        "position_hidden_size": 64,
        "hidden_size": 128,
        "num_hidden_layers": 4,
        "num_attention_heads": 4,
    },
    "projection_dim": 128,
}
CONFIGS = {"small": SMALL, "full": {}}  # full: ViT-B/16, 384-wide 12-block Point-BERT, D = 512


def make_batch(config: CrossMoSTConfig, batch: int, points: int, device: torch.device) -> dict[str, torch.Tensor]:
    """Random pairs: `points` (B, N, 3), `weak_image` and `strong_image` (B, 3, H, W)."""
    size = config.vision_config.image_size
    made = {"points": randn(batch, points, 3)}
    for seed, name in enumerate(("weak_image", "strong_image"), 1):
        made[name] = randn(batch, 3, size, size, seed=seed)
    return {name: value.to(device) for name, value in made.items()}


def main(argv: list[str] | None = None) -> int:
    """Prints milliseconds per batch and objects per second."""
    parser = make_parser(__doc__, repeats=3)
    add_device(parser)
    parser.add_argument("--size", choices=CONFIGS, default="small", help="towers to build")
    parser.add_argument("--batch", type=int, default=16, help="objects per batch")
    parser.add_argument("--points", type=int, default=1024, help="points per cloud")
    options = parse(parser, argv)
    torch.manual_seed(0)
    device = options.device

    model = CrossMoSTForSelfTraining(CrossMoSTConfig(**CONFIGS[options.size])).to(device)
    unit = 2 * model.config.vision_config.patch_size
    arguments = SelfTrainingArguments(image_mask_unit=unit, confidence_threshold=0.5)
    freeze_for_self_training(model, arguments)
    teacher = EMATeacher(model)
    batch = make_batch(model.config, options.batch, options.points, device)
    keys = object_keys(0, 0, torch.arange(options.batch, device=device))

    @torch.no_grad()
    def point_tower() -> None:
        teacher.model.get_point_features(batch["points"])

    @torch.no_grad()
    def image_tower() -> None:
        teacher.model.get_image_features(batch["weak_image"])

    def training_step() -> None:
        model.zero_grad()
        self_training_step(StudentPass(model, arguments), model, teacher, batch, keys, arguments)["loss"].backward()
        teacher.update(model, 0.99)

    train_mode(model, arguments)
    parameters = sum(parameter.numel() for parameter in model.parameters())
    print(f"{options.size}, {parameters:,} parameters, {options.batch} objects of {options.points} points, {device}")
    rows = {}
    for name, function in {
        "point tower, evaluation": point_tower,
        "image tower, evaluation": image_tower,
        "training step": training_step,
    }.items():
        taken = milliseconds(function, options.repeats, device)
        rows[name] = f"{taken:8.1f} ms  {1000 * options.batch / taken:8.1f} objects/s"
    print_table(rows)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
