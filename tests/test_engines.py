"""Parts of a data set made by ranks, Ray and Slurm: the same bytes as one process, whatever is killed meanwhile."""

import dataclasses
import json
import multiprocessing
import os
import random
import signal
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import fsspec
import numpy as np
import psutil
import pytest
from filelock import FileLock
from test_prepare import SMALL, contents, make_tree, run, write_object

from dataset_scripts import pool, writing
from dataset_scripts.prepare import main
from dataset_scripts.sources.folder import FolderPairs


ROOT = Path(__file__).resolve().parent.parent
TESTS = str(Path(__file__).resolve().parent)

pytestmark = pytest.mark.usefixtures("own_cache")


def many(root: Path, count: int = 23) -> Path:
    return make_tree(
        root / "raw", [f"{('bed', 'sofa')[i % 2]}/{('train', 'test')[i % 3 == 0]}/{i}.off" for i in range(count)]
    )


def rank(source: Path, output: Path, number: int, size: int, *options: str) -> int:
    return run(source, output, "--rank", str(number), "--world-size", str(size), *options)


def test_ranks_in_any_order_give_the_bytes_of_one_run(tmp_path, small_shards, capsys):
    source = many(tmp_path)
    assert run(source, tmp_path / "whole", "--preview") == 0
    order = list(range(7))
    random.Random(0).shuffle(order)
    for number in order:
        assert rank(source, tmp_path / "parts", number, 7, "--preview") == 0
        assert not (tmp_path / "parts").exists()
    capsys.readouterr()
    assert rank(source, tmp_path / "parts", 3, 7) == 0  # again: nothing is left to make
    assert "1 of them before" in capsys.readouterr().out
    assert run(source, tmp_path / "parts", "--preview") == 0
    assert contents(tmp_path / "parts") == contents(tmp_path / "whole")
    assert rank(source, tmp_path / "parts", 3, 7) == 0, "a part that comes late finds everything complete"
    assert not list(tmp_path.glob("parts.*"))


def test_ranks_that_died_are_made_by_the_assembly(tmp_path, small_shards, monkeypatch):
    source = many(tmp_path)
    assert run(source, tmp_path / "whole") == 0
    made = []
    write = pool.write_shard
    monkeypatch.setattr(pool, "write_shard", lambda shard, *rest: (made.append(shard.stem), write(shard, *rest))[1])
    for number in (4, 0):
        assert rank(source, tmp_path / "parts", number, 5) == 0
    before = set(made)
    assert run(source, tmp_path / "parts", "--num-proc", "1") == 0
    assert len(made) == len(set(made)), "nothing is made twice"
    assert before < set(made)
    assert contents(tmp_path / "parts") == contents(tmp_path / "whole")


def test_a_file_that_changed_makes_its_shard_anew(tmp_path, small_shards):
    source = many(tmp_path)
    for number in range(3):
        assert rank(source, tmp_path / "parts", number, 3) == 0
    make_tree(source, ["bed/test/6.off"])  # a box of other sizes
    made = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "parts.partial").glob("*.parquet")}
    assert rank(source, tmp_path / "parts", 0, 1) == 0
    after = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "parts.partial").glob("*.parquet")}
    assert sum(made[name] != after[name] for name in made) == 1
    assert run(source, tmp_path / "parts") == 0
    assert run(source, tmp_path / "whole") == 0
    assert contents(tmp_path / "parts") == contents(tmp_path / "whole")


def test_an_assembly_that_fails_keeps_what_parts_made(tmp_path, small_shards, capsys, monkeypatch):
    source = many(tmp_path)
    assert run(source, tmp_path / "whole") == 0
    assert rank(source, tmp_path / "parts", 0, 2) == 0
    work = tmp_path / "parts.partial"
    (work / "0-train-00000.json").write_text("{")  # a damaged note: the shard is made again
    before = contents(work)
    with monkeypatch.context() as patch:
        patch.setattr(writing, "_assemble", lambda *_: (_ for _ in ()).throw(ValueError("for a reason.")))
        assert run(source, tmp_path / "parts") == 2
    assert set(before) <= set(contents(work))
    assert run(source, tmp_path / "parts") == 0
    assert contents(tmp_path / "parts") == contents(tmp_path / "whole")


def test_shards_of_other_options_are_not_removed_without_a_word(tmp_path, small_shards, capsys):
    source = many(tmp_path)
    assert rank(source, tmp_path / "parts", 0, 2) == 0
    made = len(list((tmp_path / "parts.partial").glob("*.parquet")))
    capsys.readouterr()
    assert rank(source, tmp_path / "parts", 1, 2, "--seed", "3") == 0
    assert f"{made} finished shards" in capsys.readouterr().err


def test_a_damaged_note_of_a_data_set_is_named(tmp_path, capsys):
    source = many(tmp_path, 3)
    assert run(source, tmp_path / "pairs") == 0
    (tmp_path / "pairs" / "preparation.json").write_text("{")
    assert run(source, tmp_path / "pairs") == 2
    error = capsys.readouterr().err
    assert "preparation.json' is damaged" in error and "remove the folder" in error


def test_who_holds_a_part_is_told_to_others(tmp_path, small_shards, capsys):
    source = many(tmp_path)
    assert rank(source, tmp_path / "parts", 0, 2) == 0
    work = tmp_path / "parts.partial"
    with FileLock(work / ".part-1-of-2.lock"):
        assert rank(source, tmp_path / "parts", 1, 2) == 2
        assert "Part 1 of 2" in capsys.readouterr().err
        assert run(source, tmp_path / "parts") == 2
        assert "is being made by another process" in capsys.readouterr().err
        assert run(source, tmp_path / "parts", "--rank", "0", "--world-size", "2", "--seed", "1") == 2  # another plan
        assert "is being made by another process" in capsys.readouterr().err
    assert (work / "0-train-00000.parquet").exists(), "what was made is kept"
    assert run(source, tmp_path / "parts") == 0


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--rank", "0"], "belong together"),
        (["--rank", "2", "--world-size", "2"], "must lie in 0..1"),
        (["--rank", "0", "--world-size", "2", "--executor", "ray"], "leave one out"),
        (["--executor", "slurm"], "needs --tasks"),
        (["--executor", "slurm", "--tasks", "2"], "partition="),
        (["--executor", "slurm", "--tasks", "2", "--executor-option", "partition"], "NAME=VALUE"),
        (["--executor-option", "time=1"], "for --executor slurm and ray"),
        (["--tasks", "0"], "at least 1"),
    ],
)
def test_options_that_do_not_fit_are_refused(tmp_path, capsys, options, sentence):
    assert run(many(tmp_path, 3), tmp_path / "pairs", *options) == 2
    assert sentence in capsys.readouterr().err
    assert not (tmp_path / "pairs").exists()


# What kills a process


@dataclasses.dataclass(frozen=True)
class DeadlyPairs(FolderPairs):
    """A folder of which some files kill whoever reads them."""

    deadly: tuple[str, ...] = ()
    always: bool = True  # or in a pool of processes only

    def make_pair(self, item):
        in_pool = multiprocessing.parent_process() is not None
        if Path(item.path).name in self.deadly and (self.always or in_pool):
            os.kill(os.getpid(), signal.SIGKILL)
        return super().make_pair(item)


@pytest.fixture
def deadly(tmp_path, small_shards, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", TESTS)  # for the process that tries an object alone
    return DeadlyPairs(source=str(many(tmp_path)), deadly=("4.off", "5.off"), num_points=64, num_views=2, image_size=32)


def test_a_pool_survives_files_that_kill_and_lists_them(tmp_path, deadly):
    counts = []

    class Bar:
        def __init__(self, **options):
            self.total, self.n = options["total"], options["initial"]

        def update(self, count):
            self.n += count

        def close(self):
            counts.append((self.n, self.total))

    prepared = writing.write_dataset([deadly], tmp_path / "pairs", num_proc=2, progress=Bar)
    reason = "The process that reads it dies of SIGKILL."
    assert sorted(prepared.skipped) == [("bed/train/4", reason), ("sofa/train/5", reason)]
    assert counts == [(23, 23)]
    assert sum(summary.stats.rows for summary in prepared.splits[0].values()) == 21


def test_every_way_lists_the_same_deadly_files(tmp_path, deadly):
    whole = writing.write_dataset([deadly], tmp_path / "pairs", num_proc=2)
    context = multiprocessing.get_context("fork")
    for number in (1, 0):
        for _attempt in range(4):
            process = context.Process(target=writing.write_part, args=([deadly], tmp_path / "parts", number, 2))
            process.start()
            process.join()
            if process.exitcode == 0:
                break
        assert process.exitcode == 0
    parts = writing.write_dataset([deadly], tmp_path / "parts")
    assert parts == whole
    assert contents(tmp_path / "parts") == contents(tmp_path / "pairs")


def test_a_part_whose_folder_no_other_machine_sees_survives_files_that_kill(tmp_path, deadly):
    isolated = writing.Transfers(isolated=True)
    arguments = {"args": ([deadly], tmp_path / "parts", 0, 1), "kwargs": {"transfers": isolated}}
    process = multiprocessing.get_context("fork").Process(target=writing.write_part, **arguments)
    process.start()
    process.join()
    assert process.exitcode == 0
    assert len(writing.write_dataset([deadly], tmp_path / "parts").skipped) == 2


def test_an_object_whose_reader_was_killed_for_other_reasons_is_kept(tmp_path, small_shards):
    source = many(tmp_path)
    assert run(source, tmp_path / "whole") == 0
    assert rank(source, tmp_path / "parts", 0, 2) == 0
    (tmp_path / "parts.partial" / "0-train-00001.reading").write_bytes(b"%8d" % 1)
    assert run(source, tmp_path / "parts") == 0
    assert contents(tmp_path / "parts") == contents(tmp_path / "whole")


def test_processes_that_only_die_end_the_run(tmp_path, deadly):
    weak = dataclasses.replace(deadly, always=False)  # it is not the file's fault
    with pytest.raises(OSError, match="die again and again"):
        writing.write_dataset([weak], tmp_path / "pairs", num_proc=2)
    assert (tmp_path / "pairs.partial").exists(), "the next run goes on from here"


# Size


IMAGINED = """
import re, time
from dataclasses import dataclass
from dataset_scripts.builder import PairObject
from dataset_scripts.plan import data_set_key, plan_key, plan_shards
from dataset_scripts.sources.folder import FolderPairs

@dataclass(frozen=True)
class ImaginedPairs(FolderPairs):
    count: int = 0

    def class_names(self):
        return ["bed", "sofa"]

    def unusable(self):
        return []

    def objects(self):
        names = [("bed", "sofa")[number % 2] for number in range(self.count)]
        path = "/nowhere/objaverse/{}/{:07d}.glb"
        objects = [PairObject(f"{n}/{i:07d}", n, path.format(n, i)) for i, n in enumerate(names)]
        return {"train": objects}

began, source = time.monotonic(), ImaginedPairs(source="/nowhere", count=1_000_000)
shards = plan_shards([source])
data_set_key(plan_key([source], shards, False), shards)
peak = re.search(r"VmHWM:\\s*(\\d+) kB", open("/proc/self/status").read())[1]
print(len(shards), time.monotonic() - began, int(peak) / 1024)
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak of memory is read from /proc")
def test_the_plan_of_a_million_objects_is_small_and_quick():
    done = subprocess.run([sys.executable, "-c", IMAGINED], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    count, seconds, megabytes = map(float, done.stdout.split())
    assert count == -(-1_000_000 // 128)
    assert seconds < 60
    assert megabytes < 500


# Engines


def test_ray_gives_the_bytes_of_one_run(tmp_path):
    pytest.importorskip("ray")
    source = many(tmp_path)
    assert run(source, tmp_path / "whole") == 0
    # In a process of its own: a cluster starts many, and leaves threads behind.
    command = [sys.executable, "-m", "dataset_scripts", "folder", "--source", str(source), *SMALL]
    command += ["--executor", "ray", "--tasks", "5", "--output", str(tmp_path / "ray"), "--executor-option"]
    done = subprocess.run([*command, "num_cpu=1"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 2 and "Ray refuses an --executor-option" in done.stderr
    command += ["num_cpus=0.5", "--executor-option", "max_retries=3"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert contents(tmp_path / "ray") == contents(tmp_path / "whole")
    assert not list(tmp_path.glob("ray.*"))


@pytest.mark.slow
def test_ray_prepares_from_an_address_to_an_address(tmp_path, bucket):
    """Tasks share a cache here; `test_remote.py` has machines with caches of their own."""
    pytest.importorskip("ray")
    raw, source, output = many(tmp_path), f"{bucket}/ray/raw", f"{bucket}/ray/pairs"
    fsspec.filesystem("s3").put(f"{raw}/", f"{source}/", recursive=True)
    assert run(raw, tmp_path / "whole") == 0
    command = [sys.executable, "-m", "dataset_scripts", "folder", "--source", source, *SMALL]
    command += ["--executor", "ray", "--tasks", "3", "--output", output]
    environment = dict(os.environ, CROSSMOST_CACHE=str(tmp_path / "cache"))
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    system = fsspec.filesystem("s3")
    system.invalidate_cache()
    root = output.removeprefix("s3://")
    found = {name.removeprefix(f"{root}/"): system.cat_file(name) for name in system.find(root)}
    assert {**found, "preparation.json": b""} == {**contents(tmp_path / "whole"), "preparation.json": b""}
    assert not system.find(f"{root}.partial")


@pytest.mark.slow
def test_ray_survives_that_its_workers_are_killed(tmp_path):
    pytest.importorskip("ray")
    source = make_tree(tmp_path / "raw", [f"{('bed', 'sofa')[i % 2]}/{i}.off" for i in range(1500)])
    (source / "bed" / "broken.ply").write_bytes(b"ply\nnothing more")
    assert run(source, tmp_path / "whole", "--num-proc", "2") == 0
    command = [sys.executable, "-m", "dataset_scripts", "folder", "--source", str(source), *SMALL]
    command += ["--executor", "ray", "--tasks", "6", "--output", str(tmp_path / "ray")]
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL)
    killed = []

    def kill() -> None:
        rng = random.Random(0)
        while process.poll() is None and len(killed) < 6:
            time.sleep(1.0)
            workers = [
                p for p in psutil.process_iter(["cmdline"]) if "_part_on_ray" in " ".join(p.info["cmdline"] or ())
            ]
            if workers:
                victim = rng.choice(workers)
                victim.kill()
                killed.append(victim.pid)

    killer = threading.Thread(target=kill)
    killer.start()
    assert process.wait(timeout=600) == 0
    killer.join()
    assert killed
    assert contents(tmp_path / "ray") == contents(tmp_path / "whole")


SBATCH = """#!{python}
# A Slurm of one machine: runs every task of an array at once, and kills one of them half-way.
import os, re, subprocess, sys
script = sys.stdin.read() if sys.argv[-1].startswith("--") else open(sys.argv[-1]).read()
array = re.search(r"--array=0-(\\d+)", script)
log = open(os.environ["FAKE_SLURM_LOG"], "a")
number = sum(1 for _ in open(os.environ["FAKE_SLURM_LOG"])) + 1
print(number, re.search(r"--job-name=(\\S+)", script)[1], *sys.argv[1:-1], file=log, flush=True)
tasks = range(int(array[1]) + 1) if array else [0]
if "merge_stats" not in script:
    for task in tasks:
        environment = dict(os.environ, SLURM_ARRAY_TASK_ID=str(task), SLURM_NODELIST="localhost", RUN_OFFSET="0")
        if number == 1 and task == 1:
            continue  # this node is lost
        subprocess.run(["bash", "-c", script], env=environment, stdout=sys.stderr)
print("Submitted batch job", number)
"""


def test_slurm_submits_parts_and_an_assembly(tmp_path, monkeypatch, capsys):
    pytest.importorskip("datatrove")
    bin_folder = tmp_path / "bin"
    bin_folder.mkdir()
    commands = {"sbatch": SBATCH.format(python=sys.executable)}
    commands |= {"srun": '#!/bin/bash\nshift 3\nexec "$@"\n', "scontrol": "#!/bin/bash\necho localhost\n"}
    for name, text in commands.items():
        (bin_folder / name).write_text(text)
        (bin_folder / name).chmod(stat.S_IRWXU)
    monkeypatch.setenv("PATH", os.pathsep.join([str(bin_folder), str(Path(sys.executable).parent), os.environ["PATH"]]))
    monkeypatch.setenv("FAKE_SLURM_LOG", str(tmp_path / "jobs.txt"))
    (tmp_path / "jobs.txt").touch()
    source = many(tmp_path)
    assert run(source, tmp_path / "whole") == 0
    options = ["--executor", "slurm", "--tasks", "3", "--executor-option", "partition=cpu"]
    assert run(source, tmp_path / "array", *options, "--executor-option", "time=0:10:00") == 0
    assert "were submitted" in capsys.readouterr().out
    assert contents(tmp_path / "array") == contents(tmp_path / "whole")
    jobs = [line.split() for line in (tmp_path / "jobs.txt").read_text().splitlines()]
    names = [job[1] for job in jobs]
    assert names[0] == "prepare-array"
    assert "prepare-array-assemble" in names
    assembly = jobs[names.index("prepare-array-assemble")]
    assert any("--dependency=afterany:1" in word for word in assembly)
    assert run(source, tmp_path / "array", *options, "--executor-option", "time=0:10:00") == 0
    assert "nothing was submitted" in capsys.readouterr().out
    write_object(source / "bed" / "test" / "0.off", seed=99)
    assert run(source, tmp_path / "array", *options, "--executor-option", "time=0:10:00") == 0
    assert "were submitted" in capsys.readouterr().out
    assert run(source, tmp_path / "whole") == 0
    assert contents(tmp_path / "array") == contents(tmp_path / "whole")


def test_slurm_that_is_not_there_or_refuses_is_one_sentence(tmp_path, monkeypatch, capsys):
    pytest.importorskip("datatrove")
    source = many(tmp_path)
    options = ["--executor", "slurm", "--tasks", "3", "--executor-option", "partition=cpu"]
    options += ["--executor-option", "time=0:10:00"]
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    assert run(source, tmp_path / "array", *options) == 2
    assert "needs 'sbatch'" in capsys.readouterr().err
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "sbatch").write_text("#!/bin/sh\nexit 3\n")
    (tmp_path / "bin" / "sbatch").chmod(stat.S_IRWXU)
    assert run(source, tmp_path / "array", *options) == 2
    assert "sbatch refused the job (exit code 3)" in capsys.readouterr().err


def test_array_of_seven_ranks_with_three_killed(tmp_path):
    """Processes of their own, in random order, three of them killed and begun again."""
    source = make_tree(tmp_path / "raw", [f"{('bed', 'sofa')[i % 2]}/{i}.npy" for i in range(300)])
    assert run(source, tmp_path / "whole", "--num-proc", "2") == 0
    rng = np.random.default_rng(0)
    killed = 0

    def start(number: int) -> subprocess.Popen:
        command = [sys.executable, "-m", "dataset_scripts", "folder", "--source", str(source), *SMALL]
        command += ["--output", str(tmp_path / "parts"), "--rank", str(number), "--world-size", "7"]
        return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    order = rng.permutation(7).tolist()
    running = [start(number) for number in order]
    time.sleep(2.5)
    for process in running[:3]:
        killed += process.poll() is None
        process.kill()
    for process in running:
        process.wait()
    assert killed
    for number in order[:3]:
        assert start(number).wait() == 0
    assert main(["folder", "--source", str(source), *SMALL, "--output", str(tmp_path / "parts")]) == 0
    assert contents(tmp_path / "parts") == contents(tmp_path / "whole")
    assert json.loads((tmp_path / "parts" / "preparation.json").read_text())["key"]
