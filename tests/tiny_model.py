"""A model, pictures and shards small enough for tests of everything that needs torch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from agent.training.perception import Names
from agent.training.shards import Picture, SeenObject, Sentence, write_shard
from agent.vlm.config import DecoderConfig, VisionConfig, VLMConfig
from agent.vlm.model import VLM
from tests.tiny import tiny_tokenizer

NAMES = Names(colours=("red", "green"), kinds=("block", "bowl"), sizes=("small", "large"))


def tiny_config() -> VLMConfig:
    return VLMConfig(
        decoder=DecoderConfig(
            layers=2, width=48, heads=3, kv_heads=1, head_width=16, ffn_width=64,
            vocabulary=tiny_tokenizer().get_vocab_size(),
        ),
        vision=VisionConfig(image_px=64, stem=(8, 8, 8), width=16, layers=1, heads=2, grid=4, map_grid=16, map_width=8),
    )  # fmt: skip


def tiny_model(seed: int = 0) -> VLM:
    """Untrained, in evaluation mode, with statistics that a batch norm can show."""
    torch.manual_seed(seed)
    model = VLM(tiny_config())
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.uniform_(-0.1, 0.1)  # type: ignore[union-attr]
            module.running_var.uniform_(0.8, 1.2)  # type: ignore[union-attr]
    return model.eval()


def tiny_picture(seed: int) -> Picture:
    """A red block somewhere left, a green bowl somewhere right, two sentences about them."""
    rng = np.random.default_rng(seed)
    rgb = np.full((64, 64, 3), 120, np.uint8)
    grid = np.zeros((16, 16), np.uint8)
    r, c, d = (int(rng.integers(2, 13)), int(rng.integers(1, 6)), int(rng.integers(9, 13)))
    for i, (col, colour) in enumerate(((c, (200, 20, 20)), (d, (20, 150, 40)))):
        grid[r : r + 2, col : col + 2] = i + 1
        rgb[4 * r : 4 * r + 8, 4 * col : 4 * col + 8] = colour
    red, green = (4 * r + 4, 4 * c + 4), (4 * r + 4, 4 * d + 4)
    place = f"place(in green bowl @ {green[0]} {green[1]})\ndone()"
    return Picture(
        seed=seed,
        rgb=rgb,
        grid=grid,
        state=np.zeros(5, np.float32),
        objects=(
            SeenObject(colour="red", kind="block", size="small", point=red),
            SeenObject(colour="green", kind="bowl", size="large", point=green),
        ),
        sentences=(
            Sentence(
                family="put", instruction="Put the red block in the green bowl.", history=(),
                plan=f"pick(red block @ {red[0]} {red[1]})\n{place}",
            ),
            Sentence(
                family="put", instruction="push the red block and pick", plan=place,
                history=(("pick(red block)", "grasp failed"), ("pick(red block)", "succeeded")),
            ),
            Sentence(
                family="absent", instruction="pick the blue bowl", history=(), plan="pick(blue bowl)\ndone()",
                marks=(("blue bowl", ()),),
            ),
        ),
    )  # fmt: skip


def tiny_shards(folder: Path, count: int = 24) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    write_shard(folder / "pictures-0000000.safetensors", [tiny_picture(i) for i in range(count)])
    return folder
