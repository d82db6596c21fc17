"""The README card of a prepared data set: YAML that `load_dataset` and the Hub read, then the facts for people."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from huggingface_hub import DatasetCard, DatasetCardData

from modeling_crossmost.utils.atomic import write_text
from modeling_crossmost.utils.extras import importing

from .builder import PairSource
from .writing import Prepared, SplitSummary, config_folder


with importing("data"):
    from datasets import DatasetInfo, SplitDict, SplitInfo
    from datasets.info import DatasetInfosDict
    from datasets.utils.metadata import MetadataConfigs


TEMPLATE = Path(__file__).with_suffix(".md")
COLUMNS = {
    "object_id": "path below the source, without ending",
    "points": "cloud, float32 (N, 3): mean at the origin, largest norm 1, y up",
    "views": "images of the object, lossless WebP",
    "label": "class; self-training never reads it",
    "captions": "sentences about the object",
}


def write_card(folder: Path, sources: Sequence[PairSource], prepared: Prepared, default_config: str) -> None:
    """Write `README.md` into `folder`.

    Args:
        folder: Root of the data set.
        sources: Its sources, one per configuration.
        prepared: Its splits.
        default_config: Configuration that `load_dataset(folder)` takes.
    """
    data = DatasetCardData(
        pretty_name=sources[0].title,
        license=sources[0].license,
        task_categories=["zero-shot-classification"],
        tags=["3d", "point-cloud", "cross-most"],
    )
    configs, infos = {}, {}
    for source, splits in zip(sources, prepared.splits, strict=True):
        if splits:
            configs[source.config_name] = _config(source, splits, source.config_name == default_config)
            infos[source.config_name] = _info(source, splits)
    MetadataConfigs(configs).to_dataset_card_data(data)
    DatasetInfosDict(infos).to_dataset_card_data(data)
    card = DatasetCard.from_template(
        data,
        str(TEMPLATE),
        title=sources[0].title,
        columns=_columns(sources),
        configurations=[
            {
                "name": source.config_name,
                "facts": {**source.describe(), "Seed": source.seed},
                "counts": count_table(source.class_names(), splits),
            }
            for source, splits in zip(sources, prepared.splits, strict=True)
        ],
        skipped=len(prepared.skipped),
    )
    write_text(folder / "README.md", f"{card}\n")


def _config(source: PairSource, splits: dict[str, SplitSummary], default: bool) -> dict:
    folder = config_folder(source)
    files = [{"split": split, "path": f"{folder}/{split}-*.parquet"} for split in splits]
    return {"data_files": files, **({"default": True} if default and folder != "data" else {})}


def _info(source: PairSource, splits: dict[str, SplitSummary]) -> DatasetInfo:
    sizes = SplitDict()
    for name, summary in splits.items():
        sizes.add(SplitInfo(name=name, num_bytes=summary.stats.num_bytes, num_examples=summary.stats.rows))
    total = sum(summary.stats.num_bytes for summary in splits.values())
    return DatasetInfo(features=source.features(), splits=sizes, dataset_size=total)


def _columns(sources: Sequence[PairSource]) -> list[tuple[str, str, list[str]]]:
    """Name, content and, where not all configurations have it, the configurations of every column."""
    rows = []
    for column, content in COLUMNS.items():
        having = [source.config_name for source in sources if column in source.features()]
        if having:
            rows.append((column, content, having if len(having) < len(sources) else []))
    return rows


def count_table(class_names: Sequence[str] | None, splits: dict[str, SplitSummary]) -> str:
    """Markdown table of objects per class (rows) and split (columns)."""
    lines = [f"| class | {' | '.join(splits)} |", "|---|" + "---:|" * len(splits)]
    for name in class_names or ():
        lines.append(f"| {name} | {' | '.join(str(s.stats.classes.get(name, 0)) for s in splits.values())} |")
    lines.append(f"| **all** | {' | '.join(str(summary.stats.rows) for summary in splits.values())} |")
    return "\n".join(lines)
