"""Times the towers at inference: `python -m benchmarks inference [--size full] [--dtype bf16] [--compile]`.

Views and clouds per second at several batch sizes, and a whole object (its cloud and twelve views). The limit is the
time that the matrix products would take at the rate that this machine reaches for large ones.
"""

from collections.abc import Callable
from functools import partial

import torch
from torch.utils.flop_counter import FlopCounterMode

from modeling_crossmost import CrossMoSTModel

from .common import milliseconds, parse, print_table, randn
from .machine import measure_limits, write_report
from .step import CONFIGS, DTYPES, step_parser


VIEWS, BATCHES = 12, (1, 8, 64)


def calls(model: CrossMoSTModel, points: int, device: torch.device) -> dict[str, tuple[int, Callable[[], object]]]:
    """Return what is timed: objects per call, and the call."""
    size = model.config.vision_config.image_size
    made: dict[str, tuple[int, Callable[[], object]]] = {}
    for batch in BATCHES:
        views, clouds = randn(batch, 3, size, size).to(device), randn(batch, points, 3).to(device)
        made[f"image tower, batch {batch}"] = batch, partial(model.get_image_features, views)
        made[f"point tower, batch {batch}"] = batch, partial(model.get_point_features, clouds)
    views, cloud = randn(1, VIEWS, 3, size, size).to(device), randn(1, points, 3).to(device)
    made[f"object: cloud and {VIEWS} views"] = 1, partial(model, pixel_values=views, point_values=cloud)
    return made


def main(argv: list[str] | None = None) -> int:
    """Print a table of objects per second and fractions of the limit."""
    parser = step_parser(__doc__, repeats=7)
    parser.add_argument("--compile", action="store_true", help="compile both towers (torch.compile)")
    options = parse(parser, argv)
    device, dtype = options.device, DTYPES[options.dtype]
    torch.manual_seed(0)
    model = CrossMoSTModel(CONFIGS[options.size]()).to(device).eval().requires_grad_(False)
    timed = calls(model, options.points, device)
    rows: dict[str, dict[str, float]] = {}
    with torch.inference_mode(), torch.autocast(device.type, dtype=dtype, enabled=dtype != torch.float32):
        for name, (objects, call) in timed.items():
            with FlopCounterMode(display=False) as counter:
                call()
            rows[name] = {"objects": objects, "flops": counter.get_total_flops()}
        if options.compile:
            model.vision_model.compile()
            model.point_model.compile()
        for name, (_, call) in timed.items():
            rows[name]["seconds"] = milliseconds(call, options.repeats, device) / 1000
    limits = measure_limits(device, dtype)
    for row in rows.values():
        row["per_second"] = row["objects"] / row["seconds"]
        row["of_limit"] = row["flops"] / limits.matmul / row["seconds"]
    print(f"{options.size}, {options.dtype}, {limits.name}, {limits.threads} thread(s), median")
    print_table({name: f"{row['per_second']:9.1f} /s  {row['of_limit']:.2f} of limit" for name, row in rows.items()})
    write_report(options.output, limits, rows)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
