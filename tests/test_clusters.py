"""The examples for clusters: accelerate accepts its files, and a job of Slurm that is cut goes on where it was."""

import os
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import toy
import yaml
from accelerate.commands.config.config_args import load_config_from_file
from safetensors.torch import load_file
from test_train import assert_same_tensors

from modeling_crossmost.training.arguments import parse_arguments


ROOT = Path(__file__).resolve().parent.parent
CONFIGS = sorted((ROOT / "recipes" / "accelerate").glob("*.yaml"))

# Starts the tasks of a step on this machine; the first step is signaled as soon as it logs.
SRUN = """#!{python}
import os, pathlib, signal, subprocess, sys, time
command, count = sys.argv[1:], int(os.environ["SLURM_NTASKS"])
tasks = [
    subprocess.Popen(command, env=dict(os.environ, SLURM_PROCID=str(task), SLURM_LOCALID=str(task)))
    for task in range(count)
]
log = pathlib.Path(command[command.index("--output_dir") + 1]) / "metrics.jsonl"
if "--resume_from_checkpoint" not in command:
    while not log.exists() and tasks[0].poll() is None:
        time.sleep(0.05)
    for task in tasks:
        task.send_signal(signal.SIGUSR1)
codes = [task.wait() for task in tasks]
sys.exit(max(128 - code if code < 0 else code for code in codes))
"""
SCONTROL = '#!/bin/bash\nif [ "$1" = show ]; then echo 127.0.0.1; else echo "$@" >>"$REQUEUED"; fi\n'


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_accelerate_accepts_the_configurations(path):
    config = load_config_from_file(str(path))
    assert config.mixed_precision == "bf16"
    given = yaml.safe_load(path.read_text())
    assert config.num_processes == given["num_processes"] and config.num_machines == given["num_machines"]


def test_the_examples_are_valid_shell_and_yaml():
    folder = ROOT / "recipes" / "clusters"
    assert subprocess.run(["bash", "-n", str(folder / "train.sbatch")]).returncode == 0
    job = yaml.safe_load((folder / "skypilot.yaml").read_text())
    assert subprocess.run(["bash", "-n"], input=job["run"], text=True).returncode == 0


@pytest.mark.parametrize(
    ("given", "folder", "steps"),
    [
        ([], "outputs/run", "500"),
        (["--output_dir", "mine"], "mine", "500"),
        (["--output_dir=mine", "--checkpointing_steps", "7"], "mine", "7"),
        (["--checkpointing_steps=7", "--output_dir", "mine"], "mine", "7"),
    ],
)
def test_a_job_of_slurm_heeds_the_options_of_its_command(tmp_path, given, folder, steps):
    for name, text in {"srun": '#!/bin/bash\nprintf "%s\\n" "${@:5}"\n', "scontrol": SCONTROL}.items():
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(stat.S_IRWXU)
    environment = dict(os.environ, PATH=f"{tmp_path}{os.pathsep}{os.environ['PATH']}", SLURM_NTASKS="1")
    command = ["bash", str(ROOT / "recipes" / "clusters" / "train.sbatch"), "train.py", *given]
    done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=True)
    options = parse_arguments(done.stdout.split()[1:])
    assert (options.train.output_dir, options.train.checkpointing_steps) == (folder, steps)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["fsdp2", "zero2"])
def test_the_configurations_for_fsdp_train_on_two_processes(work, tmp_path, name):
    options = toy.flags(dataset=work / "data", model_name_or_path=work / "model", max_steps=3, output_dir=tmp_path)
    launch = ["accelerate.commands.accelerate_cli", "launch", "--config_file", str(CONFIGS[0].parent / f"{name}.yaml")]
    launch += ["--num_processes", "2", "--mixed_precision", "no", str(ROOT / "train.py"), *options]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, "-m", *launch], cwd=ROOT, env=environment, timeout=600, check=False)
    assert done.returncode == 0 and load_file(tmp_path / "model.safetensors")


@pytest.mark.slow
def test_a_job_of_slurm_that_is_cut_is_queued_again_and_goes_on(work, tmp_path):
    (tmp_path / "bin").mkdir()
    for name, text in {"srun": SRUN.format(python=sys.executable), "scontrol": SCONTROL}.items():
        (tmp_path / "bin" / name).write_text(text)
        (tmp_path / "bin" / name).chmod(stat.S_IRWXU)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    paths = [str(tmp_path / "bin"), str(Path(sys.executable).parent), os.environ["PATH"]]
    environment = dict(os.environ, PATH=os.pathsep.join(paths), REQUEUED=str(tmp_path / "requeued"), MASTER_PORT=port)
    environment |= {"SLURM_NTASKS": "2", "SLURM_JOB_ID": "7", "SLURM_JOB_NODELIST": "here", "ACCELERATE_USE_CPU": "1"}
    environment |= {"ACCELERATE_MIXED_PRECISION": "no", "OMP_NUM_THREADS": "1"}

    def job(output: Path) -> int:
        options = toy.flags(
            dataset=work / "data", model_name_or_path=work / "model", eval_split="none", max_steps=40, output_dir=output
        )
        command = ["bash", str(ROOT / "recipes" / "clusters" / "train.sbatch"), str(ROOT / "train.py"), *options]
        return subprocess.run(command, env=environment, cwd=ROOT, timeout=600).returncode

    assert job(tmp_path / "cut") == 138
    assert (tmp_path / "requeued").read_text() == "requeue 7\n"
    assert not (tmp_path / "cut" / "model.safetensors").exists()
    assert job(tmp_path / "cut") == 0
    environment["SLURM_JOB_ID"] = "8"
    (tmp_path / "bin" / "srun").write_text(SRUN.format(python=sys.executable).replace("signal.SIGUSR1", "0"))
    assert job(tmp_path / "whole") == 0
    assert (tmp_path / "requeued").read_text() == "requeue 7\n"
    assert load_file(tmp_path / "whole" / "model.safetensors")
    assert_same_tensors(tmp_path / "whole" / "model.safetensors", tmp_path / "cut" / "model.safetensors")
