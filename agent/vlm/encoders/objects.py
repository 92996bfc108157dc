"""The objects of a scene, each as tokens of its own, which `<obj_1>`, `<obj_2>`, ... refer to.

Shapes: B batch, K objects, A numbers an object, M tokens an object, D decoder width.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from agent.vlm.encoders.project import Projector
from agent.vlm.encoders.slots import SlotAttention
from agent.vlm.encoders.vit import ViT


class VectorObjects(nn.Module):
    """Known objects: a vector of pose, size, colour and the like for each (PaLM-E: Driess et al. 2023, section 4).

    Each is encoded by itself, so that their order and number do not matter.
    """

    def __init__(
        self, numbers: int, width: int, *, tokens_each: int = 1, hidden: int = 64, scale: float | None = None
    ) -> None:
        super().__init__()
        self.numbers, self.tokens_each = numbers, tokens_each
        self.fc1 = nn.Linear(numbers, tokens_each * hidden)
        self.project = Projector(hidden, width, scale=scale)

    def count(self, shape: tuple[int, ...]) -> int:
        """Objects in an input [K,A].

        Raises:
            ValueError: vectors of another length.
        """
        if len(shape) != 2 or shape[1] != self.numbers:
            raise ValueError(f"objects have shape {list(shape)}, this encoder takes [any number,{self.numbers}]")
        return shape[0]

    def forward(self, objects: Tensor) -> Tensor:
        """objects float32[B,K,A] -> [B,K,M,D]."""
        x = F.gelu(self.fc1(objects), approximate="tanh")
        return self.project(x.reshape(*x.shape[:-1], self.tokens_each, -1))  # type: ignore[no-any-return]


class PictureObjects(nn.Module):
    """Objects found in a picture: slots over its tokens (PaLM-E, section 4, has OSRT in this place)."""

    tokens_each = 1

    def __init__(self, vit: ViT, slots: SlotAttention, projector: Projector) -> None:
        super().__init__()
        self.vit, self.slots, self.project = vit, slots, projector

    def count(self, shape: tuple[int, ...]) -> int:
        """Slots that a picture [C,height,width] is taken apart into: always the same."""
        self.vit.patches(*shape[-2:])
        return self.slots.start.shape[0]

    def forward(self, image: Tensor) -> Tensor:
        """image float32[B,C,height,width] -> [B,K,1,D]."""
        slots, _ = self.slots(self.vit.patch_tokens(image))
        return self.project(slots)[:, :, None]  # type: ignore[no-any-return]
