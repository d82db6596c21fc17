"""Reading prepared point-view pairs: one split, its checks, and the values of one row.

A prepared data set has the columns `points` (N, 3), `views` (a list of encoded images) and, where known, `label` and
`captions`; clouds are y-up.
"""

import io
import logging
import re
from collections.abc import Sequence
from functools import partial
from itertools import accumulate
from pathlib import Path
from typing import Any, TypeAlias, overload

import numpy as np
import torch
from PIL import Image as PILImage

from ..utils.extras import importing
from .parquet_rows import ParquetRows, with_retries


with importing("data"):
    import fsspec
    import pyarrow as pa
    from datasets import Array2D, ClassLabel, Dataset, Image, LargeList, List, load_dataset, load_dataset_builder
    from datasets.exceptions import DatasetGenerationError, DatasetsError


# A file that cannot be read is told in our one sentence, not in a report of twenty lines.
logging.getLogger("datasets.packaged_modules").setLevel(logging.CRITICAL)

# Most likely first: Pillow tries them one after the other.
_IMAGE_FORMATS = ("WEBP", "JPEG", "PNG", "BMP", "GIF", "TIFF")
_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*(/[\w.-]+)?")
REQUIRED_COLUMNS = ("points", "views")

Rows: TypeAlias = Dataset | ParquetRows


# Loading


@overload
def load_pairs(dataset: str | Path, config: str | None = None, split: str = "train") -> Dataset: ...


@overload
def load_pairs(dataset: str | Path, config: str | None = None, split: str = "train", *, streaming: bool) -> Rows: ...


def load_pairs(dataset: str | Path, config: str | None = None, split: str = "train", streaming: bool = False) -> Rows:
    """Load one split of prepared pairs and check that it is usable.

    Args:
        dataset: local folder or Hub id, whatever `datasets.load_dataset` reads; streaming also a prepared folder at an
            address that fsspec reads, such as `s3://bucket/pairs`.
        config: configuration of the data set, where it has several.
        split: name of the split; slices such as `train[:10]` work unless streaming.
        streaming: read rows where they lie, a row group at a time, instead of preparing an indexed copy.

    Returns:
        The data set with all its columns.

    Raises:
        ValueError: nothing loadable there, an unknown configuration or split, no objects, or no `points` of shape
            (N, 3) or no list of `views`; one sentence each.
    """
    name = f"The data set {str(dataset)!r}" + (f" (configuration {config!r})" if config else "")
    path = Path(dataset).expanduser()
    remote = "://" in str(dataset)
    if remote and not streaming:
        raise ValueError(
            f"{name} is an address: rows are read there with --streaming true, or from a copy in a folder."
        )
    if path.is_file() or not (remote or path.is_dir() or _HUB_ID.fullmatch(str(dataset))):
        what = "is a file" if path.is_file() else "does not exist"
        raise ValueError(f"{name} {what}; give the folder that `crossmost-prepare` wrote, or a Hub id.")
    source = str(path) if path.is_dir() else str(dataset)
    try:
        if remote:
            loaded: Rows = _remote_rows(str(dataset), config, split)
        elif streaming:
            loaded = _streamed_rows(source, config, split)
        else:
            loaded = load_dataset(source, config, split=split)
    # Missing files, splits, configurations, permissions and connections: all of them are the caller's input.
    except (ValueError, OSError, ImportError, DatasetsError) as error:
        cause = error.__cause__ if isinstance(error, DatasetGenerationError) and error.__cause__ else error
        reason = " ".join(str(cause).split("\nExample")[0].split()).rstrip(".!")
        if "corresponds to no data" in reason:
            raise ValueError(f"{name}, split {split!r}, has no objects.") from error
        raise ValueError(f"{name} has no loadable split {split!r}: {reason or type(cause).__name__}.") from error
    check_pairs(loaded, f"{name}, split {split!r},")
    return loaded


def _streamed_rows(source: str, config: str | None, split: str) -> ParquetRows:
    """Return the rows of what `load_dataset` reads, where they lie."""
    builder = load_dataset_builder(source, config)
    files = builder.config.data_files or {}
    if split not in files:
        slices = "; slices are not for streaming" if "[" in split else ""
        raise ValueError(f"it has {', '.join(map(str, files)) or 'none'}{slices}")
    strange = sorted({Path(file).suffix for file in files[split]} - {".parquet"})
    if strange:
        raise ValueError(f"streaming reads Parquet, and this is {', '.join(strange)}; leave --streaming out")
    return ParquetRows(files[split], builder.info.features)


def _remote_rows(address: str, config: str | None, split: str) -> ParquetRows:
    """Return the rows of a prepared folder at an address of fsspec's."""
    system, root = fsspec.core.url_to_fs(address)
    folder = {None: "*", "default": "data"}.get(config, config)  # as `crossmost-prepare` names them
    places = [f"{root.rstrip('/')}/{folder}", root.rstrip("/")]
    names = (f"{place}/{split}-*.parquet" for place in places)
    listed = (sorted(with_retries(address, partial(system.glob, name))) for name in names)
    found = next(filter(None, listed), [])
    folders = sorted({Path(file).parent.name for file in found})
    if not found:
        raise ValueError(f"there is no {folder}/{split}-*.parquet")
    if len(folders) > 1:
        raise ValueError(f"it has the configurations {', '.join(folders)}; name one")
    return ParquetRows([system.unstrip_protocol(file) for file in found])


def _is_image_list(feature: Any) -> bool:
    return isinstance(feature, List | LargeList) and isinstance(feature.feature, Image)


def _is_cloud(feature: Any) -> bool:
    if isinstance(feature, Array2D):
        return feature.shape[1] == 3 and str(feature.dtype).startswith("float")
    return isinstance(feature, List | LargeList) and isinstance(feature.feature, List | LargeList)


def check_pairs(dataset: Rows, name: str = "The data set") -> None:
    """Check that a data set has objects with clouds and views.

    Args:
        dataset: the data set.
        name: what the error calls it.

    Raises:
        ValueError: a missing or malformed column, or no objects.
    """
    features = dataset.features
    missing = [column for column in REQUIRED_COLUMNS if column not in features]
    if missing:
        found = ", ".join(features) or "none"
        raise ValueError(f"{name} lacks the column {' and '.join(missing)}, it has {found}; prepare it as pairs first.")
    if not _is_cloud(features["points"]):
        raise ValueError(f"{name} has points of the type {features['points']}; it must be Array2D((N, 3), 'float32').")
    if not _is_image_list(features["views"]):
        raise ValueError(f"{name} has views of the type {features['views']}; it must be List(Image()).")
    if len(dataset) == 0:
        raise ValueError(f"{name} has no objects.")


def check_view_sizes(dataset: Rows, image_size: int, name: str = "The data set") -> None:
    """Check on the first object that its views can be brought to the model's size.

    Args:
        dataset: prepared pairs.
        image_size: side of the model's square input in pixels; larger views are reduced, smaller ones enlarged.
        name: what the error calls the data set.

    Raises:
        ValueError: a view whose short side is less than half of `image_size`.
    """
    rows = select_raw(dataset, ["views"])
    table = rows.with_first_views([0]) if isinstance(rows, ParquetRows) else rows[[0]]
    views = read_views(table, 0, "row 0")
    for view in range(len(views)):
        width, height = decode_view(views, view, "row 0").size
        if min(width, height) * 2 < image_size:
            raise ValueError(
                f"{name} has views of {width} x {height} px, too small for this model's {image_size} px; "
                f"prepare the data with --image-size {image_size}."
            )


def class_names(dataset: Rows) -> list[str] | None:
    """Names of the classes in the order of the labels, or None where the data set has no named labels."""
    label = (dataset.features or {}).get("label")
    return list(label.names) if isinstance(label, ClassLabel) else None


def has_labels(dataset: Rows) -> bool:
    """Whether any object has a label: the Hub writes -1 for all of them where they are withheld."""
    if isinstance(dataset, ParquetRows):
        labels = dataset.select_columns(["label"])
        ends = [0, *accumulate(labels.group_sizes)]
        groups = (labels[range(*ends[i : i + 2])].column("label").to_pylist() for i in range(len(ends) - 1))
        return any(label is not None and label >= 0 for group in groups for label in group)
    return any(label is not None and label >= 0 for label in dataset["label"])


def select_raw(dataset: Rows, columns: Sequence[str]) -> Rows:
    """Return the given columns as Arrow tables, in which images stay encoded.

    (Casting to `Image(decode=False)` would do the same, but it rewrites the whole data set first.)
    """
    kept = dataset.select_columns([column for column in columns if column in dataset.column_names])
    return kept.with_format("arrow")


def training_dataset(dataset: Rows, captions: bool = False, labels: bool = False) -> Rows:
    """Return what training may see: clouds, encoded views and, on request, captions or labels.

    Otherwise the label is taken out here, and so is `object_id`, which often contains the class's name.

    Args:
        dataset: prepared pairs.
        captions: keep the captions, for contrastive pre-training.
        labels: keep the labels, for the methods that learn from them.

    Returns:
        The data set without any other column, in Arrow format with encoded views.

    Raises:
        ValueError: captions are asked for and there are none.
    """
    if captions and "captions" not in dataset.column_names:
        raise ValueError("The data set has no captions column; image-text-point pre-training needs one.")
    return select_raw(dataset, [*REQUIRED_COLUMNS, *(["captions"] if captions else []), *(["label"] if labels else [])])


# Reading one value of an Arrow table


def read_cloud(table: pa.Table, row: int, name: str) -> torch.Tensor:
    """`(N, 3)` float32 of a row."""
    value = table.column("points")[row]
    value = value.value if isinstance(value, pa.ExtensionScalar) else value
    rows = value.values if value is not None else None
    if rows is None or len(rows) == 0:
        raise ValueError(f"The cloud of {name} is empty.")
    flat = np.array(rows.flatten().to_numpy(zero_copy_only=False), dtype=np.float32)
    if flat.size != 3 * len(rows):
        raise ValueError(f"The cloud of {name} has {flat.size} numbers in {len(rows)} rows; points have 3 coordinates.")
    if not np.isfinite(flat).all():
        raise ValueError(f"The cloud of {name} has coordinates that are not finite.")
    return torch.from_numpy(flat.reshape(-1, 3))


def read_views(table: pa.Table, row: int, name: str) -> pa.Array:
    """Return the encoded views of a row, at least one."""
    views = table.column("views")[row].values
    if views is None or len(views) == 0:
        raise ValueError(f"The object of {name} has no views.")
    return views


def read_label(table: pa.Table, row: int, name: str) -> int:
    """Return the label of a row of labeled pairs."""
    label = table.column("label")[row].as_py()
    if label is None or label < 0:  # -1 is how the Hub writes "not known"
        raise ValueError(f"The label of {name} is missing in a data set that has labels.")
    return label


def decode_view(views: pa.Array, view: int, name: str) -> PILImage.Image:
    encoded = views[view].as_py() or {}
    content = encoded.get("bytes")
    try:
        source = io.BytesIO(content) if content is not None else encoded.get("path") or ""
        image = PILImage.open(source, formats=_IMAGE_FORMATS)
        image.load()
    # Pillow reports broken files of some formats with SyntaxError.
    except (OSError, SyntaxError, ValueError) as error:
        raise ValueError(f"View {view} of {name} is not a readable image: {error}.") from error
    return image
