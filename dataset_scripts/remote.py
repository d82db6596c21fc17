"""Sources and outputs at addresses that fsspec reads and writes, such as `s3://bucket/meshes` or `hf://datasets/a/b`.

Readers and writers work on folders. A remote source is first copied into the cache, only what changed, file by file; a
remote output is prepared in the cache, where a killed run goes on, and uploaded when it is complete. Parts that are
made on machines without a common folder meet below `<address>.partial`.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from modeling_crossmost.utils.atomic import write_text
from modeling_crossmost.utils.extras import importing

from .plan import Shard, shard_key
from .shards import Workplace
from .writing import PREPARATION_FILE, Planned, data_set_key


with importing("data"):
    import datasets.config
    import fsspec
    from fsspec.callbacks import TqdmCallback


SHARD_FILE = re.compile(r"\d+-.+-\d{5}\.(json|parquet)")  # `Shard.stem_of`, with the endings of a finished shard


def cache_root() -> Path:
    """Folder of what is made or copied on the way: `$CROSSMOST_CACHE`, else in the cache of `datasets`."""
    default = os.environ.get("CROSSMOST_CACHE") or Path(datasets.config.HF_DATASETS_CACHE) / "crossmost"
    return Path(default).expanduser()


def cached_folder(address: str, kind: str) -> Path:
    """Folder in the cache that stands for an address; it has the address's last name."""
    key = hashlib.sha256(address.rstrip("/").encode()).hexdigest()[:16]
    return cache_root() / kind / key / (address.rstrip("/").rsplit("/", 1)[-1] or "root")


def _opened(address: str) -> tuple[Any, str]:
    # Object stores need no folders; a local file system creates missing ones only with `auto_mkdir`.
    options = {"auto_mkdir": True} if address.startswith(("file://", "local://")) else {}
    try:
        return fsspec.core.url_to_fs(address, **options)
    except (ImportError, ValueError) as error:
        raise ValueError(f"The address {address!r} cannot be opened: {_reason(error)}.") from error


def _reason(error: Exception) -> str:
    return " ".join(str(error).split()).rstrip(".") or type(error).__name__


def fetch(address: str) -> str:
    """Copy a remote folder into the cache, as far as it is not there; return the copy.

    A file that has the size and the time of the one at the address is kept; files that are gone there are removed.

    Raises:
        ValueError: There is nothing at the address, or it cannot be read.
    """
    system, root = _opened(address)
    folder = cached_folder(address, "sources")
    try:
        found = {name: info for name, info in system.find(root, detail=True).items() if info["type"] == "file"}
        if not found:
            raise FileNotFoundError("there are no files")
        local = {name: folder / os.path.relpath(name, root) for name in found}
        missing = [name for name in found if not _is_copied(local[name], found[name])]
        for name in missing:
            local[name].parent.mkdir(parents=True, exist_ok=True)
        if missing:
            system.get(missing, [str(local[name]) for name in missing], callback=_bar(f"Fetching {address}"))
    except Exception as error:  # every file system has its own for what is missing or refused
        raise ValueError(f"The source {address!r} cannot be read: {_reason(error)}.") from error
    for name in missing:
        moment = _time(found[name])
        os.utime(local[name], (moment, moment))  # the same on every machine, as keys of shards need it
    kept = set(local.values())
    for path in [path for path in folder.rglob("*") if path.is_file() and path not in kept]:
        path.unlink()
    return str(folder)


def _time(info: dict[str, Any]) -> float:
    moment = info.get("LastModified") or info.get("mtime") or info.get("last_modified") or 0.0
    return float(moment.timestamp() if hasattr(moment, "timestamp") else moment)


def _is_copied(path: Path, info: dict[str, Any]) -> bool:
    return path.is_file() and path.stat().st_size == info["size"] and path.stat().st_mtime == _time(info)


def check_output(address: str) -> None:
    """Refuse to write over what is not a data set of ours.

    Raises:
        ValueError: There are other files at the address, or it cannot be read.
    """
    system, root = _opened(address)
    try:
        taken = system.exists(root) and system.find(root) and not system.exists(f"{root}/{PREPARATION_FILE}")
    except Exception as error:
        raise ValueError(f"The output {address!r} cannot be looked at: {_reason(error)}.") from error
    if taken:
        raise ValueError(
            f"The output {address!r} is not empty and not a data set that was prepared here; give another address."
        )


def upload(folder: Path, address: str) -> bool:
    """Upload a prepared folder; whoever sees its `preparation.json`, the last file, sees all of it.

    Returns:
        Whether anything was uploaded: nothing is where the same data set lies there.

    Raises:
        ValueError: The address refuses.
    """
    system, root = _opened(address)
    mark = f"{root}/{PREPARATION_FILE}"
    ours = {f"{root}/{path.relative_to(folder).as_posix()}": path for path in folder.rglob("*") if path.is_file()}
    try:
        if system.exists(mark):
            if system.cat_file(mark) == (folder / PREPARATION_FILE).read_bytes():
                return False
            system.rm_file(mark)
        names = [name for name in ours if name != mark]
        system.put([str(ours[name]) for name in names], names, callback=_bar(f"Uploading to {address}"))
        system.put_file(str(ours[mark]), mark)
        for name in set(system.find(root)) - set(ours):
            system.rm_file(name)
    except Exception as error:
        raise ValueError(
            f"The data set lies complete in {str(folder)!r}, but {address!r} refused it ({_reason(error)}); the same "
            "command uploads it without preparing it again."
        ) from error
    return True


def is_complete(address: str, planned: Planned) -> bool:
    """Whether the data set of this plan and of these files lies at the address.

    Raises:
        ValueError: There are other files at the address, or it cannot be read.
    """
    check_output(address)
    system, root = _opened(address)
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
        self.system, self.root = _opened(self.address)

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
                f"{self.address!r} refused shard {shard.stem!r} ({_reason(error)}); it is kept in "
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
            raise OSError(f"The parts at {self.address!r} cannot be read: {_reason(error)}.") from error
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
