"""Outputs at addresses: prepared in the cache, where a killed run goes on, and uploaded when they are complete.

Parts that are made on machines without a common folder meet below `<address>.partial`.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from modeling_crossmost.utils.atomic import write_text
from modeling_crossmost.utils.extras import importing

from .addresses import open_address, reason_of
from .plan import Shard, shard_key
from .shards import Workplace
from .writing import PREPARATION_FILE, Planned, data_set_key


with importing("data"):
    from fsspec.callbacks import TqdmCallback


UPLOADING_FILE = "uploading.json"  # lies at an address from before the first file of an upload until after the last
SHARD_FILE = re.compile(r"\d+-.+-\d{5}\.(json|parquet)")  # `Shard.stem_of`, with the endings of a finished shard


def check_output(address: str) -> None:
    """Refuse to write over what is not a data set of ours.

    Raises:
        ValueError: There are other files at the address, or it cannot be read.
    """
    system, root = open_address(address)
    try:
        taken = system.exists(root) and system.find(root)
        ours = taken and any(system.exists(f"{root}/{mark}") for mark in (PREPARATION_FILE, UPLOADING_FILE))
    except Exception as error:
        raise ValueError(f"The output {address!r} cannot be looked at: {reason_of(error)}.") from error
    if taken and not ours:
        raise ValueError(
            f"The output {address!r} is not empty and not a data set that was prepared here; give another address."
        )


def upload(folder: Path, address: str) -> bool:
    """Upload a prepared folder; whoever sees its `preparation.json`, the last file, sees all of it.

    An upload that was killed leaves `uploading.json`, by which the next one knows that the address is ours.

    Returns:
        Whether anything was uploaded: nothing is where the same data set lies there.

    Raises:
        ValueError: The address refuses.
    """
    system, root = open_address(address)
    mark, begun = f"{root}/{PREPARATION_FILE}", f"{root}/{UPLOADING_FILE}"
    ours = {f"{root}/{path.relative_to(folder).as_posix()}": path for path in folder.rglob("*") if path.is_file()}
    content = (folder / PREPARATION_FILE).read_bytes()
    try:
        placed = system.exists(mark)
        if placed and not system.exists(begun) and system.cat_file(mark) == content:
            return False
        system.pipe_file(begun, content)
        if placed:
            system.rm_file(mark)
        names = [name for name in ours if name != mark]
        system.put([str(ours[name]) for name in names], names, callback=_bar(f"Uploading to {address}"))
        system.put_file(str(ours[mark]), mark)
        for name in set(system.find(root)) - {*ours, begun}:
            system.rm_file(name)
        system.rm_file(begun)
    except Exception as error:
        raise ValueError(
            f"The data set lies complete in {str(folder)!r}, but {address!r} refused it ({reason_of(error)}); the same "
            "command uploads it without preparing it again."
        ) from error
    return True


def is_complete(address: str, planned: Planned) -> bool:
    """Whether the data set of this plan and of these files lies at the address.

    Raises:
        ValueError: There are other files at the address, or it cannot be read.
    """
    check_output(address)
    system, root = open_address(address)
    mark = f"{root}/{PREPARATION_FILE}"
    if not system.exists(mark):
        return False
    stored = json.loads(system.cat_file(mark))
    shards, plan = planned
    # The key reads the state of every file, so the plan is compared first.
    return stored.get("plan") == plan and stored["key"] == data_set_key(plan, shards)


def _parquet_files(shard: Shard) -> list[str]:
    return [f"{shard.stem_of(number)}.parquet" for number in shard.sources]


class SharedShards:
    """Finished shards of a remote output, below `<address>.partial`, where all machines find them.

    There are no locks: who makes a shard a second time writes the same bytes.

    Args:
        address: Of the output.
    """

    def __init__(self, address: str):
        self.address = f"{address.rstrip('/')}.partial"
        self.system, self.root = open_address(self.address)

    def deliver(self, shard: Shard, place: Workplace) -> None:
        """Upload a shard that is not there; its JSON file comes last, and says that all of it is.

        Raises:
            OSError: The address refuses; the shard is kept in the working folder.
        """
        files, mark = _parquet_files(shard), f"{shard.stem}.json"
        try:
            there = f"{self.root}/{mark}"
            if self.system.exists(there) and self.system.cat_file(there) == (place.folder / mark).read_bytes():
                return
            for name in (*files, mark):
                self.system.put_file(str(place.folder / name), f"{self.root}/{name}")
        except Exception as error:
            raise OSError(
                f"{self.address!r} refused shard {shard.stem!r} ({reason_of(error)}); it is kept in "
                f"{str(place.folder)!r}, and the same command goes on."
            ) from error

    def gather(self, shards: Sequence[Shard], place: Workplace) -> None:
        """Copy those shards into the working folder that others finished; say how many are of other files or options.

        Raises:
            OSError: The address cannot be read.
        """
        try:
            self.system.invalidate_cache()
            marks = {f"{self.root}/{shard.stem}.json": shard for shard in shards}
            there = [name for name in self.system.find(self.root) if name in marks]  # nothing where there is no folder
            found = self.system.cat(there) if there else {}
            ours = [
                (marks[name], content)
                for name, content in found.items()
                if json.loads(content)["key"] == shard_key(place.plan, marks[name])
            ]
            files = [name for shard, _ in ours for name in _parquet_files(shard)]
            if files:
                remote, local = ([f"{where}/{name}" for name in files] for where in (self.root, place.folder))
                self.system.get(remote, local, callback=_bar(f"Gathering from {self.address}"))
        except Exception as error:
            raise OSError(f"The parts at {self.address!r} cannot be read: {reason_of(error)}.") from error
        for shard, content in ours:
            write_text(place.folder / f"{shard.stem}.json", content.decode())
        if len(found) > len(ours):
            sys.stderr.write(
                f"{len(found) - len(ours)} of {len(found)} shards at {self.address!r} are of other files, options or "
                "code and are made anew. (Machines must see the sources under the same paths and times.)\n"
            )

    def clear(self) -> None:
        """Remove the shards, which are in the data set now; any other files there are not ours and stay."""
        self.system.invalidate_cache()
        for name in self.system.find(self.root):
            if SHARD_FILE.fullmatch(os.path.relpath(name, self.root)):
                self.system.rm_file(name)


def _bar(title: str) -> TqdmCallback:
    return TqdmCallback(tqdm_kwargs={"desc": title, "unit": " files", "dynamic_ncols": True})
