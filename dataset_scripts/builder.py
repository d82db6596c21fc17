"""Point-view pairs as a `datasets` builder: the interface of a source, the arrangement of splits, the columns.

A `PairSource` lists objects and makes one pair from one object. `PointViewBuilder` makes any source available to
`datasets` (`download_and_prepare`, `as_streaming_dataset`); `writing.py` makes the same pairs as resumable shards.

Files are read in `readers.py`, because `datasets` patches `open` and `np.load` in the module of a builder.
"""

from __future__ import annotations

import abc
import hashlib
import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from modeling_crossmost.utils.extras import importing
from modeling_crossmost.utils.limits import object_limits

from .readers import encode_view, import_libraries


with importing("data"):
    import datasets


logger = logging.getLogger(__name__)

HOLDOUT_SPLIT = "holdout"
ROWS_PER_GROUP = 64  # of a Parquet file; streaming decodes a whole group of rows at once


@dataclass(frozen=True, slots=True)
class PairObject:
    """One object of a source, before it is read.

    Args:
        object_id: Path relative to the source, without extension; unique in its data set.
        class_name: Name with spaces, or None if the source has no classes.
        path: File to read ("" for generated objects).
        seed: Seed of a generated object; unused for files.
        row: Row of the object in a file that holds several.
        frames: Folder or archive of the object's real views ("" if views are rendered).
    """

    object_id: str
    class_name: str | None = None
    path: str = ""
    seed: int = 0
    row: int = 0
    frames: str = ""


@dataclass(frozen=True)
class Selection:
    """Which objects of a source to keep.

    Args:
        splits: Splits to keep, in this order; None keeps all.
        holdout: Fraction of `train`, in [0, 1), that is moved to split `holdout`; see `hold_out`.
        limit: Largest number of objects per split; None keeps all.

    Raises:
        ValueError: if `holdout` or `limit` is out of range.
    """

    splits: tuple[str, ...] | None = None
    holdout: float = 0.0
    limit: int | None = None

    def __post_init__(self):
        if not 0 <= self.holdout < 1:
            raise ValueError(f"The held-out share must be at least 0 and below 1, got {self.holdout}.")
        if self.limit is not None and self.limit < 1:
            raise ValueError(f"The limit must be at least 1 object per split, got {self.limit}.")


def id_digest(object_id: str) -> str:
    """Return the hexadecimal SHA-256 of `object_id`, which decides what is held out."""
    return hashlib.sha256(object_id.encode()).hexdigest()


def in_row_order(objects: Sequence[PairObject]) -> list[PairObject]:
    """Order objects by a digest of their ids that is independent of `id_digest` and thus of the holdout.

    The digests lie in one array: a million of them as objects would take more memory than the objects themselves.
    """
    digests = np.empty((len(objects), 32), dtype=np.uint8)
    for row, item in zip(digests, objects, strict=True):
        row[:] = np.frombuffer(hashlib.sha256(f"row {item.object_id}".encode()).digest(), dtype=np.uint8)
    return [objects[row] for row in np.lexsort(digests.view(">u8").T[::-1])]


def object_rng(object_id: str, seed: int) -> np.random.Generator:
    """Return a generator that depends on object and seed alone, so that order and processes do not change a pair."""
    digest = hashlib.sha256(f"{seed}:{object_id}".encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:16], "little"))


def hold_out(objects: Sequence[PairObject], share: float) -> tuple[list[PairObject], list[PairObject]]:
    """Split `objects` into (kept, held out).

    In every class (or among all objects, if there are no classes), those with the lowest sha256(object_id) are held
    out; their number is `share` x class size, rounded to the nearest integer. New objects hardly change the choice.
    """
    by_class: dict[str | None, list[PairObject]] = defaultdict(list)
    for item in objects:
        by_class[item.class_name].append(item)
    held: set[str] = set()
    for members in by_class.values():
        ranked = sorted(members, key=lambda item: id_digest(item.object_id))
        held.update(item.object_id for item in ranked[: int(share * len(ranked) + 0.5)])
    kept = [item for item in objects if item.object_id not in held]
    return kept, [item for item in objects if item.object_id in held]


def arrange_splits(objects: dict[str, list[PairObject]], selection: Selection) -> dict[str, list[PairObject]]:
    """Select splits, hold out, order rows by `in_row_order` and cut to the limit, in this order.

    The row order makes every slice and every shard a fair sample of the classes, which streaming without a shuffle
    buffer needs.

    Raises:
        ValueError: if a selected split does not exist, there is nothing to hold out from, or a split becomes empty.
    """
    names = selection.splits or tuple(objects)
    for name in names:
        if name not in objects:
            raise ValueError(f"The source has no split {name!r}; it has {', '.join(objects)}.")
    chosen = {name: list(objects[name]) for name in names}
    if selection.holdout:
        origin = "train" if "train" in chosen else names[0]
        if origin != "train" and len(names) > 1:
            raise ValueError(f"Nothing to hold out from: there is no split 'train' among {', '.join(names)}.")
        chosen[origin], held = hold_out(chosen[origin], selection.holdout)
        if not held or not chosen[origin]:
            raise ValueError(
                f"Holding out {selection.holdout} of split {origin!r} leaves a split empty; choose another share."
            )
        chosen[HOLDOUT_SPLIT] = held
    return {name: in_row_order(items)[: selection.limit] for name, items in chosen.items() if items}


@dataclass(frozen=True)
class PairSource(abc.ABC):
    """A source of point-view pairs. Subclasses are small, frozen and picklable.

    Args:
        num_points: Number N of points in every cloud.
        num_views: Views of every object; None means the source's own default.
        image_size: Side R of the square views, in pixels.
        seed: Seed of all random draws.
        selection: Splits, held-out fraction and limit.

    Raises:
        ValueError: if a number is out of range.
    """

    num_points: int = 1024
    num_views: int | None = None
    image_size: int = 224
    seed: int = 0
    selection: Selection = field(default_factory=Selection)

    #: Name of the configuration and of its folder; "default" if a data set has only one.
    config_name = "default"

    def __post_init__(self):
        for name, smallest in (("num_points", 1), ("image_size", 8), ("seed", 0)):
            if getattr(self, name) < smallest:
                raise ValueError(f"{name} must be at least {smallest}, got {getattr(self, name)}.")
        if self.num_views is not None and self.num_views < 1:
            raise ValueError(f"num_views must be at least 1, got {self.num_views}.")

    @property
    def title(self) -> str:
        """Name of the data set, for its card."""
        raise NotImplementedError

    @property
    def license(self) -> str:
        """The Hub's license identifier, for the card."""
        return "unknown"

    @property
    def has_captions(self) -> bool:
        """Whether pairs carry captions."""
        return False

    @abc.abstractmethod
    def class_names(self) -> list[str] | None:
        """Return the class names, with spaces, in label order, or None if the source has no classes."""

    @abc.abstractmethod
    def objects(self) -> dict[str, list[PairObject]]:
        """Return all objects by split, in a fixed order, before any selection."""

    @abc.abstractmethod
    def make_pair(self, item: PairObject) -> dict[str, Any]:
        """Make the pair of one object.

        Returns:
            "points" float32 (N, 3) (mean at the origin, largest norm 1, y up), "views" uint8 (V, R, R, 3) and, if the
            source has them, "captions" (list of str) and "notes", sentences on what was dropped or guessed, which are
            no column.

        Raises:
            ValueError: if the object cannot be used; the message is one sentence.
        """

    @abc.abstractmethod
    def describe(self) -> dict[str, str]:
        """Return facts for the card, as {name: value}: views and cameras, renderer, source axis, clouds."""

    def unusable(self) -> list[tuple[str, str]]:
        """Return (object_id, reason) for everything that was found but cannot become an object."""
        return []

    def remarks(self) -> dict[str, str]:
        """Return how the source was understood where that may surprise, for the summary, as {name: text}."""
        return {}

    def base(self) -> PairSource | None:
        """Return the source of which this one is a subset of the classes, with the same pairs, or None.

        If both are prepared together, the rows of the subset are copied from the base instead of being made again.
        """
        return None

    def splits(self) -> dict[str, list[PairObject]]:
        """Return the objects by split after the selection, in row order."""
        return arrange_splits(self.objects(), self.selection)

    def features(self) -> datasets.Features:
        """Return the columns of the prepared data set."""
        names = self.class_names()
        columns: dict[str, Any] = {
            "object_id": datasets.Value("string"),
            "points": datasets.Array2D((self.num_points, 3), "float32"),
            "views": datasets.List(datasets.Image()),
        }
        if names is not None:
            columns["label"] = datasets.ClassLabel(names=names)
        if self.has_captions:
            columns["captions"] = datasets.List(datasets.Value("string"))
        return datasets.Features(columns)

    def record(self, item: PairObject) -> dict[str, Any]:
        """Make the row of one object: its pair, with id and label added and the views encoded."""
        pair = self.make_pair(item)
        pair["object_id"] = item.object_id
        pair["views"] = [{"bytes": encode_view(view), "path": None} for view in pair["views"]]
        if item.class_name is not None:
            pair["label"] = item.class_name
        return pair


@dataclass
class PointViewConfig(datasets.BuilderConfig):
    """Configuration of `PointViewBuilder`.

    Args:
        pairs: The source of the pairs.
        strict: Whether an object that cannot be used raises an error instead of a warning.
    """

    pairs: PairSource | None = None
    strict: bool = False


class PointViewBuilder(datasets.GeneratorBasedBuilder):
    """A `datasets` builder that makes point-view pairs from any `PairSource`.

    ```python
    builder = PointViewBuilder(pairs=FolderPairs(source="my_meshes"), cache_dir=...)
    builder.download_and_prepare("my_pairs", file_format="parquet", num_proc=2)
    stream = builder.as_streaming_dataset(split="train")
    ```

    Raises:
        ValueError: if no source is given, or with `strict`, if an object cannot be used.
    """

    BUILDER_CONFIG_CLASS = PointViewConfig
    DEFAULT_WRITER_BATCH_SIZE = ROWS_PER_GROUP

    def _info(self) -> datasets.DatasetInfo:
        if self.config.pairs is None:
            raise ValueError(
                "PointViewBuilder needs a source: pass pairs=, for example FolderPairs(source='my_meshes')."
            )
        return datasets.DatasetInfo(
            description=self.config.pairs.title,
            features=self.config.pairs.features(),
            license=self.config.pairs.license,
        )

    def _split_generators(self, dl_manager) -> list[datasets.SplitGenerator]:
        splits = self.config.pairs.splits()
        return [datasets.SplitGenerator(name=name, gen_kwargs={"items": items}) for name, items in splits.items()]

    def _generate_examples(self, items: list[PairObject]) -> Iterator[tuple[str, dict[str, Any]]]:
        def skip(item: PairObject, reason: str) -> None:
            logger.warning("Skipped %s: %s", item.object_id, reason)

        def note(item: PairObject, sentence: str) -> None:
            logger.warning("%s: %s", item.object_id, sentence)

        for item, record in usable_records(self.config.pairs, items, self.config.strict, skip, note):
            yield item.object_id, record


def usable_records(
    source: PairSource,
    items: Iterable[PairObject],
    strict: bool,
    skip: Callable[[PairObject, str], None],
    note: Callable[[PairObject, str], None],
) -> Iterator[tuple[PairObject, dict[str, Any]]]:
    """Yield the objects that can be used, with their rows.

    Args:
        source: Makes the rows.
        items: Its objects.
        strict: Whether an object that cannot be used raises an error.
        skip: Called with every object that cannot be used, and the reason.
        note: Called with every sentence on what was dropped or guessed when an object was read, the pair's "notes".

    Raises:
        ValueError: if an object cannot be used and `strict` is set.
    """
    import_libraries()
    for item in items:
        record = _try_record(source, item)
        if not isinstance(record, str):
            for sentence in record.pop("notes", ()):
                note(item, sentence)
            yield item, record
        elif strict:
            raise ValueError(f"{item.object_id} cannot be used: {record}")
        else:
            skip(item, record)


def _try_record(source: PairSource, item: PairObject) -> dict[str, Any] | str:
    """Return the row of an object, or one line of text that says why it cannot be used."""
    try:
        with object_limits():
            return source.record(item)
    except ValueError as error:
        reason = str(error)
    except Exception as error:  # Broken files make parsers fail in every possible way; one must not end a long run.
        reason = f"{type(error).__name__}: {error}"
    return " ".join(reason.split())
