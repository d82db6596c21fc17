"""`crossmost-prepare NAME --output DIR [options]`, or `python -m dataset_scripts ...`: makes sets of point-view pairs.

Prints the summary on standard output and progress on standard error. Exit code 0 when the data set is complete, 2 with
one sentence on standard error when it is not; a run that was interrupted goes on when the same command runs again.
"""

from __future__ import annotations

import argparse
import copy
import os
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modeling_crossmost.geometry_crossmost import FILE_AXES
from modeling_crossmost.utils.command_line import Parser, run_command
from modeling_crossmost.utils.extras import require
from modeling_crossmost.utils.machine import available_cores


if TYPE_CHECKING:
    from .builder import PairSource, Selection
    from .remote import SharedShards
    from .writing import Part, Prepared, Transfers

# Option -> the data sets that take it; the others take all data sets.
ARCHIVES = (
    *("modelnet40", "modelnet10", "modelnet40_depth", "scanobjectnn", "scanobjectnn_withbg", "scanobjectnn_hardest"),
    *("redwood", "co3d", "shapenet55"),
)
EXECUTORS = ("local", "slurm", "ray")
OPTION_OWNERS = {
    "source": (*ARCHIVES, "folder"),
    "up_axis": (*ARCHIVES, "folder"),
    "supersample": ("modelnet40", "modelnet10", "folder"),
    "config": ("modelnet40", "modelnet40_depth", "furniture"),
    "no_classes": ("folder",),
    "objects_per_class": ("furniture",),
    "test_per_class": ("furniture",),
}


def make_parser() -> Parser:
    """Return the command line's options."""
    parser = Parser(
        "crossmost-prepare",
        "Makes a data set of point-view pairs; a run that was interrupted goes on when the same command runs again.",
        "crossmost-prepare folder --source my_meshes --output pairs/mine --preview",
    )
    parser.add_argument("name", metavar="NAME", help=f"data set: {', '.join(SOURCE_MAKERS)}")
    parser.add_argument(
        "--output", required=True, help="folder of the prepared data set, or an address such as s3://bucket/pairs"
    )
    parser.add_argument("--source", help="folder or address of the archive, or of the tree of files")
    parser.add_argument("--up-axis", choices=FILE_AXES, help="axis that points up in the files (folder: y); =-y: down")
    parser.add_argument("--supersample", type=int, help="rays along a pixel's side of shaded views (2; 1 is faster)")
    parser.add_argument(
        "--no-classes", action="store_true", default=None, help="folder: names of folders are no classes; no labels"
    )
    parser.add_argument(
        "--config",
        help="this configuration only: furniture clean, scan, imbalanced, seen, medium, hard; modelnet40 medium, hard",
    )
    parser.add_argument(
        "--objects-per-class", type=int, help="furniture: train objects per class (clean 600, scan 400)"
    )
    parser.add_argument("--test-per-class", type=int, help="furniture: test objects per class (clean 20, scan 100)")
    parser.add_argument(
        "--num-points", type=int, help="points of every cloud (1024; meshes of archives 8192, HDF5 clouds 2048)"
    )
    parser.add_argument("--num-views", type=int, help="views (mesh 12, cloud 10, real frames 20; furniture 12 and 3)")
    parser.add_argument("--image-size", type=int, help="side of the views in pixels (224; furniture 64)")
    parser.add_argument("--split", nargs="+", metavar="SPLIT", help="keep these splits only")
    parser.add_argument("--holdout", type=float, default=0.0, help="share of train that goes to split holdout (0)")
    parser.add_argument("--limit", type=int, help="keep at most this many objects per split")
    parser.add_argument("--seed", type=int, default=0, help="seed of everything random (%(default)s)")
    parser.add_argument("--num-proc", type=int, default=available_cores(), help="processes (%(default)s)")
    parser.add_argument(
        "--executor", choices=EXECUTORS, default="local", help="who makes the shards: this machine, Slurm or Ray"
    )
    parser.add_argument("--tasks", type=int, metavar="N", help="parts for slurm and ray, processes for local")
    parser.add_argument(
        "--executor-option", action="append", metavar="NAME=VALUE", help="slurm: partition=cpu, time=8:00:00, ..."
    )
    parser.add_argument(
        "--rank", type=int, help="make this part of the shards only, 0 to N - 1, beside other processes"
    )
    parser.add_argument("--world-size", type=int, metavar="N", help="number of parts; without --rank all is assembled")
    parser.add_argument("--strict", action="store_true", help="fail at an object that cannot be used")
    parser.add_argument("--preview", action="store_true", help="also write a contact sheet, preview.png")
    parser.add_argument("--push-to-hub", metavar="REPO", help="upload the finished folder to this data set repository")
    return parser


def _selection(args: argparse.Namespace) -> Selection:
    from .builder import Selection
    from .sources.folder import SPLIT_FOLDERS

    given = [name for value in args.split or () for name in value.split(",") if name]
    splits = tuple(dict.fromkeys(SPLIT_FOLDERS.get(name.lower(), name) for name in given))
    return Selection(splits or None, args.holdout, args.limit)


def is_remote(path: str) -> bool:
    """Whether a path is an address of fsspec's rather than a folder."""
    return "://" in path


def _given(**options: Any) -> dict[str, Any]:
    """Return the options that are not None: the others keep the default of their source."""
    return {name: value for name, value in options.items() if value is not None}


def _common(args: argparse.Namespace) -> dict[str, Any]:
    return _given(
        num_points=args.num_points,
        num_views=args.num_views,
        image_size=args.image_size,
        seed=args.seed,
        selection=_selection(args),
    )


def _located(args: argparse.Namespace, bring: Callable[[str], str] | None = None) -> dict[str, Any]:
    """Return `_common` with the source, which `bring` makes of an address (`fetch`), and what describes its files."""
    if not args.source:
        raise ValueError(f"The data set {args.name!r} needs --source, the folder that holds its files.")
    source = os.path.expanduser(args.source)
    if is_remote(source):
        from .fetching import fetch

        source = (bring or fetch)(source)
    return {**_common(args), **_given(source=source, up_axis=args.up_axis, supersample=args.supersample)}


def _folder_sources(args: argparse.Namespace) -> list[PairSource]:
    from .fetching import outline
    from .sources.folder import FolderPairs

    return [FolderPairs(**_located(args, outline), **_given(no_classes=args.no_classes))]


def _modelnet_sources(args: argparse.Namespace) -> list[PairSource]:
    from .sources.modelnet import modelnet_sources

    return modelnet_sources(args.name, config=args.config, **_located(args))


def _scanobjectnn_sources(args: argparse.Namespace) -> list[PairSource]:
    from .sources.scanobjectnn import ScanObjectNNPairs

    return [ScanObjectNNPairs(version=args.name, **_located(args))]


def _redwood_sources(args: argparse.Namespace) -> list[PairSource]:
    from .sources.redwood import RedwoodPairs

    return [RedwoodPairs(**_located(args))]


def _co3d_sources(args: argparse.Namespace) -> list[PairSource]:
    from .sources.co3d import Co3dPairs

    return [Co3dPairs(**_located(args))]


def _shapenet_sources(args: argparse.Namespace) -> list[PairSource]:
    from .sources.shapenet import ShapeNet55Pairs

    return [ShapeNet55Pairs(**_located(args))]


def _furniture_sources(args: argparse.Namespace) -> list[PairSource]:
    from .furniture.pairs import FurniturePairs

    return [
        FurniturePairs(
            config_name=config,
            objects_per_class=args.objects_per_class,
            test_per_class=args.test_per_class,
            **_common(args),
        )
        for config in ((args.config,) if args.config else ("clean", "scan"))
    ]


SOURCE_MAKERS: dict[str, Callable[[argparse.Namespace], list[PairSource]]] = {
    "modelnet40": _modelnet_sources,
    "modelnet10": _modelnet_sources,
    "modelnet40_depth": _modelnet_sources,
    "scanobjectnn": _scanobjectnn_sources,
    "scanobjectnn_withbg": _scanobjectnn_sources,
    "scanobjectnn_hardest": _scanobjectnn_sources,
    "redwood": _redwood_sources,
    "co3d": _co3d_sources,
    "shapenet55": _shapenet_sources,
    "furniture": _furniture_sources,
    "folder": _folder_sources,
}


def make_sources(args: argparse.Namespace) -> list[PairSource]:
    """Return the sources, one per configuration, that the command line asks for.

    Raises:
        ValueError: Unknown data set, an option that it does not take, or a bad value.
    """
    if args.name not in SOURCE_MAKERS:
        raise ValueError(f"Unknown data set {args.name!r}; choose one of {', '.join(SOURCE_MAKERS)}.")
    for option, owners in OPTION_OWNERS.items():
        if args.name not in owners and getattr(args, option) is not None:
            raise ValueError(f"The data set {args.name!r} takes no --{option.replace('_', '-')}; leave it out.")
    if args.num_proc < 1:
        raise ValueError(f"The number of processes must be at least 1, got {args.num_proc}.")
    if args.tasks is not None and args.tasks < 1:
        raise ValueError(f"The number of tasks must be at least 1, got {args.tasks}.")
    if (args.rank is None) != (args.world_size is None):
        raise ValueError("--rank and --world-size belong together: --rank I --world-size N makes part I of N.")
    if args.rank is not None and args.executor != "local":
        raise ValueError(f"--rank makes one part here, and --executor {args.executor} all of them: leave one out.")
    if args.output.startswith("hf://") and (args.rank is not None or args.executor != "local"):
        raise ValueError(
            "On the Hub every shard of a part would be a commit: prepare parts to a folder that all see or to a store "
            "such as s3://, and upload the whole with --push-to-hub."
        )
    if args.executor_option and args.executor == "local":
        raise ValueError("--executor-option is for --executor slurm and ray.")
    return SOURCE_MAKERS[args.name](args)


def prepare(args: argparse.Namespace, sources: list[PairSource] | None = None) -> Prepared:
    """Make the data set that the command line asks for.

    Args:
        args: The options.
        sources: What they mean, where that was found out before: a source may take long to list.

    Raises:
        ValueError: Bad arguments or source; nothing was written then.
        OSError: Reading or writing failed; the finished part is kept for the next run.
    """
    require("data")
    sources = make_sources(args) if sources is None else sources
    output = _output(args)
    from .card import write_card
    from .preview import PREVIEW_FILE, write_preview
    from .remote import check_output, upload
    from .writing import open_plan, plan_of, write_dataset

    class_names = [source.class_names() for source in sources]
    names = [source.config_name for source in sources]
    default = "default" if "default" in names else names[-1]

    def finish(prepared: Prepared, folder: Path) -> None:
        write_card(folder, sources, prepared, default_config=default)
        if args.preview:
            write_preview(folder, prepared, class_names)

    planned = plan_of(sources, output, _strict(args))
    if args.executor == "ray":
        from .engines import on_ray

        if open_plan(planned, output):
            on_ray(with_absolute_paths(args), make_part, _progress())
    shared = _shared_shards(args)
    if shared:
        check_output(args.output)
    transfers = _transfers(args, shared, deliver=False)  # what is assembled here is uploaded whole
    prepared = write_dataset(sources, output, finish=finish, planned=planned, transfers=transfers, **_how(args))
    if prepared.reused and args.preview and not (output / PREVIEW_FILE).exists():
        write_preview(output, prepared, class_names)
    if shared:
        prepared.reused &= not upload(output, args.output)
        shared.clear()
    return prepared


def make_part(args: argparse.Namespace, kept: dict[str, Any] | None = None) -> Part:
    """Make the part of the shards that `--rank` and `--world-size` say.

    Args:
        args: The options.
        kept: Where a process that makes several parts of one run keeps their plan.

    Raises:
        ValueError, OSError: As `prepare`.
    """
    require("data")
    from .remote import is_complete
    from .writing import plan_of, write_part

    kept = {} if kept is None else kept
    output = _output(args)
    if not kept:
        kept["sources"] = make_sources(args)
        kept["planned"] = plan_of(kept["sources"], output, _strict(args))
    planned, shared = kept["planned"], _shared_shards(args)
    return write_part(
        kept["sources"],
        output,
        args.rank,
        args.world_size,
        planned=planned,
        transfers=_transfers(args, shared),
        complete=shared is not None and is_complete(args.output, planned),
        **_how(args),
    )


def _shared_shards(args: argparse.Namespace) -> SharedShards | None:
    from .remote import SharedShards

    return SharedShards(args.output) if is_remote(args.output) else None


def _transfers(args: argparse.Namespace, shared: SharedShards | None, deliver: bool = True) -> Transfers:
    """Return what source and output need that lie elsewhere."""
    from .fetching import supply
    from .writing import Transfers

    hooks: dict[str, Any] = {}
    if shared:
        hooks["gather"] = shared.gather
        if deliver:
            hooks |= {"deliver": shared.deliver, "isolated": True}
    if args.name == "folder" and is_remote(args.source):
        hooks["supply"] = lambda shards: supply(args.source, (item for shard in shards for item in shard.items))
    return Transfers(**hooks)


def submit(args: argparse.Namespace) -> str:
    """Submit the parts and their assembly to Slurm; return what to tell.

    Raises:
        ValueError, OSError: As `prepare`, or an option that is missing.
    """
    require("data")
    from .engines import on_slurm
    from .writing import open_plan, plan_of

    output = _output(args)
    planned = plan_of(make_sources(args), output, _strict(args))
    if not open_plan(planned, output):
        return f"{args.output}: found complete, nothing was submitted."
    # Where all nodes see it. A folder for every plan: jobs of another one may still have to read theirs.
    beside = Path.cwd() if is_remote(args.output) else output.parent
    logs = beside / f"{output.name}.slurm" / planned[1][:12]
    parts, last = on_slurm(with_absolute_paths(args), make_part, run, logs, f"prepare-{output.name}")
    return f"{args.output}: jobs {parts} (parts) and {last} (assembly) were submitted; their logs: {logs}."


def _output(args: argparse.Namespace) -> Path:
    """Return the folder to prepare in: of a remote output, one in the cache."""
    if is_remote(args.output):
        from .addresses import cached_folder

        return cached_folder(args.output, "outputs")
    return Path(os.path.abspath(os.path.expanduser(args.output)))


def _strict(args: argparse.Namespace) -> bool:
    # What the generator cannot make is a fault of ours: it must not pass as a skipped object.
    return args.strict or args.name == "furniture"


def _progress() -> Callable[..., Any]:
    from tqdm import tqdm

    return partial(tqdm, unit=" objects", desc="Preparing", dynamic_ncols=True)


def _how(args: argparse.Namespace) -> dict[str, Any]:
    """Return how shards are made: processes, strictness and the progress bar."""
    processes = args.num_proc if args.tasks is None or args.executor != "local" else args.tasks
    return {"num_proc": processes, "strict": _strict(args), "progress": _progress()}


def with_absolute_paths(args: argparse.Namespace) -> argparse.Namespace:
    """Return the options as another process on another machine needs them."""
    absolute = copy.copy(args)
    if not is_remote(args.output):
        absolute.output = str(_output(args))
    if args.source and not is_remote(args.source):
        absolute.source = os.path.abspath(os.path.expanduser(args.source))
    return absolute


def summary(args: argparse.Namespace, sources: Sequence[PairSource], prepared: Prepared, seconds: float) -> str:
    """Return what was made, as text: objects per split and class, remarks of the source, skipped objects, seconds."""
    from .card import count_table

    lines: list[str] = []
    for source, splits in zip(sources, prepared.splits, strict=True):
        lines += [f"{args.name}, configuration {source.config_name}:", count_table(source.class_names(), splits), ""]
    # Configurations of one archive share its remarks.
    lines += dict.fromkeys(f"{name}: {text}." for source in sources for name, text in source.remarks().items())
    if prepared.notes:
        name, sentence = prepared.notes[0]
        count = len(dict(prepared.notes))
        have = "object has" if count == 1 else "objects have"
        lines.append(f"{count} {have} notes, such as {name}: {sentence} See notes.jsonl.")
    where = "; see skipped.jsonl" if prepared.skipped else ""
    how = "found complete" if prepared.reused else f"prepared in {seconds:.1f} s"
    lines.append(f"{args.output}: {how}, {len(prepared.skipped)} objects skipped{where}.")
    return "\n".join(lines)


def push(folder: str, repo: str) -> str:
    """Upload a prepared folder as it is, card and pictures included, to the data set repository `repo`.

    Returns:
        The repository's address.

    Raises:
        ValueError: The Hub refused, or cannot be reached.
    """
    from modeling_crossmost.hub.push import HubError, push_dataset

    try:
        return push_dataset(os.path.expanduser(folder), repo)
    except HubError as error:
        how = "the same command uploads it without preparing it again"
        raise ValueError(f"The data set lies complete in {folder!r}, but {error}; {how}.") from None


def part_summary(args: argparse.Namespace, part: Part) -> str:
    """Return what became of a part, as text."""
    lines = [f"{name} was skipped: {reason}" for name, reason in part.skipped]
    complete = part.shards - part.made
    before = f", {complete} of them before" if complete else ""
    skipped = f", {len(part.skipped)} skipped" if part.skipped else ""
    lines.append(
        f"{args.output}: part {args.rank} of {args.world_size} is complete, {part.shards} shards{before}, "
        f"{part.objects} objects{skipped}. The same command without --rank and --world-size puts all parts together"
        + (", previews and uploads." if args.preview or args.push_to_hub else ".")
    )
    return "\n".join(lines)


def run(args: argparse.Namespace) -> None:
    """Make the data set, upload it where it is to be, and print what was done."""
    # Worker processes inherit it: one thread each, since there are as many processes as cores.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    start = time.monotonic()
    try:
        if args.executor == "slurm":
            print(submit(args))
            return
        if args.rank is not None:
            print(part_summary(args, make_part(args)))
            return
        require("data")
        sources = make_sources(args)
        prepared = prepare(args, sources)
    except KeyboardInterrupt:
        sys.stderr.write("Interrupted; the same command goes on where this run stopped.\n")
        raise
    print(summary(args, sources, prepared, time.monotonic() - start))
    if args.push_to_hub:
        print(f"Uploaded to {push(str(_output(args)), args.push_to_hub)}")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    return run_command(make_parser(), run, argv)


if __name__ == "__main__":
    sys.exit(main())
