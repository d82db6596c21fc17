"""What makes several processes compute exactly what one process computes with the same global batch."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import torch
import torch.distributed as dist
from torch import nn
from torch.nn import functional as F


def world_size() -> int:
    """Return the number of training processes, 1 without a distributed launch."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


class _Sum(torch.autograd.Function):
    """Sum over processes; so is its gradient, because the sum enters the loss of every process."""

    @staticmethod
    def forward(context, value: torch.Tensor) -> torch.Tensor:
        value = value.clone(memory_format=torch.contiguous_format)  # all_reduce works in place
        dist.all_reduce(value)
        return value

    @staticmethod
    def backward(context, gradient: torch.Tensor) -> torch.Tensor:
        gradient = gradient.clone(memory_format=torch.contiguous_format)
        dist.all_reduce(gradient)
        return gradient


class _Gather(torch.autograd.Function):
    """Concatenation over processes; a process gets back the sum of what all of them have for its part."""

    @staticmethod
    def forward(context, values: torch.Tensor) -> torch.Tensor:
        parts = [torch.empty_like(values, memory_format=torch.contiguous_format) for _ in range(dist.get_world_size())]
        dist.all_gather(parts, values.contiguous())
        return torch.cat(parts)

    @staticmethod
    def backward(context, gradient: torch.Tensor) -> torch.Tensor:
        return _Sum.forward(context, gradient).chunk(dist.get_world_size())[dist.get_rank()]


def gather_batch(values: torch.Tensor) -> torch.Tensor:
    """Concatenate the (B, ...) tensors of all processes in rank order, with gradient.

    Every process computes the same global loss, and the backward pass of the gather sums the gradients of all of them.
    DDP's mean over processes then leaves the gradient of that loss exactly once.
    """
    return values if world_size() == 1 else _Gather.apply(values)


@torch.no_grad()
def global_sum(value: torch.Tensor) -> torch.Tensor:
    """Sum a tensor over all processes, without gradient."""
    return value if world_size() == 1 else _Sum.apply(value)


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
        count = _Sum.apply(wide.new_tensor(float(len(wide))))
        mean = _Sum.apply(wide.sum(0)) / count
        centered = wide - mean
        variance = _Sum.apply(centered.square().sum(0)) / count
        with torch.no_grad():
            running_mean.lerp_(mean, self.momentum)
            running_var.lerp_(variance * count / (count - 1), self.momentum)
        normal = centered * (variance + self.eps).rsqrt() * self.weight + self.bias
        return normal.to(features.dtype)


def synchronize_batch_norm(model: nn.Module) -> nn.Module:
    """Let every BatchNorm of a model use the global batch, and return the model; weights and their names stay."""
    for module in model.modules():
        if type(module) is nn.BatchNorm1d:
            module.__class__ = GlobalBatchNorm
    return model
