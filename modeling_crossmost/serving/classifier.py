"""Classify untrusted files: a sandbox reads and renders them, the model sees only the resulting arrays.

    with Classifier.from_pretrained() as classifier:
        for result in classifier.stream(["chair.glb", "scan.ply"]):
            print(result.file, result.error or result.fused[0])

The model's inputs are those of `CrossMoSTProcessor(mesh=file, render_views=12)`, except that files which a file refers
to (materials, textures) are not read. A `Classifier` may be used by many threads at once, each with its own classes.
"""

from __future__ import annotations

import copy
import time
from collections import OrderedDict, deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import islice
from os import PathLike, fsdecode
from threading import Lock
from typing import Any

import numpy as np
import torch

from .. import CrossMoSTModel, CrossMoSTProcessor
from ..doubts_crossmost import opinion_doubts
from ..geometry_crossmost import MODEL_AXES, convert_up_axis
from ..hub.loading import bundled_model, load_model_and_processor
from .sandbox import Preparation, Prepared, Sandbox, Upload, UploadError, read_upload


# Files per forward pass, and how long a file that is ready waits for others to join its batch.
BATCH_SIZE = 8
BATCH_WAIT_SECONDS = 0.25

# Number of class name lists whose classifiers are cached.
KEPT_CLASSIFIERS = 8

# Views of a second look at a doubtful object, and how probable its class must be for another up axis to be proposed.
SECOND_VIEWS, SURE = 4, 0.5

Ranking = list[tuple[str, float]]
Opinions = dict[str, np.ndarray]  # probabilities (C,) by "fused", and "point" and "image" where they were used


@dataclass(frozen=True)
class Classification:
    """The classification of one file.

    Attributes:
        file: the file's name as it was passed.
        fused: (class, probability) pairs, most probable first: both modalities together, or the only one used.
        point: the same from the cloud; empty if it was not used.
        image: the same from the views; empty if there were none.
        seconds: time to read and render the file, plus its share of the model's time.
        error: one sentence if the file cannot be used; the other fields are empty then.
        prepared: the model's inputs.
        doubts: sentences on the model's opinions, and on how the object stands.
    """

    file: str
    fused: Ranking = field(default_factory=list)
    point: Ranking = field(default_factory=list)
    image: Ranking = field(default_factory=list)
    seconds: float = 0.0
    error: str | None = None
    prepared: Prepared | None = field(default=None, repr=False)
    doubts: list[str] = field(default_factory=list)

    @property
    def disagrees(self) -> bool:
        """Whether the most probable classes of cloud and views differ."""
        return bool(self.point and self.image) and self.point[0][0] != self.image[0][0]

    @property
    def notes(self) -> list[str]:
        """Sentences that warn about a doubtful result."""
        if self.prepared is None:
            return list(self.doubts)
        found = [*self.doubts, *self.prepared.notes]
        if self.prepared.left_out:
            names = ", ".join(self.prepared.left_out)
            found.append(f"Without {names}, which the file refers to: export one .glb file to keep colors.")
        return found

    def to_dict(self, top_k: int | None = None) -> dict[str, Any]:
        """Return what `classify --json` prints: `file` and `error`, or `file`, the rankings, `notes` and `seconds`.

        Args:
            top_k: length of the lists; all classes by default.
        """
        if self.error is not None:
            return {"file": self.file, "error": self.error}
        lists = {name: _rounded(getattr(self, name)[:top_k]) for name in ("fused", "point", "image")}
        return {"file": self.file, **lists, "notes": self.notes, "seconds": round(self.seconds, 3)}


def _rounded(ranking: Ranking) -> list[list]:
    return [[name, round(probability, 6)] for name, probability in ranking]


class Classifier:
    """Classify mesh and cloud files with a model, reading each file in a sandbox.

    Args:
        model: a `CrossMoSTModel`; set to evaluation mode.
        processor: its processor.
        sandbox: reads the files and is closed with the classifier; by default one child process with `Limits()`.
    """

    def __init__(self, model: CrossMoSTModel, processor: CrossMoSTProcessor, sandbox: Sandbox | None = None):
        self.sandbox = sandbox or Sandbox()
        self.model, self.processor = model.eval(), processor
        self._lock = Lock()
        self._twins: OrderedDict[tuple[str, ...], CrossMoSTModel] = OrderedDict()

    @classmethod
    def from_pretrained(
        cls, name: str | None = None, sandbox: Sandbox | None = None, device: str | torch.device | None = None
    ) -> Classifier:
        """Load a model and its processor.

        Args:
            name: Hub id or folder; by default the checkpoint bundled with the repository.
            sandbox: as in the constructor.
            device: device of the model; by default a GPU if available.

        Raises:
            ValueError: if there is no loadable model.
        """
        sandbox = sandbox or Sandbox()  # created first: its child starts while the model loads
        if device is None:
            device = "cuda" if torch.cuda.is_available() else "cpu"
        model, processor = load_model_and_processor(bundled_model() if name is None else name, CrossMoSTModel)
        return cls(model.to(device), processor, sandbox)  # type: ignore[arg-type] # transformers wraps `to`

    def __call__(self, files: Iterable[str | PathLike | Upload], **options: Any) -> list[Classification]:
        """Classify files like `stream`, and return a list."""
        return list(self.stream(files, **options))

    def stream(
        self,
        files: Iterable[str | PathLike | Upload],
        class_names: Sequence[str] | None = None,
        up_axis: str = "y",
        num_views: int | None = None,
        use_cloud: bool = True,
        preview: bool = False,
    ) -> Iterator[Classification]:
        """Classify files and yield the results in order; a file that cannot be used yields a result with an `error`.

        Args:
            files: paths, or `Upload`s of bytes.
            class_names: classes to choose from, as free text; by default the model's.
            up_axis: axis that points up in the files.
            num_views: views to render of each object; 0 uses the cloud alone. By default 12, or 0 if the model has no
                image tower.
            use_cloud: whether the model sees the cloud.
            preview: whether to make `prepared.preview`, a binary glTF for a viewer.

        Raises:
            ValueError: if class names or options are invalid.
            SandboxError: if no child process can be started.
        """
        if num_views is None:
            num_views = self.model.config.default_views
        if num_views > 0 and self.model.vision_model is None:
            raise ValueError("The model has no image tower and cannot use views: set num_views to 0.")
        if num_views == 0 and not use_cloud:
            raise ValueError("Neither the views nor the cloud are used: keep at least one of them.")
        extractor = self.processor.feature_extractor
        wanted = Preparation(
            num_points=extractor.num_points,
            seed=extractor.seed,
            up_axis=up_axis,
            model_axis=extractor.up_axis,
            num_views=num_views,
            image_size=self.processor.image_size if num_views > 0 else 1,
            preview=preview,
        )
        return self._stream(files, self.with_classes(class_names), wanted, use_cloud)

    def close(self) -> None:
        """Close the sandbox."""
        self.sandbox.close()

    def __enter__(self) -> Classifier:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def with_classes(self, names: Sequence[str] | None) -> CrossMoSTModel:
        """Return the model, or for other class names a twin that shares its towers but has its own classifier.

        The twins of the last `KEPT_CLASSIFIERS` lists are kept.

        `torch.func.functional_call` is no alternative: during the call it swaps the classifier in the model itself,
        where other threads would see it.
        """
        has_classes = bool(self.model.classifier.weight.any())  # all zeros if a converted checkpoint has no classes
        if names is None:
            if not has_classes:
                raise ValueError("The model was saved without classes to choose from: pass class names.")
            return self.model
        if has_classes and list(names) == self.model.config.class_names:
            return self.model
        key = tuple(names)
        with self._lock:
            if key not in self._twins:
                twin = copy.copy(self.model)
                twin._modules = dict(self.model._modules)  # copy.copy shares it: the model would get the classifier too
                twin.config = copy.copy(self.model.config)
                self._twins[key] = twin.set_classes(list(names), tokenizer=self.processor.tokenizer)
                if len(self._twins) > KEPT_CLASSIFIERS:
                    self._twins.popitem(last=False)
            self._twins.move_to_end(key)
            return self._twins[key]

    def _stream(
        self, files: Iterable[str | PathLike | Upload], model: CrossMoSTModel, wanted: Preparation, use_cloud: bool
    ) -> Iterator[Classification]:
        rest = iter(files)
        waiting: deque[Future] = deque()
        pool = ThreadPoolExecutor(self.sandbox.processes, "sandbox")
        try:
            while True:
                # Read up to two batches ahead, so that the sandbox stays busy while the model runs.
                ahead = islice(rest, 2 * BATCH_SIZE - len(waiting))
                waiting.extend(pool.submit(self._read, file, wanted) for file in ahead)
                if not waiting:
                    return
                yield from self._classify(_next_batch(waiting), model, wanted, use_cloud)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

    def _read(self, file: str | PathLike | Upload, wanted: Preparation) -> _Read:
        """Prepare a file, or find the reason why it cannot be used."""
        began = time.perf_counter()
        result: Prepared | str
        try:
            upload = file if isinstance(file, Upload) else read_upload(file, self.sandbox.limits.max_bytes)
            result = self.sandbox.prepare(upload, wanted)
        except UploadError as error:
            result = str(error)
        return _Read(file, result, time.perf_counter() - began)

    def _classify(
        self, batch: list[_Read], model: CrossMoSTModel, wanted: Preparation, use_cloud: bool
    ) -> Iterator[Classification]:
        began = time.perf_counter()
        usable = [read.result for read in batch if isinstance(read.result, Prepared)]
        predictions = iter(self._predict(usable, model, use_cloud) if usable else [])
        share = (time.perf_counter() - began) / max(len(usable), 1)
        names = model.config.class_names
        for read in batch:
            if isinstance(read.result, str):
                yield Classification(read.name, error=read.result)
                continue
            began, opinions = time.perf_counter(), next(predictions)
            doubts = opinion_doubts(names, opinions.get("point"), opinions.get("image"), opinions["fused"])
            if doubts:
                doubts += self._better_standing(read, model, wanted, use_cloud, opinions)
            seconds = read.seconds + share + time.perf_counter() - began
            ranked = {key: _ranking(names, found) for key, found in opinions.items()}
            lists = (ranked["fused"], ranked.get("point", []), ranked.get("image", []))
            yield Classification(read.name, *lists, seconds=seconds, prepared=read.result, doubts=doubts)

    def _better_standing(
        self, read: _Read, model: CrossMoSTModel, wanted: Preparation, use_cloud: bool, first: Opinions
    ) -> list[str]:
        """Look at a doubtful object with every other axis up; say so if one of them makes its class clear."""
        assert isinstance(read.result, Prepared)  # for the type checker
        axes = [axis for axis in MODEL_AXES if axis != wanted.up_axis]
        if use_cloud:  # turned, it says at little cost which axis is worth drawing views of
            stored = convert_up_axis(read.result.points, wanted.model_axis, wanted.up_axis)
            points = [convert_up_axis(stored, axis, wanted.model_axis) for axis in axes]
            clouds = [replace(read.result, points=turned, views=None) for turned in points]
            sure = [found["fused"].max() for found in self._predict(clouds, model, True)]
            axes = [axes[int(np.argmax(sure))]] if max(sure) >= SURE else []
        for axis in axes:
            views = min(wanted.num_views, SECOND_VIEWS)
            again = self._read(read.file, replace(wanted, up_axis=axis, num_views=views, preview=False))
            if not isinstance(again.result, Prepared):
                continue
            opinions = self._predict([again.result], model, use_cloud)[0]
            if _agreement(opinions) >= max(SURE, 2.0 * _agreement(first)):
                fused = opinions["fused"]
                name = model.config.class_names[int(fused.argmax())]
                return [f"With the axis {axis} up it would clearly be {name} ({fused.max():.0%})."]
        return []

    @torch.no_grad()
    def _predict(self, objects: list[Prepared], model: CrossMoSTModel, use_cloud: bool) -> list[Opinions]:
        """Return what each object is likely to be."""
        inputs: dict[str, torch.Tensor] = {}
        if use_cloud:
            inputs["point_values"] = torch.from_numpy(np.stack([item.points for item in objects]))
        if objects[0].views is not None:
            views = [list(item.views) for item in objects if item.views is not None]
            inputs["pixel_values"] = self.processor(images=views)["pixel_values"]
        output = model(**{name: value.to(model.device) for name, value in inputs.items()})
        logits = {"point": output.logits_per_point, "image": output.logits_per_image}
        found = {name: rows.float().softmax(-1) for name, rows in logits.items() if rows is not None}
        alone = next(iter(found.values()))
        found["fused"] = model.fuse(found["image"], found["point"]) if len(found) == 2 else alone
        arrays = {name: rows.cpu().numpy() for name, rows in found.items()}
        return [{key: rows[index] for key, rows in arrays.items()} for index in range(len(objects))]


@dataclass(frozen=True)
class _Read:
    """What became of a file in the sandbox: its arrays, or the reason why it cannot be used, and the seconds taken."""

    file: str | PathLike | Upload
    result: Prepared | str
    seconds: float

    @property
    def name(self) -> str:
        return self.file.name if isinstance(self.file, Upload) else fsdecode(self.file)


def _agreement(opinions: Opinions) -> float:
    """Return the probability that cloud and views name the same class, or the best one's where there is only one."""
    if "point" in opinions and "image" in opinions:
        return float(opinions["point"] @ opinions["image"])
    return float(opinions["fused"].max())


def _next_batch(waiting: deque[Future]) -> list[_Read]:
    """Take the first results off the queue: wait for one, then briefly for others to join it."""
    batch = [waiting.popleft().result()]
    until = time.perf_counter() + BATCH_WAIT_SECONDS
    while waiting and len(batch) < BATCH_SIZE:
        try:
            batch.append(waiting[0].result(timeout=max(until - time.perf_counter(), 0.0)))
        except TimeoutError:
            break
        waiting.popleft()
    return batch


def _ranking(names: Sequence[str], probabilities: np.ndarray) -> Ranking:
    order = np.argsort(-probabilities, kind="stable")
    return [(names[index], float(probabilities[index])) for index in order]
