"""Times distances of clouds, forward and backward: `python -m benchmarks distances [--device cuda]`.

Beside the time stands the largest difference from the exact earth mover's distance, as a fraction of it.
"""

import torch

from modeling_crossmost.training.distances import POINT_DISTANCES, earth_movers_distance
from modeling_crossmost.training.losses import unit_box

from .common import add_device, make_parser, milliseconds, parse, randn
from .machine import write_figures


CLOUDS, POINTS = 32, 1024
LIMIT_MS = 4000.0  # of the exact one on two CPU cores


def main(argv: list[str] | None = None) -> int:
    """Print a table; return 1 where the exact distance takes longer than its limit on a CPU."""
    parser = make_parser(__doc__, repeats=1)
    add_device(parser)
    parser.add_argument("--batch", type=int, default=CLOUDS, help="pairs of clouds (%(default)s)")
    parser.add_argument("--points", type=int, default=POINTS, help="points per cloud (%(default)s)")
    options = parse(parser, argv)
    device, figures = options.device, {}
    sizes = (options.batch, options.points, 3)
    first = unit_box(randn(*sizes)).to(device).requires_grad_()
    second = unit_box(randn(*sizes, seed=1) * torch.tensor([1.0, 0.5, 0.8])).to(device)
    exact = earth_movers_distance(first, second).detach()
    # Sinkhorn's iterations are meant for an accelerator: half a minute of a core for two pairs.
    few = 2 if device.type == "cpu" else options.batch
    print(f"clouds of {options.points} points, forward and backward ({device}, median)")
    for name, distance in POINT_DISTANCES.items():
        pairs = few if name == "sinkhorn" else options.batch
        a, b = first[:pairs], second[:pairs]
        elapsed = milliseconds(lambda d=distance, a=a, b=b: d(a, b).sum().backward(), options.repeats, device)
        with torch.no_grad():
            difference = float(((distance(a, b) - exact[:pairs]).abs() / exact[:pairs]).max())
        figures[name] = {"pairs": pairs, "milliseconds": elapsed, "largest_relative_difference": difference}
        print(f"{name:>10}  {pairs:3} pairs  {elapsed:9.1f} ms  difference {difference:.4f}")
    write_figures(options.output, figures, device)
    full = (options.batch, options.points) == (CLOUDS, POINTS) and device.type == "cpu"
    if full and figures["emd"]["milliseconds"] > LIMIT_MS:
        print(f"the exact distance should take at most {LIMIT_MS:.0f} ms")
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
