"""What makes several processes compute exactly what one process computes with the same global batch."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import torch
import torch.distributed as dist
from torch import nn
from torch.nn import functional as F


GATHERED = 65536  # numbers, up to which gloo sums by gathering


def world_size() -> int:
    """Return the number of training processes, 1 without a distributed launch."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def _sum_over_processes(value: torch.Tensor) -> torch.Tensor:
    # Gloo takes two to three times as long to reduce little as to gather it.
    if dist.get_backend() == "gloo" and value.numel() <= GATHERED:
        return torch.stack(_parts_of_processes(value)).sum(0)
    value = value.clone(memory_format=torch.contiguous_format)  # all_reduce works in place
    dist.all_reduce(value)
    return value


def _parts_of_processes(value: torch.Tensor) -> list[torch.Tensor]:
    parts = [torch.empty_like(value, memory_format=torch.contiguous_format) for _ in range(dist.get_world_size())]
    dist.all_gather(parts, value.contiguous())
    return parts


class _Gather(torch.autograd.Function):
    """Concatenation over processes; a process gets back the sum of what all of them have for its part."""

    @staticmethod
    def forward(context, values: torch.Tensor) -> torch.Tensor:
        return torch.cat(_parts_of_processes(values))

    @staticmethod
    def backward(context, gradient: torch.Tensor) -> torch.Tensor:
        return _sum_over_processes(gradient).chunk(dist.get_world_size())[dist.get_rank()]


def gather_batch(values: torch.Tensor) -> torch.Tensor:
    """Concatenate the (B, ...) tensors of all processes in rank order, with gradient.

    Every process computes the same global loss, and the backward pass of the gather sums the gradients of all of them.
    DDP's mean over processes then leaves the gradient of that loss exactly once.
    """
    return values if world_size() == 1 else _Gather.apply(values)


def gather_batches(*values: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """Return [`gather_batch`] of several tensors (B, ...) of one data type, which travel together.

    Every exchange makes each process wait for the slowest one.
    """
    if world_size() == 1:
        return values
    gathered = gather_batch(torch.cat([value.flatten(1) for value in values], dim=1))
    widths = [value[0].numel() for value in values]
    parts = zip(gathered.split(widths, dim=1), values, strict=True)
    return tuple(part.unflatten(1, value.shape[1:]) for part, value in parts)


@torch.no_grad()
def global_sum(value: torch.Tensor) -> torch.Tensor:
    """Sum a tensor over all processes, without gradient."""
    return value if world_size() == 1 else _sum_over_processes(value)


_recomputing: ContextVar[bool] = ContextVar("recomputing", default=False)


@contextmanager
def recomputing() -> Iterator[None]:
    """Mark a forward pass that repeats an earlier one, which BatchNorm must not count twice."""
    token = _recomputing.set(True)
    try:
        yield
    finally:
        _recomputing.reset(token)


class GlobalBatchNorm(nn.BatchNorm1d):
    """BatchNorm over the global batch, on every backend; `nn.SyncBatchNorm` needs CUDA.

    The running statistics are the same on all processes, so that none of them evaluates another model.
    """

    # There are always some here, unlike in its base class.
    running_mean: torch.Tensor
    running_var: torch.Tensor
    num_batches_tracked: torch.Tensor
    momentum: float

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Normalize (B, C) features of this process's part of the batch."""
        if not self.training:
            return super().forward(features)
        mean, variance = self.running_mean, self.running_var
        if _recomputing.get():  # the statistics have taken this batch in already
            mean, variance = mean.clone(), variance.clone()
        else:
            self.num_batches_tracked += 1
        if world_size() == 1:
            return F.batch_norm(features, mean, variance, self.weight, self.bias, True, self.momentum, self.eps)
        return self._over_all_processes(features, mean, variance)

    def _over_all_processes(
        self, features: torch.Tensor, running_mean: torch.Tensor, running_var: torch.Tensor
    ) -> torch.Tensor:
        wide = features.float()  # as BatchNorm under autocast
        normal, count, mean, variance = _GlobalNorm.apply(wide, self.weight, self.bias, self.eps)
        running_mean.lerp_(mean, self.momentum)
        running_var.lerp_(variance * count / (count - 1), self.momentum)
        return normal.to(features.dtype)


class _GlobalNorm(torch.autograd.Function):
    """BatchNorm's formula with the global batch's statistics; one exchange in each pass, and torch's own kernels."""

    @staticmethod
    def forward(context, features: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor, eps: float):
        mean = features.mean(0)
        spread = (features - mean).square().sum(0)
        # Means and sums of squares of the parts make those of the whole (Chan et al., 1979).
        parts = gather_batch(torch.cat([features.new_tensor([float(len(features))]), mean, spread])[None])
        counts, means, spreads = parts.split([1, *2 * [len(mean)]], dim=1)
        count = counts.sum()
        mean = (counts * means).sum(0) / count
        variance = (spreads + counts * (means - mean).square()).sum(0) / count
        context.save_for_backward(features, weight, count, mean, variance)
        context.eps = eps
        context.mark_non_differentiable(count, mean, variance)
        return F.batch_norm(features, mean, variance, weight, bias, False, eps=eps), count, mean, variance

    @staticmethod
    def backward(context, gradient: torch.Tensor, *_: torch.Tensor | None):  # type: ignore[override]
        features, weight, count, mean, variance = context.saved_tensors
        fixed = (mean, variance, None, None, False, context.eps)  # mean and variance as if they were constants
        straight, of_weight, of_bias = torch.ops.aten.native_batch_norm_backward(
            gradient.contiguous(), features, weight, *fixed, [True, True, True]
        )
        # What the features' share in mean and variance adds: a line in them, by channel.
        total_bias, total_weight = global_sum(torch.stack([of_bias, of_weight]))
        inverse = (variance + context.eps).rsqrt()
        slope = -weight * inverse.square() * total_weight / count
        offset = -weight * inverse * total_bias / count - slope * mean
        return straight.add_(offset).addcmul_(features, slope), of_weight, of_bias, None


def synchronize_batch_norm(model: nn.Module) -> nn.Module:
    """Let every BatchNorm of a model use the global batch, and return the model; weights and their names stay."""
    for module in model.modules():
        if type(module) is nn.BatchNorm1d:
            module.__class__ = GlobalBatchNorm
    return model
