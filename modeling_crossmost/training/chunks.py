"""A batch that is larger than the memory: forward passes in chunks whose activations are computed again when needed.

The losses compare objects of the whole batch with each other, so that summing gradients of micro-batches would be
another objective. Here the loss sees all outputs at once; its backward pass repeats the forward pass of one chunk at a
time (GradCache, arXiv 2101.06983).
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch.utils.checkpoint import checkpoint

from ..point_ops_crossmost import PointGroups
from .distributed import recomputing


Outputs = dict[str, torch.Tensor]


def _rows(value: Any, rows: slice) -> Any:
    if isinstance(value, PointGroups):
        return PointGroups(*(part[rows] for part in value))
    return value[rows] if isinstance(value, torch.Tensor) and value.dim() > 0 else value


def _contexts() -> tuple[AbstractContextManager, AbstractContextManager]:
    return nullcontext(), recomputing()


def in_chunks(function: Callable[..., Outputs], batch: int, size: int | None, inputs: dict[str, Any]) -> Outputs:
    """Call a function on chunks of a batch; without gradient, or with one that recomputes each chunk.

    Args:
        function: takes the inputs as keywords. Its outputs of two and more dimensions have a row for every object and
            are concatenated, its others are sums over objects and are added.
        batch: number of objects B.
        size: objects per chunk; `None` is the whole batch at once, without recomputation.
        inputs: tensors and `PointGroups` with a row for every object, 0-dim tensors and other values for all of them.

    Returns:
        What the function returns for the whole batch, up to rounding.
    """
    if size is None or batch <= size:
        return function(**inputs)
    parts = []
    for start in range(0, batch, size):
        chunk = {name: _rows(value, slice(start, start + size)) for name, value in inputs.items()}
        if torch.is_grad_enabled():
            # Nothing random is left to restore: noise and masks are inputs.
            parts.append(
                checkpoint(function, use_reentrant=False, preserve_rng_state=False, context_fn=_contexts, **chunk)
            )
        else:
            parts.append(function(**chunk))
    stacked = {name: [part[name] for part in parts] for name in parts[0]}
    return {name: torch.cat(v) if v[0].dim() > 1 else torch.stack(v).sum(0) for name, v in stacked.items()}
