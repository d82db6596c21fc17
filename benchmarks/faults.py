"""Hurts training runs and checks that nothing is lost: `python -m benchmarks faults [--kills 20]`.

Every case runs the bundled model on a few generated objects, is hurt, resumed with the same options, and must end with
the weights of a run that was left alone, bit for bit, and without temporary files. Cases: SIGKILL and SIGTERM at random
moments (also within a checkpoint's write), losses that are not finite, flipped bytes in the newest checkpoint, and a
disk that takes no more. Needs `os.fork`, so that a case does not wait for imports.
"""

import argparse
import os
import random
import resource
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import train
from dataset_scripts.furniture.pairs import cached_furniture
from modeling_crossmost.training.checkpoints import checkpoints_of


STEPS, BATCH = 12, 8
WEIGHTS = "model.safetensors"


def options(data: Path, output: Path, **more: object) -> list[str]:
    """Return the flags of a short run with a checkpoint after every step."""
    fields: dict[str, object] = {
        "dataset": data,
        "dataset_config": "scan",
        "output_dir": output,
        "max_steps": STEPS,
        "per_device_train_batch_size": BATCH,
        "checkpointing_steps": 1,
        "eval_split": "none",
        "dataloader_num_workers": 0,
        "freeze_point_tokenizer": False,
    }
    return [text for name, value in (fields | more).items() for text in (f"--{name}", str(value))]


def start(argv: list[str], log: Path, prepare: Callable[[], object] = lambda: None) -> int:
    """Run train.py in a forked process; `prepare` is called in it first. Returns the process's number."""
    number = os.fork()
    if number:
        return number
    code = 70
    try:
        with log.open("a") as file:
            os.dup2(file.fileno(), 1)
            os.dup2(file.fileno(), 2)
        prepare()
        code = train.main(argv)
    finally:
        os._exit(code)


def finish(number: int) -> int:
    """Wait for a process; returns its exit code, negative for a signal."""
    return os.waitstatus_to_exitcode(os.waitpid(number, 0)[1])


def poison(steps: set[int]) -> Callable[[], None]:
    """Spoil the views of some steps, as a broken reader would."""

    def prepare() -> None:
        original = train.Loop._next_batch

        def spoiled(loop: train.Loop, batches):
            batch = original(loop, batches)
            if loop.step in steps:
                batch["strong_image"] = batch["strong_image"] * float("nan")
            return batch

        train.Loop._next_batch = spoiled  # type: ignore[method-assign] # in the forked process alone

    return prepare


def fill_disk() -> None:
    """Let every write of more than 1 MB fail, as on a full disk."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))


class Cases:
    """The cases, each in a folder of its own; a case returns what was wrong, or an empty text."""

    def __init__(self, data: Path, folder: Path, seed: int):
        self.data, self.folder, self.random = data, folder, random.Random(seed)
        self.count = 0
        began = time.perf_counter()
        self.reference = self._reference("reference")
        self.seconds = time.perf_counter() - began

    def _reference(self, name: str, prepare: Callable[[], object] = lambda: None) -> bytes:
        output = self.folder / name
        if finish(start(options(self.data, output), self.folder / f"{name}.log", prepare)) != 0:
            raise SystemExit((self.folder / f"{name}.log").read_text())
        return (output / WEIGHTS).read_bytes()

    def _new(self) -> tuple[Path, Path]:
        self.count += 1
        return self.folder / f"case_{self.count}", self.folder / f"case_{self.count}.log"

    def _resumed(self, output: Path, log: Path, expected: bytes, prepare: Callable[[], object] = lambda: None) -> str:
        """Resume until the run is complete, and compare what it left."""
        more = {"resume_from_checkpoint": "latest"} if checkpoints_of(output) else {}
        code = finish(start(options(self.data, output, **more), log, prepare))
        if code != 0:
            return f"the resumed run exited with {code}, see {log}"
        if (output / WEIGHTS).read_bytes() != expected:
            return "other weights than the run that was left alone"
        left = [str(path.relative_to(output)) for path in output.rglob("*.tmp")]
        return f"left behind: {', '.join(left)}" if left else ""

    def killed(self, number: int) -> str:
        """Send a signal at a random moment of the run."""
        output, log = self._new()
        process = start(options(self.data, output), log)
        time.sleep(self.random.uniform(0.0, self.seconds))
        os.kill(process, number)
        code = finish(process)
        if code not in (0, -number, 128 + number):
            return f"exit code {code}, see {log}"
        return self._resumed(output, log, self.reference)

    def not_finite(self) -> str:
        """Spoil some steps, with an interruption among them; they are left out alike."""
        steps = set(self.random.sample(range(STEPS), 3))
        output, log = self._new()
        expected = self._reference(f"{output.name}_reference", poison(steps))
        stop = options(self.data, output, stop_after_steps=self.random.randrange(1, STEPS))
        code = finish(start(stop, log, poison(steps)))
        return f"exit code {code}" if code else self._resumed(output, log, expected, poison(steps))

    def flipped(self) -> str:
        """One flipped byte in the newest checkpoint: the one before it is taken."""
        output, log = self._new()
        finish(start(options(self.data, output, stop_after_steps=self.random.randrange(3, STEPS)), log))
        newest = checkpoints_of(output)[-1]
        path = self.random.choice(sorted(newest.iterdir()))
        content = bytearray(path.read_bytes())
        content[self.random.randrange(len(content))] ^= 1 << self.random.randrange(8)
        path.write_bytes(content)
        wrong = self._resumed(output, log, self.reference)
        return wrong or ("" if f"warning: The checkpoint {newest} is damaged" in log.read_text() else "not a word")

    def full_disk(self) -> str:
        """Fill the disk in the middle of the run: one sentence, and the run goes on later."""
        output, log = self._new()
        finish(start(options(self.data, output, stop_after_steps=STEPS // 2), log))
        code = finish(start(options(self.data, output, resume_from_checkpoint="latest"), log, fill_disk))
        said = [line for line in log.read_text().splitlines() if line.startswith("error:")]
        if code != 2 or len(said) != 1:
            return f"exit code {code} and {len(said)} sentences, see {log}"
        return self._resumed(output, log, self.reference)


def main(argv: list[str] | None = None) -> int:
    """Run all cases and print a report; exit code 1 where one failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20, help="cases of each signal (%(default)s)")
    parser.add_argument("--others", type=int, default=5, help="cases of losses and of bytes (%(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of the moments, steps and bytes (%(default)s)")
    chosen = parser.parse_args(argv)
    failed = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        data = Path(cached_furniture("scan", folder / "cache", objects_per_class=5, test_per_class=1))
        cases = Cases(data, folder, chosen.seed)
        for what, number, case in (
            ("SIGKILL at a random moment", chosen.kills, lambda: cases.killed(signal.SIGKILL)),
            ("SIGTERM at a random moment", chosen.kills, lambda: cases.killed(signal.SIGTERM)),
            ("losses that are not finite", chosen.others, cases.not_finite),
            ("a flipped byte", chosen.others, cases.flipped),
            ("a full disk", 1, cases.full_disk),
        ):
            wrong = [text for text in (case() for _ in range(number)) if text]
            failed += len(wrong)
            print(f"{what:30} {number - len(wrong):3} of {number} well", *wrong, sep="\n    ", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
