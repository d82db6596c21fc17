"""From foreign files to class probabilities: the sandbox reads and draws, the model looks at what comes out.

    with Classifier.from_pretrained() as classifier:
        for result in classifier.stream(["chair.glb", "scan.ply"]):
            print(result.file, result.error or result.fused[0])

The model gets what `CrossMoSTProcessor(mesh=file, render_views=12)` would give it, except that files which a file names
(materials, textures) are not read. Safe for many threads at once, each with its own class names.
"""

from __future__ import annotations

import copy
import time
from collections import OrderedDict, deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from os import PathLike, fsdecode
from threading import Lock
from typing import Any

import numpy as np
import torch

from .. import CrossMoSTModel, CrossMoSTProcessor
from ..hub.loading import bundled_model, load_model_and_processor
from .sandbox import Preparation, Prepared, Sandbox, Upload, UploadError, read_upload


# Files of one call of the model, and how long a finished file waits for others to share one.
BATCH_SIZE = 8
BATCH_WAIT_SECONDS = 0.25

# Lists of class names whose classifiers are kept.
_KEPT_CLASSIFIERS = 8

Ranking = list[tuple[str, float]]


@dataclass(frozen=True)
class Classification:
    """What was found about one file.

    Attributes:
        file: its name as it was passed.
        fused: (class, probability), the most probable first: mean of the two modalities, or the one that there is.
        point: the same from the cloud; empty where it was left out.
        image: the same from the views; empty where there were none.
        seconds: time of reading, drawing, and its part of the model's.
        error: a sentence where the file cannot be used; the other fields are empty then.
        prepared: what the model saw.
    """

    file: str
    fused: Ranking = field(default_factory=list)
    point: Ranking = field(default_factory=list)
    image: Ranking = field(default_factory=list)
    seconds: float = 0.0
    error: str | None = None
    prepared: Prepared | None = field(default=None, repr=False)

    @property
    def disagrees(self) -> bool:
        """Whether cloud and views name different classes."""
        return bool(self.point and self.image) and self.point[0][0] != self.image[0][0]

    @property
    def notes(self) -> list[str]:
        """Sentences that say where doubt is due."""
        found = []
        if self.disagrees:
            point, image = self.point[0][0], self.image[0][0]
            found.append(f"The cloud says {point}, the views say {image}: the object may not stand upright.")
        if self.prepared is not None and self.prepared.left_out:
            names = ", ".join(self.prepared.left_out)
            found.append(f"Without {names}, which the file refers to: export one .glb file to keep colors.")
        return found

    def to_dict(self, top_k: int | None = None) -> dict[str, Any]:
        """What `classify --json` prints: `file` and `error`, or `file`, the three rankings, `notes` and `seconds`.

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
    """Classifies mesh and cloud files with a model, each file read in a sandbox.

    Args:
        model: a `CrossMoSTModel`; put into evaluation mode.
        processor: its processor.
        sandbox: where files are read, closed with the classifier; by default one child process with `Limits()`.
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
        """Loads a model and its processor.

        Args:
            name: Hub id or folder; by default the checkpoint that comes with the repository.
            sandbox: as in the constructor.
            device: where the model runs; by default a GPU where there is one.

        Raises:
            ValueError: nothing loadable there.
        """
        sandbox = sandbox or Sandbox()  # its child starts meanwhile
        if device is None:
            device = "cuda" if torch.cuda.is_available() else "cpu"
        model, processor = load_model_and_processor(bundled_model() if name is None else name, CrossMoSTModel)
        return cls(model.to(device), processor, sandbox)  # type: ignore[arg-type] # transformers wraps `to`

    def __call__(self, files: Iterable[str | PathLike | Upload], **options: Any) -> list[Classification]:
        """`stream`, as a list."""
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
        """Classifies files, in order, as they get ready; what cannot be used becomes a result with an `error`.

        Args:
            files: paths, or `Upload`s of bytes.
            class_names: what to choose from, as free text; by default the model's classes.
            up_axis: axis that points up in the files.
            num_views: views to draw of each object; 0 looks at the cloud alone. By default 12, or none where the model
                has no image tower.
            use_cloud: whether the model looks at the cloud.
            preview: whether `prepared.preview` is made, a binary glTF for a viewer.

        Raises:
            ValueError: unusable class names or options.
            SandboxError: no process can be started to read the files in.
        """
        if num_views is None:
            num_views = self.model.config.default_views
        if num_views > 0 and self.model.vision_model is None:
            raise ValueError("The model has no image tower: it can look at no views, only at clouds.")
        if num_views == 0 and not use_cloud:
            raise ValueError("Neither views nor the cloud are left to look at: keep one of them.")
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
        return self._stream(files, self._with_classes(class_names), wanted, use_cloud)

    def close(self) -> None:
        """Ends the sandbox."""
        self.sandbox.close()

    def __enter__(self) -> Classifier:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _with_classes(self, names: Sequence[str] | None) -> CrossMoSTModel:
        """The model, or a twin that shares its towers and has a classifier of its own for other class names.

        `torch.func.functional_call` would put the other classifier into the model itself for the time of the call,
        where other threads would meet it.
        """
        has_classes = bool(self.model.classifier.weight.any())  # the converter leaves zeros where a file has none
        if names is None:
            if not has_classes:
                raise ValueError("The model was saved without classes to choose from: name some.")
            return self.model
        if has_classes and list(names) == self.model.config.class_names:
            return self.model
        key = tuple(names)
        with self._lock:
            if key not in self._twins:
                twin = copy.copy(self.model)
                twin._modules = dict(self.model._modules)  # else the model would get the new classifier too
                twin.config = copy.copy(self.model.config)
                self._twins[key] = twin.set_classes(list(names), tokenizer=self.processor.tokenizer)
                if len(self._twins) > _KEPT_CLASSIFIERS:
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
                ahead = islice(rest, 2 * BATCH_SIZE - len(waiting))
                waiting.extend(pool.submit(self._read, file, wanted) for file in ahead)
                if not waiting:
                    return
                yield from self._classify(_next_batch(waiting), model, use_cloud)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

    def _read(self, file: str | PathLike | Upload, wanted: Preparation) -> tuple[str, Prepared | str, float]:
        """A file's name, what it became or why it cannot be used, and the seconds it took."""
        began = time.perf_counter()
        name = file.name if isinstance(file, Upload) else fsdecode(file)
        result: Prepared | str
        try:
            upload = file if isinstance(file, Upload) else read_upload(file, self.sandbox.limits.max_bytes)
            result = self.sandbox.prepare(upload, wanted)
        except UploadError as error:
            result = str(error)
        return name, result, time.perf_counter() - began

    def _classify(
        self, batch: list[tuple[str, Prepared | str, float]], model: CrossMoSTModel, use_cloud: bool
    ) -> Iterator[Classification]:
        began = time.perf_counter()
        usable = [prepared for _, prepared, _ in batch if isinstance(prepared, Prepared)]
        predictions = iter(self._predict(usable, model, use_cloud) if usable else [])
        share = (time.perf_counter() - began) / max(len(usable), 1)
        for name, prepared, seconds in batch:
            if isinstance(prepared, str):
                yield Classification(name, error=prepared)
            else:
                yield Classification(name, **next(predictions), seconds=seconds + share, prepared=prepared)

    @torch.no_grad()
    def _predict(self, objects: list[Prepared], model: CrossMoSTModel, use_cloud: bool) -> list[dict[str, Any]]:
        """Rankings `fused`, `point` and `image` of each object; what was left out is missing."""
        inputs: dict[str, torch.Tensor] = {}
        if use_cloud:
            inputs["point_values"] = torch.from_numpy(np.stack([item.points for item in objects]))
        if objects[0].views is not None:
            views = [list(item.views) for item in objects if item.views is not None]
            inputs["pixel_values"] = self.processor(images=views)["pixel_values"]
        output = model(**{name: value.to(model.device) for name, value in inputs.items()})
        logits = {"point": output.logits_per_point, "image": output.logits_per_image}
        found = {name: rows.float().softmax(-1).cpu().numpy() for name, rows in logits.items() if rows is not None}
        found["fused"] = np.mean(list(found.values()), axis=0)
        names = model.config.class_names
        return [{key: _ranking(names, rows[index]) for key, rows in found.items()} for index in range(len(objects))]


def _next_batch(waiting: deque[Future]) -> list[tuple[str, Prepared | str, float]]:
    """Takes the first results off the queue: waits for one, and a little for others after it."""
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
