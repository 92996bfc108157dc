"""Pixels to image tokens, and to the finer map that the pointer reads.

Shapes: B batch, P image side in px, G grid (tokens a side), M map grid (cells a side), W ViT width, C map width.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from agent.vlm.config import VisionConfig
from agent.vlm.encoders.block import Block, BlockConfig


class ConvNorm(nn.Module):
    """Convolution, batch norm, GELU. The norm folds into the convolution at export."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1) -> None:
        super().__init__()
        padding = (kernel - 1) // 2 if stride != kernel else 0
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, padding, bias=False)
        self.norm = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        return F.gelu(self.norm(self.conv(x)), approximate="tanh")


class Vision(nn.Module):
    """Convolutional stem (Xiao et al. 2021), ViT on its coarsest level, and a U-shaped way back up for the map."""

    def __init__(self, c: VisionConfig) -> None:
        super().__init__()
        self.config = c
        a, b, d = c.stem
        if c.image_px != 4 * c.map_grid or c.map_grid % 2 or (c.map_grid // 2) % c.grid:
            raise ValueError(f"image_px must be 4 x map_grid and map_grid / 2 a multiple of grid, not {c}")
        self.down2 = ConvNorm(3, a, 3, 2)
        self.down4 = ConvNorm(a, b, 3, 2)
        self.same4 = ConvNorm(b, b, 3)
        self.down8 = ConvNorm(b, d, 3, 2)
        self.same8 = ConvNorm(d, d, 3)
        patch = c.map_grid // 2 // c.grid
        self.patch = nn.Conv2d(d, c.width, patch, patch)
        self.position = nn.Parameter(0.02 * torch.randn(c.grid**2, c.width))
        block = BlockConfig(
            width=c.width, heads=c.heads, ffn_width=4 * c.width, activation="gelu_tanh", norm_eps=1e-5
        )  # fmt: skip
        self.blocks = nn.ModuleList(Block(block) for _ in range(c.layers))
        self.norm = nn.LayerNorm(c.width)
        self.back8 = nn.Conv2d(c.width, d, 1)
        self.fuse8 = ConvNorm(d, d, 3)
        self.back4 = nn.Conv2d(d, b, 1)
        self.fuse4 = ConvNorm(b, b, 3)
        self.to_map = nn.Conv2d(b, c.map_width, 1)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """image [B,3,P,P], normalised -> tokens [B,G*G,W], map [B,C,M,M]."""
        c = self.config
        x4 = self.down4(self.down2(image))
        x4 = x4 + self.same4(x4)
        x8 = self.down8(x4)
        x8 = x8 + self.same8(x8)
        tokens = self.patch(x8).flatten(2).transpose(1, 2) + self.position
        for block in self.blocks:
            tokens = block(tokens)
        tokens = self.norm(tokens)
        coarse = tokens.transpose(1, 2).reshape(-1, c.width, c.grid, c.grid)
        x8 = x8 + F.interpolate(self.back8(coarse), size=x8.shape[-2:], mode="bilinear", align_corners=False)
        x8 = self.fuse8(x8)
        x4 = x4 + F.interpolate(self.back4(x8), size=x4.shape[-2:], mode="bilinear", align_corners=False)
        return tokens, self.to_map(self.fuse4(x4))
