"""Pictures and videos as tokens of the decoder's width.

Shapes: B batch, C colours, F frames, N tokens, D decoder width.
"""

from __future__ import annotations

from torch import Tensor, nn

from agent.vlm.encoders.project import Projector
from agent.vlm.encoders.video import VideoViT
from agent.vlm.encoders.vit import ViT


class ImageEncoder(nn.Module):
    """All patch tokens of a picture, projected (PaLM-E, section 4; PaliGemma)."""

    def __init__(self, vit: ViT, projector: Projector) -> None:
        super().__init__()
        self.vit, self.project = vit, projector

    def tokens(self, shape: tuple[int, ...]) -> int:
        """Tokens of a picture [C,height,width].

        Raises:
            ValueError: no such picture can be read.
        """
        if len(shape) != 3:
            raise ValueError(f"a picture must be [C,height,width], not {list(shape)}")
        rows, columns = self.vit.patches(*shape[-2:])
        return rows * columns

    def forward(self, image: Tensor) -> Tensor:
        """image float32[B,C,height,width] -> [B,N,D]."""
        return self.project(self.vit.patch_tokens(image))  # type: ignore[no-any-return]


class VideoEncoder(nn.Module):
    """All tubelet tokens of a video, projected."""

    def __init__(self, vit: VideoViT, projector: Projector) -> None:
        super().__init__()
        self.vit, self.project = vit, projector

    def tokens(self, shape: tuple[int, ...]) -> int:
        """Tokens of a video [F,C,height,width].

        Raises:
            ValueError: no such video can be read.
        """
        if len(shape) != 4:
            raise ValueError(f"a video must be [F,C,height,width], not {list(shape)}")
        steps, rows, columns = self.vit.tubelets(shape[0], *shape[-2:])
        return steps * rows * columns

    def forward(self, video: Tensor) -> Tensor:
        """video float32[B,F,C,height,width] -> [B,N,D]."""
        return self.project(self.vit(video))  # type: ignore[no-any-return]
