"""Parts of a data set on engines that people already run: tasks of Ray, and job arrays of Slurm through datatrove.

A part is `write_part` of one rank, as under `--rank`, so the bytes do not depend on the engine. Slurm's arrays are
datatrove's. Its executor for Ray runs the steps in a pool of processes of every worker, which waits forever for one of
them that was killed; Ray begins its own tasks again, so these are used there. [`MakePart`] is a step of datatrove's all
the same, for pipelines of one's own.
"""

from __future__ import annotations

import argparse
import copy
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from modeling_crossmost.utils.extras import importing
from modeling_crossmost.utils.machine import environment_with_packages

from .addresses import reason_of


with importing("scale"):
    from datatrove.executor.slurm import SlurmPipelineExecutor
    from datatrove.pipeline.base import PipelineStep

Prepare = Callable[[argparse.Namespace], Any]

RETRIES = 100  # of a part whose process dies: each death lists an object that kills, or costs one shard


class MakePart(PipelineStep):
    """Make the part of a data set that belongs to a task; what comes from steps before is passed on.

    Args:
        make_part: Makes the part of one rank.
        options: Of the command line, with absolute paths.
    """

    name = "Point-view pairs"
    type = "WRITER"

    def __init__(self, make_part: Prepare, options: argparse.Namespace):
        super().__init__()
        self.make_part, self.options = make_part, options

    def run(self, data: Any = None, rank: int = 0, world_size: int = 1) -> Iterator[Any]:
        """Make part `rank` of `world_size`."""
        yield from data or ()
        self.make_part(part_options(self.options, rank, world_size))


def assemble(
    prepare: Prepare, options: argparse.Namespace, data: Any = None, rank: int = 0, world_size: int = 1
) -> None:
    """Put the parts together, and make what is missing: the only step of a pipeline of one task."""
    prepare(options)


def part_options(options: argparse.Namespace, rank: int, world_size: int) -> argparse.Namespace:
    """Return the options of one part, which one process makes."""
    mine = alone(options)
    mine.rank, mine.world_size, mine.num_proc = rank, world_size, 1
    return mine


def alone(options: argparse.Namespace) -> argparse.Namespace:
    """Return the options without an engine."""
    mine = copy.copy(options)
    mine.executor, mine.tasks, mine.executor_option = "local", None, None
    return mine


def on_ray(options: argparse.Namespace, make_part: Prepare, progress: Callable[..., Any]) -> None:
    """Make all parts as tasks of the Ray cluster that `RAY_ADDRESS` names, or of one on this machine.

    A task whose process dies is begun again, and goes on with the shards that it lacks.

    Args:
        options: Of the command line; `tasks` parts, by default four for every CPU of the cluster.
        make_part: Makes the part of one rank.
        progress: Makes a progress bar, for example `tqdm.tqdm`.

    Raises:
        ValueError: As `write_part`, of whichever part fails first, or an option that Ray does not take.
        OSError: The cluster is lost.
    """
    with importing("scale"):
        import ray

    packages = {"PYTHONPATH": environment_with_packages()["PYTHONPATH"], "OMP_NUM_THREADS": "1"}
    here = ray.is_initialized()
    if not here:
        ray.init(runtime_env={"env_vars": packages}, log_to_driver=False, include_dashboard=False)
    try:
        cores = ray.cluster_resources().get("CPU", 1)
        count = options.tasks or 4 * max(int(cores), 1)
        task = _task(ray, _typed(options.executor_option), cores)
        waiting = [task.remote(make_part, part_options(options, rank, count)) for rank in range(count)]
        with progress(total=count, desc="Preparing", unit=" parts") as bar:
            while waiting:
                done, waiting = ray.wait(waiting)
                ray.get(done)
                bar.update(len(done))
    except ray.exceptions.RayTaskError as error:
        raise error.cause from None
    except ray.exceptions.RayError as error:
        raise OSError(f"The Ray cluster failed ({error}); the same command goes on.") from None
    finally:
        if not here:
            ray.shutdown()


def _task(ray: Any, given: dict[str, Any], cores: float) -> Any:
    """Return the task of one part with the options of the command line."""
    try:
        task = ray.remote(_part_on_ray).options(**{"max_retries": RETRIES, **given})
    except (TypeError, ValueError) as error:
        raise ValueError(f"Ray refuses an --executor-option: {reason_of(error)}.") from None
    if (wanted := given.get("num_cpus", 1)) > cores:
        sys.stderr.write(
            f"A task asks for {wanted} CPUs, and the cluster has {cores:g}: it waits until there are more.\n"
        )
    return task


_kept: dict[str, Any] = {}  # of this process, which Ray never shares among commands


def _part_on_ray(make_part: Callable[..., Any], options: argparse.Namespace) -> None:
    make_part(options, _kept)


def on_slurm(
    options: argparse.Namespace, make_part: Prepare, prepare: Prepare, logs: Path, name: str
) -> tuple[str, str]:
    """Submit an array of `tasks` parts, and a job behind it that puts them together.

    Args:
        options: Of the command line; `executor_option` needs `partition` and `time`, and may hold any other argument of
            datatrove's `SlurmPipelineExecutor`.
        make_part: Makes the part of one rank.
        prepare: Makes the data set.
        logs: Folder for datatrove's own files, seen by all nodes.
        name: Of the jobs.

    Returns:
        The numbers of the array's job and of the last one.

    Raises:
        ValueError: A missing or unknown option, or no `sbatch` that takes the jobs.
    """
    if not options.tasks:
        raise ValueError("--executor slurm needs --tasks, the number of parts.")
    # Which shards are finished is ours to know: datatrove's own notes do not see that files changed.
    given = {"qos": "", "skip_completed": False, **_typed(options.executor_option)}
    for needed in ("partition", "time"):
        if needed not in given:
            raise ValueError(f"--executor slurm needs --executor-option {needed}=..., as sbatch does.")
    whole = alone(options)
    whole.num_proc = given.get("cpus_per_task", 1)
    if sys.prefix != sys.base_prefix:
        given.setdefault("venv_path", os.path.join(sys.prefix, "bin", "activate"))
    try:
        parts = SlurmPipelineExecutor(
            [MakePart(make_part, options)], options.tasks, job_name=name, logging_dir=str(logs / "parts"), **given
        )
        last = SlurmPipelineExecutor(
            [partial(assemble, prepare, whole)],
            1,
            job_name=f"{name}-assemble",
            logging_dir=str(logs / "assemble"),
            depends=parts,
            run_on_dependency_fail=True,  # what dead tasks did not make, it makes itself
            **given,
        )
        last.run()
    except TypeError as error:
        raise ValueError(f"datatrove's executor for Slurm refuses the options: {error}.") from None
    except FileNotFoundError as error:
        raise ValueError(f"--executor slurm needs {error.filename!r}: run it where jobs are submitted.") from None
    except subprocess.CalledProcessError as error:
        raise ValueError(f"sbatch refused the job (exit code {error.returncode}): what it said stands above.") from None
    return str(parts.job_id), str(last.job_id)


def _typed(pairs: list[str] | None) -> dict[str, Any]:
    """Read NAME=VALUE options; numbers become numbers.

    Raises:
        ValueError: Not of that form.
    """
    found: dict[str, Any] = {}
    for pair in pairs or ():
        name, separator, value = pair.partition("=")
        if not (name and separator):
            raise ValueError(f"--executor-option takes NAME=VALUE, got {pair!r}.")
        found[name] = _number(value)
    return found


def _number(text: str) -> int | float | str:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            pass
    return text
