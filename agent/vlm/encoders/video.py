"""Short videos as spacetime patches: ViViT (Arnab et al. 2021), model 1, every tubelet sees every other.

Shapes: B batch, F frames, C colours, K frames a tubelet, T tubelets in time, R x S patches in space, W width.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from agent.vlm.encoders.block import Block, make_norm
from agent.vlm.encoders.vit import ViT, ViTConfig, resize_positions


@dataclass(frozen=True, kw_only=True)
class VideoConfig:
    """A ViT whose patches reach through `tubelet_frames` frames; `frames` is what its positions in time are for.

    Raises:
        ValueError: frames that are no whole number of tubelets; a ViT with a class token, pooling or a first norm.
    """

    frames: int = 8
    tubelet_frames: int = 2
    vit: ViTConfig = field(default_factory=ViTConfig)

    def __post_init__(self) -> None:
        if self.tubelet_frames < 1 or self.frames < 1 or self.frames % self.tubelet_frames:
            raise ValueError(f"{self.frames} frames are no whole number of tubelets of {self.tubelet_frames}")
        if self.vit.class_token or self.vit.pool != "none" or self.vit.norm_embeddings or not self.vit.norm_tokens:
            raise ValueError(
                "a video encoder gives normalised patch tokens alone: no class token, pooling or first norm"
            )


class VideoViT(nn.Module):
    """Frames to tokens of tubelets, in the order of time, then row by row."""

    def __init__(self, c: VideoConfig) -> None:
        super().__init__()
        self.config = c
        v, width = c.vit, c.vit.block.width
        size = (c.tubelet_frames, v.patch_px, v.patch_px)
        self.patch = nn.Conv3d(v.channels, width, size, size, bias=v.patch_bias)
        self.position = nn.Parameter(0.02 * torch.randn(v.grid**2, width))
        self.time = nn.Parameter(0.02 * torch.randn(c.frames // c.tubelet_frames, width))
        self.blocks = nn.ModuleList(Block(v.block) for _ in range(v.layers))
        self.norm = make_norm(v.block.norm, width, v.block.norm_eps)

    def tubelets(self, frames: int, height_px: int, width_px: int) -> tuple[int, int, int]:
        """Tubelets in time, rows and columns of such a video.

        Raises:
            ValueError: a rest of frames, or a picture smaller than a patch.
        """
        k, p = self.config.tubelet_frames, self.config.vit.patch_px
        if frames < 1 or frames % k:
            raise ValueError(f"{frames} frames are no whole number of tubelets of {k}")
        if height_px < p or width_px < p:
            raise ValueError(f"a video of {height_px} x {width_px} px is smaller than a patch of {p} px")
        return frames // k, height_px // p, width_px // p

    def forward(self, video: Tensor) -> Tensor:
        """video float32[B,F,C,height,width] -> [B,T*R*S,W]."""
        channels = self.config.vit.channels
        if video.ndim != 5 or video.shape[2] != channels:
            raise ValueError(f"videos must be [B,F,{channels},height,width], not {list(video.shape)}")
        steps, rows, columns = self.tubelets(video.shape[1], video.shape[3], video.shape[4])
        x = self.patch(video.transpose(1, 2)).flatten(3).permute(0, 2, 3, 1)
        x = x + resize_positions(self.position, rows, columns) + self._times(steps)[:, None]
        x = x.flatten(1, 2)
        for block in self.blocks:
            x = block(x)
        return self.norm(x)  # type: ignore[no-any-return]

    def _times(self, steps: int) -> Tensor:
        """Learned positions in time for another number of tubelets: [T,W]."""
        if steps == self.time.shape[0]:
            return self.time
        line = F.interpolate(self.time.float().T[None], size=steps, mode="linear", align_corners=False)
        return line[0].T.to(self.time.dtype)


def from_image_model(vit: ViT, *, frames: int, tubelet_frames: int) -> VideoViT:
    """A video encoder that begins as a trained picture encoder (Arnab et al. 2021, section 3.4).

    Central frame initialisation: each tubelet first looks at its middle frame alone; all moments begin alike.

    Raises:
        ValueError: a configuration that `VideoConfig` refuses.
    """
    video = VideoViT(VideoConfig(frames=frames, tubelet_frames=tubelet_frames, vit=vit.config))
    own = {k: v.clone() for k, v in vit.state_dict().items()}
    kernel = torch.zeros_like(video.patch.weight)
    kernel[:, :, tubelet_frames // 2] = own["patch.weight"]
    video.load_state_dict({**own, "patch.weight": kernel, "time": torch.zeros_like(video.time)})
    return video
