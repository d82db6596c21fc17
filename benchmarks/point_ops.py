"""Times farthest point sampling and grouping: `python -m benchmarks point_ops [--device cuda]`."""

from modeling_crossmost.point_ops_crossmost import farthest_point_sample, group_points

from .common import add_device, make_parser, milliseconds, parse, randn
from .machine import write_figures


# (clouds, points, centers): the size that the paper's models see, the mini model's, and a dense one.
SIZES = ((32, 8192, 64), (64, 1024, 64), (32, 8192, 512))
LIMIT_MS = 120.0  # farthest point sampling of the first size on one CPU thread


def main(argv: list[str] | None = None) -> int:
    """Print a table; return 1 where the first size takes longer than its limit on a CPU."""
    parser = make_parser(__doc__, repeats=5)
    add_device(parser)
    parser.add_argument("--group-size", type=int, default=32, help="points per sub-cloud")
    options = parse(parser, argv)
    device, repeats = options.device, options.repeats
    too_slow, figures = False, {}
    print(f"{'clouds x points -> centers':>28}  {'sampling':>10}  {'grouping':>10}   ({device}, median)")
    for row, (batch, points, centers) in enumerate(SIZES):
        clouds = randn(batch, points, 3, seed=row).to(device)
        sampling = milliseconds(lambda c=clouds, g=centers: farthest_point_sample(c, g), repeats, device)
        grouping = milliseconds(lambda c=clouds, g=centers: group_points(c, g, options.group_size), repeats, device)
        name = f"{batch} x {points} -> {centers}"
        print(f"{name:>28}  {sampling:7.1f} ms  {grouping:7.1f} ms")
        figures[name] = {"sampling_milliseconds": sampling, "grouping_milliseconds": grouping}
        too_slow |= row == 0 and device.type == "cpu" and sampling > LIMIT_MS
    write_figures(options.output, figures, device)
    if too_slow:
        print(f"the first row should take at most {LIMIT_MS:.0f} ms")
    return int(too_slow)


if __name__ == "__main__":
    raise SystemExit(main())
