"""A robot's state as one token.

Shapes: B batch, S numbers in the state, D decoder width.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from agent.vlm.encoders.project import Projector


class StateEncoder(nn.Module):
    """An MLP on the state vector (PaLM-E: Driess et al. 2023, section 4, "state estimation vectors")."""

    def __init__(self, numbers: int, width: int, *, hidden: int = 64, scale: float | None = None) -> None:
        super().__init__()
        self.numbers = numbers
        self.fc1 = nn.Linear(numbers, hidden)
        self.project = Projector(hidden, width, scale=scale)

    def tokens(self, shape: tuple[int, ...]) -> int:
        """Always 1.

        Raises:
            ValueError: a state of another length.
        """
        if shape != (self.numbers,):
            raise ValueError(f"a state has shape {list(shape)}, this encoder takes [{self.numbers}]")
        return 1

    def forward(self, state: Tensor) -> Tensor:
        """state float32[B,S] -> [B,1,D]."""
        return self.project(F.gelu(self.fc1(state), approximate="tanh"))[:, None]  # type: ignore[no-any-return]
