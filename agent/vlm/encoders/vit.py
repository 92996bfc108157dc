"""A vision transformer of the general kind, whose configuration expresses ViT, SigLIP, CLIP, DINOv2 and ViT-22B.

(`agent.vlm.vision.Vision` is nano's own eye: a convolutional stem, a small ViT and a map to point in.)

Shapes: B batch, C colours, P patch side in px, R x S patches of the picture at hand, G patches a side of the native
picture, N tokens, W width.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from agent.vlm.encoders.block import AttentionPool, Block, BlockConfig, make_norm

Pool = Literal["none", "class", "attention"]


@dataclass(frozen=True, kw_only=True)
class ViTConfig:
    """A whole encoder.

    image_px: side of the square pictures that the learned positions are for; others are taken too.
    patch_bias: CLIP's patch embedding has none.
    class_token: a learned token before the patches (ViT, CLIP, DINOv2).
    norm_embeddings: a norm before the first block (CLIP).
    norm_tokens: the last norm is for every token (SigLIP, DINOv2), or for the pooled one alone (CLIP).
    pool: what stands for the whole picture: nothing, the class token, or attention (SigLIP).

    Raises:
        ValueError: a picture smaller than a patch; pooling by a class token that is not there.
    """

    image_px: int = 224
    patch_px: int = 16
    channels: int = 3
    layers: int = 12
    block: BlockConfig = field(default_factory=BlockConfig)
    patch_bias: bool = True
    class_token: bool = False
    norm_embeddings: bool = False
    norm_tokens: bool = True
    pool: Pool = "none"

    def __post_init__(self) -> None:
        if not 0 < self.patch_px <= self.image_px:
            raise ValueError(f"a picture of {self.image_px} px has no patch of {self.patch_px} px")
        if self.pool == "class" and not self.class_token:
            raise ValueError("pool='class' needs class_token=True")

    @property
    def grid(self) -> int:
        """Patches a side. A rest of less than a patch is not seen, as in the published SigLIP of 384 px by 14."""
        return self.image_px // self.patch_px


def resize_positions(table: Tensor, rows: int, columns: int) -> Tensor:
    """Learned 2-D positions for another number of patches: [G*G,W] -> [R*S,W].

    Bicubic in float32, as in ViT (Dosovitskiy et al. 2021, section 3.2) and DINOv2.
    """
    grid = round(table.shape[0] ** 0.5)
    if (rows, columns) == (grid, grid):
        return table
    image = table.float().T.reshape(1, -1, grid, grid)
    image = F.interpolate(image, size=(rows, columns), mode="bicubic", align_corners=False)
    return image[0].flatten(1).T.to(table.dtype)


class ViT(nn.Module):
    """Pixels to tokens, and to one vector for the whole picture where the configuration says how."""

    def __init__(self, c: ViTConfig) -> None:
        super().__init__()
        self.config = c
        width = c.block.width
        self.patch = nn.Conv2d(c.channels, width, c.patch_px, c.patch_px, bias=c.patch_bias)
        self.position = nn.Parameter(0.02 * torch.randn(c.grid**2, width))
        if c.class_token:  # its position is part of it
            self.class_token = nn.Parameter(0.02 * torch.randn(width))
        if c.norm_embeddings:
            self.first_norm = make_norm(c.block.norm, width, c.block.norm_eps)
        self.blocks = nn.ModuleList(Block(c.block) for _ in range(c.layers))
        if c.norm_tokens or c.pool == "class":
            self.norm = make_norm(c.block.norm, width, c.block.norm_eps)
        if c.pool == "attention":
            self.pool = AttentionPool(c.block)

    def patches(self, height_px: int, width_px: int) -> tuple[int, int]:
        """Rows and columns of patches of such a picture.

        Raises:
            ValueError: the picture is smaller than a patch.
        """
        p = self.config.patch_px
        if height_px < p or width_px < p:
            raise ValueError(f"a picture of {height_px} x {width_px} px is smaller than a patch of {p} px")
        return height_px // p, width_px // p

    def embed(self, image: Tensor) -> Tensor:
        """image float32[B,C,height,width] -> what goes into the first block [B,N,W]."""
        c = self.config
        if image.ndim != 4 or image.shape[1] != c.channels:
            raise ValueError(f"pictures must be [B,{c.channels},height,width], not {list(image.shape)}")
        rows, columns = self.patches(image.shape[2], image.shape[3])
        x = self.patch(image).flatten(2).transpose(1, 2) + resize_positions(self.position, rows, columns)
        if c.class_token:
            x = torch.cat([self.class_token.expand(x.shape[0], 1, -1), x], dim=1)
        return self.first_norm(x) if c.norm_embeddings else x  # type: ignore[no-any-return]

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor | None]:
        """image float32[B,C,height,width], normalised as the weights want it.

        Returns tokens [B,N,W], the class token first where there is one, and the whole picture [B,W] or None.
        """
        c = self.config
        x = self.embed(image)
        for block in self.blocks:
            x = block(x)
        if c.norm_tokens:
            x = self.norm(x)
        if c.pool == "attention":
            return x, self.pool(x)
        if c.pool == "class":
            return x, x[:, 0] if c.norm_tokens else self.norm(x[:, 0])
        return x, None

    def patch_tokens(self, image: Tensor) -> Tensor:
        """image float32[B,C,height,width] -> tokens of the patches alone, row by row [B,R*S,W]."""
        tokens, _ = self(image)
        return tokens[:, 1:] if self.config.class_token else tokens  # type: ignore[no-any-return]
