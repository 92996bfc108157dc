"""From an encoder's width to the decoder's."""

from __future__ import annotations

from torch import Tensor, nn


class Projector(nn.Module):
    """The affine map into the space of word embeddings (PaLM-E: Driess et al. 2023, section 4, "psi").

    scale: root mean square that the embeddings begin with, by an RMSNorm behind the map. That of the decoder's own
        words (0.134 in SmolLM2) is the one to take. None = the map alone, as PaliGemma has it.
    """

    def __init__(self, inputs: int, width: int, *, scale: float | None = None) -> None:
        super().__init__()
        self.linear = nn.Linear(inputs, width)
        self.norm: nn.Module = nn.Identity()
        if scale is not None:
            self.norm = nn.RMSNorm(width, eps=1e-5)
            nn.init.constant_(self.norm.weight, scale)

    def forward(self, x: Tensor) -> Tensor:
        """[...,inputs] -> [...,width]."""
        return self.norm(self.linear(x))  # type: ignore[no-any-return]
