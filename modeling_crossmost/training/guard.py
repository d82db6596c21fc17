"""Keep a run finite: leave out steps whose loss or gradient is not, and never save such weights."""

from typing import Any

import torch
import torch.distributed as dist
from torch import nn

from .distributed import world_size
from .sharding import whole


class NonFiniteError(ValueError):
    """Raised when a run cannot go on; the message is one sentence for the user."""


class FiniteGuard:
    """Leave out optimizer steps whose loss or gradient is not finite, and stop a run that has many in a row.

    The verdict stays on the device, where the fused AdamW reads it, as it does a gradient scaler's: no step waits for
    the host. Student and moments then stand still, and BatchNorm's statistics are put back.

    Args:
        model: the trained model, unwrapped.
        optimizer: a fused optimizer, or accelerate's wrapper of one.
        limit: number of such steps in a row that ends the run.
    """

    def __init__(self, model: nn.Module, optimizer: torch.optim.Optimizer, limit: int):
        self.optimizer: Any = getattr(optimizer, "optimizer", optimizer)
        # With a gradient scaler, the scaler tells the optimizer.
        self.tells = getattr(optimizer, "scaler", None) is None
        self.buffers = [value for value in model.buffers() if value.is_floating_point()]
        # Those of the optimizer: where FSDP divides the model's, each process judges its parts.
        self.parameters = [value for group in self.optimizer.param_groups for value in group["params"]]
        device = self.parameters[0].device
        self.limit = limit
        self.in_a_row, self.longest, self.skipped = (torch.zeros((), device=device) for _ in range(3))
        self.saved: list[torch.Tensor] = []

    def begin(self) -> None:
        """Start a step: remember what its forward passes overwrite."""
        self.saved = [value.clone() for value in self.buffers]

    @torch.no_grad()
    def judge(self, loss: torch.Tensor, norm: torch.Tensor | None = None) -> None:
        """Decide, before the optimizer's step, whether it counts.

        Args:
            loss: 0-dim.
            norm: norm of the whole gradient; computed here if there is none.
        """
        if norm is None:
            norm = nn.utils.get_total_norm([p.grad for p in self.parameters if p.grad is not None])
        bad = (~(loss.isfinite() & norm.isfinite())).float()
        if world_size() > 1:  # a term of the loss may be infinite in one process alone
            dist.all_reduce(bad, dist.ReduceOp.MAX)
        if self.tells:
            self.optimizer.found_inf = bad
        for value, saved in zip(self.buffers, self.saved, strict=True):
            value.copy_(torch.where(bad > 0, saved, value))
        self.in_a_row = (self.in_a_row + 1) * bad
        self.longest = torch.maximum(self.longest, self.in_a_row)
        self.skipped = self.skipped + bad

    def check(self) -> int:
        """Wait for the device and return the number of steps that were left out.

        Raises:
            NonFiniteError: if `limit` of them came in a row.
        """
        longest, skipped = torch.stack([self.longest, self.skipped]).long().tolist()
        if longest >= self.limit:
            raise NonFiniteError(
                f"the loss or its gradient was not finite in {longest} steps in a row: lower --learning_rate, or look "
                "for unusable objects in the data; nothing was saved since."
            )
        return skipped

    def state_dict(self) -> dict[str, float]:
        """Return the counts as JSON values."""
        names = ("in_a_row", "longest", "skipped")
        return dict(zip(names, torch.stack([self.in_a_row, self.longest, self.skipped]).tolist(), strict=True))

    def load_state_dict(self, state: dict[str, float]) -> None:
        """Continue from a [`state_dict`]."""
        for name, value in state.items():
            setattr(self, name, torch.full_like(self.skipped, value))


@torch.no_grad()
def check_finite(model: nn.Module, what: str) -> None:
    """Refuse weights that are not finite; call it before they are saved.

    Args:
        model: the model.
        what: its name in the message.

    Raises:
        NonFiniteError: if a parameter or buffer is not finite; names the first one.
    """
    values = {name: value for name, value in model.state_dict().items() if value.is_floating_point()}
    finite = torch.stack([whole(value).isfinite().all() for value in values.values()]).tolist()
    for name, fine in zip(values, finite, strict=True):
        if not fine:
            raise NonFiniteError(f"{what} is not finite any more ({name}): lower --learning_rate; it was not saved.")
